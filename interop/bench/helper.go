package main

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"runtime"
	"sync"
	"syscall"
	"time"
)

// The echo target and the prober are processes of their own, at real-time priority where that is
// allowed: what they measure shall be the way between them, not how long they wait for a core
// that the bulk load keeps busy.

const (
	echoBytes = 64
	// answerPatience is how long the prober waits for late answers after its last question.
	answerPatience = 5 * time.Second
)

func helper(args []string) error {
	runtime.GOMAXPROCS(4) // pinned to one core Go would take 1, and a sleeping sender would hold it
	if len(args) > 0 {
		switch args[0] {
		case "echo":
			return serveEcho()
		case "probe":
			return probe(args[1:])
		}
	}
	return errors.New("this is for drover-bench itself")
}

func serveEcho() error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println(listener.Addr())
	acceptAll(listener, func(conn net.Conn) {
		defer conn.Close()
		buffer := make([]byte, echoBytes)
		for {
			n, err := conn.Read(buffer)
			if n > 0 {
				if _, err := conn.Write(buffer[:n]); err != nil {
					return
				}
			}
			if err != nil {
				return
			}
		}
	})
	return nil
}

// latencies is what a prober found.
type latencies struct {
	Histogram histogram `json:"histogram"` // of nanoseconds from when a question was due
	Missing   int64     `json:"missing"`   // no answer in time; counted with the time waited
	Wrong     int64     `json:"wrong"`     // an answer with a wrong byte or out of order
	Error     string    `json:"error,omitempty"`
	mu        sync.Mutex
}

func (l *latencies) add(d time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.Histogram.add(d)
}

func (l *latencies) miss(d time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.Histogram.add(d)
	l.Missing++
}

func (l *latencies) fail(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.Error == "" {
		l.Error = err.Error()
	}
}

// probes is the prober's output.
type probes struct {
	Tunnel *latencies `json:"tunnel"`
	Direct *latencies `json:"direct"` // the same without tunnel, at the same time: the floor
}

func probe(args []string) error {
	flags := flag.NewFlagSet("probe", flag.ContinueOnError)
	address := flags.String("address", "", "forwarded address")
	direct := flags.String("direct", "", "the echo target itself")
	dial := flags.Bool("dial", false, "a new connection for each question")
	rate := flags.Int("rate", 400, "questions a second")
	streams := flags.Int("streams", 4, "connections that take turns")
	length := flags.Duration("for", time.Second, "how long")
	if err := flags.Parse(args); err != nil {
		return err
	}
	measure := func(address string, rate int) *latencies {
		if *dial {
			return probeDials(address, rate, *length)
		}
		return probeStreams(address, rate, *streams, *length)
	}
	out := probes{}
	var both sync.WaitGroup
	both.Go(func() { out.Tunnel = measure(*address, *rate) })
	both.Go(func() { out.Direct = measure(*direct, max(*rate/4, 1)) })
	both.Wait()
	return json.NewEncoder(os.Stdout).Encode(out)
}

// onSchedule calls ask at fixed times, however long answers take, from a thread of its own: Go's
// timers are late by up to a millisecond, nanosleep is not.
func onSchedule(rate int, length time.Duration, ask func(i int, due time.Time)) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	step := time.Second / time.Duration(rate)
	start := time.Now().Add(20 * time.Millisecond)
	for i := range int(length / step) {
		due := start.Add(time.Duration(i) * step)
		if wait := time.Until(due); wait > 0 {
			spec := syscall.NsecToTimespec(int64(wait))
			_ = syscall.Nanosleep(&spec, nil) // woken early by a signal is early by little
		}
		ask(i, due)
	}
}

func question(i int) []byte {
	text := make([]byte, echoBytes)
	random := rand.New(rand.NewPCG(uint64(i), 1))
	for at := 0; at < echoBytes; at += 8 {
		binary.BigEndian.PutUint64(text[at:], random.Uint64())
	}
	return text
}

// probeStreams asks on connections that are there already.
func probeStreams(address string, rate, streams int, length time.Duration) *latencies {
	l := &latencies{Histogram: histogram{}}
	type asked struct {
		i   int
		due time.Time
	}
	var conns []net.Conn
	var pending []chan asked
	for range streams {
		conn, err := net.DialTimeout("tcp", address, answerPatience)
		if err != nil {
			l.fail(err)
			return l
		}
		defer conn.Close()
		// The way is open once one answer came.
		_ = conn.SetDeadline(time.Now().Add(answerPatience))
		hello := question(-1)
		if _, err := conn.Write(hello); err == nil {
			_, err = io.ReadFull(conn, hello)
		}
		if err != nil {
			l.fail(err)
			return l
		}
		_ = conn.SetDeadline(time.Now().Add(length + answerPatience))
		conns = append(conns, conn)
		pending = append(pending, make(chan asked, int(length.Seconds()*float64(rate))+1))
	}
	var readers sync.WaitGroup
	for s, conn := range conns {
		readers.Go(func() {
			answer := make([]byte, echoBytes)
			for a := range pending[s] {
				if _, err := io.ReadFull(conn, answer); err != nil {
					l.miss(time.Since(a.due))
					continue
				}
				l.add(time.Since(a.due))
				if !bytes.Equal(answer, question(a.i)) {
					l.mu.Lock()
					l.Wrong++
					l.mu.Unlock()
				}
			}
		})
	}
	onSchedule(rate, length, func(i int, due time.Time) {
		s := i % streams
		pending[s] <- asked{i, due}
		if _, err := conns[s].Write(question(i)); err != nil {
			l.fail(err)
		}
	})
	for s := range pending {
		close(pending[s])
	}
	readers.Wait()
	return l
}

// probeDials opens a connection for each question.
func probeDials(address string, rate int, length time.Duration) *latencies {
	l := &latencies{Histogram: histogram{}}
	var open sync.WaitGroup
	onSchedule(rate, length, func(i int, due time.Time) {
		open.Go(func() {
			text, answer := question(i), make([]byte, echoBytes)
			conn, err := net.DialTimeout("tcp", address, answerPatience)
			if err == nil {
				defer conn.Close()
				_ = conn.SetDeadline(time.Now().Add(answerPatience))
				if _, err = conn.Write(text); err == nil {
					_, err = io.ReadFull(conn, answer)
				}
			}
			if err != nil {
				l.miss(time.Since(due))
				l.fail(err)
				return
			}
			l.add(time.Since(due))
			if !bytes.Equal(answer, text) {
				l.mu.Lock()
				l.Wrong++
				l.mu.Unlock()
			}
		})
	})
	open.Wait()
	return l
}
