// Command rancher-peer stands in for a Rancher server in front of a cluster agent.
//
// It answers the requests that an agent makes to Rancher, holds the agent's tunnels with Rancher's
// own tunnel library, checks the cluster through them as Rancher does, and lets kubectl through.
// A second, plain listener lets a test look inside and cause trouble. See ../README.md.
package main

import (
	"crypto/rand"
	"crypto/tls"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"
	"time"

	"github.com/sirupsen/logrus"
)

// rancher is the server's state, shared by its parts.
type rancher struct {
	events   *events
	clusters *clusters
	tunnels  *tunnels
	targets  targets
	manifest manifest // but for the token

	users         map[string]user // by bearer token
	noSessionWait time.Duration
	bodyLimit     int64
	idleLimit     time.Duration
	face          *face
}

// options is the command line.
type options struct {
	listen, control, dir string
	clusters             []string
	users                []string
	agentImage           string
	serverURL            string
	serverVersion        string
	pingInterval         time.Duration
	healthInterval       time.Duration
	noSessionWait        time.Duration
	bodyLimit            int64
	idleLimit            time.Duration
	exitWithStdin        bool
}

func main() {
	o, err := parse(os.Args[1:], os.Stderr)
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "rancher-peer:", err)
		os.Exit(2)
	}
	logrus.SetOutput(os.Stderr)

	// Rancher's sockets end without a close frame when it stops, and so do ours.
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)
	go func() {
		<-signals
		os.Exit(0)
	}()
	if o.exitWithStdin {
		go func() {
			_, _ = io.Copy(io.Discard, os.Stdin)
			os.Exit(0)
		}()
	}
	if err := run(o); err != nil {
		fmt.Fprintln(os.Stderr, "rancher-peer:", err)
		os.Exit(1)
	}
}

func parse(args []string, stderr io.Writer) (options, error) {
	var o options
	flags := flag.NewFlagSet("rancher-peer", flag.ContinueOnError)
	flags.SetOutput(stderr)
	repeated := func(into *[]string) func(string) error {
		return func(value string) error {
			*into = append(*into, value)
			return nil
		}
	}
	flags.StringVar(&o.listen, "listen", "127.0.0.1:0", "address of the TLS listener; name a port to keep it over restarts")
	flags.StringVar(&o.control, "control", "127.0.0.1:0", "address of the plain control listener")
	flags.StringVar(&o.dir, "dir", "", "directory of the CA and certificates, made the first time (required)")
	flags.Func("cluster", "`ID=TOKEN` of an imported cluster; repeatable, also for a second token of the same cluster", repeated(&o.clusters))
	flags.Func("user-token", "`NAME=TOKEN[,GROUP...]` of a kubectl user; repeatable (default admin=admin,system:masters)", repeated(&o.users))
	flags.StringVar(&o.agentImage, "agent-image", "rancher/rancher-agent:v2.15.0", "image in the import manifest")
	flags.StringVar(&o.serverURL, "server-url", "", "URL in the import manifest (default: the TLS listener's)")
	flags.StringVar(&o.serverVersion, "server-version", "v2.15.0", "Rancher version in the import manifest")
	flags.DurationVar(&o.pingInterval, "ping-interval", 15*time.Second, "time between connectivity checks")
	flags.DurationVar(&o.healthInterval, "health-interval", 15*time.Second, "time between health checks")
	flags.DurationVar(&o.noSessionWait, "no-session-wait", 0, "how long a kubectl request waits for the agent to come back (Rancher: about 30s)")
	flags.Int64Var(&o.bodyLimit, "body-limit", 1<<20, "largest body of a kubectl request in bytes, 0 for none")
	flags.DurationVar(&o.idleLimit, "idle-limit", 90*time.Second, "how long an idle connection to an API server is kept, as in Rancher")
	flags.BoolVar(&o.exitWithStdin, "exit-with-stdin", false, "exit when stdin is closed")
	if err := flags.Parse(args); err != nil {
		return o, err
	}

	var problems []string
	if flags.NArg() > 0 {
		problems = append(problems, fmt.Sprintf("unexpected argument %q", flags.Arg(0)))
	}
	if o.dir == "" {
		problems = append(problems, "--dir: name a directory for the certificates")
	}
	for name, interval := range map[string]time.Duration{"--ping-interval": o.pingInterval, "--health-interval": o.healthInterval} {
		if interval <= 0 {
			problems = append(problems, name+": give a duration above zero")
		}
	}
	for _, one := range o.clusters {
		if id, token, ok := strings.Cut(one, "="); !ok || id == "" || token == "" {
			problems = append(problems, fmt.Sprintf("--cluster %q: write it as ID=TOKEN", one))
		}
	}
	if len(o.users) == 0 {
		o.users = []string{"admin=admin,system:masters"}
	}
	if _, err := parseUsers(o.users); err != nil {
		problems = append(problems, err.Error())
	}
	if len(problems) > 0 {
		return o, errors.New(strings.Join(problems, "\n  "))
	}
	return o, nil
}

func parseUsers(specs []string) (map[string]user, error) {
	users := map[string]user{}
	for _, spec := range specs {
		name, rest, ok := strings.Cut(spec, "=")
		token, groups, _ := strings.Cut(rest, ",")
		if !ok || name == "" || token == "" {
			return nil, fmt.Errorf("--user-token %q: write it as NAME=TOKEN or NAME=TOKEN,GROUP,GROUP", spec)
		}
		who := user{name: name}
		if groups != "" {
			who.groups = strings.Split(groups, ",")
		}
		users[token] = who
	}
	return users, nil
}

