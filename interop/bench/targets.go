package main

import (
	"io"
	"net"
	"sync"
	"sync/atomic"
)

// targets are the listeners in this process that agents dial; the echo target is a process of
// its own (helper.go).
type targets struct {
	source string // sends a stream from the seed that it is given
	sink   string // reads and checks a stream that begins with its seed
	silent string // accepts and never reads

	sent    atomic.Int64 // by the source, to all
	sending atomic.Int64 // streams that the source has open
	small   atomic.Bool  // new connections get small buffers in the kernel

	mu     sync.Mutex
	counts map[uint64]*atomic.Int64 // bytes that arrived at the sink, by seed
	wrong  error
	conns  map[net.Conn]bool // at the silent target
}

func newTargets() (*targets, error) {
	t := &targets{counts: map[uint64]*atomic.Int64{}, conns: map[net.Conn]bool{}}
	for address, serve := range map[*string]func(net.Conn){&t.source: t.send, &t.sink: t.receive, &t.silent: t.ignore} {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		*address = listener.Addr().String()
		go acceptAll(listener, func(conn net.Conn) {
			if t.small.Load() {
				_ = conn.(*net.TCPConn).SetReadBuffer(stalledBuffer)
				_ = conn.(*net.TCPConn).SetWriteBuffer(stalledBuffer)
			}
			serve(conn)
		})
	}
	return t, nil
}

func acceptAll(listener net.Listener, serve func(net.Conn)) {
	for {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		go serve(conn)
	}
}

func (t *targets) send(conn net.Conn) {
	defer conn.Close()
	seed, err := readSeed(conn)
	if err != nil {
		return
	}
	t.sending.Add(1)
	defer t.sending.Add(-1)
	go func() { // the agent's end is seen by reading
		_, _ = io.Copy(io.Discard, conn)
		conn.Close()
	}()
	writePattern(conn, seed, &t.sent)
}

func (t *targets) receive(conn net.Conn) {
	defer conn.Close()
	seed, err := readSeed(conn)
	if err != nil {
		return
	}
	if err := readPattern(conn, seed, t.count(seed)); err != nil {
		t.mu.Lock()
		t.wrong = err
		t.mu.Unlock()
	}
}

func (t *targets) ignore(conn net.Conn) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.conns[conn] = true
}

// count is the counter of the stream with this seed.
func (t *targets) count(seed uint64) *atomic.Int64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.counts[seed] == nil {
		t.counts[seed] = &atomic.Int64{}
	}
	return t.counts[seed]
}

func (t *targets) forget(seed uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.counts, seed)
}

// integrity is the last wrong byte that the sink saw since it was asked before, if any.
func (t *targets) integrity() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	wrong := t.wrong
	t.wrong = nil
	return wrong
}

// release closes what the silent target holds, and says how many that were.
func (t *targets) release() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := len(t.conns)
	for conn := range t.conns {
		conn.Close()
	}
	clear(t.conns)
	return n
}
