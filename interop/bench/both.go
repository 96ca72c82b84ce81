package main

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"sync"
	"time"
)

const (
	// pingRate is a second, through the server's own /ping of the steve tunnel.
	pingRate = 20
	// Beside the pings.
	pingBulk     = 16
	pingEchoRate = 500

	bothCase = "both-16"
	// bothStreams go each way at the same time.
	bothStreams  = 16
	stallLook    = 50 * time.Millisecond
	bothStallMax = 1.0 // seconds
)

// measurePing asks for /ping on the steve tunnel beside bulk and echo on the cluster tunnel: two
// sessions, but one process, and one core.
func measurePing(ctx context.Context, b *bench, a *agent, _ string) (outcome, error) {
	load, err := startBulk(ctx, b, a, true, pingBulk)
	if err != nil {
		return outcome{}, err
	}
	var pings histogram
	var echoes probes
	var echoFailed error
	var missed float64
	if err = sleep(ctx, rampUp); err == nil {
		length := latencySlot(b.options)
		var beside sync.WaitGroup
		beside.Go(func() { echoes, echoFailed = askAt(ctx, b, a, false, pingEchoRate, length) })
		pings, missed = b.world.pingAt(ctx, steveKey+a.key, length)
		beside.Wait()
	}
	if wrong := load.stop(); wrong != nil {
		return outcome{}, wrong
	}
	if err == nil {
		err = echoFailed
	}
	if err != nil {
		return outcome{}, err
	}
	return outcome{histogram: pings, metrics: metrics{
		"p50 ms":      milliseconds(pings.quantile(0.5)),
		"p99 ms":      milliseconds(pings.quantile(0.99)),
		"max ms":      milliseconds(pings.quantile(1)),
		"missing":     missed,
		"echo p99 ms": milliseconds(echoes.Tunnel.Histogram.quantile(0.99)),
	}}, nil
}

// pingAt asks on schedule; the time is the server's own, from its dial to the last byte.
func (w *world) pingAt(ctx context.Context, key string, length time.Duration) (histogram, float64) {
	found := histogram{}
	var mu sync.Mutex
	var missed float64
	var asked sync.WaitGroup
	onSchedule(pingRate, length, func(_ int, due time.Time) {
		asked.Go(func() {
			var answer struct {
				Status int
				Millis float64
			}
			query := url.Values{"key": {key}, "path": {"/ping"}, "timeout": {answerPatience.String()}}
			err := w.control(ctx, http.MethodPost, "/http", query, &answer)
			mu.Lock()
			defer mu.Unlock()
			if err != nil || answer.Status != http.StatusOK {
				missed++
				found.add(time.Since(due))
				return
			}
			found.add(time.Duration(answer.Millis * float64(time.Millisecond)))
		})
	})
	asked.Wait()
	return found, missed
}

// measureBoth is bulk both ways at the same time, and the longest time in which one way stood still.
func measureBoth(ctx context.Context, b *bench, a *agent) (outcome, error) {
	var loads [2]*bulk
	for i := range loads {
		load, err := startBulk(ctx, b, a, i == 0, bothStreams)
		if err != nil {
			if i == 1 {
				_ = loads[0].stop()
			}
			return outcome{}, err
		}
		loads[i] = load
	}
	both := &bulk{world: b.world}
	for _, load := range loads {
		both.bytes = append(both.bytes, load.bytes...)
	}
	var stalled float64
	var found metrics
	err := sleep(ctx, rampUp)
	if err == nil {
		found, err = both.window(b, a, func() (failed error) {
			stalled, failed = longestStall(ctx, loads[:], 2*b.options.slot())
			return failed
		})
	}
	for _, load := range loads {
		if wrong := load.stop(); wrong != nil && err == nil {
			err = wrong
		}
	}
	if err != nil {
		return outcome{}, err
	}
	frozen := !b.world.answers(ctx, a)
	out := metrics{"longest stall s": stalled, "frozen afterwards": pick(frozen, 1.0, 0)}
	maps.Copy(out, found)
	return outcome{metrics: out, spoilt: frozen}, nil
}

// answers says whether the cluster tunnel still carries an echo.
func (w *world) answers(ctx context.Context, a *agent) bool {
	ctx, cancel := context.WithTimeout(ctx, answerPatience)
	defer cancel()
	return repeatedly(ctx, func(ctx context.Context) error { return w.goodEcho(ctx, a.key) }) == nil
}

// longestStall is the longest time in which nothing of one of the loads arrived.
func longestStall(ctx context.Context, loads []*bulk, length time.Duration) (float64, error) {
	var longest time.Duration
	last, since := make([]int64, len(loads)), make([]time.Time, len(loads))
	for i := range loads {
		last[i], _ = loads[i].counts()
		since[i] = time.Now()
	}
	for end := time.Now().Add(length); time.Now().Before(end); {
		if err := sleep(ctx, stallLook); err != nil {
			return 0, err
		}
		for i, load := range loads {
			now, _ := load.counts()
			if now > last[i] {
				last[i], since[i] = now, time.Now()
			}
			longest = max(longest, time.Since(since[i]))
		}
	}
	for i := range loads {
		if time.Since(since[i]) >= length {
			return 0, fmt.Errorf("one way stood still all the time, %s", length)
		}
	}
	return longest.Seconds(), nil
}
