package main

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// testLimit bounds what must happen.
const testLimit = 10 * time.Second

// through connects to a relay; agent is our end, server the other's, link the relay's.
func through(t *testing.T) (r *relay, l *link, agent, server *net.TCPConn) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	if r, err = newRelay(listener.Addr().String()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.close)
	agent, server = connected(t, r, listener)
	l = r.link(server.RemoteAddr().String())
	if l == nil {
		t.Fatal("the relay does not know the link")
	}
	return r, l, agent, server
}

func connected(t *testing.T, r *relay, listener net.Listener) (agent, server *net.TCPConn) {
	t.Helper()
	near, err := net.Dial("tcp", r.address())
	if err != nil {
		t.Fatal(err)
	}
	far, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	for _, conn := range []net.Conn{near, far} {
		t.Cleanup(func() { conn.Close() })
		_ = conn.SetDeadline(time.Now().Add(testLimit))
	}
	agent, server = near.(*net.TCPConn), far.(*net.TCPConn)
	pass(t, agent, server, "hello") // so that the link is known
	pass(t, server, agent, "hello")
	return agent, server
}

func say(t *testing.T, conn net.Conn, text string) {
	t.Helper()
	if _, err := conn.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
}

func hear(t *testing.T, conn net.Conn, text string) {
	t.Helper()
	got := make([]byte, len(text))
	if _, err := io.ReadFull(conn, got); err != nil || string(got) != text {
		t.Fatalf("%q, %v; want %q", got, err, text)
	}
}

func pass(t *testing.T, from, to net.Conn, text string) {
	t.Helper()
	say(t, from, text)
	hear(t, to, text)
}

// silent checks that nothing arrives for a moment.
func silent(t *testing.T, conn net.Conn) {
	t.Helper()
	_ = conn.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
	if n, err := conn.Read(make([]byte, 1)); n != 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("%d bytes, %v; want silence", n, err)
	}
	_ = conn.SetReadDeadline(time.Now().Add(testLimit))
}

func ends(t *testing.T, conn net.Conn, want error) {
	t.Helper()
	if _, err := conn.Read(make([]byte, 1)); !errors.Is(err, want) {
		t.Fatalf("%v; want %v", err, want)
	}
}

func gone(t *testing.T, l *link) {
	t.Helper()
	select {
	case <-l.gone:
	case <-time.After(testLimit):
		t.Fatal("the relay does not see that the agent closed its end")
	}
}

func TestRelayFinReachesBothEndsAndTheAgentsCloseIsSeen(t *testing.T) {
	_, l, agent, server := through(t)
	l.fin()
	ends(t, agent, io.EOF)
	ends(t, server, io.EOF)
	if !l.closedAt().IsZero() {
		t.Error("closed before the agent did")
	}
	agent.Close()
	gone(t, l)
}

func TestRelayHalfCloseEndsOneWayOnly(t *testing.T) {
	_, l, agent, server := through(t)
	l.halfClose()
	ends(t, agent, io.EOF)
	pass(t, agent, server, "still here")
	silent(t, server)
}

func TestRelayResetReachesBothEnds(t *testing.T) {
	_, l, agent, server := through(t)
	l.reset()
	ends(t, agent, syscall.ECONNRESET)
	ends(t, server, syscall.ECONNRESET)
	if !l.closedAt().IsZero() {
		t.Error("the relay's own reset counts as the agent's close")
	}
}

func TestRelayBlackHoleKeepsWhatIsSentUntilItEnds(t *testing.T) {
	for name, ways := range map[string][]way{"both": {up, down}, "up": {up}, "down": {down}} {
		r, _, agent, server := through(t)
		r.hold(ways...)
		for _, w := range []way{up, down} {
			from, to := pick[net.Conn](w == up, agent, server), pick[net.Conn](w == up, server, agent)
			say(t, from, name)
			if len(ways) == 2 || ways[0] == w {
				silent(t, to)
			} else {
				hear(t, to, name)
			}
		}
		r.hold()
		for _, w := range ways {
			hear(t, pick[net.Conn](w == up, server, agent), name)
		}
	}
}

