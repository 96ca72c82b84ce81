package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/rancher/remotedialer"
)

const (
	// Three attempts, this far apart, before a cluster counts as not ready.
	healthAttempts   = 3
	healthRetryDelay = 5 * time.Second
	healthTimeout    = 45 * time.Second
)

// pingForever checks, one after another, whether each cluster answers on its steve tunnel. Like
// Rancher it gives an answer all the time in the world: an agent that takes the stream and stays
// silent stalls the check of every cluster.
func (r *rancher) pingForever(interval time.Duration) {
	for range time.Tick(interval) {
		for _, id := range r.clusters.ids() {
			r.clusters.pinged(id, r.ping(id))
		}
	}
}

func (r *rancher) ping(id string) ping {
	started := time.Now()
	result := ping{At: started}
	dial, ok := r.tunnels.dialer(stevePrefix + id)
	if !ok {
		result.Error = "no session for " + stevePrefix + id
		return result
	}
	status, _, _, err := getThrough(context.Background(), dial, "http://not-used/ping")
	result.Millis = millisSince(started)
	if err != nil {
		result.Error = err.Error()
		return result
	}
	result.Status = status
	if status != http.StatusOK {
		result.Error = fmt.Sprintf("/ping answered %d", status)
	}
	return result
}

// getThrough makes one GET on a stream of its own.
func getThrough(ctx context.Context, dial remotedialer.Dialer, url string) (int, http.Header, []byte, error) {
	client := &http.Client{Transport: &http.Transport{DialContext: dial}}
	defer client.CloseIdleConnections()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return 0, nil, nil, err
	}
	resp, err := client.Do(req)
	if err != nil {
		return 0, nil, nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 64*1024))
	return resp.StatusCode, resp.Header, body, err
}

// checkForever asks each cluster's API server for its health through the cluster tunnel. Clusters
// do not wait for one another here.
func (r *rancher) checkForever(interval time.Duration) {
	busy := make(map[string]chan struct{})
	for range time.Tick(interval) {
		for _, id := range r.clusters.ids() {
			if !r.clusters.checkable(id) {
				continue
			}
			if done, running := busy[id]; running {
				select {
				case <-done:
				default:
					continue
				}
			}
			done := make(chan struct{})
			busy[id] = done
			go func() {
				defer close(done)
				r.clusters.checked(id, r.check(id, min(healthRetryDelay, interval/healthAttempts)))
			}()
		}
	}
}

// check returns why the cluster is not ready, or nothing.
func (r *rancher) check(id string, pause time.Duration) string {
	var err error
	for attempt := range healthAttempts {
		if attempt > 0 {
			time.Sleep(pause)
		}
		if err = r.readyz(id); err == nil {
			return ""
		}
	}
	return "cluster health check failed: Failed to communicate with API server during namespace check: " + err.Error()
}

func (r *rancher) readyz(id string) error {
	target, ok := r.target(id)
	if !ok {
		return errors.New("no API server reported yet")
	}
	transport, err := target.transport()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), healthTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://"+target.api.Address+"/readyz", nil)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+target.api.Token)
	req.Header.Set("User-Agent", "rancher")
	resp, err := transport.RoundTrip(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(io.LimitReader(resp.Body, 4096))
	if resp.StatusCode/100 != 2 {
		return fmt.Errorf("/readyz answered %d: %s", resp.StatusCode, body)
	}
	return nil
}

func millisSince(start time.Time) float64 {
	return float64(time.Since(start).Microseconds()) / 1000
}
