package main

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

const (
	openAtOnce = 32
	// descriptorReserve is what a process keeps for itself, of those that it may have: bench,
	// server, agent and target have one a stream each, all by the same limit.
	descriptorReserve = 1000
	// So many stalled streams have small buffers in the kernel at both ends: it is the agent's
	// memory that counts, and the machine has only so much of its own.
	stalledMany   = 1000
	stalledBuffer = 64 << 10
	openLimit     = 10 * time.Second // for one stream
	stallWait     = 10 * time.Second // once all are blocked
	// A load counts as blocked once less than stillBytes moved in stillFor.
	stillFor   = 2 * time.Second
	stillBytes = 1 << 20
	stillLimit = 90 * time.Second
	// stalledCap bounds one stalled upload, in case something reads after all.
	stalledCap = 64 << 20

	mib = 1 << 20

	watchEvery = 20 * time.Millisecond // echoes beside what stalls
)

func measureStart(_ context.Context, _ *bench, a *agent, _ string) (outcome, error) {
	now := memoryOf(a.pid)
	return outcome{metrics: metrics{
		"both tunnels, s":   a.upAfter.Seconds(),
		"cluster tunnel, s": a.cluster.Seconds(),
		"CPU-s":             cpuTime(a.pid).Seconds(),
		"RSS then, MB":      float64(now.rss) / 1e6,
	}}, nil
}

func measureIdle(ctx context.Context, b *bench, a *agent, _ string) (outcome, error) {
	// The first seconds belong to the start.
	if err := sleep(ctx, idleWait(b.options)/3); err != nil {
		return outcome{}, err
	}
	cpu, started := cpuTime(a.pid), time.Now()
	if err := sleep(ctx, idleWait(b.options)*2/3); err != nil {
		return outcome{}, err
	}
	used := (cpuTime(a.pid) - cpu).Seconds() / time.Since(started).Minutes()
	now := memoryOf(a.pid)
	return outcome{metrics: metrics{
		"RSS MB":           float64(now.rss) / 1e6,
		"anonymous MB":     float64(now.anonymous) / 1e6,
		"peak MB":          float64(now.peak) / 1e6,
		"CPU-s per minute": used,
		"threads":          float64(threads(a.pid)),
		"descriptors":      float64(descriptors(a.pid)),
	}}, nil
}

// measureDay lets an agent be idle for an hour, and reckons what a day of that costs. Bytes are those of
// TCP's payload on the way to the server and back; what it asks of its own cluster stays there.
func measureDay(ctx context.Context, b *bench, a *agent, _ string) (outcome, error) {
	one, end, err := b.world.behindRelay(ctx, a.who, scene{})
	defer end()
	if err != nil {
		return outcome{}, err
	}
	if err := sleep(ctx, daySettle(b.options)); err != nil {
		return outcome{}, err
	}
	bytes := func() int64 { return one.relay.passed[up].Load() + one.relay.passed[down].Load() }
	cpu, moved, started := cpuTime(one.agent.pid), bytes(), time.Now()
	if err := sleep(ctx, dayLength(b.options)); err != nil {
		return outcome{}, err
	}
	day := (24 * time.Hour).Seconds() / time.Since(started).Seconds()
	return outcome{metrics: metrics{
		"CPU-s a day": (cpuTime(one.agent.pid) - cpu).Seconds() * day,
		"MB a day":    float64(bytes()-moved) / 1e6 * day,
		"RSS MB":      float64(memoryOf(one.agent.pid).rss) / 1e6,
	}}, nil
}

func daySettle(o options) time.Duration { return pick(o.quick, 30*time.Second, 5*time.Minute) }
func dayLength(o options) time.Duration { return pick(o.quick, 3*time.Minute, time.Hour) }

// baseline waits until a fresh agent is at rest, and makes its peak start anew.
func baseline(ctx context.Context, b *bench, a *agent) (memory, int, error) {
	if err := sleep(ctx, settleWait(b.options)); err != nil {
		return memory{}, 0, err
	}
	if err := resetPeak(a.pid); err != nil {
		return memory{}, 0, err
	}
	return memoryOf(a.pid), descriptors(a.pid), nil
}

