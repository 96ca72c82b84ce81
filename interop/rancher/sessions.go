package main

import (
	"bytes"
	"context"
	"net/http"
	"runtime"
	"slices"
	"sort"
	"strings"
	"sync"
	"time"

	"github.com/rancher/remotedialer"
	"github.com/sirupsen/logrus"
)

// handshakesKept bounds the list of all handshakes, refused ones included.
const handshakesKept = 200

// tunnels is the endpoint /v3/connect: remotedialer's server, and a book of who is connected,
// which the library keeps to itself.
type tunnels struct {
	server   *remotedialer.Server
	clusters *clusters
	events   *events

	mu     sync.Mutex
	nextID int64
	open   map[string][]*session // per key, oldest first: the library dials through the first
	shakes []handshake

	// taken holds every connection that became a tunnel, also after its session ended. The library
	// leaves such sockets open, and so does Rancher, whose listener refers to them: an agent has
	// to find out by itself.
	taken []*connection

	reasons sessionErrors
}

// session is one open tunnel. The id is ours; the library's own session key is not to be had.
type session struct {
	ID       int64     `json:"session"`
	Key      string    `json:"key"`
	OpenedAt time.Time `json:"openedAt"`
	Remote   string    `json:"remote"`
	Path     string    `json:"path"`
	conn     *connection
}

// attempt is a handshake under way, carried in its request's context.
type attempt struct {
	key     string
	refused int
	reason  string
}

type attemptKey struct{}

func newTunnels(known *clusters, e *events) *tunnels {
	t := &tunnels{clusters: known, events: e, open: map[string][]*session{}}
	authorize := chain(clusterAuthorizer(known), steveAuthorizer(known))
	t.server = remotedialer.New(
		func(req *http.Request) (string, bool, error) {
			key, ok, err := authorize(req)
			if a, found := req.Context().Value(attemptKey{}).(*attempt); found && ok {
				a.key = key
			}
			return key, ok, err
		},
		func(rw http.ResponseWriter, req *http.Request, code int, err error) {
			if a, found := req.Context().Value(attemptKey{}).(*attempt); found && a.refused == 0 {
				a.refused, a.reason = code, err.Error()
			}
			remotedialer.DefaultErrorWriter(rw, req, code, err)
		})
	logrus.AddHook(&t.reasons)
	return t
}

// ServeHTTP answers a handshake and, if it succeeds, serves the tunnel until it ends.
func (t *tunnels) ServeHTTP(rw http.ResponseWriter, req *http.Request) {
	conn := connectionOf(req)
	shake := handshake{
		At: time.Now(), Path: req.URL.Path, Headers: conn.headers(req), ALPN: conn.offered(),
		TLS: tlsName(conn), RemoteIP: req.RemoteAddr,
	}
	a := &attempt{}
	var opened *session
	conn.taken(func() {
		// The library has the session on its list by now: it reads only then.
		opened = t.opened(a.key, conn, req)
		shake.Status = http.StatusSwitchingProtocols
		t.shook(a.key, shake)
		t.events.emit(event{Event: "session-opened", Key: opened.Key, Session: opened.ID, Path: opened.Path})
	})
	goroutine := t.reasons.expect()
	t.server.ServeHTTP(rw, req.WithContext(context.WithValue(req.Context(), attemptKey{}, a)))
	reason := t.reasons.take(goroutine)

	if opened != nil {
		t.closed(opened)
		t.events.emit(event{Event: "session-closed", Key: opened.Key, Session: opened.ID, Error: reason})
		return
	}
	shake.Status, shake.Error = a.refused, a.reason
	t.shook(a.key, shake)
	t.events.emit(event{Event: "refused", Key: a.key, Path: shake.Path, Status: a.refused, Error: a.reason})
}

func (t *tunnels) opened(key string, conn *connection, req *http.Request) *session {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.nextID++
	s := &session{
		ID: t.nextID, Key: key, OpenedAt: time.Now(), Remote: req.RemoteAddr, Path: req.URL.Path, conn: conn,
	}
	t.open[key] = append(t.open[key], s)
	t.taken = append(t.taken, conn)
	return s
}

