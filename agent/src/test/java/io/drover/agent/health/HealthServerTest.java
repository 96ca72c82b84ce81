package io.drover.agent.health;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.drover.agent.config.HealthConfig;
import io.drover.agent.reason.PastProblem;
import io.drover.agent.reason.Problem;
import io.drover.agent.reason.Reason;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Clock;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Supplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(30)
class HealthServerTest {
  private static final HealthConfig ANY_PORT = new HealthConfig(true, "127.0.0.1", 0);
  private static final Instant SINCE = Instant.parse("2026-11-22T12:00:00Z");
  private static final Clock CLOCK =
      Clock.fixed(Instant.parse("2026-11-22T13:00:00Z"), ZoneOffset.UTC);
  private static final PastProblem PAST =
      new PastProblem(
          new Problem(Reason.TUNNEL_CLOSED, "close 1006"), Instant.parse("2026-11-22T11:59:00Z"));
  private static final TunnelReading CONNECTED =
      new TunnelReading(
          "cluster", true, true, SINCE, null, PAST, 3, 7, 4_000_000_000L, 100, 200, 5, 64);
  private static final TunnelReading LOST =
      new TunnelReading(
          "steve",
          true,
          false,
          SINCE,
          new Problem(Reason.CONNECT_TIMEOUT, "dial tcp 10.0.0.1:443: i/o timeout \"x\""),
          PAST,
          0,
          0,
          0,
          0,
          0,
          0,
          0);

  private final HttpClient http = HttpClient.newHttpClient();
  private SortedMap<String, Problem> degraded = new TreeMap<>();
  private List<String> stalled = List.of();

  @Test
  void aTunnelThatIsNotWantedIsNoFault() throws Exception {
    var unwanted =
        new TunnelReading(
            "steve",
            false,
            false,
            SINCE,
            new Problem(Reason.NOT_WANTED, "not wanted"),
            null,
            0,
            0,
            0,
            0,
            0,
            0,
            0);
    try (var server = start(() -> CONNECTED, () -> unwanted)) {
      var answer = get(server, "/readyz");
      assertThat(answer.statusCode()).isEqualTo(200);
      assertThat(answer.body()).contains("not wanted");
    }
  }

  @Test
  void featureThatDoesNotWorkIsNamedAndKeepsNobodyFromBeingReady() throws Exception {
    degraded = new TreeMap<>(Map.of("leader", new Problem(Reason.FORBIDDEN, "403 \"leases\"")));
    try (var server = start(() -> CONNECTED)) {
      var answer = get(server, "/readyz");
      assertThat(answer.statusCode()).isEqualTo(200);
      assertThat(answer.body())
          .contains(
              """
              "degraded":[{"feature":"leader","reason":"Forbidden",\
              "meaning":"this cluster's API server does not allow what is needed",\
              "message":"403 \\"leases\\"",\
              "nextStep":"grant the right that is named, or apply the cluster's manifest again",\
              "page":"docs/troubleshooting.md#forbidden"}]""");
      assertThat(get(server, "/metrics").body())
          .contains("drover_feature_problem{feature=\"leader\",reason=\"Forbidden\"} 1.0");
    }
  }

  @Test
  void isAliveWhateverTheTunnelsDo() throws Exception {
    try (var server = start(() -> LOST)) {
      assertThat(get(server, "/livez").statusCode()).isEqualTo(200);
    }
  }

  @Test
  void isNotAliveWhileAThreadStandsStill() throws Exception {
    stalled = List.of("cluster-reader", "tunnel-timer");
    try (var server = start(() -> CONNECTED)) {
      var answer = get(server, "/livez");
      assertThat(answer.statusCode()).isEqualTo(503);
      assertThat(answer.body()).isEqualTo("threads stand still: cluster-reader, tunnel-timer\n");

      stalled = List.of();
      assertThat(get(server, "/livez").statusCode()).isEqualTo(200);
    }
  }

