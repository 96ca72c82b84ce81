package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
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
	pin       bool
	spawner   *spawner
	targets   *targets
	echo      string // address of the echo target

	peer  *process
	hello peerHello
	api   clusterHello
	token string // of the service account

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

// clusterHello is the line of drover-cluster.
type clusterHello struct {
	APIServer string `json:"apiServer"`
	CA        string `json:"ca"`
	Dir       string `json:"dir"`
	Version   string `json:"version"`
}

// Two of everything: side 0 is the agent that we measure, side 1 what it is compared with.
var clusterIDs = [2]string{"c-benchours", "c-benchother"}

func registrationToken(side int) string { return "token-of-" + clusterIDs[side] }

func newWorld(ctx context.Context, o options) (w *world, err error) {
	directory, err := os.MkdirTemp("", "drover-bench-")
	if err != nil {
		return nil, err
	}
	w = &world{
		directory: directory, pin: o.pin, spawner: newSpawner(),
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
	if err := w.startPeer(ctx, o.peerProgram); err != nil {
		return w, err
	}
	if err := w.startCluster(ctx, o.clusterDir); err != nil {
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
	case <-time.After(startLimit):
		return "", fmt.Errorf("%s is not up after %s:\n  %s", p.name, startLimit, p.tail())
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

func (w *world) startPeer(ctx context.Context, program string) error {
	command := exec.Command(program, "--dir", filepath.Join(w.directory, "peer"))
	for side, id := range clusterIDs {
		command.Args = append(command.Args, "--cluster", id+"="+registrationToken(side))
	}
	if err := os.Mkdir(filepath.Join(w.directory, "peer"), 0o700); err != nil {
		return err
	}
	// Believing in one core, Go's scheduler looks at the network only every 10 ms while there is
	// bulk to move, which no server with more cores would do.
	command.Env = append(os.Environ(), "GOMAXPROCS="+strconv.Itoa(machineCores()))
	p, err := w.spawner.start("rancher-peer", w.directory, command, w.cpu(peerCPU), false)
	if err != nil {
		return err
	}
	w.peer = p
	line, err := firstLine(ctx, p)
	if err != nil {
		return err
	}
	if err := json.Unmarshal([]byte(line), &w.hello); err != nil {
		return fmt.Errorf("rancher-peer's first line %q: %w", line, err)
	}
	go w.follow(p.stdout)
	return nil
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

func (w *world) startCluster(ctx context.Context, directory string) error {
	command := exec.Command(filepath.Join(directory, "drover-cluster"),
		"--bin", directory, "--dir", filepath.Join(w.directory, "cluster"),
		"--nodes", "1", "--pods", "0", "--scheduler=false")
	p, err := w.spawner.start("drover-cluster", w.directory, command, w.cpu(peerCPU), false)
	if err != nil {
		return err
	}
	line, err := firstLine(ctx, p)
	if err != nil {
		return err
	}
	if err := json.Unmarshal([]byte(line), &w.api); err != nil {
		return fmt.Errorf("drover-cluster's line %q: %w", line, err)
	}
	p.drain()
	if w.token, err = w.makeAccount(ctx); err != nil {
		return fmt.Errorf("the agents' service account: %w", err)
	}
	return nil
}

// makeAccount makes what the import manifest makes: the agent's namespace and service account, as
// cluster admin, and gets a token for it.
func (w *world) makeAccount(ctx context.Context) (string, error) {
	certificates := filepath.Join(w.api.Dir, "certificates")
	pair, err := tls.LoadX509KeyPair(filepath.Join(certificates, "admin.crt"), filepath.Join(certificates, "admin.key"))
	if err != nil {
		return "", err
	}
	pem, err := os.ReadFile(w.api.CA)
	if err != nil {
		return "", err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	client := &http.Client{
		Timeout:   10 * time.Second,
		Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, Certificates: []tls.Certificate{pair}}},
	}
	defer client.CloseIdleConnections()
	post := func(path string, body, result any) error {
		raw, err := json.Marshal(body)
		if err != nil {
			return err
		}
		request, err := http.NewRequestWithContext(ctx, http.MethodPost, "https://"+w.api.APIServer+path, bytes.NewReader(raw))
		if err != nil {
			return err
		}
		request.Header.Set("Content-Type", "application/json")
		response, err := client.Do(request)
		if err != nil {
			return err
		}
		defer response.Body.Close()
		if response.StatusCode/100 != 2 {
			text, _ := io.ReadAll(io.LimitReader(response.Body, 1024))
			return fmt.Errorf("POST %s: %s: %s", path, response.Status, text)
		}
		if result == nil {
			return nil
		}
		return json.NewDecoder(response.Body).Decode(result)
	}
	named := func(name string) map[string]any { return map[string]any{"metadata": map[string]any{"name": name}} }
	binding := named("cattle-admin-binding")
	binding["roleRef"] = map[string]string{"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"}
	binding["subjects"] = []map[string]string{{"kind": "ServiceAccount", "namespace": "cattle-system", "name": "cattle"}}
	var token struct {
		Status struct {
			Token string `json:"token"`
		} `json:"status"`
	}
	err = errors.Join(
		post("/api/v1/namespaces", named("cattle-system"), nil),
		post("/api/v1/namespaces/cattle-system/serviceaccounts", named("cattle"), nil),
		post("/apis/rbac.authorization.k8s.io/v1/clusterrolebindings", binding, nil),
		post("/api/v1/namespaces/cattle-system/serviceaccounts/cattle/token",
			map[string]any{"spec": map[string]any{"expirationSeconds": 24 * 3600}}, &token),
	)
	return token.Status.Token, err
}

// forward is a local address whose connections go through the session of key to target.
func (w *world) forward(ctx context.Context, key, target string) (string, error) {
	w.mu.Lock()
	address := w.forwards[key+" "+target]
	w.mu.Unlock()
	if address != "" {
		return address, nil
	}
	query := url.Values{"key": {key}, "network": {"tcp"}, "address": {target}}
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
	w.forwards[key+" "+target] = answer.Address
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
