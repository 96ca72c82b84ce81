package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
)

// lastLines is how much of a program's log is shown when it died.
const lastLines = 20

// children are the running programs.
type children struct {
	bin, logs, home string
	started         []*child
	died            chan *child // one entry for each that ends, in order
}

type child struct {
	name string
	cmd  *exec.Cmd
	log  string
	err  error // why it ended; read after it came out of died
	done chan struct{}

	replaced atomic.Bool // its end is no death
}

// start runs a program with its output in a log file. All calls must come from one goroutine that
// stays on its thread: the kernel kills the program when the thread that started it ends.
func (c *children) start(name string, args ...string) error {
	return c.launch(name, exec.Command(filepath.Join(c.bin, name), args...), 0)
}

// launch is start for any command, and with new namespaces: CLONE_NEW flags.
func (c *children) launch(name string, cmd *exec.Cmd, namespaces uintptr) error {
	logFile := filepath.Join(c.logs, name+".log")
	log, err := os.OpenFile(logFile, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer log.Close()
	cmd.Stdout, cmd.Stderr = log, log
	// Whatever is configured for this user is none of the cluster's business: kwok looks for a
	// configuration in HOME, and a proxy would keep the programs from one another.
	cmd.Env = []string{"HOME=" + c.home, "PATH=" + os.Getenv("PATH"), "TMPDIR=" + os.TempDir()}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL, Cloneflags: namespaces}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("starting %s: %w", name, err)
	}
	one := &child{name: name, cmd: cmd, log: logFile, done: make(chan struct{})}
	c.started = append(c.started, one)
	go func() {
		one.err = cmd.Wait()
		close(one.done)
		if !one.replaced.Load() {
			c.died <- one
		}
	}()
	return nil
}

// restart kills a program, which has no time to say good-bye, and starts it again.
func (c *children) restart(name string) error {
	for i, one := range c.started {
		if one.name == name {
			one.replaced.Store(true)
			_ = syscall.Kill(-one.cmd.Process.Pid, syscall.SIGKILL)
			<-one.done
			c.started = slices.Delete(c.started, i, i+1)
			return c.start(name, one.cmd.Args[1:]...)
		}
	}
	return fmt.Errorf("%s does not run", name)
}

// stop kills all programs and waits until they are gone. Nothing of the cluster outlives them, so
// there is nothing that they would have to save.
func (c *children) stop() {
	for _, one := range c.started {
		_ = syscall.Kill(-one.cmd.Process.Pid, syscall.SIGKILL)
	}
	for _, one := range c.started {
		<-one.done
	}
}

// deathError says which program died, and shows the end of its log.
type deathError struct {
	name  string
	cause error
	file  string
	lines []string
}

func (c *child) death() *deathError {
	cause := c.err
	if cause == nil {
		cause = errors.New("exit status 0")
	}
	return &deathError{name: c.name, cause: cause, file: c.log, lines: tail(c.log, lastLines)}
}

func (e *deathError) Error() string {
	return fmt.Sprintf("%s died: %v; the last lines of %s:\n  %s", e.name, e.cause, e.file, strings.Join(e.lines, "\n  "))
}

// portTaken says whether another program was faster to take one of the ports that looked free.
func (e *deathError) portTaken() bool {
	return strings.Contains(strings.Join(e.lines, "\n"), "address already in use")
}

func tail(file string, count int) []string {
	log, err := os.Open(file)
	if err != nil {
		return []string{err.Error()}
	}
	defer log.Close()
	var last []string
	lines := bufio.NewReader(log)
	for {
		line, err := lines.ReadString('\n')
		if line != "" {
			last = append(last, strings.TrimRight(line, "\n"))
			if len(last) > count {
				last = last[1:]
			}
		}
		if err != nil {
			return last
		}
	}
}
