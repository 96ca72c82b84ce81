package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

func TestHistogramKeepsValuesWithinTwoPercent(t *testing.T) {
	for d := time.Duration(1); d < time.Hour; d = d*3/2 + 1 {
		got := upper(bucketOf(d))
		if got < d || float64(got) > float64(d)*1.02+1 {
			t.Errorf("%v is counted as %v", d, got)
		}
	}
}

func TestHistogramQuantiles(t *testing.T) {
	h := histogram{}
	for i := range 1000 {
		h.add(time.Duration(i+1) * time.Millisecond)
	}
	for q, want := range map[float64]time.Duration{0.5: 500 * time.Millisecond, 0.99: 990 * time.Millisecond, 1: time.Second} {
		got := h.quantile(q)
		if got < want || float64(got) > 1.02*float64(want) {
			t.Errorf("quantile %v: %v, want about %v", q, got, want)
		}
	}
	if got := (histogram{}).quantile(0.5); got != 0 {
		t.Errorf("of nothing: %v", got)
	}
}

func TestPatternNoticesLossAndOtherStreams(t *testing.T) {
	const sent = 5 * chunkBytes
	for name, change := range map[string]func(w *walk, i int) []byte{
		"whole":          func(w *walk, _ int) []byte { return w.next(chunkBytes) },
		"a lost chunk":   func(w *walk, i int) []byte { skip(w, i == 2); return w.next(chunkBytes) },
		"another stream": func(w *walk, i int) []byte { *w = otherAfter(*w, i); return w.next(chunkBytes) },
		"a wrong byte": func(w *walk, i int) []byte {
			chunk := append([]byte{}, w.next(chunkBytes)...)
			if i == 3 {
				chunk[4711] ^= 1
			}
			return chunk
		},
	} {
		near, far := net.Pipe()
		go func() {
			w := newWalk(7919)
			for i := range sent / chunkBytes {
				if _, err := near.Write(change(&w, i)); err != nil {
					return
				}
			}
			near.Close()
		}()
		var received atomic.Int64
		err := readPattern(far, 7919, &received)
		far.Close()
		if (err == nil) != (name == "whole") {
			t.Errorf("%s: %v", name, err)
		}
		if err == nil && received.Load() != sent {
			t.Errorf("%s: %d bytes counted", name, received.Load())
		}
	}
}

func skip(w *walk, now bool) {
	if now {
		w.next(chunkBytes)
	}
}

func otherAfter(w walk, i int) walk {
	if i == 2 {
		return newWalk(2 * 7919)
	}
	return w
}

func TestRowComparesPairByPair(t *testing.T) {
	r := row{experiment: "throughput", name: "up-1", metric: "MB/s", better: higher, ratio: 1}
	var records []record
	for round, values := range [][2]float64{{100, 50}, {10, 20}, {60, 40}} { // ratios 2, 0.5, 1.5
		for side, agent := range []string{"drover", "go"} {
			records = append(records, record{
				Kind: "sample", Experiment: r.experiment, Case: r.name, Agent: agent, Round: round,
				Metrics: metrics{r.metric: values[side]},
			})
		}
	}
	l, ok := lineOf(records, r, "drover", "go")
	if !ok || l.ratios.median != 1.5 || l.ratios.least != 0.5 || l.ours.median != 60 || l.verdict != met {
		t.Errorf("%+v", l)
	}
	r.ratio = 1.6
	if l, _ = lineOf(records, r, "drover", "go"); l.verdict != missed {
		t.Errorf("with target 1.6: %+v", l)
	}
	r.name = "down-1"
	if _, ok = lineOf(records, r, "drover", "go"); ok {
		t.Error("a case that was not measured has a row")
	}
}

func TestFailuresAreShown(t *testing.T) {
	records := []record{
		{Kind: "run", Run: &runInfo{}},
		{Kind: "failure", Experiment: "stalled", Case: "up-100", Agent: "drover", Error: "it died"},
	}
	l, ok := lineOf(records, rows[len(rows)-1], "drover", "go") // of another experiment
	if ok {
		t.Errorf("%+v", l)
	}
	var lines []line
	for _, r := range rows {
		if l, ok := lineOf(records, r, "drover", "go"); ok {
			lines = append(lines, l)
		}
	}
	for _, text := range []string{asTable(&runInfo{}, records, lines, false), asMarkdown(&runInfo{}, records, lines)} {
		if !strings.Contains(text, "1 failed") {
			t.Errorf("no failure in:\n%s", text)
		}
	}
}

