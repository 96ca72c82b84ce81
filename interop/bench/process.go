package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
	"unsafe"
)

const (
	// pinnedMark tells the program that it has started itself again on one core, of how many.
	pinnedMark = "DROVER_BENCH_PINNED"

	anyCPU     = -1
	schedOther = 0
	schedRR    = 2
	clockTicks = 100 // of /proc/stat; fixed in the Linux ABI
)

// pinSelf starts this program again on one core, so that the Go runtime too believes in one core.
// It returns in the program so started.
func pinSelf(cpu int) error {
	if os.Getenv(pinnedMark) != "" {
		return nil
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	runtime.LockOSThread() // exec keeps the affinity of the calling thread
	if err := setAffinity(cpu); err != nil {
		return err
	}
	return syscall.Exec(self, os.Args, append(os.Environ(), pinnedMark+"="+strconv.Itoa(runtime.NumCPU())))
}

// machineCores is how many cores there are for everything together.
func machineCores() int {
	if n, err := strconv.Atoi(os.Getenv(pinnedMark)); err == nil {
		return n
	}
	return runtime.NumCPU()
}

func setAffinity(cpu int) error {
	var mask [16]uint64
	if cpu == anyCPU {
		for i := range mask {
			mask[i] = ^uint64(0)
		}
	} else {
		mask[cpu/64] = 1 << (cpu % 64)
	}
	_, _, errno := syscall.RawSyscall(syscall.SYS_SCHED_SETAFFINITY, 0, unsafe.Sizeof(mask), uintptr(unsafe.Pointer(&mask)))
	return asError(errno)
}

func setPolicy(policy, priority int32) error {
	_, _, errno := syscall.RawSyscall(syscall.SYS_SCHED_SETSCHEDULER, 0, uintptr(policy), uintptr(unsafe.Pointer(&priority)))
	return asError(errno)
}

func asError(errno syscall.Errno) error {
	if errno != 0 {
		return errno
	}
	return nil
}

// spawner starts programs from one thread that never ends: a child inherits the thread's core and
// policy, and the kernel kills it when that thread is gone, so that nothing outlives a killed bench.
type spawner struct {
	jobs chan func()

	mu      sync.Mutex
	running []*process
}

func newSpawner() *spawner {
	s := &spawner{jobs: make(chan func())}
	go func() {
		runtime.LockOSThread()
		for job := range s.jobs {
			job()
		}
	}()
	return s
}

// process is a program that we started.
type process struct {
	name    string
	command *exec.Cmd
	pid     int
	started time.Time
	log     string
	stdout  *bufio.Reader
	ended   chan struct{}
	owner   *spawner
}

// start runs a program; its stderr goes to a file in directory, its stdout to process.stdout.
func (s *spawner) start(name, directory string, command *exec.Cmd, cpu int, realtime bool) (*process, error) {
	log := filepath.Join(directory, name+".log")
	file, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	command.Stderr = file
	command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	reader, writer, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer writer.Close()
	command.Stdout = writer
	p := &process{name: name, command: command, log: log, stdout: bufio.NewReader(reader), ended: make(chan struct{}), owner: s}
	done := make(chan error, 1)
	s.jobs <- func() {
		if err := setAffinity(cpu); err != nil {
			done <- err
			return
		}
		if realtime {
			_ = setPolicy(schedRR, 1) // not allowed: the measurement's own floor is then worse, and shown
		}
		p.started = time.Now()
		err := command.Start()
		if realtime {
			_ = setPolicy(schedOther, 0)
		}
		done <- err
	}
	if err := <-done; err != nil {
		reader.Close()
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	p.pid = command.Process.Pid
	s.mu.Lock()
	s.running = append(s.running, p)
	s.mu.Unlock()
	go func() {
		_ = command.Wait()
		s.mu.Lock()
		for i, other := range s.running {
			if other == p {
				s.running = append(s.running[:i], s.running[i+1:]...)
				break
			}
		}
		s.mu.Unlock()
		close(p.ended)
	}()
	return p, nil
}

// stop ends the process, politely at first.
func (p *process) stop(patience time.Duration) {
	_ = p.command.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.ended:
	case <-time.After(patience):
		_ = syscall.Kill(-p.pid, syscall.SIGKILL)
		<-p.ended
	}
}

func (s *spawner) stopAll() {
	s.mu.Lock()
	all := append([]*process{}, s.running...)
	s.mu.Unlock()
	for i := len(all) - 1; i >= 0; i-- {
		all[i].stop(3 * time.Second)
	}
}

// tail is the end of the process's log, for an error message.
func (p *process) tail() string {
	content, err := os.ReadFile(p.log)
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(content)), "\n")
	return strings.Join(lines[max(0, len(lines)-5):], "\n  ")
}

// drain keeps reading stdout into the log, so that the process never blocks on it.
func (p *process) drain() {
	go func() {
		file, err := os.OpenFile(p.log, os.O_APPEND|os.O_WRONLY, 0)
		if err != nil {
			_, _ = io.Copy(io.Discard, p.stdout)
			return
		}
		defer file.Close()
		_, _ = io.Copy(file, p.stdout)
	}()
}

// cpuTime is what all threads of a process have used, ended ones too: the kernel's clock of the
// process, the same as utime+stime in /proc/PID/stat but in nanoseconds.
func cpuTime(pid int) time.Duration {
	var spec syscall.Timespec
	clock := (^uintptr(pid))<<3 | 2
	if _, _, errno := syscall.RawSyscall(syscall.SYS_CLOCK_GETTIME, clock, uintptr(unsafe.Pointer(&spec)), 0); errno != 0 {
		return 0
	}
	return time.Duration(spec.Nano())
}

// ownCPU is cpuTime of everything that the bench runs, itself included.
func (s *spawner) ownCPU() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	total := cpuTime(os.Getpid())
	for _, p := range s.running {
		total += cpuTime(p.pid)
	}
	return total
}

// machineCPU is how long all cores were busy, whoever used them, and how long the hypervisor
// kept them from us.
func machineCPU() (busy, stolen time.Duration) {
	content, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, 0
	}
	first, _, _ := bytes.Cut(content, []byte("\n"))
	fields := strings.Fields(string(first))
	for i, field := range fields {
		ticks, _ := strconv.ParseInt(field, 10, 64)
		spent := time.Duration(ticks) * time.Second / clockTicks
		switch i {
		case 1, 2, 3, 6, 7: // user, nice, system, irq, softirq
			busy += spent
		case 8:
			stolen = spent
		}
	}
	return busy, stolen
}

// memory is what a process has resident, in bytes.
type memory struct{ rss, peak, anonymous int64 }

func memoryOf(pid int) memory {
	var m memory
	status := proc(pid, "status")
	m.rss, m.peak = kib(status, "VmRSS:"), kib(status, "VmHWM:")
	m.anonymous = kib(proc(pid, "smaps_rollup"), "Anonymous:")
	return m
}

// resetPeak makes VmHWM start anew.
func resetPeak(pid int) error {
	return os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", pid), []byte("5"), 0)
}

func descriptors(pid int) int {
	entries, _ := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
	return len(entries)
}

func threads(pid int) int {
	entries, _ := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
	return len(entries)
}

func proc(pid int, file string) string {
	content, _ := os.ReadFile(fmt.Sprintf("/proc/%d/%s", pid, file))
	return string(content)
}

func kib(text, name string) int64 {
	_, rest, _ := strings.Cut(text, name)
	fields := strings.Fields(rest)
	if len(fields) == 0 {
		return 0
	}
	n, _ := strconv.ParseInt(fields[0], 10, 64)
	return n * 1024
}
