package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const (
	gatewayAddress = "drover-gateway.internal:443"
	// gatewaySecret is where an agent keeps the token that it tells the server.
	gatewaySecret = "/api/v1/namespaces/cattle-system/secrets/drover-gateway"
	// A short request: one small object, or what needs no store.
	shortRequest = "/api/v1/namespaces/default/configmaps/kube-root-ca.crt"
	cheapRequest = "/version"
	watchRequest = "/api/v1/namespaces/default/configmaps?watch=1"
	// The bulk is a list that kube-apiserver has in memory, of its own namespace for the watches' sake.
	bulkObjects     = "/api/v1/namespaces/kube-public/configmaps"
	bulkRequest     = bulkObjects + "?resourceVersion=0"
	bulkMaps        = 24
	bulkBytes       = 900_000 // each; etcd takes 1.5 MiB
	gatewayWorkers  = 16
	gatewayWatches  = 200
	gatewayPatience = 10 * time.Second // for one request
)

// gatewayNames are the sides of that experiment: the same build, with the gateway and without.
var gatewayNames = [2]string{"gateway", "plain"}

// told is how the server's side reaches an API server: what an agent told it.
type told struct {
	through string // a local address that leads through the tunnel
	config  *tls.Config
	token   string
}

// toldBy asks the server what the agent of a cluster told it; it must be what its side tells.
func (w *world) toldBy(ctx context.Context, key string, gateway bool) (told, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, w.hello.Control+"/clusters", nil)
	if err != nil {
		return told{}, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return told{}, err
	}
	defer response.Body.Close()
	var clusters []struct{ ID, Address, CACert string }
	if err := json.NewDecoder(response.Body).Decode(&clusters); err != nil {
		return told{}, err
	}
	want := pick(gateway, gatewayAddress, w.api.APIServer)
	for _, one := range clusters {
		if one.ID != key {
			continue
		}
		if one.Address != want {
			return told{}, fmt.Errorf("the agent told the server %s, not %s", one.Address, want)
		}
		pem, err := base64.StdEncoding.DecodeString(one.CACert)
		if err != nil {
			return told{}, err
		}
		roots := x509.NewCertPool()
		roots.AppendCertsFromPEM(pem)
		host, _, _ := net.SplitHostPort(want)
		t := told{config: &tls.Config{RootCAs: roots, ServerName: host, NextProtos: []string{"http/1.1"}}, token: w.token}
		if gateway {
			var secret struct{ Data map[string][]byte }
			if err := w.call(ctx, http.MethodGet, gatewaySecret, nil, &secret); err != nil {
				return told{}, err
			}
			t.token = string(secret.Data["token"])
		}
		t.through, err = w.forward(ctx, key, want)
		return t, err
	}
	return told{}, fmt.Errorf("the server knows no cluster %s", key)
}

// client makes requests as Rancher does: HTTP/1.1 in TLS in streams of the tunnel.
func (t told) client() *http.Client {
	return &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "tcp", t.through)
		},
		TLSClientConfig: t.config, MaxIdleConnsPerHost: gatewayWorkers, DisableCompression: true,
	}}
}

func (t told) open(ctx context.Context, client *http.Client, path string) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://"+t.config.ServerName+path, nil)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Authorization", "Bearer "+t.token)
	response, err := client.Do(request)
	if err == nil && response.StatusCode != http.StatusOK {
		response.Body.Close()
		return nil, fmt.Errorf("GET %s: %w", path, statusError(response.StatusCode))
	}
	return response, err
}

// get reads an answer to its end, and says how many bytes there were.
func (t told) get(ctx context.Context, client *http.Client, path string) (int64, error) {
	ctx, cancel := context.WithTimeout(ctx, gatewayPatience)
	defer cancel()
	response, err := t.open(ctx, client, path)
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	return io.Copy(io.Discard, response.Body)
}

// oneByOne makes one request after the other, on a connection that is kept or on new ones.
func (t told) oneByOne(ctx context.Context, kept bool, length time.Duration) (histogram, error) {
	h, client := histogram{}, t.client()
	defer func() { client.CloseIdleConnections() }()
	for end := time.Now().Add(length); time.Now().Before(end); {
		asked := time.Now()
		if _, err := t.get(ctx, client, shortRequest); err != nil {
			return h, err
		}
		h.add(time.Since(asked))
		if !kept {
			client.CloseIdleConnections()
		}
	}
	return h, nil
}

// atOnce makes as many requests as it can, and says how many.
func (t told) atOnce(ctx context.Context, length time.Duration) (int64, error) {
	client := t.client()
	defer client.CloseIdleConnections()
	var done atomic.Int64
	var mu sync.Mutex
	var failed error
	end := time.Now().Add(length)
	each(gatewayWorkers, func(int) {
		for time.Now().Before(end) {
			if _, err := t.get(ctx, client, cheapRequest); err != nil {
				mu.Lock()
				failed = errors.Join(failed, err)
				mu.Unlock()
				return
			}
			done.Add(1)
		}
	})
	return done.Load(), failed
}

