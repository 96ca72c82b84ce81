package main

import (
	"context"
	"fmt"
	"syscall"
	"time"
)

// experiment is one thing to measure, in one or several cases.
type experiment struct {
	name, about string
	cases       []string
	// fresh: each measurement has a process of its own, alone on its core. Otherwise both agents
	// run all the time, warmed up, and only one of them gets load at a time.
	fresh    bool
	fullOnly bool     // not part of --quick
	long     []string // cases that are not
	named    bool     // takes hours: only if --only names it
	// own: each measurement starts its agents itself, and is only told of which side.
	own bool
	// names of the sides, where they are not those of all others.
	names [2]string
	// alone: the other side has nothing of the kind.
	alone bool
	// cluster: each measurement of a case has a new control plane of that size for itself, not the
	// small one that all others share.
	cluster func(name string) clusterSize
	// possible says whether a case can be measured here; nil: all of them.
	possible func(o options, name string) bool
	pairs    func(o options) int
	takes    func(o options, name string) time.Duration // one measurement of a case, without starting
	measure  func(ctx context.Context, b *bench, a *agent, name string) (outcome, error)
}

// outcome is what a measurement found.
type outcome struct {
	metrics   metrics
	histogram histogram
	requests  breakdown
	samples   samples
	spoilt    bool // the agent is of no use for another measurement
}

type bench struct {
	options options
	world   *world
	book    *book
	who     [2]contender
	warm    [2]*agent // while the warmed-up pair runs
	show    *progress
	seed    uint64 // of the last stream
}

func newBench(ctx context.Context, o options) (*bench, error) {
	b := &bench{options: o, who: contenders(o)}
	b.show = newProgress(b.estimate())
	var err error
	if b.book, err = newBook(o.jsonFile); err != nil {
		return nil, err
	}
	b.show.say("starting the control plane and the peer server")
	if b.world, err = newWorld(ctx, o); err != nil {
		return nil, err
	}
	b.book.add(record{Kind: "run", Run: describe(o, b.world, b.warmup())})
	return b, nil
}

func raiseDescriptors() error {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return err
	}
	limit.Cur = limit.Max
	if wanted := (syscall.Rlimit{Cur: descriptorsWanted, Max: descriptorsWanted}); limit.Max < descriptorsWanted &&
		syscall.Setrlimit(syscall.RLIMIT_NOFILE, &wanted) == nil {
		return nil // root may
	}
	return syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit) // set by us, it is the children's too
}

// descriptorLimit is how many this process may have open, as may each that it starts.
func descriptorLimit() int {
	var limit syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit) != nil {
		return 0
	}
	return int(min(limit.Cur, 1<<30))
}

func (b *bench) close(keep bool) {
	b.show.done()
	b.world.close(keep)
	if b.book.file != nil {
		_ = b.book.file.Close()
	}
}

func (b *bench) measured() []record {
	var samples []record
	for _, r := range b.book.records {
		if r.Kind == "sample" {
			samples = append(samples, r)
		}
	}
	return samples
}

// warmup is what a fresh pair gets before it is measured.
func (b *bench) warmup() time.Duration { return pick(b.options.quick, 8*time.Second, 30*time.Second) }

// chosen are the cases of an experiment that are to be measured.
func (b *bench) chosen(e *experiment) []string {
	var names []string
	for _, name := range e.cases {
		if b.options.wants(e, name) && (e.possible == nil || e.possible(b.options, name)) {
			names = append(names, name)
		}
	}
	return names
}

const (
	descriptorsWanted = 1 << 15

	startFree = "free" // a case that is not pinned

	settle     = 300 * time.Millisecond // between measurements
	startGuess = 3 * time.Second        // of an agent
	worldGuess = 9 * time.Second
)

func (b *bench) estimate() time.Duration {
	total := worldGuess
	warm := false
	for _, e := range experiments {
		times := time.Duration(pick(e.alone, 1, 2) * e.pairs(b.options))
		chosen := b.chosen(e)
		warm = warm || len(chosen) > 0 && !e.fresh
		for _, name := range chosen {
			total += times * (e.takes(b.options, name) + settle + pick(e.fresh && !e.own, startGuess, 0))
			if e.cluster != nil {
				total += times * (worldGuess + e.cluster(name).objects()*fillEach)
			}
		}
	}
	if warm {
		total += 2*startGuess + b.warmup() + b.warmup()/3
	}
	return total
}

// run measures everything that was asked for. A failed measurement is noted, and the others go on.
func (b *bench) run(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 3*b.estimate()+time.Minute)
	defer cancel()
	var first error
	note := func(err error) {
		if first == nil {
			first = err
		}
	}
	note(b.runWarm(ctx))
	for _, e := range experiments {
		if e.fresh {
			for round := range e.pairs(b.options) {
				for _, name := range b.chosen(e) {
					note(b.pair(ctx, e, name, round))
				}
			}
		}
	}
	return first
}

