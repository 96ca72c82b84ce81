// Command drover-kubelet plays the kubelet's streaming endpoints for pods that do not exist: exec,
// attach, logs and port-forward, with the streaming code of a real kubelet behind them.
//
// kwok has the same endpoints, but in v0.8.0 its exec never closes the process's stdin, so that
// "kubectl cp" into a pod waits for ever, and it turns an exit code into an internal error.
//
// A "container" is a process of this machine: exec runs commands in a directory of the pod, and
// port-forward connects to the same port of 127.0.0.1. Only a client certificate of the cluster's
// CA gets in.
package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"k8s.io/cri-streaming/pkg/streaming/portforward"
	"k8s.io/cri-streaming/pkg/streaming/remotecommand"
)

const (
	idleTimeout           = 4 * time.Hour // as the kubelet's default
	streamCreationTimeout = 30 * time.Second
	tickInterval          = time.Second
)

// kubelet serves the pods of all nodes. Its files are in dir: NAMESPACE/POD is a pod's working
// directory, NAMESPACE/POD/CONTAINER.log its log if somebody wrote one, and container.log the log
// of all other containers.
type kubelet struct{ dir string }

func main() {
	listen := flag.String("listen", "", "`ADDRESS` to serve on (required)")
	dir := flag.String("dir", "", "`DIRECTORY` for the pods' files (required)")
	certFile := flag.String("cert", "", "`FILE` with the serving certificate (required)")
	keyFile := flag.String("key", "", "`FILE` with its key (required)")
	caFile := flag.String("client-ca", "", "`FILE` with the CA of the clients (required)")
	flag.Parse()
	if err := run(*listen, *dir, *certFile, *keyFile, *caFile); err != nil {
		fmt.Fprintln(os.Stderr, "drover-kubelet:", err)
		os.Exit(1)
	}
}

func run(listen, dir, certFile, keyFile, caFile string) error {
	cert, err := tls.LoadX509KeyPair(certFile, keyFile)
	if err != nil {
		return fmt.Errorf("--cert and --key: %w", err)
	}
	ca, err := os.ReadFile(caFile)
	if err != nil {
		return fmt.Errorf("--client-ca: %w", err)
	}
	clients := x509.NewCertPool()
	if !clients.AppendCertsFromPEM(ca) {
		return fmt.Errorf("--client-ca %s: holds no PEM certificate", caFile)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("--dir: %w", err)
	}
	k := &kubelet{dir: dir}
	if err := k.log(0); err != nil {
		return fmt.Errorf("--dir: %w", err)
	}
	go k.tick()

	listener, err := net.Listen("tcp", listen)
	if err != nil {
		return fmt.Errorf("--listen: %w", err)
	}
	server := &http.Server{
		Handler:           k.handler(),
		ReadHeaderTimeout: 30 * time.Second,
		// HTTP/1.1 only, for the upgrades to SPDY and websockets.
		TLSConfig: &tls.Config{
			Certificates: []tls.Certificate{cert},
			ClientAuth:   tls.RequireAndVerifyClientCert,
			ClientCAs:    clients,
			NextProtos:   []string{"http/1.1"},
		},
	}
	return server.Serve(tls.NewListener(listener, server.TLSConfig))
}

// tick appends a line a second to the common log, so that following it shows something.
func (k *kubelet) tick() {
	number := 0
	for range time.Tick(tickInterval) {
		number++
		if err := k.log(number); err != nil {
			fmt.Fprintln(os.Stderr, "drover-kubelet:", err)
			return
		}
	}
}

