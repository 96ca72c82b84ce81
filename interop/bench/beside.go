package main

import (
	"bytes"
	"errors"
	"io"
	"net"
	"time"
)

var errWrongAnswer = errors.New("a wrong answer")

func echoOnce(conn net.Conn, text []byte, limit time.Duration) error {
	_ = conn.SetDeadline(time.Now().Add(limit))
	if _, err := conn.Write(text); err != nil {
		return err
	}
	answer := make([]byte, echoBytes)
	if _, err := io.ReadFull(conn, answer); err != nil {
		return err
	}
	if !bytes.Equal(answer, text) {
		return errWrongAnswer
	}
	return nil
}
