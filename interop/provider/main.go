// Command provider is an OpenID Connect provider for tests of a relying party: Zitadel's library with
// its own example of users, test-user2 among them, and a sign-in page. See ../README.md.
package main

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/zitadel/oidc/v3/example/server/exampleop"
	"github.com/zitadel/oidc/v3/example/server/storage"
)

func main() {
	directory := flag.String("dir", "", "`DIRECTORY` for the provider's certificate (required)")
	client := flag.String("client", "", "`ID` of the relying party (required)")
	secret := flag.String("secret", "", "its `SECRET` (required)")
	flag.Parse()
	if *directory == "" || *client == "" || *secret == "" {
		fmt.Fprintln(os.Stderr, "provider: --dir, --client and --secret are required")
		os.Exit(2)
	}
	if err := serve(*directory, *client, *secret); err != nil {
		fmt.Fprintln(os.Stderr, "provider:", err)
		os.Exit(1)
	}
}

// register reads where the relying party may be sent back to: it can start only when it knows the
// provider, so that the provider gets to know it later. The end of stdin is the end of the provider.
func register(client, secret string) {
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		storage.RegisterClients(storage.WebClient(client, secret, lines.Text()))
		fmt.Println("registered", lines.Text())
	}
	os.Exit(0)
}

func serve(directory, client, secret string) error {
	caFile := filepath.Join(directory, "provider-ca.pem")
	certificate, err := selfSigned(caFile)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	issuer := "https://" + listener.Addr().String()
	logger := slog.New(slog.NewTextHandler(os.Stderr, nil))
	router := exampleop.SetupServer(issuer, storage.NewStorage(storage.NewUserStore(issuer)), logger, false)
	server := &http.Server{
		Handler:           router,
		ReadHeaderTimeout: 10 * time.Second,
		TLSConfig:         &tls.Config{Certificates: []tls.Certificate{*certificate}, MinVersion: tls.VersionTLS12},
	}
	if err := json.NewEncoder(os.Stdout).Encode(map[string]string{"issuer": issuer, "caFile": caFile}); err != nil {
		return err
	}
	go register(client, secret)
	if err := server.ServeTLS(listener, "", ""); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// selfSigned makes a certificate for 127.0.0.1 that is its own authority, and writes it to a file.
func selfSigned(file string) (*tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber:          big.NewInt(1),
		Subject:               pkix.Name{CommonName: "provider"},
		NotBefore:             time.Now().Add(-time.Hour),
		NotAfter:              time.Now().Add(24 * time.Hour),
		KeyUsage:              x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true,
		IsCA:                  true,
		IPAddresses:           []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return nil, err
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	if err := os.WriteFile(file, text, 0o600); err != nil {
		return nil, err
	}
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, nil
}
