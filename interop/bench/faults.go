package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

const (
	// faultAgents suffer the same fault at the same time, each behind a relay of its own, unless
	// --at-once says otherwise: ours takes 130 MB while it starts.
	faultAgents = 25
	// faultStarts of them start at the same time.
	faultStarts = 4
	// faultSettle is from the last agent's start until the first fault; then each waits for up to
	// faultSpread more, which is longer than an interval of pings.
	faultSettle = 3 * time.Second
	faultSpread = 6 * time.Second

	// failedRounds may fail in one case, before a fault.
	failedRounds = 2

	// recoverLimit is how long an agent may take after the end of a fault before it counts as lost.
	recoverLimit = 100 * time.Second
	// Requests begin so often after a fault, and each has so long.
	requestEvery = 200 * time.Millisecond
	requestLimit = 3 * time.Second

	steveKey = "stv-cluster-"
)

// fault is a case of the experiment.
type fault struct {
	name, label string
	// full and quick are how long it lasts; zero: it is over at once.
	full, quick time.Duration
	// begin and end are for one agent; links are those of its two tunnels, cluster first.
	begin func(s *scene, links []*link)
	end   func(s *scene)
	// freeze stops the server itself meanwhile, for all agents.
	freeze bool
	// names: the agent finds the server by name, and asks a resolver of ours.
	names bool
	// hits are how many of its connections an agent should notice something of.
	hits int
}

// scene is one agent and what can be done to it.
type scene struct {
	relay    *relay
	resolver *resolver // of all agents
	stripper *stripper
	agent    *agent
}

// A fault that an agent may sit out lasts longer than the Go client needs to notice it, in the
// full run. Short ones would show only who was lucky.
var faults = []fault{
	{name: "fin", label: "server ends the connections (FIN)", begin: func(_ *scene, links []*link) { all(links, (*link).fin) }, hits: 2},
	{name: "rst", label: "connections reset (RST)", begin: func(_ *scene, links []*link) { all(links, (*link).reset) }, hits: 2},
	{name: "half-close", label: "half closed towards the agent", begin: func(_ *scene, links []*link) { all(links, (*link).halfClose) }, hits: 2},
	{
		name: "hole", label: "black hole, both ways", full: 75 * time.Second, quick: 25 * time.Second, hits: 2,
		begin: func(s *scene, _ []*link) { s.relay.hold(up, down) }, end: func(s *scene) { s.relay.hold() },
	},
	{
		name: "hole-down", label: "black hole, server to agent", full: 75 * time.Second, quick: 25 * time.Second, hits: 2,
		begin: func(s *scene, _ []*link) { s.relay.hold(down) }, end: func(s *scene) { s.relay.hold() },
	},
	{
		name: "hole-up", label: "black hole, agent to server", full: 75 * time.Second, quick: 25 * time.Second, hits: 2,
		begin: func(s *scene, _ []*link) { s.relay.hold(up) }, end: func(s *scene) { s.relay.hold() },
	},
	{
		name: "hole-cluster", label: "black hole, cluster tunnel alone", full: 75 * time.Second, quick: 25 * time.Second, hits: 1,
		begin: func(_ *scene, links []*link) { links[0].hold(up, down) }, end: func(s *scene) { s.relay.hold() },
	},
	{
		name: "hole-steve", label: "black hole, steve tunnel alone", full: 75 * time.Second, quick: 25 * time.Second, hits: 1,
		begin: func(_ *scene, links []*link) { links[1].hold(up, down) }, end: func(s *scene) { s.relay.hold() },
	},
	{name: "freeze", label: "server frozen (SIGSTOP)", full: 20 * time.Second, quick: 20 * time.Second, freeze: true, hits: 2},
	{
		// Nothing is wrong with it, so nothing is to be noticed.
		name: "rough", label: "0.3 to 0.5 s of delay, 64 kB/s, odd pieces", full: 60 * time.Second, quick: 20 * time.Second,
		begin: func(s *scene, _ []*link) { s.relay.pave(roughRoad) }, end: func(s *scene) { s.relay.pave(road{}) },
	},
	{
		name: "no-upgrade", label: "a proxy that strips Upgrade", full: 5 * time.Minute, quick: 30 * time.Second, hits: 2,
		begin: func(s *scene, links []*link) {
			s.relay.divert(s.stripper.address())
			all(links, (*link).reset)
		},
		end: func(s *scene) { s.relay.divert(s.stripper.server) },
	},
	{
		name: "no-dns", label: "no answer from DNS", full: 10 * time.Minute, quick: 30 * time.Second, names: true, hits: 2,
		begin: func(s *scene, links []*link) {
			s.resolver.silence(true)
			all(links, (*link).reset)
		},
		end: func(s *scene) { s.resolver.silence(false) },
	},
}

