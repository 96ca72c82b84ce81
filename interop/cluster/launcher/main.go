// Command drover-cluster runs a real Kubernetes control plane on this machine, with simulated
// nodes and pods: etcd, kube-apiserver, kube-controller-manager, kube-scheduler, kwok for the life
// of nodes and pods, and drover-kubelet for exec, logs, attach and port-forward. With --bare it is
// etcd and kube-apiserver only, so that objects stay as they are written.
//
// It listens on loopback only, needs no root, no container runtime and no network, and leaves
// nothing running behind. See ../../README.md.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const (
	serviceRange   = "10.96.0.0/16"
	firstServiceIP = "10.96.0.1"
	podRange       = "10.244.0.0/16"

	startTimeout = 2 * time.Minute
	// More for each node or pod. Measured: 4 ms, where all runs on one core.
	startTimeoutEach = 20 * time.Millisecond
	// Attempts to start when another program was faster to take a port.
	startAttempts = 3
)

// bareWithout are the admission plugins that refuse or change what a bare cluster is given: pods of
// a ServiceAccount that no controller made, new nodes that are not yet ready, and objects that
// leave their class to the default.
var bareWithout = []string{"ServiceAccount", "TaintNodesByCondition", "DefaultStorageClass", "DefaultIngressClass"}

// options is the command line.
type options struct {
	bin, dir          string
	nodes, pods       int
	nodeHeartbeat     time.Duration
	apiListen         string
	nodePortRange     string
	kubernetesVersion string
	scheduler         bool
	exitWithStdin     bool
	apiServerFlags    []string
	bare              bool
	metrics           string // file with the nodes' usage
	realNode          bool
	images            []nodeImage // of the real node
}

// ready is the one line on stdout.
type ready struct {
	Kubeconfig  string         `json:"kubeconfig"`
	APIServer   string         `json:"apiServer"` // host:port, as an agent takes it for the service's
	CA          string         `json:"ca"`
	Version     string         `json:"version"`
	Dir         string         `json:"dir"`
	Pods        string         `json:"pods"` // directory of the pods' files and logs
	KubeletPort int            `json:"execPort"`
	Namespace   string         `json:"namespace"`
	Nodes       int            `json:"nodes"`
	PIDs        map[string]int `json:"pids"`
	StartMillis int64          `json:"startMillis"`
}

func main() {
	// The kernel kills the programs when the thread that started them ends; the main thread ends
	// with this process and never before.
	runtime.LockOSThread()

	if len(os.Args) > 1 && os.Args[1] == pauseCommand {
		pause()
		return
	}
	if len(os.Args) > 1 && os.Args[1] == nodeCommand {
		fmt.Fprintln(os.Stderr, "drover-cluster:", nodeInit())
		os.Exit(1)
	}
	o, err := parse(os.Args[1:], os.Stderr)
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "drover-cluster:", err)
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP)
	defer stop()
	if o.exitWithStdin {
		go func() {
			_, _ = io.Copy(io.Discard, os.Stdin)
			stop()
		}()
	}
	if err := run(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "drover-cluster:", err)
		os.Exit(1)
	}
}

