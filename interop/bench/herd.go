package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	herdRestart = "restart" // cases
	herdAway    = "away"

	herdSize = 1000
	// herdStart is how long they may take to be there at first.
	herdStart = 2 * time.Minute
	// herdRest is from then until the server goes.
	herdRest = 5 * time.Second
	// herdLimit is for their return; who comes later is missing.
	herdLimit = 2 * time.Minute
	herdGuess = 75 * time.Second
	herdPeak  = 100 * time.Millisecond

	herdCluster = "c-benchherd"
)

// herdDown is how long the server is away.
func herdDown(o options, name string) time.Duration {
	if name == herdRestart {
		return 0
	}
	return pick(o.quick, time.Minute, 10*time.Minute)
}

// measureHerd looks when many agents come back, by the server's own events. They have a server of
// their own.
func measureHerd(ctx context.Context, b *bench, a *agent, name string) (outcome, error) {
	w := b.world
	server, arrived, err := w.herdServer(ctx, b.options, "127.0.0.1:0")
	if err != nil {
		return outcome{}, err
	}
	defer func() { server.stop(time.Second) }()
	command, err := w.herdCommand(b.options, a.who, server.hello)
	if err != nil {
		return outcome{}, err
	}
	// Not pinned: a thousand agents have more than one core among them, and it is their moments that count.
	herd, err := w.spawner.start("herd-"+a.who.name, w.directory, command, anyCPU, false)
	if err != nil {
		return outcome{}, err
	}
	defer herd.stop(time.Second)
	herd.drain()
	before, err := gather(ctx, arrived, herdSize, herdStart)
	if err != nil {
		return outcome{}, err
	}
	if len(before) < herdSize {
		return outcome{}, fmt.Errorf("only %d of %d agents are there after %s:\n  %s", len(before), herdSize, herdStart, herd.tail())
	}
	if err := sleep(ctx, herdRest); err != nil {
		return outcome{}, err
	}
	location, err := url.Parse(server.hello.URL)
	if err != nil {
		return outcome{}, err
	}
	left := time.Now()
	server.stop(time.Second)
	if err := sleep(ctx, herdDown(b.options, name)); err != nil {
		return outcome{}, err
	}
	if name == herdAway {
		left = time.Now()
	}
	if server, arrived, err = w.herdServer(ctx, b.options, location.Host); err != nil {
		return outcome{}, err
	}
	back, err := gather(ctx, arrived, herdSize, herdLimit)
	if err != nil {
		return outcome{}, err
	}
	var seconds []float64
	for _, at := range back {
		seconds = append(seconds, at.Sub(left).Seconds())
	}
	found := arrivals(seconds)
	found["missing"] = float64(herdSize - len(back))
	return outcome{metrics: found, samples: samples{"arrival s": seconds}}, nil
}

// arrivals sums up when they came, in seconds.
func arrivals(seconds []float64) metrics {
	if len(seconds) == 0 {
		return metrics{}
	}
	var sum float64
	for _, at := range seconds {
		sum += at
	}
	return metrics{
		"spread s":       quantileOf(seconds, 0.95) - quantileOf(seconds, 0.05),
		"peak in 100 ms": float64(most(seconds, herdPeak.Seconds())),
		"mean s":         sum / float64(len(seconds)),
		"last s":         quantileOf(seconds, 1),
	}
}

// most is how many values at most are in any stretch of that width.
func most(values []float64, width float64) int {
	sorted := slices.Sorted(slices.Values(values))
	highest, first := 0, 0
	for i, value := range sorted {
		for value-sorted[first] >= width {
			first++
		}
		highest = max(highest, i-first+1)
	}
	return highest
}

type herdPeer struct {
	*process
	hello peerHello
}

// herdServer starts a server; arrived tells when it opened a session.
func (w *world) herdServer(ctx context.Context, o options, address string) (herdPeer, chan time.Time, error) {
	p, hello, err := w.runPeer(ctx, o.peerProgram, "herd-peer", []string{
		"--listen", address, "--cluster", herdCluster + "=" + registrationToken(herdCluster),
		"--ping-interval", "1h", "--health-interval", "1h",
	})
	if err != nil {
		return herdPeer{}, nil, err
	}
	arrived := make(chan time.Time, 4*herdSize) // some may come more than once
	go opened(p.stdout, arrived)
	return herdPeer{p, hello}, arrived, nil
}

func opened(out *bufio.Reader, arrived chan<- time.Time) {
	defer close(arrived)
	for {
		line, err := out.ReadBytes('\n')
		if err != nil {
			return
		}
		var e peerEvent
		if json.Unmarshal(line, &e) == nil && e.Event == "session-opened" {
			select {
			case arrived <- e.At:
			default: // nobody counts any more
			}
		}
	}
}

// gather waits for so many, or until the time is over.
func gather(ctx context.Context, arrived <-chan time.Time, count int, limit time.Duration) ([]time.Time, error) {
	timeout := time.After(limit)
	var times []time.Time
	for len(times) < count {
		select {
		case at, ok := <-arrived:
			if !ok {
				return times, errors.New("the herd's server has ended")
			}
			times = append(times, at)
		case <-timeout:
			return times, nil
		case <-ctx.Done():
			return times, ctx.Err()
		}
	}
	return times, nil
}

func (w *world) herdCommand(o options, who contender, hello peerHello) (*exec.Cmd, error) {
	if who.side == 1 {
		command, err := goAgent(w, seat{herdCluster, hello.URL}, o.goAgent)
		if err == nil {
			command.Args = append(command.Args, "--ca", hello.CAFile, "--steve=false", "--agents", strconv.Itoa(herdSize))
		}
		return command, err
	}
	words := strings.Fields(o.herd)
	if len(words) == 0 {
		return nil, errors.New("the agent's tests are not compiled: mvn -DskipTests -pl proto,steve,agent package")
	}
	words = append(words, hello.URL, registrationToken(herdCluster), hello.CAFile, strconv.Itoa(herdSize))
	command := exec.Command(words[0], words[1:]...)
	command.Env = cleanEnvironment()
	return command, nil
}
