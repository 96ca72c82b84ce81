package io.drover.agent.view;

import static io.drover.agent.kube.TestApi.hang;
import static io.drover.agent.kube.TestApi.status;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.drover.agent.kube.Answer;
import io.drover.agent.kube.TestApi;
import io.drover.agent.kube.TestApi.Request;
import io.drover.agent.kube.TestApi.Watch;
import io.drover.proto.report.Cause;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class LiveViewTest {
  /** As many as the reports ask for. */
  private static final Set<String> COUNTED =
      Set.of(
          "example.com/a",
          "example.com/b",
          "example.com/c",
          "example.com/d",
          "example.com/e",
          "example.com/f",
          "example.com/g",
          "example.com/h",
          "example.com/i",
          "example.com/j",
          "example.com/k",
          "example.com/l");

  private static final Duration LONG = Duration.ofMinutes(1);
  private static final String NODE_PORTS = "POST /api/v1/namespaces/cattle-system/services";

  private final TestApi api = new TestApi();
  private final Naps naps = new Naps(LiveView.PROBE_EVERY::equals);
  private final Semaphore changes = new Semaphore(0);
  private final List<LiveView> started = new ArrayList<>();

  @AfterEach
  void stop() {
    started.forEach(LiveView::close);
    api.close();
  }

  private LiveView start() {
    var view =
        LiveView.start(
            api.reader(),
            SmallCluster.config(COUNTED),
            Clock.systemUTC(),
            naps,
            new Random(1),
            changes::release);
    started.add(view);
    return view;
  }

  /** A view of a whole cluster that has been read. */
  private LiveView read() throws InterruptedException {
    SmallCluster.answer(api, COUNTED);
    var view = start();
    naps.await();
    awaitWatches();
    return view;
  }

  /** All mirrors have listed by now, and are about to watch. */
  private void awaitWatches() throws InterruptedException {
    var paths = new ArrayList<Request>();
    int watches = 0;
    while (watches < Kinds.WATCHED.size()) {
      var request = api.next();
      paths.add(request);
      watches += request.toString().startsWith("WATCH") ? 1 : 0;
    }
    firstPass.addAll(paths);
    firstPass.addAll(taken());
  }

  private final List<Request> firstPass = new ArrayList<>();

  /** The requests since they were last taken, without queries. */
  private List<Request> taken() throws InterruptedException {
    var taken = new ArrayList<Request>();
    while (!api.requests().isEmpty()) {
      taken.add(api.next());
    }
    return taken;
  }

  private List<String> requestsOfTheNextMinute() throws InterruptedException {
    naps.wakeAndAwait();
    return taken().stream().map(Request::withoutQuery).toList();
  }

  private static void assertNotReadYet(Answer<?> answer) {
    assertThat(answer)
        .isInstanceOfSatisfying(
            Answer.Missing.class,
            missing -> {
              assertThat(missing.cause()).isEqualTo(Cause.TIMEOUT);
              assertThat(missing.detail()).contains("not read yet");
            });
  }

  @Test
  void nothingIsKnownBeforeItIsRead() throws Exception {
    api.otherwise(hang());
    var view = start();
    api.next();

    assertThat(view.awaitFirst(Duration.ofMillis(10))).isFalse();
    SmallCluster.kinds().forEach(kind -> assertNotReadYet(view.all(kind)));
    Facts facts = view.facts();
    List.of(
            facts.discovery(),
            facts.version(),
            facts.readyz().text(),
            facts.livez().text(),
            facts.systemConfigMaps(),
            facts.apiServerFlags(),
            facts.nodeMetrics(),
            facts.nodePorts(),
            facts.taintTrial(),
            facts.podSecurityAdmission())
        .forEach(LiveViewTest::assertNotReadYet);
    assertThat(facts.objects()).isEmpty();
    assertThat(facts.counts()).isEmpty();
  }

  @Test
  void firstIsWhenAllHasBeenRead() throws Exception {
    SmallCluster.answer(api, COUNTED);
    var view = start();

    assertThat(view.awaitFirst(LONG)).isTrue();

    SmallCluster.kinds().forEach(kind -> assertThat(view.all(kind).found()).isPresent());
    assertThat(view.facts().nodePorts().found()).isPresent();
    assertThat(view.facts().taintTrial().found()).isPresent();
    assertThat(view.facts().counts()).hasSize(COUNTED.size());
    assertThat(changes.tryAcquire(Kinds.WATCHED.size() + 1, LONG.toSeconds(), TimeUnit.SECONDS))
        .isTrue();
  }

  @Test
  void firstIsAlsoWhenAllHasFailed() throws Exception {
    api.otherwise(status(403, "no"));
    var view = start();

    assertThat(view.awaitFirst(LONG)).isTrue();

    SmallCluster.kinds()
        .forEach(
            kind ->
                assertThat(view.all(kind))
                    .isInstanceOfSatisfying(
                        Answer.Missing.class,
                        missing -> assertThat(missing.cause()).isEqualTo(Cause.FORBIDDEN)));
  }

  @Test
  void oneListThatHangsIsNotWaitedForBeyondTheLimit() throws Exception {
    SmallCluster.answer(api, COUNTED).on("GET /api/v1/pods", hang());
    var view = start();

    assertThat(view.awaitFirst(Duration.ofMillis(10))).isFalse();
    assertNotReadYet(view.all(Kinds.PODS));
  }

  @Test
  void bugSpoilsOnePassOnly() throws Exception {
    SmallCluster.answer(api, COUNTED);
    var broken = new AtomicBoolean(true);
    var view =
        LiveView.start(
            api.reader(),
            SmallCluster.config(
                COUNTED,
                () -> {
                  if (broken.get()) {
                    throw new IllegalStateException("a bug");
                  }
                  return List.of();
                }),
            Clock.systemUTC(),
            naps,
            new Random(1),
            changes::release);
    started.add(view);

    assertThat(view.awaitFirst(LONG)).isTrue();
    assertNotReadYet(view.facts().version());
    broken.set(false);
    for (int minute = 0; minute < 30; minute++) {
      naps.await();
      naps.wake();
    }
    naps.await();

    assertThat(view.facts().version().found()).isPresent();
  }

  @Test
  void firstPassIsCheap() throws Exception {
    read();

    // Wanted: at most 60 in the first 100 s. The duties and the leader's lease need some.
    assertThat(firstPass).hasSizeLessThanOrEqualTo(57);
    assertThat(firstPass.stream().map(Request::withoutQuery).filter(NODE_PORTS::equals)).hasSize(1);
  }

  @Test
  void everythingIsReadAgainInItsOwnTimeAndNoOftener() throws Exception {
    read();
    int requests = 0;
    for (int minute = 1; minute <= 60; minute++) {
      var paths = requestsOfTheNextMinute();
      requests += paths.size();
      if (minute % 30 == 0) {
        assertThat(paths)
            .contains("GET /apis", "GET /version", "GET /readyz", "GET /livez")
            .contains("GET /apis/example.com/v1/a", "PATCH /api/v1/nodes/n1")
            .contains("GET /apis/storage.k8s.io/v1/csinodes")
            .doesNotContain(NODE_PORTS);
      } else if (minute % 5 == 0) {
        assertThat(paths)
            .containsExactlyInAnyOrder(
                "GET /readyz",
                "GET /livez",
                "GET /apis/metrics.k8s.io/v1beta1/nodes",
                "GET /apis/apps/v1/statefulsets",
                "GET /apis/gateway.networking.k8s.io/v1/gatewayclasses",
                "GET /apis/storage.k8s.io/v1/csidrivers",
                "GET /apis/storage.k8s.io/v1/csinodes",
                "GET /apis/snapshot.storage.k8s.io/v1/volumesnapshotclasses");
      } else {
        assertThat(paths).as("minute %d", minute).containsExactly("GET /readyz");
      }
    }
    // Wanted: at most 6 a minute.
    assertThat(requests).isLessThanOrEqualTo(60 * 4);
  }

  @Test
  void nodePortsAreAskedForOnceADay() throws Exception {
    read();

    int day = (int) Duration.ofDays(1).toMinutes();
    for (int minute = 1; minute < day; minute++) {
      assertThat(requestsOfTheNextMinute()).doesNotContain(NODE_PORTS);
    }
    assertThat(requestsOfTheNextMinute()).containsOnlyOnce(NODE_PORTS);
  }

  @Test
  void nodePortsAreAskedForAgainSoonerIfTheyCouldNotBe() throws Exception {
    SmallCluster.answer(api, COUNTED)
        .on("GET /apis", status(503, "no"))
        .on(SmallCluster.REVIEW, status(503, "no"));
    var view = start();
    naps.await();
    awaitWatches();
    assertThat(view.facts().nodePorts())
        .isInstanceOfSatisfying(
            Answer.Missing.class,
            missing -> assertThat(missing.cause()).isEqualTo(Cause.UNAVAILABLE));

    SmallCluster.answer(api, COUNTED);

    assertThat(requestsOfTheNextMinute()).containsOnlyOnce(NODE_PORTS);
    assertThat(view.facts().nodePorts().found()).isPresent();
    assertThat(requestsOfTheNextMinute()).doesNotContain(NODE_PORTS);
  }

  @Test
  void whatIsReadAgainIsKnown() throws Exception {
    var view = read();
    api.on("GET /livez", status(503, "no"))
        .on("GET /apis/storage.k8s.io/v1/csidrivers", SmallCluster.list(""));
    assertThat(view.facts().livez().text().found()).isPresent();

    for (int minute = 1; minute <= 5; minute++) {
      changes.drainPermits();
      naps.wakeAndAwait();
      assertThat(changes.availablePermits()).isEqualTo(1);
    }

    assertThat(view.facts().livez().text().found()).isEmpty();
    assertThat(view.facts().readyz().text().found()).isPresent();
    assertThat(view.all(Kinds.CSI_DRIVERS).found().orElseThrow()).isEmpty();
  }

  @Test
  void newApiIsLookedAtInTheNextMinute() throws Exception {
    var view = readWith(Kinds.CUSTOM_RESOURCES);

    watch.event("ADDED", "{\"metadata\":{\"name\":\"new.example.com\"}}");
    changes.acquire();
    assertThat(view.all(Kinds.CUSTOM_RESOURCES).found().orElseThrow()).hasSize(2);

    assertThat(requestsOfTheNextMinute()).contains("GET /apis").doesNotContain(NODE_PORTS);
    assertThat(requestsOfTheNextMinute()).containsExactly("GET /readyz");
  }

  @Test
  void newObjectOfAnotherKindIsNoNewApi() throws Exception {
    readWith(Kinds.NAMESPACES);

    watch.event("ADDED", "{\"metadata\":{\"name\":\"new\"}}");
    changes.acquire();

    assertThat(requestsOfTheNextMinute()).containsExactly("GET /readyz");
  }

  private final Watch watch = new Watch();

  private LiveView readWith(Kind<?> watched) throws InterruptedException {
    SmallCluster.answer(api, COUNTED).on("WATCH " + watched.path(watched.version()), watch);
    var view = start();
    naps.await();
    awaitWatches();
    changes.drainPermits();
    return view;
  }

  @Test
  void discoveryThatFailedIsTriedAgainInTheNextMinute() throws Exception {
    SmallCluster.answer(api, COUNTED).on("GET /apis", status(503, "no"));
    var view = start();
    naps.await();
    assertThat(view.facts().discovery().found()).isEmpty();
    awaitWatches();

    SmallCluster.answerDiscovery(api, COUNTED);

    assertThat(requestsOfTheNextMinute()).contains("GET /apis").doesNotContain(NODE_PORTS);
    assertThat(view.facts().discovery().found()).isPresent();
    assertThat(requestsOfTheNextMinute()).containsExactly("GET /readyz");
  }

  @Test
  void closingEndsAllThreads() throws Exception {
    var view = read();
    assertThat(view.threads()).hasSize(1 + Kinds.WATCHED.size()).allMatch(Thread::isAlive);

    view.close();

    assertThat(view.threads()).noneMatch(Thread::isAlive);
  }

  @Test
  void closingEndsAllThreadsAlsoBeforeAnythingIsRead() throws Exception {
    api.otherwise(hang());
    var view = start();
    api.next();

    view.close();

    assertThat(view.threads()).noneMatch(Thread::isAlive);
    assertThat(api.requests()).isEmpty();
  }

  @Test
  void kindThatIsNotReadIsAMistake() {
    var view = start();

    assertThatThrownBy(
            () -> view.all(new Kind<>("example.com", "v1", "others", false, CustomResource::of)))
        .isInstanceOf(IllegalArgumentException.class);
  }
}
