package main

import (
	"encoding/json"
	"io"
	"sync"
	"time"
)

// events writes one JSON object a line to stdout, for the program that started us.
type events struct {
	mu  sync.Mutex
	out io.Writer
}

// event is one line. Fields that do not apply are left out.
type event struct {
	Event   string    `json:"event"`
	At      time.Time `json:"at"`
	Key     string    `json:"key,omitempty"`
	Session int64     `json:"session,omitempty"`
	Cluster string    `json:"cluster,omitempty"`
	Path    string    `json:"path,omitempty"`
	Status  int       `json:"status,omitempty"`
	Target  string    `json:"target,omitempty"`
	Error   string    `json:"error,omitempty"`
}

func (e *events) emit(ev event) {
	ev.At = time.Now()
	e.line(ev)
}

// line writes any value as one line. A reader that has gone away is no reason to stop serving.
func (e *events) line(value any) {
	e.mu.Lock()
	defer e.mu.Unlock()
	encoder := json.NewEncoder(e.out)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(value)
}
