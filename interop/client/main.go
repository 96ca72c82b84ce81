// Command go-agent is the bare minimum of a cluster agent on Rancher's own tunnel library: both
// tunnels and an answer to /ping, nothing else. It is what a bench compares with, and what a test
// of a server talks to. See ../README.md.
package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/gorilla/websocket"
	"github.com/rancher/remotedialer"
	"github.com/sirupsen/logrus"
)

// retryDelay is what the stock agent waits between attempts, in the library as in its own loop.
const retryDelay = 5 * time.Second

// agent is what both tunnels need.
type agent struct {
	server *url.URL // scheme ws or wss, without a path
	token  string
	params string // as sent in the header
	dialer *websocket.Dialer
	out    *lines
}

func main() {
	server := flag.String("server", "", "`URL` of the server (required)")
	token := flag.String("token", "", "registration `TOKEN` (required)")
	caFile := flag.String("ca", "", "`FILE` with the server's CA certificates (default: the system's)")
	params := flag.String("cluster-params", "", "`ADDRESS,TOKEN,CAFILE` of the cluster's API server: host:port, "+
		"a service-account token or @FILE with one, and a PEM file (required)")
	steve := flag.Bool("steve", true, "open the second tunnel too")
	agents := flag.Int("agents", 1, "so `MANY` cluster tunnels, as that many agents would have")
	exitWithStdin := flag.Bool("exit-with-stdin", false, "exit when stdin is closed")
	flag.Parse()

	a, err := newAgent(*server, *token, *caFile, *params)
	if err != nil {
		fmt.Fprintln(os.Stderr, "go-agent:", err)
		os.Exit(2)
	}
	logrus.SetOutput(os.Stderr)

	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)
	go func() {
		<-signals
		os.Exit(0)
	}()
	if *exitWithStdin {
		go func() {
			_, _ = io.Copy(io.Discard, os.Stdin)
			os.Exit(0)
		}()
	}
	if *steve {
		go a.keepSteveTunnel()
	}
	for range *agents - 1 {
		go a.keepClusterTunnel()
	}
	a.keepClusterTunnel()
}

func newAgent(server, token, caFile, params string) (*agent, error) {
	var problems []string
	wrong := func(format string, args ...any) { problems = append(problems, fmt.Sprintf(format, args...)) }

	location, err := url.Parse(server)
	switch {
	case err != nil:
		wrong("--server: %v", err)
	case location.Host == "" || location.Scheme != "https" && location.Scheme != "http":
		wrong("--server %q: give a URL like https://127.0.0.1:8443", server)
	default:
		location = &url.URL{Scheme: strings.Replace(location.Scheme, "http", "ws", 1), Host: location.Host}
	}
	if token == "" {
		wrong("--token: give the cluster's registration token")
	}
	header, err := encodeParams(params)
	if err != nil {
		wrong("--cluster-params: %v", err)
	}
	settings := &tls.Config{}
	if caFile != "" {
		pem, err := os.ReadFile(caFile)
		settings.RootCAs = x509.NewCertPool()
		if err != nil {
			wrong("--ca: %v", err)
		} else if !settings.RootCAs.AppendCertsFromPEM(pem) {
			wrong("--ca %s: holds no PEM certificate", caFile)
		}
	}
	if len(problems) > 0 {
		return nil, errors.New(strings.Join(problems, "\n  "))
	}
	return &agent{
		server: location, token: token, params: header, out: &lines{out: os.Stdout},
		dialer: &websocket.Dialer{
			Proxy:            http.ProxyFromEnvironment,
			HandshakeTimeout: remotedialer.HandshakeTimeOut,
			TLSClientConfig:  settings,
		},
	}, nil
}

