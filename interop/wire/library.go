package main

import (
	"bufio"
	"io"
	"net"
	"unsafe"

	"github.com/gorilla/websocket"
	_ "github.com/rancher/remotedialer" // linked by name below
)

// What the two libraries keep to themselves, by the names that the linker knows: the very functions that a
// Go server and a Go agent run, none of their code copied. A message stays a pointer to something unknown.

type message unsafe.Pointer

//go:linkname newServerMessage github.com/rancher/remotedialer.newServerMessage
func newServerMessage(reader io.Reader) (message, error)

//go:linkname messageString github.com/rancher/remotedialer.(*message).String
func messageString(m message) string

//go:linkname messageRead github.com/rancher/remotedialer.(*message).Read
func messageRead(m message, p []byte) (int, error)

//go:linkname messageBytes github.com/rancher/remotedialer.(*message).Bytes
func messageBytes(m message) []byte

//go:linkname parseAddress github.com/rancher/remotedialer.parseAddress
func parseAddress(address string) (string, int, error)

//go:linkname decodeConnectionIDs github.com/rancher/remotedialer.decodeConnectionIDs
func decodeConnectionIDs(payload []byte) ([]int64, error)

//go:linkname newMessage github.com/rancher/remotedialer.newMessage
func newMessage(connID int64, bytes []byte) message

//go:linkname newConnect github.com/rancher/remotedialer.newConnect
func newConnect(connID int64, proto, address string) message

//go:linkname newErrorMessage github.com/rancher/remotedialer.newErrorMessage
func newErrorMessage(connID int64, err error) message

//go:linkname newAddClient github.com/rancher/remotedialer.newAddClient
func newAddClient(client string) message

//go:linkname newRemoveClient github.com/rancher/remotedialer.newRemoveClient
func newRemoveClient(client string) message

//go:linkname newPause github.com/rancher/remotedialer.newPause
func newPause(connID int64) message

//go:linkname newResume github.com/rancher/remotedialer.newResume
func newResume(connID int64) message

//go:linkname newSyncConnectionsMessage github.com/rancher/remotedialer.newSyncConnectionsMessage
func newSyncConnectionsMessage(connectionIDs []int64) message

// newConn makes a websocket of a connection that has shaken hands.
//
//go:linkname newConn github.com/gorilla/websocket.newConn
func newConn(conn net.Conn, isServer bool, readBufferSize, writeBufferSize int, pool websocket.BufferPool, br *bufio.Reader, writeBuf []byte) *websocket.Conn
