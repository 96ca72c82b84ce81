package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

const (
	// Beside what is measured so many streams echo all the time, each so often.
	steadyStreams = 50
	steadyEvery   = 200 * time.Millisecond
	steadyLimit   = 10 * time.Second // for one answer; after that the stream counts as lost

	churnWorkers = 64

	badRate = 100 // bad dials a second
	// badLimit is how long one may hang at the server's end.
	badLimit = 5 * time.Second

	// Cases of bad dials.
	dialForbidden = "forbidden"
	dialRefused   = "refused"
	dialFailing   = "failing"
	dialBlackHole = "black-hole"
)

var (
	errWrongAnswer = errors.New("a wrong answer")
	errBacklog     = errors.New("a socket that accepts nothing still answers")
)

// steady are streams that nothing shall happen to.
type steady struct {
	stop chan struct{}
	work sync.WaitGroup
	lost atomic.Int64
}

func startSteady(ctx context.Context, b *bench, a *agent) (*steady, error) {
	address, err := b.world.forward(ctx, a.key, b.world.echo)
	if err != nil {
		return nil, err
	}
	conns, err := openStreams(ctx, address, steadyStreams)
	if err != nil {
		for _, conn := range conns {
			conn.Close()
		}
		return nil, err
	}
	s := &steady{stop: make(chan struct{})}
	for i, conn := range conns {
		s.work.Go(func() {
			defer conn.Close()
			for round := i; ; round++ {
				select {
				case <-s.stop:
					return
				case <-time.After(steadyEvery):
				}
				if echoOnce(conn, question(round), steadyLimit) != nil {
					s.lost.Add(1)
					return
				}
			}
		})
	}
	return s, nil
}

// end closes them, and says how many had ended before.
func (s *steady) end() float64 {
	close(s.stop)
	s.work.Wait()
	return float64(s.lost.Load())
}

func echoOnce(conn net.Conn, text []byte, limit time.Duration) error {
	_ = conn.SetDeadline(time.Now().Add(limit))
	if _, err := conn.Write(text); err != nil {
		return err
	}
	answer := make([]byte, echoBytes)
	if _, err := io.ReadFull(conn, answer); err != nil {
		return err
	}
	if !bytes.Equal(answer, text) {
		return errWrongAnswer
	}
	return nil
}

// measureChurn opens streams as fast as it can; each has one echo and is closed. One that ends
// before its answer has come was closed falsely: nobody had a reason to.
func measureChurn(ctx context.Context, b *bench, a *agent, _ string) (outcome, error) {
	address, err := b.world.forward(ctx, a.key, b.world.echo)
	if err != nil {
		return outcome{}, err
	}
	beside, err := startSteady(ctx, b, a)
	if err != nil {
		return outcome{}, err
	}
	var done atomic.Int64
	var mu sync.Mutex
	var failed []float64 // when, in seconds: near a full minute it was a list of streams that ended them
	ctx, cancel := context.WithTimeout(ctx, churnLength(b.options))
	defer cancel()
	started := time.Now()
	each(churnWorkers, func(worker int) {
		for i := 0; ctx.Err() == nil; i++ {
			conn, err := net.DialTimeout("tcp", address, steadyLimit)
			if err != nil { // it never reached the agent
				time.Sleep(time.Millisecond)
				continue
			}
			if err := echoOnce(conn, question(worker), steadyLimit); err != nil {
				mu.Lock()
				if failed = append(failed, time.Since(started).Seconds()); len(failed) == 1 {
					b.show.say(fmt.Sprintf("churn of %s: the first false close after %.2f s: %v", a.who.name, failed[0], err))
				}
				mu.Unlock()
			}
			done.Add(1)
			conn.Close()
		}
	})
	elapsed := time.Since(started).Seconds()
	return outcome{metrics: metrics{
		"streams":        float64(done.Load()),
		"per second":     float64(done.Load()) / elapsed,
		"closed falsely": float64(len(failed)),
		"steady lost":    beside.end(),
	}, samples: samples{"closed falsely at s": failed}}, nil
}

// churnLength holds one list of streams more than its minutes: those come every 60 s.
func churnLength(o options) time.Duration { return o.averaged() + 5*time.Second }

// measureBadDials dials what cannot be reached, beside streams that must not notice it.
func measureBadDials(ctx context.Context, b *bench, a *agent, name string) (outcome, error) {
	target, done, err := badTarget(name)
	if err != nil {
		return outcome{}, err
	}
	defer done()
	// Both agents dial by TCP only.
	address, err := b.world.forwardBy(ctx, a.key, pick(name == dialForbidden, "udp", "tcp"), target)
	if err != nil {
		return outcome{}, err
	}
	beside, err := startSteady(ctx, b, a)
	if err != nil {
		return outcome{}, err
	}
	var dials sync.WaitGroup
	var sent, hung atomic.Int64
	onSchedule(badRate, badLength(b.options), func(_ int, _ time.Time) {
		if ctx.Err() != nil {
			return
		}
		dials.Go(func() {
			conn, err := net.DialTimeout("tcp", address, badLimit)
			if err != nil {
				return
			}
			defer conn.Close()
			sent.Add(1)
			_ = conn.SetDeadline(time.Now().Add(badLimit))
			if _, err := conn.Read(make([]byte, 1)); errors.Is(err, os.ErrDeadlineExceeded) {
				hung.Add(1)
			}
		})
	})
	dials.Wait()
	found := metrics{"dials": float64(sent.Load()), "unanswered": float64(hung.Load()), "steady lost": beside.end()}
	return outcome{metrics: found}, ctx.Err()
}

func badLength(o options) time.Duration { return pick(o.quick, 15*time.Second, time.Minute) }

// badTarget is an address that cannot be reached, in one way or another. Nothing leaves the machine.
func badTarget(name string) (address string, done func(), err error) {
	switch name {
	case dialFailing:
		return "255.255.255.255:9", func() {}, nil // no stream leads to a broadcast address
	case dialBlackHole:
		return fullBacklog()
	default: // forbidden, too: it must not matter
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return "", nil, err
		}
		listener.Close() // so nobody listens there
		return listener.Addr().String(), func() {}, nil
	}
}

const (
	backlogFill = 64 // connections at most, until one gets no answer
	backlogWait = 500 * time.Millisecond
)

// fullBacklog is a socket that listens and accepts nothing: once its queue is full, a SYN is lost.
func fullBacklog() (address string, done func(), err error) {
	socket, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return "", nil, err
	}
	var queued []net.Conn
	done = func() {
		for _, conn := range queued {
			conn.Close()
		}
		syscall.Close(socket)
	}
	if err = syscall.Bind(socket, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err == nil {
		err = syscall.Listen(socket, 0)
	}
	if err != nil {
		done()
		return "", nil, err
	}
	name, err := syscall.Getsockname(socket)
	if err != nil {
		done()
		return "", nil, err
	}
	address = (&net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: name.(*syscall.SockaddrInet4).Port}).String()
	for range backlogFill {
		conn, err := net.DialTimeout("tcp", address, backlogWait)
		if err != nil {
			return address, done, nil
		}
		queued = append(queued, conn)
	}
	done()
	return "", nil, errBacklog
}