func TestRelayBlackHoleHidesAnEndButTheRelaySeesIt(t *testing.T) {
	r, l, agent, server := through(t)
	r.hold(up, down)
	agent.Close()
	gone(t, l)
	silent(t, server)
	r.hold()
	ends(t, server, io.EOF)
}

func TestRelayBlackHoleOfOneLinkLeavesOthersAlone(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	r, err := newRelay(listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer r.close()
	first, far := connected(t, r, listener)
	r.link(far.RemoteAddr().String()).hold(up, down)
	say(t, first, "lost")
	silent(t, far)
	second, other := connected(t, r, listener)
	pass(t, second, other, "not lost")
	if n := len(r.arrived(time.Time{})); n != 2 {
		t.Errorf("%d arrivals", n)
	}
}

func TestRelayBlackHoleHoldsNewConnections(t *testing.T) {
	r, _, _, _ := through(t)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	r.divert(listener.Addr().String())
	r.hold(up)
	agent, err := net.Dial("tcp", r.address())
	if err != nil {
		t.Fatal(err)
	}
	defer agent.Close()
	say(t, agent, "let me in")
	_ = listener.(*net.TCPListener).SetDeadline(time.Now().Add(100 * time.Millisecond))
	if _, err := listener.Accept(); err == nil {
		t.Fatal("it came through")
	}
	r.hold()
	_ = listener.(*net.TCPListener).SetDeadline(time.Now().Add(testLimit))
	server, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	_ = server.SetDeadline(time.Now().Add(testLimit))
	hear(t, server, "let me in")
}

func TestRelayDelaysWithJitterAndKeepsTheOrder(t *testing.T) {
	r, _, agent, server := through(t)
	const delay = 100 * time.Millisecond
	r.pave(road{delay: delay, jitter: delay})
	started := time.Now()
	for _, one := range []string{"1", "2", "3", "4", "5"} {
		say(t, agent, one)
		time.Sleep(time.Millisecond)
	}
	hear(t, server, "12345")
	if took := time.Since(started); took < delay {
		t.Errorf("after %v; want at least %v", took, delay)
	}
}

func TestRelayRate(t *testing.T) {
	r, _, agent, server := through(t)
	r.pave(road{rate: 100_000})
	started := time.Now()
	sent := bytes.Repeat([]byte("x"), 20_000)
	say(t, server, string(sent))
	hear(t, agent, string(sent))
	if took := time.Since(started); took < 150*time.Millisecond {
		t.Errorf("20 kB at 100 kB/s took %v", took)
	}
}

func TestRelaySplits(t *testing.T) {
	l := newLane(nil, nil, nil, &atomic.Int64{})
	l.road = road{split: 2}
	l.pieces, l.size = []piece{{bytes: []byte("abcde")}, {bytes: []byte("f")}}, 6
	for _, want := range []string{"ab", "cd", "e", "f"} {
		if got, ok := l.next(); !ok || string(got) != want {
			t.Errorf("%q; want %q", got, want)
		}
	}
}

func TestRelayCoalesces(t *testing.T) {
	l := newLane(nil, nil, nil, &atomic.Int64{})
	l.road = road{coalesce: time.Millisecond}
	l.pieces, l.size = []piece{{bytes: []byte("ab")}, {bytes: []byte("c")}, {bytes: []byte("d")}}, 4
	if got, ok := l.next(); !ok || string(got) != "abcd" || l.size != 0 {
		t.Errorf("%q, %d left", got, l.size)
	}
}

func TestRelayHoldsABoundedNumberOfBytes(t *testing.T) {
	r, l, agent, _ := through(t)
	r.hold(up)
	_ = agent.SetWriteDeadline(time.Now().Add(time.Second))
	for chunk := make([]byte, mib); ; {
		if _, err := agent.Write(chunk); err != nil {
			break // the kernel's buffers are full too
		}
	}
	one := l.lanes[up]
	one.mu.Lock()
	defer one.mu.Unlock()
	if one.size < laneLimit || one.size > laneLimit+32*1024 {
		t.Errorf("%d bytes held", one.size)
	}
}
