package io.drover.agent.report;

import static org.assertj.core.api.Assertions.assertThat;

import ch.qos.logback.classic.Level;
import io.drover.agent.Logged;
import io.drover.agent.TestClock;
import io.drover.agent.reason.Problem;
import io.drover.agent.reason.Reason;
import io.drover.agent.report.Reporter.SinkReading;
import io.drover.agent.view.Facts;
import io.drover.agent.view.Kinds;
import io.drover.proto.report.Cause;
import io.drover.proto.report.ClusterReport;
import io.drover.proto.report.Health;
import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.function.Supplier;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;

@Timeout(30)
class ReporterTest {
  private static final RandomGenerator NO_JITTER = () -> 0;

  @RegisterExtension private final Logged log = new Logged(Reporter.class);

  private final FakeView view = new FakeView();
  private final TestClock clock = new TestClock(FakeView.AT);
  private final FakeSink cluster = new FakeSink("cluster");
  private final FakeSink https = new FakeSink("https");
  private boolean leads = true;
  private Supplier<List<Health.Tunnel>> tunnels = List::of;
  private Reporter reporter = reporter(NO_JITTER);

  // So that it overflows in the middle of a test, as it may.
  private long now = Long.MAX_VALUE - Duration.ofMinutes(2).toNanos();
  private long dueAt = now;

  private Reporter reporter(RandomGenerator random) {
    return reporter(_ -> true, random, List.of(cluster, https));
  }

  private Reporter reporter(
      Reporter.FirstReading first, RandomGenerator random, List<ReportSink> sinks) {
    return new Reporter(
        view,
        first,
        sinks,
        () -> leads,
        () -> tunnels.get(),
        Optional::empty,
        Optional::empty,
        () -> "c-1",
        "1.2.3",
        "instance",
        clock,
        random);
  }

  private static final class FakeSink implements ReportSink {
    private final String name;
    private final List<ClusterReport> offered = new ArrayList<>();
    private final List<ClusterReport> taken = new ArrayList<>();
    private @Nullable IOException failure;
    private @Nullable RuntimeException bug;

    FakeSink(String name) {
      this.name = name;
    }

    @Override
    public String name() {
      return name;
    }

    @Override
    public void put(ClusterReport report) throws IOException {
      offered.add(report);
      if (failure != null) {
        throw failure;
      }
      if (bug != null) {
        throw bug;
      }
      taken.add(report);
    }

    ClusterReport newest() {
      return taken.getLast();
    }
  }

  /** Lets time pass, and the reporter do what is due in it. */
  private void pass(Duration time) throws InterruptedException {
    long end = now + time.toNanos();
    while (dueAt - end <= 0) {
      long wait = Math.max(0, dueAt - now);
      clock.advance(Duration.ofNanos(wait));
      now += wait;
      dueAt = reporter.turn(now, false);
    }
    clock.advance(Duration.ofNanos(end - now));
    now = end;
  }

  private void pass(long seconds) throws InterruptedException {
    pass(Duration.ofSeconds(seconds));
  }

  /** Tells the reporter that something is different. */
  private void change() throws InterruptedException {
    dueAt = reporter.turn(now, true);
  }

  /** Makes a difference to the report. */
  private void news(String version) throws InterruptedException {
    view.gitVersion(version);
    change();
  }

  private static String version(ClusterReport report) {
    return Objects.requireNonNull(report.version()).gitVersion();
  }

  // When.

  @Test
  void reportIsMadeAtOnceAndPutEverywhere() throws Exception {
    pass(0);

    assertThat(cluster.taken).hasSize(1);
    assertThat(https.taken).isEqualTo(cluster.taken);
    var report = cluster.newest();
    assertThat(reporter.last()).contains(report);
    assertThat(report.clusterId()).isEqualTo("c-1");
    assertThat(report.agent().version()).isEqualTo("1.2.3");
    assertThat(report.agent().instance()).isEqualTo("instance");
    assertThat(report.agent().sequence()).isEqualTo(1);
    assertThat(report.observedAt()).isEqualTo(FakeView.AT);
    assertThat(log.at(Level.INFO))
        .hasSize(2)
        .first()
        .asString()
        .matches("report put: sink=cluster bytes=[0-9]+");
  }

