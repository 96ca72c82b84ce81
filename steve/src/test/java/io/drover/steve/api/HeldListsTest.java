package io.drover.steve.api;

import static io.drover.steve.api.LiveFixture.MAPS;
import static io.drover.steve.api.LiveFixture.SECRETS;
import static org.assertj.core.api.Assertions.assertThat;

import io.drover.steve.FakeApiServer;
import io.drover.steve.api.LiveFixture.Reply;
import io.drover.steve.query.Dialect;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Lists of types that somebody looks at. */
@Timeout(60)
class HeldListsTest {
  private static final String QUERY = "?exclude=metadata.managedFields&sort=metadata.name";
  private static final long ENOUGH = 64L * 1024 * 1024;
  private static final String HELD = "X-Drover-List: held";

  private LiveFixture fixture;

  @BeforeEach
  void start() throws IOException {
    fixture = new LiveFixture(Dialect.NEWEST, ENOUGH);
  }

  private void startAnew(Dialect dialect, long budgetBytes) throws IOException {
    fixture.close();
    fixture = new LiveFixture(dialect, budgetBytes);
  }

  @AfterEach
  void stop() {
    fixture.close();
  }

  private static boolean isHeld(Reply reply) {
    return reply.head().contains(HELD);
  }

  private Reply get(String user, String path) throws IOException {
    return fixture.get(user, path);
  }

  /** Asks until the objects are held. */
  private Reply held(String user, String path) throws IOException {
    while (true) {
      var reply = get(user, path);
      assertThat(reply.head()).contains(" 200 ");
      if (isHeld(reply)) {
        return reply;
      }
    }
  }

  /** Asks until a list is that. */
  private void awaitIds(String user, String path, String... ids) throws IOException {
    while (!get(user, path).ids().equals(List.of(ids))) {
      // not yet
    }
  }

  private void tell(String type, String namespace, String name, int version)
      throws InterruptedException {
    fixture.server.tell(
        MAPS, LiveFixture.event(type, version, LiveFixture.map(namespace, name, version, "b")));
  }

  @Test
  void aListThatIsAskedForAgainIsHeldAndKeptUpToDate() throws Exception {
    assertThat(isHeld(get("jane", "/v1/configmaps" + QUERY))).isFalse();
    assertThat(fixture.feeds.size()).isZero();
    var held = held("jane", "/v1/configmaps" + QUERY);
    assertThat(held.ids()).containsExactly("shop/old");
    assertThat(held.json().path("revision").asText()).isEqualTo("9");
    assertThat(held.json().at("/data/0/links/self").asText())
        .isEqualTo("http://h/v1/configmaps/shop/old");

    fixture.server.awaitWatch(MAPS);
    fixture.server.asked();
    tell("ADDED", "bank", "a", 10);
    awaitIds("jane", "/v1/configmaps" + QUERY, "bank/a", "shop/old");
    tell("DELETED", "shop", "old", 11);
    awaitIds("jane", "/v1/configmaps" + QUERY, "bank/a");
    assertThat(get("jane", "/v1/configmaps" + QUERY).json().path("revision").asText())
        .isEqualTo("11");
    assertThat(fixture.server.asked()).noneMatch(asked -> asked.target().startsWith(MAPS));
  }

  @Test
  void showsEachWhatIsHis() throws Exception {
    held("jane", "/v1/configmaps" + QUERY);
    tell("ADDED", "bank", "a", 10);
    awaitIds("jane", "/v1/configmaps" + QUERY, "bank/a", "shop/old");

    var joe = held("joe", "/v1/configmaps" + QUERY);
    assertThat(joe.ids()).containsExactly("shop/old");
    assertThat(joe.json().path("count").asInt()).isEqualTo(1);
    assertThat(get("joe", "/v1/configmaps/bank" + QUERY).ids()).isEmpty();
    assertThat(get("joe", "/v1/configmaps/shop" + QUERY).ids()).containsExactly("shop/old");
    assertThat(get("nobody", "/v1/configmaps" + QUERY).head()).startsWith("HTTP/1.1 404");
  }

  @Test
  void filtersSortsAndPagesWhatIsHeld() throws Exception {
    held("jane", "/v1/configmaps" + QUERY);
    tell("ADDED", "shop", "a", 10);
    tell("ADDED", "shop", "c", 11);
    awaitIds("jane", "/v1/configmaps" + QUERY, "shop/a", "shop/c", "shop/old");

    String paged = QUERY.replace("sort=", "sort=-") + "&pagesize=2&page=1";
    assertThat(held("jane", "/v1/configmaps" + paged).ids()).containsExactly("shop/old", "shop/c");
    var filtered = held("jane", "/v1/configmaps" + QUERY + "&filter=metadata.labels.tier=b");
    assertThat(filtered.ids()).containsExactly("shop/a", "shop/c");
  }

