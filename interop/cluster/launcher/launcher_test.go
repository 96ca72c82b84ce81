package main

import (
	"archive/tar"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

func TestCertificatesFitTheirUse(t *testing.T) {
	dir := t.TempDir()
	if err := makeCertificates(dir, net.IPv4(127, 0, 0, 1), net.IPv4(127, 0, 0, 1)); err != nil {
		t.Fatal(err)
	}
	pem, err := os.ReadFile(filepath.Join(dir, "ca.crt"))
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	server := leaf(t, dir, "api-server")
	for _, name := range []string{"127.0.0.1", "localhost", "kubernetes.default.svc", firstServiceIP} {
		if _, err := server.Verify(x509.VerifyOptions{Roots: roots, DNSName: name}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	admin := leaf(t, dir, "admin")
	if _, err := admin.Verify(x509.VerifyOptions{Roots: roots, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}); err != nil {
		t.Error(err)
	}
	if groups := admin.Subject.Organization; len(groups) != 1 || groups[0] != "system:masters" {
		t.Errorf("groups of admin: %v", groups)
	}
	if config, err := kubeconfig(dir, "https://127.0.0.1:1", "admin"); err != nil {
		t.Error(err)
	} else if text, err := json.Marshal(config); err != nil || !strings.Contains(string(text), "LS0tLS1CRUdJTi") {
		t.Errorf("%v: %s", err, text)
	}
}

func leaf(t *testing.T, dir, name string) *x509.Certificate {
	t.Helper()
	pair, err := tls.LoadX509KeyPair(filepath.Join(dir, name+".crt"), filepath.Join(dir, name+".key"))
	if err != nil {
		t.Fatal(err)
	}
	return pair.Leaf
}

func TestFreePortsDiffer(t *testing.T) {
	var a, b, c int
	if err := freePorts(&a, &b, &c); err != nil {
		t.Fatal(err)
	}
	if a == b || b == c || a == c || a == 0 {
		t.Error(a, b, c)
	}
}

func TestDeathShowsTheEndOfTheLog(t *testing.T) {
	log := filepath.Join(t.TempDir(), "etcd.log")
	var text strings.Builder
	for i := range 50 {
		fmt.Fprintf(&text, "line %d\n", i)
	}
	text.WriteString("listen tcp 127.0.0.1:1: bind: address already in use")
	if err := os.WriteFile(log, []byte(text.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	death := (&child{name: "etcd", log: log, err: errors.New("exit status 1")}).death()
	if len(death.lines) != lastLines || !death.portTaken() || strings.Contains(death.Error(), "line 30\n") {
		t.Error(death)
	}
	if !strings.HasPrefix(death.Error(), "etcd died: exit status 1") {
		t.Error(death)
	}
}

func TestDataDirectoryOfADeadClusterIsRemoved(t *testing.T) {
	if _, err := os.Stat("/dev/shm"); err != nil {
		t.Skip("this system has no /dev/shm")
	}
	// Process ids end at 2^22.
	left := "/dev/shm/drover-etcd-99999999"
	if err := os.MkdirAll(left, 0o700); err != nil {
		t.Fatal(err)
	}
	dir, err := dataDirectory(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	if _, err := os.Stat(left); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%s: %v", left, err)
	}
}

func TestCommandLineNamesEveryProblem(t *testing.T) {
	_, err := parse([]string{"--bin", "/nowhere", "--nodes", "0", "--pods", "-1", "--api-listen", "0.0.0.0:1"}, io.Discard)
	for _, name := range []string{"--bin", "--dir", "--nodes", "--pods", "--api-listen"} {
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s is not in: %v", name, err)
		}
	}
}

func TestBareMakesNoObjects(t *testing.T) {
	_, err := parse([]string{"--bare", "--bin", t.TempDir(), "--dir", "d", "--nodes", "2", "--scheduler"}, io.Discard)
	for _, name := range []string{"--nodes", "--scheduler"} {
		if err == nil || !strings.Contains(err.Error(), name+": not with --bare") {
			t.Errorf("%s is not in: %v", name, err)
		}
	}
	if err == nil || strings.Contains(err.Error(), "--pods") {
		t.Error(err)
	}
}

func TestBareNeedsNoCounts(t *testing.T) {
	bin := t.TempDir()
	if err := os.WriteFile(filepath.Join(bin, "kube-apiserver"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	o, err := parse([]string{"--bare", "--bin", bin, "--dir", "d"}, io.Discard)
	if err != nil || o.nodes != 0 || o.pods != 0 || o.scheduler {
		t.Error(o, err)
	}
}

func TestMetricsFileMustBeReadable(t *testing.T) {
	broken := filepath.Join(t.TempDir(), "usage.json")
	if err := os.WriteFile(broken, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{"/nowhere", broken} {
		if _, err := parse([]string{"--metrics", file}, io.Discard); err == nil || !strings.Contains(err.Error(), "--metrics: ") {
			t.Errorf("%s: %v", file, err)
		}
	}
}

func TestMetricsAnswerAsTheMetricsServer(t *testing.T) {
	u := usage{Nodes: map[string]map[string]string{
		"b": {"cpu": "250m", "memory": "1Gi"}, "a": {"cpu": "1", "memory": "2Gi"},
	}}
	now := time.Date(2026, 1, 2, 3, 4, 30, 0, time.UTC)
	handler := u.handler(func() time.Time { return now })
	for path, wanted := range map[string]string{
		"":                      `"groupVersion":"metrics.k8s.io/v1beta1"`,
		"/nodes/b":              `"usage":{"cpu":"250m","memory":"1Gi"}`,
		"/nodes":                `"items":[{"apiVersion":"metrics.k8s.io/v1beta1","kind":"NodeMetrics","metadata":{"creationTimestamp":"2026-01-02T03:04:30Z","name":"a"}`,
		"/nodes/c":              `"reason":"NotFound"`,
		"/pods":                 `"items":[]`,
		"/namespaces/some/pods": `"items":[]`,
	} {
		answer := httptest.NewRecorder()
		handler.ServeHTTP(answer, httptest.NewRequest("GET", metricsPath+path, nil))
		if !strings.Contains(answer.Body.String(), wanted) || (answer.Code == 404) != (path == "/nodes/c") {
			t.Errorf("%s: %d %s", path, answer.Code, answer.Body)
		}
	}
}

func TestForEachDoesAllOrTellsWhyNot(t *testing.T) {
	var done atomic.Int64
	if err := forEach(1000, func(i int) error { done.Add(int64(i)); return nil }); err != nil || done.Load() != 999*1000/2 {
		t.Error(done.Load(), err)
	}
	broken := errors.New("broken")
	if err := forEach(1000, func(i int) error { return map[int]error{7: broken}[i] }); !errors.Is(err, broken) {
		t.Error(err)
	}
}

func TestHeartbeatOfTheStageIsChanged(t *testing.T) {
	const stage = "spec:\n  delay:\n    durationMilliseconds: 600000\n    jitterDurationMilliseconds: 610000\n  next:\n"
	changed, err := withDelay(stage, 270*time.Second, 330*time.Second)
	if want := "spec:\n  delay:\n    durationMilliseconds: 270000\n    jitterDurationMilliseconds: 330000\n  next:\n"; err != nil || changed != want {
		t.Error(changed, err)
	}
	if _, err := withDelay("spec: {}\n", time.Second, time.Second); err == nil {
		t.Error("a stage without a delay was taken")
	}
}

func TestProgramThatIsRestartedHasNotDied(t *testing.T) {
	runtime.LockOSThread() // as children ask for
	defer runtime.UnlockOSThread()
	dir := t.TempDir()
	if err := os.Symlink("/bin/sh", filepath.Join(dir, "program")); err != nil {
		t.Fatal(err)
	}
	c := &children{bin: dir, logs: dir, home: dir, died: make(chan *child, 4)}
	defer c.stop()
	if err := c.start("program", "-c", "echo started; read never"); err != nil {
		t.Fatal(err)
	}
	first := c.started[0]
	if err := c.restart("program"); err != nil {
		t.Fatal(err)
	}
	if len(c.started) != 1 || c.started[0] == first || !slices.Equal(c.started[0].cmd.Args, first.cmd.Args) {
		t.Errorf("%v", c.started)
	}
	<-first.done
	if err := c.restart("other"); err == nil {
		t.Error("what does not run was restarted")
	}
	if len(c.died) != 0 {
		t.Error("its end counts as a death")
	}
	_ = syscall.Kill(c.started[0].cmd.Process.Pid, syscall.SIGKILL)
	if dead := <-c.died; dead != c.started[0] {
		t.Errorf("%v died", dead.name)
	}
}

func TestRealNodeSimulatesNothing(t *testing.T) {
	_, err := parse([]string{"--real-node", "--bin", t.TempDir(), "--dir", "d", "--nodes", "2", "--bare", "--metrics", "m"}, io.Discard)
	for _, name := range []string{"--nodes", "--bare", "--metrics"} {
		if err == nil || !strings.Contains(err.Error(), name+": not with --real-node") {
			t.Errorf("%s is not in: %v", name, err)
		}
	}
}

func TestImagesAreForARealNode(t *testing.T) {
	_, err := parse([]string{"--bin", t.TempDir(), "--dir", "d", "--image", "a=b"}, io.Discard)
	if err == nil || !strings.Contains(err.Error(), "--image: only with --real-node") {
		t.Error(err)
	}
	if _, err := parse([]string{"--image", "a"}, io.Discard); err == nil || !strings.Contains(err.Error(), "NAME=FILE") {
		t.Error(err)
	}
}

func TestLinksHaveAddressesOfTheirOwn(t *testing.T) {
	seen := map[string]bool{}
	for number := range links {
		l := link{number: number}
		for _, address := range []string{l.host(), l.node()} {
			if net.ParseIP(address) == nil || seen[address] {
				t.Errorf("link %d: %s", number, address)
			}
			seen[address] = true
		}
		if len(l.device()) > 15 { // the kernel's limit
			t.Error(l.device())
		}
	}
}

func TestControlGroupsOfADeadClusterAreRemoved(t *testing.T) {
	if os.Geteuid() != 0 || len(hierarchies()) == 0 {
		t.Skip("needs root and control groups")
	}
	// Process ids end at 2^22.
	left := cgroupPrefix + "99999999"
	if err := makeCgroups(left); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(hierarchies()[0], left, "pod"), 0o755); err != nil {
		t.Fatal(err)
	}
	sweepCgroups()
	for _, hierarchy := range hierarchies() {
		if _, err := os.Stat(filepath.Join(hierarchy, left)); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s: %v", hierarchy, err)
		}
	}
}

func TestImageOfAProgramNamesItsLayerByItsContent(t *testing.T) {
	program := filepath.Join(t.TempDir(), "program")
	if err := os.WriteFile(program, []byte("content"), 0o700); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "image.tar")
	if err := writeImage(file, program, "pause"); err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{}
	archive, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer archive.Close()
	for reader := tar.NewReader(archive); ; {
		header, err := reader.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if files[header.Name], err = io.ReadAll(reader); err != nil {
			t.Fatal(err)
		}
	}
	var config struct {
		Config struct{ Entrypoint []string }
		Rootfs struct {
			Diff_ids []string
		}
	}
	if err := json.Unmarshal(files["config.json"], &config); err != nil {
		t.Fatal(err)
	}
	if sum := fmt.Sprintf("sha256:%x", sha256.Sum256(files["layer.tar"])); !slices.Equal(config.Rootfs.Diff_ids, []string{sum}) {
		t.Errorf("%v, and the layer is %s", config, sum)
	}
	if !slices.Equal(config.Config.Entrypoint, []string{"/program", "pause"}) {
		t.Error(config)
	}
}