func (t *tunnels) closed(s *session) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.open[s.Key] = slices.DeleteFunc(t.open[s.Key], func(other *session) bool { return other == s })
	if len(t.open[s.Key]) == 0 {
		delete(t.open, s.Key)
	}
}

func (t *tunnels) shook(key string, shake handshake) {
	t.mu.Lock()
	t.shakes = append(t.shakes, shake)
	if len(t.shakes) > handshakesKept {
		t.shakes = slices.Delete(t.shakes, 0, len(t.shakes)-handshakesKept)
	}
	t.mu.Unlock()

	if id, ok := strings.CutPrefix(key, stevePrefix); ok {
		t.clusters.shook(id, "steve", shake)
	} else if key != "" {
		t.clusters.shook(key, "cluster", shake)
	}
}

// sessions lists the open tunnels by key, and those of one key oldest first.
func (t *tunnels) sessions() []session {
	t.mu.Lock()
	defer t.mu.Unlock()
	keys := make([]string, 0, len(t.open))
	for key := range t.open {
		keys = append(keys, key)
	}
	sort.Strings(keys)
	list := []session{}
	for _, key := range keys {
		for _, s := range t.open[key] {
			list = append(list, *s)
		}
	}
	return list
}

func (t *tunnels) handshakes() []handshake {
	t.mu.Lock()
	defer t.mu.Unlock()
	return append([]handshake{}, t.shakes...)
}

// cut resets the connections of a key's sessions, or of the one session with that id, and says
// how many there were.
func (t *tunnels) cut(key string, id int64) int {
	t.mu.Lock()
	var victims []*connection
	for _, s := range t.open[key] {
		if id == 0 || s.ID == id {
			victims = append(victims, s.conn)
		}
	}
	t.mu.Unlock()
	for _, conn := range victims {
		_ = conn.cut() // already closed is cut enough
	}
	return len(victims)
}

// dialer gives the way to the agent, if there is a session for key.
func (t *tunnels) dialer(key string) (remotedialer.Dialer, bool) {
	if !t.server.HasSession(key) {
		return nil, false
	}
	return t.server.Dialer(key), true
}

// await is dialer, but waits for a session up to limit.
func (t *tunnels) await(ctx context.Context, key string, limit time.Duration) (remotedialer.Dialer, bool) {
	deadline := time.Now().Add(limit)
	for {
		if dial, ok := t.dialer(key); ok {
			return dial, true
		}
		if !time.Now().Before(deadline) {
			return nil, false
		}
		select {
		case <-ctx.Done():
			return nil, false
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// sessionErrors catches why a session ended. The library only logs it, in the goroutine that
// served the session, so the goroutine is what ties the message to the session.
type sessionErrors struct {
	mu      sync.Mutex
	waiting map[string]string
}

// The library's message; what follows the second bracket is the reason.
const sessionErrorMessage = "error in remotedialer server ["

func (e *sessionErrors) Levels() []logrus.Level { return logrus.AllLevels }

func (e *sessionErrors) Fire(entry *logrus.Entry) error {
	rest, ok := strings.CutPrefix(entry.Message, sessionErrorMessage)
	if !ok {
		return nil
	}
	_, reason, _ := strings.Cut(rest, "]: ")
	goroutine := goroutineName()
	e.mu.Lock()
	defer e.mu.Unlock()
	if _, ok := e.waiting[goroutine]; ok {
		e.waiting[goroutine] = reason
	}
	return nil
}

func (e *sessionErrors) expect() string {
	goroutine := goroutineName()
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.waiting == nil {
		e.waiting = map[string]string{}
	}
	e.waiting[goroutine] = ""
	return goroutine
}

func (e *sessionErrors) take(goroutine string) string {
	e.mu.Lock()
	defer e.mu.Unlock()
	reason := e.waiting[goroutine]
	delete(e.waiting, goroutine)
	return reason
}

// goroutineName is the start of a stack trace, "goroutine 18".
func goroutineName() string {
	buffer := make([]byte, 64)
	name, _, _ := bytes.Cut(buffer[:runtime.Stack(buffer, false)], []byte(" ["))
	return string(name)
}
