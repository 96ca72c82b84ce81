package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const (
	nodeName = "node-0"
	// The second of the networks that RFC 5737 sets aside for documentation. Each
	// cluster on this machine takes four of them, for the two ends of its link.
	linkNetwork   = "198.51.100."
	linkPrefix    = "/30"
	links         = 64
	clusterDomain = "cluster.local"
	cgroupPrefix  = "drover-node-"
	// A killed container's memory is given back by and by.
	cgroupAttempts = 50
	cgroupPause    = 100 * time.Millisecond
)

// nodeTools are the programs that a real node needs of this machine.
var nodeTools = []string{"containerd", "containerd-shim-runc-v2", "ctr", "ip", "iptables", "runc"}

const networkPlugins = "/usr/lib/cni"

// link is the way between the control plane, in this machine's own network, and the node, in a
// network namespace.
type link struct {
	number int // from 0
}

func (l link) device() string { return "drover" + strconv.Itoa(l.number) }

// host is the address of the control plane.
func (l link) host() string { return linkNetwork + strconv.Itoa(4*l.number+1) }

func (l link) node() string { return linkNetwork + strconv.Itoa(4*l.number+2) }

// nodePlan is what the first program of the node reads on its stdin.
type nodePlan struct {
	Address string
	Files   string // directory of configurations
	Logs    string
	Bin     string
	Images  []nodeImage
}

type nodeImage struct{ Name, File string }

// missingForNode says what a real node lacks here.
func missingForNode() error {
	if os.Geteuid() != 0 {
		return errors.New("needs root, for namespaces and control groups")
	}
	for _, tool := range nodeTools {
		if _, err := exec.LookPath(tool); err != nil {
			return fmt.Errorf("needs %s on the PATH", tool)
		}
	}
	for _, plugin := range []string{"bridge", "host-local", "loopback", "portmap"} {
		if _, err := os.Stat(filepath.Join(networkPlugins, plugin)); err != nil {
			return fmt.Errorf("needs the network plugins: %w", err)
		}
	}
	return nil
}

// openNode starts the first program of the node, which waits, and makes the link to it.
func (c *cluster) openNode() error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	plan, feed, err := os.Pipe()
	if err != nil {
		return err
	}
	defer plan.Close()
	c.feed = feed
	command := exec.Command(self, nodeCommand)
	command.Stdin = plan
	// The node's name, processes, mounts and network are its own, so all of it ends with this one.
	namespaces := syscall.CLONE_NEWUTS | syscall.CLONE_NEWPID | syscall.CLONE_NEWNS | syscall.CLONE_NEWNET | syscall.CLONE_NEWIPC
	if err := c.running.launch("node", command, uintptr(namespaces)); err != nil {
		return err
	}
	c.link, err = newLink(command.Process.Pid)
	return err
}

// newLink takes the first device that no other cluster has; it goes with the process' network.
func newLink(pid int) (link, error) {
	last := errors.New("all of its addresses are in use")
	for number := range links {
		l := link{number: number}
		if l.inUse() {
			continue
		}
		last = ip("link", "add", l.device(), "type", "veth", "peer", "name", "eth0", "netns", strconv.Itoa(pid))
		if last == nil {
			return l, errors.Join(
				ip("addr", "add", l.host()+linkPrefix, "dev", l.device()),
				ip("link", "set", l.device(), "up"))
		}
		if !strings.Contains(last.Error(), "File exists") {
			break
		}
	}
	return link{}, fmt.Errorf("no link to the node's network: %w", last)
}

// inUse says whether this machine is in a network that has the link's addresses.
func (l link) inUse() bool {
	addresses, _ := net.InterfaceAddrs()
	for _, address := range addresses {
		if network, ok := address.(*net.IPNet); ok && network.Contains(net.ParseIP(l.host())) {
			return true
		}
	}
	return false
}

func ip(arguments ...string) error { return tool("ip", arguments...) }

func tool(name string, arguments ...string) error {
	if output, err := exec.Command(name, arguments...).CombinedOutput(); err != nil {
		return fmt.Errorf("%s %s: %w: %s", name, strings.Join(arguments, " "), err, strings.TrimSpace(string(output)))
	}
	return nil
}