  @Test
  void whatIsReadJustAfterTheFirstReportFollowsSoon() throws Exception {
    pass(1);
    news("v1.35.0");

    pass(Cadence.GATHER.minusNanos(1));
    assertThat(cluster.taken).hasSize(1);
    pass(Duration.ofNanos(1));
    assertThat(cluster.taken).hasSize(2);
    assertThat(version(cluster.newest())).isEqualTo("v1.35.0");
  }

  @Test
  void changesThatFollowTheFirstAreGathered() throws Exception {
    pass(60);
    news("v1.35.0");
    pass(1);
    news("v1.36.0");

    pass(1);
    assertThat(cluster.taken).hasSize(2);
    assertThat(version(cluster.newest())).isEqualTo("v1.36.0");
  }

  @Test
  void atMostOneReportIsMadeInAnInterval() throws Exception {
    pass(60);
    for (int second = 0; second < 600; second++) {
      news("v1.35." + second);
      pass(1);
    }

    assertThat(cluster.taken.size() - 1)
        .isBetween(600 / 33, 600 / (int) Cadence.MIN_INTERVAL.toSeconds());
    assertThat(https.taken).isEqualTo(cluster.taken);
  }

  @Test
  void changeThatMakesNoDifferenceSendsNothing() throws Exception {
    pass(60);
    change();
    pass(60);

    assertThat(cluster.offered).hasSize(1);
    assertThat(reporter.last().orElseThrow().agent().sequence()).isEqualTo(1);
  }

  @Test
  void looksAreFewWhateverChanges() throws Exception {
    var looks = new ArrayList<Long>();
    tunnels =
        () -> {
          looks.add(now);
          return List.of();
        };
    pass(60);
    for (int second = 0; second < 120; second++) {
      change();
      pass(1);
    }

    assertThat(looks.size() - 1).isBetween(5, 1 + 120 / (int) Cadence.LOOK_INTERVAL.toSeconds());
    assertThat(cluster.offered).hasSize(1);
  }

  @Test
  void reportWithoutNewsGoesOutNowAndThen() throws Exception {
    pass(0);
    pass(Cadence.RESEND.minusNanos(1));
    assertThat(cluster.taken).hasSize(1);

    pass(Duration.ofNanos(1));
    assertThat(cluster.taken).hasSize(2);
    pass(Cadence.RESEND.multipliedBy(10));
    assertThat(cluster.taken).hasSize(12);
    assertThat(cluster.taken)
        .extracting(report -> report.agent().sequence())
        .isEqualTo(List.of(1L, 2L, 3L, 4L, 5L, 6L, 7L, 8L, 9L, 10L, 11L, 12L));
  }

  @Test
  void agentsDoNotReportAllAtOnce() throws Exception {
    var intervals = new ArrayList<Long>();
    for (int seed = 0; seed < 100; seed++) {
      intervals.add(reporter(new Random(seed)).turn(now, false) - now);
    }

    long resend = Cadence.RESEND.toNanos();
    assertThat(intervals).doesNotHaveDuplicates();
    assertThat(intervals)
        .allSatisfy(interval -> assertThat(interval).isBetween(resend - resend / 10, resend));
  }

  @Test
  void newsPutOffTheReportWithoutNews() throws Exception {
    pass(240);
    news("v1.35.0");
    pass(2);
    assertThat(cluster.taken).hasSize(2);

    pass(Cadence.RESEND.minusNanos(1));
    assertThat(cluster.taken).hasSize(2);
  }

  // Who.

  @Test
  void replicaThatDoesNotLeadMakesReportsAndPutsNone() throws Exception {
    leads = false;
    pass(60);
    news("v1.35.0");
    pass(600);

    assertThat(version(reporter.last().orElseThrow())).isEqualTo("v1.35.0");
    assertThat(cluster.offered).isEmpty();
    assertThat(https.offered).isEmpty();
  }

