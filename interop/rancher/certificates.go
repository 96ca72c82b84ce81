package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// identity is the server's own certificate authority and the certificate it serves with.
type identity struct {
	caFile  string
	caPEM   string // without a trailing newline, as the setting "cacerts" holds it
	serving tls.Certificate
}

// face is what the server shows of its certificates; a test may change it while the server runs.
type face struct {
	mu      sync.Mutex
	cacerts string
	serving tls.Certificate
}

func newFace(id identity) *face {
	return &face{cacerts: id.caPEM, serving: id.serving}
}

// authorities is the setting "cacerts".
func (f *face) authorities() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.cacerts
}

func (f *face) certificate(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	serving := f.serving
	return &serving, nil
}

// announce adds a CA to the setting; the server goes on with its old certificate.
func (f *face) announce(id identity) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.cacerts += "\n" + id.caPEM
}

// change serves with another certificate, and has its CA alone in the setting.
func (f *face) change(id identity) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.cacerts, f.serving = id.caPEM, id.serving
}

// checksum is what an agent gets as CATTLE_CA_CHECKSUM. The agent hashes what jq prints: the
// setting's value and exactly one newline, whether or not the value already ends with one.
func checksum(cacerts string) string {
	sum := sha256.Sum256([]byte(strings.TrimSuffix(cacerts, "\n") + "\n"))
	return hex.EncodeToString(sum[:])
}

// loadIdentity reads the certificates in dir, or makes them there the first time, so that a
// server that is started again keeps its CA and agents keep trusting it. They serve loopback and the
// given addresses.
func loadIdentity(dir string, addresses ...net.IP) (identity, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return identity{}, fmt.Errorf("--dir: %w", err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return identity{}, fmt.Errorf("--dir: %w", err)
	}
	caFile := filepath.Join(dir, "ca.crt")
	certFile := filepath.Join(dir, "server.crt")
	keyFile := filepath.Join(dir, "server.key")

	// The key is written last: if it is there, the others are too.
	if _, err := os.Stat(keyFile); errors.Is(err, fs.ErrNotExist) {
		if err := makeIdentity(caFile, certFile, keyFile, addresses); err != nil {
			return identity{}, fmt.Errorf("making certificates in --dir %s: %w", dir, err)
		}
	}
	ca, err := os.ReadFile(caFile)
	if err != nil {
		return identity{}, fmt.Errorf("--dir %s: %w (empty the directory to make new certificates)", dir, err)
	}
	serving, err := tls.LoadX509KeyPair(certFile, keyFile)
	if err != nil {
		return identity{}, fmt.Errorf("--dir %s: %w (empty the directory to make new certificates)", dir, err)
	}
	return identity{caFile: caFile, caPEM: strings.TrimSpace(string(ca)), serving: serving}, nil
}

func makeIdentity(caFile, certFile, keyFile string, addresses []net.IP) error {
	now := time.Now()
	caKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	ca := &x509.Certificate{
		SerialNumber:          big.NewInt(now.UnixNano()),
		Subject:               pkix.Name{CommonName: "drover-interop-ca", Organization: []string{"drover"}},
		NotBefore:             now.Add(-time.Hour),
		NotAfter:              now.AddDate(10, 0, 0),
		IsCA:                  true,
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	caDER, err := x509.CreateCertificate(rand.Reader, ca, ca, &caKey.PublicKey, caKey)
	if err != nil {
		return err
	}

	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	serving := &x509.Certificate{
		SerialNumber: big.NewInt(now.UnixNano() + 1),
		Subject:      pkix.Name{CommonName: "drover-interop", Organization: []string{"drover"}},
		NotBefore:    now.Add(-time.Hour),
		NotAfter:     now.AddDate(1, 0, 0),
		DNSNames:     []string{"localhost", "rancher.test"}, // the latter for whoever has a resolver of their own
		IPAddresses:  append([]net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback}, addresses...),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	servingDER, err := x509.CreateCertificate(rand.Reader, serving, ca, &key.PublicKey, caKey)
	if err != nil {
		return err
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}

	if err := writePEM(caFile, "CERTIFICATE", caDER); err != nil {
		return err
	}
	if err := writePEM(certFile, "CERTIFICATE", servingDER); err != nil {
		return err
	}
	return writePEM(keyFile, "PRIVATE KEY", keyDER)
}

func writePEM(file, kind string, der []byte) error {
	return os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600)
}
