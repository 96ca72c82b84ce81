package main

import (
	"context"
	"fmt"
	"time"
)

const (
	rollingBefore = time.Second      // of dials before the next process starts
	rollingLength = 20 * time.Second // of dials: start, the old one's grace time, and some more
	stopPatience  = 15 * time.Second // more than an agent's grace time
)

// rollingRates by case, dials a second: so few that there are pauses, and so many that there are none.
var rollingRates = map[string]int{"1": 1, "100": 100}

// measureRollingUpdate counts the dials that fail while a second process of the same agent comes up
// and the first one goes, as in a rolling update: the server dials by the oldest session.
func measureRollingUpdate(ctx context.Context, b *bench, a *agent, name string) (outcome, error) {
	type answer struct {
		found probes
		err   error
	}
	asked := make(chan answer, 1)
	go func() {
		found, err := askAt(ctx, b, a, true, rollingRates[name], rollingLength)
		asked <- answer{found, err}
	}()
	if err := sleep(ctx, rollingBefore); err != nil {
		return outcome{}, err
	}
	next, err := b.world.launch(ctx, a.who, b.world.cpu(agentCPU))
	if err != nil {
		return outcome{}, err
	}
	defer b.world.stopAgent(next)
	started := time.Now()
	a.stop(stopPatience)
	gone := time.Since(started)
	last := <-asked
	if last.err != nil {
		return outcome{}, last.err
	}
	if last.found.Tunnel.Wrong > 0 {
		return outcome{}, fmt.Errorf("%d answers with wrong bytes", last.found.Tunnel.Wrong)
	}
	return outcome{metrics: metrics{
		"dials":        float64(last.found.Tunnel.Histogram.count()),
		"failed dials": float64(last.found.Tunnel.Missing),
		"gone after s": gone.Seconds(),
	}}, nil
}
