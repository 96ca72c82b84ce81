package io.drover.agent.report;

import io.drover.agent.log.ChangeLog;
import io.drover.agent.reason.Problem;
import io.drover.agent.reason.Reason;
import io.drover.agent.view.ClusterView;
import io.drover.proto.report.ClusterReport;
import io.drover.proto.report.ClusterReport.AgentIdentity;
import io.drover.proto.report.ClusterReport.Gateway;
import io.drover.proto.report.Health;
import io.drover.proto.report.NodeSnapshot;
import java.io.IOException;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Makes a report when something has changed, and in any case every {@link Cadence#RESEND}; puts it
 * into the sinks if this replica leads. One thread. A report that cannot be put is dropped: the
 * next one says all that it said, so nothing is queued.
 */
public final class Reporter implements AutoCloseable {
  /** The first report is to be there 10 s after the start, with what has been read by then. */
  static final Duration FIRST_LIMIT = Duration.ofSeconds(8);

  /** How long the last request may take when the agent stops. */
  static final Duration CLOSE_LIMIT = Duration.ofSeconds(2);

  private static final Logger log = LoggerFactory.getLogger(Reporter.class);

  /** What became of a sink's reports. */
  public record SinkReading(String sink, long failures, @Nullable Instant lastSuccess) {}

  /** Of the cluster. */
  interface FirstReading {
    /** Whether all has been read once, or has failed; waits for it, until the limit at most. */
    boolean await(Duration limit) throws InterruptedException;
  }

  private final ClusterView view;
  private final List<ReportSink> sinks;
  private final BooleanSupplier leads;
  private final Supplier<List<Health.Tunnel>> tunnels;
  private final Supplier<Optional<List<NodeSnapshot>>> snapshots;
  private final Supplier<Optional<Gateway>> gateway;
  private final Supplier<String> clusterId;
  private final String version;
  private final String instance;
  private final Clock clock;
  private final Semaphore changes = new Semaphore(0);
  private final Map<String, SinkReading> readings = new ConcurrentHashMap<>();
  private final Map<String, Problem> failing = new ConcurrentHashMap<>();
  private volatile SortedMap<String, Problem> missingRights = Collections.emptySortedMap();

  // Of the reporter's thread.
  private final Cadence cadence;
  private final Map<String, Health.Condition> conditions = new HashMap<>();
  private final Set<String> bugs = new HashSet<>();
  private final Map<String, ChangeLog> told = new HashMap<>();
  private long nowNanos;
  private long sequence;
  private boolean hasPut;

  private final Thread thread;

  private volatile @Nullable ClusterReport last;

  /** Does nothing before {@link #start}. */
  Reporter(
      ClusterView view,
      FirstReading first,
      List<ReportSink> sinks,
      BooleanSupplier leads,
      Supplier<List<Health.Tunnel>> tunnels,
      Supplier<Optional<List<NodeSnapshot>>> snapshots,
      Supplier<Optional<Gateway>> gateway,
      Supplier<String> clusterId,
      String version,
      String instance,
      Clock clock,
      RandomGenerator random) {
    this.view = view;
    this.sinks = List.copyOf(sinks);
    this.leads = leads;
    this.tunnels = tunnels;
    this.snapshots = snapshots;
    this.gateway = gateway;
    this.clusterId = clusterId;
    this.version = version;
    this.instance = instance;
    this.clock = clock;
    this.cadence = new Cadence(random);
    for (ReportSink sink : sinks) {
      readings.put(sink.name(), new SinkReading(sink.name(), 0, null));
    }
    this.thread = Thread.ofVirtual().name("report").unstarted(() -> run(first));
  }

  /** Starts to report. */
  void start() {
    thread.start();
  }

  /** Something is different. Any thread; never blocks. */
  public void changed() {
    if (changes.availablePermits() == 0) {
      changes.release();
    }
  }

  /** The newest report of this replica, whether it leads or not. */
  public Optional<ClusterReport> last() {
    return Optional.ofNullable(last);
  }

  /** In the order in which they get reports. */
  public List<SinkReading> sinks() {
    return sinks.stream().map(this::reading).toList();
  }

  /**
   * What is missing for want of a right, sinks that fail, and what does not work from some nodes.
   * Any thread; never blocks.
   */
  public SortedMap<String, Problem> problems() {
    var problems = new TreeMap<>(missingRights);
    failing.forEach((sink, reason) -> problems.put("reports to " + sink, reason));
    last().map(ClusterReport::nodes).map(NodeSummary::problems).ifPresent(problems::putAll);
    return problems;
  }

  private SinkReading reading(ReportSink sink) {
    return Objects.requireNonNull(readings.get(sink.name()));
  }

  private void run(FirstReading first) {
    try {
      if (!first.await(FIRST_LIMIT)) {
        log.info("not all of the cluster is read yet: limit={}", FIRST_LIMIT);
      }
      boolean hasChanged = false;
      while (true) {
        long dueAt = turn(System.nanoTime(), hasChanged);
        hasChanged = await(dueAt - System.nanoTime());
      }
    } catch (InterruptedException _) {
      // Closed.
    }
  }

  /** Whether something has changed, of which nothing was known yet. */
  private boolean await(long nanos) throws InterruptedException {
    if (cadence.hasChanged()) {
      TimeUnit.NANOSECONDS.sleep(nanos);
      return false;
    }
    return changes.tryAcquire(nanos, TimeUnit.NANOSECONDS);
  }

  /**
   * Does what is due. Blocks as long as sinks do.
   *
   * @param now of {@link System#nanoTime}
   * @param hasChanged whether something is different since the last turn
   * @return when something is due again, unless something changes before
   */
  long turn(long now, boolean hasChanged) throws InterruptedException {
    nowNanos = now;
    if (hasChanged) {
      cadence.changed(now);
    }
    boolean isOld = cadence.isOld(now);
    if (isOld || cadence.isLookDue(now)) {
      changes.drainPermits(); // what they tell of is seen now
      try {
        look(now, isOld);
      } catch (RuntimeException e) {
        cadence.reported(now); // later it may work
        bug("no report could be made", e);
      }
    }
    return cadence.dueAt();
  }

  private void look(long now, boolean isOld) throws InterruptedException {
    ClusterReport report = make();
    ClusterReport before = last;
    boolean isNews = before == null || !report.saysTheSameAs(before);
    boolean hasWon = leads.getAsBoolean() && !hasPut;
    if (!isNews && !isOld && !hasWon) {
      cadence.looked(now);
      return;
    }
    cadence.reported(now);
    sequence++;
    last = report;
    log.debug("report made: sequence={} news={}", sequence, isNews);
    tellOfMissingRights(MissingRights.of(view.facts(), report));
    put(report);
  }

  private void tellOfMissingRights(SortedMap<String, Problem> missing) {
    missing.forEach(
        (feature, problem) -> {
          if (!problem.equals(missingRights.get(feature))) {
            log.warn("a right is missing: feature={} reason={}", feature, problem.text());
          }
        });
    missingRights = missing;
  }

  /** The next one, of now. */
  private ClusterReport make() {
    Instant now = clock.instant();
    var report =
        Assembler.report(
            view,
            clusterId.get(),
            new AgentIdentity(version, instance, sequence + 1, gateway.get().orElse(null)),
            tunnels.get(),
            snapshots.get(),
            now);
    return report.withHealth(withTimes(report.health(), now));
  }

  /** Conditions keep the time at which they became what they are. */
  private Health withTimes(Health health, Instant now) {
    var timed =
        health.conditions().stream()
            .map(
                condition ->
                    new Health.Condition(
                        condition.type(),
                        condition.status(),
                        condition.reason(),
                        condition.message(),
                        since(condition, now)))
            .toList();
    timed.forEach(condition -> conditions.put(condition.type(), condition));
    return health.withConditions(timed);
  }

  private Instant since(Health.Condition condition, Instant now) {
    Health.Condition before = conditions.get(condition.type());
    if (before == null || !before.status().equals(condition.status())) {
      return now;
    }
    Instant since = before.lastTransitionTime();
    // Later than now: the clock was set back.
    return since == null || since.isAfter(now) ? now : since;
  }

  private void put(ClusterReport report) throws InterruptedException {
    hasPut = leads.getAsBoolean();
    if (hasPut) {
      for (ReportSink sink : sinks) {
        put(report, sink);
      }
    }
  }

  private void put(ClusterReport report, ReportSink sink) throws InterruptedException {
    SinkReading before = reading(sink);
    try {
      sink.put(report);
      readings.put(sink.name(), new SinkReading(sink.name(), before.failures(), clock.instant()));
      if (failing.remove(sink.name()) == null && before.lastSuccess() == null) {
        log.info("report put: sink={} bytes={}", sink.name(), Assembler.size(report));
      }
      told(sink).works("reports are taken again: sink=" + sink.name());
    } catch (IOException e) {
      failed(sink, Problem.of(e));
    } catch (RuntimeException e) {
      failed(sink, new Problem(Reason.OTHER, "a bug: " + e));
      bug("report not put: sink=" + sink.name(), e);
    }
  }

  private ChangeLog told(ReportSink sink) {
    return told.computeIfAbsent(sink.name(), _ -> ChangeLog.ofLoop(log, () -> nowNanos));
  }

  private void failed(ReportSink sink, Problem why) {
    SinkReading before = reading(sink);
    readings.put(
        before.sink(), new SinkReading(before.sink(), before.failures() + 1, before.lastSuccess()));
    failing.put(sink.name(), why);
    told(sink)
        .bad(
            why.reason().code(),
            "report not put: sink=%s reason=%s".formatted(sink.name(), why.text()));
  }

  /** Tells once of each place that fails. */
  private void bug(String what, RuntimeException e) {
    String place = Arrays.stream(e.getStackTrace()).findFirst().toString();
    if (bugs.add(what + e.getClass() + place)) {
      log.error("{}, which is a bug", what, e);
    }
  }

  /** Ends; what is being written may be written or not. */
  @Override
  public void close() {
    thread.interrupt();
    try {
      if (thread.getState() != Thread.State.NEW && !thread.join(CLOSE_LIMIT)) {
        log.debug("a report is still being put: limit={}", CLOSE_LIMIT);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
