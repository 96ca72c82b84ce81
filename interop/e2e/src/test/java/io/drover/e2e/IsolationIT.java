package io.drover.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * What the Explorer shows to users with all kinds of rights, compared with what Kubernetes says
 * that they may see: no object, no name, no number and no method may be shown that a
 * SubjectAccessReview refuses, and none left out that it allows. Another world: {@code
 * -Ddrover.isolation.seed=7}.
 */
@Tag("interop")
final class IsolationIT {
  private static final long SEED = Long.getLong("drover.isolation.seed", 20_261_128L);

  /** Cases that there must be. */
  private static final int MIN_CASES = 2_000;

  private static final Duration KINDS_LIMIT = Duration.ofSeconds(30);
  private static final Duration ANSWER_LIMIT = Duration.ofSeconds(30);

  /** How an agent is started. */
  private record Run(String sqlCache, IsolationPolicy policy) {
    Map<String, String> more() {
      var more = new HashMap<>(Map.of("CATTLE_FEATURES", "ui-sql-cache=" + sqlCache));
      if (!policy.isNone()) {
        more.put("DROVER_GATEWAY", "on");
      }
      return more;
    }

    String name() {
      return "isolation-" + sqlCache + (policy.isNone() ? "" : "-policy");
    }
  }

  private static final List<Run> RUNS =
      List.of(
          new Run("true", IsolationPolicy.NONE),
          new Run("false", IsolationPolicy.NONE),
          new Run("true", IsolationPolicy.of(SEED)),
          new Run("false", IsolationPolicy.of(SEED + 1)));

  @Test
  @Timeout(240)
  void showsWhatKubernetesShows() throws Exception {
    var world = new IsolationWorld(SEED);
    var faults = new ArrayList<String>();
    int cases = 0;
    long beginNanos = System.nanoTime();
    try (var plane = ControlPlane.startBare("isolation");
        var reviews = new AccessReviews(plane)) {
      make(plane, Programs.directory("isolation"), world);
      var outside = outside(plane);
      for (var run : RUNS) {
        var directory = Programs.directory(run.name());
        if (!run.policy().isNone()) {
          make(plane, directory, run.policy());
        }
        try (var peer = Peer.start(directory, Peer.VERSIONS.getLast(), Installation.NO_CHECKS);
            var agent =
                Agent.start(
                    "agent",
                    directory,
                    plane,
                    plane.apply(peer.manifest(), directory.resolve("pod")),
                    run.more())) {
          var explorer =
              Await.until("tunnel", ANSWER_LIMIT, () -> Optional.of(peer.forwardToSteve()));
          var check = new IsolationCheck(explorer, reviews, run.policy(), outside);
          var user = world.users().getFirst();
          // Not ready as a whole: without controllers there is no token for the cluster tunnel.
          Await.that("the Explorer answers", ANSWER_LIMIT, () -> check.answers(user));
          check.run(world);
          faults.addAll(check.faults());
          cases += check.cases();
          System.out.printf(
              "%s: cases=%d asking=%d s at %d s%n",
              run.name(),
              check.cases(),
              check.asking().toSeconds(),
              Duration.ofNanos(System.nanoTime() - beginNanos).toSeconds());
          assertThat(agent.process().isAlive()).isTrue();
        }
      }
      System.out.printf(
          "isolation: seed=%d cases=%d reviews=%d seconds=%d%n",
          SEED,
          cases,
          reviews.asked(),
          Duration.ofNanos(System.nanoTime() - beginNanos).toSeconds());
    }
    assertThat(faults).isEmpty();
    assertThat(cases).isGreaterThanOrEqualTo(MIN_CASES);
  }

  private static void make(ControlPlane plane, Path directory, IsolationPolicy policy)
      throws IOException, InterruptedException {
    var file =
        Files.writeString(Files.createDirectories(directory).resolve("policy.yaml"), policy.text());
    String[] of = {"-n", Import.NAMESPACE, "configmap", IsolationPolicy.CONFIG_MAP};
    plane.admin().run("delete", "--ignore-not-found", of[0], of[1], of[2], of[3]);
    plane.admin().run("create", of[0], of[1], of[2], of[3], "--from-file=" + file);
  }

  private static void make(ControlPlane plane, Path directory, IsolationWorld world)
      throws IOException, InterruptedException {
    var file = Files.createDirectories(directory).resolve("world.json");
    var all = Stream.concat(IsolationWorld.objects().stream(), world.rights().stream());
    Files.writeString(file, IsolationWorld.list(all).toString());
    Await.that(
        "everything is made",
        KINDS_LIMIT,
        () ->
            plane
                    .admin()
                    .outcome(
                        new byte[0], "apply", "--server-side", "--validate=false", "-f", "" + file)
                    .exitCode()
                == 0);
  }

  /** Kubernetes makes some by itself. */
  private static Map<String, List<String>> outside(ControlPlane plane)
      throws IOException, InterruptedException {
    var all = new HashMap<String, List<String>>();
    for (var kind : IsolationWorld.KINDS) {
      if (!kind.namespaced()) {
        var names =
            plane
                .admin()
                .run("get", kind.resource(), "--output=jsonpath={.items[*].metadata.name}");
        all.put(kind.resource(), List.of(names.split(" ", -1)));
      }
    }
    return all;
  }
}
