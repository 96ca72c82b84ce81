package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/rancher/remotedialer"
	"github.com/sirupsen/logrus"
)

const patience = 10 * time.Second

func TestMain(m *testing.M) {
	logrus.SetOutput(io.Discard)
	os.Exit(m.Run())
}

func TestChecksumCountsExactlyOneNewline(t *testing.T) {
	// printf 'abc\n' | sha256sum
	const want = "edeaaff3f1774ad2888673770c6d64097e391bc362d7d6fb34982ddf0efd18cb"
	for _, text := range []string{"abc", "abc\n"} {
		if got := checksum(text); got != want {
			t.Errorf("checksum(%q) = %s, want %s", text, got, want)
		}
	}
}

func TestRestartedServerKeepsItsCA(t *testing.T) {
	dir := t.TempDir()
	first, err := loadIdentity(dir)
	if err != nil {
		t.Fatal(err)
	}
	second, err := loadIdentity(dir)
	if err != nil {
		t.Fatal(err)
	}
	if first.caPEM != second.caPEM || !bytes.Equal(first.serving.Certificate[0], second.serving.Certificate[0]) {
		t.Error("the second server has other certificates")
	}
}

func TestBracketsBareIPv6(t *testing.T) {
	for address, want := range map[string]string{
		"10.43.0.1:443":   "10.43.0.1:443",
		"fd00:43::1:443":  "[fd00:43::1]:443",
		"[fd00::1]:443":   "[fd00::1]:443",
		"kubernetes:6443": "kubernetes:6443",
	} {
		if got := bracketed(address); got != want {
			t.Errorf("bracketed(%q) = %q, want %q", address, got, want)
		}
	}
}

func TestChainReportsFirstErrorAndFirstSuccess(t *testing.T) {
	answer := func(key string, ok bool, err error) remotedialer.Authorizer {
		return func(*http.Request) (string, bool, error) { return key, ok, err }
	}
	unknown := answer("", false, nil)
	one, two := answer("", false, fmt.Errorf("one")), answer("", false, fmt.Errorf("two"))
	for _, c := range []struct {
		name  string
		chain []remotedialer.Authorizer
		key   string
		err   string
	}{
		{"nobody knows it", []remotedialer.Authorizer{unknown, unknown}, "", "<nil>"},
		{"first error wins", []remotedialer.Authorizer{unknown, one, two}, "", "one"},
		{"success beats an earlier error", []remotedialer.Authorizer{one, answer("k", true, nil)}, "k", "<nil>"},
		{"first success wins", []remotedialer.Authorizer{answer("a", true, nil), answer("b", true, nil)}, "a", "<nil>"},
	} {
		key, ok, err := chain(c.chain...)(nil)
		if key != c.key || ok != (c.key != "") || fmt.Sprint(err) != c.err {
			t.Errorf("%s: got %q, %v, %v", c.name, key, ok, err)
		}
	}
}

