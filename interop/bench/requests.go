package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"time"
)

// breakdown is how often there was which request, by the time it came in.
type breakdown map[string]map[string]int

// serverAgent is what the server calls itself, as Rancher does. All else is the agent's own: they
// share its account.
const serverAgent = "rancher"

// request is one that the API server had from the agents' account, by its audit log.
type request struct {
	at, answered time.Time
	verb, path   string // without query
	status       int
	agent        bool // else the server, through the tunnel
	annotates    bool // writes what the pods of a node ask for, once for each node that is new
}

// requestsIn reads an audit log. A watch is there twice, when it begins and when it ends.
func requestsIn(file string) ([]request, error) {
	log, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	var requests []request
	seen := map[string]bool{}
	lines := bufio.NewScanner(log)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var event struct {
			AuditID, Verb, RequestURI, UserAgent     string
			RequestReceivedTimestamp, StageTimestamp time.Time
			ResponseStatus                           struct{ Code int }
		}
		if err := json.Unmarshal(lines.Bytes(), &event); err != nil {
			return nil, fmt.Errorf("audit log: %w", err)
		}
		if seen[event.AuditID] {
			continue
		}
		seen[event.AuditID] = true
		path, query, _ := strings.Cut(event.RequestURI, "?")
		r := request{
			at: event.RequestReceivedTimestamp, answered: event.StageTimestamp,
			verb: event.Verb, path: path, status: event.ResponseStatus.Code,
			agent: event.UserAgent != serverAgent,
		}
		if strings.HasPrefix(path, "/api/v1/nodes/") {
			r.path = "/api/v1/nodes/NODE"
			r.annotates = r.agent && r.verb == "patch" && !strings.Contains(query, "dryRun")
		}
		requests = append(requests, r)
	}
	return requests, lines.Err()
}

// kind is what requests are told apart by in a breakdown.
func (r request) kind() string {
	return pick(r.agent, "agent", "server") + " " + r.verb + " " + r.path
}

// tally counts requests that came in [from, to).
type tally struct {
	agent, annotations, watches, server int
	kinds                               map[string]int // by who, verb and path
}

func tallyOf(requests []request, from, to time.Time) tally {
	t := tally{kinds: map[string]int{}}
	for _, r := range requests {
		if r.at.Before(from) || !r.at.Before(to) {
			continue
		}
		t.kinds[r.kind()]++
		switch {
		case !r.agent:
			t.server++
		case r.annotates:
			t.annotations++
		default:
			t.agent++
			if r.verb == "watch" {
				t.watches++
			}
		}
	}
	return t
}
