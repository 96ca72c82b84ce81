package io.drover.agent;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import io.drover.agent.config.HealthConfig;
import io.drover.agent.config.Setting;
import io.drover.agent.duty.Duties;
import io.drover.agent.gateway.audit.Recorder;
import io.drover.agent.health.HealthServer;
import io.drover.agent.kube.Handover;
import io.drover.agent.kube.Leadership;
import io.drover.agent.report.Reporter;
import io.drover.agent.tunnel.TunnelClient;
import io.drover.agent.view.LiveView;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.List;
import java.util.TreeMap;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** What the chart gives a pod that stops, and asks one that runs, is what the agent needs. */
final class ChartGraceTest {
  private static final Path CHART = Path.of("../charts/drover");
  private static final Pattern GRACE =
      Pattern.compile("terminationGracePeriodSeconds: \\{\\{ add .Values.drainSeconds (\\d+) }}");

  /** So much is left for the JVM's end, on a node that is short of CPU. */
  private static final Duration RESERVE = Duration.ofSeconds(5);

  @Test
  void gracePeriodIsLongEnoughForEachPartToEndAfterTheOther() throws Exception {
    var found = GRACE.matcher(Files.readString(CHART.resolve("templates/deployment.yaml"), UTF_8));
    assertThat(found.find()).isTrue();
    var aboveDrain = Duration.ofSeconds(Long.parseLong(found.group(1)));

    // Both tunnels drain at the same time; all else ends in turn, after or before.
    var parts =
        Handover.LIMIT
            .plus(limit(TunnelClient.class, "CLOSE_MARGIN"))
            .plus(limit(Duties.class, "CLOSE_LIMIT"))
            .plus(limit(Reporter.class, "CLOSE_LIMIT"))
            .plus(limit(Leadership.class, "RELEASE_LIMIT"))
            .plus(limit(LiveView.class, "STOP_LIMIT"))
            .plus(limit(Recorder.class, "CLOSE_LIMIT"));

    assertThat(aboveDrain).isGreaterThanOrEqualTo(parts.plus(RESERVE));
  }

  /** The default of {@code DROVER_DRAIN_SECONDS}. */
  private static final Duration DRAIN =
      Duration.ofSeconds(Long.parseLong(Setting.DROVER_DRAIN_SECONDS.standard()));

  private static Duration limit(Class<?> of, String name) throws ReflectiveOperationException {
    var field = of.getDeclaredField(name);
    field.setAccessible(true);
    return (Duration) field.get(null);
  }

  /**
   * It sets none, so a pod has Kubernetes' 30 s, of which the agent takes what it is patient for.
   */
  @Test
  void ranchersManifestGivesTimeToHandOverAndToDrain() {
    var patience = Handover.LIMIT.plus(DRAIN).plus(Main.STOP_MARGIN);

    assertThat(patience).isLessThan(Duration.ofSeconds(30));
  }

  @Test
  void probesAskForWhatIsServed() throws Exception {
    var paths =
        Pattern.compile("(?m)^ +path: (/\\S+)$")
            .matcher(Files.readString(CHART.resolve("templates/deployment.yaml"), UTF_8))
            .results()
            .map(found -> found.group(1))
            .toList();
    assertThat(paths).containsExactly("/livez", "/readyz");

    try (var server =
            HealthServer.start(
                new HealthConfig(true, "127.0.0.1", 0),
                "1.2.3",
                Clock.systemUTC(),
                List::of,
                List.of(),
                TreeMap::new,
                null,
                null);
        var http = HttpClient.newHttpClient()) {
      int port = server.address().orElseThrow().getPort();
      for (String path : paths) {
        var request = HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + path)).build();
        assertThat(http.send(request, BodyHandlers.discarding()).statusCode()).isEqualTo(200);
      }
    }
  }

  @Test
  void drainOfTheValuesIsThatOfTheAgent() throws Exception {
    JsonNode values = new YAMLMapper().readTree(CHART.resolve("values.yaml").toFile());

    assertThat(values.path("drainSeconds").asText())
        .isEqualTo(Setting.DROVER_DRAIN_SECONDS.standard());
  }
}
