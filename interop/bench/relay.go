package main

import (
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// laneLimit is what a lane holds: then it no longer reads, as a full path does not.
	laneLimit = 4 * mib
	// relayDial bounds the relay's own dial of the server.
	relayDial = 10 * time.Second
	// rateSlack is by how much a lane may be ahead of its rate.
	rateSlack = 5 * time.Millisecond
)

// way is a direction through a relay.
type way int

const (
	up   way = iota // from the agent to the server
	down            // from the server to the agent
)

// road is what happens to bytes on their way; the zero value is a good one.
type road struct {
	delay, jitter time.Duration // of each piece: delay and up to jitter, never out of order
	rate          int           // bytes a second, 0: as fast as it goes
	split         int           // pieces are cut to so many bytes at most, 0: as they come
	coalesce      time.Duration // bytes wait so long for others, to be written as one piece
}

// relay is a TCP relay between agents and the server that hurts what passes: in this process, with
// sockets only, so that it needs no rights. Unlike a firewall it cannot lose a packet, but it can
// keep bytes until it is told otherwise, as TCP does in effect: what was lost comes again.
type relay struct {
	listener net.Listener

	mu       sync.Mutex
	server   string
	links    []*link
	arrivals []time.Time // of all connections of agents
	road     road
	held     [2]bool
	released chan struct{} // closed when the way up is no longer held
	closed   bool

	passed [2]atomic.Int64 // bytes, by way
}

// link is one connection of an agent, and the relay's with the server.
type link struct {
	agent, server *net.TCPConn
	lanes         [2]*lane
	gone          chan struct{} // closed when the agent's end has been closed by the agent

	mu     sync.Mutex
	goneAt time.Time
	cut    bool // by the relay: what is read after that says nothing about the agent
}

func newRelay(server string) (*relay, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	r := &relay{listener: listener, server: server, released: closedChannel()}
	go acceptAll(listener, func(conn net.Conn) { r.carry(conn.(*net.TCPConn)) })
	return r, nil
}

func closedChannel() chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}

func (r *relay) address() string { return r.listener.Addr().String() }

func (r *relay) carry(agent *net.TCPConn) {
	r.mu.Lock()
	r.arrivals = append(r.arrivals, time.Now())
	server, released := r.server, r.released
	r.mu.Unlock()
	<-released // a SYN would not have come through either
	conn, err := net.DialTimeout("tcp", server, relayDial)
	if err != nil {
		reset(agent)
		return
	}
	l := &link{agent: agent, server: conn.(*net.TCPConn), gone: make(chan struct{})}
	l.lanes[up] = newLane(l, l.agent, l.server, &r.passed[up])
	l.lanes[down] = newLane(l, l.server, l.agent, &r.passed[down])
	r.mu.Lock()
	if r.closed {
		r.mu.Unlock()
		l.reset()
		return
	}
	r.links = append(r.links, l)
	for w, one := range l.lanes {
		one.road, one.held = r.road, r.held[w]
	}
	r.mu.Unlock()
	for _, one := range l.lanes {
		go one.read()
		go one.write()
	}
}

// link is the one whose connection with the server has this address at the server.
func (r *relay) link(remote string) *link {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, l := range r.links {
		if l.server.LocalAddr().String() == remote {
			return l
		}
	}
	return nil
}

// arrived lists the connections that agents made after this time.
func (r *relay) arrived(after time.Time) []time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	var times []time.Time
	for _, at := range r.arrivals {
		if at.After(after) {
			times = append(times, at)
		}
	}
	return times
}

// pave changes the road of all links, and of those to come.
func (r *relay) pave(road road) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.road = road
	for _, l := range r.links {
		for _, one := range l.lanes {
			one.change(func() { one.road = road })
		}
	}
}

// hold makes a black hole of some ways of all links, and of those to come; none: of no way.
func (r *relay) hold(ways ...way) {
	r.mu.Lock()
	defer r.mu.Unlock()
	was := r.held[up]
	r.held = [2]bool{}
	for _, w := range ways {
		r.held[w] = true
	}
	if r.held[up] && !was {
		r.released = make(chan struct{})
	} else if was && !r.held[up] {
		close(r.released)
	}
	for _, l := range r.links {
		l.hold(ways...)
	}
}

// divert leads connections to come elsewhere.
func (r *relay) divert(server string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.server = server
}

func (r *relay) close() {
	r.listener.Close()
	r.hold()
	r.mu.Lock()
	r.closed = true
	links := r.links
	r.mu.Unlock()
	all(links, (*link).reset)
}

// hold makes a black hole of some ways of this link; none: of no way.
func (l *link) hold(ways ...way) {
	for w, one := range l.lanes {
		held := false
		for _, other := range ways {
			held = held || other == way(w)
		}
		one.change(func() { one.held = held })
	}
}

// fin ends both connections in order, as a server does that stops.
func (l *link) fin() {
	for _, one := range l.lanes {
		one.finish()
	}
}

// halfClose ends the way down alone: the agent may go on talking.
func (l *link) halfClose() { l.lanes[down].finish() }

