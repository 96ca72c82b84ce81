package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/rancher/remotedialer"
)

// control is the listener by which a test looks at the server and makes it do things.
type control struct {
	*rancher
	mu       sync.Mutex
	forwards map[string]net.Listener // by local address
}

func newControl(r *rancher) *control {
	return &control{rancher: r, forwards: map[string]net.Listener{}}
}

func (c *control) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /sessions", func(rw http.ResponseWriter, _ *http.Request) { answer(rw, c.tunnels.sessions()) })
	mux.HandleFunc("GET /clusters", func(rw http.ResponseWriter, _ *http.Request) { answer(rw, c.clusters.view()) })
	mux.HandleFunc("GET /handshakes", func(rw http.ResponseWriter, _ *http.Request) { answer(rw, c.tunnels.handshakes()) })
	mux.HandleFunc("POST /tokens", c.changeTokens)
	mux.HandleFunc("POST /ca", c.changeCA)
	mux.HandleFunc("POST /forward", c.forward)
	mux.HandleFunc("DELETE /forward", c.stopForward)
	mux.HandleFunc("POST /dial", c.dial)
	mux.HandleFunc("POST /http", c.get)
	mux.HandleFunc("POST /cut", c.cutSessions)
	return mux
}

func answer(rw http.ResponseWriter, value any) {
	rw.Header().Set("Content-Type", "application/json")
	encoder := json.NewEncoder(rw)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(value)
}

// complain tells the caller of the control listener what is wrong with the request.
func complain(rw http.ResponseWriter, status int, problem string) {
	rw.Header().Set("Content-Type", "application/json")
	rw.WriteHeader(status)
	_ = json.NewEncoder(rw).Encode(map[string]string{"error": problem})
}

// require reads query parameters that may not be missing.
func require(req *http.Request, names ...string) ([]string, error) {
	values := make([]string, len(names))
	var missing []string
	for i, name := range names {
		if values[i] = req.URL.Query().Get(name); values[i] == "" {
			missing = append(missing, name)
		}
	}
	if len(missing) > 0 {
		return nil, fmt.Errorf("give the query parameter(s) %s", strings.Join(missing, ", "))
	}
	return values, nil
}

func timeout(req *http.Request, standard time.Duration) (time.Duration, error) {
	text := req.URL.Query().Get("timeout")
	if text == "" {
		return standard, nil
	}
	limit, err := time.ParseDuration(text)
	if err != nil || limit <= 0 {
		return 0, fmt.Errorf("timeout=%q: give a Go duration above zero, like 500ms or 10s", text)
	}
	return limit, nil
}

func (c *control) changeTokens(rw http.ResponseWriter, req *http.Request) {
	values, err := require(req, "cluster")
	if err != nil {
		complain(rw, http.StatusBadRequest, err.Error())
		return
	}
	if token := req.URL.Query().Get("add"); token != "" {
		c.clusters.addToken(values[0], token)
	}
	if token := req.URL.Query().Get("remove"); token != "" {
		c.clusters.removeToken(values[0], token)
	}
	answer(rw, map[string]string{})
}

// changeCA goes a step of a change of the CA: first it is announced, then it is served with.
func (c *control) changeCA(rw http.ResponseWriter, req *http.Request) {
	values, err := require(req, "dir", "step")
	if err != nil {
		complain(rw, http.StatusBadRequest, err.Error())
		return
	}
	id, err := loadIdentity(values[0])
	if err != nil {
		complain(rw, http.StatusInternalServerError, err.Error())
		return
	}
	switch values[1] {
	case "announce":
		c.face.announce(id)
	case "serve":
		c.face.change(id)
	default:
		complain(rw, http.StatusBadRequest, fmt.Sprintf("step=%q: give announce or serve", values[1]))
		return
	}
	answer(rw, map[string]string{"caFile": id.caFile, "caChecksum": checksum(c.face.authorities())})
}

func (c *control) cutSessions(rw http.ResponseWriter, req *http.Request) {
	values, err := require(req, "key")
	if err != nil {
		complain(rw, http.StatusBadRequest, err.Error())
		return
	}
	var id int64
	if text := req.URL.Query().Get("session"); text != "" {
		if id, err = strconv.ParseInt(text, 10, 64); err != nil {
			complain(rw, http.StatusBadRequest, "session: give the number that GET /sessions shows")
			return
		}
	}
	answer(rw, map[string]int{"cut": c.tunnels.cut(values[0], id)})
}

func (c *control) forward(rw http.ResponseWriter, req *http.Request) {
	values, err := require(req, "key", "network", "address")
	if err != nil {
		complain(rw, http.StatusBadRequest, err.Error())
		return
	}
	local, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		complain(rw, http.StatusInternalServerError, err.Error())
		return
	}
	c.mu.Lock()
	c.forwards[local.Addr().String()] = local
	c.mu.Unlock()
	go func() {
		for {
			conn, err := local.Accept()
			if err != nil {
				return // closed by stopForward
			}
			go c.carry(conn.(*net.TCPConn), values[0], values[1], values[2])
		}
	}()
	answer(rw, map[string]string{"address": local.Addr().String()})
}

