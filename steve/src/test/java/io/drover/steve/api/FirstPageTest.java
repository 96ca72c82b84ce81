package io.drover.steve.api;

import static org.assertj.core.api.Assertions.assertThat;

import io.drover.steve.FakeApiServer;
import io.drover.steve.FakeApiServer.Asked;
import io.drover.steve.query.Dialect;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Random;
import java.util.TreeMap;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Pages for which the API server need not send the whole list. */
@Timeout(60)
class FirstPageTest {
  private static final String LIST = "/v1/configmaps?exclude=metadata.managedFields&page=1";
  private static final String SORTED = LIST + "&sort=metadata.namespace,metadata.name";

  private static final String VERSION_NOW = LiveFixture.MAPS + "?limit=1";

  private final TreeMap<String, String> objects = new TreeMap<>();
  private LiveFixture fixture;

  @BeforeEach
  void start() throws IOException {
    fixture = new LiveFixture(Dialect.NEWEST, 0); // nothing is held
    fixture.get("jane", "/v1/configmaps"); // types and rights are known
    fixture.server.asked();
  }

  @AfterEach
  void stop() {
    fixture.close();
  }

  private void has(List<String> keys) {
    objects.clear();
    for (String key : keys) {
      var parts = key.split("/", -1);
      objects.put(key, LiveFixture.map(parts[0], parts[1], 3, "t"));
    }
    fixture.server.lists("/api/v1", "configmaps", objects);
  }

  private static List<String> many(String namespace, int count) {
    return IntStream.range(0, count).mapToObj(i -> "%s/m%04d".formatted(namespace, i)).toList();
  }

  /** How the list was asked for since the last time; not what it takes to hold it. */
  private List<String> asked() {
    return fixture.server.asked().stream()
        .map(Asked::target)
        .filter(target -> target.contains("configmaps"))
        .filter(target -> !target.contains("watch=1") && !target.equals(VERSION_NOW))
        .toList();
  }

  @Test
  void noMoreThanThePageIsRead() throws Exception {
    has(many("shop", 3000));
    for (String list : List.of(LIST, SORTED)) {
      var page = fixture.get("jane", list + "&pagesize=100");
      assertThat(page.ids()).isEqualTo(many("shop", 100));
      assertThat(page.json().path("count").asInt()).isEqualTo(3000);
      assertThat(page.json().path("revision").asText()).isEqualTo("5");
      assertThat(page.json().path("continue").asText()).isEqualTo("100");
      assertThat(asked()).singleElement().asString().contains("limit=100");
    }
  }

  @Test
  void laterPagesAreReadUpToTheirEnd() throws Exception {
    has(many("shop", 3000));
    var third = fixture.get("jane", SORTED.replace("page=1", "page=3") + "&pagesize=100");
    assertThat(third.ids()).isEqualTo(many("shop", 300).subList(200, 300));
    assertThat(third.json().path("count").asInt()).isEqualTo(3000);
    assertThat(asked()).singleElement().asString().contains("limit=300");

    var far = SORTED.replace("page=1", "page=11") + "&pagesize=" + KeyOrder.MAX_ROWS / 10;
    assertThat(fixture.get("jane", far).ids())
        .isEqualTo(many("shop", KeyOrder.MAX_ROWS + 100).subList(KeyOrder.MAX_ROWS, 1100));
    assertThat(asked()).singleElement().asString().doesNotContain("limit");
  }

  @Test
  void inOneNamespaceByNameToo() throws Exception {
    has(many("shop", 50));
    var page =
        fixture.get(
            "joe",
            "/v1/configmaps/shop?exclude=metadata.managedFields&sort=metadata.name&pagesize=10");
    assertThat(page.ids()).isEqualTo(many("shop", 10));
    assertThat(page.json().path("count").asInt()).isEqualTo(50);
    assertThat(asked()).singleElement().asString().contains("namespaces/shop").contains("limit=10");
  }

  @ParameterizedTest
  @MethodSource("dialects")
  void whoMayListNothingIsShownNothing(Dialect dialect) throws Exception {
    fixture.close();
    fixture = new LiveFixture(dialect, 0);
    fixture.server.has(
        LiveFixture.RBAC + "clusterroles",
        FakeApiServer.list(
            "{'metadata':{'name':'r'},'rules':[{'verbs':['get'],'apiGroups':[''],"
                + "'resources':['configmaps']}]}"));
    has(many("shop", 3));

    for (String list : List.of(LIST, SORTED + "&pagesize=2")) {
      var page = fixture.get("jane", list);
      assertThat(page.head()).contains(" 200 ");
      assertThat(page.ids()).isEmpty();
    }
  }

  static List<Dialect> dialects() {
    return List.of(Dialect.CLASSIC, Dialect.NEWEST);
  }

