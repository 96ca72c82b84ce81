// Command wire says what Rancher's tunnel library, and the websocket library under it, make of bytes.
//
// Standard input is batches: a count, and so many inputs of a kind (1 byte), a length and bytes. For each batch
// standard output gets the answers, each a length and bytes, once the whole batch is read. Counts and lengths are
// 4 bytes, big-endian.
package main

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"time"

	"github.com/gorilla/websocket"
)

// The kinds of input.
const (
	// A binary message: decode it.
	decodeMessage = iota
	// Frames that a server has sent: read them as a client does.
	readAsClient
	// Frames that a client has sent: read them as a server does, and decode their messages.
	readAsServer
	// What a message is to say: encode it, and write it as a server does.
	writeAsServer
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "wire:", err)
		os.Exit(1)
	}
}

func run() error {
	in := bufio.NewReaderSize(os.Stdin, 1<<20)
	var answers []byte
	for {
		count, err := number(in)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		answers = answers[:0]
		for range count {
			kind, err := in.ReadByte()
			if err != nil {
				return err
			}
			length, err := number(in)
			if err != nil {
				return err
			}
			input := make([]byte, length)
			if _, err = io.ReadFull(in, input); err != nil {
				return err
			}
			answer := safely(kind, input)
			answers = binary.BigEndian.AppendUint32(answers, uint32(len(answer)))
			answers = append(answers, answer...)
		}
		if _, err := os.Stdout.Write(answers); err != nil {
			return err
		}
	}
}

func number(in io.Reader) (uint32, error) {
	var bytes [4]byte
	_, err := io.ReadFull(in, bytes[:])
	return binary.BigEndian.Uint32(bytes[:]), err
}

// safely: a panic is an answer, so that the input it came from is known.
func safely(kind byte, input []byte) (answer []byte) {
	defer func() {
		if cause := recover(); cause != nil {
			answer = fmt.Appendf(nil, "panic: %v", cause)
		}
	}()
	switch kind {
	case decodeMessage:
		return decoded(bytes.NewReader(input))
	case readAsClient:
		return events(input, false, func(reader io.Reader) ([]byte, error) { return io.ReadAll(reader) })
	case readAsServer:
		return events(input, true, func(reader io.Reader) ([]byte, error) { return decoded(reader), nil })
	case writeAsServer:
		return written(input)
	}
	panic("no such kind")
}

// decoded is a message in the words of the library's own log, without the message's id; or "no message" for a
// header, "refused" for a payload, at which a session ends.
func decoded(reader io.Reader) []byte {
	m, err := newServerMessage(reader)
	if err != nil {
		if err.Error() == "failed to parse connect address" {
			return []byte("refused")
		}
		return []byte("no message")
	}
	_, text, _ := strings.Cut(messageString(m), " ")
	word, rest, _ := strings.Cut(text, " ")
	rest = strings.TrimLeft(rest, " ")
	switch word {
	case "DATA":
		return append([]byte(text+"\n"), body(m)...)
	case "ADDCLIENT", "REMOVECLIENT":
		address := strings.TrimSuffix(strings.TrimPrefix(rest, "["), "]")
		key, session, err := parseAddress(address)
		if err != nil {
			return []byte("refused")
		}
		return fmt.Appendf(nil, "%s %s/%d", word, key, session)
	case "SYNCCONNS":
		ids, err := decodeConnectionIDs(body(m))
		if err != nil {
			return []byte("refused")
		}
		return fmt.Appendf(nil, "%s %d", word, ids)
	}
	if strings.HasPrefix(word, "UNKNOWN") {
		return []byte("UNKNOWN " + rest)
	}
	return []byte(text)
}

type bodyReader struct{ m message }

func (r bodyReader) Read(p []byte) (int, error) { return messageRead(r.m, p) }

func body(m message) []byte {
	bytes, err := io.ReadAll(bodyReader{m})
	if err != nil {
		panic(err)
	}
	return bytes
}

