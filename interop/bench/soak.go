package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// soakFirst is load and faults before the look that the last one is compared with: what
	// compilers and caches take once is not what a soak is about.
	soakFirst = 5 * time.Minute
	// soakQuiet is without load before a look: streams that ended are let go after half a minute.
	soakQuiet = 90 * time.Second
	// Between a fault's end and the next one.
	soakCalmMin, soakCalmMax = 20 * time.Second, 60 * time.Second
	// A fault that lasts does so for as long.
	soakFaultMin, soakFaultMax = 5 * time.Second, 25 * time.Second

	soakDials   = 20 // a second, each with an echo
	soakSteady  = 20 // streams, one echo each in steadyEvery
	soakStalled = 20 // uploads that nobody reads, for stalledFor in each stallEvery
	soakBurst   = time.Second
	burstEvery  = 10 * time.Second
	stalledFor  = 5 * time.Second
	stallEvery  = time.Minute
	pingEvery   = time.Second
)

// look is what a process has after a collection.
type look struct{ heap, rss, threads, descriptors float64 }

// soak is one agent under a modest load of everything, and what became of what was asked of it.
type soak struct {
	bench *bench
	scene *scene

	asked, failed, excused atomic.Int64
	moved                  atomic.Int64 // by bursts, in bytes

	mu        sync.Mutex
	calmSince time.Time // zero: there is a fault, or its end is not over yet
	first     error
}

// tell counts what was asked at a time. Whoever asked before the end of a fault had bad luck.
func (s *soak) tell(asked time.Time, err error) {
	s.asked.Add(1)
	if err == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.calmSince.IsZero() || asked.Before(s.calmSince) {
		s.excused.Add(1)
		return
	}
	s.failed.Add(1)
	if s.first == nil {
		s.first = err
		s.bench.show.say(fmt.Sprintf("soak: the first failure without a fault: %v", err))
	}
}

func (s *soak) calm(now bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calmSince = time.Time{}
	if now {
		s.calmSince = time.Now()
	}
}

func measureSoak(ctx context.Context, b *bench, a *agent, _ string) (outcome, error) {
	server, err := url.Parse(b.world.hello.URL)
	if err != nil {
		return outcome{}, err
	}
	shared := scene{}
	if shared.stripper, err = newStripper(b.world, server.Host); err != nil {
		return outcome{}, err
	}
	defer shared.stripper.close()
	one, end, err := b.world.behindRelay(ctx, a.who, shared)
	defer end()
	if err != nil {
		return outcome{}, err
	}
	s := &soak{bench: b, scene: &one}
	counted := func() metrics { return metrics{"faults": 0, "lost": 0, "processes ended": 0} }
	watched := watchMemory(one.agent.pid, soakMemoryEvery)
	found := counted()
	err = s.run(ctx, soakFirst, found)
	var before, after look
	if err == nil {
		before, err = s.look(ctx)
	}
	if err == nil {
		b.show.say(fmt.Sprintf("soak: after %s: %s", soakFirst, before))
		found = counted()
		err = s.run(ctx, b.options.soak, found)
	}
	if err == nil {
		after, err = s.look(ctx)
	}
	if err != nil {
		return outcome{samples: watched()}, err
	}
	b.show.say(fmt.Sprintf("soak: at the end: %s", after))
	for name, two := range map[string][2]float64{
		"heap MB": {before.heap, after.heap}, "RSS MB": {before.rss, after.rss},
		"threads": {before.threads, after.threads}, "descriptors": {before.descriptors, after.descriptors},
	} {
		found[name] = two[1]
		found[name+" of before"] = two[1] / two[0]
	}
	found["asked"] = float64(s.asked.Load())
	found["failed"] = float64(s.failed.Load())
	found["failed in a fault"] = float64(s.excused.Load())
	found["GB"] = float64(s.moved.Load()) / 1e9
	return outcome{metrics: found, samples: watched()}, nil
}

// run is load and faults for so long.
func (s *soak) run(ctx context.Context, length time.Duration, found metrics) error {
	load, stop := context.WithTimeout(ctx, length)
	defer stop()
	s.calm(true)
	var work sync.WaitGroup
	for _, do := range []func(context.Context){s.dial, s.burst, s.stall, s.ping} {
		work.Go(func() { do(load) })
	}
	for range soakSteady {
		work.Go(func() { s.steady(load) })
	}
	err := s.suffer(load, found)
	work.Wait()
	return errors.Join(err, ctx.Err())
}