// measureGateway has an agent of its own, and makes requests through it as Rancher does.
func measureGateway(ctx context.Context, b *bench, a *agent, name string) (outcome, error) {
	gateway := a.who.side == 0
	who := contender{a.who.side, gatewayNames[a.who.side], b.gatewayCommand(gateway)}
	one, err := b.world.launch(ctx, who, b.world.cpu(agentCPU))
	if err != nil {
		return outcome{}, err
	}
	defer b.world.stopAgent(one)
	t, err := b.world.toldBy(ctx, one.key, gateway)
	if err != nil {
		return outcome{}, err
	}
	switch name {
	case "watches":
		return t.watches(ctx, b, one)
	case "bulk":
		return t.bulk(ctx, b, one)
	}
	if _, err := t.atOnce(ctx, gatewayWarm(b.options)); err != nil {
		return outcome{}, err
	}
	kept, err := t.oneByOne(ctx, true, latencySlot(b.options))
	if err != nil {
		return outcome{}, err
	}
	dialled, err := t.oneByOne(ctx, false, latencySlot(b.options))
	if err != nil {
		return outcome{}, err
	}
	cpu, started := cpuTime(one.pid), time.Now()
	done, err := t.atOnce(ctx, b.options.slot())
	elapsed, used := time.Since(started).Seconds(), (cpuTime(one.pid) - cpu).Seconds()
	if err != nil {
		return outcome{}, err
	}
	return outcome{histogram: kept, metrics: metrics{
		"p50 ms": milliseconds(kept.quantile(0.5)), "p99 ms": milliseconds(kept.quantile(0.99)),
		"dial p50 ms": milliseconds(dialled.quantile(0.5)), "dial p99 ms": milliseconds(dialled.quantile(0.99)),
		"per second": float64(done) / elapsed, "agent cores": used / elapsed,
	}}, nil
}

// watches opens them, each on a connection of its own as with HTTP/1.1, and looks at the memory.
func (t told) watches(ctx context.Context, b *bench, a *agent) (outcome, error) {
	if err := sleep(ctx, settleWait(b.options)); err != nil {
		return outcome{}, err
	}
	client := t.client()
	defer client.CloseIdleConnections()
	for range gatewayWatches {
		response, err := t.open(ctx, client, watchRequest)
		if err != nil {
			return outcome{}, err
		}
		defer response.Body.Close()
	}
	if err := sleep(ctx, settleWait(b.options)); err != nil {
		return outcome{}, err
	}
	return outcome{metrics: metrics{
		"RSS MB":      float64(memoryOf(a.pid).rss) / 1e6,
		"connections": float64(connectionsTo(a.pid, b.world.apiPort())),
	}}, nil
}

// bulk reads the same long list again and again, one behind the other.
func (t told) bulk(ctx context.Context, b *bench, a *agent) (outcome, error) {
	if err := b.world.makeBulk(ctx); err != nil {
		return outcome{}, err
	}
	client := t.client()
	defer client.CloseIdleConnections()
	read := func(length time.Duration) (bytes int64, err error) {
		for end := time.Now().Add(length); err == nil && time.Now().Before(end); {
			var count int64
			count, err = t.get(ctx, client, bulkRequest)
			bytes += count
		}
		return bytes, err
	}
	if _, err := read(gatewayWarm(b.options)); err != nil {
		return outcome{}, err
	}
	cpu, started := cpuTime(a.pid), time.Now()
	bytes, err := read(2 * b.options.slot())
	elapsed, used := time.Since(started).Seconds(), (cpuTime(a.pid) - cpu).Seconds()
	if err != nil {
		return outcome{}, err
	}
	return outcome{metrics: metrics{
		"CPU-s/GB": used / (float64(bytes) / 1e9), "MB/s": float64(bytes) / 1e6 / elapsed,
	}}, nil
}

// makeBulk makes what is read as bulk, if it is not there yet.
func (w *world) makeBulk(ctx context.Context) error {
	content := strings.Repeat("0123456789abcdef", bulkBytes/16)
	for i := range bulkMaps {
		object := map[string]any{
			"metadata": map[string]any{"name": fmt.Sprintf("bulk-%d", i)}, "data": map[string]any{"content": content},
		}
		err := w.call(ctx, http.MethodPost, bulkObjects, object, nil)
		if err != nil && !errors.Is(err, statusError(http.StatusConflict)) {
			return err
		}
	}
	return nil
}

// gatewayCommand starts our agent with the gateway or without.
func (b *bench) gatewayCommand(gateway bool) func(*world, seat) (*exec.Cmd, error) {
	return func(w *world, at seat) (*exec.Cmd, error) {
		command, err := drover(w, at, b.options.agent)
		if err == nil {
			command.Env = append(command.Env, "DROVER_GATEWAY="+pick(gateway, "on", "off"))
		}
		return command, err
	}
}

func gatewayWarm(o options) time.Duration { return pick(o.quick, 5*time.Second, 20*time.Second) }

func gatewayTakes(o options, name string) time.Duration {
	return startGuess + map[string]time.Duration{
		"requests": gatewayWarm(o) + 2*latencySlot(o) + o.slot(),
		"watches":  2*settleWait(o) + 3*time.Second,
		"bulk":     gatewayWarm(o) + 2*o.slot() + time.Second,
	}[name]
}
