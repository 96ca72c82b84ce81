package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// contender is one of the two programs that are compared.
type contender struct {
	side    int
	name    string // in samples and tables
	command func(w *world) (*exec.Cmd, error)
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
	other := contender{1, "go", func(w *world) (*exec.Cmd, error) { return goAgent(w, o.goAgent) }}
	if o.against != "" {
		other = contender{1, "other", func(w *world) (*exec.Cmd, error) { return drover(w, 1, o.against) }}
	}
	return [2]contender{
		{0, "drover", func(w *world) (*exec.Cmd, error) { return drover(w, 0, o.agent) }},
		other,
	}
}

func goAgent(w *world, program string) (*exec.Cmd, error) {
	tokenFile := filepath.Join(w.directory, "service-account-token")
	if err := os.WriteFile(tokenFile, []byte(w.token), 0o600); err != nil {
		return nil, err
	}
	command := exec.Command(program, "--server", w.hello.URL, "--token", registrationToken(1), "--ca", w.hello.CAFile,
		"--cluster-params", fmt.Sprintf("%s,@%s,%s", w.api.APIServer, tokenFile, w.api.CA))
	command.Env = cleanEnvironment()
	return command, nil
}

// drover sets up what a pod of ours finds: two mounted directories and the environment.
func drover(w *world, side int, line string) (*exec.Cmd, error) {
	directory := filepath.Join(w.directory, "agent-"+clusterIDs[side])
	ca, err := os.ReadFile(w.api.CA)
	if err != nil {
		return nil, err
	}
	for file, content := range map[string]string{
		"credentials/url":       w.hello.URL,
		"credentials/token":     registrationToken(side),
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
		"CATTLE_SERVER="+w.hello.URL,
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
	command, err := who.command(w)
	if err != nil {
		return nil, err
	}
	a := &agent{who: who, key: clusterIDs[who.side]}
	up := map[string]chan peerEvent{
		"cluster": w.expect(a.key),
		"steve":   w.expect("stv-cluster-" + a.key),
	}
	if a.process, err = w.spawner.start("agent-"+who.name, w.directory, command, cpu, false); err != nil {
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