// encodeParams makes the header X-API-Tunnel-Params from ADDRESS,TOKEN,CAFILE.
func encodeParams(text string) (string, error) {
	parts := strings.SplitN(text, ",", 3)
	if len(parts) != 3 || parts[0] == "" || parts[1] == "" || parts[2] == "" {
		return "", fmt.Errorf("%q: write it as ADDRESS,TOKEN,CAFILE", text)
	}
	address, token, caFile := parts[0], parts[1], parts[2]
	if file, ok := strings.CutPrefix(token, "@"); ok {
		content, err := os.ReadFile(file)
		if err != nil {
			return "", fmt.Errorf("token: %w", err)
		}
		token = strings.TrimSpace(string(content))
	}
	ca, err := os.ReadFile(caFile)
	if err != nil {
		return "", fmt.Errorf("CA: %w", err)
	}
	raw, err := json.Marshal(map[string]any{"cluster": map[string]string{
		"address": address,
		"token":   token,
		"caCert":  base64.StdEncoding.EncodeToString(ca),
	}})
	if err != nil {
		return "", err
	}
	return base64.StdEncoding.EncodeToString(raw), nil
}

// keepClusterTunnel serves the cluster tunnel for ever. As with the stock agent a failed attempt
// costs 5 s in the library and 5 s here.
func (a *agent) keepClusterTunnel() {
	headers := http.Header{"X-API-Tunnel-Token": {a.token}, "X-API-Tunnel-Params": {a.params}}
	allow := func(network, _ string) bool { return network == "tcp" }
	path := "/v3/connect/register"
	for {
		var up atomic.Bool
		err := remotedialer.ClientConnect(context.Background(), a.server.String()+path, headers, a.dialer, allow,
			func(context.Context, *remotedialer.Session) error {
				up.Store(true)
				a.out.write(line{Event: "up", Tunnel: "cluster"})
				return nil
			})
		a.out.write(line{Event: "down", Tunnel: "cluster", Error: text(err)})
		if up.Load() {
			path = "/v3/connect"
		}
		time.Sleep(retryDelay)
	}
}

// keepSteveTunnel serves the second tunnel for ever: whatever address the server names, the
// stream goes to the HTTP server in this process.
func (a *agent) keepSteveTunnel() {
	inside := newMemoryListener()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /ping", func(rw http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(rw, "pong") })
	go func() { _ = http.Serve(inside, mux) }()

	headers := http.Header{"Authorization": {"Bearer stv-cluster-" + a.token}}
	for {
		err := a.serveSteveTunnel(headers, inside)
		a.out.write(line{Event: "down", Tunnel: "steve", Error: text(err)})
		time.Sleep(retryDelay)
	}
}

func (a *agent) serveSteveTunnel(headers http.Header, inside *memoryListener) error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	conn, resp, err := a.dialer.DialContext(ctx, a.server.String()+"/v3/connect", headers)
	if err != nil {
		if resp != nil {
			body, _ := io.ReadAll(io.LimitReader(resp.Body, 1024))
			return fmt.Errorf("%w: %s: %s", err, resp.Status, body)
		}
		return err
	}
	defer conn.Close()
	session := remotedialer.NewClientSessionWithDialer(
		func(string, string) bool { return true }, conn,
		func(ctx context.Context, _, _ string) (net.Conn, error) { return inside.dial(ctx) })
	defer session.Close()
	a.out.write(line{Event: "up", Tunnel: "steve"})
	_, err = session.Serve(ctx)
	return err
}

// memoryListener is a listener whose connections are made in this process.
type memoryListener struct{ pending chan net.Conn }

func newMemoryListener() *memoryListener { return &memoryListener{pending: make(chan net.Conn)} }

func (l *memoryListener) dial(ctx context.Context) (net.Conn, error) {
	near, far := net.Pipe()
	select {
	case l.pending <- far:
		return near, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (l *memoryListener) Accept() (net.Conn, error) { return <-l.pending, nil }
func (l *memoryListener) Close() error              { return nil }
func (l *memoryListener) Addr() net.Addr            { return &net.UnixAddr{Name: "memory", Net: "unix"} }

// lines writes one JSON object a line to stdout.
type lines struct {
	mu  sync.Mutex
	out io.Writer
}

type line struct {
	Event  string    `json:"event"`
	Tunnel string    `json:"tunnel"`
	At     time.Time `json:"at"`
	Error  string    `json:"error,omitempty"`
}

func (l *lines) write(one line) {
	one.At = time.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	_ = json.NewEncoder(l.out).Encode(one)
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
