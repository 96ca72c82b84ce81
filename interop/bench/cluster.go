package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"
)

// clusterSize is what a control plane is filled with.
type clusterSize struct {
	nodes, pods int
	usage       bool // metrics.k8s.io is served
}

var smallCluster = clusterSize{nodes: 1}

const (
	// nodeHeartbeat is that of a kubelet whose node's status stays as it is.
	nodeHeartbeat = 5 * time.Minute

	// fillEach is about how long a node or pod takes; and how long it may take.
	fillEach      = 8 * time.Millisecond
	fillLimitEach = 30 * time.Millisecond
)

func (s clusterSize) objects() time.Duration { return time.Duration(s.nodes + s.pods) }

// clusterHello is the line of drover-cluster.
type clusterHello struct {
	APIServer string `json:"apiServer"`
	CA        string `json:"ca"`
	Dir       string `json:"dir"`
	Version   string `json:"version"`
}

// auditPolicy makes the API server note each request of the agents' account, once or, if it is a
// watch, twice.
const auditPolicy = `{"apiVersion": "audit.k8s.io/v1", "kind": "Policy", "omitStages": ["RequestReceived"], "rules": [
  {"level": "Metadata", "users": ["` + agentAccount + `"]},
  {"level": "None"}]}
`

const agentAccount = "system:serviceaccount:cattle-system:cattle"

func (w *world) auditLog() string { return filepath.Join(w.directory, "audit.log") }

// startCluster starts a new control plane of that size, in the place of the one before.
func (w *world) startCluster(ctx context.Context, size clusterSize) error {
	if w.cluster != nil {
		w.cluster.stop(5 * time.Second)
	}
	policy := filepath.Join(w.directory, "audit-policy.json")
	if err := errors.Join(os.WriteFile(policy, []byte(auditPolicy), 0o600), os.RemoveAll(w.auditLog())); err != nil {
		return err
	}
	command := exec.Command(filepath.Join(w.clusterDir, "drover-cluster"),
		"--bin", w.clusterDir, "--dir", filepath.Join(w.directory, "cluster"),
		"--nodes", strconv.Itoa(size.nodes), "--pods", strconv.Itoa(size.pods), "--scheduler=false",
		"--node-heartbeat", nodeHeartbeat.String(),
		"--api-server-flag", "--audit-policy-file="+policy, "--api-server-flag", "--audit-log-path="+w.auditLog())
	if size.usage {
		file := filepath.Join(w.directory, "usage.json")
		if err := os.WriteFile(file, nodesUsage(size.nodes), 0o600); err != nil {
			return err
		}
		command.Args = append(command.Args, "--metrics", file)
	}
	var err error
	if w.cluster, err = w.spawner.start("drover-cluster", w.directory, command, w.cpu(peerCPU), false); err != nil {
		return err
	}
	line, err := firstLineWithin(ctx, w.cluster, startLimit+size.objects()*fillLimitEach)
	if err != nil {
		return err
	}
	if err := json.Unmarshal([]byte(line), &w.api); err != nil {
		return fmt.Errorf("drover-cluster's line %q: %w", line, err)
	}
	w.cluster.drain()
	if w.admin, err = w.administrator(); err != nil {
		return err
	}
	if w.token, err = w.makeAccount(ctx); err != nil {
		return fmt.Errorf("the agents' service account: %w", err)
	}
	return nil
}

// nodesUsage is what the metrics server says, as drover-cluster takes it.
func nodesUsage(nodes int) []byte {
	usage := map[string]map[string]string{}
	for i := range nodes {
		usage[fmt.Sprintf("node-%d", i)] = map[string]string{
			"cpu": fmt.Sprintf("%dm", 100+i%1900), "memory": fmt.Sprintf("%dKi", 1000000+1000*(i%4000)),
		}
	}
	content, _ := json.Marshal(map[string]any{"nodes": usage}) // of texts: cannot fail
	return content
}

// administrator is a client with all rights.
func (w *world) administrator() (*http.Client, error) {
	certificates := filepath.Join(w.api.Dir, "certificates")
	pair, err := tls.LoadX509KeyPair(filepath.Join(certificates, "admin.crt"), filepath.Join(certificates, "admin.key"))
	if err != nil {
		return nil, err
	}
	pem, err := os.ReadFile(w.api.CA)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	return &http.Client{
		Timeout: 10 * time.Second,
		Transport: &http.Transport{
			TLSClientConfig: &tls.Config{RootCAs: roots, Certificates: []tls.Certificate{pair}}, IdleConnTimeout: 5 * time.Second,
		},
	}, nil
}

// call makes one request to the API server as its administrator; body and result may be nil.
func (w *world) call(ctx context.Context, method, path string, body, result any) error {
	var content io.Reader
	if body != nil {
		raw, err := json.Marshal(body)
		if err != nil {
			return err
		}
		content = bytes.NewReader(raw)
	}
	request, err := http.NewRequestWithContext(ctx, method, "https://"+w.api.APIServer+path, content)
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := w.admin.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode/100 != 2 {
		text, _ := io.ReadAll(io.LimitReader(response.Body, 1024))
		return fmt.Errorf("%s %s: %w: %s", method, path, statusError(response.StatusCode), text)
	}
	if result == nil {
		_, err = io.Copy(io.Discard, response.Body)
		return err
	}
	return json.NewDecoder(response.Body).Decode(result)
}

// apiPort is that of the API server.
func (w *world) apiPort() int {
	_, text, _ := net.SplitHostPort(w.api.APIServer)
	port, _ := strconv.Atoi(text)
	return port
}

// statusError is an answer that is no success.
type statusError int

func (s statusError) Error() string { return fmt.Sprintf("status %d", int(s)) }

// makeAccount makes what the import manifest makes: the agent's namespace and service account, as
// cluster admin, and gets a token for it.
func (w *world) makeAccount(ctx context.Context) (string, error) {
	post := func(path string, body, result any) error { return w.call(ctx, http.MethodPost, path, body, result) }
	named := func(name string) map[string]any { return map[string]any{"metadata": map[string]any{"name": name}} }
	binding := named("cattle-admin-binding")
	binding["roleRef"] = map[string]string{"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"}
	binding["subjects"] = []map[string]string{{"kind": "ServiceAccount", "namespace": "cattle-system", "name": "cattle"}}
	var token struct {
		Status struct {
			Token string `json:"token"`
		} `json:"status"`
	}
	err := errors.Join(
		post("/api/v1/namespaces", named("cattle-system"), nil),
		post("/api/v1/namespaces/cattle-system/serviceaccounts", named("cattle"), nil),
		post("/apis/rbac.authorization.k8s.io/v1/clusterrolebindings", binding, nil),
		post("/api/v1/namespaces/cattle-system/serviceaccounts/cattle/token",
			map[string]any{"spec": map[string]any{"expirationSeconds": 24 * 3600}}, &token),
	)
	return token.Status.Token, err
}