  @Test
  void whoWinsTheLeadPutsAReportSoonThoughThereIsNoNews() throws Exception {
    leads = false;
    pass(60);
    leads = true;
    change();

    pass(Cadence.GATHER);
    assertThat(cluster.taken).hasSize(1);
    change();
    pass(60);
    assertThat(cluster.taken).hasSize(1);
  }

  @Test
  void whoWinsTheLeadBackPutsAReportSoonAsWell() throws Exception {
    pass(60);
    leads = false;
    news("v1.35.0");
    pass(60);
    leads = true;
    change();

    pass(Cadence.GATHER);
    assertThat(cluster.taken).hasSize(2);
  }

  // What fails.

  @Test
  void missingRightIsToldOfOnceByTheNameOfItsFeature() throws Exception {
    view.nodePorts(FakeView.missing(Cause.FORBIDDEN));
    pass(0);
    pass(Cadence.RESEND);

    assertThat(log.at(Level.WARN))
        .anySatisfy(line -> assertThat(line).startsWith("a right is missing: feature=node-ports"))
        .doesNotHaveDuplicates();
    assertThat(reporter.problems()).containsKeys("node-ports", "reports");
    assertThat(reporter.problems().get("reports"))
        .satisfies(
            problem -> {
              assertThat(problem.reason()).isEqualTo(Reason.FORBIDDEN);
              assertThat(problem.message()).contains("capabilities.nodePortRange");
            });

    view.nodePorts(FakeView.found(new Facts.NodePortRange(1, 2)));
    pass(Cadence.RESEND);
    assertThat(reporter.problems()).isEmpty();
  }

  @Test
  void kubeletsThatMayNotBeAskedAreAFeatureToo() throws Exception {
    view.kubeletUsage(FakeView.missing(Cause.FORBIDDEN));
    pass(0);
    pass(Cadence.RESEND);

    assertThat(reporter.problems()).containsKeys("kubelet-usage", "reports");
    assertThat(log.at(Level.WARN))
        .filteredOn(line -> line.startsWith("a right is missing: feature=kubelet-usage"))
        .hasSize(1);

    view.kubeletUsage(FakeView.missing(Cause.NO_EVIDENCE)); // metrics.k8s.io has come
    pass(Cadence.RESEND);
    assertThat(reporter.problems()).isEmpty();
  }

  @Test
  void sinkThatFailsIsToldOfOnceAndCounted() throws Exception {
    https.failure = new IOException("PUT: 503");
    pass(0);
    https.failure = new IOException("PUT: 502");
    pass(Cadence.RESEND);

    assertThat(log.at(Level.WARN))
        .containsExactly(
            "report not put: sink=https reason=" + new Problem(Reason.OTHER, "PUT: 503").text());
    assertThat(reporter.sinks())
        .containsExactly(
            new SinkReading("cluster", 0, clock.instant()), new SinkReading("https", 2, null));

    https.failure = null;
    pass(Cadence.RESEND);
    assertThat(reporter.sinks().getLast()).isEqualTo(new SinkReading("https", 2, clock.instant()));
    assertThat(log.at(Level.INFO))
        .last()
        .isEqualTo("reports are taken again: sink=https notLogged=Other:1");

    https.failure = new IOException("PUT: 500");
    pass(Cadence.RESEND);
    assertThat(log.at(Level.WARN))
        .last()
        .isEqualTo(
            "report not put: sink=https reason=" + new Problem(Reason.OTHER, "PUT: 500").text());
  }

  @Test
  void sinkThatFailsKeepsNoOtherFromGettingItsReports() throws Exception {
    cluster.failure = new IOException("down");
    pass(60);
    news("v1.35.0");
    pass(60);

    assertThat(https.taken).hasSize(2);
  }

