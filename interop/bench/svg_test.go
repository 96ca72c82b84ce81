package main

import (
	"encoding/xml"
	"errors"
	"io"
	"math"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

func wellFormed(t *testing.T, text string) {
	t.Helper()
	decoder := xml.NewDecoder(strings.NewReader(text))
	for {
		if _, err := decoder.Token(); errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			t.Fatalf("%v in:\n%s", err, text)
		}
	}
}

func TestPictureEscapesItsTexts(t *testing.T) {
	p := picture{`<title> & "more"`, "<other>", []panel{{
		title: "a < b", x: even("<x>", []float64{3}), y: powers("&y", []float64{2}),
		curves: []curve{{x: []float64{0, 1}, y: []float64{1, 2}}, {theirs: true, steps: true, x: []float64{0, 1}, y: []float64{2, 1}}},
	}}}
	text := p.svg()
	wellFormed(t, text)
	for _, bad := range []string{"<other>", "a < b", "<x>", "&y"} {
		if strings.Contains(text, bad) {
			t.Errorf("%q is in the picture as it is", bad)
		}
	}
	if !strings.Contains(text, "prefers-color-scheme: dark") || strings.Contains(text, "NaN") || strings.Contains(text, "Inf") {
		t.Error(text)
	}
}

func TestScalesHoldAllValues(t *testing.T) {
	for _, values := range [][]float64{{0}, {7}, {0.03, 12}, {1, 10, 100}, {99, 101}, {60.4}, nil} {
		for _, s := range []scale{even("", values), powers("", values)} {
			if n := len(s.ticks); n < 2 || n > 8 {
				t.Errorf("%v: ticks %v", values, s.ticks)
			}
			for _, v := range values {
				if v > s.to || v > 0 && v < s.from {
					t.Errorf("%v is not within %v and %v", v, s.from, s.to)
				}
			}
			if at := s.at(s.to, 0, 100); math.Abs(at-100) > 1e-9 {
				t.Errorf("%v: the end is at %v", values, at)
			}
			if at := s.at(-1, 0, 100); at != 0 {
				t.Errorf("%v: what is below the scale is at %v", values, at)
			}
		}
	}
}

func TestArrivalsAreCountedInBins(t *testing.T) {
	from, counts := binned([]float64{10.1, 10.4, 10.6, 11.6}, 0.5)
	if !slices.Equal(from, []float64{10, 10.5, 11, 11.5, 12}) || !slices.Equal(counts, []float64{2, 1, 0, 1, 0}) {
		t.Errorf("%v %v", from, counts)
	}
}

func TestPercentilesAreWrittenAsPeopleDo(t *testing.T) {
	for oneIn, want := range map[float64]string{1: "0", 10: "90", 100: "99", 1000: "99.9", 10_000: "99.99"} {
		if got := figureOfPercentile(oneIn); got != want {
			t.Errorf("%v: %s, want %s", oneIn, got, want)
		}
	}
}

func TestWhatWasMeasuredIsDrawn(t *testing.T) {
	latency := histogram{}
	for i := range 200 {
		latency.add(time.Duration(i+1) * 100 * time.Microsecond)
	}
	sample := func(experiment, name, agent string) record {
		return record{
			Kind: "sample", Experiment: experiment, Case: name, Agent: agent, Histogram: latency,
			Samples: samples{"arrival s": {1, 2, 2}, memoryWhen: {0, 0.5}, memoryMB: {100, 120}},
		}
	}
	directory := t.TempDir()
	records := []record{{Kind: "run", Run: &runInfo{}}}
	if files, err := draw(records, directory); err != nil || len(files) != 0 {
		t.Errorf("%v, %v of nothing", files, err)
	}
	for _, agent := range []string{"drover", "go"} {
		records = append(records, sample("echo", "quiet", agent), sample("stalled", "up-100", agent), sample("herd", herdAway, agent))
	}
	files, err := draw(records, directory)
	if err != nil || len(files) != 3 {
		t.Fatalf("%v, %v", files, err)
	}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		wellFormed(t, string(content))
		for _, class := range []string{"ours", "theirs"} {
			if n := strings.Count(string(content), `<path class="`+class+`"`); n != 2 { // and its name above
				t.Errorf("%d lines of %s in %s", n, class, file)
			}
		}
	}
}
