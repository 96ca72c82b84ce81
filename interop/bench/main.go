// Command drover-bench measures an agent beside a bare Go agent on Rancher's own tunnel library,
// turn about, on one machine. ../../bench builds what it needs and calls it; what it measures and
// how is in ../../docs/benchmarks.md.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"
)

// options is the command line, and what follows from it.
type options struct {
	quick    bool
	pairs    int
	only     []string
	agent    string
	against  string
	jsonFile string
	markdown bool
	from     string
	svg      string
	list     bool
	pin      bool
	seconds  float64
	minutes  float64
	repeats  int
	atOnce   int
	soak     time.Duration
	keep     bool

	fleetClusters int

	peerProgram, goAgent, clusterDir, herd, server, fleet string
}

func main() {
	if len(os.Args) > 1 && os.Args[1] == "helper" {
		if err := helper(os.Args[2:]); err != nil {
			fmt.Fprintln(os.Stderr, "drover-bench helper:", err)
			os.Exit(1)
		}
		return
	}
	o, err := parse(os.Args[1:])
	switch {
	case errors.Is(err, flag.ErrHelp):
		return
	case err != nil:
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(2)
	}
	if err := run(o); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func parse(args []string) (options, error) {
	var o options
	var only string
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.BoolVar(&o.quick, "quick", false, "short slots, few pairs, no cold minute: for tuning, not for publishing")
	flags.IntVar(&o.pairs, "pairs", 0, "`N` pairs of measurements of each case (default 8, quick 2)")
	flags.StringVar(&only, "only", "", "measure only these, as `NAME[/CASE],...`; see --list")
	flags.StringVar(&o.agent, "agent", "", "`COMMAND` that starts the agent to measure")
	flags.StringVar(&o.against, "against", "", "`COMMAND` of another build of it to compare with, instead of the Go agent")
	flags.StringVar(&o.jsonFile, "json", "", "also write every sample to `FILE`, one JSON object a line")
	flags.BoolVar(&o.markdown, "markdown", false, "print the section for docs/benchmarks.md instead of the table")
	flags.StringVar(&o.svg, "svg", "", "also draw latency, memory and arrivals, in `DIRECTORY`")
	flags.StringVar(&o.from, "from", "", "measure nothing: show the samples in `FILE` (of --json)")
	flags.BoolVar(&o.list, "list", false, "list experiments and cases")
	flags.BoolVar(&o.pin, "pin", true, "agent on core 1, all else on core 0")
	flags.Float64Var(&o.seconds, "seconds", 0, "`S` seconds of each bulk or echo measurement (default 5, quick 1.5)")
	flags.Float64Var(&o.minutes, "minutes", 0, "`M` minutes of churn, and over which the cost of reports is averaged (default 10, quick 1)")
	flags.IntVar(&o.repeats, "repeats", 0, "`N` times each fault (default 100, quick 3)")
	flags.IntVar(&o.atOnce, "at-once", faultAgents, "so many `N` agents suffer a fault at the same time; each of ours takes 130 MB")
	flags.DurationVar(&o.soak, "soak", 0, "measure nothing but what `D` of load and faults leave behind (with --only soak: 2h, quick 10m)")
	flags.IntVar(&o.fleetClusters, "fleet-clusters", fleetDefault, "`N` clusters on our reference server (with --only fleet)")
	flags.BoolVar(&o.keep, "keep", false, "keep the directory with logs, even if all went well")
	flags.StringVar(&o.peerProgram, "peer", "", "program rancher-peer (set by ./bench)")
	flags.StringVar(&o.goAgent, "go-agent", "", "program go-agent (set by ./bench)")
	flags.StringVar(&o.clusterDir, "cluster", "", "directory of drover-cluster (set by ./bench)")
	flags.StringVar(&o.herd, "herd", "", "`COMMAND` of many agents in one process (set by ./bench)")
	flags.StringVar(&o.server, "server", "", "program drover-server (set by ./bench)")
	flags.StringVar(&o.fleet, "fleet", "", "`COMMAND` of many clusters' agents in one process (set by ./bench)")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	if flags.NArg() > 0 {
		return o, fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	if o.pairs < 0 || o.seconds < 0 || o.minutes < 0 || o.repeats < 0 || o.atOnce <= 0 || o.soak < 0 {
		return o, errors.New("--pairs, --seconds, --minutes, --repeats, --at-once and --soak: give a number above zero")
	}
	if o.fleetClusters < 2 {
		return o, errors.New("--fleet-clusters: give a number above one")
	}
	if o.soak > 0 && only != "" {
		return o, errors.New("--soak and --only: give one of them")
	}
	if o.soak > 0 {
		only = "soak"
	}
	if o.soak == 0 {
		o.soak = pick(o.quick, 10*time.Minute, 2*time.Hour)
	}
	if o.pairs == 0 {
		o.pairs = pick(o.quick, 2, 8)
	}
	if o.seconds == 0 {
		o.seconds = pick(o.quick, 1.5, 5)
	}
	if o.minutes == 0 {
		o.minutes = pick(o.quick, 1.0, 10)
	}
	if o.repeats == 0 {
		o.repeats = pick(o.quick, 3, 100)
	}
	if only != "" {
		o.only = strings.Split(only, ",")
		for _, pattern := range o.only {
			if !known(pattern) {
				return o, fmt.Errorf("--only %s: no such experiment or case; see --list", pattern)
			}
		}
	}
	if o.from == "" && !o.list {
		for name, value := range map[string]string{
			"--agent": o.agent, "--peer": o.peerProgram, "--go-agent": o.goAgent, "--cluster": o.clusterDir,
		} {
			if value == "" {
				return o, fmt.Errorf("%s is missing: call ./bench, which knows it", name)
			}
		}
		for name, line := range map[string]string{"--agent": o.agent, "--against": o.against} {
			if words := strings.Fields(line); len(words) > 0 {
				if _, err := exec.LookPath(words[0]); err != nil {
					return o, fmt.Errorf("%s: %w", name, err)
				}
			}
		}
	}
	return o, nil
}

func pick[T any](condition bool, yes, no T) T {
	if condition {
		return yes
	}
	return no
}

// known says whether an --only pattern fits anything.
func known(pattern string) bool {
	for _, e := range experiments {
		for _, c := range e.cases {
			if fits(pattern, e.name, c) {
				return true
			}
		}
	}
	return false
}

func fits(pattern, experiment, name string) bool {
	if ok, _ := path.Match(pattern, experiment); ok {
		return true
	}
	ok, _ := path.Match(pattern, experiment+"/"+name)
	return ok
}

// wants says whether a case is to be measured.
func (o options) wants(e *experiment, name string) bool {
	if len(o.only) == 0 {
		return !e.named && !(o.quick && (e.fullOnly || slices.Contains(e.long, name)))
	}
	for _, pattern := range o.only {
		if fits(pattern, e.name, name) {
			return true
		}
	}
	return false
}

// slot is how long one bulk or echo measurement takes.
func (o options) slot() time.Duration { return time.Duration(o.seconds * float64(time.Second)) }

// averaged is how long the cost of reports is looked at.
func (o options) averaged() time.Duration { return time.Duration(o.minutes * float64(time.Minute)) }

func run(o options) error {
	if o.list {
		for _, e := range experiments {
			fmt.Printf("%-12s %s\n%12s cases: %s\n", e.name, e.about, "", strings.Join(e.cases, " "))
		}
		return nil
	}
	if o.from != "" {
		records, err := readRecords(o.from)
		if err != nil {
			return err
		}
		return o.present(records)
	}
	if runtime.GOOS != "linux" {
		return errors.New("needs Linux: it reads /proc and pins processes to cores")
	}
	if o.pin && runtime.NumCPU() < 2 && os.Getenv(pinnedMark) == "" {
		fmt.Fprintln(os.Stderr, "bench: there is one core only, so nothing is pinned")
		o.pin = false
	}
	if o.pin {
		if err := pinSelf(0); err != nil {
			return fmt.Errorf("cannot pin to core 0 (try --pin=false): %w", err)
		}
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()

	b, err := newBench(ctx, o)
	if err != nil {
		return err
	}
	failed := b.run(ctx)
	b.close(failed != nil || o.keep)
	if len(b.measured()) > 0 {
		failed = errors.Join(failed, o.present(b.book.records))
	}
	return failed
}

// present prints what was measured, and draws it.
func (o options) present(records []record) error {
	show(records, o.markdown)
	if o.svg == "" {
		return nil
	}
	files, err := draw(records, o.svg)
	for _, file := range files {
		fmt.Fprintln(os.Stderr, "bench: drawn:", file)
	}
	if err == nil && len(files) == 0 {
		err = errors.New("--svg: of these samples there is nothing to draw")
	}
	return err
}