func TestRefusesHandshakesAsRancherDoes(t *testing.T) {
	s := startServer(t)
	params := func(json string) string { return base64.StdEncoding.EncodeToString([]byte(json)) }
	for _, c := range []struct {
		name    string
		headers map[string]string
		status  int
		body    string
	}{
		{"no credentials", nil, 401, "failed authentication"},
		{"unknown bearer", map[string]string{"Authorization": "Bearer stv-cluster-nope"}, 401, "failed authentication"},
		{"other bearer", map[string]string{"Authorization": "Bearer tok"}, 401, "failed authentication"},
		{"unknown token", map[string]string{tokenHeader: "nope"}, 400, "cluster not found"},
		{"unknown token goes before bad params", map[string]string{tokenHeader: "nope", paramsHeader: "!"}, 400, "cluster not found"},
		{"no params", map[string]string{tokenHeader: "tok"}, 400, "unexpected end of JSON input"},
		{"not base64", map[string]string{tokenHeader: "tok", paramsHeader: "!"}, 400, "illegal base64 data at input byte 0"},
		{"not JSON", map[string]string{tokenHeader: "tok", paramsHeader: params("x")}, 400, "invalid character 'x' looking for beginning of value"},
		{"neither node nor cluster", map[string]string{tokenHeader: "tok", paramsHeader: params("{}")}, 400, "missing node or cluster registration info"},
		{"node without name", map[string]string{tokenHeader: "tok", paramsHeader: params(`{"node":{}}`)}, 400, "invalid input, hostname empty"},
		{"no address", map[string]string{tokenHeader: "tok", paramsHeader: params(`{"cluster":{}}`)}, 400, "invalid input, address empty"},
		{"no service-account token", map[string]string{tokenHeader: "tok", paramsHeader: params(`{"cluster":{"address":"a:1"}}`)}, 400, "invalid input, token empty"},
		{"no CA", map[string]string{tokenHeader: "tok", paramsHeader: params(`{"cluster":{"address":"a:1","token":"t"}}`)}, 400, "invalid input, caCert empty"},
		{"an error goes before an unknown bearer", map[string]string{tokenHeader: "nope", "Authorization": "Bearer stv-cluster-nope"}, 400, "cluster not found"},
	} {
		for _, path := range []string{"/v3/connect", "/v3/connect/register"} {
			resp := s.get(t, path, c.headers)
			body, _ := io.ReadAll(resp.Body)
			resp.Body.Close()
			if resp.StatusCode != c.status || string(body) != c.body {
				t.Errorf("%s, %s: got %d %q, want %d %q", c.name, path, resp.StatusCode, body, c.status, c.body)
			}
		}
	}
	// Recognised, but no websocket: the library writes its reason twice.
	resp := s.get(t, "/v3/connect", map[string]string{"Authorization": "Bearer stv-cluster-tok"})
	if body, _ := io.ReadAll(resp.Body); resp.StatusCode != 400 || !strings.Contains(string(body), "Error during upgrade for host [stv-cluster-c-1]") {
		t.Errorf("plain GET: got %d %q", resp.StatusCode, body)
	}
	shakes := s.tunnels.handshakes()
	if last := shakes[len(shakes)-1]; last.Status != 400 || last.Path != "/v3/connect" {
		t.Errorf("last handshake on record: %+v", last)
	}
}

func TestServesWhatAnAgentFetches(t *testing.T) {
	s := startServer(t)
	if body := s.body(t, "/ping"); body != "pong" {
		t.Errorf("/ping: %q", body)
	}
	var setting struct{ Type, ID, Name, Value string }
	if err := json.Unmarshal([]byte(s.body(t, "/v3/settings/cacerts")), &setting); err != nil {
		t.Fatal(err)
	}
	if setting.Type != "setting" || setting.ID != "cacerts" || setting.Value != s.face.authorities() || strings.HasSuffix(setting.Value, "\n") {
		t.Errorf("cacerts: %+v", setting)
	}
	manifest := s.body(t, "/v3/import/tok_c-1.yaml")
	if documents := strings.Count(manifest, "\n---\n") + 1; documents != 9 {
		t.Errorf("%d documents in the manifest", documents)
	}
	for _, path := range []string{"/v3/import/tok_c-2.yaml", "/v3/import/nope_c-1.yaml"} {
		resp := s.get(t, path, nil)
		if body, _ := io.ReadAll(resp.Body); resp.StatusCode != 400 || string(body) != "cluster not found or invalid token" {
			t.Errorf("%s: %d %q", path, resp.StatusCode, body)
		}
	}
	for _, path := range []string{"/v3/import/tok.yaml", "/v3/import/tok_c-1"} {
		if resp := s.get(t, path, nil); resp.StatusCode != 404 {
			t.Errorf("%s: %d", path, resp.StatusCode)
		}
	}
}