func measureStreams(ctx context.Context, b *bench, a *agent, name string) (out outcome, err error) {
	asked, err := strconv.Atoi(name)
	if err != nil {
		return outcome{}, err
	}
	count := min(asked, descriptorLimit()-descriptorReserve)
	watched := watchMemory(a.pid, memoryEvery)
	defer func() { out.samples = watched() }()
	before, fds, err := baseline(ctx, b, a)
	if err != nil {
		return outcome{}, err
	}
	address, err := b.world.forward(ctx, a.key, b.world.echo)
	if err != nil {
		return outcome{}, err
	}
	started := time.Now()
	conns, err := openStreams(ctx, address, count)
	took := time.Since(started)
	defer func() {
		for _, conn := range conns {
			conn.Close()
		}
	}()
	opened := float64(len(conns))
	if opened == 0 || ctx.Err() != nil {
		return outcome{}, err // nil: not one was asked for
	}
	if err := sleep(ctx, settleWait(b.options)); err != nil {
		return outcome{}, err
	}
	now := memoryOf(a.pid)
	found := metrics{
		"streams":                  opened,
		"not opened":               float64(asked) - opened,
		"refused":                  float64(count) - opened,
		"KiB per stream":           float64(now.rss-before.rss) / opened / 1024,
		"anonymous KiB per stream": float64(now.anonymous-before.anonymous) / opened / 1024,
		"peak KiB per stream":      float64(now.peak-before.rss) / opened / 1024,
		"opened per second":        opened / took.Seconds(),
		"descriptors per stream":   float64(descriptors(a.pid)-fds) / opened,
		"threads":                  float64(threads(a.pid)),
	}
	for _, conn := range conns {
		conn.Close()
	}
	if err := sleep(ctx, settleWait(b.options)); err != nil {
		return outcome{}, err
	}
	found["after closing, MiB"] = float64(memoryOf(a.pid).rss-before.rss) / mib
	found["descriptors left"] = float64(descriptors(a.pid) - fds)
	return outcome{metrics: found}, nil
}

// openStreams opens streams to the echo target; each has had one answer, so it is really open.
// Those that were not to be had are left out; the error is that of the last of them.
func openStreams(ctx context.Context, address string, count int) ([]net.Conn, error) {
	var mu sync.Mutex
	var conns []net.Conn
	var failed error
	var left atomic.Int64
	left.Store(int64(count))
	each(openAtOnce, func(int) {
		for left.Add(-1) >= 0 && ctx.Err() == nil {
			conn, err := net.DialTimeout("tcp", address, openLimit)
			if err == nil {
				if err = echoOnce(conn, question(1), openLimit); err != nil {
					conn.Close()
				}
			}
			mu.Lock()
			if err == nil {
				conns = append(conns, conn)
			} else {
				failed = fmt.Errorf("stream %d: %w", len(conns)+1, err)
			}
			mu.Unlock()
		}
	})
	if failed == nil {
		failed = ctx.Err()
	}
	return conns, failed
}

