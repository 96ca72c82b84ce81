package io.drover.e2e;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.TestInstance.Lifecycle;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * What the stock agent has answered to the Explorer, asked of ours through Rancher's own tunnel
 * library. Which cases differ, and why, stands in {@code explorer/differences.txt}: exactly those
 * may.
 */
@Tag("interop")
@TestInstance(Lifecycle.PER_CLASS)
final class ExplorerVectorsIT {
  private static final List<String> READ =
      List.of(
          "schemas",
          "definitions",
          "http",
          "lists",
          "lists-users",
          "objects",
          "objects-users",
          "query",
          "counts");

  /** Of all cases. */
  private static final double MAX_OTHER = 0.02;

  private static final String FEATURES =
      "fleet=false,multi-cluster-management=false,multi-cluster-management-agent=true,"
          + "provisioningprebootstrap=false,ui-sql-cache=";

  /** Why these are not stands in {@code explorer/subscribe-differences.txt}. */
  private static final Set<String> NOT_PLAYED = Set.of("ping", "kinds");

  /** Who may do everything, by a binding of the fixture's. */
  private static final String ADMIN = "u-admin";

  private static final Duration LIMIT = Duration.ofSeconds(60);

  private ControlPlane plane;

  @BeforeAll
  void start() throws IOException, InterruptedException {
    plane = ControlPlane.startForExplorer("control-plane-explorer");
    ExplorerFixture.apply(plane, Programs.directory("explorer-fixture"));
  }

  @AfterAll
  void close() {
    plane.close();
  }

  @AfterEach
  void clean() throws IOException, InterruptedException {
    ExplorerFixture.clean(plane);
  }

  /** Listed cases, by whether they must differ: with the reason. */
  private record Listed(Map<String, String> differ, Map<String, String> mayDiffer) {
    static Listed read(String file, String dialect) throws IOException {
      var listed = new Listed(new TreeMap<>(), new TreeMap<>());
      String reason = "";
      var text = new String(VectorCase.resource(file).readAllBytes(), UTF_8);
      for (String line : text.lines().toList()) {
        if (line.startsWith("#")) {
          reason = line.substring(1).strip();
        } else if (line.startsWith(dialect + "/")) {
          (reason.startsWith("by chance") ? listed.mayDiffer() : listed.differ()).put(line, reason);
        }
      }
      return listed;
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"classic", "sql"})
  void answersAreTheRecordedOnes(String dialect) throws Exception {
    var features = Map.of("CATTLE_FEATURES", FEATURES + dialect.equals("sql"));
    try (var installation =
        Installation.start(
            plane, "explorer-" + dialect, "0.6.1", features, Installation.NO_CHECKS)) {
      var run = new VectorRun(installation.peer().forwardToSteve());
      try (var _ = countingPage(installation.peer().forwardToSteve())) {
        for (String group : READ) {
          run.group(dialect, group);
        }
        run.history(dialect, plane.admin());
        run.writes(dialect);
      }

      var listed = Listed.read("differences.txt", dialect);
      report(dialect, run, listed);
      var alsoElsewhere = new TreeSet<String>();
      listed
          .differ()
          .forEach(
              (id, reason) -> {
                if (reason.contains("relationships") && !run.onlyRelated().contains(id)) {
                  alsoElsewhere.add(id + " | " + run.differences().get(id));
                }
              });
      assertThat(alsoElsewhere).as("differ in more than their relationships").isEmpty();
      judge(run.differences(), listed);
    }
  }

  /** As every page does, one listens to the counts; here until those of all types are known. */
  private static TranscriptSocket countingPage(InetSocketAddress to)
      throws IOException, InterruptedException {
    var page = TranscriptSocket.listen(to, ADMIN, "{\"resourceType\":\"count\"}");
    Await.that("what belongs to a Deployment is known", LIMIT, () -> isMemberTold(to));
    return page;
  }

  private static boolean isMemberTold(InetSocketAddress to) throws IOException {
    var user = List.of(Map.entry("Impersonate-User", ADMIN));
    return RawHttp.send(to, "GET", "/v1/apps.deployments/vec-shop/web", user, new byte[0])
        .body()
        .contains("vec-lab/w-owned");
  }

  /** Which dialogues differ stands in {@code explorer/subscribe-differences.txt}. */
  @ParameterizedTest
  @ValueSource(strings = {"classic", "sql"})
  void pagesHearWhatIsRecorded(String dialect) throws Exception {
    var features = Map.of("CATTLE_FEATURES", FEATURES + dialect.equals("sql"));
    try (var installation =
        Installation.start(
            plane, "explorer-live-" + dialect, "0.6.1", features, Installation.NO_CHECKS)) {
      var run = new TranscriptRun(installation.peer().forwardToSteve(), plane.admin());
      run.run(dialect, NOT_PLAYED);

      int equal = run.all() - run.differences().size();
      System.out.printf("%s dialogues: equal %d of %d%n", dialect, equal, run.all());
      run.differences().forEach((id, what) -> System.out.println("  " + id + " | " + what));
      judge(run.differences(), Listed.read("subscribe-differences.txt", dialect));
    }
  }

  private static void judge(Map<String, String> differences, Listed listed) {
    var unexpected = new TreeMap<>(differences);
    unexpected.keySet().removeAll(listed.differ().keySet());
    unexpected.keySet().removeAll(listed.mayDiffer().keySet());
    var equalAfterAll = new TreeSet<>(listed.differ().keySet());
    equalAfterAll.removeAll(differences.keySet());
    assertThat(unexpected).as("differ, and are not listed").isEmpty();
    assertThat(equalAfterAll).as("listed as different, and equal").isEmpty();
  }

  /** Whether a case is to differ: since stock is wrong there, or ours is so by design. */
  private static boolean isOnPurpose(String reason) {
    return reason.startsWith("By design") || reason.startsWith("Stock's fault");
  }

  private static void report(String dialect, VectorRun run, Listed listed) {
    run.shares().forEach((group, share) -> System.out.println(group + ": equal " + share));
    int differ = run.differences().size();
    long onPurpose =
        run.differences().keySet().stream()
            .filter(id -> isOnPurpose(listed.differ().getOrDefault(id, "")))
            .count();
    System.out.printf(
        "%s: of %d equal %d, different on purpose %d, other %d%n",
        dialect, run.all(), run.all() - differ, onPurpose, differ - onPurpose);
    run.differences().forEach((id, what) -> System.out.println("  " + id + " | " + what));
    assertThat((double) (differ - onPurpose) / run.all())
        .as("share of cases that differ otherwise than on purpose")
        .isLessThan(MAX_OTHER);
  }
}
