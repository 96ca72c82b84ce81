package io.drover.steve.live;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.drover.steve.FakeApiServer;
import io.drover.steve.kube.ApiServer;
import io.drover.steve.kube.Refusal;
import io.drover.steve.query.Columns;
import io.drover.steve.schema.ResourceType;
import io.drover.steve.store.Budget;
import io.drover.steve.store.Space;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.FutureTask;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Predicate;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class FeedTest {
  private static final Duration LONG = Duration.ofSeconds(30);
  private static final String MAPS = "/api/v1/configmaps";

  private final AtomicLong nanos = new AtomicLong();
  private final Budget budget = new Budget(2 * Feed.MAX_BYTES);
  private final Semaphore told = new Semaphore(0);
  private FakeApiServer server;
  private ApiServer api;
  private Feeds feeds;

  @BeforeEach
  void start() throws IOException {
    server = new FakeApiServer();
    server.has(MAPS, "{'metadata':{'resourceVersion':'9'},'items':[]}");
    api = new ApiServer(server);
    feeds = new Feeds(api, Space.inMemory(budget), nanos::get, _ -> Optional.empty());
  }

  @AfterEach
  void stop() {
    feeds.close();
    api.close();
    server.close();
  }

  private static ResourceType type(String resource) {
    return new ResourceType(
        "",
        "v1",
        "ConfigMap",
        resource,
        true,
        List.of("list", "watch"),
        Optional.empty(),
        "",
        List.of(),
        true,
        Optional.empty());
  }

  private Feed feed() throws Exception {
    var feed = feeds.look(type("configmaps"), 0, told::release).feed();
    assertThat(feed.await(LONG)).isTrue();
    return feed;
  }

  private void tell(int version, int bytes) throws InterruptedException {
    String object =
        "{'apiVersion':'v1','kind':'ConfigMap','metadata':{'name':'a','resourceVersion':'%d'},'v':'%s'}"
            .formatted(version, "x".repeat(bytes));
    server.tell(
        MAPS,
        "{'type':'MODIFIED','object':{'kind':'Table','metadata':{},'rows':[{'cells':[],'object':%s}]}}"
            .formatted(object));
  }

  private void tellMany(Feed feed, int from, int count, int bytes) throws InterruptedException {
    for (int i = 0; i < count; i++) {
      tell(from + i, bytes);
    }
    while (feed.last() < from + count - 1) {
      told.acquire();
    }
  }

  @Test
  void readsInPiecesFromAPlaceOn() throws Exception {
    var feed = feed();
    tellMany(feed, 10, 5, 1);

    long first = feed.end() - 5;
    assertThat(feed.place(9)).contains(first);
    assertThat(feed.place(12)).contains(first + 3);
    assertThat(feed.place(14)).contains(first + 5);
    assertThat(feed.place(8)).isEmpty();
    assertThat(feed.read(first + 3, 1).orElseThrow())
        .extracting(Change::revision)
        .containsExactly(13L);
    assertThat(feed.read(first + 4, 9).orElseThrow())
        .extracting(Change::revision)
        .containsExactly(14L);
    assertThat(feed.read(first + 5, 9).orElseThrow()).isEmpty();
  }

  @Test
  void knowsOnlySoManyChanges() throws Exception {
    var feed = feed();
    long first = feed.end();
    tellMany(feed, 10, Feed.MAX_CHANGES + 1, 1);

    assertThat(feed.read(first, 1)).isEmpty();
    assertThat(feed.read(first + 1, 1)).isPresent();
    assertThat(feed.place(9)).isEmpty();
    assertThat(feed.place(10)).contains(first + 1);
  }

  @Test
  void knowsOnlySoManyBytes() throws Exception {
    var feed = feed();
    tellMany(feed, 10, 12, (int) Feed.MAX_BYTES / 10);

    assertThat(feed.bytes()).isBetween(Feed.MAX_BYTES / 2, Feed.MAX_BYTES);
    assertThat(feed.bytes()).isEqualTo(budget.usedBytes());
    assertThat(feed.place(9)).isEmpty();
    assertThat(feed.place(20)).isPresent();
  }

  @Test
  void takesNoMoreThanAllMayTakeTogether() throws Exception {
    budget.take(2 * Feed.MAX_BYTES - 1000);
    var feed = feed();
    tellMany(feed, 10, 3, 300);
    assertThat(feed.place(9)).isEmpty();
    assertThat(feed.place(11)).isPresent();

    tellMany(feed, 13, 1, 2000);
    assertThat(feed.bytes()).isZero();
    assertThat(feed.place(12)).isEmpty();
    assertThat(feed.read(feed.end() - 1, 1)).isEmpty();
    assertThat(feed.place(13)).isPresent();
  }

  @Test
  void beginsWhereTheFirstWhoLooksHasBeen() throws Exception {
    var feed = feeds.look(type("configmaps"), 4, told::release).feed();
    assertThat(feed.await(LONG)).isTrue();

    assertThat(feed.place(4)).isPresent();
    server.awaitWatch(MAPS);
    assertThat(server.asked()).anyMatch(asked -> asked.target().contains("resourceVersion=4"));
  }

  @Test
  void whoComesWhileItBeginsAnewWaits() throws Exception {
    var feed = feed();
    server.awaitWatch(MAPS);
    server.hangs(MAPS);
    server.tell(MAPS, "{'type':'ERROR','object':{'code':410}}");
    while (feed.place(9).isPresent()) {
      told.acquire();
    }
    var waiting = new FutureTask<>(() -> feed.await(LONG));
    var thread = Thread.ofPlatform().start(waiting);
    while (!waiting.isDone() && thread.getState() != Thread.State.TIMED_WAITING) {
      Thread.onSpinWait();
    }
    server.goesOn(MAPS);

    assertThat(waiting.get()).isTrue();
  }

  @Test
  void whoComesWhileItBeginsAnewWaitsNotForEver() throws Exception {
    server.hangs(MAPS);
    var feed = feeds.look(type("configmaps"), 0, told::release).feed();

    assertThat(feed.await(Duration.ofMillis(1))).isFalse();
  }

  @Test
  void saysWhatTheApiServerSays() throws Exception {
    var feed = feeds.look(type("none"), 0, told::release).feed();

    assertThatThrownBy(() -> feed.await(LONG)).isInstanceOf(Refusal.class).hasMessage("not there");
  }

  private void awaitListed(Feeds holding, Predicate<Feeds.Listed> wanted)
      throws IOException, InterruptedException {
    while (!wanted.test(holding.list(type("configmaps")))) {
      if (Thread.interrupted()) {
        throw new InterruptedException();
      }
    }
  }

  @Test
  void whatCouldNotBeListedIsListedAgainSomeTimeLater() throws Exception {
    var notListed = new Feeds.Listed.NotHere("not listed: not now");
    var form = new Feeds.Form(new Columns("configmap", true, List.of()), _ -> {});
    try (var holding =
            new Feeds(
                api,
                Space.inMemory(new Budget(64 * Feed.MAX_BYTES)),
                nanos::get,
                _ -> Optional.of(form));
        var look = holding.look(type("configmaps"), 0, () -> {})) {
      assertThat(look.feed().await(LONG)).isTrue();
      server.refuses(MAPS, 500, "{'message':'not now'}");
      look.feed().hold();
      awaitListed(holding, notListed::equals);

      server.has(MAPS, "{'metadata':{'resourceVersion':'9'},'items':[]}");
      server.awaitWatch(MAPS);
      server.asked();
      nanos.addAndGet(Feed.FILL_AGAIN.toNanos() - 1);
      assertThat(holding.list(type("configmaps"))).isEqualTo(notListed);
      assertThat(server.asked()).isEmpty();
      nanos.addAndGet(1);
      awaitListed(holding, listed -> listed instanceof Feeds.Listed.Here);
    }
  }

  @Test
  void endsSomeMinutesBehindTheLastWhoLooked() throws Exception {
    var one = feeds.look(type("configmaps"), 0, told::release);
    var other = feeds.look(type("configmaps"), 0, told::release);
    assertThat(one.feed()).isSameAs(other.feed());
    one.close();
    one.close();
    nanos.addAndGet(Feeds.KEPT.toNanos() + 1);
    assertThat(feeds.endIdle()).isFalse();

    assertThat(other.feed().await(LONG)).isTrue();
    tellMany(other.feed(), 10, 1, 1);
    other.close();
    assertThat(feeds.endIdle()).isFalse();
    nanos.addAndGet(Feeds.KEPT.toNanos() + 1);
    assertThat(feeds.endIdle()).isTrue();
    assertThat(feeds.size()).isZero();
    assertThat(budget.usedBytes()).isZero();
    assertThat(other.feed().read(0, 1)).isEmpty();
  }

  @Test
  void watchesOnlySoManyTypes() throws Exception {
    var first = feeds.look(type("t0"), 0, told::release);
    for (int i = 1; i < Feeds.MAX_FEEDS; i++) {
      feeds.look(type("t" + i), 0, told::release);
    }
    assertThatThrownBy(() -> feeds.look(type("more"), 0, told::release))
        .hasMessageContaining(Integer.toString(Feeds.MAX_FEEDS));

    first.close();
    feeds.look(type("more"), 0, told::release);
    assertThat(feeds.size()).isEqualTo(Feeds.MAX_FEEDS);
  }
}