// startNode writes what the node's programs read, and lets the node go on.
func (c *cluster) startNode() error {
	defer c.feed.Close()
	sweepCgroups()
	if err := makeCgroups(c.cgroup()); err != nil {
		return fmt.Errorf("control groups of the node: %w", err)
	}
	pause := c.path("node", "pause.tar")
	self, err := os.Executable()
	if err != nil {
		return err
	}
	if err := writeImage(pause, self, pauseCommand); err != nil {
		return fmt.Errorf("image of a pod's first container: %w", err)
	}
	for name, content := range map[string]any{
		"kubelet.json":    c.kubeletConfiguration(),
		"kube-proxy.json": c.proxyConfiguration(),
		"cni/10-drover.conflist": object{
			"cniVersion": "0.4.0",
			"name":       "drover",
			"plugins": []object{
				{
					"type": "bridge", "bridge": "cni0", "isGateway": true, "ipMasq": true, "hairpinMode": true,
					"ipam": object{
						"type": "host-local", "dataDir": nodeState + "/cni",
						"ranges": [][]object{{{"subnet": podRange}}}, "routes": []object{{"dst": "0.0.0.0/0"}},
					},
				},
				{"type": "portmap", "capabilities": object{"portMappings": true}},
			},
		},
	} {
		if err := writeJSON(c.path("node", name), content); err != nil {
			return err
		}
	}
	for name, content := range map[string]string{
		"containerd.toml": c.containerdConfiguration(),
		"Corefile":        c.nameServerConfiguration(),
		"resolv.conf":     "nameserver " + c.link.node() + "\n",
	} {
		if err := os.WriteFile(c.path("node", name), []byte(content), 0o600); err != nil {
			return err
		}
	}
	return json.NewEncoder(c.feed).Encode(nodePlan{
		Address: c.link.node(),
		Files:   c.path("node"),
		Logs:    c.path("logs"),
		Bin:     c.bin,
		Images:  append([]nodeImage{{Name: pauseImage, File: pause}}, c.images...),
	})
}

func (c *cluster) containerdConfiguration() string {
	return fmt.Sprintf(`version = 2
root = %q
state = %q
[grpc]
  address = %q
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = %q
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = %q
    conf_dir = %q
`, nodeState+"/containerd", nodeState+"/containerd-state", containerdSocket, pauseImage, networkPlugins, c.path("node", "cni"))
}

func (c *cluster) kubeletConfiguration() object {
	return object{
		"apiVersion":               "kubelet.config.k8s.io/v1beta1",
		"kind":                     "KubeletConfiguration",
		"authentication":           object{"anonymous": object{"enabled": false}, "x509": object{"clientCAFile": c.cert("ca.crt")}},
		"containerRuntimeEndpoint": "unix://" + containerdSocket,
		"cgroupDriver":             "cgroupfs",
		"cgroupRoot":               "/" + c.cgroup(),
		"failCgroupV1":             false,
		"failSwapOn":               false,
		"tlsCertFile":              c.cert("kubelet.crt"),
		"tlsPrivateKeyFile":        c.cert("kubelet.key"),
		"healthzPort":              0,
		"resolvConf":               c.path("node", "resolv.conf"),
		"clusterDNS":               []string{c.link.node()},
		"clusterDomain":            clusterDomain,
		"podLogsDir":               c.path("pods"),
		"volumePluginDir":          nodeState + "/volume-plugins",
		// This machine's disk is not the node's business.
		"evictionHard": object{"memory.available": "100Mi", "nodefs.available": "0%", "nodefs.inodesFree": "0%", "imagefs.available": "0%"},
		// So that a test waits for what it tests, and not for the kubelet's next turn.
		"syncFrequency":             "5s",
		"nodeStatusUpdateFrequency": "2s",
		"nodeLeaseDurationSeconds":  8,
		"serializeImagePulls":       false,
		"kubeAPIQPS":                100,
		"kubeAPIBurst":              200,
	}
}

// nameServerConfiguration is for the cluster's names and no others: a node has no way out.
func (c *cluster) nameServerConfiguration() string {
	return fmt.Sprintf(".:53 {\n  bind %s\n  errors\n  kubernetes %s {\n    kubeconfig %s\n  }\n}\n",
		c.link.node(), clusterDomain, c.path("admin.kubeconfig"))
}

