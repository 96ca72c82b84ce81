package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"sync/atomic"
)

const (
	// patternPeriod is a prime, so that no lost, doubled or exchanged chunk of usual size leaves the
	// bytes after it where they would be expected.
	patternPeriod = 262139
	chunkBytes    = 64 * 1024
	seedBytes     = 8
)

// pattern is two periods of fixed random bytes: every stream is a walk over it from a place of its
// own. Comparing with it costs next to nothing, a hash would cost as much as the agent.
var pattern = func() []byte {
	one := make([]byte, patternPeriod)
	random := rand.NewChaCha8([32]byte{'d', 'r', 'o', 'v', 'e', 'r'})
	_, _ = random.Read(one)
	return append(one, one...)
}()

// walk is a position in a stream's bytes.
type walk struct{ at int }

func newWalk(seed uint64) walk { return walk{int(seed % patternPeriod)} }

func (w *walk) next(n int) []byte {
	bytes := pattern[w.at : w.at+n]
	w.at = (w.at + n) % patternPeriod
	return bytes
}

// writePattern writes a stream until it fails, which is how it ends. Sent bytes are counted.
func writePattern(conn net.Conn, seed uint64, sent *atomic.Int64) {
	w := newWalk(seed)
	for {
		n, err := conn.Write(w.next(chunkBytes))
		sent.Add(int64(n))
		if err != nil {
			return
		}
	}
}

// readPattern checks every byte of a stream until its end, and counts them. The error is nil
// unless a byte was wrong.
func readPattern(conn net.Conn, seed uint64, received *atomic.Int64) error {
	w := newWalk(seed)
	buffer := make([]byte, chunkBytes)
	for {
		n, err := conn.Read(buffer)
		if !bytes.Equal(buffer[:n], w.next(n)) {
			return fmt.Errorf("stream %d: a wrong byte within %d bytes after offset %d", seed, n, received.Load())
		}
		received.Add(int64(n))
		if err != nil {
			return nil
		}
	}
}

func writeSeed(conn net.Conn, seed uint64) error {
	_, err := conn.Write(binary.BigEndian.AppendUint64(nil, seed))
	return err
}

func readSeed(conn net.Conn) (uint64, error) {
	var raw [seedBytes]byte
	_, err := io.ReadFull(conn, raw[:])
	return binary.BigEndian.Uint64(raw[:]), err
}