  @Test
  void anotherOrderOrAFilterNeedsTheWholeList() throws Exception {
    has(many("shop", 50));
    fixture.server.has(
        "/api/v1/namespaces", FakeApiServer.list("{'metadata':{'name':'shop','labels':{}}}"));
    for (String query :
        List.of(
            "sort=metadata.name",
            "sort=-metadata.namespace,metadata.name",
            "sort=metadata.namespace,metadata.name&filter=metadata.name~m",
            "sort=metadata.namespace,metadata.name&summary=metadata.name",
            "sort=metadata.namespace,metadata.name&revision=1",
            "sort=metadata.namespace,metadata.name&projectsornamespaces=shop")) {
      var page = fixture.get("jane", LIST + "&pagesize=10&" + query);
      assertThat(page.json().path("count").asInt()).as(query).isEqualTo(50);
      assertThat(asked()).as(query).noneMatch(target -> target.contains("limit"));
    }
  }

  @Test
  void whatBelongsBeforeAndComesBehindIsNotMissed() throws Exception {
    has(List.of("shop-b/a", "shop-b/b", "shop/a", "shop/b"));
    var page = fixture.get("jane", SORTED + "&pagesize=2");
    assertThat(page.ids()).containsExactly("shop/a", "shop/b");
    assertThat(asked()).hasSize(3).last().asString().doesNotContain("limit");

    has(List.of("shop-b/a", "shop-b/b", "shop-c/a", "shopping/b"));
    assertThat(fixture.get("jane", SORTED + "&pagesize=2").ids())
        .containsExactly("shop-b/a", "shop-b/b");
    assertThat(asked()).hasSize(2).allMatch(target -> target.contains("limit"));
  }

  @Test
  void soManyNamespacesAreLookedInto() throws Exception {
    String most = "a" + "-b".repeat(KeyOrder.MAX_NAMESPACES);
    has(List.of(most + "/a", most + "/b"));
    fixture.get("jane", SORTED + "&pagesize=1");
    assertThat(asked())
        .hasSize(1 + KeyOrder.MAX_NAMESPACES)
        .allMatch(target -> target.contains("limit"));

    has(List.of(most + "-b/a", most + "-b/b"));
    fixture.get("jane", SORTED + "&pagesize=1");
    assertThat(asked()).hasSize(2).last().asString().doesNotContain("limit");
  }

  @Test
  void capitalLettersAreSortedAsEver() throws Exception {
    has(List.of("shop/B", "shop/a", "shop/c"));
    assertThat(fixture.get("jane", SORTED + "&pagesize=1").ids()).containsExactly("shop/a");
    assertThat(fixture.get("jane", SORTED + "&pagesize=2").ids())
        .containsExactly("shop/a", "shop/B");
  }

  @Test
  void anApiServerThatListsOtherwiseIsAskedForAll() throws Exception {
    fixture.server.has(
        LiveFixture.MAPS,
        "{'metadata':{'resourceVersion':'5','continue':'c','remainingItemCount':7},'items':["
            + "%s,%s]}"
                .formatted(
                    LiveFixture.map("shop", "b", 3, "t"), LiveFixture.map("shop", "a", 3, "t")));
    assertThat(fixture.get("jane", SORTED + "&pagesize=2").ids())
        .containsExactly("shop/a", "shop/b");
    assertThat(asked()).hasSize(2).last().asString().doesNotContain("limit");

    // And one that does not know limits sends all there are at once.
    fixture.server.has(
        LiveFixture.MAPS,
        FakeApiServer.list(
            LiveFixture.map("shop", "b", 3, "t"), LiveFixture.map("shop", "a", 3, "t")));
    var page = fixture.get("jane", SORTED + "&pagesize=1");
    assertThat(page.ids()).containsExactly("shop/a");
    assertThat(page.json().path("count").asInt()).isEqualTo(2);
    assertThat(asked()).hasSize(1);
  }

  @Test
  void everyPageIsThePartOfTheSortedListThatItShouldBe() throws Exception {
    var random = new Random(26);
    var namespaces = List.of("a", "a-b", "a-b-c", "a-bc", "ab", "b", "b-a");
    for (int round = 0; round < 100; round++) {
      var keys = new ArrayList<String>();
      for (int i = 0; i < 30; i++) {
        String namespace = namespaces.get(random.nextInt(namespaces.size()));
        keys.add(namespace + "/" + (random.nextBoolean() ? "x-" : "x") + random.nextInt(30));
      }
      var sorted =
          keys.stream()
              .distinct()
              .sorted(
                  Comparator.comparing((String key) -> key.split("/", -1)[0])
                      .thenComparing(key -> key.split("/", -1)[1]))
              .toList();
      has(sorted);
      int size = 1 + random.nextInt(12);
      int number = 1 + random.nextInt(3);
      var page =
          fixture.get("jane", SORTED.replace("page=1", "page=" + number) + "&pagesize=" + size);

      assertThat(page.ids())
          .as("%s page=%d pagesize=%d", sorted, number, size)
          .isEqualTo(
              sorted.subList(
                  Math.min(sorted.size(), size * (number - 1)),
                  Math.min(sorted.size(), size * number)));
      assertThat(page.json().path("count").asInt()).isEqualTo(sorted.size());
    }
  }
}