func TestAgentBecomesActiveAndCarriesKubectl(t *testing.T) {
	s := startServer(t)
	kubernetes := httptest.NewTLSServer(http.HandlerFunc(func(rw http.ResponseWriter, req *http.Request) {
		_, err := io.Copy(io.Discard, req.Body)
		rw.Header().Set("Seen", fmt.Sprintf("%s %s %s %s %v", req.URL.Path, req.Header.Get("Authorization"),
			req.Header.Get("Impersonate-User"), req.Header["Impersonate-Group"], err))
	}))
	defer kubernetes.Close()
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: kubernetes.Certificate().Raw})
	params, err := json.Marshal(map[string]any{"cluster": apiServer{
		Address: kubernetes.Listener.Addr().String(), Token: "sa", CACert: base64.StdEncoding.EncodeToString(ca),
	}})
	if err != nil {
		t.Fatal(err)
	}

	s.connect(t, http.Header{tokenHeader: {"tok"}, paramsHeader: {base64.StdEncoding.EncodeToString(params)}}, nil)
	s.connect(t, http.Header{"Authorization": {"Bearer stv-cluster-tok"}}, pingServer(t))
	s.expect(t, "session-opened")
	s.expect(t, "session-opened")
	s.clusters.pinged("c-1", s.ping("c-1"))
	s.expect(t, "connected")
	s.clusters.checked("c-1", s.check("c-1", time.Millisecond))
	s.expect(t, "ready")
	s.expect(t, "active")

	kubectl := map[string]string{"Authorization": "Bearer secret", "Impersonate-User": "evil", "Impersonate-Group": "evil"}
	resp := s.get(t, "/k8s/clusters/c-1/api/v1/nodes", kubectl)
	if got, want := resp.Header.Get("Seen"), "/api/v1/nodes Bearer sa jane [dev ops] <nil>"; got != want {
		t.Errorf("the API server saw %q, want %q", got, want)
	}
	req, err := http.NewRequest("POST", s.url+"/k8s/clusters/c-1/api", bytes.NewReader(make([]byte, 1<<20+1)))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer secret")
	resp, err = s.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	if body, _ := io.ReadAll(resp.Body); resp.StatusCode != 500 || string(body) != "error trying to reach service: http: request body too large" {
		t.Errorf("too large a body: %d %q", resp.StatusCode, body)
	}

	if got := s.control(t, "/dial?key=c-1&network=tcp&address=127.0.0.1:1")["error"]; !strings.Contains(got.(string), "connection refused") {
		t.Errorf("dial of a closed port: %v", got)
	}
	if got := s.control(t, "/http?key=stv-cluster-c-1"); got["status"] != 200.0 || got["body"] != "pong" {
		t.Errorf("/http: %v", got)
	}
	forward := s.control(t, "/forward?key=c-1&network=tcp&address="+kubernetes.Listener.Addr().String())["address"].(string)
	conn, err := tls.Dial("tcp", forward, &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		t.Fatalf("through the forward: %v", err)
	}
	conn.Close()
	forward = s.control(t, "/forward?key=c-1&network=tcp&address=127.0.0.1:1")["address"].(string)
	// It may be reset before the dial has returned.
	if refused, err := net.Dial("tcp", forward); err == nil {
		defer refused.Close()
	} else if !errors.Is(err, syscall.ECONNRESET) {
		t.Fatal(err)
	}
	if one := s.expect(t, "forward-error"); one.Error != "dial tcp 127.0.0.1:1: connect: connection refused" {
		t.Errorf("forward to a closed port: %+v", one)
	}

	headers := s.clusters.view()[0].LastHandshakes["cluster"].Headers
	if len(headers) == 0 || headers[0][0] != "Host" {
		t.Errorf("headers of the handshake: %v", headers)
	}
	if got := s.control(t, "/cut?key=stv-cluster-c-1")["cut"]; got != 1.0 {
		t.Errorf("cut %v sessions", got)
	}
	s.expect(t, "session-closed")
	s.clusters.pinged("c-1", s.ping("c-1"))
	s.expect(t, "disconnected")
	s.expect(t, "inactive")
	s.control(t, "/cut?key=c-1")
	s.expect(t, "session-closed")
	resp = s.get(t, "/k8s/clusters/c-1/api", kubectl)
	if body, _ := io.ReadAll(resp.Body); resp.StatusCode != 500 || string(body) != "error trying to reach service: cluster agent disconnected" {
		t.Errorf("without an agent: %d %q", resp.StatusCode, body)
	}
}

func TestRotatedTokenIsRefusedAfterItsRemoval(t *testing.T) {
	s := startServer(t)
	s.control(t, "/tokens?cluster=c-1&add=new&remove=tok")
	if _, known := s.clusters.byToken("tok"); known {
		t.Error("the old token is still known")
	}
	if id, _ := s.clusters.byToken("new"); id != "c-1" {
		t.Errorf("the new token leads to %q", id)
	}
}