// wire is a connection in memory: gives what there is to read, keeps what is written.
type wire struct {
	io.Reader
	written bytes.Buffer
}

func (w *wire) Write(p []byte) (int, error)      { return w.written.Write(p) }
func (w *wire) Close() error                     { return nil }
func (w *wire) LocalAddr() net.Addr              { return nil }
func (w *wire) RemoteAddr() net.Addr             { return nil }
func (w *wire) SetDeadline(time.Time) error      { return nil }
func (w *wire) SetReadDeadline(time.Time) error  { return nil }
func (w *wire) SetWriteDeadline(time.Time) error { return nil }

var (
	readBuffer  = bufio.NewReaderSize(nil, 4096)
	writeBuffer = make([]byte, 4096)
)

// events is what frames came to, in order, and how it ended: "open", if more may come.
func events(input []byte, isServer bool, read func(io.Reader) ([]byte, error)) []byte {
	connection := &wire{Reader: bytes.NewReader(input)}
	readBuffer.Reset(connection)
	conn := newConn(connection, isServer, 0, 0, nil, readBuffer, writeBuffer)
	var seen []byte
	conn.SetPingHandler(func(payload string) error {
		seen = fmt.Appendf(seen, "ping %d %s\n", len(payload), payload)
		return nil
	})
	conn.SetPongHandler(func(string) error {
		seen = append(seen, "pong\n"...)
		return nil
	})
	for {
		kind, reader, err := conn.NextReader()
		if err == nil && kind != websocket.BinaryMessage {
			return append(seen, "text"...)
		}
		if err == nil {
			var message []byte
			if message, err = read(reader); err == nil {
				seen = fmt.Appendf(seen, "message %d %s\n", len(message), message)
				continue
			}
		}
		var closed *websocket.CloseError
		switch {
		case errors.As(err, &closed) && closed.Code == websocket.CloseAbnormalClosure:
			return append(seen, "open"...)
		case errors.As(err, &closed):
			return fmt.Appendf(seen, "close %d %s", closed.Code, closed.Text)
		case err == websocket.ErrReadLimit:
			return append(seen, "limit"...)
		}
		return append(seen, "refused"...)
	}
}

// written is frames with a message of the given type (1 byte), stream (8 bytes) and payload. The first byte is the
// size of fragments in units of 16 bytes, or 0 for none.
func written(input []byte) []byte {
	fragment, kind := int(input[0])*16, input[1]
	streamID := int64(binary.BigEndian.Uint64(input[2:]))
	payload := input[10:]
	var m message
	switch kind {
	case 1:
		m = newMessage(streamID, payload)
	case 2:
		proto, address, _ := strings.Cut(string(payload), "/")
		m = newConnect(streamID, proto, address)
	case 3:
		m = newErrorMessage(streamID, errors.New(string(payload)))
	case 4:
		m = newAddClient(string(payload))
	case 5:
		m = newRemoveClient(string(payload))
	case 6:
		m = newPause(streamID)
	case 7:
		m = newResume(streamID)
	case 8:
		ids := make([]int64, len(payload)/8)
		for i := range ids {
			ids[i] = int64(binary.BigEndian.Uint64(payload[8*i:]))
		}
		m = newSyncConnectionsMessage(ids)
	}
	connection := &wire{}
	conn := newConn(connection, true, 0, fragment, nil, readBuffer, nil)
	if fragment == 0 {
		if err := conn.WriteMessage(websocket.BinaryMessage, messageBytes(m)); err != nil {
			panic(err)
		}
		return connection.written.Bytes()
	}
	out, err := conn.NextWriter(websocket.BinaryMessage)
	if err == nil {
		// Byte by byte: a large piece would leave as a fragment of its own size.
		whole := messageBytes(m)
		for i := 0; i < len(whole) && err == nil; i++ {
			_, err = out.Write(whole[i : i+1])
		}
	}
	if err == nil {
		err = out.Close()
	}
	if err != nil {
		panic(err)
	}
	return connection.written.Bytes()
}
