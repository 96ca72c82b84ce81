package main

import (
	"context"
	"time"
)

const (
	isolationRounds  = 3
	isolationStalled = 20 // uploads that nobody reads
	isolationBulk    = 16 // others beside them, which are read
	isolationBefore  = time.Second
	isolationAfter   = 5 * time.Second // until those that stand still are closed
	isolationEnd     = 10 * time.Second
)

// measureIsolation asks what uploads that stand still do to others: bulk that is read, and an echo.
// The relay's buffers, and the kernel's at both its ends, are what a proxy on the way would have.
func measureIsolation(ctx context.Context, b *bench, a *agent, _ string) (outcome, error) {
	one, end, err := b.world.behindRelay(ctx, a.who, scene{})
	defer end()
	if err != nil {
		return outcome{}, err
	}
	var moved, waited []float64
	for range isolationRounds {
		rate, longest, err := isolationRound(ctx, b, one.agent)
		if err != nil {
			return outcome{}, err
		}
		moved, waited = append(moved, rate), append(waited, milliseconds(longest))
	}
	return outcome{
		metrics: metrics{"MB/s": median(moved), "longest echo, ms": median(waited)},
		samples: samples{"MB/s": moved, "longest echo, ms": waited},
	}, nil
}

func isolationRound(ctx context.Context, b *bench, a *agent) (rate float64, longest time.Duration, err error) {
	echo, err := b.world.forward(ctx, a.key, b.world.echo)
	if err != nil {
		return 0, 0, err
	}
	conns, err := openStreams(ctx, echo, 1)
	if err != nil {
		return 0, 0, err
	}
	defer conns[0].Close()
	waits := watchEcho(conns[0])
	rate, err = besideStalled(ctx, b, a)
	if err == nil {
		err = sleep(ctx, isolationEnd)
	}
	return rate, waits(), err
}

// besideStalled is what moves beside uploads that stand still, in MB/s.
func besideStalled(ctx context.Context, b *bench, a *agent) (float64, error) {
	end, err := b.world.stalledUploads(ctx, a, isolationStalled)
	if err != nil {
		return 0, err
	}
	defer end()
	if err := sleep(ctx, isolationBefore); err != nil {
		return 0, err
	}
	found, err := runBulk(ctx, b, a, false, isolationBulk, time.Second)
	if err != nil {
		return 0, err
	}
	return found["MB/s"], sleep(ctx, isolationAfter)
}

func isolationTakes(options, string) time.Duration {
	return startGuess + isolationRounds*(isolationBefore+time.Second+rampUp+isolationAfter+isolationEnd)
}
