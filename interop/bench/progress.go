package main

import (
	"fmt"
	"os"
	"time"
)

// progress says on stderr what is being done and how long all of it will still take.
type progress struct {
	started  time.Time
	estimate time.Duration
	terminal bool
}

func newProgress(estimate time.Duration) *progress {
	p := &progress{started: time.Now(), estimate: estimate, terminal: isTerminal(os.Stderr)}
	p.say(fmt.Sprintf("this will take about %s", clock(estimate)))
	return p
}

func isTerminal(file *os.File) bool {
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0 && os.Getenv("TERM") != "dumb"
}

// say writes a line that stays.
func (p *progress) say(text string) {
	if p.terminal {
		fmt.Fprint(os.Stderr, "\r\x1b[K")
	}
	fmt.Fprintf(os.Stderr, "bench: %s\n", text)
}

// step names what is measured now; on a terminal the line is overwritten by the next.
func (p *progress) step(text string) {
	left := max(0, p.estimate-time.Since(p.started))
	if p.terminal {
		fmt.Fprintf(os.Stderr, "\r\x1b[K%s left  %s", clock(left), text)
	} else {
		fmt.Fprintf(os.Stderr, "bench: %s left  %s\n", clock(left), text)
	}
}

func (p *progress) done() {
	if p.terminal {
		fmt.Fprint(os.Stderr, "\r\x1b[K")
	}
}

func clock(d time.Duration) string {
	seconds := int(d.Seconds() + 0.5)
	return fmt.Sprintf("%d:%02d", seconds/60, seconds%60)
}