func parse(args []string, stderr io.Writer) (options, error) {
	var o options
	flags := flag.NewFlagSet("drover-cluster", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&o.bin, "bin", "", "`DIRECTORY` that interop/build printed (default: where this program is)")
	flags.StringVar(&o.dir, "dir", "", "`DIRECTORY` for certificates, kubeconfig and logs; emptied of an older cluster (required)")
	flags.IntVar(&o.nodes, "nodes", 2, "number of nodes")
	flags.IntVar(&o.pods, "pods", 4, "number of pods of the Deployment \"web\"")
	flags.DurationVar(&o.nodeHeartbeat, "node-heartbeat", 0, "`TIME` after which a node's status is written again, give or take a tenth; a kubelet's is 5m (default: kwok's own, 10m)")
	flags.StringVar(&o.apiListen, "api-listen", "127.0.0.1:0", "address of the API server, on 127.0.0.1")
	flags.StringVar(&o.nodePortRange, "service-node-port-range", "", "ports for Services of type NodePort, like 30000-30100 (default: Kubernetes' own)")
	flags.StringVar(&o.kubernetesVersion, "kubernetes-version", "", "version that the API server claims, like v1.36.2+k3s1 (default: its own)")
	flags.BoolVar(&o.scheduler, "scheduler", true, "run the scheduler; without it the pods are created on their nodes")
	flags.BoolVar(&o.exitWithStdin, "exit-with-stdin", false, "exit when stdin is closed")
	flags.Func("api-server-flag", "`--FLAG=VALUE` to pass on to kube-apiserver; repeatable", func(value string) error {
		o.apiServerFlags = append(o.apiServerFlags, value)
		return nil
	})
	flags.BoolVar(&o.bare, "bare", false, "run only etcd and kube-apiserver, with no objects of ours: what is written stays as it is")
	flags.StringVar(&o.metrics, "metrics", "", "JSON `FILE` with the nodes' usage, like {\"nodes\":{\"NAME\":{\"cpu\":\"250m\",\"memory\":\"1Gi\"}}}, to serve as metrics.k8s.io (default: not served)")
	flags.BoolVar(&o.realNode, "real-node", false, "in place of the simulated nodes and pods run one real node, of containerd, a kubelet and kube-proxy, in a network namespace; as root")
	flags.Func("image", "`NAME=FILE` of an image that the real node has, as an OCI archive; repeatable", func(value string) error {
		name, file, ok := strings.Cut(value, "=")
		if !ok {
			return errors.New("write it as NAME=FILE")
		}
		o.images = append(o.images, nodeImage{Name: name, File: file})
		return nil
	})
	if err := flags.Parse(args); err != nil {
		return o, err
	}

	var problems []string
	if o.realNode {
		flags.Visit(func(given *flag.Flag) {
			switch given.Name {
			case "bare", "nodes", "pods", "scheduler", "node-heartbeat", "api-listen", "metrics":
				problems = append(problems, fmt.Sprintf("--%s: not with --real-node, which simulates nothing", given.Name))
			}
		})
		o.nodes, o.pods = 1, 0
		if err := missingForNode(); err != nil {
			problems = append(problems, "--real-node: "+err.Error())
		}
	} else if len(o.images) > 0 {
		problems = append(problems, "--image: only with --real-node")
	}
	if o.bare {
		flags.Visit(func(given *flag.Flag) {
			switch given.Name {
			case "nodes", "pods", "scheduler", "node-heartbeat":
				problems = append(problems, fmt.Sprintf("--%s: not with --bare, which makes no objects", given.Name))
			}
		})
		o.nodes, o.pods, o.scheduler = 0, 0, false
	} else if o.nodes < 1 {
		problems = append(problems, "--nodes: at least one")
	}
	if o.metrics != "" {
		if _, err := readUsage(o.metrics); err != nil {
			problems = append(problems, "--metrics: "+err.Error())
		}
	}
	if flags.NArg() > 0 {
		problems = append(problems, fmt.Sprintf("unexpected argument %q", flags.Arg(0)))
	}
	if o.dir == "" {
		problems = append(problems, "--dir: name a directory for the cluster's files")
	}
	if o.pods < 0 {
		problems = append(problems, "--pods: zero or more")
	}
	if o.nodeHeartbeat != 0 && o.nodeHeartbeat < time.Second {
		problems = append(problems, "--node-heartbeat: a second or more")
	}
	if host, _, err := net.SplitHostPort(o.apiListen); err != nil || host != "127.0.0.1" {
		problems = append(problems, fmt.Sprintf("--api-listen %q: write it as 127.0.0.1:PORT, 0 for any port", o.apiListen))
	}
	if o.bin == "" {
		program, err := os.Executable()
		if err != nil {
			problems = append(problems, "--bin: "+err.Error())
		}
		o.bin = filepath.Dir(program)
	}
	if _, err := os.Stat(filepath.Join(o.bin, "kube-apiserver")); o.bin != "" && err != nil {
		problems = append(problems, fmt.Sprintf("--bin %s: has no kube-apiserver; give the directory that interop/build cluster prints", o.bin))
	}
	if len(problems) > 0 {
		return o, errors.New(strings.Join(problems, "\n  "))
	}
	return o, nil
}

// run starts the cluster, reports it, and stays until the context ends or a program dies.
func run(ctx context.Context, o options) error {
	dir, err := filepath.Abs(o.dir)
	if err != nil {
		return fmt.Errorf("--dir: %w", err)
	}
	bin, err := filepath.Abs(o.bin)
	if err != nil {
		return fmt.Errorf("--bin: %w", err)
	}
	o.dir, o.bin = dir, bin

	for attempt := 1; ; attempt++ {
		c := &cluster{options: o, started: time.Now()}
		err := c.run(ctx)
		var death *deathError
		if errors.As(err, &death) && death.portTaken() && !c.up {
			if death.name == "kube-apiserver" && !strings.HasSuffix(o.apiListen, ":0") {
				return fmt.Errorf("--api-listen %s: another program listens there; choose another port, or 0 for any", o.apiListen)
			}
			if attempt < startAttempts {
				c.say("another program took a port, starting again")
				continue
			}
		}
		if ctx.Err() != nil {
			return nil // asked to stop, perhaps in the middle of starting
		}
		return err
	}
}

