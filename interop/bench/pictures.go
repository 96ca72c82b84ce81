package main

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"time"
)

const (
	memoryEvery     = 500 * time.Millisecond
	soakMemoryEvery = 15 * time.Second
	arrivalBin      = 0.5 // seconds
	// Names of single figures that belong together: when, and how much then.
	memoryWhen, memoryMB = "memory at s", "memory MB"
)

// draw writes what can be drawn of these records, and says which files those are.
func draw(records []record, directory string) ([]string, error) {
	if err := os.MkdirAll(directory, 0o755); err != nil {
		return nil, err
	}
	theirs, other := "go", "Go client"
	for _, r := range records {
		if r.Kind == "run" && r.Run.Against {
			theirs, other = "other", "other build"
		}
	}
	var written []string
	for _, one := range []struct {
		file, title string
		panels      []panel
	}{
		{"latency.svg", "Latency by percentile", latencyPanels(records, theirs)},
		{"memory.svg", "Memory over time", memoryPanels(records, theirs)},
		{"arrivals.svg", "1,000 agents come back", arrivalPanels(records, theirs)},
	} {
		if len(one.panels) == 0 {
			continue
		}
		file := filepath.Join(directory, one.file)
		if err := os.WriteFile(file, []byte(picture{one.title, other, one.panels}.svg()), 0o644); err != nil {
			return written, err
		}
		written = append(written, file)
	}
	return written, nil
}

// of are the samples of one case, of either agent.
func of(records []record, experiment, name, theirs string) (sides [2][]record) {
	for _, r := range records {
		if r.Kind == "sample" && r.Experiment == experiment && r.Case == name {
			switch r.Agent {
			case "drover":
				sides[0] = append(sides[0], r)
			case theirs:
				sides[1] = append(sides[1], r)
			}
		}
	}
	return sides
}

// latencyPanels have the whole distribution of each case, all its rounds together. The axis of
// percentiles gives as much room to what lies between 90 and 99 as to what lies between 99 and 99.9.
func latencyPanels(records []record, theirs string) []panel {
	var panels []panel
	for _, one := range []struct {
		experiment, name, title string
	}{
		{"echo", "quiet", "echo 64 B"}, {"dial", "quiet", "dial + echo"},
		{"busy-echo", "down-8", "echo beside 8 downloads"}, {"busy-echo", "up-8", "echo beside 8 uploads"},
		{"ping", "busy", "/ping beside 16 downloads and 500 echoes/s"},
	} {
		p := panel{title: one.title, x: scale{
			label: "percentile", log: true, from: 1, to: 10_000, ticks: []float64{1, 10, 100, 1000, 10_000},
			text: func(v float64) string { return figureOfPercentile(v) },
		}}
		var all []float64
		for side, samples := range of(records, one.experiment, one.name, theirs) {
			whole := histogram{}
			for _, r := range samples {
				whole.merge(r.Histogram)
			}
			if whole.count() == 0 {
				continue
			}
			c := curve{theirs: side == 1}
			last := math.Min(10_000, float64(whole.count())) // beyond that there is no more to say
			for v := 1.0; v <= last*1.001; v *= math.Pow(10, 0.05) {
				c.x, c.y = append(c.x, v), append(c.y, milliseconds(whole.quantile(1-1/v)))
			}
			p.curves, all = append(p.curves, c), append(all, c.y...)
		}
		if len(p.curves) > 0 {
			p.y = powers("ms", all)
			panels = append(panels, p)
		}
	}
	return panels
}

// figureOfPercentile is the percentile that one in so many exceeds.
func figureOfPercentile(oneIn float64) string { return fmt.Sprintf("%.4g", 100*(1-1/oneIn)) }

// memoryPanels have the first round of each case: later ones are other processes.
func memoryPanels(records []record, theirs string) []panel {
	var panels []panel
	for _, one := range []struct{ experiment, name, title string }{
		{"streams", "5000", "5,000 idle streams"}, {"streams", "20000", "20,000 idle streams"},
		{"stalled", "up-100", "100 stalled uploads"}, {"stalled", "down-100", "100 stalled downloads"},
		{"stalled", "up-1000", "1,000 stalled uploads"}, {"stalled", "down-1000", "1,000 stalled downloads"},
		{"soak", "faults", "hours of load and faults"},
	} {
		p := panel{title: one.title}
		var when, much []float64
		for side, samples := range of(records, one.experiment, one.name, theirs) {
			if len(samples) == 0 || len(samples[0].Samples[memoryWhen]) == 0 {
				continue
			}
			c := curve{theirs: side == 1, x: samples[0].Samples[memoryWhen], y: samples[0].Samples[memoryMB]}
			p.curves = append(p.curves, c)
			when, much = append(when, c.x...), append(much, c.y...)
		}
		if len(p.curves) > 0 {
			p.x, p.y = even("seconds", when), powers("MB resident", much)
			panels = append(panels, p)
		}
	}
	return panels
}

// arrivalPanels count who came in each half second. The axis is logarithmic: on an even one a fleet
// that comes at once would leave nothing to see of one that does not.
func arrivalPanels(records []record, theirs string) []panel {
	var panels []panel
	for _, one := range []struct{ name, title string }{
		{herdRestart, "after a restart of the server"}, {herdAway, "after it was away for long"},
	} {
		p := panel{title: one.title}
		var when, much []float64
		for side, samples := range of(records, "herd", one.name, theirs) {
			if len(samples) == 0 || len(samples[0].Samples["arrival s"]) == 0 {
				continue
			}
			x, y := binned(samples[0].Samples["arrival s"], arrivalBin)
			p.curves = append(p.curves, curve{theirs: side == 1, steps: true, x: x, y: y})
			when, much = append(when, x...), append(much, y...)
		}
		if len(p.curves) > 0 {
			p.x, p.y = even("seconds after it was gone, or back", when), powers("agents in 0.5 s", much)
			panels = append(panels, p)
		}
	}
	return panels
}

// binned counts values in bins of that width, from the first that has any to past the last.
func binned(values []float64, width float64) (from, counts []float64) {
	bin := func(v float64) int { return int(math.Floor(v / width)) }
	first, last := bin(slices.Min(values)), bin(slices.Max(values))
	for i := first; i <= last+1; i++ {
		from = append(from, float64(i)*width)
	}
	counts = make([]float64, len(from))
	for _, v := range values {
		counts[bin(v)-first]++
	}
	return from, counts
}

// watchMemory samples what a process has resident until stop is called.
func watchMemory(pid int, every time.Duration) (stop func() samples) {
	quit, done := make(chan struct{}), make(chan struct{})
	seen, started := samples{}, time.Now()
	go func() {
		defer close(done)
		for {
			seen[memoryWhen] = append(seen[memoryWhen], round(time.Since(started).Seconds()))
			seen[memoryMB] = append(seen[memoryMB], round(float64(kib(proc(pid, "status"), "VmRSS:"))/1e6))
			select {
			case <-quit:
				return
			case <-time.After(every):
			}
		}
	}()
	return func() samples {
		close(quit)
		<-done
		return seen
	}
}

// round keeps two decimals.
func round(v float64) float64 { return math.Round(v*100) / 100 }