func TestChangedCAIsAnnouncedBeforeItServes(t *testing.T) {
	s := startServer(t)
	dir := t.TempDir()
	next, err := loadIdentity(dir)
	if err != nil {
		t.Fatal(err)
	}
	before := s.face.authorities()

	s.control(t, "/ca?step=announce&dir="+url.QueryEscape(dir))
	if got := s.face.authorities(); got != before+"\n"+next.caPEM {
		t.Errorf("announced: %q", got)
	}
	s.get(t, "/ping", nil) // still by the old one

	told := s.control(t, "/ca?step=serve&dir="+url.QueryEscape(dir))
	if s.face.authorities() != next.caPEM || told["caChecksum"] != checksum(next.caPEM) {
		t.Errorf("served: %v", told)
	}
	if _, err := s.client.Get(s.url + "/ping"); err == nil {
		t.Error("it still serves with the old certificate")
	}
	s.roots.AppendCertsFromPEM([]byte(next.caPEM))
	s.get(t, "/ping", nil)
}

func TestParseHeadKeepsOrderAndSpelling(t *testing.T) {
	head := "GET /v3/connect HTTP/1.1\r\nHost: a\r\nx-lower: 1\r\nUpper: 2\r\n\r\nrest"
	got := fmt.Sprint(parseHead([]byte("GET /ping HTTP/1.1\r\n\r\n"+head), "GET /v3/connect "))
	if got != "[[Host a] [x-lower 1] [Upper 2]]" {
		t.Error(got)
	}
	if parseHead([]byte("GET /v3/connect HTTP/1.1\r\nHost"), "GET /v3/connect ") != nil {
		t.Error("an incomplete head was accepted")
	}
}

func TestCommandLineNamesEveryProblem(t *testing.T) {
	_, err := parse([]string{"--cluster", "x", "--user-token", "y", "--ping-interval", "0s"}, io.Discard)
	for _, name := range []string{"--dir", "--cluster", "--user-token", "--ping-interval"} {
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s is not in: %v", name, err)
		}
	}
}

// testServer is a running server, with its events as they come.
type testServer struct {
	*rancher
	url    string
	client *http.Client
	roots  *x509.CertPool
	inside http.Handler
	lines  chan event
}

func startServer(t *testing.T) *testServer {
	t.Helper()
	id, err := loadIdentity(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	o, err := parse([]string{"--dir", t.TempDir(), "--cluster", "c-1=tok", "--user-token", "jane=secret,dev,ops"}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	front, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { front.Close() })
	s := &testServer{url: "https://" + front.Addr().String(), roots: x509.NewCertPool(), lines: make(chan event, 100)}
	s.roots.AppendCertsFromPEM([]byte(id.caPEM))
	s.client = &http.Client{Timeout: patience, Transport: &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: s.roots}, DisableKeepAlives: true,
	}}
	s.rancher = newRancher(o, id, s.url)
	s.inside = newControl(s.rancher).handler()
	reader, writer := io.Pipe()
	s.events.out = writer
	go func() {
		decoder := json.NewDecoder(reader)
		for {
			var one event
			if decoder.Decode(&one) != nil {
				return
			}
			s.lines <- one
		}
	}()
	go func() { _ = s.serve(front) }()
	return s
}

func (s *testServer) get(t *testing.T, path string, headers map[string]string) *http.Response {
	t.Helper()
	req, err := http.NewRequest("GET", s.url+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range headers {
		req.Header.Set(name, value)
	}
	resp, err := s.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { resp.Body.Close() })
	return resp
}

func (s *testServer) body(t *testing.T, path string) string {
	t.Helper()
	resp := s.get(t, path, nil)
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != 200 {
		t.Fatalf("%s: %d, %v", path, resp.StatusCode, err)
	}
	return string(body)
}

func (s *testServer) control(t *testing.T, path string) map[string]any {
	t.Helper()
	recorder := httptest.NewRecorder()
	s.inside.ServeHTTP(recorder, httptest.NewRequest("POST", path, nil))
	var result map[string]any
	if err := json.Unmarshal(recorder.Body.Bytes(), &result); err != nil {
		t.Fatalf("%s: %v in %s", path, err, recorder.Body)
	}
	return result
}

// expect takes the next event, which must be this one.
func (s *testServer) expect(t *testing.T, name string) event {
	t.Helper()
	select {
	case one := <-s.lines:
		if one.Event != name {
			t.Fatalf("event %+v, want %q", one, name)
		}
		return one
	case <-time.After(patience):
		t.Fatalf("no event %q", name)
		return event{}
	}
}

