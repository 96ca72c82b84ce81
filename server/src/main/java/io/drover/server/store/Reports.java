package io.drover.server.store;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.drover.proto.report.ClusterReport;
import io.drover.proto.report.ReportJson;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.time.temporal.ChronoUnit;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import org.jdbi.v3.core.Handle;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The newest report of each cluster, as it came, since a newer agent may say more than this server
 * understands; and the figures of the last day's, one of each minute. Methods wait for the
 * database.
 */
public final class Reports {
  /** The highest sequence, and the most that is counted: what every JSON reader can hold. */
  public static final long MAX_COUNT = (1L << 53) - 1;

  /** How long figures are kept. */
  public static final Duration HISTORY = Duration.ofDays(1);

  private static final Logger log = LoggerFactory.getLogger(Reports.class);
  private static final ObjectMapper JSON = new ObjectMapper();

  private final Database database;
  private final InstantSource clock;
  // What was read last, by cluster: the same text is not parsed again.
  private final Map<String, Parsed> parsed = new ConcurrentHashMap<>();

  private record Row(long received, long missed, String tag) {}

  private record Parsed(Row row, StoredReport report) {}

  /** What became of a report. */
  public enum Outcome {
    /** It is the newest now. */
    TAKEN,
    /** The same agent's, and not after the newest. */
    SEEN,
    /** Another agent's, and older than the newest. */
    OUTDATED,
    /** The cluster has been deleted. */
    NO_CLUSTER
  }

  /** The reports in that database. */
  public Reports(Database database, InstantSource clock) {
    this.database = database;
    this.clock = clock;
  }

  /**
   * Takes a report, unless a newer one is there.
   *
   * @param asItCame the same, with the fields that {@code report} does not know
   */
  public Outcome take(String clusterId, ClusterReport report, JsonNode asItCame) {
    record Taken(Outcome outcome, long gap) {}
    var now = clock.instant().truncatedTo(ChronoUnit.MILLIS);
    var text = asItCame.toString();
    var taken =
        database.write(
            handle -> {
              if (Store.cluster(handle, clusterId).isEmpty()) {
                return new Taken(Outcome.NO_CLUSTER, 0);
              }
              var old = newest(handle, clusterId).orElse(null);
              var outcome = old == null ? Outcome.TAKEN : judge(old, report);
              if (outcome != Outcome.TAKEN) {
                return new Taken(outcome, 0);
              }
              long gap = gap(old, report);
              long missed = Math.min(MAX_COUNT, (old == null ? 0 : old.missed()) + gap);
              handle.execute(
                  "INSERT INTO reports (cluster_id, received, missed, tag, report) VALUES"
                      + " (?, ?, ?, ?, ?) ON CONFLICT (cluster_id) DO UPDATE SET received ="
                      + " excluded.received, missed = excluded.missed, tag = excluded.tag, report ="
                      + " excluded.report",
                  clusterId,
                  now.toEpochMilli(),
                  missed,
                  report.agent().entityTag(),
                  text);
              sample(handle, clusterId, Sample.of(now.truncatedTo(ChronoUnit.MINUTES), report));
              return new Taken(Outcome.TAKEN, gap);
            });
    if (taken.gap() > 0) {
      log.warn(
          "reports missed: cluster={} count={} before={}",
          clusterId,
          taken.gap(),
          report.agent().sequence());
    }
    return taken.outcome();
  }

  private static Outcome judge(StoredReport old, ClusterReport report) {
    if (old.isOfSameAgent(report)) {
      return report.agent().sequence() > old.report().agent().sequence()
          ? Outcome.TAKEN
          : Outcome.SEEN;
    }
    return old.isNewerThan(report) ? Outcome.OUTDATED : Outcome.TAKEN;
  }

  /** How many of the agent's reports are missing before this one, as far as can be known. */
  private static long gap(@Nullable StoredReport old, ClusterReport report) {
    return old != null && old.isOfSameAgent(report)
        ? report.agent().sequence() - old.report().agent().sequence() - 1
        : 0;
  }

  private static void sample(Handle handle, String clusterId, Sample sample) {
    long minute = minute(sample.minute());
    handle.execute(
        "INSERT INTO samples (cluster_id, minute, nodes, pods, cpu_used_milli,"
            + " cpu_requested_milli, cpu_allocatable_milli, memory_used, memory_requested,"
            + " memory_allocatable) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (cluster_id,"
            + " minute) DO UPDATE SET nodes = excluded.nodes, pods = excluded.pods, cpu_used_milli"
            + " = excluded.cpu_used_milli, cpu_requested_milli = excluded.cpu_requested_milli,"
            + " cpu_allocatable_milli = excluded.cpu_allocatable_milli, memory_used ="
            + " excluded.memory_used, memory_requested = excluded.memory_requested,"
            + " memory_allocatable = excluded.memory_allocatable",
        clusterId,
        minute,
        sample.nodes(),
        sample.pods(),
        sample.cpuUsed(),
        sample.cpuRequested(),
        sample.cpuAllocatable(),
        sample.memoryUsed(),
        sample.memoryRequested(),
        sample.memoryAllocatable());
    handle.execute(
        "DELETE FROM samples WHERE cluster_id = ? AND minute <= ?",
        clusterId,
        minute - HISTORY.toMinutes());
  }

