package main

import (
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

func TestHistogramKeepsValuesWithinTwoPercent(t *testing.T) {
	for d := time.Duration(1); d < time.Hour; d = d*3/2 + 1 {
		got := upper(bucketOf(d))
		if got < d || float64(got) > float64(d)*1.02+1 {
			t.Errorf("%v is counted as %v", d, got)
		}
	}
}

func TestHistogramQuantiles(t *testing.T) {
	h := histogram{}
	for i := range 1000 {
		h.add(time.Duration(i+1) * time.Millisecond)
	}
	for q, want := range map[float64]time.Duration{0.5: 500 * time.Millisecond, 0.99: 990 * time.Millisecond, 1: time.Second} {
		got := h.quantile(q)
		if got < want || float64(got) > 1.02*float64(want) {
			t.Errorf("quantile %v: %v, want about %v", q, got, want)
		}
	}
	if got := (histogram{}).quantile(0.5); got != 0 {
		t.Errorf("of nothing: %v", got)
	}
}

func TestPatternNoticesLossAndOtherStreams(t *testing.T) {
	const sent = 5 * chunkBytes
	for name, change := range map[string]func(w *walk, i int) []byte{
		"whole":          func(w *walk, _ int) []byte { return w.next(chunkBytes) },
		"a lost chunk":   func(w *walk, i int) []byte { skip(w, i == 2); return w.next(chunkBytes) },
		"another stream": func(w *walk, i int) []byte { *w = otherAfter(*w, i); return w.next(chunkBytes) },
		"a wrong byte": func(w *walk, i int) []byte {
			chunk := append([]byte{}, w.next(chunkBytes)...)
			if i == 3 {
				chunk[4711] ^= 1
			}
			return chunk
		},
	} {
		near, far := net.Pipe()
		go func() {
			w := newWalk(7919)
			for i := range sent / chunkBytes {
				if _, err := near.Write(change(&w, i)); err != nil {
					return
				}
			}
			near.Close()
		}()
		var received atomic.Int64
		err := readPattern(far, 7919, &received)
		far.Close()
		if (err == nil) != (name == "whole") {
			t.Errorf("%s: %v", name, err)
		}
		if err == nil && received.Load() != sent {
			t.Errorf("%s: %d bytes counted", name, received.Load())
		}
	}
}

func skip(w *walk, now bool) {
	if now {
		w.next(chunkBytes)
	}
}

func otherAfter(w walk, i int) walk {
	if i == 2 {
		return newWalk(2 * 7919)
	}
	return w
}

func TestRowComparesPairByPair(t *testing.T) {
	r := row{experiment: "throughput", name: "up-1", metric: "MB/s", better: higher, ratio: 1}
	var records []record
	for round, values := range [][2]float64{{100, 50}, {10, 20}, {60, 40}} { // ratios 2, 0.5, 1.5
		for side, agent := range []string{"drover", "go"} {
			records = append(records, record{
				Kind: "sample", Experiment: r.experiment, Case: r.name, Agent: agent, Round: round,
				Metrics: metrics{r.metric: values[side]},
			})
		}
	}
	l, ok := lineOf(records, r, "drover", "go")
	if !ok || l.ratios.median != 1.5 || l.ratios.least != 0.5 || l.ours.median != 60 || l.verdict != met {
		t.Errorf("%+v", l)
	}
	r.ratio = 1.6
	if l, _ = lineOf(records, r, "drover", "go"); l.verdict != missed {
		t.Errorf("with target 1.6: %+v", l)
	}
	r.name = "down-1"
	if _, ok = lineOf(records, r, "drover", "go"); ok {
		t.Error("a case that was not measured has a row")
	}
}

func TestFailuresAreShown(t *testing.T) {
	records := []record{
		{Kind: "run", Run: &runInfo{}},
		{Kind: "failure", Experiment: "stalled", Case: "up-100", Agent: "drover", Error: "it died"},
	}
	l, ok := lineOf(records, rows[len(rows)-1], "drover", "go")
	if ok {
		t.Errorf("%+v", l)
	}
	var lines []line
	for _, r := range rows {
		if l, ok := lineOf(records, r, "drover", "go"); ok {
			lines = append(lines, l)
		}
	}
	for _, text := range []string{asTable(&runInfo{}, records, lines, false), asMarkdown(&runInfo{}, records, lines)} {
		if !strings.Contains(text, "1 failed") {
			t.Errorf("no failure in:\n%s", text)
		}
	}
}

func TestEveryRowBelongsToACase(t *testing.T) {
	for _, r := range rows {
		if !known(r.experiment + "/" + r.name) {
			t.Errorf("row %q: no case %s/%s", r.label, r.experiment, r.name)
		}
	}
}

func TestOnlyPatterns(t *testing.T) {
	for pattern, want := range map[string]bool{
		"throughput": true, "throughput/up-*": true, "busy-echo/down-8": true, "nonsense": false, "echo/loud": false,
	} {
		if known(pattern) != want {
			t.Errorf("%s: %t", pattern, !want)
		}
	}
}
