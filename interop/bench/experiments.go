package main

import (
	"strings"
	"time"
)

// experiments in the order in which they run and are shown. A new one needs an entry here, and
// rows in rows.go.
var experiments = []*experiment{
	{
		name: "throughput", about: "bulk through 1, 4, 16 and 64 streams, down (agent to server) and up, and 16 each way at once; CPU per GB",
		cases: []string{"down-1", "down-4", "down-16", "down-64", "up-1", "up-4", "up-16", "up-64", bothCase},
		pairs: allPairs, takes: func(o options, name string) time.Duration {
			return pick(name == bothCase, 2*o.slot(), o.slot()) + rampUp + 200*time.Millisecond
		},
		measure: measureThroughput,
	},
	{
		name: "echo", about: "64 bytes there and back on open streams, 400 a second",
		cases: []string{"quiet"},
		pairs: allPairs, takes: func(o options, _ string) time.Duration { return latencySlot(o) }, measure: measureEcho,
	},
	{
		name: "dial", about: "a new stream, 64 bytes there and back, close; 100 a second",
		cases: []string{"quiet"},
		pairs: allPairs, takes: func(o options, _ string) time.Duration { return latencySlot(o) }, measure: measureDial,
	},
	{
		name: "busy-echo", about: "echo beside 8 bulk streams, and beside 1",
		cases: []string{"down-8", "up-8", "down-1", "up-1"},
		pairs: allPairs, takes: func(o options, _ string) time.Duration { return latencySlot(o) + rampUp }, measure: measureBusyEcho,
	},
	{
		name: "ping", about: "/ping on the steve tunnel beside 16 downloads and 500 echoes a second",
		cases: []string{"busy"},
		pairs: allPairs, takes: func(o options, _ string) time.Duration { return latencySlot(o) + rampUp }, measure: measurePing,
	},
	{
		name: "start", about: "from exec until the server has both tunnels; on all cores, and on one", fresh: true,
		cases: []string{startFree, "one-core"},
		pairs: allPairs, takes: func(options, string) time.Duration { return 0 }, measure: measureStart,
	},
	{
		name: "rolling-update", about: "dials that fail while one process takes over from another", fresh: true,
		cases: []string{"1", "100"},
		pairs: memoryPairs, takes: func(options, string) time.Duration { return rollingLength }, measure: measureRollingUpdate,
	},
	{
		name: "rss", about: "memory and CPU of an idle agent", fresh: true,
		cases: []string{"idle"},
		pairs: memoryPairs, takes: func(o options, _ string) time.Duration { return idleWait(o) }, measure: measureIdle,
	},
	{
		name: "streams", about: "memory of 5,000 idle streams, and of 20,000", fresh: true,
		cases: []string{"5000", "20000"}, long: []string{"20000"},
		pairs: memoryPairs, takes: func(o options, name string) time.Duration {
			return 2*settleWait(o) + pick(name == "5000", 8*time.Second, 30*time.Second)
		},
		measure: measureStreams,
	},
	{
		name: "stalled", about: "memory with 100 uploads that nobody reads, and 100 downloads; with 1,000", fresh: true,
		cases: []string{"up-100", "down-100", "up-1000", "down-1000"}, long: []string{"up-1000", "down-1000"},
		pairs: memoryPairs, takes: func(o options, name string) time.Duration {
			return settleWait(o) + pick(strings.HasSuffix(name, "-1000"), 40*time.Second, 6*time.Second) + stallWait + closeWait(o)
		},
		measure: measureStalled,
	},
	{
		name: "isolation", about: "16 uploads and an echo beside 20 uploads that stand still", fresh: true, own: true,
		cases: []string{"uploads"},
		pairs: func(options) int { return 1 }, takes: isolationTakes, measure: measureIsolation,
	},
	{
		name: "churn", about: "streams opened and closed all the time, beside 50 that stay; those that end without a cause",
		fresh: true, fullOnly: true, cases: []string{"full"},
		pairs: func(options) int { return 1 },
		takes: func(o options, _ string) time.Duration { return churnLength(o) }, measure: measureChurn,
	},
	{
		name: "bad-dials", about: "100 dials a second that are not allowed, are refused, fail or get no answer, beside 50 streams that must not notice",
		fresh: true, fullOnly: true, cases: []string{dialForbidden, dialRefused, dialFailing, dialBlackHole},
		pairs: func(options) int { return 1 },
		takes: func(o options, _ string) time.Duration { return badLength(o) + badLimit }, measure: measureBadDials,
	},
	{
		name: "faults", about: "time until a fault is noticed, and from its end to the first good request; needs root for no-dns",
		fresh: true, own: true, named: true, cases: faultNames(),
		possible: func(_ options, name string) bool { return !faultCalled(name).names || mayMount() },
		pairs:    func(options) int { return 1 },
		takes:    func(o options, name string) time.Duration { return faultCalled(name).takes(o) },
		measure:  measureFaults,
	},
	{
		name: "herd", about: "when 1,000 agents come back to a server that was restarted, or away for 10 min",
		fresh: true, own: true, fullOnly: true, cases: []string{herdRestart, herdAway},
		possible: func(o options, _ string) bool { return o.against == "" },
		pairs:    func(options) int { return 1 },
		takes:    func(o options, name string) time.Duration { return 40*time.Second + herdDown(o, name) + herdGuess },
		measure:  measureHerd,
	},
	{
		name: "fleet", about: "our reference server with the agents of 2,000 clusters (see --fleet-clusters): what they cost it, and what becomes of them when it is killed",
		fresh: true, own: true, named: true, alone: true, cases: []string{fleetAll},
		pairs: func(options) int { return 1 }, takes: fleetTakes, measure: measureFleet,
	},
	{
		name: "day", about: "what an idle agent costs in an hour, reckoned for a day", fresh: true, own: true, named: true,
		cases: []string{"idle"},
		pairs: func(options) int { return 1 },
		takes: func(o options, _ string) time.Duration { return daySettle(o) + dayLength(o) }, measure: measureDay,
	},
	{
		name: "soak", about: "our agent under load and faults by chance, for hours (see --soak): what it keeps of that",
		fresh: true, own: true, named: true, alone: true, cases: []string{"faults"},
		pairs: func(options) int { return 1 },
		takes: func(o options, _ string) time.Duration { return soakTakes(o) }, measure: measureSoak,
	},
	{
		name: "gateway", about: "short requests of the server's side, 200 watches and bulk, by the gateway and by the plain pipe", fresh: true, own: true,
		cases: []string{"requests", "watches", "bulk"}, names: gatewayNames,
		pairs: memoryPairs, takes: gatewayTakes, measure: measureGateway,
	},
	{
		name: "cold", about: "bulk in the first minute of a process, 4 streams down and up in turns", fresh: true,
		fullOnly: true, cases: []string{"minute"},
		pairs: memoryPairs, takes: func(options, string) time.Duration { return coldSlots * (coldSlot + rampUp + settle) },
		measure: measureCold,
	},
	{
		name: "reports", about: "what reports cost, in an empty cluster, with 1,000 nodes and so many pods, and while pods come and go",
		fresh: true, fullOnly: true, alone: true, cases: []string{reportsEmpty, "10000", "30000", reportsChurn},
		pairs:   func(options) int { return 1 },
		cluster: func(name string) clusterSize { return reportClusters[name] },
		takes:   func(o options, _ string) time.Duration { return reportStart + annotateGuess + o.averaged() },
		measure: measureReports,
	},
}

func allPairs(o options) int { return o.pairs }

// memoryPairs: memory varies little from process to process, and waiting for it is long.
func memoryPairs(o options) int { return min(o.pairs, pick(o.quick, 1, 3)) }

// latencySlot is longer than a bulk slot: a p99 needs many questions.
func latencySlot(o options) time.Duration { return 2 * o.slot() }

func idleWait(o options) time.Duration   { return pick(o.quick, 15*time.Second, 60*time.Second) }
func settleWait(o options) time.Duration { return pick(o.quick, 3*time.Second, 10*time.Second) }
func closeWait(o options) time.Duration  { return pick(o.quick, 15*time.Second, 60*time.Second) }
