package io.drover.agent;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import ch.qos.logback.classic.Level;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.drover.agent.config.HealthConfig;
import io.drover.agent.duty.ToldEvents;
import io.drover.agent.health.HealthServer;
import io.drover.agent.health.TunnelReading;
import io.drover.agent.inspect.AgentState;
import io.drover.agent.inspect.StatusTable;
import io.drover.agent.reason.Failure;
import io.drover.agent.reason.Reason;
import io.drover.agent.retry.Backoff;
import io.drover.agent.rotate.Changes;
import io.drover.agent.rotate.Rotation;
import io.drover.agent.rotate.Rotation.Part;
import io.drover.agent.rotate.Signal;
import io.drover.agent.tls.ServerDialer;
import io.drover.agent.tunnel.DialAudit;
import io.drover.agent.tunnel.TcpDialer;
import io.drover.agent.tunnel.Timer;
import io.drover.agent.tunnel.TunnelClient;
import io.drover.agent.tunnel.TunnelClient.Handshakes;
import io.drover.agent.tunnel.Watchdog;
import io.drover.proto.report.ClusterReport;
import io.drover.proto.report.Health;
import io.drover.proto.report.ReportJson;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Clock;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Whatever the agent tells of a problem, and wherever, it has the same code. */
@Timeout(60)
class ReasonOutputsTest {
  /** What no Event tells of a tunnel: it is so at each start, or by intention. */
  private static final Set<Reason> NO_NEWS =
      Set.of(Reason.NOT_CONNECTED_YET, Reason.NOT_WANTED, Reason.SHUTTING_DOWN);

  private static final String PARTICULARS = "the particulars";
  private static final int WIDTH = 200;

  private final HttpClient http = HttpClient.newHttpClient();
  @RegisterExtension private final Logged log = Logged.ofAll();

  @ParameterizedTest
  @EnumSource
  void everyOutputShowsTheSameCode(Reason reason) throws Exception {
    Handshakes never =
        () -> {
          throw new Failure(reason, PARTICULARS);
        };
    var part = new Part("feature", never::next);
    var signal = Signal.with(Changes.unknown());
    try (var timer = Timer.system(new Watchdog(System::nanoTime));
        var tunnel = start(never, timer);
        var rotation = Rotation.start(List.of(part), signal, System::nanoTime, new Random(1))) {
      signal.changed();
      eventually(() -> log.at(Level.WARN).size() == 2);
      var reading = Readings.tunnel("cluster", tunnel);

      try (var health = serve(reading, rotation)) {
        var state = get(health, "/readyz");
        only(reason, state, "\"reason\":\"(\\w+)\"", 2);
        var metrics = get(health, "/metrics");
        only(reason, metrics, "drover_tunnel_problem\\{reason=\"(\\w+)\"", 1);
        only(reason, metrics, "drover_feature_problem\\{feature=\"feature\",reason=\"(\\w+)\"", 1);
        var status =
            StatusTable.render(new AgentState(new ObjectMapper().readTree(state)), false, WIDTH);
        only(reason, status, "down for .*: (\\w+)\\n", 1);
        only(reason, status, "✗ feature +(\\w+)\\n", 1);
      }
      only(reason, Readings.lastReasons("cluster", tunnel), "Z tunnel=cluster reason=(\\w+): ", 1);
      only(reason, report(reading), "\"reason\":\"(\\w+)\",\"message\":\"" + PARTICULARS, 1);
      only(
          reason,
          ToldEvents.of(
                  Map.of("cluster", Optional.ofNullable(reading.problem())), rotation.problems())
              .toString(),
          "event cattle-system/pod ! (\\w+)",
          NO_NEWS.contains(reason) ? 1 : 2);
    }
    var lines = String.join("\n", log.at(Level.WARN));
    only(reason, lines, "tunnel down: tunnel=cluster reason=(\\w+): ", 1);
    only(reason, lines, "new material not taken: part=feature reason=(\\w+): ", 1);
    assertThat(exit(reason)).isEqualTo(reason == Reason.STRANDED ? Main.STRANDED : Main.FAILED);
    only(reason, log.at(Level.ERROR).toString(), "agent failed: reason=(\\w+): ", 1);
  }

  /** The code, and no other, so many times. */
  private static void only(Reason reason, String text, String pattern, int times) {
    var found =
        Pattern.compile(pattern).matcher(text).results().map(match -> match.group(1)).toList();
    assertThat(found).as("in %s", text).hasSize(times).containsOnly(reason.code());
  }

  private static TunnelClient start(Handshakes handshakes, Timer timer) {
    return TunnelClient.start(
        "cluster",
        ServerDialer.direct(),
        handshakes,
        new TcpDialer(),
        DialAudit.none(),
        Duration.ZERO,
        timer,
        new Watchdog(System::nanoTime),
        new Backoff(new Random(1)));
  }

  private static HealthServer serve(TunnelReading reading, Rotation rotation) throws IOException {
    return HealthServer.start(
        new HealthConfig(true, "127.0.0.1", 0),
        "1.2.3",
        Clock.systemUTC(),
        List::of,
        List.of(() -> reading),
        rotation::problems,
        null,
        null);
  }

  private String get(HealthServer server, String path) throws Exception {
    int port = server.address().orElseThrow().getPort();
    var request = HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + path)).build();
    return http.send(request, BodyHandlers.ofString()).body();
  }

  /** One that has nothing to say but how the tunnel is. */
  private static String report(TunnelReading reading) throws IOException {
    var known = sample();
    var health = known.health();
    return ReportJson.write(
        new ClusterReport(
            known.clusterId(),
            known.agent(),
            known.observedAt(),
            new Health(
                health.ready(),
                List.of(),
                List.of(),
                List.of(),
                null,
                null,
                null,
                null,
                List.of(Readings.health(reading))),
            null,
            null,
            known.resources(),
            known.capabilities(),
            known.details(),
            null,
            known.evidence(),
            known.undetermined()));
  }

  private static ClusterReport sample() throws IOException {
    try (var in = ReasonOutputsTest.class.getResourceAsStream("report/report.json")) {
      return ReportJson.read(new String(Objects.requireNonNull(in).readAllBytes(), UTF_8));
    }
  }

  private static int exit(Reason reason) {
    var environment =
        Map.of(
            "CATTLE_SERVER", "https://rancher.example.com",
            "KUBERNETES_SERVICE_HOST", "10.43.0.1",
            "KUBERNETES_SERVICE_PORT", "443");
    return Main.run(
        environment,
        Map.of(),
        (_, _) -> {
          throw new Failure(reason, PARTICULARS);
        },
        new PrintWriter(new StringWriter()));
  }

  /** For what makes no sound when it comes true. */
  private static void eventually(BooleanSupplier condition) {
    while (!condition.getAsBoolean()) {
      LockSupport.parkNanos(1_000_000);
    }
  }
}
