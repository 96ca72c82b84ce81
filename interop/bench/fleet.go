package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

const (
	fleetAll = "all" // the case

	fleetDefault = 2000
	// fleetProcesses hold the agents' tunnels; one more holds those that are frozen.
	fleetProcesses = 2
	// fleetFrozen is how many agents stand still with the one whose successor comes.
	fleetFrozen = 20
	// fleetLimit is for all to be active, first and after a restart.
	fleetLimit = 2 * time.Minute
	// fleetLook is how often is looked whether they are: an answer for 2,000 is not free.
	fleetLook = time.Second
	// fleetCreators ask for clusters at the same time.
	fleetCreators = 8
	// fleetListen is for how long one reader of events has the server's CPU measured.
	fleetListen = 15 * time.Second
	// fleetAsk is how long one request to a frozen agent's cluster may take, and fleetEvery between two.
	fleetAsk   = time.Second
	fleetEvery = 50 * time.Millisecond
	// fleetSettle is after a restart: two of the server's rounds of pings, of which it tells the last.
	fleetSettle = 30 * time.Second
	// fleetQuiet is after all are active, before their cost is measured.
	fleetQuiet = 20 * time.Second
)

func fleetIdle(o options) time.Duration { return pick(o.quick, 20*time.Second, 90*time.Second) }

func fleetTakes(o options, _ string) time.Duration {
	each := time.Duration(o.fleetClusters) * 30 * time.Millisecond
	return each + fleetQuiet + fleetSettle + fleetIdle(o) + fleetListen + 90*time.Second
}

// registration is what an agent of a cluster needs.
type registration struct{ id, token string }

// fleet is our reference server and the agents of many clusters, in few processes.
type fleet struct {
	world    *world
	options  options
	server   *process
	starts   int // of the server
	url      string
	caFile   string
	client   *http.Client
	token    string
	clusters []registration
	listen   string
}

// measureFleet gives our reference server that many clusters, and looks what they cost it and what
// becomes of them when it is killed, and when some of them stand still.
func measureFleet(ctx context.Context, b *bench, _ *agent, _ string) (outcome, error) {
	f := &fleet{world: b.world, options: b.options, listen: "127.0.0.1:0"}
	if f.options.server == "" || f.options.fleet == "" {
		return outcome{}, errors.New("the server or the agent's tests are not built: mvn -DskipTests -pl proto,steve,agent,server package")
	}
	found := metrics{"clusters": float64(f.options.fleetClusters), "descriptor limit": float64(descriptorLimit())}
	say := func(format string, values ...any) { b.show.say(fmt.Sprintf(format, values...)) }
	if err := f.start(ctx); err != nil {
		return outcome{}, err
	}
	defer func() { f.server.stop(5 * time.Second) }()
	empty := memoryOf(f.server.pid)

	say("making %d clusters", f.options.fleetClusters)
	began := time.Now()
	if err := f.create(ctx); err != nil {
		return outcome{}, err
	}
	found["created per second"] = float64(len(f.clusters)) / time.Since(began).Seconds()

	say("starting their agents")
	frozen := min(fleetFrozen, len(f.clusters)/2)
	began = time.Now()
	var agents []*process
	defer func() {
		for _, one := range agents {
			_ = one.command.Process.Signal(syscall.SIGCONT)
			one.stop(time.Second)
		}
	}()
	rest := f.clusters[frozen:]
	shares := [][]registration{f.clusters[:frozen]}
	for i := range fleetProcesses {
		shares = append(shares, rest[i*len(rest)/fleetProcesses:(i+1)*len(rest)/fleetProcesses])
	}
	for i, share := range shares {
		one, err := f.agents(fmt.Sprintf("fleet-%d", i), share)
		if err != nil {
			return outcome{}, err
		}
		agents = append(agents, one)
	}
	missing, err := f.awaitActive(ctx)
	if err != nil {
		return outcome{}, err
	}
	found["all active s"], found["never active"] = time.Since(began).Seconds(), float64(missing)

	say("all are there: %s of rest, then %s of measuring", fleetQuiet, fleetIdle(f.options))
	if err := sleep(ctx, fleetQuiet); err != nil {
		return outcome{}, err
	}
	if err := f.idle(ctx, found, empty); err != nil {
		return outcome{}, err
	}
	if err := f.lists(ctx, found); err != nil {
		return outcome{}, err
	}

	say("killing the server")
	arrivals, err := f.restart(ctx, found)
	if err != nil {
		return outcome{}, err
	}
	say("all are there again: %s until a round of pings is as it was", fleetSettle)
	if err := sleep(ctx, fleetSettle); err != nil {
		return outcome{}, err
	}
	say("one agent stands still, and its successor comes")
	next, err := f.halfOpen(ctx, agents[0], found)
	if next != nil {
		agents = append(agents, next)
	}
	if err != nil {
		return outcome{}, err
	}
	found["peak RSS MB"] = max(found["peak RSS MB"], mb(memoryOf(f.server.pid).peak))
	return outcome{metrics: found, samples: samples{"arrival s": arrivals}}, nil
}

