package io.drover.server.store;

import static io.drover.server.SampleReport.OBSERVED_AT;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.drover.proto.report.ClusterReport;
import io.drover.proto.report.ReportJson;
import io.drover.server.SampleReport;
import io.drover.server.store.Reports.Outcome;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.Parameter;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.EnumSource;

@Timeout(60)
@ParameterizedClass
@EnumSource(TestDatabase.class)
@SuppressWarnings("NullAway.Init") // open() sets everything
class ReportsTest {
  @Parameter private TestDatabase kind;
  @TempDir private Path directory;
  private Instant now = OBSERVED_AT.plusSeconds(1);
  private Database database;
  private Store store;
  private Reports reports;
  private String cluster;

  @BeforeEach
  void open() throws Exception {
    database = kind.open(directory);
    store = new Store(database, () -> now);
    cluster = store.createCluster(ClusterSpec.named("prod")).id();
    reports = new Reports(database, () -> now);
  }

  @AfterEach
  void close() {
    database.close();
  }

  private Outcome take(ClusterReport report) {
    return reports.take(cluster, report, ReportJson.tree(report));
  }

  private Outcome take(String instance, long sequence) {
    return take(SampleReport.of("", instance, sequence));
  }

  private Outcome take(String instance, long sequence, Instant observedAt) {
    return take(SampleReport.of("", instance, sequence, observedAt));
  }

  private StoredReport newest() {
    return reports.newest(cluster).orElseThrow();
  }

  private String stored() {
    return database.read(
        from ->
            from.createQuery("SELECT report FROM reports WHERE cluster_id = ?")
                .bind(0, cluster)
                .mapTo(String.class)
                .findOne()
                .orElse(""));
  }

  @Test
  void newestIsKept() {
    assertThat(reports.newest(cluster)).isEmpty();

    assertThat(take("a", 1)).isEqualTo(Outcome.TAKEN);
    assertThat(take("a", 2)).isEqualTo(Outcome.TAKEN);

    assertThat(newest().report()).isEqualTo(SampleReport.of("", "a", 2));
    assertThat(newest().receivedAt()).isEqualTo(now);
  }

  @Test
  void newestOfAllIsThatOfEach() {
    assertThat(reports.newestOfAll()).isEmpty();

    take("a", 1);
    take("a", 2);

    assertThat(reports.newestOfAll()).containsOnlyKeys(cluster).containsValue(newest());
  }

  @Test
  void sameOrOlderSequenceOfTheSameInstanceChangesNothing() {
    take("a", 2);
    var before = stored();

    assertThat(take("a", 2)).isEqualTo(Outcome.SEEN);
    assertThat(take("a", 1, OBSERVED_AT.plusSeconds(9))).isEqualTo(Outcome.SEEN);

    assertThat(newest().report().agent().sequence()).isEqualTo(2);
    assertThat(stored()).isEqualTo(before);
  }

  @Test
  void newInstanceReplacesUnlessItsReportIsOlder() {
    take("a", 7);

    assertThat(take("b", 9, OBSERVED_AT.minusSeconds(1))).isEqualTo(Outcome.OUTDATED);
    assertThat(newest().report().agent().instance()).isEqualTo("a");
    assertThat(take("b", 1, OBSERVED_AT)).isEqualTo(Outcome.TAKEN);

    assertThat(newest().report().agent().instance()).isEqualTo("b");
    assertThat(newest().missed()).isZero();
  }

  @Test
  void agentWhoseClockIsAheadDoesNotLockOutTheNext() {
    take("a", 1, now.plus(Duration.ofDays(365)));
    now = now.plusSeconds(60);

    assertThat(take("b", 1, now.minusSeconds(59).minusMillis(500))).isEqualTo(Outcome.TAKEN);
    assertThat(take("c", 1, now.minusSeconds(61))).isEqualTo(Outcome.OUTDATED);
  }

  @Test
  void gapsInTheSequenceAreCounted() {
    take("a", 3); // those before it may have gone to another server
    assertThat(newest().missed()).isZero();

    take("a", 4);
    assertThat(newest().missed()).isZero();
    take("a", 7);
    assertThat(newest().missed()).isEqualTo(2);
    take("a", 9);
    assertThat(newest().missed()).isEqualTo(3);
    take("b", 20);
    assertThat(newest().missed()).isEqualTo(3);
  }