  private static long minute(Instant instant) {
    return Math.floorDiv(instant.getEpochSecond(), 60L);
  }

  /** The figures of the last day, oldest first; minutes without a report have none. */
  public List<Sample> samples(String clusterId) {
    return database.read(
        handle ->
            handle
                .createQuery(
                    "SELECT * FROM samples WHERE cluster_id = ? AND minute > ? ORDER BY minute")
                .bind(0, clusterId)
                .bind(1, minute(clock.instant()) - HISTORY.toMinutes())
                .map(
                    (row, _) ->
                        new Sample(
                            Instant.ofEpochSecond(row.getLong("minute") * 60),
                            figure(row, "nodes"),
                            figure(row, "pods"),
                            figure(row, "cpu_used_milli"),
                            figure(row, "cpu_requested_milli"),
                            figure(row, "cpu_allocatable_milli"),
                            figure(row, "memory_used"),
                            figure(row, "memory_requested"),
                            figure(row, "memory_allocatable")))
                .list());
  }

  private static @Nullable Long figure(ResultSet row, String column) throws SQLException {
    long value = row.getLong(column);
    return row.wasNull() ? null : value;
  }

  /** The newest report of a cluster; one that cannot be understood is as good as none. */
  public Optional<StoredReport> newest(String clusterId) {
    return database.read(handle -> newest(handle, clusterId));
  }

  /** The same of all clusters that have one, by their ids, in one question. */
  public Map<String, StoredReport> newestOfAll() {
    record Entry(String clusterId, Row row) {}
    return database.read(
        handle -> {
          var entries =
              handle
                  .createQuery("SELECT cluster_id, received, missed, tag FROM reports")
                  .map((found, _) -> new Entry(found.getString("cluster_id"), row(found)))
                  .list();
          var all = new HashMap<String, StoredReport>();
          for (var entry : entries) {
            report(handle, entry.clusterId(), entry.row())
                .ifPresent(report -> all.put(entry.clusterId(), report));
          }
          return all;
        });
  }

  private static Row row(ResultSet found) throws SQLException {
    return new Row(found.getLong("received"), found.getLong("missed"), found.getString("tag"));
  }

  private Optional<StoredReport> newest(Handle handle, String clusterId) {
    var row =
        handle
            .createQuery("SELECT received, missed, tag FROM reports WHERE cluster_id = ?")
            .bind(0, clusterId)
            .map((found, _) -> row(found))
            .findOne();
    if (row.isEmpty()) {
      parsed.remove(clusterId);
      return Optional.empty();
    }
    return report(handle, clusterId, row.get());
  }

  private Optional<StoredReport> report(Handle handle, String clusterId, Row row) {
    var known = parsed.get(clusterId);
    if (known == null || !known.row().equals(row)) {
      try {
        known =
            new Parsed(
                row,
                new StoredReport(
                    ReportJson.read(text(handle, clusterId)),
                    Instant.ofEpochMilli(row.received()),
                    row.missed()));
      } catch (IllegalArgumentException e) {
        log.warn("report not understood: cluster={} reason={}", clusterId, e.toString());
        return Optional.empty();
      }
      parsed.put(clusterId, known);
    }
    return Optional.of(known.report());
  }

  private static String text(Handle handle, String clusterId) {
    return handle
        .createQuery("SELECT report FROM reports WHERE cluster_id = ?")
        .bind(0, clusterId)
        .mapTo(String.class)
        .one();
  }

  /**
   * The newest report of a cluster as it came, in {@code report}, beside {@code receivedAt}, {@code
   * ageSeconds} and {@code missed}.
   */
  public Optional<ObjectNode> asItCame(String clusterId) {
    return database.read(
        handle ->
            newest(handle, clusterId)
                .map(
                    newest -> {
                      var age = Duration.between(newest.receivedAt(), clock.instant());
                      var json =
                          JSON.createObjectNode()
                              .put("receivedAt", newest.receivedAt().toString())
                              .put("ageSeconds", Math.max(0, age.toSeconds()))
                              .put("missed", newest.missed());
                      json.set("report", tree(text(handle, clusterId)));
                      return json;
                    }));
  }

  private static JsonNode tree(String text) {
    try {
      return JSON.readTree(text);
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("report: not ours", e);
    }
  }

  /** Lets go of what is remembered of a deleted cluster. */
  public void forget(String clusterId) {
    parsed.remove(clusterId);
  }
}
