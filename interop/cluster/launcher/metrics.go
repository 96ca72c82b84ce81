package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"
)

const (
	metricsNamespace = "kube-system"
	metricsService   = "metrics-server"
	metricsPath      = "/apis/metrics.k8s.io/v1beta1"
	metricsWindow    = 15 * time.Second
)

// usage is the file of --metrics: resource names and quantities by node.
type usage struct {
	Nodes map[string]map[string]string `json:"nodes"`
}

func readUsage(file string) (usage, error) {
	var u usage
	content, err := os.ReadFile(file)
	if err != nil {
		return u, err
	}
	if err := json.Unmarshal(content, &u); err != nil {
		return u, fmt.Errorf("%s: %w", file, err)
	}
	return u, nil
}

// serveMetrics answers as the metrics server does, to the API server only. It returns what ends it.
func (c *cluster) serveMetrics() (func(), error) {
	u, err := readUsage(c.metrics)
	if err != nil {
		return nil, err
	}
	own, err := tls.LoadX509KeyPair(c.cert("metrics.crt"), c.cert("metrics.key"))
	if err != nil {
		return nil, err
	}
	ca, err := os.ReadFile(c.cert("front-proxy-ca.crt"))
	if err != nil {
		return nil, err
	}
	clients := x509.NewCertPool()
	clients.AppendCertsFromPEM(ca)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	c.ports.metrics = listener.Addr().(*net.TCPAddr).Port
	server := &http.Server{
		Handler:           u.handler(time.Now),
		ReadHeaderTimeout: 10 * time.Second,
		TLSConfig: &tls.Config{
			Certificates: []tls.Certificate{own}, ClientCAs: clients, ClientAuth: tls.RequireAndVerifyClientCert,
		},
	}
	go func() { _ = server.ServeTLS(listener, "", "") }()
	return func() { _ = server.Close() }, nil
}

// handler serves the group's discovery, the nodes' usage as of now, and no pods.
func (u usage) handler(now func() time.Time) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+metricsPath, func(w http.ResponseWriter, _ *http.Request) {
		resource := func(name, kind string, namespaced bool) object {
			return object{"name": name, "singularName": "", "namespaced": namespaced, "kind": kind, "verbs": []string{"get", "list"}}
		}
		write(w, http.StatusOK, object{
			"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": "metrics.k8s.io/v1beta1",
			"resources": []object{resource("nodes", "NodeMetrics", false), resource("pods", "PodMetrics", true)},
		})
	})
	mux.HandleFunc("GET "+metricsPath+"/nodes", func(w http.ResponseWriter, _ *http.Request) {
		items := []object{}
		for name := range u.Nodes {
			items = append(items, u.node(name, now()))
		}
		slices.SortFunc(items, func(a, b object) int {
			return strings.Compare(a["metadata"].(object)["name"].(string), b["metadata"].(object)["name"].(string))
		})
		write(w, http.StatusOK, metricsList("NodeMetricsList", items))
	})
	mux.HandleFunc("GET "+metricsPath+"/nodes/{name}", func(w http.ResponseWriter, r *http.Request) {
		name := r.PathValue("name")
		if _, known := u.Nodes[name]; !known {
			write(w, http.StatusNotFound, object{
				"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "NotFound", "code": http.StatusNotFound,
				"message": fmt.Sprintf("nodemetrics.metrics.k8s.io %q not found", name),
			})
			return
		}
		write(w, http.StatusOK, u.node(name, now()))
	})
	for _, pods := range []string{"/pods", "/namespaces/{namespace}/pods"} {
		mux.HandleFunc("GET "+metricsPath+pods, func(w http.ResponseWriter, _ *http.Request) {
			write(w, http.StatusOK, metricsList("PodMetricsList", []object{}))
		})
	}
	return mux
}

func (u usage) node(name string, now time.Time) object {
	return object{
		"kind": "NodeMetrics", "apiVersion": "metrics.k8s.io/v1beta1",
		"metadata":  object{"name": name, "creationTimestamp": now.UTC().Format(time.RFC3339)},
		"timestamp": now.Add(-metricsWindow / 2).UTC().Format(time.RFC3339),
		"window":    metricsWindow.String(),
		"usage":     u.Nodes[name],
	}
}

func metricsList(kind string, items []object) object {
	return object{"kind": kind, "apiVersion": "metrics.k8s.io/v1beta1", "metadata": object{}, "items": items}
}

func write(w http.ResponseWriter, status int, body object) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

// publishMetrics makes the API server ask our metrics server for metrics.k8s.io. An endpoint may
// not be a loopback address, so the Service is of the one type that needs none.
func (c *cluster) publishMetrics(ctx context.Context, a *api) error {
	service := object{
		"apiVersion": "v1",
		"kind":       "Service",
		"metadata":   object{"name": metricsService, "labels": object{"k8s-app": metricsService}},
		"spec":       object{"type": "ExternalName", "externalName": "localhost"},
	}
	if err := a.call(ctx, http.MethodPost, "/api/v1/namespaces/"+metricsNamespace+"/services", service, nil); err != nil {
		return err
	}
	ca, err := os.ReadFile(c.cert("ca.crt"))
	if err != nil {
		return err
	}
	registration := object{
		"apiVersion": "apiregistration.k8s.io/v1",
		"kind":       "APIService",
		"metadata":   object{"name": "v1beta1.metrics.k8s.io", "labels": object{"k8s-app": metricsService}},
		"spec": object{
			"group": "metrics.k8s.io", "version": "v1beta1", "groupPriorityMinimum": 100, "versionPriority": 100,
			"service":  object{"namespace": metricsNamespace, "name": metricsService, "port": c.ports.metrics},
			"caBundle": ca,
		},
	}
	if err := a.call(ctx, http.MethodPost, "/apis/apiregistration.k8s.io/v1/apiservices", registration, nil); err != nil {
		return err
	}
	return waitFor(ctx, a, metricsPath+"/nodes")
}
