package io.drover.agent.duty;

import static org.assertj.core.api.Assertions.assertThat;

import io.drover.agent.TestClock;
import io.drover.agent.config.DutyConfig;
import io.drover.agent.config.DutyConfig.Duty;
import io.drover.agent.reason.Problem;
import io.drover.agent.reason.Reason;
import io.drover.agent.view.Kinds;
import java.time.Duration;
import java.util.EnumSet;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.SynchronousQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(30)
class DutiesTest {
  private static final String PULL_SECRETS = "list cattle-system " + UnusedPullSecrets.SELECTOR;

  private static final String EVENT = "event cattle-system/pod ! DnsNotFound";

  private final TestClock clock = new TestClock();
  private final FakeWriter writer = new FakeWriter();
  private final FakeView view = new FakeView();
  private final AtomicBoolean leads = new AtomicBoolean(true);
  private final BlockingQueue<Duration> sleeps = new LinkedBlockingQueue<>();
  private final BlockingQueue<Boolean> wakeUps = new SynchronousQueue<>();

  DutiesTest() {
    view.add(Kinds.NODES, "{'metadata': {'name': 'n'}}");
    view.add(
        Kinds.NAMESPACES,
        "{'metadata': {'name': 'shop', 'annotations': {'field.cattle.io/projectId': 'c:p'}}}");
    view.add(
        Kinds.DEPLOYMENTS,
        "{'metadata': {'namespace': 'x', 'name': 'web', 'annotations':"
            + " {'management.cattle.io/scale-available': '2'}}, 'spec': {'replicas': 2}}");
  }

  @Test
  void everyDutyIsDoneAtOnceAndEvery15Seconds() throws Exception {
    try (var _ = start(EnumSet.allOf(Duty.class), "used", Set.of("used"))) {
      assertThat(sleeps.take()).isEqualTo(Duration.ofSeconds(15));
      assertThat(writer.taken())
          .containsExactly(
              "annotate node n {a=b}",
              "list shop",
              "label shop@ {field.cattle.io/projectId=p}",
              "scale x/web 1",
              PULL_SECRETS,
              EVENT);

      clock.advance(Duration.ofHours(1));
      pass();
      assertThat(writer.taken())
          .containsExactly(
              "annotate node n {a=b}",
              "list shop",
              "label shop@ {field.cattle.io/projectId=p}",
              "scale x/web 1",
              "list cattle-system");
    }
  }

  @Test
  void onlyTheLeaderWritesWhatAllReplicasSee() throws Exception {
    leads.set(false);
    clock.advance(Duration.ofHours(1));
    try (var _ = start(EnumSet.allOf(Duty.class), "used", Set.of("used"))) {
      sleeps.take();
      assertThat(writer.taken()).containsExactly(PULL_SECRETS, EVENT);

      leads.set(true);
      pass();
      assertThat(writer.taken()).contains("scale x/web 1");
    }
  }

  @Test
  void otherDutiesAreNotDone() throws Exception {
    try (var _ = start(EnumSet.of(Duty.SCALE_AVAILABLE), "used", Set.of("used"))) {
      sleeps.take();
      clock.advance(Duration.ofHours(2));
      pass();

      assertThat(writer.taken()).containsExactly("scale x/web 1", "scale x/web 1");
    }
  }

  @Test
  void withoutDutiesThereIsNoThread() {
    try (var _ = start(Set.of(), "used", Set.of("used"))) {
      assertThat(sleeps).isEmpty();
    }
    assertThat(sleeps).isEmpty();
    assertThat(writer.calls).isEmpty();
  }

  @Test
  void pullSecretsStayIfTheCredentialsAreNotKnown() throws Exception {
    try (var _ = start(EnumSet.of(Duty.UNUSED_PULL_SECRETS), "", Set.of("used"))) {
      sleeps.take();

      assertThat(writer.calls).isEmpty();
    }
  }

  @Test
  void failingDutyKeepsNoOtherFromBeingDone() throws Exception {
    writer.failing.add("label");
    try (var duties = start(EnumSet.allOf(Duty.class), "used", Set.of("used"))) {
      sleeps.take();
      assertThat(writer.taken()).contains("scale x/web 1", PULL_SECRETS);
      assertThat(duties.problems())
          .containsExactly(
              Map.entry(
                  "namespace-labels",
                  new Problem(Reason.OTHER, "no label shop@ {field.cattle.io/projectId=p}")));

      writer.failing.clear();
      pass();
      assertThat(writer.taken()).contains("label shop@ {field.cattle.io/projectId=p}");
      assertThat(duties.problems()).isEmpty();
    }
  }

  @Test
  void bugInOneDutyKeepsNoOtherFromBeingDone() throws Exception {
    view.add(Kinds.NAMESPACES, "{'metadata': {'name': 'next'}}");
    var duties =
        Duties.start(
            new DutyConfig(EnumSet.allOf(Duty.class), "used", Set.of(), "pod"),
            view,
            () -> {
              throw new IllegalStateException("bug");
            },
            Map::of,
            TreeMap::new,
            leads::get,
            writer,
            clock,
            this::sleep);
    try (duties) {
      sleeps.take();
      assertThat(writer.taken()).contains("scale x/web 1");
      pass();
      assertThat(writer.taken()).contains("scale x/web 1");
    }
  }

  @Test
  void closeEndsTheThread() throws Exception {
    var duties = start(EnumSet.allOf(Duty.class), "used", Set.of());
    sleeps.take();

    duties.close();

    assertThat(wakeUps.offer(true, 100, TimeUnit.MILLISECONDS)).isFalse();
  }

  private Duties start(Set<Duty> duties, String credentialName, Set<String> pullSecrets) {
    return Duties.start(
        new DutyConfig(duties, credentialName, pullSecrets, "pod"),
        view,
        () -> Map.of("n", Map.of("a", "b")),
        () -> Map.of("cluster", Optional.of(new Problem(Reason.DNS_NOT_FOUND, "x"))),
        TreeMap::new,
        leads::get,
        writer,
        clock,
        this::sleep);
  }

  private void sleep(Duration duration) throws InterruptedException {
    sleeps.add(duration);
    wakeUps.take();
  }

  /** Lets the thread make one more pass. */
  private void pass() throws InterruptedException {
    wakeUps.put(true);
    sleeps.take();
  }
}