func TestEveryRowBelongsToACase(t *testing.T) {
	for _, r := range rows {
		if !known(r.experiment + "/" + r.name) {
			t.Errorf("row %q: no case %s/%s", r.label, r.experiment, r.name)
		}
	}
}

func TestOnlyPatterns(t *testing.T) {
	for pattern, want := range map[string]bool{
		"throughput": true, "throughput/up-*": true, "busy-echo/down-8": true, "nonsense": false, "echo/loud": false,
	} {
		if known(pattern) != want {
			t.Errorf("%s: %t", pattern, !want)
		}
	}
}

func TestRequestsOfAnAuditLog(t *testing.T) {
	const (
		ours   = `"userAgent":"fabric8-kubernetes-client/7"`
		theirs = `"userAgent":"rancher"`
	)
	line := func(id, second, verb, uri, agent string, status int) string {
		return fmt.Sprintf(`{"kind":"Event","auditID":%q,"stage":"ResponseComplete","requestURI":%q,"verb":%q,%s,`+
			`"requestReceivedTimestamp":"2026-01-02T03:04:%s.000001Z","stageTimestamp":"2026-01-02T03:04:%[5]s.500000Z",`+
			`"responseStatus":{"metadata":{},"code":%d}}`+"\n", id, uri, verb, agent, second, status)
	}
	log := filepath.Join(t.TempDir(), "audit.log")
	lines := line("1", "00", "get", "/readyz?verbose", ours, 200) +
		line("2", "01", "watch", "/api/v1/pods?watch=true", ours, 200) +
		line("2", "03", "watch", "/api/v1/pods?watch=true", ours, 200) + // its end
		line("3", "02", "patch", "/api/v1/nodes/a?dryRun=All", ours, 200) +
		line("4", "02", "patch", "/api/v1/nodes/a", ours, 200) +
		line("5", "02", "patch", "/api/v1/nodes/b", ours, 200) +
		line("6", "03", "get", "/readyz", theirs, 200) +
		line("7", "04", "create", "/api/v1/namespaces/cattle-system/configmaps", ours, 409) +
		line("8", "05", "update", reportObject, ours, 200) +
		line("9", "06", "get", "/readyz?verbose", ours, 200)
	if err := os.WriteFile(log, []byte(lines), 0o600); err != nil {
		t.Fatal(err)
	}
	requests, err := requestsIn(log)
	if err != nil {
		t.Fatal(err)
	}
	from := time.Date(2026, 1, 2, 3, 4, 0, 0, time.UTC)
	got := tallyOf(requests, from, from.Add(6*time.Second))
	if got.agent != 5 || got.watches != 1 || got.annotations != 2 || got.server != 1 || got.kinds["agent patch /api/v1/nodes/NODE"] != 3 {
		t.Errorf("%+v", got)
	}
	if put, ok := firstPut(requests); !ok || put.answered.Sub(from) != 5500*time.Millisecond {
		t.Errorf("%+v", put)
	}
}

func TestMemoryAboveThatOfTheEmptyCluster(t *testing.T) {
	sample := func(name string, mb float64) record {
		return record{Kind: "sample", Experiment: "reports", Case: name, Agent: "drover", Metrics: metrics{"RSS MB": mb}}
	}
	r := row{experiment: "reports", name: "10000", metric: "RSS MB" + aboveEmpty, better: lower, value: 96}
	records := []record{sample("10000", 200), sample("30000", 300)}
	if _, ok := lineOf(records, r, "drover", "go"); ok {
		t.Error("there is nothing to compare with")
	}
	records = append(records, sample(reportsEmpty, 110), sample(reportsEmpty, 120))
	if l, ok := lineOf(records, r, "drover", "go"); !ok || l.ours.median != 85 || l.verdict != met {
		t.Errorf("%+v", l)
	}
}

func TestAReportIsWholeWhenAllIsCounted(t *testing.T) {
	var r report
	text := `{"resources":{"nodeCount":1000,"podPhases":{"Pending":1,"Running":9999}}}`
	if err := json.Unmarshal([]byte(text), &r); err != nil {
		t.Fatal(err)
	}
	if r.has(clusterSize{nodes: 1000, pods: 10000}) || !r.has(clusterSize{nodes: 1000, pods: 9999}) {
		t.Errorf("%+v", r)
	}
}

func TestQuantileOfSingleFigures(t *testing.T) {
	values := []float64{5, 1, 4, 2, 3}
	for q, want := range map[float64]float64{0: 1, 0.5: 3, 0.99: 5, 1: 5} {
		if got := quantileOf(values, q); got != want {
			t.Errorf("quantile %v: %v, want %v", q, got, want)
		}
	}
	if got := quantileOf(nil, 0.5); got != 0 {
		t.Errorf("of nothing: %v", got)
	}
}

