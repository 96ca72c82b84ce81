package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"
)

const (
	reportsEmpty = "empty"
	reportsChurn = "churn"

	reportStart = 100 * time.Second // of a process; what it asks for in it is counted by itself
	reportLimit = 90 * time.Second  // until a report has counted all nodes and pods

	// Nodes are annotated in passes, each 15 s after the one before. The first pass over all of them
	// is done when there was none for annotateStill; with 1,000 nodes it takes annotateGuess.
	annotateStill = 40 * time.Second
	annotateGuess = 4 * time.Minute
	annotateLimit = 10 * time.Minute

	churnRate = 5 // pods a second that go, and as many that come

	reportObject = "/api/v1/namespaces/cattle-system/configmaps/drover-cluster-report"
	podsPath     = "/api/v1/namespaces/default/pods"
)

var reportClusters = map[string]clusterSize{
	reportsEmpty: {nodes: 1, usage: true},
	"10000":      {nodes: 1000, pods: 10000, usage: true},
	"30000":      {nodes: 1000, pods: 30000, usage: true},
	reportsChurn: {nodes: 1000, pods: 10000, usage: true},
}

// measureReports measures an agent that has just been started, in a cluster that has not seen one.
func measureReports(ctx context.Context, b *bench, a *agent, name string) (outcome, error) {
	size, found := reportClusters[name], metrics{}
	whole, err := b.world.awaitReport(ctx, a, size)
	if err != nil {
		return outcome{}, err
	}
	found["whole report, s"] = whole.Seconds()
	if err := sleep(ctx, time.Until(a.started.Add(reportStart))); err != nil {
		return outcome{}, err
	}
	found["CPU-s in the start"] = cpuTime(a.pid).Seconds()
	if err := b.world.awaitAnnotated(ctx); err != nil {
		return outcome{}, err
	}

	churning, stop := context.WithCancel(ctx)
	defer stop()
	churned := make(chan error, 1)
	if name == reportsChurn {
		go func() { churned <- b.world.churn(churning, size) }()
	} else {
		churned <- nil
	}
	cpu, from := cpuTime(a.pid), time.Now()
	if err := sleep(ctx, b.options.averaged()); err != nil {
		return outcome{}, err
	}
	used, to := cpuTime(a.pid)-cpu, time.Now()
	now := memoryOf(a.pid)
	stop()
	if err := <-churned; err != nil {
		return outcome{}, fmt.Errorf("pods did not come and go: %w", err)
	}
	found["CPU %"] = 100 * used.Seconds() / to.Sub(from).Seconds()
	found["RSS MB"] = float64(now.rss) / 1e6
	found["anonymous MB"] = float64(now.anonymous) / 1e6
	found["peak MB"] = float64(now.peak) / 1e6

	requests, err := requestsIn(b.world.auditLog())
	if err != nil {
		return outcome{}, err
	}
	put, ok := firstPut(requests)
	if !ok {
		return outcome{}, errors.New("the audit log has no report")
	}
	found["report, s"] = put.answered.Sub(a.started).Seconds()
	start := tallyOf(requests, a.started, a.started.Add(reportStart))
	found["requests in the start"] = float64(start.agent)
	found["annotations in the start"] = float64(start.annotations)
	found["watches in the start"] = float64(start.watches)
	found["server's requests in the start"] = float64(start.server)
	later, minutes := tallyOf(requests, from, to), to.Sub(from).Minutes()
	found["requests a minute"] = float64(later.agent) / minutes
	found["annotations a minute"] = float64(later.annotations) / minutes
	found["server's requests a minute"] = float64(later.server) / minutes

	report, err := b.world.report(ctx)
	if err != nil {
		return outcome{}, err
	}
	found["report KiB"] = float64(report.bytes) / 1024
	return outcome{metrics: found, requests: breakdown{"start": start.kinds, "later": later.kinds}}, nil
}

// firstPut is the request that brought the first report.
func firstPut(requests []request) (request, bool) {
	for _, r := range requests {
		created := r.verb == "create" && r.path+"/drover-cluster-report" == reportObject
		if r.agent && r.status/100 == 2 && (created || r.verb == "update" && r.path == reportObject) {
			return r, true
		}
	}
	return request{}, false
}

// report is as much of a report as it takes to see whether it has counted everything.
type report struct {
	bytes     int
	Resources struct {
		NodeCount int
		PodPhases map[string]int
	}
}

// report reads what is in the cluster now.
func (w *world) report(ctx context.Context) (report, error) {
	var object struct{ Data map[string]string }
	if err := w.call(ctx, http.MethodGet, reportObject, nil, &object); err != nil {
		return report{}, err
	}
	text := object.Data["report.json"]
	r := report{bytes: len(text)}
	return r, json.Unmarshal([]byte(text), &r)
}

func (r report) has(size clusterSize) bool {
	return r.Resources.NodeCount == size.nodes && r.Resources.PodPhases["Running"] == size.pods
}

// awaitReport waits until a report has all nodes and pods, and says how long that took from the
// agent's start.
func (w *world) awaitReport(ctx context.Context, a *agent, size clusterSize) (time.Duration, error) {
	for {
		r, err := w.report(ctx)
		took := time.Since(a.started)
		var status statusError
		switch {
		case err == nil && r.has(size):
			return took, nil
		case err != nil && !(errors.As(err, &status) && status == http.StatusNotFound):
			return 0, err
		case took > reportLimit:
			return 0, fmt.Errorf("no report with %d nodes and %d pods after %s, but %+v", size.nodes, size.pods, reportLimit, r.Resources)
		}
		if err := sleep(ctx, 100*time.Millisecond); err != nil {
			return 0, err
		}
	}
}

// awaitAnnotated waits until all nodes that are new to the agent have got their annotations.
func (w *world) awaitAnnotated(ctx context.Context) error {
	for deadline := time.Now().Add(annotateLimit); time.Now().Before(deadline); {
		requests, err := requestsIn(w.auditLog())
		if err != nil {
			return err
		}
		if tallyOf(requests, time.Now().Add(-annotateStill), time.Now()).annotations == 0 {
			return nil
		}
		if err := sleep(ctx, 5*time.Second); err != nil {
			return err
		}
	}
	return fmt.Errorf("nodes are still annotated after %s", annotateLimit)
}

// churn lets pods go, the oldest first, and new ones come on other nodes.
func (w *world) churn(ctx context.Context, size clusterSize) error {
	tick := time.NewTicker(time.Second / churnRate)
	defer tick.Stop()
	for i := 0; ; i++ {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		pod := map[string]any{
			"metadata": map[string]any{"name": fmt.Sprintf("web-%d", size.pods+i), "labels": map[string]string{"app": "web"}},
			"spec": map[string]any{
				"nodeName": fmt.Sprintf("node-%d", (i*7+500)%size.nodes),
				"containers": []map[string]any{{
					"name": "app", "image": "drover.example/app:1",
					"resources": map[string]any{"requests": map[string]string{"cpu": "100m", "memory": "64Mi"}},
				}},
			},
		}
		err := errors.Join(
			w.call(ctx, http.MethodDelete, fmt.Sprintf("%s/web-%d", podsPath, i), nil, nil),
			w.call(ctx, http.MethodPost, podsPath, pod, nil))
		if err != nil && ctx.Err() == nil {
			return err
		}
	}
}
