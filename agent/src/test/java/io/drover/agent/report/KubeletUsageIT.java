package io.drover.agent.report;

import static org.assertj.core.api.Assertions.assertThat;

import ch.qos.logback.classic.Level;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import io.drover.agent.Logged;
import io.drover.agent.RealCluster;
import io.drover.agent.kube.Fabric8ClusterApi;
import io.drover.agent.reason.Reason;
import io.drover.agent.view.LiveView;
import io.drover.agent.view.SurveyConfig;
import io.drover.proto.report.Cause;
import io.drover.proto.report.ClusterReport;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.Semaphore;
import java.util.concurrent.SynchronousQueue;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;

/**
 * Usage as a real kubelet tells it through a real API server, to an account that may ask and to one
 * that may not; only the waits of five minutes are ours.
 */
@Tag("interop")
@Timeout(1800)
class KubeletUsageIT {
  private static final String RIGHTS = "../charts/drover/rights.yaml";
  private static final String FEATURE = "kubelet-usage";
  private static final Duration MINUTE = Duration.ofMinutes(1);

  /** Passes, until a kubelet has measured anew. */
  private static final int MAX_PASSES = 10_000;

  @RegisterExtension private final Logged log = new Logged(Reporter.class);

  @TempDir private Path directory;

  private static List<JsonNode> rules(String feature) throws Exception {
    var rules = new ArrayList<JsonNode>();
    new YAMLMapper()
        .readTree(Path.of(RIGHTS).toFile())
        .path(feature)
        .forEach(place -> place.forEach(rules::add));
    return rules;
  }

  @Test
  void missingRightTurnsItOffByNameAndNothingElse() throws Exception {
    try (var cluster = RealCluster.start(directory, "--real-node");
        var without = cluster.account("without");
        var with = cluster.account("with")) {
      for (String account : List.of("without", "with")) {
        cluster.allow(account, account, rules("reports"));
      }
      cluster.allow("with", FEATURE, rules(FEATURE));

      try (var minutes = new Minutes(without)) {
        for (int pass = 0; pass < 6; pass++) {
          minutes.pass();
        }
        assertThat(minutes.reporter.problems()).containsOnlyKeys(FEATURE, "reports");
        assertThat(minutes.reporter.problems())
            .hasEntrySatisfying(
                FEATURE, problem -> assertThat(problem.reason()).isEqualTo(Reason.FORBIDDEN));
        assertThat(minutes.report().undetermined())
            .filteredOn(value -> value.cause() == Cause.FORBIDDEN)
            .singleElement()
            .satisfies(
                value -> {
                  assertThat(value.path()).isEqualTo("resources.usage");
                  assertThat(value.detail()).contains("/proxy/metrics/resource");
                });
        minutes.pass();
        assertThat(log.at(Level.WARN))
            .filteredOn(line -> line.startsWith("a right is missing: feature=" + FEATURE))
            .as("said once")
            .hasSize(1);
      }

      try (var minutes = new Minutes(with)) {
        for (int pass = 0; pass < MAX_PASSES && minutes.report().resources().usage() == null; ) {
          minutes.pass();
          pass++;
        }
        assertThat(minutes.report().resources().usage()).isNotNull();
        assertThat(minutes.reporter.problems()).isEmpty();
      }
    }
  }

  /** An agent's view and reports, for which a minute passes when the test says so. */
  private static final class Minutes implements AutoCloseable {
    private final SynchronousQueue<Duration> naps = new SynchronousQueue<>();
    private final Semaphore goOn = new Semaphore(0);
    private final LiveView view;
    private final Reporter reporter;
    private long nanos;

    Minutes(Fabric8ClusterApi api) throws InterruptedException {
      view =
          LiveView.start(
              api.reader(),
              new SurveyConfig("cattle-system", CapabilityCollector.counted(), Set.of(), List::of),
              Clock.systemUTC(),
              duration -> {
                if (duration.equals(MINUTE)) {
                  naps.put(duration);
                  goOn.acquire();
                } else {
                  new Semaphore(0).acquire(); // until it is closed
                }
              },
              new Random(1),
              () -> {});
      reporter =
          new Reporter(
              view,
              view::awaitFirst,
              List.of(),
              () -> false,
              List::of,
              Optional::empty,
              Optional::empty,
              () -> "c-1",
              "1.2.3",
              "instance",
              Clock.systemUTC(),
              new Random(1));
      naps.take();
      reporter.turn(nanos, true);
    }

    void pass() throws InterruptedException {
      goOn.release();
      naps.take();
      nanos += Cadence.RESEND.toNanos();
      reporter.turn(nanos, true);
    }

    ClusterReport report() {
      return reporter.last().orElseThrow();
    }

    @Override
    public void close() {
      view.close();
      reporter.close();
    }
  }
}
