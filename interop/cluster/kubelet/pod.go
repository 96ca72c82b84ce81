package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/creack/pty"
	criapi "k8s.io/cri-api/pkg/apis"
	runtimeapi "k8s.io/cri-api/pkg/apis/runtime/v1"
	crilogs "k8s.io/cri-client/pkg/logs"
	"k8s.io/cri-streaming/pkg/streaming/remotecommand"
	utilexec "k8s.io/utils/exec"
)

const portForwardDialTimeout = 10 * time.Second

// pod runs what kubectl asks for on behalf of one pod.
type pod struct {
	name   string
	dir    string
	common string // log of containers without one of their own
}

// ExecInContainer runs a command in the pod's directory until it ends.
func (p *pod) ExecInContainer(ctx context.Context, _, _, _ string, command []string, in io.Reader,
	out, errOut io.WriteCloser, tty bool, resize <-chan remotecommand.TerminalSize, _ time.Duration) error {
	if err := os.MkdirAll(p.dir, 0o755); err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Dir = p.dir
	cmd.Env = append(os.Environ(), "HOSTNAME="+p.name, "HOME="+p.dir)
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }

	var err error
	if tty {
		err = runOnTerminal(cmd, in, out, resize)
	} else {
		err = runOnPipes(cmd, in, out, errOut)
	}
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		code := exit.ExitCode()
		if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signaled() {
			code = 128 + int(status.Signal()) // as a shell counts
		}
		return utilexec.CodeExitError{Err: err, Code: code}
	}
	if errors.Is(err, exec.ErrNotFound) {
		return utilexec.CodeExitError{Err: err, Code: 127}
	}
	return err
}

func runOnPipes(cmd *exec.Cmd, in io.Reader, out, errOut io.Writer) error {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	cmd.Stdout, cmd.Stderr = out, errOut
	if in == nil {
		return cmd.Run()
	}
	// A pipe of our own: with cmd.Stdin, Wait would wait for a client that never ends its input.
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	go func() {
		_, _ = io.Copy(stdin, in)
		_ = stdin.Close() // the end of input is what the process waits for
	}()
	return cmd.Wait()
}

func runOnTerminal(cmd *exec.Cmd, in io.Reader, out io.Writer, resize <-chan remotecommand.TerminalSize) error {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} // pty adds a session of its own
	terminal, err := pty.Start(cmd)
	if err != nil {
		return err
	}
	defer terminal.Close()
	go func() {
		for size := range resize {
			_ = pty.Setsize(terminal, &pty.Winsize{Rows: size.Height, Cols: size.Width})
		}
	}()
	if in != nil {
		go func() { _, _ = io.Copy(terminal, in) }()
	}
	// Ends with an error when the last process leaves the terminal; that is its way to say EOF.
	_, _ = io.Copy(out, terminal)
	return cmd.Wait()
}

// AttachContainer shows what the container logs from now on. There is no process to give input to.
func (p *pod) AttachContainer(ctx context.Context, _, _, container string, in io.Reader,
	out, _ io.WriteCloser, _ bool, _ <-chan remotecommand.TerminalSize) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if in != nil {
		go func() {
			_, _ = io.Copy(io.Discard, in)
			cancel()
		}()
	}
	none := int64(0)
	err := readLog(ctx, p.logFile(container), &crilogs.LogOptions{TailLines: &none, Follow: true}, out)
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// PortForward connects the stream with a port of this machine.
func (p *pod) PortForward(ctx context.Context, _, _ string, port int32, stream io.ReadWriteCloser) error {
	defer stream.Close()
	dialer := net.Dialer{Timeout: portForwardDialTimeout}
	conn, err := dialer.DialContext(ctx, "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(int(port))))
	if err != nil {
		return err
	}
	defer conn.Close()
	go func() {
		_, _ = io.Copy(conn, stream)
		_ = conn.(*net.TCPConn).CloseWrite()
	}()
	_, err = io.Copy(stream, conn)
	return err
}

func (p *pod) logFile(container string) string {
	own := filepath.Join(p.dir, container+".log")
	if _, err := os.Stat(own); err == nil {
		return own
	}
	return p.common
}

// readLog copies a log in the CRI format, both of its streams as one, until its end or, if it is
// followed, until the reader has gone.
func readLog(ctx context.Context, file string, options *crilogs.LogOptions, out io.Writer) error {
	return crilogs.ReadLogs(ctx, file, "container", options, running{}, out, out)
}

// running tells the log reader that the container still runs, so that it goes on following.
type running struct{ criapi.RuntimeService }

func (running) ContainerStatus(context.Context, string, bool) (*runtimeapi.ContainerStatusResponse, error) {
	return &runtimeapi.ContainerStatusResponse{
		Status: &runtimeapi.ContainerStatus{State: runtimeapi.ContainerState_CONTAINER_RUNNING},
	}, nil
}

// logOptions reads the query of a request for logs.
func logOptions(query url.Values, now time.Time) (*crilogs.LogOptions, error) {
	options := &crilogs.LogOptions{}
	number := func(name string) (*int64, error) {
		if !query.Has(name) {
			return nil, nil
		}
		value, err := strconv.ParseInt(query.Get(name), 10, 64)
		if err != nil || value < 0 {
			return nil, fmt.Errorf("%s=%q: give a whole number, zero or more", name, query.Get(name))
		}
		return &value, nil
	}
	var err error
	if options.TailLines, err = number("tailLines"); err != nil {
		return nil, err
	}
	if options.LimitBytes, err = number("limitBytes"); err != nil {
		return nil, err
	}
	since, err := number("sinceSeconds")
	if err != nil {
		return nil, err
	}
	if since != nil {
		options.Since = now.Add(-time.Duration(*since) * time.Second)
	}
	if query.Has("sinceTime") {
		if options.Since, err = time.Parse(time.RFC3339, query.Get("sinceTime")); err != nil {
			return nil, fmt.Errorf("sinceTime: %w", err)
		}
	}
	options.Follow = query.Get("follow") == "true"
	options.Timestamp = query.Get("timestamps") == "true"
	return options, nil
}