  @Test
  void countOfMissedReportsStopsAtItsLimit() {
    take("a", 0);
    take("a", Reports.MAX_COUNT);
    take("b", 0);
    take("b", Reports.MAX_COUNT);

    assertThat(newest().missed()).isEqualTo(Reports.MAX_COUNT);
  }

  @Test
  void reportIsThereAfterARestart() {
    take("a", 1);
    take("a", 5);
    var before = newest();

    reports = new Reports(database, () -> now); // it remembers nothing

    assertThat(newest()).isEqualTo(before);
    assertThat(newest().missed()).isEqualTo(3);
    assertThat(take("a", 5)).isEqualTo(Outcome.SEEN);
  }

  @Test
  void reportIsGivenBackAsItCameWithItsAge() {
    var report = SampleReport.of("", "a", 1);
    ObjectNode tree = ReportJson.tree(report);
    tree.put("future", "field");
    reports.take(cluster, report, tree);
    now = now.plusSeconds(90);

    var json = reports.asItCame(cluster).orElseThrow();

    assertThat(json.path("report").toString()).isEqualTo(tree.toString());
    assertThat(json.path("receivedAt").asText()).isEqualTo("2026-01-01T00:00:01Z");
    assertThat(json.path("ageSeconds").asLong()).isEqualTo(90);
    assertThat(json.path("missed").asLong()).isZero();
  }

  @Test
  void ageIsNeverNegative() {
    take("a", 1);
    now = now.minusSeconds(90);

    assertThat(reports.asItCame(cluster).orElseThrow().path("ageSeconds").asLong()).isZero();
  }

  @Test
  void reportGoesWithItsCluster() {
    take("a", 1);
    store.deleteCluster(cluster);
    reports.forget(cluster);

    assertThat(reports.newest(cluster)).isEmpty();
    assertThat(reports.asItCame(cluster)).isEmpty();
    assertThat(reports.samples(cluster)).isEmpty();
    assertThat(take("a", 2)).isEqualTo(Outcome.NO_CLUSTER);
    assertThat(stored()).isEmpty();
  }

  @Test
  void reportThatAnotherServerTookIsSeen() {
    var other = new Reports(database, () -> now);
    take("a", 1);
    assertThat(newest().report().agent().sequence()).isEqualTo(1);

    other.take(cluster, SampleReport.of("", "a", 2), ReportJson.tree(SampleReport.of("", "a", 2)));

    assertThat(newest().report().agent().sequence()).isEqualTo(2);
    assertThat(take("a", 2)).isEqualTo(Outcome.SEEN);
  }

  @Test
  void reportThatCannotBeUnderstoodIsAsGoodAsNone() {
    for (var text : new String[] {"{\"rep", "", "[]", "{}"}) {
      take("a", 1);
      database.write(
          to -> to.execute("UPDATE reports SET report = ?, received = received + 1", text));

      assertThat(reports.newest(cluster)).as(text).isEmpty();
      assertThat(reports.asItCame(cluster)).as(text).isEmpty();
      assertThat(take("a", 1)).as(text).isEqualTo(Outcome.TAKEN);
    }
  }

  @Test
  void figuresOfADayAreKeptByTheMinute() {
    now = Instant.parse("2026-01-01T00:00:30Z");
    take("a", 1);
    now = now.plusSeconds(20);
    take("a", 2); // of the same minute: the newer one counts
    now = now.plusSeconds(20);
    take("a", 3);

    assertThat(reports.samples(cluster))
        .extracting(Sample::minute)
        .containsExactly(
            Instant.parse("2026-01-01T00:00:00Z"), Instant.parse("2026-01-01T00:01:00Z"));
    assertThat(reports.samples(cluster).getFirst())
        .isEqualTo(
            new Sample(
                Instant.parse("2026-01-01T00:00:00Z"),
                3L,
                null,
                null,
                2500L,
                11_000L,
                null,
                8L << 30,
                90L << 30));

    now = Instant.parse("2026-01-02T00:00:30Z"); // the first minute is a day ago
    assertThat(reports.samples(cluster))
        .extracting(Sample::minute)
        .containsExactly(Instant.parse("2026-01-01T00:01:00Z"));
    take("a", 4);
    assertThat(
            database.<Long, RuntimeException>read(
                from -> from.createQuery("SELECT count(*) FROM samples").mapTo(Long.class).one()))
        .as("and it has gone")
        .isEqualTo(2);
  }
}
