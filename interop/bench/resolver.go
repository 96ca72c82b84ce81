package main

import (
	"encoding/binary"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"sync/atomic"
)

const (
	// resolvedName is the server's where it has one: in its certificate, and not localhost, which
	// Java knows without asking.
	resolvedName = "rancher.test"
	// resolverAddress is loopback's alone, and no usual resolver's.
	resolverAddress = "127.0.0.153:53"

	dnsHeader   = 12
	dnsResponse = 1 << 15
	dnsRecurse  = 1 << 8
	dnsCan      = 1 << 7
	dnsTypeA    = 1
	dnsTTL      = 5 // seconds
)

// resolver is a DNS server that says 127.0.0.1 of all names, or nothing at all.
type resolver struct {
	conn   net.PacketConn
	silent atomic.Bool
	// wrap is the command that runs another one in a mount namespace of its own, in which names are
	// looked up here.
	wrap []string
}

func newResolver(directory string) (*resolver, error) {
	conn, err := net.ListenPacket("udp4", resolverAddress)
	if err != nil {
		return nil, fmt.Errorf("a resolver of our own needs root: %w", err)
	}
	r := &resolver{conn: conn}
	hosts, settings := filepath.Join(directory, "hosts"), filepath.Join(directory, "resolv.conf")
	host, _, _ := net.SplitHostPort(resolverAddress)
	for file, text := range map[string]string{
		hosts:    "",
		settings: "nameserver " + host + "\noptions timeout:2 attempts:2\n",
	} {
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			conn.Close()
			return nil, err
		}
	}
	r.wrap = []string{
		"unshare", "--mount", "--propagation", "private", "sh", "-c",
		`mount --bind "$0" /etc/hosts && mount --bind "$1" /etc/resolv.conf && shift && exec "$@"`, hosts, settings,
	}
	go r.serve()
	return r, nil
}

func (r *resolver) silence(silent bool) { r.silent.Store(silent) }

func (r *resolver) close() { r.conn.Close() }

func (r *resolver) serve() {
	buffer := make([]byte, 1500)
	for {
		n, from, err := r.conn.ReadFrom(buffer)
		if err != nil {
			return
		}
		if answer := dnsAnswer(buffer[:n]); answer != nil && !r.silent.Load() {
			_, _ = r.conn.WriteTo(answer, from)
		}
	}
}

// dnsAnswer answers a query with one question: A with 127.0.0.1, anything else with nothing.
func dnsAnswer(query []byte) []byte {
	end := questionEnd(query)
	if end == 0 {
		return nil
	}
	answer := append([]byte{}, query[:end]...)
	binary.BigEndian.PutUint16(answer[2:], dnsResponse|dnsRecurse|dnsCan)
	clear(answer[6:dnsHeader]) // counts of what follows the question
	if binary.BigEndian.Uint16(query[end-4:]) == dnsTypeA {
		binary.BigEndian.PutUint16(answer[6:], 1)
		answer = append(answer, 0xc0, dnsHeader)     // the name of the question
		answer = append(answer, query[end-4:end]...) // its type and class
		answer = binary.BigEndian.AppendUint32(answer, dnsTTL)
		answer = append(answer, 0, 4, 127, 0, 0, 1)
	}
	return answer
}

// questionEnd is where the only question ends; 0: it is not a query with one.
func questionEnd(query []byte) int {
	if len(query) < dnsHeader || query[2]&0x80 != 0 || binary.BigEndian.Uint16(query[4:]) != 1 {
		return 0
	}
	for at := dnsHeader; at < len(query); at += int(query[at]) + 1 {
		if query[at] == 0 {
			if at+5 > len(query) {
				return 0
			}
			return at + 5
		}
	}
	return 0
}