func measureStalled(ctx context.Context, b *bench, a *agent, name string) (out outcome, err error) {
	watched := watchMemory(a.pid, memoryEvery)
	defer func() { out.samples = watched() }()
	before, fds, err := baseline(ctx, b, a)
	if err != nil {
		return outcome{}, err
	}
	down, count := parseBulk(name)
	b.world.targets.small.Store(count >= stalledMany)
	defer b.world.targets.small.Store(false)
	address, err := b.world.forward(ctx, a.key, pick(down, b.world.targets.source, b.world.targets.silent))
	if err != nil {
		return outcome{}, err
	}
	var conns []net.Conn
	var writers sync.WaitGroup
	uploaded := &atomic.Int64{}
	var writing atomic.Int64
	alive := pick(down, &b.world.targets.sending, &writing)
	sent := pick(down, &b.world.targets.sent, uploaded)
	echo, err := b.world.forward(ctx, a.key, b.world.echo)
	if err != nil {
		return outcome{}, err
	}
	beside, err := openStreams(ctx, echo, 1)
	if err != nil {
		return outcome{}, err
	}
	defer beside[0].Close()
	waits := watchEcho(beside[0])
	sentBefore, started := sent.Load(), time.Now()
	end := func() {
		for _, conn := range conns {
			conn.Close()
		}
		writers.Wait()
		b.world.targets.release()
	}
	defer func() { end() }()
	for range count {
		conn, err := net.DialTimeout("tcp", address, 5*time.Second)
		if err != nil {
			return outcome{}, err
		}
		conns = append(conns, conn)
		if count >= stalledMany {
			_ = conn.(*net.TCPConn).SetReadBuffer(stalledBuffer)
			_ = conn.(*net.TCPConn).SetWriteBuffer(stalledBuffer)
		}
		if err := writeSeed(conn, b.nextSeed()); err != nil {
			return outcome{}, err
		}
		if !down {
			writing.Add(1)
			writers.Go(func() { // until it is blocked, and then blocked until the end
				defer writing.Add(-1)
				w := newWalk(0)
				for total := 0; total < stalledCap; {
					n, err := conn.Write(w.next(chunkBytes))
					uploaded.Add(int64(n))
					if err != nil {
						return
					}
					total += n
				}
			})
		}
	}
	if err := untilStill(ctx, sent); err != nil {
		return outcome{}, err
	}
	blocked := time.Since(started) - stillFor
	if err := sleep(ctx, stallWait); err != nil {
		return outcome{}, err
	}
	longest := waits()
	now := memoryOf(a.pid)
	// A session that died would look very modest.
	left := alive.Load()
	if left == 0 {
		return outcome{}, fmt.Errorf("all %d stalled streams ended by themselves", count)
	}
	asked := time.Now()
	other, err := openStreams(ctx, echo, 1)
	for _, conn := range other {
		conn.Close()
	}
	if err != nil {
		return outcome{}, fmt.Errorf("no echo beside the stalled streams: %w", err)
	}
	found := metrics{
		"echo beside, ms":     milliseconds(time.Since(asked)),
		"longest echo, ms":    milliseconds(longest),
		"peak MiB":            float64(now.peak-before.rss) / mib,
		"after 10 s, MiB":     float64(now.rss-before.rss) / mib,
		"peak RSS MB":         float64(now.peak) / 1e6,
		"sent per stream MiB": float64(sent.Load()-sentBefore) / mib / float64(count),
		"blocked after, s":    blocked.Seconds(),
		"ended by themselves": float64(int64(count) - left),
	}
	end()
	if err := sleep(ctx, closeWait(b.options)); err != nil {
		return outcome{}, err
	}
	now = memoryOf(a.pid)
	found["after closing, MiB"] = float64(now.rss-before.rss) / mib
	found["after closing, of before"] = float64(now.rss) / float64(before.rss)
	found["descriptors left"] = float64(descriptors(a.pid) - fds)
	return outcome{metrics: found}, nil
}

// watchEcho asks on one stream, again and again, until it is called; that gives the longest wait.
func watchEcho(conn net.Conn) (longest func() time.Duration) {
	quit, done := make(chan struct{}), make(chan struct{})
	var most time.Duration
	go func() {
		defer close(done)
		for i := 0; ; i++ {
			asked := time.Now()
			err := echoOnce(conn, question(i), stillLimit)
			most = max(most, time.Since(asked))
			if err != nil { // it will not come: that took as long as the limit
				most = max(most, stillLimit)
				return
			}
			select {
			case <-quit:
				return
			case <-time.After(watchEvery):
			}
		}
	}()
	return func() time.Duration {
		close(quit)
		<-done
		return most
	}
}

// untilStill waits until what sends is blocked.
func untilStill(ctx context.Context, sent *atomic.Int64) error {
	for deadline := time.Now().Add(stillLimit); time.Now().Before(deadline); {
		before := sent.Load()
		if err := sleep(ctx, stillFor); err != nil {
			return err
		}
		if now := sent.Load(); now > 0 && now-before < stillBytes {
			return nil
		}
	}
	return fmt.Errorf("still moving after %s: %d MiB", stillLimit, sent.Load()/mib)
}