func run(o options) error {
	front, err := net.Listen("tcp", o.listen)
	if err != nil {
		return fmt.Errorf("--listen %s: %w", o.listen, err)
	}
	id, err := loadIdentity(o.dir, front.Addr().(*net.TCPAddr).IP)
	if err != nil {
		return err
	}
	back, err := net.Listen("tcp", o.control)
	if err != nil {
		return fmt.Errorf("--control %s: %w", o.control, err)
	}

	r := newRancher(o, id, "https://"+front.Addr().String())
	inside := &http.Server{
		Handler:           newControl(r).handler(),
		ReadHeaderTimeout: 30 * time.Second,
	}

	failed := make(chan error, 2)
	go func() { failed <- r.serve(front) }()
	go func() { failed <- inside.Serve(back) }()
	go r.pingForever(o.pingInterval)
	go r.checkForever(o.healthInterval)

	r.events.line(map[string]string{
		"url":          "https://" + front.Addr().String(),
		"control":      "http://" + back.Addr().String(),
		"caFile":       id.caFile,
		"caChecksum":   checksum(id.caPEM),
		"remotedialer": libraryVersion(),
	})
	return <-failed
}

func newRancher(o options, id identity, url string) *rancher {
	r := &rancher{
		events:        &events{out: os.Stdout},
		targets:       targets{byID: map[string]target{}},
		noSessionWait: o.noSessionWait,
		bodyLimit:     o.bodyLimit,
		idleLimit:     o.idleLimit,
		face:          newFace(id),
	}
	r.clusters = newClusters(r.events)
	for _, one := range o.clusters {
		name, token, _ := strings.Cut(one, "=")
		r.clusters.addToken(name, token)
	}
	r.users, _ = parseUsers(o.users) // checked when the command line was read
	r.tunnels = newTunnels(r.clusters, r.events)
	r.manifest = manifest{
		Server:        o.serverURL,
		Checksum:      checksum(id.caPEM),
		Image:         o.agentImage,
		ServerVersion: o.serverVersion,
		InstallUUID:   "5d7b4f3c-0000-4000-8000-000000000001",
	}
	if r.manifest.Server == "" {
		r.manifest.Server = url
	}
	return r
}

// serve answers agents and kubectl until the listener is closed.
func (r *rancher) serve(front net.Listener) error {
	server := &http.Server{
		Handler:           r.handler(),
		ConnContext:       withConnection,
		ConnState:         onState,
		ReadHeaderTimeout: 30 * time.Second,
		ErrorLog:          log.New(io.Discard, "", 0), // a failed TLS handshake is the agent's to report
	}
	config := &tls.Config{
		GetCertificate: r.face.certificate,
		NextProtos:     []string{"http/1.1"},
	}
	// As without the listener's copies, which would have a key each: sessions can be resumed.
	var key [32]byte
	if _, err := rand.Read(key[:]); err != nil {
		return err
	}
	config.SetSessionTicketKeys([][32]byte{key})
	return server.Serve(&listener{Listener: front, config: config})
}

func (r *rancher) handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/v3/connect", r.tunnels)
	mux.Handle("/v3/connect/register", r.tunnels)
	mux.HandleFunc("/k8s/clusters/{id}/", r.serveKubernetes)
	mux.HandleFunc("GET /v3/import/{name}", r.serveImport)
	mux.HandleFunc("GET /v3/settings/cacerts", r.serveCACerts)
	mux.HandleFunc("GET /cacerts", func(rw http.ResponseWriter, _ *http.Request) {
		rw.Header().Set("Content-Type", "text/plain")
		_, _ = io.WriteString(rw, r.face.authorities())
	})
	mux.HandleFunc("GET /ping", func(rw http.ResponseWriter, _ *http.Request) {
		rw.Header().Set("Content-Type", "text/plain")
		_, _ = io.WriteString(rw, "pong")
	})
	mux.HandleFunc("GET /{$}", func(rw http.ResponseWriter, _ *http.Request) {
		answer(rw, map[string]any{"type": "collection", "resourceType": "apiRoot", "data": []any{}})
	})
	return http.HandlerFunc(func(rw http.ResponseWriter, req *http.Request) {
		if !strings.HasPrefix(req.URL.Path, "/v3/connect") {
			connectionOf(req).ignore()
		}
		mux.ServeHTTP(rw, req)
	})
}

// serveCACerts is the setting from which an agent learns the CA that it then checks by checksum.
func (r *rancher) serveCACerts(rw http.ResponseWriter, req *http.Request) {
	answer(rw, map[string]any{
		"type": "setting", "baseType": "setting", "id": "cacerts", "name": "cacerts",
		"customized": false, "default": "", "source": "", "value": r.face.authorities(),
		"actions": map[string]string{},
		"links":   map[string]string{"self": "https://" + req.Host + "/v3/settings/cacerts"},
	})
}

// libraryVersion says which remotedialer this binary was linked with.
func libraryVersion() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	for _, module := range info.Deps {
		if module.Path == "github.com/rancher/remotedialer" {
			return module.Version
		}
	}
	return "unknown"
}

func tlsName(conn *connection) string {
	return tls.VersionName(conn.ConnectionState().Version)
}
