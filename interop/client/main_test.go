package main

import (
	"encoding/base64"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestEncodesParamsAsTheStockAgentDoes(t *testing.T) {
	dir := t.TempDir()
	ca, token := filepath.Join(dir, "ca.crt"), filepath.Join(dir, "token")
	write(t, ca, "PEM")
	write(t, token, "secret\n")
	for _, text := range []string{"10.0.0.1:443,secret," + ca, "10.0.0.1:443,@" + token + "," + ca} {
		header, err := encodeParams(text)
		if err != nil {
			t.Fatal(err)
		}
		raw, err := base64.StdEncoding.DecodeString(header)
		if err != nil {
			t.Fatal(err)
		}
		var params struct {
			Cluster struct{ Address, Token, CACert string }
		}
		if err := json.Unmarshal(raw, &params); err != nil {
			t.Fatal(err)
		}
		if got := params.Cluster; got.Address != "10.0.0.1:443" || got.Token != "secret" || got.CACert != "UEVN" {
			t.Errorf("%s: %+v", text, got)
		}
	}
}

func TestNamesEveryProblem(t *testing.T) {
	_, err := newAgent("ftp://x", "", "/does/not/exist", "a,b")
	for _, name := range []string{"--server", "--token", "--ca", "--cluster-params"} {
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s is not in: %v", name, err)
		}
	}
}

func write(t *testing.T, file, content string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}
