package main

import (
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
)

// verdict is how a row came out.
type verdict int

const (
	noVerdict verdict = iota
	met
	missed
	worse // no target, but the other side is better
)

// line is a row with its figures.
type line struct {
	row
	ours, theirs spread
	ratios       spread // ours to theirs, pair by pair
	verdict      verdict
	failures     int
}

// aboveEmpty ends the name of a metric that is shown as what it is more than in the empty cluster.
const aboveEmpty = ", above empty"

// abovePlain ends the name of a metric that is shown as what it is more than by the plain pipe, pair by pair.
const abovePlain = ", above plain"

func abovePlainOf(records []record, one record, r row, metric string) (float64, bool) {
	if one.Agent != gatewayNames[0] || one.Kind != "sample" {
		return 0, false
	}
	for _, other := range records {
		if plain, ok := other.Metrics[metric]; ok && other.Kind == "sample" && other.Experiment == r.experiment &&
			other.Case == r.name && other.Round == one.Round && other.Agent == gatewayNames[1] {
			value, ok := one.Metrics[metric]
			return value - plain, ok
		}
	}
	return 0, false
}

// measured is a row's metric in a record. What the empty cluster had is the median of all records:
// it may have been measured more often, or less.
func measured(records []record, one record, r row) (float64, bool) {
	name, above := strings.CutSuffix(r.metric, aboveEmpty)
	if plain, ok := strings.CutSuffix(r.metric, abovePlain); ok {
		return abovePlainOf(records, one, r, plain)
	}
	value, ok := one.Metrics[name]
	if !above || !ok {
		return value, ok
	}
	var empty []float64
	for _, other := range records {
		if v, ok := other.Metrics[name]; ok && other.Kind == "sample" && other.Experiment == r.experiment &&
			other.Case == reportsEmpty && other.Agent == one.Agent {
			empty = append(empty, v)
		}
	}
	if len(empty) == 0 {
		return 0, false
	}
	return value - median(empty), true
}

// lineOf gathers a row's figures; ok is false if it was not measured.
func lineOf(records []record, r row, ours, theirs string) (l line, ok bool) {
	values := [2]map[int]float64{{}, {}}
	l.row = r
	for _, one := range records {
		if one.Experiment != r.experiment || one.Case != r.name {
			continue
		}
		if one.Kind == "failure" {
			l.failures++
			continue
		}
		if value, ok := measured(records, one, r); ok && one.Kind == "sample" {
			switch one.Agent {
			case ours:
				values[0][one.Round] = value
			case theirs:
				values[1][one.Round] = value
			}
		}
	}
	var sides [2][]float64
	var ratios []float64
	for round, value := range values[0] {
		sides[0] = append(sides[0], value)
		if other, ok := values[1][round]; ok && other > 0 && value > 0 {
			ratios = append(ratios, value/other)
		}
	}
	for _, value := range values[1] {
		sides[1] = append(sides[1], value)
	}
	// Maps have no order, and the bootstrap's draws depend on it.
	slices.Sort(sides[0])
	slices.Sort(sides[1])
	slices.Sort(ratios)
	l.ours, l.theirs, l.ratios = spreadOf(sides[0]), spreadOf(sides[1]), spreadOf(ratios)
	l.verdict = l.judge()
	return l, l.ours.n+l.theirs.n+l.failures > 0
}

func (l line) judge() verdict {
	reaches := func(value, target float64) verdict {
		if l.better == higher {
			return pick(value >= target, met, missed)
		}
		return pick(value <= target, met, missed)
	}
	switch {
	case l.better == neither || l.ours.n == 0:
		return noVerdict
	case l.value == notOne:
		return reaches(l.ours.most, 0)
	case l.value > 0:
		return reaches(l.ours.median, l.value)
	case l.ratio > 0 && l.ratios.n > 0:
		return reaches(l.ratios.median, l.ratio)
	case l.theirs.n > 0:
		same := 0.02 * math.Abs(l.theirs.median)
		if l.better == higher && l.ours.median < l.theirs.median-same ||
			l.better == lower && l.ours.median > l.theirs.median+same {
			return worse
		}
	}
	return noVerdict
}

func (l line) target() string {
	sign := pick(l.better == higher, "≥ ", "≤ ")
	switch {
	case l.value == notOne:
		return "0"
	case l.value > 0:
		return sign + figure(l.value)
	case l.ratio > 0:
		return sign + fmt.Sprintf("%.1f×", l.ratio)
	}
	return ""
}

func (l line) ratioText() string {
	switch {
	case l.ratios.n == 0 || l.better == neither:
		return ""
	case l.ratios.n == 1:
		return factor(l.ratios.median) + "×"
	}
	return fmt.Sprintf("%s× (%s–%s)", factor(l.ratios.median), factor(l.ratios.low), factor(l.ratios.high))
}

func (l line) extremes() string {
	if l.ratios.n < 2 || l.better == neither {
		return ""
	}
	return factor(l.ratios.least) + "–" + factor(l.ratios.most)
}

// factor writes a ratio with two decimals, as long as they say something.
func factor(v float64) string { return fmt.Sprintf(pick(v < 10, "%.2f", "%.0f"), v) }

// figure writes a number with about three digits.
func figure(v float64) string {
	switch size := math.Abs(v); {
	case size == 0:
		return "0"
	case size >= 100:
		return fmt.Sprintf("%.0f", v)
	case size >= 10:
		return strings.TrimSuffix(fmt.Sprintf("%.1f", v), ".0")
	default:
		return strings.TrimSuffix(fmt.Sprintf("%.2f", v), ".00")
	}
}