  @Test
  void reportThatIsNotTakenIsDroppedAndTheNextHasAll() throws Exception {
    pass(60);
    https.failure = new IOException("down");
    news("v1.35.0");
    pass(60);
    view.with(Kinds.NODES, "{metadata:{name:'n'}}");
    change();
    pass(60);
    assertThat(https.offered).hasSize(3);
    assertThat(https.taken).hasSize(1);

    https.failure = null;
    pass(Cadence.RESEND);

    assertThat(https.taken).hasSize(2);
    assertThat(version(https.newest())).isEqualTo("v1.35.0");
    assertThat(https.newest().resources().nodeCount()).isEqualTo(1);
    assertThat(https.newest().agent().sequence()).isEqualTo(4);
  }

  @Test
  void sinkThatIsDownForAnHourIsTriedNowAndThenAndIsRightAPeriodLater() throws Exception {
    pass(60);
    https.failure = new IOException("down");
    for (int minute = 0; minute < 60; minute++) {
      change();
      pass(60);
    }
    assertThat(https.offered.size() - 1).isBetween(10, 13);

    news("v1.35.0");
    pass(60);
    https.failure = null;
    int before = https.offered.size();
    pass(Cadence.RESEND);

    assertThat(https.offered.subList(before, https.offered.size())).hasSize(1);
    assertThat(https.newest()).isEqualTo(reporter.last().orElseThrow());
    assertThat(version(https.newest())).isEqualTo("v1.35.0");
  }

  @Test
  void bugInASinkIsAFailureOfIt() throws Exception {
    cluster.bug = new IllegalStateException("bug");
    pass(60);
    pass(Cadence.RESEND);

    assertThat(https.taken).hasSize(2);
    assertThat(reporter.sinks().getFirst()).isEqualTo(new SinkReading("cluster", 2, null));
    assertThat(log.at(Level.ERROR)).containsExactly("report not put: sink=cluster, which is a bug");

    cluster.bug = null;
    pass(Cadence.RESEND);
    assertThat(cluster.taken).hasSize(1);
    assertThat(log.at(Level.INFO))
        .last()
        .isEqualTo("reports are taken again: sink=cluster notLogged=Other:1");
  }

  @Test
  void bugInMakingAReportEndsNoOtherReport() throws Exception {
    tunnels =
        () -> {
          throw new IllegalStateException("bug");
        };
    pass(Cadence.RESEND.multipliedBy(3));
    change();
    pass(60);
    assertThat(log.at(Level.ERROR)).containsExactly("no report could be made, which is a bug");
    assertThat(reporter.last()).isEmpty();

    tunnels = List::of;
    pass(Cadence.RESEND);
    assertThat(cluster.taken).hasSize(1);
    assertThat(cluster.newest().agent().sequence()).isEqualTo(1);
  }

  @Test
  void bugIsNotTriedAgainAllTheTime() throws Exception {
    var tries = new ArrayList<Long>();
    tunnels =
        () -> {
          tries.add(now);
          throw new IllegalStateException("bug");
        };
    for (int second = 0; second < 600; second++) {
      change();
      pass(1);
    }

    assertThat(tries).hasSizeBetween(10, 600 / (int) Cadence.MIN_INTERVAL.toSeconds() + 2);
  }

  // Clocks.

  private Instant transition(String type) {
    var condition =
        cluster.newest().health().conditions().stream()
            .filter(one -> one.type().equals(type))
            .findFirst()
            .orElseThrow();
    return Objects.requireNonNull(condition.lastTransitionTime());
  }

  @Test
  void conditionKeepsTheTimeAtWhichItBecameWhatItIs() throws Exception {
    pass(540);
    assertThat(transition("Ready")).isEqualTo(FakeView.AT);

    view.probes(FakeView.found("[-]etcd failed\nreadyz check failed"), FakeView.found("ok"));
    change();
    pass(2);
    assertThat(transition("Ready")).isEqualTo(FakeView.AT.plusSeconds(542));
    assertThat(transition("CertificatesValid")).isEqualTo(FakeView.AT);

    pass(600);
    assertThat(transition("Ready")).isEqualTo(FakeView.AT.plusSeconds(542));
  }

