package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	utilexec "k8s.io/utils/exec"
)

type buffer struct{ bytes.Buffer }

func (*buffer) Close() error { return nil }

func TestExecDeliversTheEndOfStdin(t *testing.T) {
	p := &pod{name: "web", dir: filepath.Join(t.TempDir(), "web")}
	input := bytes.Repeat([]byte("0123456789abcdef"), 1<<16) // more than a pipe holds
	var out buffer
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	err := p.ExecInContainer(ctx, "", "", "", []string{"cat"}, bytes.NewReader(input), &out, &buffer{}, false, nil, 0)
	if err != nil || !bytes.Equal(out.Bytes(), input) {
		t.Errorf("%v; %d of %d bytes came back", err, out.Len(), len(input))
	}
}

func TestExecEndsWhileTheClientStillHasInput(t *testing.T) {
	p := &pod{name: "web", dir: t.TempDir()}
	endless, _ := io.Pipe()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := p.ExecInContainer(ctx, "", "", "", []string{"true"}, endless, &buffer{}, &buffer{}, false, nil, 0); err != nil {
		t.Error(err)
	}
}

func TestExecReportsExitCodes(t *testing.T) {
	p := &pod{name: "web", dir: t.TempDir()}
	for script, want := range map[string]int{"exit 3": 3, "kill -9 $$": 137} {
		err := p.ExecInContainer(context.Background(), "", "", "", []string{"sh", "-c", script}, nil, &buffer{}, &buffer{}, false, nil, 0)
		var exit utilexec.ExitError
		if !errors.As(err, &exit) || exit.ExitStatus() != want {
			t.Errorf("%s: %v", script, err)
		}
	}
	err := p.ExecInContainer(context.Background(), "", "", "", []string{"no-such-program"}, nil, &buffer{}, &buffer{}, false, nil, 0)
	var exit utilexec.ExitError
	if !errors.As(err, &exit) || exit.ExitStatus() != 127 {
		t.Errorf("missing program: %v", err)
	}
}

func TestRejectsNamesThatLeadOutOfTheDirectory(t *testing.T) {
	k := &kubelet{dir: t.TempDir()}
	handler := k.handler()
	for _, path := range []string{"/containerLogs/..%2f..%2fetc/a/b", "/containerLogs/a/%2e%2e/b", "/containerLogs/a/b/%2fetc"} {
		recorder := httptest.NewRecorder()
		handler.ServeHTTP(recorder, httptest.NewRequest("GET", path, nil))
		if recorder.Code == 200 {
			t.Errorf("%s: %d %s", path, recorder.Code, recorder.Body)
		}
	}
}

func TestReadsOwnLogOrTheCommonOne(t *testing.T) {
	dir := t.TempDir()
	k := &kubelet{dir: dir}
	if err := k.log(1); err != nil {
		t.Fatal(err)
	}
	get := func(query string) string {
		recorder := httptest.NewRecorder()
		k.handler().ServeHTTP(recorder, httptest.NewRequest("GET", "/containerLogs/default/web/app?"+query, nil))
		return recorder.Body.String()
	}
	if got := get(""); got != "line 1\n" {
		t.Errorf("common log: %q", got)
	}
	own := filepath.Join(dir, "default", "web", "app.log")
	if err := os.MkdirAll(filepath.Dir(own), 0o755); err != nil {
		t.Fatal(err)
	}
	lines := "2026-01-01T00:00:00.000000001Z stdout F one\n2026-01-01T00:00:01.000000001Z stderr F two\n"
	if err := os.WriteFile(own, []byte(lines), 0o644); err != nil {
		t.Fatal(err)
	}
	if got := get("tailLines=1&timestamps=true"); got != "2026-01-01T00:00:01.000000001Z two\n" {
		t.Errorf("own log: %q", got)
	}
}

func TestLogOptions(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 1, 0, 0, time.UTC)
	options, err := logOptions(url.Values{
		"tailLines": {"5"}, "limitBytes": {"9"}, "sinceSeconds": {"60"}, "follow": {"true"}, "timestamps": {"true"},
	}, now)
	if err != nil {
		t.Fatal(err)
	}
	if *options.TailLines != 5 || *options.LimitBytes != 9 || !options.Since.Equal(now.Add(-time.Minute)) || !options.Follow || !options.Timestamp {
		t.Errorf("%+v", options)
	}
	for _, name := range []string{"tailLines", "limitBytes", "sinceSeconds", "sinceTime"} {
		if _, err := logOptions(url.Values{name: {"-x"}}, now); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
