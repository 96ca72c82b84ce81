package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"
)

const (
	// What this program is inside a node, by its first argument.
	nodeCommand  = "node-init"
	pauseCommand = "pause"

	pauseImage = "drover.example/pause:1"
	// All that a node writes: in memory, seen by nobody else, and gone with it.
	nodeState        = "/run/drover"
	nodeStateLimit   = "size=4g"
	containerdSocket = "/run/containerd/containerd.sock"
	containerdLimit  = 30 * time.Second
)

// wholeMachine are the kernel's values that a kubelet sets to its taste. It gets copies to write to:
// they are the whole machine's.
var wholeMachine = []string{
	"/proc/sys/kernel/keys/root_maxbytes",
	"/proc/sys/kernel/keys/root_maxkeys",
	"/proc/sys/kernel/panic",
	"/proc/sys/kernel/panic_on_oops",
	"/proc/sys/vm/overcommit_memory",
	"/proc/sys/vm/panic_on_oom",
}

// pause keeps a pod's namespaces until it is told to end.
func pause() {
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM, syscall.SIGINT)
	<-stop
}

// nodeInit is the first process of a node. It never returns well: a node ends by being killed.
func nodeInit() error {
	var plan nodePlan
	if err := json.NewDecoder(os.Stdin).Decode(&plan); err != nil {
		return fmt.Errorf("no plan on stdin: %w", err)
	}
	if err := enterNode(plan); err != nil {
		return err
	}
	programs := map[int]string{}
	start := func(name, path string, arguments ...string) error {
		log, err := os.OpenFile(filepath.Join(plan.Logs, name+".log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
		if err != nil {
			return err
		}
		defer log.Close()
		// Not by exec.Cmd, which would wait for one process: the first process has to wait for all.
		pid, err := syscall.ForkExec(path, append([]string{name}, arguments...), &syscall.ProcAttr{
			Env: os.Environ(), Files: []uintptr{os.Stdin.Fd(), log.Fd(), log.Fd()},
		})
		if err != nil {
			return fmt.Errorf("starting %s: %w", name, err)
		}
		programs[pid] = name
		return nil
	}

	containerd, err := exec.LookPath("containerd")
	if err != nil {
		return err
	}
	if err := start("containerd", containerd, "--config="+filepath.Join(plan.Files, "containerd.toml")); err != nil {
		return err
	}
	if err := await(containerdLimit, func() error { return tool("ctr", "version") }); err != nil {
		return err
	}
	for _, image := range plan.Images {
		err := tool("ctr", "--namespace=k8s.io", "images", "import", "--index-name="+image.Name, image.File)
		if err != nil {
			return fmt.Errorf("image %s: %w", image.Name, err)
		}
	}
	kubeconfigs := filepath.Join(plan.Files, "..", "kubeconfigs")
	if err := errors.Join(
		start("kubelet", filepath.Join(plan.Bin, "kubelet"),
			"--config="+filepath.Join(plan.Files, "kubelet.json"),
			"--kubeconfig="+filepath.Join(kubeconfigs, "kubelet.kubeconfig"),
			"--root-dir="+nodeState+"/kubelet",
			"--hostname-override="+nodeName,
			"--node-ip="+plan.Address),
		start("kube-proxy", filepath.Join(plan.Bin, "kube-proxy"),
			"--config="+filepath.Join(plan.Files, "kube-proxy.json")),
		start("coredns", filepath.Join(plan.Bin, "coredns"), "-conf="+filepath.Join(plan.Files, "Corefile")),
	); err != nil {
		return err
	}
	for {
		var status syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &status, 0, nil)
		if errors.Is(err, syscall.EINTR) {
			continue
		}
		if err != nil {
			return fmt.Errorf("waiting for the node's programs: %w", err)
		}
		if name, ours := programs[pid]; ours {
			return fmt.Errorf("%s died with %v; see %s.log beside this one", name, status, name)
		}
	}
}

// enterNode gives the node its mounts and its network.
func enterNode(plan nodePlan) error {
	private := uintptr(syscall.MS_REC | syscall.MS_SLAVE)
	err := errors.Join(
		syscall.Sethostname([]byte(nodeName)),
		syscall.Mount("", "/", "", private, ""),
		syscall.Mount("proc", "/proc", "proc", 0, ""),
		syscall.Mount("tmpfs", "/run", "tmpfs", 0, nodeStateLimit),
		// The kubelet keeps links to logs there.
		syscall.Mount("tmpfs", "/var/log", "tmpfs", 0, nodeStateLimit),
		os.Mkdir(nodeState, 0o711),
	)
	for _, value := range wholeMachine {
		shown, read := os.ReadFile(value)
		own := filepath.Join(nodeState, filepath.Base(value))
		err = errors.Join(err, read, os.WriteFile(own, shown, 0o600), syscall.Mount(own, value, "", syscall.MS_BIND, ""))
	}
	if err != nil {
		return fmt.Errorf("mounts of the node: %w", err)
	}
	return errors.Join(
		ip("link", "set", "lo", "up"),
		ip("addr", "add", plan.Address+linkPrefix, "dev", "eth0"),
		ip("link", "set", "eth0", "up"),
		os.WriteFile("/proc/sys/net/ipv4/ip_forward", []byte("1"), 0o644))
}

// await repeats a step until it does not fail.
func await(limit time.Duration, step func() error) error {
	deadline := time.Now().Add(limit)
	for {
		err := step()
		if err == nil || time.Now().After(deadline) {
			return err
		}
		time.Sleep(100 * time.Millisecond)
	}
}
