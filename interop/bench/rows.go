package main

import "strings"

// row is one line of the table: a metric of a case, for both sides.
type row struct {
	section    string
	label      string
	experiment string
	name       string // case
	metric     string
	better     direction
	// A target for the ratio (ours to theirs) or for our value; 0: there is none, and see notOne.
	ratio, value float64
	stock        string // the stock agent, from its own measurement; not of this run
}

// notOne is the target for a value that shall be 0.
const notOne = -1

type direction int

const (
	neither direction = iota // for information
	higher
	lower
)

// rows in the order of the table. Figures of the stock agent are those of the project's
// measurement of Rancher v2.15.0's agent, on a machine like this one but under other load.
var rows = func() []row {
	var list []row
	add := func(r row) { list = append(list, r) }

	stock := map[string]string{
		"down-1": "51–140", "down-4": "90–130", "down-16": "137–175",
		"up-1": "170–198", "up-4": "170–198", "up-16": "170–198",
	}
	labels := map[string]string{
		"down-1": "1 stream down", "down-4": "4 streams down", "down-16": "16 streams down", "down-64": "64 streams down",
		"up-1": "1 stream up", "up-4": "4 streams up", "up-16": "16 streams up", "up-64": "64 streams up",
		bothCase: "16 down and 16 up at once",
	}
	cases := []string{"down-1", "down-4", "down-16", "down-64", "up-1", "up-4", "up-16", "up-64", bothCase}
	for _, name := range cases {
		add(row{"Throughput, MB/s", labels[name], "throughput", name, "MB/s", higher, 1.2, 0, stock[name]})
	}
	add(row{"Throughput, MB/s", "… longest stall of one way, s", "throughput", bothCase, "longest stall s", lower, 0, bothStallMax, ""})
	add(row{"Throughput, MB/s", "… sessions that were frozen after it", "throughput", bothCase, "frozen afterwards", lower, 0, notOne, ""})
	for _, name := range cases {
		add(row{"Agent's CPU, s per GB", labels[name], "throughput", name, "agent CPU-s/GB", lower, 0.6, 0, "4.1–4.9"})
	}
	for _, name := range cases {
		add(row{"Server's CPU, s per GB", labels[name], "throughput", name, "server CPU-s/GB", lower, 0, 0, ""})
	}
	for _, name := range []string{"down-4", "down-16", "down-64", "up-4", "up-16", "up-64"} {
		// Of 16 the fastest shall have no more than 1.3 times what the slowest has.
		share := pick(strings.HasSuffix(name, "-16"), 1/1.3, 0)
		add(row{"Slowest stream's share of the fastest", labels[name], "throughput", name, "slowest/fastest", higher, 0, share, ""})
	}

	const echo = "Latency, ms"
	add(row{echo, "echo 64 B, p50", "echo", "quiet", "p50 ms", lower, 0, 0, ""})
	add(row{echo, "echo 64 B, p99", "echo", "quiet", "p99 ms", lower, 1.2, 0, ""})
	add(row{echo, "dial + echo, p50", "dial", "quiet", "p50 ms", lower, 0, 0, ""})
	add(row{echo, "dial + echo, p99", "dial", "quiet", "p99 ms", lower, 1.2, 0, ""})
	add(row{echo, "echo beside 8 downloads, p50", "busy-echo", "down-8", "p50 ms", lower, 0, 0, "120"})
	add(row{echo, "echo beside 8 downloads, p99", "busy-echo", "down-8", "p99 ms", lower, 0, 5, "279"})
	add(row{echo, "… without tunnel, beside the same", "busy-echo", "down-8", "direct p99 ms", neither, 0, 0, "10.7"})
	add(row{echo, "… MB/s of the 8 meanwhile", "busy-echo", "down-8", "bulk MB/s", higher, 0, 0, ""})
	add(row{echo, "… KiB in the agent's send queue", "busy-echo", "down-8", "agent's send queue KiB", neither, 0, 0, ""})
	add(row{echo, "… KiB in the server's receive queue", "busy-echo", "down-8", "server's receive queue KiB", neither, 0, 0, ""})
	add(row{echo, "echo beside 1 download, p99", "busy-echo", "down-1", "p99 ms", lower, 0, 5, ""})
	add(row{echo, "echo beside 8 uploads, p50", "busy-echo", "up-8", "p50 ms", lower, 0, 0, ""})
	add(row{echo, "echo beside 8 uploads, p99", "busy-echo", "up-8", "p99 ms", lower, 0, 5, ""})
	add(row{echo, "… MB/s of the 8 meanwhile", "busy-echo", "up-8", "bulk MB/s", higher, 0, 0, ""})

	add(row{echo, "… KiB in the server's send queue", "busy-echo", "up-8", "server's send queue KiB", neither, 0, 0, ""})
	add(row{echo, "… KiB in the agent's receive queue", "busy-echo", "up-8", "agent's receive queue KiB", neither, 0, 0, ""})

	add(row{echo, "echo beside 1 upload, p99", "busy-echo", "up-1", "p99 ms", lower, 0, 5, ""})
	add(row{echo, "/ping beside 16 downloads and 500 echoes/s, p50", "ping", "busy", "p50 ms", lower, 0, 0, ""})
	add(row{echo, "/ping beside the same, p99", "ping", "busy", "p99 ms", lower, 0, 20, ""})
	add(row{echo, "/ping beside the same, longest", "ping", "busy", "max ms", lower, 0, 200, ""})
	add(row{echo, "… p99 of the echoes meanwhile", "ping", "busy", "echo p99 ms", neither, 0, 0, ""})

	const start = "Start, s"
	add(row{start, "exec to both tunnels up, 2 cores", "start", "free", "both tunnels, s", lower, 0, 1.2, "2.8–12"})
	add(row{start, "exec to cluster tunnel up, 2 cores", "start", "free", "cluster tunnel, s", lower, 0, 0, "0.7–1.2"})
	add(row{start, "RSS then, MB", "start", startFree, "RSS then, MB", lower, 0, 96 * mib / 1e6, "237"})
	add(row{start, "exec to both tunnels up, one core", "start", "one-core", "both tunnels, s", lower, 0, 0, ""})
	add(row{start, "CPU-s until then, one core", "start", "one-core", "CPU-s", lower, 0, 0, ""})

	const rolling = "Rolling update"
	add(row{rolling, "failed of 20 dials, 1 a second", "rolling-update", "1", "failed dials", lower, 0, 0, ""})
	add(row{rolling, "failed of 2,000 dials, 100 a second", "rolling-update", "100", "failed dials", lower, 0, 0, ""})

	const idle = "Idle"
	add(row{idle, "RSS, MB", "rss", "idle", "RSS MB", lower, 0, 130, "235–240"})
	add(row{idle, "… of it anonymous", "rss", "idle", "anonymous MB", lower, 0, 0, "81–87"})
	add(row{idle, "CPU-s a minute", "rss", "idle", "CPU-s per minute", lower, 0, 0, "0.46–0.63"})

	for _, one := range [][3]string{{"5000", "5,000 idle streams", "16.6"}, {"20000", "20,000 idle streams", ""}} {
		name, section := one[0], one[1]
		add(row{section, "KiB each", "streams", name, "KiB per stream", lower, 0, 8, one[2]})
		add(row{section, "KiB each, at the peak", "streams", name, "peak KiB per stream", lower, 0, 0, ""})
		add(row{section, "MiB kept after closing", "streams", name, "after closing, MiB", lower, 0, 0, ""})
		add(row{section, "opened per second", "streams", name, "opened per second", higher, 0, 0, ""})
		add(row{section, "refused or failed", "streams", name, "refused", lower, 0, notOne, ""})
		add(row{section, "not opened, for lack of descriptors too", "streams", name, "not opened", neither, 0, 0, ""})
	}

	for _, one := range [][3]string{
		{"100 stalled uploads", "up-100", "460 MB in all"}, {"100 stalled downloads", "down-100", "639 MB in all"},
		{"1,000 stalled uploads", "up-1000", ""}, {"1,000 stalled downloads", "down-1000", ""},
	} {
		all := func(text string) string { return pick(one[2] == "", "", text) }
		add(row{one[0], "peak, MiB above before", "stalled", one[1], "peak MiB", lower, 0, 32, one[2]})
		add(row{one[0], "longest echo beside them as they stall, ms", "stalled", one[1], "longest echo, ms", lower, 0, 0, ""})
		add(row{one[0], "one dial + echo beside them, ms", "stalled", one[1], "echo beside, ms", lower, 0, 0, ""})
		add(row{one[0], "MiB moved per stream before it blocked", "stalled", one[1], "sent per stream MiB", neither, 0, 0, ""})
		add(row{one[0], "streams that ended by themselves", "stalled", one[1], "ended by themselves", lower, 0, notOne, ""})
		add(row{one[0], "MiB kept after closing", "stalled", one[1], "after closing, MiB", lower, 0, 0, all("all of it")})
		add(row{one[0], "RSS then, of that before", "stalled", one[1], "after closing, of before", lower, 0, 1.1, ""})
		add(row{one[0], "descriptors kept after closing", "stalled", one[1], "descriptors left", lower, 0, 0, all("all of them")})
	}

	const isolation = "Beside 20 uploads that stand still"
	add(row{isolation, "MB/s of 16 others", "isolation", "uploads", "MB/s", higher, 0, 0, ""})
	add(row{isolation, "longest echo, ms", "isolation", "uploads", "longest echo, ms", lower, 0, 0, ""})

	const churn = "Churn"
	add(row{churn, "streams opened and closed per second", "churn", "full", "per second", higher, 0, 2000, ""})
	add(row{churn, "streams in all", "churn", "full", "streams", neither, 0, 0, ""})
	add(row{churn, "… of them closed without a cause", "churn", "full", "closed falsely", lower, 0, notOne, ""})
	add(row{churn, "of 50 streams beside them, lost", "churn", "full", "steady lost", lower, 0, notOne, ""})

	for _, one := range [][2]string{
		{dialForbidden, "Dials that are not allowed, 100 a second"}, {dialRefused, "Dials that are refused, 100 a second"}, {dialFailing, "Dials that fail, 100 a second"},
		{dialBlackHole, "Dials without an answer, 100 a second"},
	} {
		add(row{one[1], "of 50 streams beside them, lost", "bad-dials", one[0], "steady lost", lower, 0, notOne, ""})
		add(row{one[1], "dials", "bad-dials", one[0], "dials", neither, 0, 0, ""})
		add(row{one[1], "… that the agent said nothing of in 5 s", "bad-dials", one[0], "unanswered", neither, 0, 0, ""})
	}

	for _, f := range faults {
		section := "Fault: " + f.label
		add := func(label, metric string, better direction, target float64) {
			add(row{section, label, "faults", f.name, metric, better, 0, target, ""})
		}
		if f.hits == 0 {
			add("agents that gave a connection up", "gave up", lower, notOne)
		} else if !f.names { // without a name nobody arrives anywhere
			add("noticed after, s, p50", "noticed s p50", lower, 0)
			add("noticed after, s, p99", "noticed s p99", lower, 15)
			add("agents that did not notice it", "unnoticed", neither, 0)
		}
		add("first good request, s after its end, p50", "good s p50", lower, 0)
		add("first good request, s after its end, p99", "good s p99", lower, 20)
		add("… on the steve tunnel, p50", "steve good s p50", lower, 0)
		add("… on the steve tunnel, p99", "steve good s p99", lower, 20)
		add("agents that did not come back", "lost", lower, notOne)
		add("processes that ended", "processes ended", lower, notOne)
	}

	for _, one := range []struct {
		name, label  string
		spread, last float64
		mean         float64
	}{
		{herdRestart, "1,000 agents, server restarted", 18, 25, 10},
		{herdAway, "1,000 agents, server away for 10 min", 0, 75, 0},
	} {
		add := func(label, metric string, better direction, target float64) {
			add(row{one.label, label, "herd", one.name, metric, better, 0, target, ""})
		}
		add("5 to 95 % of them within, s", "spread s", higher, one.spread)
		add("most of them in any 100 ms", "peak in 100 ms", lower, pick(one.name == herdRestart, 20.0, 0))
		add("mean, s", "mean s", lower, one.mean)
		add("the last of them, s", "last s", lower, one.last)
		add("not back in 2 min", "missing", lower, notOne)
	}

	const fleet = "A fleet on the reference server"
	for _, one := range []struct {
		label, metric string
		better        direction
		target        float64
	}{
		{"clusters", "clusters", neither, 0},
		{"descriptors that a process may have", "descriptor limit", neither, 0},
		{"clusters made by the API per second", "created per second", neither, 0},
		{"all active, s after their agents' start", "all active s", lower, 0},
		{"never active", "never active", lower, notOne},
		{"server's RSS, MB", "RSS MB", lower, 1500},
		{"… of it without a cluster", "empty RSS MB", neither, 0},
		{"… KiB per cluster", "KiB per cluster", neither, 0},
		{"… at its peak, all of the run", "peak RSS MB", lower, 1500},
		{"server's CPU, % of a core", "CPU %", neither, 0},
		{"server's threads", "threads", neither, 0},
		{"server's descriptors", "descriptors", neither, 0},
		{"longest round of pings, s", "ping round s", lower, 15},
		{"oldest answer to a ping, s", "ping age s", neither, 0},
		{"not active at some time, while idle", "not active while idle", lower, notOne},
		{"list of all clusters, ms", "list ms", neither, 0},
		{"… MB", "list MB", neither, 0},
		{"/metrics, ms", "metrics ms", neither, 0},
		{"… MB", "metrics MB", neither, 0},
		{"events until a page knows all, ms", "events whole ms", neither, 0},
		{"server's CPU with one page open, % of a core", "CPU % with a page", neither, 0},
		{"killed: server answers again after, s", "server up again s", neither, 0},
		{"… all active again after, s", "all active again s", lower, 60},
		{"… never active again", "never active again", lower, notOne},
		{"… 5 to 95 % of the tunnels within, s", "spread s", neither, 0},
		{"… most tunnels in any 100 ms", "peak in 100 ms", neither, 0},
		{"… the last tunnel, s", "last s", neither, 0},
		{"… handshakes refused, or done twice", "handshake errors", lower, notOne},
		{"… checks that were not made", "failed checks", lower, notOne},
		{"… clusters called disconnected meanwhile", "called disconnected", neither, 0},
		{"half-open session: first good request, s after the new one", "good after new session s", lower, 1},
		{"… longest round of pings beside 20 of them, s", "ping round beside frozen s", lower, 15},
	} {
		add(row{fleet, one.label, "fleet", fleetAll, one.metric, one.better, 0, one.target, ""})
	}

	const day = "Idle for an hour, reckoned for a day"
	add(row{day, "CPU-s", "day", "idle", "CPU-s a day", lower, 0, 60, "660–910"})
	add(row{day, "MB between agent and server", "day", "idle", "MB a day", lower, 0, 5, ""})

	const soak = "Soak"
	add(row{soak, "faults", "soak", "faults", "faults", neither, 0, 0, ""})
	add(row{soak, "GB moved in bursts", "soak", "faults", "GB", neither, 0, 0, ""})
	add(row{soak, "echoes, dials, pings and bursts", "soak", "faults", "asked", neither, 0, 0, ""})
	add(row{soak, "… of them failed without a fault", "soak", "faults", "failed", lower, 0, notOne, ""})
	add(row{soak, "… of them ended by a fault", "soak", "faults", "failed in a fault", neither, 0, 0, ""})
	add(row{soak, "faults without a return", "soak", "faults", "lost", lower, 0, notOne, ""})
	add(row{soak, "processes that ended", "soak", "faults", "processes ended", lower, 0, notOne, ""})
	for _, one := range [][2]string{{"heap MB", "live heap, MB"}, {"RSS MB", "RSS, MB"}, {"threads", "threads"}, {"descriptors", "descriptors"}} {
		add(row{soak, one[1], "soak", "faults", one[0], neither, 0, 0, ""})
		add(row{soak, "… of that after the first 5 min", "soak", "faults", one[0] + " of before", lower, 0, 1.02, ""})
	}

	const gateway = "Gateway, and in the second column the plain pipe"
	add(row{gateway, "short request, kept connection, p50, ms", "gateway", "requests", "p50 ms", neither, 0, 0, ""})
	add(row{gateway, "… above the plain pipe, ms", "gateway", "requests", "p50 ms" + abovePlain, lower, 0, 0.5, ""})
	add(row{gateway, "short request, kept connection, p99, ms", "gateway", "requests", "p99 ms", lower, 2, 0, ""})
	add(row{gateway, "dial + TLS + request, p50, ms", "gateway", "requests", "dial p50 ms", lower, 0, 0, ""})
	add(row{gateway, "dial + TLS + request, p99, ms", "gateway", "requests", "dial p99 ms", lower, 0, 0, ""})
	add(row{gateway, "short requests per second", "gateway", "requests", "per second", higher, 0, 1000, ""})
	add(row{gateway, "… cores of the agent meanwhile", "gateway", "requests", "agent cores", neither, 0, 0, ""})
	add(row{gateway, "RSS at 200 watches, MB", "gateway", "watches", "RSS MB", neither, 0, 0, ""})
	add(row{gateway, "… above the plain pipe, MB", "gateway", "watches", "RSS MB" + abovePlain, lower, 0, 12, ""})
	add(row{gateway, "connections to the API server at 200 watches", "gateway", "watches", "connections", lower, 0, 0, ""})
	add(row{gateway, "bulk, agent's CPU, s per GB", "gateway", "bulk", "CPU-s/GB", lower, 2.2, 0, ""})
	add(row{gateway, "… MB/s, of which kube-apiserver is the limit", "gateway", "bulk", "MB/s", higher, 0, 0, ""})

	const cold = "First minute of a process"
	add(row{cold, "MB/s, 4 streams down and up in turns", "cold", "minute", "MB/s", higher, 0, 0, ""})
	add(row{cold, "agent's CPU, s per GB", "cold", "minute", "agent CPU-s/GB", lower, 1.2, 0, ""})
	add(row{cold, "MB/s in its first 5 s (down)", "cold", "minute", "MB/s in the first 5 s", higher, 0, 0, ""})
	add(row{cold, "agent's CPU, s per GB, in these", "cold", "minute", "agent CPU-s/GB in the first 5 s", lower, 0, 0, ""})

	for _, one := range []struct{ name, label string }{
		{reportsEmpty, "1 node, no pods"}, {"10000", "1,000 nodes, 10,000 pods"}, {"30000", "1,000 nodes, 30,000 pods"},
		{reportsChurn, "1,000 nodes, 10,000 pods, 5/s come and go"},
	} {
		section := "Reports: " + one.label
		report := func(label, metric string, better direction, target float64, stock string) {
			add(row{section, label, "reports", one.name, metric, better, 0, target, stock})
		}
		// What is aimed at is said for 10,000 pods, and for a cluster in which nothing happens.
		usual, quiet := one.name == "10000", one.name != reportsChurn
		empty := func(text string) string { return pick(one.name == reportsEmpty, text, "") }
		report("exec to the report in the cluster, s", "report, s", lower, 10, "")
		report("… with all nodes and pods in it", "whole report, s", lower, 0, "")
		report("report, KiB", "report KiB", lower, 64, "")
		report("requests in the first 100 s", "requests in the start", lower, 60, empty("694"))
		report("… watches among them", "watches in the start", neither, 0, empty("84"))
		report("… besides, annotations of new nodes", "annotations in the start", neither, 0, "")
		report("… besides, the server's own, by the tunnel", "server's requests in the start", neither, 0, empty("62"))
		report("CPU-s in the first 100 s", "CPU-s in the start", lower, 0, "")
		report("requests a minute, later", "requests a minute", lower, pick(quiet, 6.0, 0), empty("30"))
		report("… besides, annotations of nodes", "annotations a minute", neither, 0, "")
		report("CPU, % of a core, later", "CPU %", lower, pick(usual, 1.0, 0), empty("0.77–1.05"))
		report("RSS, MB", "RSS MB", lower, 0, empty("235–240"))
		if one.name != reportsEmpty {
			report("… above that of the first", "RSS MB"+aboveEmpty, lower, pick(usual, 96.0, 0), "")
			report("peak of RSS, above that of the first", "peak MB"+aboveEmpty, lower, 0, "")
		}
	}
	return list
}()
