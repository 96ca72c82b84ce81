package io.drover.agent.view;

import static io.drover.agent.kube.TestApi.cutOff;
import static io.drover.agent.kube.TestApi.status;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import io.drover.agent.kube.Answer;
import io.drover.agent.kube.TestApi;
import io.drover.agent.kube.TestApi.Watch;
import io.drover.proto.report.Cause;
import java.time.Duration;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class MirrorTest {
  private static final String LIST = "GET /apis/example.com/v1/things";
  private static final String WATCH = "WATCH /apis/example.com/v1/things";
  private static final Kind<String> KIND =
      new Kind<>("example.com", "v1", "things", true, MirrorTest::record);

  private final TestApi api = new TestApi();
  private final Watch watch = new Watch();
  private final Naps naps = new Naps(_ -> true);
  private final AtomicLong nanos = new AtomicLong(-5);
  private final BlockingQueue<Answer<Collection<String>>> changes = new LinkedBlockingQueue<>();
  private volatile Answer<Discovery> discovery = new Answer.Missing<>(Cause.TIMEOUT, "no answer");
  private final Mirror<String> mirror =
      new Mirror<>(
          api.reader(), KIND, () -> discovery, this::changed, naps, new Random(1), nanos::get);
  private final Thread thread = Thread.ofVirtual().unstarted(this::run);

  @BeforeEach
  void script() {
    api.on(LIST, list("100", "a=1", "b=1")).on(WATCH, watch);
  }

  @AfterEach
  void stop() throws InterruptedException {
    thread.interrupt();
    thread.join();
    api.close();
  }

  private void run() {
    try {
      mirror.run();
    } catch (InterruptedException _) {
      // Stopped.
    }
  }

  private void changed() {
    changes.add(mirror.all().map(List::copyOf));
  }

  /** Of a thing its name and its value; nothing of a hidden one. */
  private static Optional<String> record(JsonNode object) {
    String value = object.path("value").asText();
    if (Json.name(object).equals("bug")) {
      throw new IllegalStateException("a bug");
    }
    return value.equals("hidden") ? Optional.empty() : Optional.of(Json.name(object) + "=" + value);
  }

  private static String object(String version, String thing) {
    List<String> parts = List.of(thing.split("=", -1));
    return Given.json(
            "{metadata: {name: '%s', resourceVersion: '%s'}, value: '%s'}"
                .formatted(parts.getFirst(), version, parts.getLast()))
        .toString();
  }

  private static TestApi.Reply list(String version, String... things) {
    var objects = List.of(things).stream().map(thing -> object("1", thing)).toList();
    return TestApi.json(
        "{\"metadata\":{\"resourceVersion\":\"%s\"},\"items\":[%s]}"
            .formatted(version, String.join(",", objects)));
  }

  private void assertChangedTo(String... things) throws InterruptedException {
    assertHolds(changes.take(), things);
  }

  private static void assertHolds(Answer<Collection<String>> answer, String... things) {
    assertThat(answer.found()).as("%s", answer).isPresent();
    assertThat(answer.found().orElseThrow()).containsExactlyInAnyOrder(things);
  }

  private void assertMissing(Cause cause) {
    assertThat(mirror.all())
        .isInstanceOfSatisfying(
            Answer.Missing.class, missing -> assertThat(missing.cause()).isEqualTo(cause));
  }

  @Test
  void listsThenWatches() throws Exception {
    thread.start();

    assertChangedTo("a=1", "b=1");
    var listing = api.next();
    assertThat(listing).hasToString(LIST + "?resourceVersion=0");
    assertThat(listing.header("Accept")).contains("as=PartialObjectMetadataList;");
    var watching = api.next();
    assertThat(watching.path())
        .contains("?watch=true&allowWatchBookmarks=true&timeoutSeconds=")
        .endsWith("&resourceVersion=100");
    assertThat(watching.header("Accept")).contains("as=PartialObjectMetadata;");
    assertThat(mirror.tried().getCount()).isZero();

    watch.event("ADDED", object("101", "c=1"));
    assertChangedTo("a=1", "b=1", "c=1");
    watch.event("MODIFIED", object("102", "a=2"));
    assertChangedTo("a=2", "b=1", "c=1");
    watch.event("DELETED", object("103", "b=1"));
    assertChangedTo("a=2", "c=1");
  }

  @Test
  void whatChangesNothingThatIsKeptIsNoChange() throws Exception {
    thread.start();
    assertChangedTo("a=1", "b=1");

    watch
        .event("MODIFIED", object("101", "a=1"))
        .event("DELETED", object("102", "unknown=1"))
        .event("ADDED", object("103", "c=hidden"))
        .event("MODIFIED", object("104", "b=2"));

    assertChangedTo("a=1", "b=2");
    assertThat(changes).isEmpty();
  }

  @Test
  void objectThatIsNoLongerOfInterestIsGone() throws Exception {
    thread.start();
    assertChangedTo("a=1", "b=1");

    watch.event("MODIFIED", object("101", "a=hidden"));

    assertChangedTo("b=1");
  }

  @Test
  void objectsOfOneNameInSeveralNamespacesAreSeveral() throws Exception {
    thread.start();
    assertChangedTo("a=1", "b=1");

    watch.event(
        "ADDED", Given.json("{metadata: {name: 'a', namespace: 'other'}, value: '2'}").toString());

    assertChangedTo("a=1", "a=2", "b=1");
  }

  @Test
  void watchThatEndedGoesOnFromWhereItWas() throws Exception {
    var second = new Watch();
    api.on(WATCH, watch, second);
    thread.start();
    assertChangedTo("a=1", "b=1");

    watch.event("MODIFIED", object("140", "a=2")).bookmark("150").end();
    assertChangedTo("a=2", "b=1");
    assertThat(naps.await())
        .isBetween(Mirror.FIRST_RETRY, half(Mirror.FIRST_RETRY, 3)); // too short
    naps.wake();
    second.event("ADDED", object("151", "c=1"));

    assertChangedTo("a=2", "b=1", "c=1");
    assertThat(api.requests()).hasSize(3);
    assertThat(api.requests().getLast().path()).endsWith("&resourceVersion=150");
  }

  @Test
  void watchThatRanForSomeTimeIsFollowedByTheNextAtOnce() throws Exception {
    var second = new Watch();
    api.on(WATCH, watch, second);
    thread.start();
    assertChangedTo("a=1", "b=1");
    api.next();
    api.next();
    watch.event("ADDED", object("101", "c=1"));
    assertChangedTo("a=1", "b=1", "c=1");

    nanos.addAndGet(Mirror.SHORT_WATCH.toNanos());
    watch.end();

    assertThat(api.next().path()).endsWith("&resourceVersion=101");
  }

  @Test
  void versionThatIsTooOldIsListedAgain() throws Exception {
    var second = new Watch();
    api.on(LIST, list("100", "a=1", "b=1"), list("200", "b=2", "c=1", "d=hidden"))
        .on(WATCH, watch, second);
    thread.start();
    assertChangedTo("a=1", "b=1");

    watch.expire();
    naps.await();
    assertHolds(mirror.all(), "a=1", "b=1");
    naps.wake();

    assertChangedTo("b=2", "c=1"); // what vanished meanwhile is gone
    second.event("DELETED", object("201", "b=2"));
    assertChangedTo("c=1");
    assertThat(api.requests()).hasSize(4);
    assertThat(api.requests().getLast().path()).endsWith("&resourceVersion=200");
  }

  @Test
  void nothingIsThereBeforeTheFirstList() {
    assertThat(mirror.all())
        .isEqualTo(new Answer.Missing<>(Cause.TIMEOUT, "things.example.com is not read yet"));
    assertThat(mirror.tried().getCount()).isEqualTo(1);
  }

  @Test
  void firstListThatFailsIsTheAnswer() throws Exception {
    api.on(LIST, status(403, "no"), list("100", "a=1"));
    thread.start();

    naps.await();
    assertMissing(Cause.FORBIDDEN);
    assertThat(mirror.tried().getCount()).isZero();
    assertThat(changes.take()).isInstanceOf(Answer.Missing.class);

    naps.wake();
    assertChangedTo("a=1");
  }

  @Test
  void sameFailureAgainIsNoChange() throws Exception {
    api.on(LIST, status(403, "no"), status(403, "no"), status(503, "no"));
    thread.start();
    naps.await();
    changes.take();

    naps.wakeAndAwait();
    assertThat(changes).isEmpty();

    naps.wakeAndAwait();
    assertMissing(Cause.UNAVAILABLE);
    assertThat(changes).hasSize(1);
  }

  @Test
  void recordsOutliveAFailureForSomeTime() throws Exception {
    api.on(LIST, list("100", "a=1", "b=1"), status(503, "no"), list("200", "a=2"));
    thread.start();
    assertChangedTo("a=1", "b=1");
    nanos.addAndGet(Duration.ofHours(1).toNanos());
    assertHolds(mirror.all(), "a=1", "b=1"); // no news are good news

    watch.event("MODIFIED", object("101", "a=2")).event("ERROR", "{\"code\":500}");
    assertChangedTo("a=2", "b=1");
    assertChangedTo("a=2", "b=1");
    naps.await();
    nanos.addAndGet(Mirror.MAX_AGE.toNanos());
    assertHolds(mirror.all(), "a=2", "b=1");
    nanos.addAndGet(1);
    assertMissing(Cause.UNAVAILABLE);

    naps.wakeAndAwait();
    assertMissing(Cause.UNAVAILABLE);
    naps.wake();
    assertChangedTo("a=2");
  }

  @Test
  void listThatIsCutOffTakesNothingAway() throws Exception {
    String beginning =
        "{\"metadata\":{\"resourceVersion\":\"200\"},\"items\":[" + object("1", "a=1");
    api.on(LIST, list("100", "a=1", "b=1"), cutOff(beginning), list("200", "a=2"));
    thread.start();
    assertChangedTo("a=1", "b=1");

    watch.expire();
    naps.await();
    naps.wakeAndAwait();

    assertHolds(mirror.all(), "a=1", "b=1");
    changes.clear();
    naps.wake();
    assertChangedTo("a=2");
  }

  @Test
  void withoutTheRightToWatchListsDo() throws Exception {
    api.on(WATCH, status(403, "no"));
    thread.start();
    naps.await();

    for (int i = 0; i < 20; i++) {
      naps.wakeAndAwait();
      nanos.addAndGet(half(Mirror.LAST_RETRY, 3).toNanos());
      assertHolds(mirror.all(), "a=1", "b=1");
    }
  }

  @Test
  void waitsLongerAndLongerForARight() throws Exception {
    assertWaitsUpTo(Mirror.LAST_RETRY, 403);
  }

  @Test
  void waitsNotSoLongForAnApiServerThatIsAway() throws Exception {
    assertWaitsUpTo(Mirror.LAST_RETRY_AWAY, 503);
  }

  @Test
  void waitsNotSoLongForAnApiServerThatGoesAwayEither() throws Exception {
    api.on(LIST, status(403, "no"));
    thread.start();
    while (naps.await().compareTo(Mirror.LAST_RETRY) < 0) {
      naps.wake();
    }

    api.on(LIST, status(503, "no"));
    naps.wake();

    assertThat(naps.await()).isBetween(Mirror.LAST_RETRY_AWAY, half(Mirror.LAST_RETRY_AWAY, 3));
  }

  private void assertWaitsUpTo(Duration last, int status) throws Exception {
    api.on(LIST, status(status, "no"));
    thread.start();

    var expected = Mirror.FIRST_RETRY;
    boolean jitters = false;
    for (int i = 0; i < 12; i++) {
      Duration nap = naps.await();
      assertThat(nap).isBetween(expected, half(expected, 3));
      jitters |= !nap.equals(expected);
      naps.wake();
      expected = expected.multipliedBy(2);
      expected = expected.compareTo(last) < 0 ? expected : last;
    }
    assertThat(expected).isEqualTo(last);
    assertThat(jitters).isTrue();
  }

  @Test
  void bugIsAFailureAndNotTheEnd() throws Exception {
    api.on(LIST, list("100", "a=1", "bug=1"), list("100", "a=2"));
    thread.start();

    naps.await();
    assertThat(mirror.all())
        .isInstanceOfSatisfying(
            Answer.Missing.class,
            missing -> assertThat(missing.cause()).isEqualTo(Cause.UNREADABLE));
    changes.clear();
    naps.wake();

    assertChangedTo("a=2");
  }

  @Test
  void waitsShortlyAgainAfterAWatchThatWorked() throws Exception {
    var failure = status(503, "no");
    api.on(LIST, failure, failure, failure, failure, list("100", "a=1"));
    thread.start();
    naps.await();
    for (int i = 0; i < 3; i++) {
      naps.wakeAndAwait();
    }
    changes.clear();
    naps.wake();
    assertChangedTo("a=1");

    watch.bookmark("101").event("ERROR", "{\"code\":500}");

    assertThat(naps.await()).isBetween(Mirror.FIRST_RETRY, half(Mirror.FIRST_RETRY, 3));
  }

  private static Duration half(Duration duration, int times) {
    return duration.multipliedBy(times).dividedBy(2);
  }

  @Test
  void whatIsNotServedIsNotAskedFor() throws Exception {
    discovery = new Answer.Found<>(new Discovery(Map.of("apps", "v1"), Set.of(), Set.of()));
    thread.start();
    naps.await();
    naps.wakeAndAwait();

    assertThat(mirror.all())
        .isEqualTo(new Answer.Missing<>(Cause.NOT_SERVED, "things.example.com is not served"));
    assertThat(api.requests()).isEmpty();

    changes.clear();
    api.on(LIST.replace("v1", "v2"), list("100", "a=1")).on(WATCH.replace("v1", "v2"), watch);
    discovery = new Answer.Found<>(new Discovery(Map.of("example.com", "v2"), Set.of(), Set.of()));
    naps.wake();
    assertChangedTo("a=1");
    api.next();
    assertThat(api.next().withoutQuery()).isEqualTo("WATCH /apis/example.com/v2/things");
  }
}
