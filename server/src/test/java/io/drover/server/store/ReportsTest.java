package io.drover.server.store;

import static io.drover.server.SampleReport.OBSERVED_AT;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.drover.proto.report.ClusterReport;
import io.drover.proto.report.ReportJson;
import io.drover.server.SampleReport;
import io.drover.server.store.Reports.Outcome;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.time.Instant;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ReportsTest {
  @TempDir private Path directory;
  private Instant now = OBSERVED_AT.plusSeconds(1);
  private Store store;
  private Reports reports;
  private String cluster;

  @BeforeEach
  void open() throws IOException {
    store = Store.open(directory);
    cluster = store.createCluster("prod").id();
    reports = Reports.open(directory, store, () -> now);
  }

  private Outcome take(ClusterReport report) throws IOException {
    return reports.take(cluster, report, ReportJson.tree(report));
  }

  private Outcome take(String instance, long sequence) throws IOException {
    return take(SampleReport.of("", instance, sequence));
  }

  private Outcome take(String instance, long sequence, Instant observedAt) throws IOException {
    return take(SampleReport.of("", instance, sequence, observedAt));
  }

  private StoredReport newest() {
    return reports.newest(cluster).orElseThrow();
  }

  private Path file() {
    return directory.resolve("report-" + cluster + ".json");
  }

  @Test
  void newestIsKept() throws IOException {
    assertThat(reports.newest(cluster)).isEmpty();

    assertThat(take("a", 1)).isEqualTo(Outcome.TAKEN);
    assertThat(take("a", 2)).isEqualTo(Outcome.TAKEN);

    assertThat(newest().report()).isEqualTo(SampleReport.of("", "a", 2));
    assertThat(newest().receivedAt()).isEqualTo(now);
  }

  @Test
  void sameOrOlderSequenceOfTheSameInstanceChangesNothing() throws IOException {
    take("a", 2);
    var before = Files.readString(file());

    assertThat(take("a", 2)).isEqualTo(Outcome.SEEN);
    assertThat(take("a", 1, OBSERVED_AT.plusSeconds(9))).isEqualTo(Outcome.SEEN);

    assertThat(newest().report().agent().sequence()).isEqualTo(2);
    assertThat(file()).hasContent(before);
  }

  @Test
  void newInstanceReplacesUnlessItsReportIsOlder() throws IOException {
    take("a", 7);

    assertThat(take("b", 9, OBSERVED_AT.minusSeconds(1))).isEqualTo(Outcome.OUTDATED);
    assertThat(newest().report().agent().instance()).isEqualTo("a");
    assertThat(take("b", 1, OBSERVED_AT)).isEqualTo(Outcome.TAKEN);

    assertThat(newest().report().agent().instance()).isEqualTo("b");
    assertThat(newest().missed()).isZero();
  }

  @Test
  void agentWhoseClockIsAheadDoesNotLockOutTheNext() throws IOException {
    take("a", 1, now.plus(Duration.ofDays(365)));
    now = now.plusSeconds(60);

    assertThat(take("b", 1, now.minusSeconds(59).minusMillis(500))).isEqualTo(Outcome.TAKEN);
    assertThat(take("c", 1, now.minusSeconds(61))).isEqualTo(Outcome.OUTDATED);
  }

  @Test
  void gapsInTheSequenceAreCounted() throws IOException {
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
  void countOfMissedReportsStopsAtItsLimit() throws IOException {
    take("a", 0);
    take("a", Reports.MAX_COUNT);
    take("b", 0);
    take("b", Reports.MAX_COUNT);

    assertThat(newest().missed()).isEqualTo(Reports.MAX_COUNT);
  }

  @Test
  void reportIsThereAfterARestart() throws IOException {
    take("a", 1);
    take("a", 5);
    var before = newest();

    reports = Reports.open(directory, store, () -> now);

    assertThat(newest()).isEqualTo(before);
    assertThat(newest().missed()).isEqualTo(3);
    assertThat(take("a", 5)).isEqualTo(Outcome.SEEN);
    assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(file())))
        .isEqualTo("rw-------");
  }

  @Test
  void reportIsGivenBackAsItCameWithItsAge() throws IOException {
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
  void ageIsNeverNegative() throws IOException {
    take("a", 1);
    now = now.minusSeconds(90);

    assertThat(reports.asItCame(cluster).orElseThrow().path("ageSeconds").asLong()).isZero();
  }

  @Test
  void reportGoesWithItsCluster() throws IOException {
    take("a", 1);
    store.deleteCluster(cluster);
    reports.forget(cluster);

    assertThat(reports.newest(cluster)).isEmpty();
    assertThat(reports.asItCame(cluster)).isEmpty();
    assertThat(file()).doesNotExist();
    assertThat(take("a", 2)).isEqualTo(Outcome.NO_CLUSTER);
    assertThat(file()).doesNotExist();
  }

  @Test
  void reportOfAnUnknownClusterIsRemovedAtStart() throws IOException {
    take("a", 1);
    store.deleteCluster(cluster); // and the server dies here

    reports = Reports.open(directory, store, () -> now);

    assertThat(reports.newest(cluster)).isEmpty();
    assertThat(file()).doesNotExist();
  }

  @Test
  void damagedReportIsAsGoodAsNone() throws IOException {
    for (var text :
        new String[] {
          "{\"rep",
          "",
          "[]",
          "{}",
          "{\"receivedAt\":\"x\",\"report\":" + ReportJson.write(SampleReport.of("", "a", 1)) + "}"
        }) {
      Files.writeString(file(), text);

      reports = Reports.open(directory, store, () -> now);

      assertThat(reports.newest(cluster)).as(text).isEmpty();
      assertThat(reports.asItCame(cluster)).as(text).isEmpty();
    }
    assertThat(take("a", 1)).isEqualTo(Outcome.TAKEN);
  }

  @Test
  void crashBesideTheRenameLeavesTheOldReport() throws IOException {
    take("a", 1);
    Files.writeString(directory.resolve(file().getFileName() + ".new"), "{\"rep");

    reports = Reports.open(directory, store, () -> now);

    assertThat(newest().report().agent().sequence()).isEqualTo(1);
    assertThat(take("a", 2)).isEqualTo(Outcome.TAKEN);
  }
}
