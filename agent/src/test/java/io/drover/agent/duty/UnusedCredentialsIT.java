package io.drover.agent.duty;

import static org.assertj.core.api.Assertions.assertThat;

import ch.qos.logback.classic.Level;
import io.drover.agent.Logged;
import io.drover.agent.RealCluster;
import io.drover.agent.TestClock;
import io.drover.agent.config.DutyConfig;
import io.drover.agent.kube.ApiReader;
import io.drover.agent.kube.ApiWriter;
import io.drover.agent.reason.Reason;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.Semaphore;
import java.util.concurrent.SynchronousQueue;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;

/** At a real API server; only the clock is ours, since the duty waits for an hour. */
@Tag("interop")
@Timeout(1800)
class UnusedCredentialsIT {
  private static final String SECRETS = "/api/v1/namespaces/cattle-system/secrets";

  /** The Secrets are a moment younger than the clock. */
  private static final Duration HOUR_AND_MORE = Duration.ofMinutes(61);

  @RegisterExtension private final Logged log = new Logged(Duties.class);

  @TempDir private Path directory;

  @Test
  void onlyOldCredentialsThatNobodyUsesAreDeleted() throws Exception {
    try (var cluster = RealCluster.start(directory, "--bare")) {
      deletesWhatItShould(cluster.api());
    }
  }

  @Test
  void missingRightTurnsItOffByNameUntilItIsGiven() throws Exception {
    var clock = new TestClock(Instant.now());
    var naps = new SynchronousQueue<Duration>();
    var goOn = new Semaphore(0);
    try (var cluster = RealCluster.start(directory, "--bare");
        var account = cluster.account("cattle")) {
      createAll(cluster.api());
      cluster.allow("cattle", "reads", List.of(RealCluster.rule("secrets", "list")));
      try (var duties =
          Duties.start(
              new DutyConfig(
                  Set.of(DutyConfig.Duty.UNUSED_CREDENTIALS),
                  "cattle-credentials-used",
                  Set.of(),
                  ""),
              new FakeView(),
              Map::of,
              Map::of,
              TreeMap::new,
              () -> true,
              new ApiWriter(account.reader(), clock),
              clock,
              duration -> {
                naps.put(duration);
                goOn.acquire();
              })) {
        naps.take();
        assertThat(duties.problems()).isEmpty();

        for (int pass = 0; pass < 2; pass++) {
          clock.advance(HOUR_AND_MORE);
          goOn.release();
          naps.take();
          assertThat(duties.problems())
              .hasSize(1)
              .hasEntrySatisfying(
                  "unused-credentials",
                  problem -> assertThat(problem.reason()).isEqualTo(Reason.FORBIDDEN));
        }
        assertThat(log.at(Level.WARN))
            .singleElement()
            .satisfies(line -> assertThat(line).startsWith("duty fails: duty=unused-credentials"));
        assertThat(names(cluster.api())).hasSize(4);

        cluster.allow("cattle", "deletes", List.of(RealCluster.rule("secrets", "delete")));
        clock.advance(HOUR_AND_MORE);
        goOn.release();
        naps.take();
        assertThat(duties.problems()).isEmpty();
        assertThat(names(cluster.api()))
            .containsExactlyInAnyOrder("cattle-credentials-used", "cattle-other");
      }
    }
  }

  private static void deletesWhatItShould(ApiReader api) throws Exception {
    createAll(api);
    var clock = new TestClock(Instant.now());
    var writer = new ApiWriter(api, clock);
    var duty = new UnusedCredentials("cattle-credentials-used", writer, clock);
    var nameless = new UnusedCredentials("", writer, clock);

    clock.advance(Duration.ofMinutes(59));
    assertThat(duty.pass()).isFalse();
    clock.advance(Duration.ofMinutes(2));
    assertThat(nameless.pass()).isFalse();
    assertThat(names(api)).hasSize(4);

    assertThat(duty.pass()).isTrue();

    assertThat(names(api)).containsExactlyInAnyOrder("cattle-credentials-used", "cattle-other");
  }

  private static void createAll(ApiReader api) throws Exception {
    for (var name : List.of("credentials-used", "credentials-old", "credentials-older", "other")) {
      RealCluster.create(api, SECRETS, RealCluster.named("Secret", "v1", "cattle-" + name));
    }
  }

  private static List<String> names(ApiReader api) throws InterruptedException {
    var names = new ArrayList<String>();
    api.list(
        SECRETS,
        "application/json",
        secret -> names.add(secret.path("metadata").path("name").asText()));
    return names;
  }
}