var roughRoad = road{
	delay: 300 * time.Millisecond, jitter: 200 * time.Millisecond, rate: 64_000, split: 7, coalesce: 20 * time.Millisecond,
}

func all(links []*link, do func(*link)) {
	for _, l := range links {
		do(l)
	}
}

func faultNames() []string {
	var names []string
	for _, f := range faults {
		names = append(names, f.name)
	}
	return names
}

func faultCalled(name string) fault {
	for _, f := range faults {
		if f.name == name {
			return f
		}
	}
	panic("no fault is called " + name)
}

func (f fault) length(o options) time.Duration { return pick(o.quick, f.quick, f.full) }

// takes is for all repetitions of one side.
func (f fault) takes(o options) time.Duration {
	rounds := (o.repeats + o.atOnce - 1) / o.atOnce
	each := startGuess*time.Duration(min(o.repeats, o.atOnce)) + faultSettle + faultSpread + f.length(o) + 20*time.Second
	return time.Duration(rounds) * each
}

// suffered is what became of one agent.
type suffered struct {
	noticed time.Duration    // from the beginning
	missed  bool             // nothing was noticed: noticed is then how long that was so
	good    [2]time.Duration // from the end to the first good request: cluster tunnel, steve tunnel
	ended   bool             // the process has
	err     error
}

func measureFaults(ctx context.Context, b *bench, a *agent, name string) (outcome, error) {
	f := faultCalled(name)
	var all []suffered
	for failed := 0; len(all) < b.options.repeats; {
		round, err := f.round(ctx, b, a.who, min(b.options.atOnce, b.options.repeats-len(all)))
		if err != nil {
			// The agents were not all there before the fault; the rounds before count all the same.
			if failed++; failed > failedRounds || ctx.Err() != nil {
				return outcome{}, err
			}
			b.show.say(fmt.Sprintf("a round of %s of %s is made again: %v", name, a.who.name, err))
			continue
		}
		all = append(all, round...)
	}
	return f.outcome(all), nil
}

func (f fault) outcome(all []suffered) outcome {
	found := samples{}
	counts := metrics{"repeats": float64(len(all)), "unnoticed": 0, "gave up": 0, "lost": 0, "processes ended": 0}
	for _, one := range all {
		found["noticed s"] = append(found["noticed s"], one.noticed.Seconds())
		found["good s"] = append(found["good s"], one.good[0].Seconds())
		found["steve good s"] = append(found["steve good s"], one.good[1].Seconds())
		counts["unnoticed"] += pick(one.missed, 1.0, 0)
		counts["gave up"] += pick(one.missed, 0.0, 1)
		counts["processes ended"] += pick(one.ended, 1.0, 0)
		counts["lost"] += pick(one.err != nil, 1.0, 0)
	}
	for name, values := range found {
		for suffix, q := range map[string]float64{"p50": 0.5, "p99": 0.99, "max": 1} {
			counts[name+" "+suffix] = quantileOf(values, q)
		}
	}
	return outcome{metrics: counts, samples: found}
}

// round lets count agents suffer once, each in a fresh process: what one failure is answered with
// depends on how many there were before.
func (f fault) round(ctx context.Context, b *bench, who contender, count int) ([]suffered, error) {
	w := b.world
	server, err := url.Parse(w.hello.URL)
	if err != nil {
		return nil, err
	}
	shared := scene{}
	if shared.stripper, err = newStripper(w, server.Host); err != nil {
		return nil, err
	}
	defer shared.stripper.close()
	if f.names {
		if shared.resolver, err = newResolver(w.directory); err != nil {
			return nil, err
		}
		defer shared.resolver.close()
	}
	scenes := make([]scene, count)
	failed := make([]error, count)
	defer func() {
		each(count, func(i int) {
			if scenes[i].agent != nil {
				scenes[i].agent.stop(5 * time.Second)
			}
			if scenes[i].relay != nil {
				scenes[i].relay.close()
			}
		})
	}()
	starting := make(chan struct{}, faultStarts)
	each(count, func(i int) {
		starting <- struct{}{}
		defer func() { <-starting }()
		scenes[i], failed[i] = shared.with(ctx, w, who, faultCluster(i), server.Host)
	})
	if err := errors.Join(failed...); err != nil {
		return nil, err
	}
	if err := sleep(ctx, faultSettle); err != nil {
		return nil, err
	}
	links := make([][]*link, count)
	for i := range scenes {
		if links[i], err = w.tunnelLinks(ctx, &scenes[i]); err != nil {
			return nil, err
		}
	}
	results := make([]suffered, count)
	length := f.length(b.options)
	if f.freeze {
		thaw, err := freeze(w.peer, length)
		if err != nil {
			return nil, err
		}
		defer thaw()
	}
	each(count, func(i int) {
		if !f.freeze {
			if failed[i] = sleep(ctx, rand.N(faultSpread)); failed[i] != nil {
				return
			}
		}
		results[i] = f.strike(ctx, w, &scenes[i], links[i], length)
		failed[i] = ctx.Err()
	})
	return results, errors.Join(failed...)
}

