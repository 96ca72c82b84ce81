package io.drover.server.store;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.drover.proto.report.ClusterReport;
import io.drover.proto.report.ReportJson;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.time.format.DateTimeParseException;
import java.time.temporal.ChronoUnit;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The newest report of each cluster, in memory and in {@code report-ID.json} beside {@code
 * state.json}. Memory has what this server understands of it; the file has it as it came, since a
 * newer agent may say more.
 *
 * <p>Who only asks never waits for the disk; who changes something waits for it and for each other.
 */
public final class Reports {
  /** The highest sequence, and the most that is counted: what every JSON reader can hold. */
  public static final long MAX_COUNT = (1L << 53) - 1;

  private static final String PREFIX = "report-";
  private static final String SUFFIX = ".json";
  private static final Logger log = LoggerFactory.getLogger(Reports.class);
  private static final ObjectMapper JSON = new ObjectMapper();

  private final Path directory;
  private final Store store;
  private final InstantSource clock;
  private final Map<String, StoredReport> newest = new ConcurrentHashMap<>();
  // Held by whoever changes a file and what is in memory of it.
  private final ReentrantLock changing = new ReentrantLock();

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

  private Reports(Path directory, Store store, InstantSource clock) {
    this.directory = directory;
    this.store = store;
    this.clock = clock;
  }

  /**
   * Opens the reports in {@code directory}. Those of unknown clusters are removed; one that cannot
   * be understood is as good as none, since the agent will send the next.
   */
  public static Reports open(Path directory, Store store, InstantSource clock) throws IOException {
    var reports = new Reports(directory, store, clock);
    try (DirectoryStream<Path> files = Files.newDirectoryStream(directory, PREFIX + "*" + SUFFIX)) {
      for (var file : files) {
        reports.load(file);
      }
    }
    return reports;
  }

  private void load(Path file) throws IOException {
    var name = String.valueOf(file.getFileName());
    var clusterId = name.substring(PREFIX.length(), name.length() - SUFFIX.length());
    if (store.cluster(clusterId).isEmpty()) {
      Files.delete(file); // a crash came between the cluster's end and its report's
      return;
    }
    try {
      var json = JSON.readTree(file.toFile());
      newest.put(
          clusterId,
          new StoredReport(
              ReportJson.read(json.path("report").toString()),
              Instant.parse(json.path("receivedAt").asText()),
              json.path("missed").asLong()));
    } catch (JsonProcessingException | IllegalArgumentException | DateTimeParseException e) {
      log.warn("report not understood: file={} reason={}", file, e.toString());
    }
  }

  /**
   * Takes a report, unless a newer one is there.
   *
   * @param asItCame the same, with the fields that {@code report} does not know
   */
  public Outcome take(String clusterId, ClusterReport report, JsonNode asItCame)
      throws IOException {
    long gap;
    changing.lock();
    try {
      var old = newest.get(clusterId);
      var outcome = judge(clusterId, old, report);
      if (outcome != Outcome.TAKEN) {
        return outcome;
      }
      gap = gap(old, report);
      var next =
          new StoredReport(
              report,
              clock.instant().truncatedTo(ChronoUnit.MILLIS),
              Math.min(MAX_COUNT, (old == null ? 0 : old.missed()) + gap));
      var json =
          JSON.createObjectNode()
              .put("receivedAt", next.receivedAt().toString())
              .put("missed", next.missed());
      json.set("report", asItCame);
      Store.write(file(clusterId), json + "\n");
      newest.put(clusterId, next);
    } finally {
      changing.unlock();
    }
    if (gap > 0) {
      log.warn(
          "reports missed: cluster={} count={} before={}",
          clusterId,
          gap,
          report.agent().sequence());
    }
    return Outcome.TAKEN;
  }

  private Outcome judge(String clusterId, @Nullable StoredReport old, ClusterReport report) {
    if (store.cluster(clusterId).isEmpty()) {
      return Outcome.NO_CLUSTER;
    } else if (old == null) {
      return Outcome.TAKEN;
    } else if (old.isOfSameAgent(report)) {
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

  /** The newest report of a cluster. */
  public Optional<StoredReport> newest(String clusterId) {
    return Optional.ofNullable(newest.get(clusterId));
  }

  /**
   * The newest report of a cluster as it came, in {@code report}, beside {@code receivedAt}, {@code
   * ageSeconds} and {@code missed}. Reads the file.
   */
  public Optional<ObjectNode> asItCame(String clusterId) throws IOException {
    if (!newest.containsKey(clusterId)) {
      return Optional.empty();
    }
    try {
      var json = (ObjectNode) JSON.readTree(Files.readString(file(clusterId)));
      var age = Duration.between(Instant.parse(json.path("receivedAt").asText()), clock.instant());
      return Optional.of(json.put("ageSeconds", Math.max(0, age.toSeconds())));
    } catch (NoSuchFileException e) {
      return Optional.empty(); // forgotten meanwhile
    }
  }

  /** Forgets the report of a deleted cluster. */
  public void forget(String clusterId) throws IOException {
    changing.lock();
    try {
      newest.remove(clusterId);
      Files.deleteIfExists(file(clusterId));
    } finally {
      changing.unlock();
    }
  }

  private Path file(String clusterId) {
    return directory.resolve(PREFIX + clusterId + SUFFIX);
  }
}
