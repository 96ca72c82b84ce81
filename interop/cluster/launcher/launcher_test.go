package main

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestCertificatesFitTheirUse(t *testing.T) {
	dir := t.TempDir()
	if err := makeCertificates(dir); err != nil {
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