func each(count int, do func(i int)) {
	var work sync.WaitGroup
	for i := range count {
		work.Go(func() { do(i) })
	}
	work.Wait()
}

// with starts an agent behind a relay of its own.
func (s scene) with(ctx context.Context, w *world, who contender, cluster, server string) (scene, error) {
	var err error
	if s.relay, err = newRelay(server); err != nil {
		return s, err
	}
	at := seat{cluster, "https://" + s.relay.address()}
	var wrap []string
	if s.resolver != nil {
		_, port, _ := net.SplitHostPort(s.relay.address())
		at.url, wrap = "https://"+net.JoinHostPort(resolvedName, port), s.resolver.wrap
	}
	// On all cores: many start at once, and nothing that is measured here needs one of its own.
	if s.agent, err = w.launchAt(ctx, who, at, anyCPU, wrap); err != nil {
		return s, err
	}
	// The way is there once a request was good.
	_, err = w.untilGood(ctx, s.agent.key)
	return s, err
}

// behindRelay starts an agent behind a relay of its own that does nothing by itself; end stops both, and
// is to be called even after an error.
func (w *world) behindRelay(ctx context.Context, who contender, shared scene) (s scene, end func(), err error) {
	end = func() {
		if s.agent != nil {
			s.agent.stop(5 * time.Second)
		}
		if s.relay != nil {
			s.relay.close()
		}
	}
	server, err := url.Parse(w.hello.URL)
	if err != nil {
		return s, end, err
	}
	s, err = shared.with(ctx, w, who, faultCluster(0), server.Host)
	return s, end, err
}

// stalledUploads opens uploads that nobody reads; they stand still until they are ended.
func (w *world) stalledUploads(ctx context.Context, a *agent, count int) (end func(), err error) {
	address, err := w.forward(ctx, a.key, w.targets.silent)
	if err != nil {
		return nil, err
	}
	var conns []net.Conn
	var writers sync.WaitGroup
	end = func() {
		for _, conn := range conns {
			conn.Close()
		}
		writers.Wait()
		w.targets.release()
	}
	for range count {
		conn, err := net.DialTimeout("tcp", address, steadyLimit)
		if err != nil {
			end()
			return nil, err
		}
		conns = append(conns, conn)
		writers.Go(func() { writePattern(conn, 0, &atomic.Int64{}) }) // until it is closed
	}
	return end, nil
}

// tunnelLinks are an agent's connections that carry its tunnels, by the server's own list.
func (w *world) tunnelLinks(ctx context.Context, s *scene) ([]*link, error) {
	var open []struct{ Key, Remote string }
	if err := w.control(ctx, http.MethodGet, "/sessions", nil, &open); err != nil {
		return nil, err
	}
	links := make([]*link, 2)
	for _, one := range open {
		switch one.Key {
		case s.agent.key:
			links[0] = s.relay.link(one.Remote)
		case steveKey + s.agent.key:
			links[1] = s.relay.link(one.Remote)
		}
	}
	if links[0] == nil || links[1] == nil {
		return nil, fmt.Errorf("%s does not have both its tunnels through the relay", s.agent.key)
	}
	return links, nil
}

// freeze stops a process for a while.
func freeze(p *process, length time.Duration) (thaw func(), err error) {
	if err := syscall.Kill(p.pid, syscall.SIGSTOP); err != nil {
		return nil, err
	}
	thaw = func() { _ = syscall.Kill(p.pid, syscall.SIGCONT) }
	time.AfterFunc(length, thaw)
	return thaw, nil
}

// strike is one fault from its beginning until the first good request after it.
func (f fault) strike(ctx context.Context, w *world, s *scene, links []*link, length time.Duration) suffered {
	started := time.Now()
	if f.begin != nil {
		f.begin(s, links)
	}
	watch := pick(length > 0, length, recoverLimit)
	noticing, stop := context.WithTimeout(ctx, watch)
	defer stop()
	at := make(chan time.Time, 1)
	go func() { at <- noticed(noticing, s.relay, links, f.hits, started) }()
	_ = sleep(ctx, length)
	if f.end != nil {
		f.end(s)
	}
	var result suffered
	result.good, result.err = w.untilGood(ctx, s.agent.key)
	if length == 0 && result.err != nil {
		stop()
	}
	if when := <-at; when.IsZero() {
		result.noticed, result.missed = min(time.Since(started), watch), true
	} else {
		result.noticed = when.Sub(started)
	}
	select {
	case <-s.agent.ended:
		result.ended = true
	default:
	}
	return result
}