  @Test
  void isReadyOnceEveryTunnelIsConnected() throws Exception {
    var steve = new AtomicReference<>(LOST);
    try (var server = start(() -> CONNECTED, steve::get)) {
      var before = get(server, "/readyz");
      assertThat(before.statusCode()).isEqualTo(503);
      assertThat(before.headers().firstValue("Content-Type")).contains("application/json");
      assertThat(before.body())
          .isEqualTo(
              """
              {"ready":false,"version":"1.2.3","started":"2026-11-22T13:00:00Z",\
              "now":"2026-11-22T13:00:00Z","checks":[\
              {"name":"cluster-tunnel","ready":true,"since":"2026-11-22T12:00:00Z",\
              "sessions":3,"streamsOpen":7,"streams":4000000000,"receivedBytes":100,\
              "sentBytes":200,"queuedBytes":64,"dialFailures":5,\
              "past":{"at":"2026-11-22T11:59:00Z","reason":"TunnelClosed",\
              "meaning":"the server closed the tunnel","message":"close 1006",\
              "nextStep":"nothing, if it comes back; or look at the server's log","page":"docs/troubleshooting.md#tunnelclosed"}},\
              {"name":"steve-tunnel","ready":false,"since":"2026-11-22T12:00:00Z",\
              "sessions":0,"streamsOpen":0,"streams":0,"receivedBytes":0,\
              "sentBytes":0,"queuedBytes":0,"dialFailures":0,\
              "reason":"ConnectTimeout","meaning":"nothing came back from the address",\
              "message":"dial tcp 10.0.0.1:443: i/o timeout \\"x\\"",\
              "nextStep":"allow this cluster to reach that address and port in the firewall, or set a\
               proxy","page":"docs/troubleshooting.md#connecttimeout"}],"degraded":[]}
              """);

      steve.set(CONNECTED);

      assertThat(get(server, "/readyz").statusCode()).isEqualTo(200);
    }
  }

  @Test
  void readinessSaysHowTheReportsDo() throws Exception {
    var sinks =
        List.of(
            new ReportReading.Sink("cluster", 2, SINCE), new ReportReading.Sink("http", 0, null));
    try (var server =
        HealthServer.start(
            ANY_PORT,
            "1.2.3",
            CLOCK,
            List::of,
            List.of(),
            TreeMap::new,
            () -> new ReportReading(null, true, 9, sinks),
            null)) {
      assertThat(get(server, "/readyz").body())
          .contains(
              "\"reports\":{\"leads\":true,\"sinks\":[{\"name\":\"cluster\",\"failures\":2,"
                  + "\"lastSuccess\":\"2026-11-22T12:00:00Z\"},"
                  + "{\"name\":\"http\",\"failures\":0}]}");
    }
  }

  @Test
  void readinessAndMetricsSayWhatCameThroughTheGateway() throws Exception {
    var gateway =
        new GatewayReading(
            "2 rules, 0 of presets, default allow",
            List.of(
                new GatewayReading.Requests("get", "200", "user", 7),
                new GatewayReading.Requests("create", "403", "user", 2)),
            Map.of("policy", 2L),
            List.of(0.5, 1.0),
            List.of(3L, 2L, 4L),
            12.5,
            "/var/log/audit.log",
            "block",
            8,
            1,
            List.of(new GatewayReading.User("u-abc", 9)),
            List.of(new GatewayReading.User("u-def", 4)),
            3);
    try (var server =
        HealthServer.start(
            ANY_PORT, "1.2.3", CLOCK, List::of, List.of(), TreeMap::new, null, () -> gateway)) {
      assertThat(get(server, "/readyz").body())
          .contains(
              "\"gateway\":{\"policy\":\"2 rules, 0 of presets, default allow\",\"audit\":"
                  + "{\"to\":\"/var/log/audit.log\",\"full\":\"block\",\"events\":8,"
                  + "\"lost\":1},\"requests\":9,\"refused\":2,"
                  + "\"topUsers\":[{\"name\":\"u-abc\",\"requests\":9}],"
                  + "\"lastHour\":{\"topUsers\":[{\"name\":\"u-def\",\"requests\":4}],"
                  + "\"others\":3}}");
      assertThat(get(server, "/metrics").body().lines())
          .contains(
              "drover_gateway_requests_total{code=\"200\",subject=\"user\",verb=\"get\"} 7.0",
              "drover_gateway_requests_total{code=\"403\",subject=\"user\",verb=\"create\"} 2.0",
              "drover_gateway_refused_total{by=\"policy\"} 2.0",
              "drover_gateway_audit_events_total 8.0",
              "drover_gateway_audit_lost_total 1.0",
              "drover_gateway_request_duration_seconds_bucket{le=\"0.5\"} 3",
              "drover_gateway_request_duration_seconds_bucket{le=\"1.0\"} 5",
              "drover_gateway_request_duration_seconds_bucket{le=\"+Inf\"} 9",
              "drover_gateway_request_duration_seconds_count 9",
              "drover_gateway_request_duration_seconds_sum 12.5");
    }
  }