// cluster is one attempt.
type cluster struct {
	options
	started time.Time
	up      bool
	data    string // etcd's files
	ports   struct{ etcd, etcdPeer, api, kubelet, kwok, metrics int }
	running *children
	link    link     // to the real node
	feed    *os.File // what the real node waits for
}

func (c *cluster) say(text string) {
	dim, plain := "", ""
	if info, err := os.Stderr.Stat(); err == nil && info.Mode()&os.ModeCharDevice != 0 {
		dim, plain = "\033[2m", "\033[0m"
	}
	fmt.Fprintf(os.Stderr, "drover-cluster %s%5.1fs%s %s\n", dim, time.Since(c.started).Seconds(), plain, text)
}

func (c *cluster) path(parts ...string) string {
	return filepath.Join(append([]string{c.dir}, parts...)...)
}

func (c *cluster) cert(file string) string { return c.path("certificates", file) }

func (c *cluster) run(ctx context.Context) error {
	c.running = &children{
		bin: c.bin, logs: c.path("logs"), home: c.path("home"), died: make(chan *child, 16),
	}
	if c.realNode {
		defer removeCgroups(c.cgroup())
	}
	defer c.running.stop()
	if err := c.prepare(); err != nil {
		return err
	}
	defer os.RemoveAll(c.data)
	if c.metrics != "" {
		stop, err := c.serveMetrics()
		if err != nil {
			return fmt.Errorf("--metrics: %w", err)
		}
		defer stop()
	}

	starting, cancel := context.WithTimeout(ctx, startTimeout+time.Duration(c.nodes+c.pods)*startTimeoutEach)
	defer cancel()
	line, err := c.start(starting)
	if err != nil {
		return err
	}
	c.up = true
	restart := make(chan os.Signal, 1)
	signal.Notify(restart, syscall.SIGUSR1)
	defer signal.Stop(restart)
	if err := json.NewEncoder(os.Stdout).Encode(line); err != nil {
		return err
	}
	c.say("ready: kubectl --kubeconfig " + line.Kubeconfig)
	for {
		select {
		case <-ctx.Done():
			c.say("stopping")
			return nil
		case dead := <-c.running.died:
			return dead.death()
		case <-restart:
			c.say("restarting kube-apiserver")
			if err := c.running.restart("kube-apiserver"); err != nil {
				return err
			}
		}
	}
}

// prepare makes the directories and files that the programs start from, and picks their ports.
func (c *cluster) prepare() error {
	for _, old := range []string{"certificates", "logs", "home", "pods", "kubeconfigs", "node", "admin.kubeconfig"} {
		if err := os.RemoveAll(c.path(old)); err != nil {
			return fmt.Errorf("--dir: %w", err)
		}
	}
	for _, one := range []string{"certificates", "logs", "home", "pods", "kubeconfigs", "node"} {
		if err := os.MkdirAll(c.path(one), 0o700); err != nil {
			return fmt.Errorf("--dir: %w", err)
		}
	}
	data, err := dataDirectory(c.dir)
	if err != nil {
		return fmt.Errorf("directory for etcd: %w", err)
	}
	c.data = data
	if c.realNode {
		if err := c.openNode(); err != nil {
			return fmt.Errorf("--real-node: %w", err)
		}
	}
	if err := makeCertificates(c.path("certificates"), net.ParseIP(c.host()), net.ParseIP(c.nodeHost())); err != nil {
		return fmt.Errorf("certificates: %w", err)
	}
	if err := freePorts(&c.ports.etcd, &c.ports.etcdPeer, &c.ports.api, &c.ports.kubelet, &c.ports.kwok); err != nil {
		return err
	}
	if _, port, _ := net.SplitHostPort(c.apiListen); port != "0" {
		fixed, err := strconv.Atoi(port)
		if err != nil {
			return fmt.Errorf("--api-listen: %w", err)
		}
		c.ports.api = fixed
	}
	for _, user := range []string{"admin", "controller-manager", "kube-proxy", "kubelet", "scheduler"} {
		config, err := kubeconfig(c.path("certificates"), "https://"+c.apiAddress(), user)
		if err != nil {
			return err
		}
		content, err := json.MarshalIndent(config, "", "  ")
		if err != nil {
			return err
		}
		file := c.path("kubeconfigs", user+".kubeconfig")
		if user == "admin" {
			file = c.path("admin.kubeconfig")
		}
		if err := os.WriteFile(file, append(content, '\n'), 0o600); err != nil {
			return err
		}
	}
	return nil
}