  @Test
  void clockThatIsSetBackStopsNoReport() throws Exception {
    pass(600);
    long before = cluster.newest().agent().sequence();
    clock.advance(Duration.ofDays(-1));
    Instant back = clock.instant();
    pass(Cadence.RESEND);

    assertThat(cluster.newest().agent().sequence()).isEqualTo(before + 1);
    assertThat(cluster.newest().observedAt()).isBetween(back, clock.instant());
    assertThat(transition("Ready")).isBetween(back, cluster.newest().observedAt());

    Instant kept = transition("Ready");
    pass(Cadence.RESEND);
    assertThat(transition("Ready")).isEqualTo(kept);
    news("v1.35.0");
    pass(30);
    assertThat(version(cluster.newest())).isEqualTo("v1.35.0");
  }

  @Test
  void clockThatIsSetForwardStopsNoReport() throws Exception {
    pass(600);
    long before = cluster.newest().agent().sequence();
    clock.advance(Duration.ofDays(1));
    pass(Cadence.RESEND);

    assertThat(cluster.newest().agent().sequence()).isEqualTo(before + 1);
    assertThat(cluster.newest().observedAt()).isEqualTo(clock.instant());
    assertThat(transition("Ready")).isEqualTo(FakeView.AT);

    clock.advance(Duration.ofDays(-1));
    pass(Cadence.RESEND);
    assertThat(cluster.newest().agent().sequence()).isEqualTo(before + 2);
    assertThat(transition("Ready")).isEqualTo(FakeView.AT);
  }

  // The thread.

  /** Tells of each report, and holds it until the thread is interrupted. */
  private static final class BlockingSink implements ReportSink {
    private final CountDownLatch inside = new CountDownLatch(1);
    private final CountDownLatch interrupted = new CountDownLatch(1);

    @Override
    public String name() {
      return "cluster";
    }

    @Override
    public void put(ClusterReport report) throws InterruptedException {
      inside.countDown();
      try {
        new CountDownLatch(1).await();
      } catch (InterruptedException e) {
        interrupted.countDown();
        throw e;
      }
    }
  }

  @Test
  void firstReportComesAfterTheFirstReading() throws Exception {
    var limits = new LinkedBlockingQueue<Duration>();
    var read = new CountDownLatch(1);
    var sink = new BlockingSink();
    try (var started =
        reporter(
            limit -> {
              limits.add(limit);
              read.await();
              return true;
            },
            NO_JITTER,
            List.of(sink))) {
      started.start();

      assertThat(limits.take()).isEqualTo(Reporter.FIRST_LIMIT);
      assertThat(started.last()).isEmpty();
      read.countDown();
      sink.inside.await();
      assertThat(started.last()).isPresent();
    }
    assertThat(log.at(Level.INFO)).isEmpty();
  }

  @Test
  void firstReportDoesNotWaitForEver() throws Exception {
    var sink = new BlockingSink();
    try (var started = reporter(_ -> false, NO_JITTER, List.of(sink))) {
      started.start();
      sink.inside.await();
    }

    assertThat(log.at(Level.INFO))
        .containsExactly("not all of the cluster is read yet: limit=PT8S");
  }

  @Test
  void changeWakesTheThread() throws Exception {
    BlockingQueue<Long> taken = new LinkedBlockingQueue<>();
    var sink =
        new ReportSink() {
          @Override
          public String name() {
            return "cluster";
          }

          @Override
          public void put(ClusterReport report) {
            taken.add(report.agent().sequence());
          }
        };
    try (var started = reporter(_ -> true, NO_JITTER, List.of(sink))) {
      started.start();
      assertThat(taken.take()).isEqualTo(1);

      view.gitVersion("v1.35.0");
      started.changed();
      started.changed();

      assertThat(taken.take()).isEqualTo(2);
    }
  }

  @Test
  void closeEndsTheThreadThoughASinkBlocks() throws Exception {
    var sink = new BlockingSink();
    var started = reporter(_ -> true, NO_JITTER, List.of(sink));
    started.start();
    sink.inside.await();

    started.close();

    sink.interrupted.await();
  }

  @Test
  void closeOfOneThatWasNotStartedDoesNothing() {
    reporter.close();
  }
}