  @Test
  void whatSomebodyHearsOfIsHeldAtOnce() throws Exception {
    try (var page = Page.open(fixture.front, "jane")) {
      page.say("{'resourceType':'configmap','mode':'resource.changes'}");
      page.hear();
      assertThat(held("jane", "/v1/configmaps" + QUERY).ids()).containsExactly("shop/old");
      // The one list that fills, and none for a page that was answered.
      tell("ADDED", "shop", "a", 10);
      String revision = page.hear().path("revision").asText();
      var list = held("jane", "/v1/configmaps" + QUERY + "&revision=" + revision);
      assertThat(list.ids()).containsExactly("shop/a", "shop/old");
    }
  }

  @Test
  void whatHasToDoWithItsRowsIsLookedForWhereTheyAre() throws Exception {
    String pods = "/api/v1/namespaces/shop/pods";
    fixture.server.has(
        pods,
        FakeApiServer.list(
            "{'metadata':{'namespace':'shop','name':'p'},"
                + "'spec':{'volumes':[{'configMap':{'name':'old'}}]}}"));
    held("pat", "/v1/configmaps" + QUERY);
    fixture.server.asked();

    var page = held("pat", "/v1/configmaps" + QUERY);
    assertThat(page.json().at("/data/0/metadata/relationships/0/fromId").asText())
        .isEqualTo("shop/p");
    assertThat(fixture.server.asked())
        .extracting(FakeApiServer.Asked::target)
        .filteredOn(target -> target.contains("pods"))
        .singleElement()
        .asString()
        .startsWith(pods + "?");
  }

  @Test
  void whatIsNewerThanWhatIsHeldIsAskedFor() throws Exception {
    held("jane", "/v1/configmaps" + QUERY);
    var newer = get("jane", "/v1/configmaps" + QUERY + "&revision=12");
    assertThat(isHeld(newer)).isFalse();
  }

  @Test
  void withWritersAListIsPassedThrough() throws Exception {
    held("jane", "/v1/configmaps" + QUERY);
    var whole = get("jane", "/v1/configmaps");
    assertThat(isHeld(whole)).isFalse();
    assertThat(whole.json().at("/data/0/metadata").has("managedFields")).isTrue();
  }

  @Test
  void whatDoesNotFitIsPassedThroughAndSaidToBe() throws Exception {
    startAnew(Dialect.NEWEST, 20_000);
    String big = "x".repeat(5_000);
    fixture.server.has(
        MAPS,
        FakeApiServer.list(
            IntStream.range(0, 100)
                .mapToObj(
                    i ->
                        LiveFixture.map("shop", "m" + i, i, "t" + i + big.hashCode())
                            .replace("'v'", "'" + i + big + "'"))
                .toArray(String[]::new)));
    Reply reply;
    do {
      reply = get("jane", "/v1/configmaps" + QUERY);
      assertThat(isHeld(reply)).isFalse();
      assertThat(reply.ids()).hasSize(100);
    } while (!reply.head().contains("X-Drover-List: passed through; "));
    assertThat(reply.head()).contains("20000 bytes");
    fixture.feeds.close();
    assertThat(fixture.budget.usedBytes()).isZero();
  }

  @Test
  void longPagesArePassedThrough() throws Exception {
    fixture.server.has(
        MAPS,
        FakeApiServer.list(
            IntStream.rangeClosed(0, HeldLists.MAX_ROWS)
                .mapToObj(i -> LiveFixture.map("shop", "m" + i, i, "t"))
                .toArray(String[]::new)));
    held("jane", "/v1/configmaps" + QUERY + "&pagesize=10");
    var all = get("jane", "/v1/configmaps" + QUERY);
    assertThat(isHeld(all)).isFalse();
    assertThat(all.ids()).hasSize(HeldLists.MAX_ROWS + 1);
    assertThat(held("jane", "/v1/configmaps" + QUERY + "&pagesize=" + HeldLists.MAX_ROWS).ids())
        .hasSize(HeldLists.MAX_ROWS);
  }

  @Test
  void secretsAreNeverHeld() throws Exception {
    for (int i = 0; i < 5; i++) {
      assertThat(isHeld(get("jane", "/v1/secrets" + QUERY))).isFalse();
    }
    assertThat(fixture.feeds.size()).isZero();
    assertThat(fixture.server.asked())
        .noneMatch(asked -> asked.target().startsWith(SECRETS) && asked.target().contains("watch"));
  }

  @Test
  void inTheClassicDialectNothingIsHeld() throws Exception {
    startAnew(Dialect.CLASSIC, ENOUGH);
    for (int i = 0; i < 5; i++) {
      assertThat(isHeld(get("jane", "/v1/configmaps" + QUERY))).isFalse();
    }
    assertThat(fixture.feeds.size()).isZero();
  }

  @Test
  void nothingIsLeftSomeMinutesLater() throws Exception {
    held("jane", "/v1/configmaps" + QUERY);
    assertThat(fixture.budget.usedBytes()).isPositive();

    fixture.laterNanos.addAndGet(Duration.ofMinutes(6).toNanos());
    assertThat(fixture.feeds.endIdle()).isTrue();
    assertThat(fixture.budget.usedBytes()).isZero();
    assertThat(isHeld(get("jane", "/v1/configmaps" + QUERY))).isFalse();
  }
}