// start brings the programs up in the order of their needs, and fills the cluster.
func (c *cluster) start(ctx context.Context) (*ready, error) {
	if err := c.startStore(); err != nil {
		return nil, err
	}
	a, err := newAPI(c.path("certificates"), c.apiAddress())
	if err != nil {
		return nil, err
	}
	c.say("etcd and kube-apiserver started")
	if err := c.await(ctx, "kube-apiserver", func() error { return c.healthy(ctx, a) }); err != nil {
		return nil, err
	}
	c.say("kube-apiserver is ready")

	if c.bare {
		if err := waitFor(ctx, a, "/api/v1/namespaces/kube-system"); err != nil {
			return nil, err
		}
	} else if err := c.startControllers(); err != nil {
		return nil, err
	}
	var version struct{ GitVersion string }
	if err := a.call(ctx, http.MethodGet, "/version", nil, &version); err != nil {
		return nil, err
	}
	if !c.bare {
		if err := c.await(ctx, "fixtures", func() error { return c.fill(ctx, a, version.GitVersion) }); err != nil {
			return nil, err
		}
	}
	if c.metrics != "" {
		if err := c.await(ctx, "metrics", func() error { return c.publishMetrics(ctx, a) }); err != nil {
			return nil, err
		}
	}

	pids := map[string]int{}
	for _, one := range c.running.started {
		pids[one.name] = one.cmd.Process.Pid
	}
	return &ready{
		Kubeconfig:  c.path("admin.kubeconfig"),
		APIServer:   c.apiAddress(),
		CA:          c.cert("ca.crt"),
		Version:     version.GitVersion,
		Dir:         c.dir,
		Pods:        c.path("pods"),
		KubeletPort: c.ports.kubelet,
		Namespace:   fixtureNamespace,
		Nodes:       c.nodes,
		PIDs:        pids,
		StartMillis: time.Since(c.started).Milliseconds(),
	}, nil
}

// await runs a step that waits for the programs, and ends early if one of them dies.
func (c *cluster) await(ctx context.Context, what string, step func() error) error {
	done := make(chan error, 1)
	go func() { done <- step() }()
	select {
	case err := <-done:
		if err != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
		return nil
	case dead := <-c.running.died:
		return dead.death()
	}
}