func (k *kubelet) log(number int) error {
	file, err := os.OpenFile(filepath.Join(k.dir, "container.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(file, "%s stdout F line %d\n", time.Now().UTC().Format(time.RFC3339Nano), number)
	return errors.Join(err, file.Close())
}

func (k *kubelet) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(rw http.ResponseWriter, _ *http.Request) { _, _ = rw.Write([]byte("ok")) })
	mux.HandleFunc("/exec/{namespace}/{pod}/{container}", k.serveExec)
	mux.HandleFunc("/attach/{namespace}/{pod}/{container}", k.serveAttach)
	mux.HandleFunc("/portForward/{namespace}/{pod}", k.servePortForward)
	mux.HandleFunc("GET /containerLogs/{namespace}/{pod}/{container}", k.serveLogs)
	return mux
}

func (k *kubelet) serveExec(rw http.ResponseWriter, req *http.Request) {
	pod, err := k.pod(req)
	if err != nil {
		http.Error(rw, err.Error(), http.StatusBadRequest)
		return
	}
	options, err := remotecommand.NewOptions(req)
	if err != nil {
		http.Error(rw, err.Error(), http.StatusBadRequest)
		return
	}
	command := req.URL.Query()["command"]
	if len(command) == 0 {
		http.Error(rw, "give the query parameter command at least once", http.StatusBadRequest)
		return
	}
	remotecommand.ServeExec(rw, req, pod, pod.name, "", req.PathValue("container"), command, options,
		idleTimeout, streamCreationTimeout, remotecommand.SupportedStreamingProtocols)
}

func (k *kubelet) serveAttach(rw http.ResponseWriter, req *http.Request) {
	pod, err := k.pod(req)
	if err != nil {
		http.Error(rw, err.Error(), http.StatusBadRequest)
		return
	}
	options, err := remotecommand.NewOptions(req)
	if err != nil {
		http.Error(rw, err.Error(), http.StatusBadRequest)
		return
	}
	remotecommand.ServeAttach(rw, req, pod, pod.name, "", req.PathValue("container"), options,
		idleTimeout, streamCreationTimeout, remotecommand.SupportedStreamingProtocols)
}

func (k *kubelet) servePortForward(rw http.ResponseWriter, req *http.Request) {
	pod, err := k.pod(req)
	if err != nil {
		http.Error(rw, err.Error(), http.StatusBadRequest)
		return
	}
	options, err := portforward.NewV4Options(req)
	if err != nil {
		http.Error(rw, err.Error(), http.StatusBadRequest)
		return
	}
	portforward.ServePortForward(rw, req, pod, pod.name, "", options,
		idleTimeout, streamCreationTimeout, portforward.SupportedProtocols)
}

func (k *kubelet) serveLogs(rw http.ResponseWriter, req *http.Request) {
	pod, err := k.pod(req)
	if err != nil {
		http.Error(rw, err.Error(), http.StatusBadRequest)
		return
	}
	options, err := logOptions(req.URL.Query(), time.Now())
	if err != nil {
		http.Error(rw, err.Error(), http.StatusBadRequest)
		return
	}
	out := &flusher{rw}
	if err := readLog(req.Context(), pod.logFile(req.PathValue("container")), options, out); err != nil && !errors.Is(err, context.Canceled) {
		fmt.Fprintln(out, "drover-kubelet:", err)
	}
}

// flusher sends each line at once: a reader follows the log.
type flusher struct{ rw http.ResponseWriter }

func (f *flusher) Write(p []byte) (int, error) {
	n, err := f.rw.Write(p)
	if err == nil {
		err = http.NewResponseController(f.rw).Flush()
	}
	return n, err
}

// pod finds the pod of a request by the names in its path, which must not lead out of the directory.
func (k *kubelet) pod(req *http.Request) (*pod, error) {
	namespace, name, container := req.PathValue("namespace"), req.PathValue("pod"), req.PathValue("container")
	for _, part := range []string{namespace, name, container} {
		if strings.ContainsAny(part, `/\`) || strings.HasPrefix(part, ".") {
			return nil, errors.New("not a name: " + strconv.Quote(part))
		}
	}
	return &pod{name: name, dir: filepath.Join(k.dir, namespace, name), common: filepath.Join(k.dir, "container.log")}, nil
}
