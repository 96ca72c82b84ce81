package main

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sort"
	"strings"
	"sync"
	"time"
)

// pingsKept bounds the history of each cluster.
const pingsKept = 100

// apiServer is what an agent says about its cluster's API server when it connects.
type apiServer struct {
	Address string `json:"address"`
	Token   string `json:"token"`
	CACert  string `json:"caCert"` // base64 of PEM, kept as sent
}

// handshake is one websocket request as it arrived, for tests of what an agent sends.
type handshake struct {
	At       time.Time   `json:"at"`
	Path     string      `json:"path"`
	Status   int         `json:"status"` // 101, or the refusal
	Error    string      `json:"error,omitempty"`
	Headers  [][2]string `json:"headers"` // as spelt and ordered on the wire, Host included
	ALPN     []string    `json:"alpn"`    // offered by the client, null if none
	TLS      string      `json:"tls"`
	RemoteIP string      `json:"remote"`
}

type ping struct {
	At     time.Time `json:"at"`
	Millis float64   `json:"millis"`
	Status int       `json:"status"` // 0 if there was no answer
	Error  string    `json:"error,omitempty"`
}

// cluster is the state of one imported cluster, guarded by clusters.mu.
type cluster struct {
	id       string
	tokens   []string // all accepted ones; during a rotation there are two
	api      apiServer
	connects int // cluster tunnels opened since the start

	connected  *bool // nil until the first check
	ready      *bool
	readyError string
	pings      []ping
	shakes     map[string]handshake // last of each tunnel: "cluster" and "steve"
}

type clusters struct {
	events *events
	mu     sync.Mutex
	byID   map[string]*cluster
}

func newClusters(e *events) *clusters {
	return &clusters{events: e, byID: map[string]*cluster{}}
}

// addToken makes token valid for the cluster, which is created if need be.
func (c *clusters) addToken(id, token string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	one := c.byID[id]
	if one == nil {
		one = &cluster{id: id, shakes: map[string]handshake{}}
		c.byID[id] = one
	}
	if !slices.Contains(one.tokens, token) {
		one.tokens = append(one.tokens, token)
	}
}

// removeToken makes token invalid for the next handshake; as in Rancher, open sessions live on.
func (c *clusters) removeToken(id, token string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if one := c.byID[id]; one != nil {
		one.tokens = slices.DeleteFunc(one.tokens, func(t string) bool { return t == token })
	}
}

func (c *clusters) byToken(token string) (id string, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for id, one := range c.byID {
		if slices.Contains(one.tokens, token) {
			return id, true
		}
	}
	return "", false
}

func (c *clusters) hasToken(id, token string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	one := c.byID[id]
	return one != nil && slices.Contains(one.tokens, token)
}

func (c *clusters) exists(id string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.byID[id] != nil
}

func (c *clusters) ids() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	ids := make([]string, 0, len(c.byID))
	for id := range c.byID {
		ids = append(ids, id)
	}
	sort.Strings(ids)
	return ids
}

func (c *clusters) api(id string) (apiServer, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	one := c.byID[id]
	if one == nil || one.api.Address == "" {
		return apiServer{}, false
	}
	return one.api, true
}

func (c *clusters) store(id string, api apiServer) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.byID[id].api = api
}

// shook records the outcome of a handshake of tunnel "cluster" or "steve".
func (c *clusters) shook(id, tunnel string, h handshake) {
	c.mu.Lock()
	defer c.mu.Unlock()
	one := c.byID[id]
	if one == nil {
		return
	}
	one.shakes[tunnel] = h
	if tunnel == "cluster" && h.Status == http.StatusSwitchingProtocols {
		one.connects++
	}
}

// pinged records a connectivity check. A cluster that is lost is not ready either; when it
// comes back, only the next health check says that it is ready again.
func (c *clusters) pinged(id string, p ping) {
	ok := p.Status == http.StatusOK
	c.mu.Lock()
	one := c.byID[id]
	one.pings = append(one.pings, p)
	if len(one.pings) > pingsKept {
		one.pings = slices.Delete(one.pings, 0, len(one.pings)-pingsKept)
	}
	was := one.connected != nil && *one.connected
	before := one.active()
	one.connected = &ok
	if !ok {
		one.ready, one.readyError = &ok, "Cluster agent is not connected"
	}
	after := one.active()
	c.mu.Unlock()

	switch {
	case ok && !was:
		c.events.emit(event{Event: "connected", Cluster: id})
	case was && !ok:
		c.events.emit(event{Event: "disconnected", Cluster: id, Error: p.Error})
	}
	c.activeChanged(id, before, after)
}

