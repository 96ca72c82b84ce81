package main

import (
	"bufio"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"
)

// clockTicks is what a second has in /proc/stat: USER_HZ, 100 on every architecture that Go runs on.
const clockTicks = 100

// serveUsage answers /metrics/resource as a kubelet does, for the machine that all "containers" run on.
func serveUsage(rw http.ResponseWriter, _ *http.Request) {
	cpu, err := cpuSeconds("/proc/stat")
	memory, memoryErr := memoryInUse("/proc/meminfo")
	if err := errors.Join(err, memoryErr); err != nil {
		http.Error(rw, err.Error(), http.StatusInternalServerError)
		return
	}
	now := time.Now().UnixMilli()
	rw.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	for _, metric := range []struct {
		name, kind, help string
		value            float64
	}{
		{"node_cpu_usage_seconds_total", "counter", "Cumulative cpu time consumed by the node in core-seconds", cpu},
		{"node_memory_working_set_bytes", "gauge", "Current working set of the node in bytes", memory},
	} {
		fmt.Fprintf(rw, "# HELP %s [STABLE] %s\n# TYPE %s %s\n%s %s %d\n", metric.name, metric.help,
			metric.name, metric.kind, metric.name, strconv.FormatFloat(metric.value, 'g', -1, 64), now)
	}
}

// cpuSeconds is the time that all cores were busy since the machine was started.
func cpuSeconds(file string) (float64, error) {
	fields, err := line(file, "cpu")
	if err != nil {
		return 0, err
	}
	ticks := 0.0
	for i, text := range fields {
		value, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return 0, fmt.Errorf("%s: %w", file, err)
		}
		if i != 3 && i != 4 && i < 8 { // not idle, not waiting; guests are counted among users
			ticks += value
		}
	}
	return ticks / clockTicks, nil
}

// memoryInUse is what could not be had without swapping, in bytes.
func memoryInUse(file string) (float64, error) {
	kilobytes := map[string]float64{}
	for _, name := range []string{"MemTotal:", "MemAvailable:"} {
		fields, err := line(file, name)
		if err == nil && len(fields) > 0 {
			kilobytes[name], err = strconv.ParseFloat(fields[0], 64)
		}
		if err != nil {
			return 0, err
		}
	}
	return (kilobytes["MemTotal:"] - kilobytes["MemAvailable:"]) * 1024, nil
}

// line returns the fields behind a name.
func line(file, name string) ([]string, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	for scanner := bufio.NewScanner(f); scanner.Scan(); {
		if fields := strings.Fields(scanner.Text()); len(fields) > 0 && fields[0] == name {
			return fields[1:], nil
		}
	}
	return nil, fmt.Errorf("%s has no line %q", file, name)
}