func mb(size int64) float64 { return float64(size) / 1e6 }

// start starts the server, the second time on the same directory and port.
func (f *fleet) start(ctx context.Context) error {
	directory := filepath.Join(f.world.directory, "fleet-server")
	command := exec.Command(f.options.server, "run", "--dir", directory, "--listen", f.listen)
	command.Env = cleanEnvironment()
	f.starts++
	var err error
	name := fmt.Sprintf("drover-server-%d", f.starts)
	if f.server, err = f.world.spawner.start(name, f.world.directory, command, anyCPU, false); err != nil {
		return err
	}
	line, err := firstLine(ctx, f.server)
	if err != nil {
		return err
	}
	var hello struct{ URL, CAFile, AdminTokenFile string }
	if err := json.Unmarshal([]byte(line), &hello); err != nil {
		return fmt.Errorf("drover-server's line %q: %w", line, err)
	}
	f.server.drain()
	pem, err := os.ReadFile(hello.CAFile)
	if err != nil {
		return err
	}
	token, err := os.ReadFile(hello.AdminTokenFile)
	if err != nil {
		return err
	}
	location, err := url.Parse(hello.URL)
	if err != nil {
		return err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	f.url, f.caFile, f.token, f.listen = hello.URL, hello.CAFile, strings.TrimSpace(string(token)), location.Host
	f.client = &http.Client{Transport: &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: roots}, MaxIdleConnsPerHost: fleetCreators,
	}}
	return nil
}

// ask makes one request; result, if any, is filled from JSON. It returns the answer's bytes.
func (f *fleet) ask(ctx context.Context, method, path string, body, result any) ([]byte, error) {
	var content io.Reader
	if body != nil {
		raw, err := json.Marshal(body)
		if err != nil {
			return nil, err
		}
		content = bytes.NewReader(raw)
	}
	request, err := http.NewRequestWithContext(ctx, method, f.url+path, content)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Authorization", "Bearer "+f.token)
	response, err := f.client.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	raw, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, err
	}
	if response.StatusCode/100 != 2 {
		return nil, fmt.Errorf("%s %s: %w: %.200s", method, path, statusError(response.StatusCode), raw)
	}
	if result != nil {
		err = json.Unmarshal(raw, result)
	}
	return raw, err
}

// create makes the clusters, each with a registration token.
func (f *fleet) create(ctx context.Context) error {
	f.clusters = make([]registration, f.options.fleetClusters)
	numbers := make(chan int)
	failures := make(chan error, fleetCreators)
	var creators sync.WaitGroup
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	for range fleetCreators {
		creators.Go(func() {
			for i := range numbers {
				var cluster struct{ ID string }
				_, err := f.ask(ctx, http.MethodPost, "/v3/clusters", map[string]string{"name": fmt.Sprintf("fleet-%d", i)}, &cluster)
				var made struct{ Token string }
				if err == nil {
					_, err = f.ask(ctx, http.MethodPost, "/v3/clusterregistrationtokens", map[string]string{"clusterId": cluster.ID}, &made)
				}
				if err != nil {
					failures <- err
					cancel()
					return
				}
				f.clusters[i] = registration{cluster.ID, made.Token}
			}
		})
	}
	for i := range f.clusters {
		select {
		case numbers <- i:
		case <-ctx.Done():
		}
	}
	close(numbers)
	creators.Wait()
	select {
	case err := <-failures:
		return err
	default:
		return ctx.Err()
	}
}

// agents starts a process with the tunnels of these clusters.
func (f *fleet) agents(name string, clusters []registration) (*process, error) {
	w := f.world
	var lines strings.Builder
	for _, one := range clusters {
		fmt.Fprintf(&lines, "%s %s\n", one.id, one.token)
	}
	file, token := filepath.Join(w.directory, name+".clusters"), filepath.Join(w.directory, "fleet-token")
	if err := errors.Join(os.WriteFile(file, []byte(lines.String()), 0o600), os.WriteFile(token, []byte(w.token), 0o600)); err != nil {
		return nil, err
	}
	words := append(strings.Fields(f.options.fleet), f.url, f.caFile, w.api.APIServer, token, w.api.CA, file)
	command := exec.Command(words[0], words[1:]...)
	command.Env = cleanEnvironment()
	p, err := w.spawner.start(name, w.directory, command, anyCPU, false)
	if err == nil {
		p.drain()
	}
	return p, err
}

