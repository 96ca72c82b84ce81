package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

const (
	peerCPU  = 0 // and cluster, targets, load
	agentCPU = 1

	startLimit = 60 * time.Second
	gib        = 1 << 30
)

// world is what surrounds the agents: the control plane, the peer server, the targets.
type world struct {
	directory string
	// clusterDir is where the control plane's programs are.
	clusterDir string
	pin        bool
	spawner    *spawner
	targets    *targets
	echo       string // address of the echo target

	peer    *process
	hello   peerHello
	cluster *process
	api     clusterHello
	admin   *http.Client
	token   string // of the service account

	mu       sync.Mutex
	forwards map[string]string
	waiting  map[string]chan peerEvent // by session key
}

// peerHello is the first line of rancher-peer.
type peerHello struct {
	URL          string `json:"url"`
	Control      string `json:"control"`
	CAFile       string `json:"caFile"`
	CAChecksum   string `json:"caChecksum"`
	Remotedialer string `json:"remotedialer"`
}

type peerEvent struct {
	Event string    `json:"event"`
	At    time.Time `json:"at"`
	Key   string    `json:"key"`
}

// Two of everything: side 0 is the agent that we measure, side 1 what it is compared with.
var clusterIDs = [2]string{"c-benchours", "c-benchother"}

func registrationToken(cluster string) string { return "token-of-" + cluster }

// faultCluster is one of those whose agents suffer faults, of either side in turn.
func faultCluster(i int) string { return fmt.Sprintf("c-benchfault%d", i) }

func newWorld(ctx context.Context, o options) (w *world, err error) {
	directory, err := os.MkdirTemp("", "drover-bench-")
	if err != nil {
		return nil, err
	}
	w = &world{
		directory: directory, clusterDir: o.clusterDir, pin: o.pin, spawner: newSpawner(),
		forwards: map[string]string{}, waiting: map[string]chan peerEvent{},
	}
	defer func() {
		if err != nil {
			w.spawner.stopAll()
			err = fmt.Errorf("%w\n  logs are in %s", err, directory)
		}
	}()
	if err := raiseDescriptors(); err != nil {
		return w, err
	}
	if w.targets, err = newTargets(); err != nil {
		return w, err
	}
	if err := w.startEcho(ctx); err != nil {
		return w, err
	}
	if err := w.startPeer(ctx, o); err != nil {
		return w, err
	}
	if err := w.startCluster(ctx, smallCluster); err != nil {
		return w, err
	}
	return w, nil
}

func (w *world) cpu(core int) int {
	if w.pin {
		return core
	}
	return anyCPU
}

// firstLine waits for a program's first line on stdout.
func firstLine(ctx context.Context, p *process) (string, error) {
	return firstLineWithin(ctx, p, startLimit)
}

func firstLineWithin(ctx context.Context, p *process, limit time.Duration) (string, error) {
	type outcome struct {
		line string
		err  error
	}
	got := make(chan outcome, 1)
	go func() {
		line, err := p.stdout.ReadString('\n')
		got <- outcome{line, err}
	}()
	select {
	case one := <-got:
		if one.err != nil {
			return "", fmt.Errorf("%s ended at its start:\n  %s", p.name, p.tail())
		}
		return strings.TrimSpace(one.line), nil
	case <-time.After(limit):
		return "", fmt.Errorf("%s is not up after %s:\n  %s", p.name, limit, p.tail())
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

func (w *world) startEcho(ctx context.Context) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	p, err := w.spawner.start("echo-target", w.directory, exec.Command(self, "helper", "echo"), w.cpu(peerCPU), true)
	if err != nil {
		return err
	}
	w.echo, err = firstLine(ctx, p)
	return err
}

func (w *world) startPeer(ctx context.Context, o options) error {
	clusters := clusterIDs[:]
	for i := range o.atOnce {
		clusters = append(clusters, faultCluster(i))
	}
	var arguments []string
	for _, id := range clusters {
		arguments = append(arguments, "--cluster", id+"="+registrationToken(id))
	}
	var err error
	w.peer, w.hello, err = w.runPeer(ctx, o.peerProgram, "peer", arguments)
	if err != nil {
		return err
	}
	go w.follow(w.peer.stdout)
	return nil
}

// runPeer starts a server that keeps its certificates in a directory of that name.
func (w *world) runPeer(ctx context.Context, program, name string, arguments []string) (*process, peerHello, error) {
	var hello peerHello
	directory := filepath.Join(w.directory, name)
	if err := os.MkdirAll(directory, 0o700); err != nil {
		return nil, hello, err
	}
	command := exec.Command(program, append([]string{"--dir", directory}, arguments...)...)
	command.Env = append(os.Environ(), allCores())
	p, err := w.spawner.start("rancher-"+name, w.directory, command, w.cpu(peerCPU), false)
	if err != nil {
		return nil, hello, err
	}
	line, err := firstLine(ctx, p)
	if err != nil {
		return p, hello, err
	}
	if err := json.Unmarshal([]byte(line), &hello); err != nil {
		return p, hello, fmt.Errorf("rancher-peer's first line %q: %w", line, err)
	}
	return p, hello, nil
}

// follow hands session events to whoever waits for that key.
func (w *world) follow(out *bufio.Reader) {
	for {
		line, err := out.ReadBytes('\n')
		if err != nil {
			return
		}
		var e peerEvent
		if json.Unmarshal(line, &e) != nil || e.Event != "session-opened" {
			continue
		}
		w.mu.Lock()
		waiting := w.waiting[e.Key]
		w.mu.Unlock()
		if waiting != nil {
			select {
			case waiting <- e:
			default: // somebody reconnects all the time; the first counts
			}
		}
	}
}

// expect announces interest in the next session of a key.
func (w *world) expect(key string) chan peerEvent {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.waiting[key] = make(chan peerEvent, 16)
	return w.waiting[key]
}

// forward is a local address whose connections go through the session of key to target, by TCP.
func (w *world) forward(ctx context.Context, key, target string) (string, error) {
	return w.forwardBy(ctx, key, "tcp", target)
}

func (w *world) forwardBy(ctx context.Context, key, network, target string) (string, error) {
	known := key + " " + network + " " + target
	w.mu.Lock()
	address := w.forwards[known]
	w.mu.Unlock()
	if address != "" {
		return address, nil
	}
	query := url.Values{"key": {key}, "network": {network}, "address": {target}}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, w.hello.Control+"/forward?"+query.Encode(), nil)
	if err != nil {
		return "", err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	var answer struct{ Address, Error string }
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		return "", err
	}
	if answer.Address == "" {
		return "", fmt.Errorf("forward: %s", answer.Error)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.forwards[known] = answer.Address
	return answer.Address, nil
}

func (w *world) close(keep bool) {
	w.spawner.stopAll()
	if keep {
		fmt.Fprintln(os.Stderr, "bench: logs are kept in", w.directory)
		return
	}
	_ = os.RemoveAll(w.directory)
}