func (c *control) stopForward(rw http.ResponseWriter, req *http.Request) {
	values, err := require(req, "address")
	if err != nil {
		complain(rw, http.StatusBadRequest, err.Error())
		return
	}
	c.mu.Lock()
	local := c.forwards[values[0]]
	delete(c.forwards, values[0])
	c.mu.Unlock()
	if local == nil {
		complain(rw, http.StatusNotFound, "no forward listens on "+values[0])
		return
	}
	_ = local.Close()
	answer(rw, map[string]string{})
}

// carry pipes one local connection through the tunnel. The tunnel has no half-close: the first
// end of either side ends both. A clean end is passed on as FIN, any other as RST.
func (c *control) carry(local *net.TCPConn, key, network, address string) {
	defer local.Close()
	fail := func(err error) {
		_ = local.SetLinger(0)
		c.events.emit(event{Event: "forward-error", Key: key, Target: network + "/" + address, Error: err.Error()})
	}
	dial, ok := c.tunnels.dialer(key)
	if !ok {
		fail(fmt.Errorf("no session for %s", key))
		return
	}
	remote, err := dial(context.Background(), network, address)
	if err != nil {
		fail(err)
		return
	}
	defer remote.Close()

	var done sync.WaitGroup
	done.Go(func() {
		_, _ = io.Copy(remote, local)
		_ = remote.Close()
	})
	_, err = io.Copy(onlyWriter{local}, remote)
	// The local end leaving first closes the stream under our feet; that is no failure.
	if err != nil && !errors.Is(err, io.ErrClosedPipe) && !errors.Is(err, net.ErrClosed) {
		fail(err)
	}
	_ = local.Close()
	done.Wait()
}

// dial opens one stream, writes nothing, and reports how the agent ended it.
func (c *control) dial(rw http.ResponseWriter, req *http.Request) {
	values, err := require(req, "key", "network", "address")
	if err != nil {
		complain(rw, http.StatusBadRequest, err.Error())
		return
	}
	limit, err := timeout(req, 10*time.Second)
	if err != nil {
		complain(rw, http.StatusBadRequest, err.Error())
		return
	}
	started := time.Now()
	outcome := dialOutcome{}
	outcome.run(c.tunnels, values[0], values[1], values[2], limit)
	outcome.Millis = millisSince(started)
	answer(rw, outcome)
}

type dialOutcome struct {
	Error    string  `json:"error"` // what the agent said; empty if it said nothing in time
	TimedOut bool    `json:"timedOut"`
	Bytes    int64   `json:"bytes"` // received before the end
	Millis   float64 `json:"millis"`
}

func (o *dialOutcome) run(t *tunnels, key, network, address string, limit time.Duration) {
	dial, ok := t.dialer(key)
	if !ok {
		o.Error = "no session for " + key
		return
	}
	stream, err := dial(context.Background(), network, address)
	if err != nil {
		o.Error = err.Error()
		return
	}
	defer stream.Close()
	type end struct {
		bytes int64
		err   error
	}
	ended := make(chan end, 1)
	go func() {
		n, err := io.Copy(io.Discard, onlyReader{stream})
		if err == nil {
			err = io.EOF
		}
		ended <- end{n, err}
	}()
	select {
	case e := <-ended:
		o.Bytes, o.Error = e.bytes, e.err.Error()
	case <-time.After(limit):
		o.TimedOut = true
	}
}

// onlyWriter hides that a socket can read from a stream itself, which puts its own words before
// the agent's error.
type onlyWriter struct{ io.Writer }

// onlyReader hides everything but Read, so that io.Copy counts what arrives.
type onlyReader struct{ io.Reader }

// get makes an HTTP request on a stream of the steve tunnel, or of any other.
func (c *control) get(rw http.ResponseWriter, req *http.Request) {
	values, err := require(req, "key")
	if err != nil {
		complain(rw, http.StatusBadRequest, err.Error())
		return
	}
	limit, err := timeout(req, 30*time.Second)
	if err != nil {
		complain(rw, http.StatusBadRequest, err.Error())
		return
	}
	query := req.URL.Query()
	path, host := query.Get("path"), query.Get("host")
	if path == "" {
		path = "/ping"
	}
	if host == "" {
		host = "not-used"
	}
	ctx, cancel := context.WithTimeout(req.Context(), limit)
	defer cancel()

	started := time.Now()
	var status int
	var header http.Header
	var body []byte
	var dial remotedialer.Dialer
	if found, ok := c.tunnels.dialer(values[0]); ok {
		dial = found
		status, header, body, err = getThrough(ctx, dial, "http://"+host+path)
	} else {
		err = fmt.Errorf("no session for %s", values[0])
	}
	outcome := map[string]any{
		"status": status, "headers": header, "body": string(body), "millis": millisSince(started), "error": "",
	}
	if err != nil {
		outcome["error"] = err.Error()
	}
	answer(rw, outcome)
}