func (c *cluster) startStore() error {
	etcd := []string{
		"--name=drover",
		"--data-dir=" + c.data,
		"--unsafe-no-fsync",
		"--listen-client-urls=https://" + local(c.ports.etcd),
		"--advertise-client-urls=https://" + local(c.ports.etcd),
		"--listen-peer-urls=https://" + local(c.ports.etcdPeer),
		"--initial-advertise-peer-urls=https://" + local(c.ports.etcdPeer),
		"--initial-cluster=drover=https://" + local(c.ports.etcdPeer),
		"--cert-file=" + c.cert("etcd.crt"),
		"--key-file=" + c.cert("etcd.key"),
		"--client-cert-auth",
		"--trusted-ca-file=" + c.cert("ca.crt"),
		"--peer-cert-file=" + c.cert("etcd.crt"),
		"--peer-key-file=" + c.cert("etcd.key"),
		"--peer-client-cert-auth",
		"--peer-trusted-ca-file=" + c.cert("ca.crt"),
		"--log-level=warn",
	}
	api := []string{
		"--etcd-servers=https://" + local(c.ports.etcd),
		"--etcd-cafile=" + c.cert("ca.crt"),
		"--etcd-certfile=" + c.cert("etcd.crt"),
		"--etcd-keyfile=" + c.cert("etcd.key"),
		"--bind-address=" + c.host(),
		"--advertise-address=" + c.host(),
		"--secure-port=" + strconv.Itoa(c.ports.api),
		"--tls-cert-file=" + c.cert("api-server.crt"),
		"--tls-private-key-file=" + c.cert("api-server.key"),
		"--client-ca-file=" + c.cert("ca.crt"),
		"--authorization-mode=Node,RBAC",
		"--allow-privileged",
		"--service-cluster-ip-range=" + serviceRange,
		"--service-account-issuer=https://kubernetes.default.svc",
		"--service-account-key-file=" + c.cert("service-account.pub"),
		"--service-account-signing-key-file=" + c.cert("service-account.key"),
		"--requestheader-client-ca-file=" + c.cert("front-proxy-ca.crt"),
		"--requestheader-allowed-names=front-proxy-client",
		"--requestheader-username-headers=X-Remote-User",
		"--requestheader-group-headers=X-Remote-Group",
		"--requestheader-extra-headers-prefix=X-Remote-Extra-",
		"--proxy-client-cert-file=" + c.cert("front-proxy-client.crt"),
		"--proxy-client-key-file=" + c.cert("front-proxy-client.key"),
		"--kubelet-preferred-address-types=InternalIP",
		"--kubelet-certificate-authority=" + c.cert("ca.crt"),
		"--kubelet-client-certificate=" + c.cert("api-server-kubelet-client.crt"),
		"--kubelet-client-key=" + c.cert("api-server-kubelet-client.key"),
	}
	if !c.realNode {
		// An endpoint may not be a loopback address, so the Service "kubernetes" has none.
		api = append(api, "--endpoint-reconciler-type=none")
	}
	if c.metrics == "" {
		// The metrics server is named by a Service of type ExternalName, which this would not follow.
		api = append(api, "--enable-aggregator-routing")
	}
	if c.bare {
		api = append(api, "--disable-admission-plugins="+strings.Join(bareWithout, ","))
	}
	if c.nodePortRange != "" {
		api = append(api, "--service-node-port-range="+c.nodePortRange)
	}
	if c.kubernetesVersion != "" {
		api = append(api, "--version="+c.kubernetesVersion)
	}
	api = append(api, c.apiServerFlags...)
	// The API server tries until etcd is there, so both can start at once.
	return errors.Join(c.running.start("etcd", etcd...), c.running.start("kube-apiserver", api...))
}

func (c *cluster) startControllers() error {
	manager := []string{
		"--kubeconfig=" + c.path("kubeconfigs", "controller-manager.kubeconfig"),
		"--leader-elect=false",
		"--secure-port=0",
		"--use-service-account-credentials",
		"--root-ca-file=" + c.cert("ca.crt"),
		"--service-account-private-key-file=" + c.cert("service-account.key"),
		"--cluster-signing-cert-file=" + c.cert("ca.crt"),
		"--cluster-signing-key-file=" + c.cert("ca.key"),
		// Its controllers share this allowance when they start; the default of 20 costs 4 s.
		"--kube-api-qps=500",
		"--kube-api-burst=1000",
		// A busy machine delays heartbeats; a node that is called dead would lose its pods.
		"--node-monitor-grace-period=5m",
	}
	errs := []error{c.running.start("kube-controller-manager", manager...)}
	if c.realNode {
		errs = append(errs, c.startNode())
	} else {
		errs = append(errs, c.startSimulation())
	}
	if c.scheduler {
		errs = append(errs, c.running.start("kube-scheduler",
			"--kubeconfig="+c.path("kubeconfigs", "scheduler.kubeconfig"), "--leader-elect=false", "--secure-port=0"))
	}
	return errors.Join(errs...)
}

// startSimulation starts what plays nodes and pods.
func (c *cluster) startSimulation() error {
	kwok := []string{
		"--kubeconfig=" + c.path("admin.kubeconfig"),
		"--manage-all-nodes",
		"--cidr=" + podRange,
		"--node-ip=127.0.0.1",
		// Nodes name drover-kubelet's port; without an address of its own kwok would listen there.
		"--node-port=" + strconv.Itoa(c.ports.kubelet),
		"--server-address=" + local(c.ports.kwok),
		"--node-lease-duration-seconds=40",
	}
	heartbeat, err := c.heartbeatStage()
	if err != nil {
		return err
	}
	kwok = append(kwok, "--config="+heartbeat)
	for _, stage := range []string{"node/fast/node-initialize", "pod/fast/pod-ready", "pod/fast/pod-complete", "pod/fast/pod-delete"} {
		kwok = append(kwok, "--config="+c.stage(stage))
	}
	kubelet := []string{
		"--listen=" + local(c.ports.kubelet),
		"--dir=" + c.path("pods"),
		"--cert=" + c.cert("kubelet.crt"),
		"--key=" + c.cert("kubelet.key"),
		"--client-ca=" + c.cert("ca.crt"),
	}
	return errors.Join(c.running.start("kwok", kwok...), c.running.start("drover-kubelet", kubelet...))
}

