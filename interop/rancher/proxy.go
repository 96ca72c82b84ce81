package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httputil"
	"strconv"
	"strings"
	"sync"
	"time"
)

// user is somebody who may use kubectl through this server.
type user struct {
	name   string
	groups []string
}

// target is the API server of one cluster as last reported, with its pool of connections.
type target struct {
	api       apiServer
	transport func() (*http.Transport, error)
}

// targets keeps one pool for each cluster. A changed address, token or CA makes a new one.
type targets struct {
	mu   sync.Mutex
	byID map[string]target
}

func (r *rancher) target(id string) (target, bool) {
	api, ok := r.clusters.api(id)
	if !ok {
		return target{}, false
	}
	r.targets.mu.Lock()
	defer r.targets.mu.Unlock()
	if one, ok := r.targets.byID[id]; ok && one.api == api {
		return one, true
	}
	one := target{
		api:       api,
		transport: sync.OnceValues(func() (*http.Transport, error) { return r.transportTo(id, api) }),
	}
	r.targets.byID[id] = one
	return one, true
}

// transportTo speaks HTTP/1.1 in TLS inside streams of the cluster tunnel: one's own DialContext
// and TLS settings make Go leave HTTP/2 out.
func (r *rancher) transportTo(id string, api apiServer) (*http.Transport, error) {
	host, _, err := net.SplitHostPort(api.Address)
	if err != nil {
		return nil, fmt.Errorf("the agent's cluster.address: %w", err)
	}
	ca, err := base64.StdEncoding.DecodeString(api.CACert)
	if err != nil {
		return nil, fmt.Errorf("the agent's cluster.caCert: %w", err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(ca) {
		return nil, errors.New("the agent's cluster.caCert holds no certificate")
	}
	return &http.Transport{
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			dial, ok := r.tunnels.await(ctx, id, r.noSessionWait)
			if !ok {
				return nil, errors.New("cluster agent disconnected")
			}
			return dial(ctx, network, address)
		},
		TLSClientConfig:     &tls.Config{RootCAs: roots, ServerName: host, NextProtos: []string{"http/1.1"}},
		TLSHandshakeTimeout: 10 * time.Second,
		IdleConnTimeout:     r.idleLimit,
		// A response goes to the client as the API server encoded it.
		DisableCompression: true,
	}, nil
}

// serveKubernetes is /k8s/clusters/{id}/...: the cluster's API for kubectl, and under v1/ the
// agent's own HTTP server on the steve tunnel.
func (r *rancher) serveKubernetes(rw http.ResponseWriter, req *http.Request) {
	who, ok := r.userOf(req)
	if !ok {
		refuse(rw, http.StatusUnauthorized, "Unauthorized", "must authenticate")
		return
	}
	id := req.PathValue("id")
	if !r.clusters.exists(id) {
		refuse(rw, http.StatusNotFound, "NotFound", "No cluster available")
		return
	}
	prefix := "/k8s/clusters/" + id
	if r.bodyLimit > 0 && req.Body != nil && req.Body != http.NoBody {
		req.Body = http.MaxBytesReader(rw, req.Body, r.bodyLimit)
	}
	if path := strings.TrimPrefix(req.URL.Path, prefix); path == "/v1" || strings.HasPrefix(path, "/v1/") {
		r.serveSteve(rw, req, id, prefix, who)
		return
	}

	target, ok := r.target(id)
	if !ok {
		refuse(rw, http.StatusServiceUnavailable, "ClusterUnavailable", "cluster has not connected yet")
		return
	}
	transport, err := target.transport()
	if err != nil {
		http.Error(rw, "error trying to reach service: "+err.Error(), http.StatusInternalServerError)
		return
	}
	proxy := &httputil.ReverseProxy{
		Rewrite: func(p *httputil.ProxyRequest) {
			cutPrefix(p, prefix)
			p.Out.URL.Scheme, p.Out.URL.Host, p.Out.Host = "https", target.api.Address, ""
			impersonate(p.Out.Header, who)
			p.Out.Header.Set("Authorization", "Bearer "+target.api.Token)
		},
		Transport:     transport,
		FlushInterval: -1, // a watch or a followed log must not wait for a full buffer
		ErrorHandler:  errorHandler("error trying to reach service: "),
	}
	proxy.ServeHTTP(rw, req)
}

func (r *rancher) serveSteve(rw http.ResponseWriter, req *http.Request, id, prefix string, who user) {
	transport := &http.Transport{
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			dial, ok := r.tunnels.await(ctx, stevePrefix+id, r.noSessionWait)
			if !ok {
				return nil, fmt.Errorf("failed to find Session for client %s", stevePrefix+id)
			}
			return dial(ctx, network, address)
		},
		DisableCompression: true,
	}
	defer transport.CloseIdleConnections()
	proxy := &httputil.ReverseProxy{
		Rewrite: func(p *httputil.ProxyRequest) {
			cutPrefix(p, prefix)
			p.Out.URL.Scheme, p.Out.URL.Host, p.Out.Host = "http", "127.0.0.1:6080", ""
			impersonate(p.Out.Header, who)
			p.Out.Header.Set("X-API-URL-Prefix", prefix)
		},
		Transport:     transport,
		FlushInterval: -1,
		ErrorHandler:  errorHandler("lost connection to cluster: "),
	}
	proxy.ServeHTTP(rw, req)
}

func cutPrefix(p *httputil.ProxyRequest, prefix string) {
	p.Out.URL.Path = strings.TrimPrefix(p.In.URL.Path, prefix)
	p.Out.URL.RawPath = strings.TrimPrefix(p.In.URL.RawPath, prefix)
	if p.Out.URL.Path == "" {
		p.Out.URL.Path = "/"
	}
}

// impersonate replaces whatever identity the client claimed by the one it proved.
func impersonate(header http.Header, who user) {
	header.Del("Authorization")
	for name := range header {
		if strings.HasPrefix(name, "Impersonate-") {
			header.Del(name)
		}
	}
	header.Set("Impersonate-User", who.name)
	for _, group := range who.groups {
		header.Add("Impersonate-Group", group)
	}
}

func errorHandler(prefix string) func(http.ResponseWriter, *http.Request, error) {
	return func(rw http.ResponseWriter, req *http.Request, err error) {
		rw.Header().Set("Content-Type", "text/plain; charset=utf-8")
		rw.WriteHeader(http.StatusInternalServerError)
		_, _ = rw.Write([]byte(prefix + err.Error()))
	}
}

func (r *rancher) userOf(req *http.Request) (user, bool) {
	token, ok := strings.CutPrefix(req.Header.Get("Authorization"), "Bearer ")
	if !ok {
		return user{}, false
	}
	who, ok := r.users[token]
	return who, ok
}

// refuse answers with an error object in the manner of Rancher's API.
func refuse(rw http.ResponseWriter, status int, code, message string) {
	rw.Header().Set("Content-Type", "application/json")
	rw.WriteHeader(status)
	_ = json.NewEncoder(rw).Encode(map[string]string{
		"type": "error", "status": strconv.Itoa(status), "code": code, "message": message,
	})
}