// checkable says whether a health check makes sense now: not while the cluster is known to be away.
func (c *clusters) checkable(id string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	one := c.byID[id]
	return one.api.Address != "" && (one.connected == nil || *one.connected)
}

// checked records a health check; failure is empty if the API server is healthy.
func (c *clusters) checked(id, failure string) {
	ok := failure == ""
	c.mu.Lock()
	one := c.byID[id]
	if one.connected != nil && !*one.connected {
		// The agent was lost while the check ran, so its outcome is old news.
		c.mu.Unlock()
		return
	}
	changed := one.ready == nil || *one.ready != ok
	before := one.active()
	one.ready, one.readyError = &ok, failure
	after := one.active()
	c.mu.Unlock()

	if changed {
		name := "not-ready"
		if ok {
			name = "ready"
		}
		c.events.emit(event{Event: name, Cluster: id, Error: failure})
	}
	c.activeChanged(id, before, after)
}

func (c *clusters) activeChanged(id string, before, after bool) {
	switch {
	case after && !before:
		c.events.emit(event{Event: "active", Cluster: id})
	case before && !after:
		c.events.emit(event{Event: "inactive", Cluster: id})
	}
}

func (one *cluster) active() bool {
	return one.connected != nil && *one.connected && one.ready != nil && *one.ready
}

// clusterView is a cluster as the control listener shows it. The service-account token itself
// stays out of it.
type clusterView struct {
	ID             string               `json:"id"`
	Connected      bool                 `json:"connected"`
	Ready          bool                 `json:"ready"`
	Active         bool                 `json:"active"`
	ReadyError     string               `json:"readyError,omitempty"`
	Address        string               `json:"address"`
	TokenSHA256    string               `json:"tokenSha256"`
	CACert         string               `json:"caCert"`
	ConnectCount   int                  `json:"connectCount"`
	Pings          []ping               `json:"pings"`
	LastHandshakes map[string]handshake `json:"lastHandshakes"`
}

func (c *clusters) view() []clusterView {
	c.mu.Lock()
	defer c.mu.Unlock()
	views := make([]clusterView, 0, len(c.byID))
	for _, one := range c.byID {
		view := clusterView{
			ID:             one.id,
			Connected:      one.connected != nil && *one.connected,
			Ready:          one.ready != nil && *one.ready,
			Active:         one.active(),
			ReadyError:     one.readyError,
			Address:        one.api.Address,
			CACert:         one.api.CACert,
			ConnectCount:   one.connects,
			Pings:          append([]ping{}, one.pings...),
			LastHandshakes: map[string]handshake{},
		}
		if one.api.Token != "" {
			view.TokenSHA256 = sha256Hex(one.api.Token)
		}
		for tunnel, h := range one.shakes {
			view.LastHandshakes[tunnel] = h
		}
		views = append(views, view)
	}
	sort.Slice(views, func(i, j int) bool { return views[i].ID < views[j].ID })
	return views
}

// parseParams reads the header X-API-Tunnel-Params. The texts of its errors reach the agent as
// they are, so they follow Rancher's.
func parseParams(header string) (api apiServer, hostname string, err error) {
	raw, err := base64.StdEncoding.DecodeString(header)
	if err != nil {
		return apiServer{}, "", err
	}
	var params struct {
		Node *struct {
			RequestedHostname string `json:"requestedHostname"`
		} `json:"node"`
		Cluster *apiServer `json:"cluster"`
	}
	if err := json.Unmarshal(raw, &params); err != nil {
		return apiServer{}, "", err
	}
	switch {
	case params.Node != nil:
		if params.Node.RequestedHostname == "" {
			return apiServer{}, "", errors.New("invalid input, hostname empty")
		}
		return apiServer{}, params.Node.RequestedHostname, nil
	case params.Cluster == nil:
		return apiServer{}, "", errors.New("missing node or cluster registration info")
	}
	for _, field := range []struct{ name, value string }{
		{"address", params.Cluster.Address}, {"token", params.Cluster.Token}, {"caCert", params.Cluster.CACert},
	} {
		if field.value == "" {
			return apiServer{}, "", fmt.Errorf("invalid input, %s empty", field.name)
		}
	}
	api = *params.Cluster
	api.Address = bracketed(api.Address)
	return api, "", nil
}

// bracketed puts an IPv6 host that came without brackets ("fd00::1:443") into them.
func bracketed(address string) string {
	if strings.Count(address, ":") < 2 || strings.HasPrefix(address, "[") {
		return address
	}
	colon := strings.LastIndex(address, ":")
	return "[" + address[:colon] + "]" + address[colon:]
}
