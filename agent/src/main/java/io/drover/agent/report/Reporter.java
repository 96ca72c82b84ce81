package io.drover.agent.report;

import io.drover.agent.view.LiveView;
import io.drover.proto.report.ClusterReport;
import io.drover.proto.report.ClusterReport.AgentIdentity;
import io.drover.proto.report.Health;
import java.io.IOException;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
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
 * Makes a report when something has changed, and in any case every {@link #RESEND}; puts it into
 * the sinks if this replica leads. One thread. A report that cannot be put is dropped: the next one
 * says all that it said, so nothing is queued.
 */
public final class Reporter implements AutoCloseable {
  /** The first report is to be there 10 s after the start, with what has been read by then. */
  static final Duration FIRST_LIMIT = Duration.ofSeconds(8);

  /** Changes come in swarms: what follows the first of them within this time goes with it. */
  static final Duration GATHER = Duration.ofSeconds(2);

  /** Between two reports, however much happens. */
  static final Duration MIN_INTERVAL = Duration.ofSeconds(30);

  /** Between two looks whether changes make a difference to the report: each costs CPU. */
  static final Duration LOOK_INTERVAL = Duration.ofSeconds(15);

  /** After which a report is sent though it says nothing new, less up to a tenth. */
  static final Duration RESEND = Duration.ofMinutes(5);

  /** How long the last request may take when the agent stops. */
  static final Duration CLOSE_LIMIT = Duration.ofSeconds(2);

  private static final Logger log = LoggerFactory.getLogger(Reporter.class);

  /** What became of a sink's reports. */
  public record SinkReading(String sink, long failures, @Nullable Instant lastSuccess) {}

  private final LiveView view;
  private final List<ReportSink> sinks;
  private final BooleanSupplier leads;
  private final Supplier<List<Health.Tunnel>> tunnels;
  private final Supplier<String> clusterId;
  private final String version;
  private final String instance;
  private final Clock clock;
  private final RandomGenerator random;
  private final Semaphore changes = new Semaphore(0);
  private final Map<String, Health.Condition> conditions = new HashMap<>();
  private final Map<String, SinkReading> readings = new ConcurrentHashMap<>();
  private final Thread thread;

  // Of the reporter's thread.
  private final Map<String, String> failing = new HashMap<>();
  private long sequence;

  private volatile @Nullable ClusterReport last;

  Reporter(
      LiveView view,
      List<ReportSink> sinks,
      BooleanSupplier leads,
      Supplier<List<Health.Tunnel>> tunnels,
      Supplier<String> clusterId,
      String version,
      String instance,
      Clock clock,
      RandomGenerator random) {
    this.view = view;
    this.sinks = List.copyOf(sinks);
    this.leads = leads;
    this.tunnels = tunnels;
    this.clusterId = clusterId;
    this.version = version;
    this.instance = instance;
    this.clock = clock;
    this.random = random;
    for (ReportSink sink : sinks) {
      readings.put(sink.name(), new SinkReading(sink.name(), 0, null));
    }
    this.thread = Thread.ofVirtual().name("report").start(this::run);
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

  public List<SinkReading> sinks() {
    return List.copyOf(readings.values());
  }

  private void run() {
    try {
      if (!view.awaitFirst(FIRST_LIMIT)) {
        log.info("not all of the cluster is read yet: limit={}", FIRST_LIMIT);
      }
      boolean first = true;
      while (true) {
        ClusterReport report = make();
        @Nullable ClusterReport before = last;
        last = report;
        boolean isNews = before == null || !report.saysTheSameAs(before);
        put(report);
        log.debug("report made: sequence={} news={}", sequence, isNews);
        awaitNext(first);
        first = false;
      }
    } catch (InterruptedException _) {
      // Closed.
    } catch (RuntimeException e) {
      log.error("reports have ended: this is a bug", e);
    }
  }

  /** Returns when there is something new to say, or the last report is old. */
  private void awaitNext(boolean first) throws InterruptedException {
    long resendAt = System.nanoTime() + RESEND.toNanos() - random.nextLong(RESEND.toNanos() / 10);
    // The first may have been made before all was read.
    long lookAt = System.nanoTime() + (first ? GATHER : MIN_INTERVAL).toNanos();
    while (changes.tryAcquire(resendAt - System.nanoTime(), TimeUnit.NANOSECONDS)) {
      lookAt = Math.max(lookAt, System.nanoTime() + GATHER.toNanos());
      TimeUnit.NANOSECONDS.sleep(Math.min(lookAt, resendAt) - System.nanoTime());
      changes.drainPermits();
      @Nullable ClusterReport before = last;
      if (before == null || wantsResend() || !make(sequence).saysTheSameAs(before)) {
        return;
      }
      lookAt = System.nanoTime() + LOOK_INTERVAL.toNanos();
    }
  }

  /** A sink that has never got one, since the lead was won just now. */
  private boolean wantsResend() {
    return leads.getAsBoolean()
        && readings.values().stream().anyMatch(reading -> reading.lastSuccess() == null);
  }

  private ClusterReport make() {
    return make(++sequence);
  }

  private ClusterReport make(long number) {
    Instant now = clock.instant();
    var report =
        Assembler.report(
            view,
            clusterId.get(),
            new AgentIdentity(version, instance, number),
            tunnels.get(),
            now);
    return report.withHealth(withTimes(report.health(), now));
  }

  /** Conditions keep the time at which they became what they are. */
  private Health withTimes(Health health, Instant now) {
    var timed =
        health.conditions().stream()
            .map(
                condition -> {
                  Health.Condition before = conditions.get(condition.type());
                  Instant since =
                      before != null && before.status().equals(condition.status())
                          ? before.lastTransitionTime()
                          : now;
                  return new Health.Condition(
                      condition.type(),
                      condition.status(),
                      condition.reason(),
                      condition.message(),
                      since);
                })
            .toList();
    timed.forEach(condition -> conditions.put(condition.type(), condition));
    return health.withConditions(timed);
  }

  private void put(ClusterReport report) throws InterruptedException {
    if (!leads.getAsBoolean()) {
      return;
    }
    for (ReportSink sink : sinks) {
      SinkReading before = Objects.requireNonNull(readings.get(sink.name()));
      boolean wasWell = !failing.containsKey(sink.name());
      try {
        sink.put(report);
        readings.put(sink.name(), new SinkReading(sink.name(), before.failures(), clock.instant()));
        if (!wasWell) {
          log.info("reports are taken again: sink={}", sink.name());
        } else if (before.lastSuccess() == null) {
          log.info("report put: sink={} bytes={}", sink.name(), Assembler.size(report));
        }
        failing.remove(sink.name());
      } catch (IOException e) {
        readings.put(
            sink.name(), new SinkReading(sink.name(), before.failures() + 1, before.lastSuccess()));
        if (wasWell) {
          log.warn("report not put: sink={} reason={}", sink.name(), e.getMessage());
        }
        failing.put(sink.name(), String.valueOf(e.getMessage()));
      }
    }
  }

  /** Ends; what is being written may be written or not. */
  @Override
  public void close() {
    thread.interrupt();
    try {
      if (!thread.join(CLOSE_LIMIT)) {
        log.debug("a report is still being put: limit={}", CLOSE_LIMIT);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