// noticed is when an agent has closed so many of these connections, or, where there is nothing to
// close since the relay has cut them, has made as many new ones; none: when it has closed any. Other
// connections that it makes meanwhile do not count. Zero: not in time.
func noticed(ctx context.Context, r *relay, links []*link, hits int, started time.Time) time.Time {
	for ; ; time.Sleep(10 * time.Millisecond) {
		var closed []time.Time
		var cut int
		for _, l := range links {
			if at := l.closedAt(); !at.IsZero() {
				closed = append(closed, at)
			}
			if l.isCut() {
				cut++
			}
		}
		if at := later(closed, max(hits, 1)); !at.IsZero() {
			return at
		}
		if at := later(r.arrived(started), hits); cut > 0 && cut == hits && !at.IsZero() {
			return at
		}
		if ctx.Err() != nil {
			return time.Time{}
		}
	}
}

// later is the time of the event that completes the number; zero: there were not so many.
func later(times []time.Time, number int) time.Time {
	if number == 0 || len(times) < number {
		return time.Time{}
	}
	sorted := slices.SortedFunc(slices.Values(times), time.Time.Compare)
	return sorted[number-1]
}

// untilGood asks on both tunnels, cluster and steve, again and again, until both have answered once,
// and says how long that took. A tunnel that never does has had all the time there is.
func (w *world) untilGood(ctx context.Context, key string) (took [2]time.Duration, err error) {
	ctx, cancel := context.WithTimeout(ctx, recoverLimit)
	defer cancel()
	started := time.Now()
	asks := [2]func(context.Context) error{
		func(ctx context.Context) error { return w.goodEcho(ctx, key) },
		func(ctx context.Context) error { return w.goodPing(ctx, steveKey+key) },
	}
	var failed [2]error
	each(len(asks), func(i int) {
		if failed[i] = repeatedly(ctx, asks[i]); failed[i] != nil {
			failed[i] = fmt.Errorf("%s, tunnel %d: %w", key, i+1, failed[i])
		}
		took[i] = time.Since(started)
	})
	return took, errors.Join(failed[:]...)
}

// repeatedly begins a request every so often, whatever became of those before, until one is good.
func repeatedly(ctx context.Context, ask func(context.Context) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	good := make(chan struct{}, 1)
	var mu sync.Mutex
	var last error
	for {
		go func() {
			one, done := context.WithTimeout(ctx, requestLimit)
			defer done()
			err := ask(one)
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				select {
				case good <- struct{}{}:
				default:
				}
			} else if ctx.Err() == nil {
				last = err
			}
		}()
		select {
		case <-good:
			return nil
		case <-ctx.Done():
			mu.Lock()
			defer mu.Unlock()
			return fmt.Errorf("no good request: %w", last)
		case <-time.After(requestEvery):
		}
	}
}

// goodEcho is a dial and an echo through the cluster tunnel.
func (w *world) goodEcho(ctx context.Context, key string) error {
	address, err := w.forward(ctx, key, w.echo)
	if err != nil {
		return err
	}
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "tcp", address)
	if err != nil {
		return err
	}
	defer conn.Close()
	return echoOnce(conn, question(7), requestLimit)
}

// goodPing is a /ping through the steve tunnel, made by the server.
func (w *world) goodPing(ctx context.Context, key string) error {
	var answer struct {
		Status int
		Error  string
	}
	query := url.Values{"key": {key}, "path": {"/ping"}, "timeout": {requestLimit.String()}}
	if err := w.control(ctx, http.MethodPost, "/http", query, &answer); err != nil {
		return err
	}
	if answer.Status != http.StatusOK {
		return fmt.Errorf("status %d %s", answer.Status, answer.Error)
	}
	return nil
}

// control asks the server's control listener.
func (w *world) control(ctx context.Context, method, path string, query url.Values, into any) error {
	request, err := http.NewRequestWithContext(ctx, method, w.hello.Control+path+"?"+query.Encode(), nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	return json.NewDecoder(response.Body).Decode(into)
}

// mayMount says whether an agent can be given a resolver of our own.
func mayMount() bool { return os.Geteuid() == 0 }

// identityOf is where the server keeps what it serves with.
func (w *world) identityOf() (certificate, key string) {
	return filepath.Join(w.directory, "peer", "server.crt"), filepath.Join(w.directory, "peer", "server.key")
}