// reading is what /metrics says of the whole fleet.
type reading struct {
	active   int
	tunnels  int
	answers  int     // of how many agents to a ping there was one
	round    float64 // seconds
	pinged   float64 // seconds since the oldest answer
	bytes    int
	answered time.Duration
}

func (f *fleet) read(ctx context.Context) (reading, error) {
	began := time.Now()
	raw, err := f.ask(ctx, http.MethodGet, "/metrics", nil, nil)
	if err != nil {
		return reading{}, err
	}
	r := reading{bytes: len(raw), answered: time.Since(began)}
	for line := range strings.Lines(string(raw)) {
		name, text, _ := strings.Cut(strings.TrimSpace(line), " ")
		value, _ := strconv.ParseFloat(text, 64)
		switch {
		case strings.HasPrefix(name, "drover_cluster_state{") && strings.Contains(name, `state="active"`):
			r.active += int(value)
		case strings.HasPrefix(name, "drover_cluster_connected{"):
			r.tunnels += int(value)
		case name == "drover_health_round_seconds":
			r.round = value
		case strings.HasPrefix(name, "drover_cluster_ping_age_seconds{"):
			r.pinged = max(r.pinged, value)
			r.answers++
		}
	}
	return r, nil
}

// awaitActive waits for all to have both tunnels and to be active, and says how many are not in the end.
func (f *fleet) awaitActive(ctx context.Context) (int, error) {
	until := time.Now().Add(fleetLimit)
	for {
		r, err := f.read(ctx)
		if err != nil {
			return 0, err
		}
		// After a restart a cluster is active until the server knows better, so that alone says nothing.
		missing := len(f.clusters) - min(r.active, r.tunnels/2, r.answers)
		if missing == 0 || time.Now().After(until) {
			return missing, nil
		}
		if err := sleep(ctx, fleetLook); err != nil {
			return 0, err
		}
	}
}

// idle measures what they cost while nothing is asked.
func (f *fleet) idle(ctx context.Context, found metrics, empty memory) error {
	pid := f.server.pid
	began, used := time.Now(), cpuTime(pid)
	var asked time.Duration // the server's CPU for our own questions
	for time.Since(began) < fleetIdle(f.options) {
		if err := sleep(ctx, fleetIdle(f.options)/6); err != nil {
			return err
		}
		before := cpuTime(pid)
		r, err := f.read(ctx)
		if err != nil {
			return err
		}
		asked += cpuTime(pid) - before
		if r.round == 0 {
			return errors.New("the server does not say how long a round of health checks takes")
		}
		found["ping round s"] = max(found["ping round s"], r.round)
		found["ping age s"] = max(found["ping age s"], r.pinged)
		found["not active while idle"] = max(found["not active while idle"], float64(len(f.clusters)-r.active))
	}
	found["CPU %"] = (cpuTime(pid) - used - asked).Seconds() / time.Since(began).Seconds() * 100
	m := memoryOf(pid)
	found["RSS MB"], found["empty RSS MB"] = mb(m.rss), mb(empty.rss)
	found["peak RSS MB"] = mb(m.peak)
	found["KiB per cluster"] = float64(m.rss-empty.rss) / 1024 / float64(len(f.clusters))
	found["threads"], found["descriptors"] = float64(threads(pid)), float64(descriptors(pid))
	return nil
}

// lists measures the answers that are about all clusters, and a page that looks at them.
func (f *fleet) lists(ctx context.Context, found metrics) error {
	const times = 3 // the first one finds nothing prepared
	for range times {
		began := time.Now()
		raw, err := f.ask(ctx, http.MethodGet, "/v3/clusters", nil, nil)
		if err != nil {
			return err
		}
		found["list ms"], found["list MB"] = time.Since(began).Seconds()*1e3, mb(int64(len(raw)))
		r, err := f.read(ctx)
		if err != nil {
			return err
		}
		found["metrics ms"], found["metrics MB"] = r.answered.Seconds()*1e3, mb(int64(r.bytes))
	}
	return f.events(ctx, found)
}

// events listens as a page does.
func (f *fleet) events(ctx context.Context, found metrics) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, f.url+"/v3/events", nil)
	if err != nil {
		return err
	}
	request.Header.Set("Authorization", "Bearer "+f.token)
	began := time.Now()
	response, err := f.client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	lines := bufio.NewReaderSize(response.Body, 1<<16)
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			return fmt.Errorf("events: %w", err)
		}
		if strings.TrimSpace(line) == "event: whole" {
			break
		}
	}
	found["events whole ms"] = time.Since(began).Seconds() * 1e3
	go func() { _, _ = io.Copy(io.Discard, lines) }()
	used, from := cpuTime(f.server.pid), time.Now()
	if err := sleep(ctx, fleetListen); err != nil {
		return err
	}
	found["CPU % with a page"] = (cpuTime(f.server.pid) - used).Seconds() / time.Since(from).Seconds() * 100
	return nil
}