// stage is one of the files that kwok plays the life of nodes and pods from.
func (c *cluster) stage(name string) string { return filepath.Join(c.bin, "stages", name+".yaml") }

// heartbeatStage is kwok's own stage, with the time that was asked for, if one was.
func (c *cluster) heartbeatStage() (string, error) {
	own := c.stage("node/heartbeat-with-lease/node-heartbeat-with-lease")
	if c.nodeHeartbeat == 0 {
		return own, nil
	}
	content, err := os.ReadFile(own)
	if err != nil {
		return "", err
	}
	changed, err := withDelay(string(content), c.nodeHeartbeat*9/10, c.nodeHeartbeat*11/10)
	if err != nil {
		return "", fmt.Errorf("%s: %w", own, err)
	}
	file := c.path("home", "node-heartbeat.yaml")
	return file, os.WriteFile(file, []byte(changed), 0o600)
}

// stageDelays are how long a stage waits at least, and at most.
var stageDelays = regexp.MustCompile(`(durationMilliseconds: )\d+(\s+jitterDurationMilliseconds: )\d+`)

func withDelay(stage string, least, most time.Duration) (string, error) {
	if len(stageDelays.FindAllString(stage, -1)) != 1 {
		return "", errors.New("has not one delay to change")
	}
	return stageDelays.ReplaceAllString(stage, fmt.Sprintf("${1}%d${2}%d", least.Milliseconds(), most.Milliseconds())), nil
}

func (c *cluster) healthy(ctx context.Context, a *api) error {
	shown := time.Now()
	for {
		err := a.call(ctx, http.MethodGet, "/readyz", nil, nil)
		if err == nil {
			return nil
		}
		if time.Since(shown) > 5*time.Second {
			shown = time.Now()
			c.say("waiting for kube-apiserver")
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("not ready in time: %w", err)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// fill creates the fixtures and waits until they are well.
func (c *cluster) fill(ctx context.Context, a *api, version string) error {
	if c.realNode {
		if err := labelNode(ctx, a); err != nil {
			return err
		}
	} else if err := createNodes(ctx, a, c.nodes, c.ports.kubelet, version); err != nil {
		return err
	}
	if err := createClasses(ctx, a); err != nil {
		return err
	}
	nodes := func(text string) { c.say("nodes: " + text) }
	if err := waitReady(ctx, a, "/api/v1/nodes", c.nodes, nodes); err != nil {
		return err
	}
	if c.pods == 0 {
		return nil
	}
	// Every pod runs as this account; without it a pod is refused.
	if err := waitFor(ctx, a, "/api/v1/namespaces/"+fixtureNamespace+"/serviceaccounts/default"); err != nil {
		return err
	}
	if err := createPods(ctx, a, c.pods, c.nodes, c.scheduler); err != nil {
		return err
	}
	pods := func(text string) { c.say("pods: " + text) }
	return waitReady(ctx, a, "/api/v1/namespaces/"+fixtureNamespace+"/pods", c.pods, pods)
}

func local(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }

// freePorts picks ports that nobody has now; all are held until the last is known, so that they
// differ.
func freePorts(ports ...*int) error {
	for _, port := range ports {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return fmt.Errorf("no free port on 127.0.0.1: %w", err)
		}
		defer listener.Close()
		*port = listener.Addr().(*net.TCPAddr).Port
	}
	return nil
}

// dataDirectory makes etcd's directory in memory if the system has such a place, for speed. What a
// killed predecessor left there is removed: its name says whose it was.
func dataDirectory(fallback string) (string, error) {
	const memory, prefix = "/dev/shm", "drover-etcd-"
	if entries, err := os.ReadDir(memory); err == nil {
		for _, entry := range entries {
			owner, ours := strings.CutPrefix(entry.Name(), prefix)
			pid, err := strconv.Atoi(owner)
			if ours && err == nil && errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
				_ = os.RemoveAll(filepath.Join(memory, entry.Name()))
			}
		}
		dir := filepath.Join(memory, prefix+strconv.Itoa(os.Getpid()))
		if err := os.RemoveAll(dir); err == nil && os.Mkdir(dir, 0o700) == nil {
			return dir, nil
		}
	}
	dir := filepath.Join(fallback, "etcd")
	if err := os.RemoveAll(dir); err != nil {
		return "", err
	}
	return dir, os.Mkdir(dir, 0o700)
}