// connect opens a tunnel as an agent would; without a dialer it dials the real addresses.
func (s *testServer) connect(t *testing.T, headers http.Header, dialer remotedialer.Dialer) {
	t.Helper()
	location, err := url.Parse(s.url)
	if err != nil {
		t.Fatal(err)
	}
	location.Scheme, location.Path = "wss", "/v3/connect"
	ws := websocket.Dialer{TLSClientConfig: &tls.Config{RootCAs: s.roots}, HandshakeTimeout: patience}
	conn, _, err := ws.Dial(location.String(), headers)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	session := remotedialer.NewClientSessionWithDialer(func(string, string) bool { return true }, conn, dialer)
	go func() { _, _ = session.Serve(ctx) }()
	t.Cleanup(func() {
		cancel()
		session.Close()
		conn.Close()
	})
}

// What an agent has to know of the library: its list closes streams here without a word, and only data, be it
// without a byte, tells of that.
func TestListClosesStreamsWithoutAWord(t *testing.T) {
	if libraryVersion() == "v0.3.0" {
		t.Skip("knows no lists")
	}
	s := startServer(t)
	location, err := url.Parse(s.url)
	if err != nil {
		t.Fatal(err)
	}
	location.Scheme, location.Path = "wss", "/v3/connect"
	ws := websocket.Dialer{TLSClientConfig: &tls.Config{RootCAs: s.roots}, HandshakeTimeout: patience}
	conn, _, err := ws.Dial(location.String(), http.Header{"Authorization": {"Bearer stv-cluster-tok"}})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	s.expect(t, "session-opened")
	dial, ok := s.tunnels.dialer("stv-cluster-c-1")
	if !ok {
		t.Fatal("no session")
	}
	const ofData, ofConnect, ofError, ofList = 1, 2, 3, 8
	var ids []int64
	for range 2 {
		stream, err := dial(context.Background(), "tcp", "10.0.0.1:1")
		if err != nil {
			t.Fatal(err)
		}
		defer stream.Close()
		id, kind, _ := readMessage(t, conn)
		if kind != ofConnect {
			t.Fatalf("type %d of stream %d", kind, id)
		}
		ids = append(ids, id)
	}
	list := binary.LittleEndian.AppendUint64(messageHead(0, ofList), uint64(ids[0]))
	messages := [][]byte{list}
	for _, id := range ids {
		messages = append(messages, binary.AppendVarint(messageHead(id, ofData), 0))
	}
	for _, one := range messages {
		if err := conn.WriteMessage(websocket.BinaryMessage, one); err != nil {
			t.Fatal(err)
		}
	}
	// The first answer is to the data of the second stream: none was to the list, nor to the first.
	id, kind, body := readMessage(t, conn)
	if id != ids[1] || kind != ofError || !strings.HasPrefix(body, "connection not found ") {
		t.Errorf("answer %d of stream %d, of %v: %q", kind, id, ids, body)
	}
}

// messageHead is what is before a message's deadline or body.
func messageHead(stream, kind int64) []byte {
	return binary.AppendVarint(binary.AppendVarint(binary.AppendVarint(nil, 0), stream), kind)
}

func readMessage(t *testing.T, conn *websocket.Conn) (stream, kind int64, body string) {
	t.Helper()
	_ = conn.SetReadDeadline(time.Now().Add(patience))
	_, message, err := conn.ReadMessage()
	if err != nil {
		t.Fatal(err)
	}
	reader := bytes.NewReader(message)
	for _, number := range []*int64{new(int64), &stream, &kind} {
		if *number, err = binary.ReadVarint(reader); err != nil {
			t.Fatal(err)
		}
	}
	rest, _ := io.ReadAll(reader)
	return stream, kind, string(rest)
}

// pingServer is a dialer that always ends at an HTTP server that knows /ping.
func pingServer(t *testing.T) remotedialer.Dialer {
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, req *http.Request) {
		if req.URL.Path == "/ping" {
			_, _ = io.WriteString(rw, "pong")
		}
	}))
	t.Cleanup(server.Close)
	return func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "tcp", server.Listener.Addr().String())
	}
}