// reset ends both connections with RST.
func (l *link) reset() {
	l.mu.Lock()
	l.cut = true
	l.mu.Unlock()
	reset(l.agent)
	reset(l.server)
	for _, one := range l.lanes {
		one.change(func() { one.broken = true })
	}
}

func reset(conn *net.TCPConn) {
	_ = conn.SetLinger(0)
	conn.Close()
}

// agentGone notes that the agent has closed its end.
func (l *link) agentGone() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.cut && l.goneAt.IsZero() {
		l.goneAt = time.Now()
		close(l.gone)
	}
}

// isCut says whether the relay has ended it with RST.
func (l *link) isCut() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.cut
}

// closedAt is when the agent closed its end; zero: not yet.
func (l *link) closedAt() time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.goneAt
}

// piece is what was read at once, or what is written at once.
type piece struct {
	bytes []byte
	due   time.Time
}

// lane is one way of a link: one goroutine reads, another writes.
type lane struct {
	link     *link
	from, to *net.TCPConn
	passed   *atomic.Int64

	mu       sync.Mutex
	changed  *sync.Cond
	road     road
	pieces   []piece
	size     int       // of all pieces, in bytes
	free     time.Time // when the road has room again, by its rate
	held     bool
	ended    bool // the sender has; what is in here still goes out
	finished bool // the relay has ended this way: nothing goes out any more
	broken   bool
}

func newLane(l *link, from, to *net.TCPConn, passed *atomic.Int64) *lane {
	one := &lane{link: l, from: from, to: to, passed: passed}
	one.changed = sync.NewCond(&one.mu)
	return one
}

func (l *lane) change(how func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	how()
	l.changed.Broadcast()
}

// finish sends FIN now, and drops all that comes later.
func (l *lane) finish() {
	l.change(func() { l.finished = true })
	_ = l.to.CloseWrite()
}

func (l *lane) read() {
	var last time.Time
	for {
		buffer := make([]byte, 32*1024)
		n, err := l.from.Read(buffer)
		l.mu.Lock()
		if n > 0 && !l.finished {
			due := time.Now().Add(l.road.delay)
			if l.road.jitter > 0 {
				due = due.Add(rand.N(l.road.jitter))
			}
			if due.Before(last) {
				due = last
			}
			last = due
			l.pieces = append(l.pieces, piece{buffer[:n], due})
			l.size += n
			l.changed.Broadcast()
		}
		for l.size >= laneLimit && !l.broken && !l.finished && err == nil {
			l.changed.Wait()
		}
		l.mu.Unlock()
		if err == nil {
			continue
		}
		if l.from == l.link.agent {
			l.link.agentGone()
		}
		if err == io.EOF {
			l.change(func() { l.ended = true })
		} else {
			l.passReset()
		}
		return
	}
}

// passReset lets a reset through, but not through a black hole.
func (l *lane) passReset() {
	l.mu.Lock()
	for l.held && !l.broken {
		l.changed.Wait()
	}
	l.mu.Unlock()
	l.link.reset()
}

func (l *lane) write() {
	for {
		next, ok := l.next()
		if !ok {
			return
		}
		l.passed.Add(int64(len(next)))
		if _, err := l.to.Write(next); err != nil {
			l.passReset()
			return
		}
	}
}

// next waits for what is to be written at once; not ok: there will be nothing more.
func (l *lane) next() ([]byte, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for {
		switch {
		case l.broken, l.finished:
			return nil, false
		case l.held:
			l.changed.Wait()
		case len(l.pieces) == 0 && l.ended:
			_ = l.to.CloseWrite()
			return nil, false
		case len(l.pieces) == 0:
			l.changed.Wait()
		default:
			if wait := time.Until(l.pieces[0].due.Add(l.road.coalesce)); wait > 0 && l.size < laneLimit {
				l.rest(wait)
				continue // it may be held or broken by now
			}
			bytes := l.take()
			if l.road.rate > 0 {
				if now := time.Now(); l.free.Before(now) {
					l.free = now
				}
				l.free = l.free.Add(time.Second * time.Duration(len(bytes)) / time.Duration(l.road.rate))
				// Small pieces go together: a sleep takes longer than they do.
				if wait := time.Until(l.free); wait > rateSlack {
					l.rest(wait)
				}
			}
			l.changed.Broadcast()
			return bytes, !l.broken && !l.finished
		}
	}
}

// rest sleeps without the lock.
func (l *lane) rest(d time.Duration) {
	l.mu.Unlock()
	time.Sleep(d)
	l.mu.Lock()
}

// take is the next piece as the road makes it.
func (l *lane) take() []byte {
	bytes := l.pieces[0].bytes
	l.pieces = l.pieces[1:]
	if l.road.coalesce > 0 {
		for now := time.Now(); len(l.pieces) > 0 && !l.pieces[0].due.After(now); l.pieces = l.pieces[1:] {
			bytes = append(bytes, l.pieces[0].bytes...)
		}
	}
	if l.road.split > 0 && len(bytes) > l.road.split {
		l.pieces = append([]piece{{bytes[l.road.split:], time.Time{}}}, l.pieces...)
		bytes = bytes[:l.road.split]
	}
	l.size -= len(bytes)
	return bytes
}
