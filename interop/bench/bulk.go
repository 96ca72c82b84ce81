package main

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// rampUp is left out of what is measured.
	rampUp = 500 * time.Millisecond

	coldSlot  = 5 * time.Second
	coldSlots = 11 // and their ramps: a minute
)

// bulk is a number of streams that move as much as they can.
type bulk struct {
	conns []net.Conn
	seeds []uint64
	bytes []*atomic.Int64 // arrived and checked, by stream
	ends  sync.WaitGroup
	world *world

	mu    sync.Mutex
	wrong error
}

// startBulk opens streams through the agent; down is from the agent to the server.
func startBulk(ctx context.Context, b *bench, a *agent, down bool, streams int) (*bulk, error) {
	target := pick(down, b.world.targets.source, b.world.targets.sink)
	address, err := b.world.forward(ctx, a.key, target)
	if err != nil {
		return nil, err
	}
	load := &bulk{world: b.world}
	for range streams {
		conn, err := net.DialTimeout("tcp", address, 5*time.Second)
		if err != nil {
			load.stop()
			return nil, err
		}
		seed := b.nextSeed()
		load.conns = append(load.conns, conn)
		load.seeds = append(load.seeds, seed)
		if err := writeSeed(conn, seed); err != nil {
			load.stop()
			return nil, err
		}
		if down {
			received := &atomic.Int64{}
			load.bytes = append(load.bytes, received)
			load.ends.Go(func() { load.note(readPattern(conn, seed, received)) })
		} else {
			load.bytes = append(load.bytes, b.world.targets.count(seed))
			load.ends.Go(func() { writePattern(conn, seed, &atomic.Int64{}) })
		}
	}
	return load, nil
}

func (l *bulk) note(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.wrong == nil {
		l.wrong = err
	}
}

// stop ends all streams and returns the first wrong byte.
func (l *bulk) stop() error {
	for _, conn := range l.conns {
		conn.Close()
	}
	l.ends.Wait()
	for _, seed := range l.seeds {
		l.world.targets.forget(seed)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.wrong
}

func (l *bulk) counts() (total int64, each []int64) {
	for _, n := range l.bytes {
		each = append(each, n.Load())
		total += n.Load()
	}
	return total, each
}

// window measures what goes through while wait runs.
func (l *bulk) window(b *bench, a *agent, wait func() error) (metrics, error) {
	before, eachBefore := l.counts()
	agentCPU, peerCPU, started := cpuTime(a.pid), cpuTime(b.world.peer.pid), time.Now()
	if err := wait(); err != nil {
		return nil, err
	}
	elapsed := time.Since(started).Seconds()
	agentUsed := (cpuTime(a.pid) - agentCPU).Seconds()
	peerUsed := (cpuTime(b.world.peer.pid) - peerCPU).Seconds()
	after, eachAfter := l.counts()
	moved := float64(after - before)
	if moved == 0 {
		return nil, fmt.Errorf("nothing moved in %.1f s", elapsed)
	}
	slowest, fastest := eachAfter[0]-eachBefore[0], int64(0)
	for i := range eachAfter {
		slowest = min(slowest, eachAfter[i]-eachBefore[i])
		fastest = max(fastest, eachAfter[i]-eachBefore[i])
	}
	return metrics{
		"MB/s":              moved / elapsed / 1e6,
		"agent CPU-s/GB":    agentUsed / (moved / 1e9),
		"server CPU-s/GB":   peerUsed / (moved / 1e9),
		"agent cores":       agentUsed / elapsed,
		"server cores":      peerUsed / elapsed,
		"slowest/fastest":   float64(slowest) / float64(fastest),
		"agent RSS MiB":     float64(memoryOf(a.pid).rss) / (1 << 20),
		"agent threads":     float64(threads(a.pid)),
		"bulk window, s":    elapsed,
		"bulk bytes in all": moved,
	}, nil
}

// parseBulk reads a case like down-4.
func parseBulk(name string) (down bool, streams int) {
	direction, number, _ := strings.Cut(name, "-")
	streams, _ = strconv.Atoi(number)
	return direction == "down", streams
}

func runBulk(ctx context.Context, b *bench, a *agent, down bool, streams int, length time.Duration) (metrics, error) {
	load, err := startBulk(ctx, b, a, down, streams)
	if err != nil {
		return nil, err
	}
	var found metrics
	if err = sleep(ctx, rampUp); err == nil {
		found, err = load.window(b, a, func() error { return sleep(ctx, length) })
	}
	if wrong := load.stop(); wrong != nil {
		return found, wrong
	}
	return found, err
}

func measureThroughput(ctx context.Context, b *bench, a *agent, name string) (outcome, error) {
	if name == bothCase {
		return measureBoth(ctx, b, a)
	}
	down, streams := parseBulk(name)
	found, err := runBulk(ctx, b, a, down, streams, b.options.slot())
	return outcome{metrics: found}, err
}

// warmUp gives the agent some of everything.
func warmUp(ctx context.Context, b *bench, a *agent, length time.Duration) error {
	deadline := time.Now().Add(length)
	for i := 0; time.Now().Before(deadline); i++ {
		if _, err := runBulk(ctx, b, a, i%2 == 0, []int{1, 4, 16}[i%3], time.Second); err != nil {
			return err
		}
		time.Sleep(settle)
		for _, dial := range []bool{false, true} {
			if _, err := ask(ctx, b, a, dial, 500*time.Millisecond); err != nil {
				return err
			}
		}
	}
	return nil
}

// measureCold is the first minute: what an agent is worth just after it was restarted.
func measureCold(ctx context.Context, b *bench, a *agent, _ string) (outcome, error) {
	var bytes, cpu, seconds float64
	found := metrics{}
	for i := range coldSlots {
		one, err := runBulk(ctx, b, a, i%2 == 0, 4, coldSlot)
		if err != nil {
			return outcome{}, err
		}
		// Go's session freezes if new uploads meet downloads that are still being closed.
		time.Sleep(settle)
		bytes += one["bulk bytes in all"]
		cpu += one["agent CPU-s/GB"] * one["bulk bytes in all"]
		seconds += one["bulk window, s"]
		if i == 0 {
			found["MB/s in the first 5 s"] = one["MB/s"]
			found["agent CPU-s/GB in the first 5 s"] = one["agent CPU-s/GB"]
		}
	}
	found["MB/s"] = bytes / seconds / 1e6
	found["agent CPU-s/GB"] = cpu / bytes
	return outcome{metrics: found}, nil
}