func (c *cluster) proxyConfiguration() object {
	return object{
		"apiVersion":         "kubeproxy.config.k8s.io/v1alpha1",
		"kind":               "KubeProxyConfiguration",
		"mode":               "iptables",
		"hostnameOverride":   nodeName,
		"clusterCIDR":        podRange,
		"clientConnection":   object{"kubeconfig": c.path("kubeconfigs", "kube-proxy.kubeconfig")},
		"healthzBindAddress": "127.0.0.1:10256",
		"metricsBindAddress": "127.0.0.1:10249",
		// Limits of the whole machine.
		"conntrack": object{"maxPerCore": 0, "min": 0, "tcpEstablishedTimeout": "0s", "tcpCloseWaitTimeout": "0s"},
		"iptables":  object{"minSyncPeriod": "100ms"},
	}
}

// cgroup is where the node's pods are, so that they are no other kubelet's.
func (c *cluster) cgroup() string { return cgroupPrefix + strconv.Itoa(os.Getpid()) }

// hierarchies are the mounts of control groups: one for each controller, or a unified one.
func hierarchies() []string {
	mounts, err := os.ReadFile("/proc/mounts")
	if err != nil {
		return nil
	}
	var found []string
	for line := range strings.Lines(string(mounts)) {
		if fields := strings.Fields(line); len(fields) > 2 && (fields[2] == "cgroup" || fields[2] == "cgroup2") {
			found = append(found, fields[1])
		}
	}
	return found
}

func makeCgroups(name string) error {
	for _, hierarchy := range hierarchies() {
		group := filepath.Join(hierarchy, name)
		if err := os.Mkdir(group, 0o755); err != nil && !errors.Is(err, os.ErrExist) {
			return err
		}
		// A new group of cpuset has no processor and no memory.
		for _, file := range []string{"cpuset.cpus", "cpuset.mems"} {
			parent, err := os.ReadFile(filepath.Join(hierarchy, file))
			if err != nil {
				continue // another controller
			}
			if err := os.WriteFile(filepath.Join(group, file), parent, 0o644); err != nil {
				return err
			}
		}
	}
	return nil
}

// removeCgroups removes groups whose processes have been killed.
func removeCgroups(name string) {
	for _, hierarchy := range hierarchies() {
		for range cgroupAttempts {
			if removeCgroup(filepath.Join(hierarchy, name)) {
				break
			}
			time.Sleep(cgroupPause)
		}
	}
}

// removeCgroup removes a group after those in it.
func removeCgroup(group string) bool {
	inner, err := os.ReadDir(group)
	if err != nil {
		return errors.Is(err, os.ErrNotExist)
	}
	all := true
	for _, one := range inner {
		if one.IsDir() {
			all = removeCgroup(filepath.Join(group, one.Name())) && all
		}
	}
	return all && syscall.Rmdir(group) == nil
}

// sweepCgroups removes what killed clusters have left: a name says whose it was.
func sweepCgroups() {
	for _, hierarchy := range hierarchies() {
		entries, _ := os.ReadDir(hierarchy)
		for _, entry := range entries {
			owner, ours := strings.CutPrefix(entry.Name(), cgroupPrefix)
			if pid, err := strconv.Atoi(owner); ours && err == nil && errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
				removeCgroup(filepath.Join(hierarchy, entry.Name()))
			}
		}
	}
}

// labelNode waits for all that a kubelet makes of its node, and adds what an installer would.
func labelNode(ctx context.Context, a *api) error {
	path := "/api/v1/nodes/" + nodeName
	for _, made := range []string{path, "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/" + nodeName} {
		if err := waitFor(ctx, a, made); err != nil {
			return err
		}
	}
	return a.call(ctx, http.MethodPatch, path, object{"metadata": object{"labels": object{"node-role.kubernetes.io/control-plane": "true"}}}, nil)
}

func writeJSON(file string, content any) error {
	text, err := json.MarshalIndent(content, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return err
	}
	return os.WriteFile(file, append(text, '\n'), 0o600)
}

// apiAddress is host:port of the API server, wherever it listens.
func (c *cluster) apiAddress() string { return net.JoinHostPort(c.host(), strconv.Itoa(c.ports.api)) }

// nodeHost is the address of the kubelet.
func (c *cluster) nodeHost() string {
	if c.realNode {
		return c.link.node()
	}
	return "127.0.0.1"
}

// host is the address of the API server.
func (c *cluster) host() string {
	if c.realNode {
		return c.link.host()
	}
	return "127.0.0.1"
}
