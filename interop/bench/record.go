package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// metrics are the figures of one measurement, by name with unit.
type metrics map[string]float64

// samples are single figures, where their spread is what counts, by name with unit.
type samples map[string][]float64

// record is one line of results. Kind "run" comes first, "sample" is one measurement, "failure" a
// measurement that could not be made.
type record struct {
	Kind       string    `json:"kind"`
	At         time.Time `json:"at"`
	Run        *runInfo  `json:"run,omitempty"`
	Experiment string    `json:"experiment,omitempty"`
	Case       string    `json:"case,omitempty"`
	Agent      string    `json:"agent,omitempty"`
	Round      int       `json:"round"`
	First      bool      `json:"first,omitempty"` // of its pair
	Attempt    int       `json:"attempt,omitempty"`
	Metrics    metrics   `json:"metrics,omitempty"`
	Histogram  histogram `json:"histogram,omitempty"`
	Requests   breakdown `json:"requests,omitempty"`
	Samples    samples   `json:"samples,omitempty"`
	// Seconds that the measurement took with the start of a process of its own. Too short to tell: 0.
	Seconds float64 `json:"seconds,omitempty"`
	// Foreign is how many cores were busy with what is not ours, Stolen how many the hypervisor took.
	Foreign float64 `json:"foreignCores,omitempty"`
	Stolen  float64 `json:"stolenCores,omitempty"`
	Error   string  `json:"error,omitempty"`

	spoilt bool // see outcome
}

// runInfo is what a reader must know about a run: the machine without its name, and the versions.
type runInfo struct {
	CPU        string  `json:"cpu"`
	Cores      int     `json:"cores"`
	MemoryGiB  float64 `json:"memoryGiB"`
	Kernel     string  `json:"kernel"`
	SocketMiB  float64 `json:"socketMiB"` // how far the kernel lets a socket's receive buffer grow
	Library    string  `json:"remotedialer"`
	Kubernetes string  `json:"kubernetes"`
	Go         string  `json:"go"`
	Java       string  `json:"java,omitempty"`
	Pinned     bool    `json:"pinned"`
	Quick      bool    `json:"quick"`
	Pairs      int     `json:"pairs"`
	Seconds    float64 `json:"secondsPerSlot"`
	Warmup     float64 `json:"warmupSeconds"`
	Minutes    float64 `json:"minutes"` // of CPU and requests of reports
	Repeats    int     `json:"repeats"` // of each fault
	Against    bool    `json:"against"` // compared with another build of the same
}

// book keeps records, and writes them to a file as they come.
type book struct {
	records []record
	file    *os.File
}

func newBook(path string) (*book, error) {
	if path == "" {
		return &book{}, nil
	}
	file, err := os.Create(path)
	return &book{file: file}, err
}

func (b *book) add(r record) {
	r.At = time.Now().UTC()
	b.records = append(b.records, r)
	if b.file != nil {
		_ = json.NewEncoder(b.file).Encode(r)
	}
}

func readRecords(path string) ([]record, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	var records []record
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 1<<24)
	for n := 1; lines.Scan(); n++ {
		var r record
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			return nil, fmt.Errorf("%s line %d: %w", path, n, err)
		}
		records = append(records, r)
	}
	return records, lines.Err()
}

func describe(o options, w *world, warmup time.Duration) *runInfo {
	info := &runInfo{
		CPU: "unknown", Library: w.hello.Remotedialer, Kubernetes: w.api.Version, Go: runtime.Version(),
		Java: os.Getenv("DROVER_BENCH_JAVA"), Pinned: o.pin, Quick: o.quick, Pairs: o.pairs, Seconds: o.seconds,
		Warmup: warmup.Seconds(), Minutes: o.minutes, Repeats: o.repeats, Against: o.against != "",
	}
	content, _ := os.ReadFile("/proc/cpuinfo")
	for line := range strings.Lines(string(content)) {
		name, value, _ := strings.Cut(line, ":")
		switch strings.TrimSpace(name) {
		case "processor":
			info.Cores++
		case "model name":
			info.CPU = strings.TrimSpace(value)
		}
	}
	meminfo, _ := os.ReadFile("/proc/meminfo")
	info.MemoryGiB = float64(kib(string(meminfo), "MemTotal:")) / gib
	buffers, _ := os.ReadFile("/proc/sys/net/ipv4/tcp_rmem")
	if sizes := strings.Fields(string(buffers)); len(sizes) == 3 {
		most, _ := strconv.ParseFloat(sizes[2], 64)
		info.SocketMiB = most / mib
	}
	var name syscall.Utsname
	if syscall.Uname(&name) == nil {
		var release []byte
		for _, c := range name.Release {
			if c == 0 {
				break
			}
			release = append(release, byte(c))
		}
		// Major and minor: the rest is the distributor's.
		info.Kernel = strings.Join(strings.SplitN(string(release), ".", 3)[:2], ".")
	}
	return info
}