func TestNotOneIsMissedByOne(t *testing.T) {
	r := row{experiment: "faults", name: "fin", metric: "lost", better: lower, value: notOne}
	for value, want := range map[float64]verdict{0: met, 1: missed} {
		records := []record{{Kind: "sample", Experiment: r.experiment, Case: r.name, Agent: "drover", Metrics: metrics{r.metric: value}}}
		if l, ok := lineOf(records, r, "drover", "go"); !ok || l.verdict != want || l.target() != "0" {
			t.Errorf("%v: %+v", value, l)
		}
	}
}

func TestFaultIsNoticedWhenAllItsConnectionsAre(t *testing.T) {
	at := func(s int) time.Time { return time.Unix(int64(s), 0) }
	if got := later([]time.Time{at(3), at(1), at(2)}, 2); got != at(2) {
		t.Errorf("the second of three: %v", got)
	}
	if got := later([]time.Time{at(3)}, 2); !got.IsZero() {
		t.Errorf("the second of one: %v", got)
	}
}

func TestFaultsThatNobodyNoticedCountWithTheTimeWaited(t *testing.T) {
	out := faultCalled("hole").outcome([]suffered{
		{noticed: 14 * time.Second, good: [2]time.Duration{time.Second, 2 * time.Second}},
		{noticed: 75 * time.Second, missed: true, ended: true, err: errors.New("lost")},
	})
	for name, want := range map[string]float64{
		"repeats": 2, "unnoticed": 1, "lost": 1, "processes ended": 1, "noticed s p50": 14, "noticed s p99": 75, "steve good s max": 2,
	} {
		if got := out.metrics[name]; got != want {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
	}
}

func TestResolverAnswersWithLoopback(t *testing.T) {
	query := []byte("\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x01\x09localhost\x00\x00\x01\x00\x01and EDNS")
	answer := dnsAnswer(query)
	if len(answer) != len(query)-len("and EDNS")+16 || !bytes.HasSuffix(answer, []byte{0, 4, 127, 0, 0, 1}) || answer[7] != 1 || answer[11] != 0 {
		t.Errorf("%x", answer)
	}
	query[len(query)-len("and EDNS")-3] = 28 // AAAA
	if answer := dnsAnswer(query); len(answer) != len(query)-len("and EDNS") || answer[7] != 0 {
		t.Errorf("%x", answer)
	}
	for _, bad := range [][]byte{nil, query[:11], query[:15], answer} {
		if dnsAnswer(bad) != nil {
			t.Errorf("an answer to %x", bad)
		}
	}
}

func TestStripperPassesAllButUpgrade(t *testing.T) {
	var seen []string
	server := httptest.NewTLSServer(http.HandlerFunc(func(rw http.ResponseWriter, req *http.Request) {
		seen = append(seen, req.URL.Path, req.Header.Get("Upgrade"), req.Header.Get("X-Token"))
		rw.WriteHeader(http.StatusTeapot)
	}))
	defer server.Close()
	front := httptest.NewServer(stripping(server.Listener.Addr().String(), server.Client().Transport))
	defer front.Close()
	req, err := http.NewRequest(http.MethodGet, front.URL+"/v3/connect", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header = http.Header{"Upgrade": {"websocket"}, "Connection": {"Upgrade"}, "X-Token": {"t"}}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusTeapot || !slices.Equal(seen, []string{"/v3/connect", "", "t"}) {
		t.Errorf("%d %q", resp.StatusCode, seen)
	}
}

func TestMostArrivalsInAnyStretch(t *testing.T) {
	for want, values := range map[int][]float64{0: nil, 1: {1, 2, 3}, 2: {0.9, 0, 0.95, 2}, 3: {5, 5.05, 5.09, 5.2}} {
		if got := most(values, 0.1); got != want {
			t.Errorf("%v: %d, want %d", values, got, want)
		}
	}
	found := arrivals([]float64{0, 5, 10, 15, 20})
	if found["spread s"] != 20 || found["mean s"] != 10 || found["last s"] != 20 {
		t.Errorf("%v", found)
	}
}

func TestFullBacklogAnswersNobody(t *testing.T) {
	address, done, err := fullBacklog()
	if err != nil {
		t.Fatal(err)
	}
	defer done()
	if conn, err := net.DialTimeout("tcp", address, 200*time.Millisecond); err == nil {
		conn.Close()
		t.Error("it answers")
	}
}

func TestStreamsThatWereNotToBeHadAreLeftOut(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	var accepted atomic.Int64
	go acceptAll(listener, func(conn net.Conn) {
		if accepted.Add(1) > 5 {
			conn.Close()
			return
		}
		_, _ = io.Copy(conn, conn)
	})
	conns, err := openStreams(t.Context(), listener.Addr().String(), 8)
	for _, conn := range conns {
		conn.Close()
	}
	if len(conns) != 5 || err == nil {
		t.Errorf("%d streams, %v", len(conns), err)
	}
}

func TestQuickLeavesOutWhatIsLongUnlessItIsNamed(t *testing.T) {
	for _, one := range []struct {
		o    options
		name string
		want bool
	}{
		{options{}, "stalled/up-1000", true}, {options{quick: true}, "stalled/up-1000", false},
		{options{quick: true}, "stalled/up-100", true}, {options{quick: true}, "churn/full", false},
		{options{quick: true, only: []string{"stalled"}}, "stalled/up-1000", true},
		{options{}, "faults/fin", false}, {options{only: []string{"faults"}}, "faults/fin", true},
	} {
		experiment, name, _ := strings.Cut(one.name, "/")
		for _, e := range experiments {
			if e.name == experiment && one.o.wants(e, name) != one.want {
				t.Errorf("%+v wants %s: %t", one.o, one.name, !one.want)
			}
		}
	}
}

func TestSoakExcusesWhatWasAskedBeforeTheEndOfAFault(t *testing.T) {
	s := &soak{bench: &bench{show: newProgress(0)}}
	failed := errors.New("no echo")
	s.calm(true)
	s.tell(time.Now(), nil)
	s.tell(time.Now(), failed)
	if s.asked.Load() != 2 || s.failed.Load() != 1 || s.excused.Load() != 0 {
		t.Errorf("without a fault: asked %d, failed %d, excused %d", s.asked.Load(), s.failed.Load(), s.excused.Load())
	}
	s.calm(false)
	during := time.Now()
	s.tell(during, failed)
	s.calm(true)
	s.tell(during, failed)
	if s.failed.Load() != 1 || s.excused.Load() != 2 {
		t.Errorf("in a fault, and asked in it: failed %d, excused %d", s.failed.Load(), s.excused.Load())
	}
	s.tell(time.Now(), failed)
	if s.failed.Load() != 2 {
		t.Errorf("after it: failed %d", s.failed.Load())
	}
}

func TestRelayCountsWhatPassesEachWay(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	go acceptAll(listener, func(conn net.Conn) {
		_, _ = io.CopyN(io.Discard, conn, 5)
		_, _ = conn.Write([]byte("abc"))
		conn.Close()
	})
	r, err := newRelay(listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer r.close()
	conn, err := net.Dial("tcp", r.address())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Write([]byte("hello")); err != nil {
		t.Fatal(err)
	}
	if answer, err := io.ReadAll(conn); err != nil || string(answer) != "abc" {
		t.Fatalf("%q, %v", answer, err)
	}
	if r.passed[up].Load() != 5 || r.passed[down].Load() != 3 {
		t.Errorf("%d bytes up, %d down", r.passed[up].Load(), r.passed[down].Load())
	}
}

func TestGatewayIsShownAbovePlainPairByPair(t *testing.T) {
	sample := func(agent string, round int, value float64) record {
		return record{
			Kind: "sample", Experiment: "gateway", Case: "watches", Agent: agent, Round: round, Metrics: metrics{"RSS MB": value},
		}
	}
	records := []record{sample("gateway", 0, 110), sample("plain", 0, 100), sample("plain", 1, 90), sample("gateway", 1, 104), sample("gateway", 2, 300)}
	r := row{"", "", "gateway", "watches", "RSS MB" + abovePlain, lower, 0, 12, ""}
	l, ok := lineOf(records, r, gatewayNames[0], gatewayNames[1])
	if !ok || l.ours.n != 2 || l.ours.median != 12 || l.theirs.n != 0 || l.verdict != met {
		t.Errorf("got %+v", l)
	}
}

func TestTheGoClientIsToldOfAllCores(t *testing.T) {
	t.Setenv(pinnedMark, "8") // as in a bench that is kept to one core
	command, err := goAgent(&world{directory: t.TempDir()}, seat{"c-1", "https://127.0.0.1:1"}, "go-agent")
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Contains(command.Env, "GOMAXPROCS=8") {
		t.Errorf("environment: %q", command.Env)
	}
}
