package main

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// queues are bytes that wait in the kernel on the way between agent and server: latency that no
// agent can take back, only avoid.
type queues struct{ agentSend, serverReceive, serverSend, agentReceive int64 }

// queuesAt sums them over all connections with the server's port.
func queuesAt(port int) queues {
	var q queues
	for _, file := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		content, _ := os.ReadFile(file)
		for line := range strings.Lines(string(content)) {
			fields := strings.Fields(line)
			if len(fields) < 5 || fields[3] != "01" { // established
				continue
			}
			sendText, receiveText, _ := strings.Cut(fields[4], ":")
			send, _ := strconv.ParseInt(sendText, 16, 64)
			receive, _ := strconv.ParseInt(receiveText, 16, 64)
			switch port {
			case portOf(fields[1]):
				q.serverSend, q.serverReceive = q.serverSend+send, q.serverReceive+receive
			case portOf(fields[2]):
				q.agentSend, q.agentReceive = q.agentSend+send, q.agentReceive+receive
			}
		}
	}
	return q
}

// connectionsTo counts those of a process to a port.
func connectionsTo(pid, port int) int {
	own := map[string]bool{}
	directory := fmt.Sprintf("/proc/%d/fd", pid)
	entries, _ := os.ReadDir(directory)
	for _, entry := range entries {
		target, _ := os.Readlink(filepath.Join(directory, entry.Name()))
		if inode, isSocket := strings.CutPrefix(target, "socket:["); isSocket {
			own[strings.TrimSuffix(inode, "]")] = true
		}
	}
	count := 0
	for _, file := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		content, _ := os.ReadFile(file)
		for line := range strings.Lines(string(content)) {
			fields := strings.Fields(line)
			if len(fields) > 9 && fields[3] == "01" && portOf(fields[2]) == port && own[fields[9]] {
				count++
			}
		}
	}
	return count
}

func portOf(address string) int {
	_, text, _ := strings.Cut(address, ":")
	port, _ := strconv.ParseInt(text, 16, 32)
	return int(port)
}

// watchQueues samples until stop is called, which gives the medians in KiB.
func watchQueues(serverURL string) (stop func() metrics) {
	location, err := url.Parse(serverURL)
	if err != nil {
		return func() metrics { return nil }
	}
	port, _ := strconv.Atoi(location.Port())
	quit, done := make(chan struct{}), make(chan struct{})
	var seen [4][]float64
	go func() {
		defer close(done)
		for {
			select {
			case <-quit:
				return
			case <-time.After(50 * time.Millisecond):
			}
			q := queuesAt(port)
			for i, bytes := range []int64{q.agentSend, q.serverReceive, q.serverSend, q.agentReceive} {
				seen[i] = append(seen[i], float64(bytes)/1024)
			}
		}
	}()
	return func() metrics {
		close(quit)
		<-done
		found := metrics{}
		for i, name := range []string{"agent's send queue KiB", "server's receive queue KiB", "server's send queue KiB", "agent's receive queue KiB"} {
			if len(seen[i]) > 0 {
				found[name] = median(seen[i])
			}
		}
		return found
	}
}
