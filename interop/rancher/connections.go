package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"strings"
	"sync"
)

// headLimit bounds what is kept of the first bytes of a connection. A handshake needs about 4 KiB,
// of which most is the service-account token.
const headLimit = 64 * 1024

// connection is one accepted TLS connection. It remembers the request as the client wrote it,
// which net/http does not (it sorts headers into a map), and reports the first read of whoever
// takes the connection over from the HTTP server.
type connection struct {
	*tls.Conn

	mu       sync.Mutex
	head     []byte
	ignored  bool // no handshake came over it, so nothing is kept
	hijacked bool
	onTaken  func() // run once, by the first read after the takeover
	alpn     []string
}

// listener accepts connections that are not yet through their TLS handshake; the first read does it.
type listener struct {
	net.Listener
	config *tls.Config
}

func (l *listener) Accept() (net.Conn, error) {
	raw, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	conn := &connection{}
	config := l.config.Clone()
	config.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		conn.mu.Lock()
		defer conn.mu.Unlock()
		conn.alpn = hello.SupportedProtos
		return nil, nil
	}
	conn.Conn = tls.Server(raw, config)
	return conn, nil
}

func (c *connection) Read(p []byte) (int, error) {
	c.mu.Lock()
	var taken func()
	if c.hijacked {
		taken, c.onTaken = c.onTaken, nil
	}
	c.mu.Unlock()
	if taken != nil {
		taken()
	}

	n, err := c.Conn.Read(p)

	c.mu.Lock()
	defer c.mu.Unlock()
	if room := headLimit - len(c.head); !c.ignored && !c.hijacked && room > 0 {
		c.head = append(c.head, p[:min(n, room)]...)
	}
	return n, err
}

// ignore gives the kept bytes back: this connection carries no handshake.
func (c *connection) ignore() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ignored, c.head = true, nil
}

func (c *connection) taken(then func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.onTaken = then
}

// headers gives the headers of the last request in the order and spelling of the wire, or, if the
// bytes were not kept, as net/http has them.
func (c *connection) headers(req *http.Request) [][2]string {
	c.mu.Lock()
	head := bytes.Clone(c.head)
	c.mu.Unlock()

	if headers := parseHead(head, req.Method+" "+req.RequestURI+" "); headers != nil {
		return headers
	}
	headers := [][2]string{{"Host", req.Host}}
	for name, values := range req.Header {
		for _, value := range values {
			headers = append(headers, [2]string{name, value})
		}
	}
	return headers
}

func parseHead(head []byte, requestLine string) [][2]string {
	start := bytes.LastIndex(head, []byte(requestLine))
	if start < 0 {
		return nil
	}
	text, _, complete := strings.Cut(string(head[start:]), "\r\n\r\n")
	if !complete {
		return nil
	}
	headers := [][2]string{}
	for _, line := range strings.Split(text, "\r\n")[1:] {
		name, value, _ := strings.Cut(line, ":")
		headers = append(headers, [2]string{name, strings.TrimSpace(value)})
	}
	return headers
}

func (c *connection) offered() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.alpn
}

// cut ends the connection with a reset, as a crashed host or a firewall would.
func (c *connection) cut() error {
	if tcp, ok := c.NetConn().(*net.TCPConn); ok {
		if err := tcp.SetLinger(0); err != nil {
			return err
		}
	}
	return c.NetConn().Close()
}

type connectionKey struct{}

// withConnection and connectionOf carry the connection in the context of its requests.
func withConnection(ctx context.Context, conn net.Conn) context.Context {
	return context.WithValue(ctx, connectionKey{}, conn)
}

func connectionOf(req *http.Request) *connection {
	return req.Context().Value(connectionKey{}).(*connection)
}

// onState hears from the HTTP server that a handler took the connection over.
func onState(conn net.Conn, state http.ConnState) {
	if state != http.StateHijacked {
		return
	}
	if c, ok := conn.(*connection); ok {
		c.mu.Lock()
		c.hijacked, c.head = true, nil
		c.mu.Unlock()
	}
}
