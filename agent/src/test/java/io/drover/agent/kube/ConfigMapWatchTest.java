package io.drover.agent.kube;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.drover.agent.kube.ConfigMapWatch.Content;
import io.drover.agent.kube.TestApi.Watch;
import io.drover.agent.reason.Failure;
import io.drover.agent.reason.Reason;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.Semaphore;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(30)
@SuppressWarnings("NullAway.Init") // every test starts it
class ConfigMapWatchTest {
  private static final String LIST = "GET /api/v1/namespaces/ns/configmaps";
  private static final String WATCH = "WATCH /api/v1/namespaces/ns/configmaps";

  private final TestApi api = new TestApi();
  private final LinkedBlockingQueue<Optional<Content>> told = new LinkedBlockingQueue<>();
  private final LinkedBlockingQueue<Duration> sleeps = new LinkedBlockingQueue<>();
  private final Semaphore over = new Semaphore(0);
  private ConfigMapWatch watch;

  private void start() {
    watch =
        ConfigMapWatch.start(
            api.reader(),
            "ns",
            "policy",
            told::add,
            duration -> {
              sleeps.add(duration);
              over.acquire();
            });
  }

  @AfterEach
  void close() {
    watch.close();
    api.close();
  }

  private static String object(int version, String value) {
    return """
           {"metadata":{"name":"policy","resourceVersion":"%d","annotations":{"a":"b"}},
            "data":{"k":"%s"}}"""
        .formatted(version, value)
        .replace("\n", "");
  }

  private static TestApi.Reply list(String... objects) {
    return TestApi.json(
        "{\"metadata\":{\"resourceVersion\":\"7\"},\"items\":[" + String.join(",", objects) + "]}");
  }

  private static Optional<Content> content(int version, String value) {
    return Optional.of(
        new Content(Map.of("k", value), Map.of("a", "b"), Integer.toString(version)));
  }

  @Test
  void tellsWhatIsThereAndWhatBecomesOfIt() throws Exception {
    var events = new Watch();
    api.on(LIST, list(object(3, "one"))).on(WATCH, events);
    start();

    assertThat(told.take()).isEqualTo(content(3, "one"));
    assertThat(api.next().path()).contains("fieldSelector=metadata.name%3Dpolicy");
    assertThat(api.next().path()).contains("watch=true", "resourceVersion=7");
    events.event("MODIFIED", object(8, "two"));
    assertThat(told.take()).isEqualTo(content(8, "two"));
    events.event("DELETED", object(9, "two"));
    assertThat(told.take()).isEmpty();
    events.event("ADDED", object(10, "three"));
    assertThat(told.take()).isEqualTo(content(10, "three"));
    assertThat(watch.problem()).isEmpty();
  }

  @Test
  void isReadOnceToo() throws Exception {
    api.on(
            LIST,
            list(),
            list(object(3, "one")),
            list(),
            TestApi.status(403, "configmaps is forbidden"))
        .on(WATCH, new Watch());
    start();
    assertThat(told.take()).isEmpty();
    var reader = api.reader();

    assertThat(ConfigMapWatch.read(reader, "ns", "policy")).isEqualTo(content(3, "one"));
    assertThat(ConfigMapWatch.read(reader, "ns", "policy")).isEmpty();
    assertThatThrownBy(() -> ConfigMapWatch.read(reader, "ns", "policy"))
        .isInstanceOf(Failure.class)
        .hasMessageContaining("configmaps is forbidden");
    assertThat(told).isEmpty();
  }

  @Test
  void tellsThatThereIsNone() throws Exception {
    api.on(LIST, list()).on(WATCH, new Watch());
    start();

    assertThat(told.take()).isEmpty();
  }

  @Test
  void goesOnWhereAWatchHasEnded() throws Exception {
    api.on(LIST, list()).on(WATCH, new Watch().event("ADDED", object(8, "one")).end(), new Watch());
    start();

    assertThat(told.take()).isEmpty();
    assertThat(told.take()).isEqualTo(content(8, "one"));
    api.next();
    api.next();
    assertThat(sleeps.take()).as("it was short").isEqualTo(ConfigMapWatch.FIRST_RETRY);
    assertThat(api.requests()).isEmpty();
    over.release();
    assertThat(api.next().path()).contains("watch=true", "resourceVersion=8");
    assertThat(told).isEmpty();
  }

  @Test
  void listsAgainWhenAWatchFails() throws Exception {
    api.on(LIST, list(object(3, "one")), list(object(9, "two")))
        .on(WATCH, TestApi.status(410, "too old"), new Watch());
    start();

    assertThat(told.take()).isEqualTo(content(3, "one"));
    assertThat(sleeps.take()).isEqualTo(ConfigMapWatch.FIRST_RETRY);
    over.release();
    assertThat(told.take()).isEqualTo(content(9, "two"));
  }

  /** Lets it try so often that its pauses have grown to the last. */
  private Duration pauseAfterMany() throws InterruptedException {
    var pause = sleeps.take();
    for (int i = 0; i < 8; i++) {
      over.release();
      pause = sleeps.take();
    }
    return pause;
  }

  @Test
  void listsLessAndLessOftenIfItMayNotWatch() throws Exception {
    api.on(LIST, list(object(3, "one"))).on(WATCH, TestApi.status(403, "may not watch"));
    start();

    assertThat(pauseAfterMany()).isEqualTo(ConfigMapWatch.LAST_RETRY);
    assertThat(watch.problem().orElseThrow().message()).contains("may not watch");
  }

  @Test
  void whatCannotBeReadIsAProblemAndNothingIsTold() throws Exception {
    api.on(LIST, TestApi.status(403, "configmaps is forbidden"));
    start();

    assertThat(pauseAfterMany()).isEqualTo(ConfigMapWatch.LAST_RETRY);
    assertThat(told).isEmpty();
    assertThat(watch.problem().orElseThrow().reason()).isEqualTo(Reason.FORBIDDEN);

    api.on(LIST, list(object(3, "one"))).on(WATCH, new Watch());
    over.release();
    assertThat(told.take()).isEqualTo(content(3, "one"));
    assertThat(watch.problem()).isEmpty();
  }
}
