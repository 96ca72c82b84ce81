package main

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"os"
)

// stripper is a load balancer that ends TLS, with the server's own certificate, and passes requests
// on without Upgrade: each works but for websockets.
type stripper struct {
	server   string // behind it: host and port
	listener net.Listener
	http     *http.Server
}

func newStripper(w *world, server string) (*stripper, error) {
	certificate, err := tls.LoadX509KeyPair(w.identityOf())
	if err != nil {
		return nil, err
	}
	pem, err := os.ReadFile(w.hello.CAFile)
	if err != nil {
		return nil, err
	}
	trusted := x509.NewCertPool()
	if !trusted.AppendCertsFromPEM(pem) {
		return nil, errors.New("the server's CA is no certificate")
	}
	s := &stripper{server: server}
	if s.listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		return nil, err
	}
	s.http = &http.Server{
		Handler:   stripping(server, &http.Transport{TLSClientConfig: &tls.Config{RootCAs: trusted}}),
		TLSConfig: &tls.Config{Certificates: []tls.Certificate{certificate}, NextProtos: []string{"http/1.1"}},
		ErrorLog:  log.New(io.Discard, "", 0),
	}
	go func() { _ = s.http.ServeTLS(s.listener, "", "") }()
	return s, nil
}

func stripping(server string, transport http.RoundTripper) http.Handler {
	return &httputil.ReverseProxy{
		Transport: transport,
		Rewrite: func(r *httputil.ProxyRequest) {
			r.Out.URL.Scheme, r.Out.URL.Host = "https", server
			// The proxy puts them back if they were there when it began.
			r.Out.Header.Del("Upgrade")
			r.Out.Header.Del("Connection")
		},
		ErrorLog: log.New(io.Discard, "", 0),
	}
}

func (s *stripper) address() string { return s.listener.Addr().String() }

func (s *stripper) close() { _ = s.http.Close() }