func middle(s spread) string {
	if s.n == 0 {
		return "–"
	}
	return figure(s.median)
}

// show prints all that was measured.
func show(records []record, markdown bool) {
	info := &runInfo{}
	for _, r := range records {
		if r.Kind == "run" {
			info = r.Run
		}
	}
	theirs := pick(info.Against, "other", "go")
	var lines []line
	for _, r := range rows {
		sides := [2]string{"drover", theirs}
		if r.experiment == "gateway" {
			sides = gatewayNames
		}
		if l, ok := lineOf(records, r, sides[0], sides[1]); ok {
			lines = append(lines, l)
		}
	}
	if markdown {
		fmt.Print(asMarkdown(info, records, lines))
	} else {
		fmt.Print(asTable(info, records, lines, isTerminal(os.Stdout) && os.Getenv("NO_COLOR") == ""))
	}
}

var signs = map[verdict]string{noVerdict: " ", met: "✓", missed: "✗", worse: "–"}

func asTable(info *runInfo, records []record, lines []line, colour bool) string {
	paint := func(code, text string) string {
		if !colour {
			return text
		}
		return "\x1b[" + code + "m" + text + "\x1b[0m"
	}
	codes := map[verdict]string{noVerdict: "0", met: "32", missed: "31", worse: "33"}
	var out strings.Builder
	other := pick(info.Against, "other build", "Go")
	fmt.Fprintf(&out, "%s\n", paint("2", machineText(info)))
	head := fmt.Sprintf("  %-40s %8s %8s  %-20s %-11s %-9s %s", "", "Drover", other, "ratio (95 %)", "min–max", "target", "stock agent")
	fmt.Fprintf(&out, "%s\n", paint("2", head))
	section := ""
	for _, l := range lines {
		if l.section != section {
			section = l.section
			fmt.Fprintf(&out, "%s\n", paint("1", section))
		}
		text := fmt.Sprintf("%-40s %8s %8s  %-20s %-11s %-9s %s", l.label, middle(l.ours), middle(l.theirs), l.ratioText(), l.extremes(), l.target(), l.stock)
		if l.failures > 0 {
			text += fmt.Sprintf("  (%d failed)", l.failures)
		}
		fmt.Fprintf(&out, "%s %s\n", paint(codes[l.verdict], signs[l.verdict]), paint(codes[l.verdict], strings.TrimRight(text, " ")))
	}
	fmt.Fprintf(&out, "%s\n", paint("2", "✓ target met  ✗ target missed  – no target, and Drover is behind.  "+quietText(records)))
	return out.String()
}

func asMarkdown(info *runInfo, records []record, lines []line) string {
	var out strings.Builder
	other := pick(info.Against, "other build", "Go client")
	fmt.Fprintf(&out, "%s\n\n", machineText(info))
	fmt.Fprintf(&out, "| | Drover | %s | ratio, 95 %% interval | min–max | target | | stock agent |\n", other)
	out.WriteString("| --- | ---: | ---: | --- | --- | --- | :-: | --- |\n")
	section := ""
	for _, l := range lines {
		if l.section != section {
			section = l.section
			fmt.Fprintf(&out, "| **%s** | | | | | | | |\n", section)
		}
		sign := map[verdict]string{met: "✓", missed: "**✗**", worse: "behind"}[l.verdict]
		if l.failures > 0 {
			sign = strings.TrimSpace(fmt.Sprintf("%s %d failed", sign, l.failures))
		}
		fmt.Fprintf(&out, "| %s | %s | %s | %s | %s | %s | %s | %s |\n", l.label, middle(l.ours), middle(l.theirs),
			l.ratioText(), l.extremes(), l.target(), sign, l.stock)
	}
	fmt.Fprintf(&out, "\n%s\n", quietText(records))
	return out.String()
}

func machineText(info *runInfo) string {
	text := fmt.Sprintf("%d cores (%s), %.0f GiB, Linux %s, receive buffers up to %s MiB; remotedialer %s at the server, %s",
		info.Cores, info.CPU, info.MemoryGiB, info.Kernel, figure(info.SocketMiB), info.Library, info.Go)
	if info.Java != "" {
		text += ", Java " + info.Java
	}
	text += fmt.Sprintf("; %d pairs, %s s each, warmed up for %s s", info.Pairs, figure(info.Seconds), figure(info.Warmup))
	if info.Repeats > 0 {
		text += fmt.Sprintf("; each fault %d times", info.Repeats)
	}
	if info.Minutes > 0 {
		text += fmt.Sprintf("; reports averaged over %s min", figure(info.Minutes))
	}
	return text + pick(info.Pinned, "", ", not pinned") + pick(info.Quick, ", quick", "") + "."
}

// quietText says how quiet the machine was.
func quietText(records []record) string {
	var foreign, stolen []float64
	for _, r := range records {
		if r.Kind == "sample" && r.Seconds > 0 {
			foreign = append(foreign, r.Foreign)
			stolen = append(stolen, r.Stolen)
		}
	}
	if len(foreign) == 0 {
		return ""
	}
	f, s := spreadOf(foreign), spreadOf(stolen)
	return fmt.Sprintf("Other programs used %.2f cores meanwhile (median; at most %.2f), the hypervisor took %.2f (at most %.2f).",
		f.median, f.most, s.median, s.most)
}