// restart kills the server, starts it again at once, and returns when tunnels came after the kill, in seconds.
func (f *fleet) restart(ctx context.Context, found metrics) ([]float64, error) {
	killed := time.Now()
	_ = f.server.command.Process.Kill()
	<-f.server.ended
	if err := f.start(ctx); err != nil {
		return nil, err
	}
	found["server up again s"] = time.Since(killed).Seconds()
	missing, err := f.awaitActive(ctx)
	if err != nil {
		return nil, err
	}
	found["all active again s"], found["never active again"] = time.Since(killed).Seconds(), float64(missing)
	seen, err := f.logged(f.server.log)
	if err != nil {
		return nil, err
	}
	var seconds []float64
	for _, at := range seen.started {
		seconds = append(seconds, at.Sub(killed).Seconds())
	}
	come := arrivals(seconds)
	found["spread s"], found["peak in 100 ms"], found["last s"] = come["spread s"], come["peak in 100 ms"], come["last s"]
	found["handshake errors"] = float64(seen.refused + max(0, len(seconds)-2*len(f.clusters)))
	found["failed checks"] = float64(seen.failed)
	found["called disconnected"] = float64(seen.disconnected)
	found["peak RSS MB"] = max(found["peak RSS MB"], mb(memoryOf(f.server.pid).peak))
	return seconds, nil
}

// logged is what is counted of a server's log.
type logged struct {
	started []time.Time // sessions
	// refused are agents that were not let in, or not answered; failed are checks that were not made.
	refused, failed, disconnected int
}

func (f *fleet) logged(file string) (logged, error) {
	content, err := os.ReadFile(file)
	if err != nil {
		return logged{}, err
	}
	var found logged
	for line := range strings.Lines(string(content)) {
		at, _, _ := strings.Cut(line, " ")
		switch {
		case strings.Contains(line, "session started: "):
			if when, err := time.Parse(time.RFC3339, at); err == nil {
				found.started = append(found.started, when)
			}
		case strings.Contains(line, "agent refused: "), strings.Contains(line, "request failed: path=/v3/connect"):
			found.refused++
		case strings.Contains(line, "cluster not checked: "):
			found.failed++
		case strings.Contains(line, "cluster health: ") && strings.Contains(line, "Connected=False"):
			found.disconnected++
		}
	}
	return found, nil
}

// halfOpen freezes a process, so that its sessions are there and say nothing, and brings up another
// session of one of its clusters. It returns the process of that one.
func (f *fleet) halfOpen(ctx context.Context, old *process, found metrics) (*process, error) {
	cluster := f.clusters[0]
	if err := f.through(ctx, cluster.id); err != nil {
		return nil, fmt.Errorf("before the freeze: %w", err)
	}
	if err := old.command.Process.Signal(syscall.SIGSTOP); err != nil {
		return nil, err
	}
	failing := f.through(ctx, cluster.id) != nil
	if !failing {
		return nil, errors.New("a frozen agent has answered")
	}
	before, err := f.logged(f.server.log)
	if err != nil {
		return nil, err
	}
	next, err := f.agents("fleet-next", []registration{cluster})
	if err != nil {
		return nil, err
	}
	until := time.Now().Add(fleetLimit)
	for time.Now().Before(until) {
		if f.through(ctx, cluster.id) == nil {
			good := time.Now()
			after, err := f.logged(f.server.log)
			if err != nil {
				return next, err
			}
			if len(after.started) <= len(before.started) {
				return next, errors.New("a request went through before the new session was there")
			}
			found["good after new session s"] = max(0, good.Sub(after.started[len(before.started)]).Seconds())
			return next, f.beside(ctx, found)
		}
		if err := sleep(ctx, fleetEvery); err != nil {
			return next, err
		}
	}
	return next, fmt.Errorf("no request went through the new session in %s", fleetLimit)
}

// beside looks whether those that stand still keep others from being pinged.
func (f *fleet) beside(ctx context.Context, found metrics) error {
	const looks = 10
	for range looks {
		if err := sleep(ctx, 2*fleetLook); err != nil {
			return err
		}
		r, err := f.read(ctx)
		if err != nil {
			return err
		}
		found["ping round beside frozen s"] = max(found["ping round beside frozen s"], r.round)
	}
	return nil
}

// through asks the API server of a cluster for its version, by the tunnel.
func (f *fleet) through(ctx context.Context, id string) error {
	ctx, cancel := context.WithTimeout(ctx, fleetAsk)
	defer cancel()
	_, err := f.ask(ctx, http.MethodGet, "/k8s/clusters/"+id+"/version", nil, nil)
	return err
}