func (b *bench) runWarm(ctx context.Context) error {
	var chosen []*experiment
	for _, e := range experiments {
		if !e.fresh && len(b.chosen(e)) > 0 {
			chosen = append(chosen, e)
		}
	}
	if len(chosen) == 0 {
		return nil
	}
	defer func() {
		for side, a := range b.warm {
			if a != nil {
				b.world.stopAgent(a)
				b.warm[side] = nil
			}
		}
	}()
	for side := range b.who {
		if err := b.heat(ctx, side); err != nil {
			return err
		}
	}
	var first error
	// Rounds outside: each case is spread over the whole time, as is the noise of the machine.
	for round := range b.options.pairs {
		for _, e := range chosen {
			if round >= e.pairs(b.options) {
				continue
			}
			for _, name := range b.chosen(e) {
				if err := b.pair(ctx, e, name, round); err != nil && first == nil {
					first = err
				}
			}
		}
	}
	return first
}

// heat starts one of the warmed-up pair, in the place of the one before if there was one.
func (b *bench) heat(ctx context.Context, side int) error {
	if old := b.warm[side]; old != nil {
		b.warm[side] = nil
		b.world.stopAgent(old)
	}
	who, length := b.who[side], b.warmup()
	if side == 1 && b.options.against == "" {
		length /= 3 // Go needs none; a little fills its caches
	}
	b.show.say(fmt.Sprintf("starting %s and warming it up for %.0f s", who.name, length.Seconds()))
	a, err := b.world.launch(ctx, who, b.world.cpu(agentCPU))
	if err != nil {
		return err
	}
	b.warm[side] = a
	if err := warmUp(ctx, b, a, length); err != nil {
		return fmt.Errorf("warming up %s: %w", who.name, err)
	}
	return nil
}

// attempts at one measurement: a failure is shown in the table, but it shall not leave a pair
// without its half.
const attempts = 2

// pair measures both sides; who comes first alternates: A-B-B-A.
func (b *bench) pair(ctx context.Context, e *experiment, name string, round int) error {
	order := pick(round%2 == 0, []int{0, 1}, []int{1, 0})
	if e.alone {
		order = []int{0}
	}
	var first error
	for place, side := range order {
		var err error
		for attempt := range attempts {
			r := record{
				Kind: "sample", Experiment: e.name, Case: name, Agent: pick(e.names[side] == "", b.who[side].name, e.names[side]), Round: round,
				First: place == 0, Attempt: attempt,
			}
			b.show.step(fmt.Sprintf("%s/%s %d of %d: %s", e.name, name, round+1, e.pairs(b.options), r.Agent))
			if err = b.one(ctx, e, name, side, &r); err != nil {
				if ctx.Err() != nil {
					return context.Cause(ctx)
				}
				r.Kind, r.Error = "failure", err.Error()
				err = fmt.Errorf("%s/%s of %s: %w", e.name, name, r.Agent, err)
				b.show.say(err.Error())
			}
			b.book.add(r)
			time.Sleep(settle)
			if !e.fresh && (r.spoilt || err != nil) {
				// Whatever happened to its session must not spoil the other measurements.
				if err := b.heat(ctx, side); err != nil {
					return err
				}
			}
			if err == nil {
				break
			}
		}
		if first == nil {
			first = err
		}
	}
	return first
}

func (b *bench) one(ctx context.Context, e *experiment, name string, side int, r *record) error {
	if e.cluster != nil {
		size := e.cluster(name)
		b.show.say(fmt.Sprintf("starting a control plane with %d nodes and %d pods", size.nodes, size.pods))
		if err := b.world.startCluster(ctx, size); err != nil {
			return err
		}
	}
	// From before the start: for some experiments that is all there is.
	busy, stolen := machineCPU()
	own, started := b.world.spawner.ownCPU(), time.Now()
	a := b.warm[side]
	if e.own {
		a = &agent{who: b.who[side], key: clusterIDs[side]}
	} else if e.fresh {
		var err error
		if a, err = b.world.launch(ctx, b.who[side], pick(name == startFree, anyCPU, b.world.cpu(agentCPU))); err != nil {
			return err
		}
		defer b.world.stopAgent(a)
	} else if a == nil {
		return fmt.Errorf("it does not run")
	}
	ctx, cancel := context.WithTimeout(ctx, 3*e.takes(b.options, name)+30*time.Second)
	defer cancel()

	found, err := e.measure(ctx, b, a, name)
	elapsed := time.Since(started).Seconds()
	busyAfter, stolenAfter := machineCPU()
	if elapsed > 0.5 { // /proc/stat counts hundredths of seconds
		r.Seconds = elapsed
		r.Foreign = max(0, (busyAfter-busy-(b.world.spawner.ownCPU()-own)).Seconds()/elapsed)
		r.Stolen = (stolenAfter - stolen).Seconds() / elapsed
	}
	r.Metrics, r.Histogram, r.Requests, r.Samples = found.metrics, found.histogram, found.requests, found.samples
	r.spoilt = found.spoilt
	if err != nil && a.process == nil {
		return err
	}
	if err != nil {
		select {
		case <-a.ended:
			return fmt.Errorf("%w; the agent ended:\n  %s", err, a.tail())
		default:
			return err
		}
	}
	return b.world.targets.integrity()
}

// nextSeed is a seed that no other stream of this run has.
func (b *bench) nextSeed() uint64 {
	b.seed += 7919
	return b.seed
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