  @Test
  void metricsCarryNamesAndUnitsOfPrometheus() throws Exception {
    try (var server = start(() -> CONNECTED, () -> LOST)) {
      var answer = get(server, "/metrics");

      assertThat(answer.headers().firstValue("Content-Type").orElseThrow())
          .startsWith("text/plain; version=0.0.4");
      assertThat(answer.body().lines())
          .contains(
              "drover_build_info{version=\"1.2.3\"} 1",
              "# TYPE drover_tunnel_connected gauge",
              "drover_tunnel_connected{tunnel=\"cluster\"} 1.0",
              "drover_tunnel_connected{tunnel=\"steve\"} 0.0",
              "drover_tunnel_problem{reason=\"ConnectTimeout\",tunnel=\"steve\"} 1.0",
              "drover_tunnel_last_change_timestamp_seconds{tunnel=\"cluster\"} 1.7953488E9",
              "drover_tunnel_open_streams{tunnel=\"cluster\"} 7.0",
              "drover_tunnel_queued_bytes{tunnel=\"cluster\"} 64.0",
              "drover_tunnel_sessions_total{tunnel=\"cluster\"} 3.0",
              "# TYPE drover_tunnel_streams_total counter",
              "drover_tunnel_streams_total{tunnel=\"cluster\"} 4.0E9",
              "drover_tunnel_received_bytes_total{tunnel=\"cluster\"} 100.0",
              "drover_tunnel_sent_bytes_total{tunnel=\"cluster\"} 200.0",
              "drover_tunnel_dial_failures_total{tunnel=\"cluster\"} 5.0")
          .anyMatch(line -> line.startsWith("jvm_memory_used_bytes{area=\"heap\"}"))
          .anyMatch(line -> line.startsWith("process_resident_memory_bytes"));
    }
  }

  @Test
  void otherPathsAndMethodsAreRefused() throws Exception {
    try (var server = start(() -> CONNECTED)) {
      assertThat(get(server, "/livezz").statusCode()).isEqualTo(404);
      assertThat(send(server, "/livez", "POST").statusCode()).isEqualTo(405);
      assertThat(send(server, "/livez", "HEAD").statusCode()).isEqualTo(200);
      assertThat(send(server, "/livez", "HEAD").body()).isEmpty();
    }
  }

  @Test
  void requestsOverTheLimitAreTurnedAwayAtOnce() throws Exception {
    var inside = new Semaphore(0);
    var release = new CountDownLatch(1);
    Supplier<TunnelReading> slow =
        () -> {
          inside.release();
          awaitUninterruptibly(release);
          return CONNECTED;
        };
    try (var server = start(slow)) {
      var waiting = new ArrayList<CompletableFuture<HttpResponse<String>>>();
      for (int i = 0; i < HealthServer.MAX_REQUESTS; i++) {
        waiting.add(
            http.sendAsync(
                request(server, "/readyz", "GET"), HttpResponse.BodyHandlers.ofString()));
      }
      inside.acquire(HealthServer.MAX_REQUESTS);

      assertThat(get(server, "/livez").statusCode()).isEqualTo(503);

      release.countDown();
      for (var answer : waiting) {
        assertThat(answer.join().statusCode()).isEqualTo(200);
      }
      assertThat(get(server, "/livez").statusCode()).isEqualTo(200);
    }
  }

  @Test
  void portInUseIsExplained() throws Exception {
    try (var first = start(() -> CONNECTED)) {
      int port = first.address().orElseThrow().getPort();
      var same = new HealthConfig(true, "127.0.0.1", port);

      assertThatThrownBy(
              () ->
                  HealthServer.start(
                      same, "1.2.3", CLOCK, List::of, List.of(), TreeMap::new, null, null))
          .isInstanceOf(IOException.class)
          .hasMessageStartingWith("cannot serve health at 127.0.0.1:" + port)
          .hasMessageContaining("DROVER_HEALTH_ADDRESS");
    }
  }

  @Test
  void mayBeTurnedOff() throws Exception {
    try (var server =
        HealthServer.start(
            new HealthConfig(false, "0.0.0.0", 0),
            "1.2.3",
            CLOCK,
            List::of,
            List.of(),
            TreeMap::new,
            null,
            null)) {
      assertThat(server.address()).isEmpty();
    }
  }

  private HealthServer start(Supplier<TunnelReading> tunnel) throws IOException {
    return HealthServer.start(
        ANY_PORT, "1.2.3", CLOCK, () -> stalled, List.of(tunnel), () -> degraded, null, null);
  }

  private HealthServer start(Supplier<TunnelReading> cluster, Supplier<TunnelReading> steve)
      throws IOException {
    return HealthServer.start(
        ANY_PORT, "1.2.3", CLOCK, List::of, List.of(cluster, steve), () -> degraded, null, null);
  }

  private HttpResponse<String> get(HealthServer server, String path) throws Exception {
    return send(server, path, "GET");
  }

  private HttpResponse<String> send(HealthServer server, String path, String method)
      throws Exception {
    return http.send(request(server, path, method), HttpResponse.BodyHandlers.ofString());
  }

  private static HttpRequest request(HealthServer server, String path, String method) {
    int port = server.address().orElseThrow().getPort();
    return HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + path))
        .method(method, HttpRequest.BodyPublishers.noBody())
        .build();
  }

  private static void awaitUninterruptibly(CountDownLatch latch) {
    try {
      latch.await();
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }
}
