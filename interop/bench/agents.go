package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// contender is one of the two programs that are compared.
type contender struct {
	side    int
	name    string // in samples and tables
	command func(w *world, at seat) (*exec.Cmd, error)
}

// seat is where an agent sits.
type seat struct {
	cluster string // that it is the agent of
	url     string // by which it finds the server
}

// agent is a running contender with both tunnels up.
type agent struct {
	*process
	who     contender
	key     string        // of its cluster tunnel
	upAfter time.Duration // from exec until the server had both tunnels
	cluster time.Duration // the same for the cluster tunnel alone
}

func contenders(o options) [2]contender {
	other := contender{1, "go", func(w *world, at seat) (*exec.Cmd, error) { return goAgent(w, at, o.goAgent) }}
	if o.against != "" {
		other = contender{1, "other", func(w *world, at seat) (*exec.Cmd, error) { return drover(w, at, o.against) }}
	}
	return [2]contender{
		{0, "drover", func(w *world, at seat) (*exec.Cmd, error) { return drover(w, at, o.agent) }},
		other,
	}
}

func goAgent(w *world, at seat, program string) (*exec.Cmd, error) {
	tokenFile := filepath.Join(w.directory, "token-"+at.cluster)
	if err := os.WriteFile(tokenFile, []byte(w.token), 0o600); err != nil {
		return nil, err
	}
	command := exec.Command(program, "--server", at.url, "--token", registrationToken(at.cluster), "--ca", w.hello.CAFile,
		"--cluster-params", fmt.Sprintf("%s,@%s,%s", w.api.APIServer, tokenFile, w.api.CA))
	command.Env = append(cleanEnvironment(), allCores())
	return command, nil
}

// allCores is the environment of a Go program that is kept to one core. Believing that there is but one, Go's scheduler
// looks at the network only every 10 ms while there is bulk to move, which it would not do on any machine of a user's.
func allCores() string {
	return "GOMAXPROCS=" + strconv.Itoa(machineCores())
}

// drover sets up what a pod of ours finds: two mounted directories and the environment.
func drover(w *world, at seat, line string) (*exec.Cmd, error) {
	directory := filepath.Join(w.directory, "agent-"+at.cluster)
	ca, err := os.ReadFile(w.api.CA)
	if err != nil {
		return nil, err
	}
	for file, content := range map[string]string{
		"credentials/url":       at.url,
		"credentials/token":     registrationToken(at.cluster),
		"credentials/namespace": "",
		"account/token":         w.token,
		"account/ca.crt":        string(ca),
	} {
		file = filepath.Join(directory, file)
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			return nil, err
		}
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			return nil, err
		}
	}
	host, port, err := net.SplitHostPort(w.api.APIServer)
	if err != nil {
		return nil, err
	}
	words := strings.Fields(line)
	command := exec.Command(words[0], words[1:]...)
	command.Env = append(cleanEnvironment(),
		"CATTLE_SERVER="+at.url,
		"CATTLE_CA_CHECKSUM="+w.hello.CAChecksum,
		"STRICT_VERIFY=true",
		"CATTLE_CLUSTER=true",
		"CATTLE_K8S_MANAGED=true",
		"DROVER_CREDENTIALS_DIR="+filepath.Join(directory, "credentials"),
		"DROVER_SERVICE_ACCOUNT_DIR="+filepath.Join(directory, "account"),
		"DROVER_HEALTH_ADDRESS=127.0.0.1:0",
		"DROVER_LOG_SOCKET=off",
		"DROVER_DIAL_ALLOW=*:*",
		"KUBERNETES_SERVICE_HOST="+host,
		"KUBERNETES_SERVICE_PORT="+port,
	)
	return command, nil
}

// cleanEnvironment is ours without proxies and without what would take the agent elsewhere.
func cleanEnvironment() []string {
	var kept []string
	for _, one := range os.Environ() {
		name, _, _ := strings.Cut(one, "=")
		if !strings.HasSuffix(strings.ToLower(name), "_proxy") && name != "KUBECONFIG" && name != pinnedMark {
			kept = append(kept, one)
		}
	}
	return kept
}

// launch starts a contender and waits for both its tunnels.
func (w *world) launch(ctx context.Context, who contender, cpu int) (*agent, error) {
	return w.launchAt(ctx, who, seat{clusterIDs[who.side], w.hello.URL}, cpu, nil)
}

// launchAt is the same in another place; wrap is the command that runs the agent's, if any.
func (w *world) launchAt(ctx context.Context, who contender, at seat, cpu int, wrap []string) (*agent, error) {
	command, err := who.command(w, at)
	if err != nil {
		return nil, err
	}
	if len(wrap) > 0 {
		wrapped := exec.Command(wrap[0], append(wrap[1:], command.Args...)...)
		wrapped.Env = command.Env
		command = wrapped
	}
	a := &agent{who: who, key: at.cluster}
	up := map[string]chan peerEvent{
		"cluster": w.expect(a.key),
		"steve":   w.expect(steveKey + a.key),
	}
	if a.process, err = w.spawner.start("agent-"+who.name+"-"+at.cluster, w.directory, command, cpu, false); err != nil {
		return nil, err
	}
	a.drain()
	limit := time.After(startLimit)
	for name, opened := range up {
		select {
		case e := <-opened:
			// Both clocks are this machine's wall clock.
			after := e.At.Sub(a.started)
			a.upAfter = max(a.upAfter, after)
			if name == "cluster" {
				a.cluster = after
			}
		case <-a.ended:
			return nil, fmt.Errorf("%s ended at its start:\n  %s", who.name, a.tail())
		case <-limit:
			a.stop(time.Second)
			return nil, fmt.Errorf("%s: no %s tunnel after %s:\n  %s", who.name, name, startLimit, a.tail())
		case <-ctx.Done():
			a.stop(time.Second)
			return nil, ctx.Err()
		}
	}
	return a, nil
}

// stopAgent ends it, and lets the server notice.
func (w *world) stopAgent(a *agent) {
	a.stop(5 * time.Second)
	time.Sleep(300 * time.Millisecond)
}