// suffer lets faults happen, by chance, one after the other.
func (s *soak) suffer(ctx context.Context, found metrics) error {
	for {
		if sleep(ctx, soakCalmMin+rand.N(soakCalmMax-soakCalmMin)) != nil {
			return nil // the time is over
		}
		f := faults[rand.N(len(faults))]
		if f.names {
			continue // only an agent that was started for it asks the bench's resolver
		}
		length := time.Duration(0)
		if f.full > 0 {
			length = soakFaultMin + rand.N(soakFaultMax-soakFaultMin)
		}
		if deadline, _ := ctx.Deadline(); time.Until(deadline) < length+soakCalmMin {
			continue
		}
		links, err := s.bench.world.tunnelLinks(ctx, s.scene)
		if err != nil {
			return err
		}
		s.bench.show.step(fmt.Sprintf("soak: %s for %.0f s; asked %d, failed %d", f.name, length.Seconds(), s.asked.Load(), s.failed.Load()))
		s.calm(false)
		if f.freeze {
			thaw, err := freeze(s.bench.world.peer, length)
			if err != nil {
				return err
			}
			defer thaw()
		}
		result := f.strike(ctx, s.bench.world, s.scene, links, length)
		if ctx.Err() != nil {
			return nil
		}
		found["faults"]++
		found["processes ended"] += pick(result.ended, 1.0, 0)
		found["lost"] += pick(result.err != nil, 1.0, 0)
		if result.ended {
			return fmt.Errorf("the agent ended after %s:\n  %s", f.name, s.scene.agent.tail())
		}
		if result.err != nil {
			return fmt.Errorf("after %s: %w", f.name, result.err)
		}
		s.calm(true)
	}
}

// look collects what the heap has for nothing, and says what is left.
func (s *soak) look(ctx context.Context) (look, error) {
	if err := sleep(ctx, soakQuiet); err != nil {
		return look{}, err
	}
	pid := s.scene.agent.pid
	java, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", pid))
	if err != nil {
		return look{}, err
	}
	// It counts the living only, so it collects before.
	out, err := exec.CommandContext(ctx, filepath.Join(filepath.Dir(java), "jcmd"), strconv.Itoa(pid), "GC.class_histogram").Output()
	if err != nil {
		return look{}, fmt.Errorf("jcmd beside the agent's java: %w", err)
	}
	found := look{}
	for line := range strings.Lines(string(out)) {
		if fields := strings.Fields(line); len(fields) == 3 && fields[0] == "Total" {
			bytes, _ := strconv.ParseFloat(fields[2], 64)
			found.heap = bytes / 1e6
		}
	}
	if found.heap == 0 {
		return look{}, errors.New("jcmd named no total")
	}
	if err := sleep(ctx, settleWait(s.bench.options)); err != nil { // TrimNativeHeapInterval
		return look{}, err
	}
	found.rss = float64(memoryOf(pid).rss) / 1e6
	found.threads, found.descriptors = float64(threads(pid)), float64(descriptors(pid))
	return found, nil
}

func (l look) String() string {
	return fmt.Sprintf("heap %.2f MB, RSS %.1f MB, %.0f threads, %.0f descriptors", l.heap, l.rss, l.threads, l.descriptors)
}

// soakTakes is for all of it.
func soakTakes(o options) time.Duration {
	return startGuess + soakFirst + o.soak + 2*(soakQuiet+settleWait(o))
}

// every does something again and again until the time is over, and tells what became of it.
func (s *soak) every(ctx context.Context, pause time.Duration, do func() error) {
	for sleep(ctx, pause) == nil {
		asked := time.Now()
		if err := do(); ctx.Err() == nil {
			s.tell(asked, err)
		}
	}
}

func (s *soak) dial(ctx context.Context) {
	var asked sync.WaitGroup
	defer asked.Wait()
	for sleep(ctx, time.Second/soakDials) == nil {
		asked.Go(func() {
			began := time.Now()
			one, done := context.WithTimeout(ctx, steadyLimit)
			defer done()
			if err := s.bench.world.goodEcho(one, s.scene.agent.key); ctx.Err() == nil {
				s.tell(began, err)
			}
		})
	}
}

func (s *soak) ping(ctx context.Context) {
	s.every(ctx, pingEvery, func() error { return s.bench.world.goodPing(ctx, steveKey+s.scene.agent.key) })
}

// burst moves as much as goes for a second: down and up in turns, by 1, 4 and 16 streams.
func (s *soak) burst(ctx context.Context) {
	i := 0
	s.every(ctx, burstEvery, func() error {
		i++
		found, err := runBulk(ctx, s.bench, s.scene.agent, i%2 == 0, []int{1, 4, 16}[i%3], soakBurst)
		s.moved.Add(int64(found["bulk bytes in all"]))
		return err
	})
}

// steady is one stream that lasts for as long as nothing happens to it.
func (s *soak) steady(ctx context.Context) {
	var conn net.Conn
	defer func() {
		if conn != nil {
			conn.Close()
		}
	}()
	var opened time.Time
	for i := 0; sleep(ctx, steadyEvery) == nil; i++ {
		var err error
		if conn == nil {
			opened = time.Now()
			var address string
			if address, err = s.bench.world.forward(ctx, s.scene.agent.key, s.bench.world.echo); err == nil {
				conn, err = net.DialTimeout("tcp", address, steadyLimit)
			}
		}
		if err == nil {
			err = echoOnce(conn, question(i), steadyLimit)
		}
		if ctx.Err() != nil {
			return
		}
		s.tell(opened, err) // a stream that was there before a fault may end by it at any time
		if err != nil && conn != nil {
			conn.Close()
			conn = nil
		}
	}
}

// stall leaves uploads standing for a while.
func (s *soak) stall(ctx context.Context) {
	s.every(ctx, stallEvery, func() error {
		end, err := s.bench.world.stalledUploads(ctx, s.scene.agent, soakStalled)
		if err != nil {
			return err
		}
		defer end()
		return sleep(ctx, stalledFor)
	})
}
