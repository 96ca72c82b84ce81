package main

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"time"
)

const (
	echoRate = 400 // a second, over 4 streams
	dialRate = 100
)

// ask runs the prober against the echo target, through the agent and directly.
func ask(ctx context.Context, b *bench, a *agent, dial bool, length time.Duration) (probes, error) {
	return askAt(ctx, b, a, dial, pick(dial, dialRate, echoRate), length)
}

// askAt is the same with a rate of its own, in questions a second.
func askAt(ctx context.Context, b *bench, a *agent, dial bool, rate int, length time.Duration) (probes, error) {
	var out probes
	address, err := b.world.forward(ctx, a.key, b.world.echo)
	if err != nil {
		return out, err
	}
	self, err := os.Executable()
	if err != nil {
		return out, err
	}
	command := exec.Command(self, "helper", "probe", "--address", address, "--direct", b.world.echo,
		fmt.Sprintf("--dial=%t", dial), fmt.Sprintf("--rate=%d", rate), fmt.Sprintf("--for=%s", length))
	p, err := b.world.spawner.start("prober", b.world.directory, command, b.world.cpu(peerCPU), true)
	if err != nil {
		return out, err
	}
	defer p.stop(time.Second)
	line, err := firstLine(ctx, p)
	if err != nil {
		return out, err
	}
	if err := json.Unmarshal([]byte(line), &out); err != nil {
		return out, err
	}
	if out.Tunnel.Histogram.count() == 0 {
		return out, fmt.Errorf("the prober got nowhere: %s", out.Tunnel.Error)
	}
	return out, nil
}

func (p probes) outcome() (outcome, error) {
	found := metrics{
		"questions": float64(p.Tunnel.Histogram.count()),
		"missing":   float64(p.Tunnel.Missing),
	}
	for name, q := range map[string]float64{"p50": 0.5, "p99": 0.99, "p99.9": 0.999, "max": 1} {
		found[name+" ms"] = milliseconds(p.Tunnel.Histogram.quantile(q))
		found["direct "+name+" ms"] = milliseconds(p.Direct.Histogram.quantile(q))
	}
	var err error
	if p.Tunnel.Wrong > 0 {
		err = fmt.Errorf("%d answers with wrong bytes", p.Tunnel.Wrong)
	}
	return outcome{metrics: found, histogram: p.Tunnel.Histogram}, err
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

func measureEcho(ctx context.Context, b *bench, a *agent, _ string) (outcome, error) {
	found, err := ask(ctx, b, a, false, latencySlot(b.options))
	if err != nil {
		return outcome{}, err
	}
	return found.outcome()
}

func measureDial(ctx context.Context, b *bench, a *agent, _ string) (outcome, error) {
	found, err := ask(ctx, b, a, true, latencySlot(b.options))
	if err != nil {
		return outcome{}, err
	}
	return found.outcome()
}

func measureBusyEcho(ctx context.Context, b *bench, a *agent, name string) (outcome, error) {
	down, streams := parseBulk(name)
	load, err := startBulk(ctx, b, a, down, streams)
	if err != nil {
		return outcome{}, err
	}
	var found probes
	var beside, queued metrics
	if err = sleep(ctx, rampUp); err == nil {
		beside, err = load.window(b, a, func() error {
			stop := watchQueues(b.world.hello.URL)
			var failed error
			found, failed = ask(ctx, b, a, false, latencySlot(b.options))
			queued = stop()
			return failed
		})
	}
	if wrong := load.stop(); wrong != nil {
		return outcome{}, wrong
	}
	if err != nil {
		return outcome{}, err
	}
	out, err := found.outcome()
	maps.Copy(out.metrics, queued)
	out.metrics["bulk MB/s"] = beside["MB/s"]
	return out, err
}
