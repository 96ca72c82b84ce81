package io.drover.steve.api;

import static org.assertj.core.api.Assertions.assertThat;

import io.drover.steve.FakeApiServer;
import io.drover.steve.kube.User;
import io.drover.steve.live.Feeds;
import io.drover.steve.query.Dialect;
import io.drover.steve.query.Scope;
import java.io.IOException;
import java.net.URI;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What a page hears, between the bytes of its socket and a fake API server. */
@Timeout(60)
class SubscribeTest {
  private static final String MAPS = "/api/v1/configmaps";
  private static final String SECRETS = "/api/v1/secrets";
  private static final String RBAC = LiveFixture.RBAC;
  private static final String BINDING = LiveFixture.BINDING;

  private LiveFixture fixture;
  private FakeApiServer server;
  private Feeds feeds;

  @BeforeEach
  void start() throws IOException {
    fixture = new LiveFixture(Dialect.NEWEST, 64L * 1024 * 1024);
    server = fixture.server;
    feeds = fixture.feeds;
  }

  @AfterEach
  void stop() {
    fixture.close();
  }

  private void classic() throws IOException {
    fixture.close();
    fixture = new LiveFixture(Dialect.CLASSIC, 64L * 1024 * 1024);
    server = fixture.server;
    feeds = fixture.feeds;
  }

  private static String map(String name, int version, String tier) {
    return LiveFixture.map("shop", name, version, tier);
  }

  private static String event(String type, int version, String object) {
    return LiveFixture.event(type, version, object);
  }

  private void tell(String type, String name, int version, String tier)
      throws InterruptedException {
    server.tell(MAPS, event(type, version, map(name, version, tier)));
  }

  private Page page(String user) throws IOException {
    return Page.open(fixture.front, user);
  }

  @Test
  void tellsObjectsAsTheyBecome() throws Exception {
    try (var page = page("jane")) {
      page.say("{'resourceType':'configmap'}");
      var start = page.hear();
      assertThat(start.toString())
          .isEqualTo(
              """
              {"name":"resource.start","resourceType":"configmap",\
              "data":{"type":"subscribe","links":{}}}""");
      tell("ADDED", "a", 10, "x");
      var create = page.hear();
      assertThat(create.path("name").asText()).isEqualTo("resource.create");
      assertThat(create.path("revision").asText()).isEqualTo("10");
      assertThat(create.at("/data/id").asText()).isEqualTo("shop/a");
      assertThat(create.at("/data/links/view").asText())
          .isEqualTo("http://h/api/v1/namespaces/shop/configmaps/a");
      assertThat(create.at("/data/metadata/fields/0").asText()).isEqualTo("c");
      assertThat(create.at("/data/metadata/state/name").asText()).isEqualTo("active");
      assertThat(create.at("/data/metadata").has("managedFields")).isFalse();

      tell("MODIFIED", "a", 11, "x");
      tell("DELETED", "a", 12, "x");
      assertThat(page.hear(2)).containsExactly("resource.change shop/a", "resource.remove shop/a");
    }
  }

  @Test
  void startsOnceAndStopsWhatWasStarted() throws Exception {
    try (var page = page("jane")) {
      page.say("{'resourceType':'configmap','namespace':'shop'}");
      page.say("{'resourceType':'configmap','namespace':'shop'}");
      page.say("{'resourceType':'configmap','namespace':'other','stop':true}");
      page.say("{'resourceType':'configmap','namespace':'shop','stop':true}");
      assertThat(page.hear(2)).containsExactly("resource.start", "resource.stop");
      page.say("{'resourceType':'configmap','namespace':'shop'}");
      assertThat(page.hear().path("namespace").asText()).isEqualTo("shop");
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "{'resourceType':'no.such'} | failed to find schema no.such",
        "{} | failed to find schema ",
        "{'resourceType':'apiRoot'} | schema apiRoot does not support watching",
      })
  void saysWhatCannotBeWatched(String message, String why) throws Exception {
    try (var page = page("jane")) {
      page.say(message);
      assertThat(page.hear().at("/data/error").asText().strip()).isEqualTo(why.strip());
      assertThat(page.hear(1)).containsExactly("resource.stop");
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"{'resourceType':1}", "not JSON", "[]", "{'stop':'yes'}", ""})
  void whatIsNotUnderstoodDoesNotEndTheSocket(String message) throws Exception {
    try (var page = page("jane")) {
      page.say(message);
      page.say("{'resourceType':'configmap'}");
      assertThat(page.hear(2)).containsExactly("resource.error", "resource.start");
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"binding", "apigroup"})
  void ofWhatCannotChangeNothingIsHeard(String type) throws Exception {
    try (var page = page("jane")) {
      page.say("{'resourceType':'" + type + "'}");
      page.say("{'resourceType':'" + type + "','stop':true}");
      assertThat(page.hear(2)).containsExactly("resource.start", "resource.stop");
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"1", "0", "-1", "abc", "99999999"})
  void newDashboardsAreToldThatAVersionIsTooOld(String version) throws Exception {
    try (var page = page("jane");
        var other = page("jane")) {
      other.say("{'resourceType':'configmap','resourceVersion':'9'}");
      assertThat(other.hear(1)).containsExactly("resource.start");
      tell("ADDED", "a", 10, "x");
      other.hear();
      page.say("{'resourceType':'configmap','resourceVersion':'" + version + "'}");
      assertThat(page.hear(1)).containsExactly("resource.start");
      assertThat(page.hear().at("/data/error").asText()).contains("resourceversion too old");
      assertThat(page.hear(1)).containsExactly("resource.stop");
    }
  }

  @ParameterizedTest
  @CsvSource({
    "1, event watch error: too old resource version",
    "abc, strconv.ParseUint: parsing \"abc\": invalid syntax"
  })
  void oldDashboardsAreToldSoAsKubernetesDoes(String version, String why) throws Exception {
    classic();
    try (var page = page("jane");
        var other = page("jane")) {
      other.say("{'resourceType':'configmap','resourceVersion':'9'}");
      other.hear();
      tell("ADDED", "a", 10, "x");
      other.hear();
      page.say("{'resourceType':'configmap','resourceVersion':'" + version + "'}");
      page.hear();
      assertThat(page.hear().at("/data/error").asText()).contains(why);
      assertThat(page.hear(1)).containsExactly("resource.stop");
    }
  }

  @Test
  void tellsWhatCameBehindAVersion() throws Exception {
    try (var first = page("jane");
        var second = page("jane")) {
      first.say("{'resourceType':'configmap','resourceVersion':'9'}");
      first.hear();
      tell("ADDED", "a", 10, "x");
      tell("ADDED", "b", 11, "x");
      first.hear(2);
      second.say("{'resourceType':'configmap','resourceVersion':'10'}");
      assertThat(second.hear(2)).containsExactly("resource.start", "resource.create shop/b");
      assertThat(server.awaitWatch(MAPS)).isEqualTo(1);
      assertThat(feeds.size()).isEqualTo(1);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "0"})
  void oldDashboardsHearFirstOfWhatIsThere(String version) throws Exception {
    classic();
    try (var page = page("jane")) {
      page.say("{'resourceType':'configmap','resourceVersion':'" + version + "'}");
      assertThat(page.hear(2)).containsExactly("resource.start", "resource.create shop/old");
      tell("ADDED", "a", 10, "x");
      assertThat(page.hear(1)).containsExactly("resource.create shop/a");
    }
  }

  @Test
  void showsEachWhatIsHis() throws Exception {
    try (var joe = page("joe")) {
      joe.say("{'resourceType':'configmap'}");
      joe.hear();
      server.tell(MAPS, event("ADDED", 10, LiveFixture.map("bank", "a", 10, "x")));
      tell("ADDED", "b", 11, "x");
      assertThat(joe.hear(1)).containsExactly("resource.create shop/b");
    }
  }

  @Test
  void saysWhoNamesWhatHasChanged() throws Exception {
    server.has("/api/v1/namespaces/shop/pods", podsThatUse("a"));
    try (var page = page("pat");
        var other = page("jane")) {
      page.say("{'resourceType':'configmap'}");
      page.hear();
      other.say("{'resourceType':'configmap'}");
      other.hear();
      tell("ADDED", "a", 10, "x");
      var related = page.hear().at("/data/metadata/relationships/0");
      assertThat(related.path("fromId").asText()).isEqualTo("shop/web");
      assertThat(related.path("rel").asText()).isEqualTo("uses");
      assertThat(other.hear().at("/data/metadata/relationships").isNull()).isTrue();
    }
  }

  @Test
  void saysWhoNamesWhatIsThere() throws Exception {
    classic();
    server.has("/api/v1/pods", podsThatUse("old"));
    try (var page = page("pat")) {
      page.say("{'resourceType':'configmap'}");
      page.hear();
      var related = page.hear().at("/data/metadata/relationships/0");
      assertThat(related.path("fromId").asText()).isEqualTo("shop/web");
    }
  }

  private static String podsThatUse(String map) {
    return FakeApiServer.list(
        ("{'metadata':{'namespace':'shop','name':'web'},"
                + "'spec':{'volumes':[{'name':'v','configMap':{'name':'%s'}}]}}")
            .formatted(map));
  }

  /** In our own name we ask for nothing that a page could choose. */
  @Test
  void aNamespaceThatIsNoNameIsPartOfNoPath() throws Exception {
    try (var page = page("jane")) {
      page.say(
          "{'resourceType':'configmap','namespace':'kube-system/pods/victim/proxy',"
              + "'selector':'tier=a'}");
      page.hear();
      assertThat(page.hear().at("/data/error").asText())
          .contains("invalid name \"kube-system/pods/victim/proxy\"");
    }
    assertThat(server.asked())
        .extracting(asked -> URI.create(asked.target()).getPath())
        .noneMatch(path -> path.contains("/proxy"));
  }

  @Test
  void tellsOfOneNamespaceAndOfOneObject() throws Exception {
    try (var page = page("jane")) {
      page.say("{'resourceType':'configmap','namespace':'bank'}");
      page.say("{'resourceType':'configmap','namespace':'shop','id':'b'}");
      page.say("{'resourceType':'configmap','id':'shop/c'}");
      page.hear(3);
      tell("ADDED", "a", 10, "x");
      tell("ADDED", "b", 11, "x");
      tell("ADDED", "c", 12, "x");
      // Between what it listens to there is no order.
      assertThat(List.of(page.hear().path("id").asText(), page.hear().path("id").asText()))
          .containsExactlyInAnyOrder("b", "shop/c");
    }
  }

  @Test
  void endsWatchesWhoseUserMayDoOtherThings() throws Exception {
    try (var joe = page("joe");
        var jane = page("jane")) {
      joe.say("{'resourceType':'configmap'}");
      joe.hear();
      jane.say("{'resourceType':'configmap'}");
      jane.hear();
      server.tell(
          RBAC + "rolebindings",
          "{'type':'ADDED','object':" + BINDING.formatted("more", "bank", 20, "joe") + "}");
      assertThat(joe.hear(1)).containsExactly("resource.stop");

      joe.say("{'resourceType':'configmap'}");
      joe.hear();
      server.tell(MAPS, event("ADDED", 10, LiveFixture.map("bank", "a", 10, "x")));
      assertThat(joe.hear(1)).containsExactly("resource.create bank/a");
      assertThat(jane.hear(1)).containsExactly("resource.create bank/a");
    }
  }

  @Test
  void tellsWhichTypesAreShownNow() throws Exception {
    try (var nobody = page("new")) {
      nobody.say("{'resourceType':'schema'}");
      nobody.hear();
      server.tell(
          RBAC + "rolebindings",
          "{'type':'ADDED','object':" + BINDING.formatted("more", "bank", 20, "new") + "}");
      assertThat(nobody.hear(3))
          .containsExactlyInAnyOrder(
              "resource.create configmap", "resource.create secret", "resource.create binding");
      server.tell(
          RBAC + "rolebindings",
          "{'type':'DELETED','object':" + BINDING.formatted("more", "bank", 20, "new") + "}");
      assertThat(nobody.hear(3))
          .containsExactlyInAnyOrder(
              "resource.remove configmap", "resource.remove secret", "resource.remove binding");
    }
  }

  @Test
  void tellsOnlyThatSomethingHasChangedAndNotTooOften() throws Exception {
    try (var page = page("jane")) {
      page.say("{'resourceType':'configmap','mode':'resource.changes','debounceMs':100}");
      page.hear();
      tell("ADDED", "a", 10, "x");
      var first = page.hear();
      assertThat(first.path("mode").asText()).isEqualTo("resource.changes");
      assertThat(first.path("revision").asText()).isEqualTo("10");
      assertThat(first.path("data").toString()).isEqualTo("{\"type\":\"subscribe\",\"links\":{}}");
      tell("MODIFIED", "a", 11, "x");
      tell("MODIFIED", "a", 12, "x");
      assertThat(page.hear().path("revision").asText()).isIn("11", "12");
    }
  }

  @Test
  void followsWhatASelectorSelects() throws Exception {
    classic();
    try (var page = page("jane")) {
      page.say("{'resourceType':'configmap','selector':'tier in (a,b)','resourceVersion':'9'}");
      assertThat(page.hear().path("selector").asText()).isEqualTo("tier in (a,b)");
      tell("ADDED", "x", 10, "c");
      tell("MODIFIED", "old", 11, "c");
      tell("MODIFIED", "x", 12, "b");
      tell("MODIFIED", "x", 13, "a");
      tell("DELETED", "x", 14, "a");
      assertThat(page.hear(4))
          .containsExactly(
              "resource.remove shop/old",
              "resource.create shop/x",
              "resource.change shop/x",
              "resource.remove shop/x");
    }
  }

  /** It is asked for only metadata, and reads the object in the user's name when it is told. */
  @Test
  void keepsNoValuesOfSecrets() throws Exception {
    String path = "/api/v1/namespaces/shop/secrets/s";
    server.has(
        path,
        "{'apiVersion':'v1','kind':'Secret','metadata':{'namespace':'shop','name':'s'},'data':{'k':'djE='}}");
    try (var page = page("jane")) {
      page.say("{'resourceType':'secret'}");
      page.hear();
      server.tell(
          SECRETS,
          event(
              "ADDED",
              10,
              "{'kind':'PartialObjectMetadata','apiVersion':'meta.k8s.io/v1','metadata':"
                  + "{'namespace':'shop','name':'s','resourceVersion':'10'}}"));
      var created = page.hear();
      assertThat(created.at("/data/data/k").asText()).isEqualTo("djE=");
    }
    assertThat(server.asked())
        .anyMatch(asked -> asked.target().startsWith(path) && asked.user().equals("jane"))
        .anyMatch(
            asked ->
                asked.target().startsWith(SECRETS + "?")
                    && asked.target().contains("watch=1")
                    && asked.target().contains("includeObject=Metadata"))
        .noneMatch(
            asked ->
                asked.target().startsWith(SECRETS + "?")
                    && asked.target().contains("includeObject=Object"));
  }

  /** One that does not read misses something, is told so, and nobody else is held up. */
  @Test
  void whoHearsOnlyThatThereAreChangesHearsItWhenNobodyKnowsWhich() throws Exception {
    try (var page = page("jane");
        var other = page("jane")) {
      page.say("{'resourceType':'configmap','mode':'resource.changes','debounceMs':1}");
      page.hear();
      other.say("{'resourceType':'configmap'}");
      other.hear();
      server.has(MAPS, "{'metadata':{'resourceVersion':'30'},'items':[]}");
      server.tell(MAPS, "{'type':'ERROR','object':{'kind':'Status','code':410}}");
      String revision = "";
      while (!revision.equals("30")) {
        var message = page.hear();
        assertThat(message.path("name").asText()).isEqualTo("resource.changes");
        revision = message.path("revision").asText();
      }
      assertThat(other.hear(2)).containsExactly("resource.error", "resource.stop");
    }
  }

  @Test
  void aPageThatDoesNotReadHoldsUpNobodyAndIsTold() throws Exception {
    String value = "v".repeat(60_000);
    try (var slow = page("jane");
        var other = page("jane")) {
      slow.say("{'resourceType':'configmap'}");
      slow.hear();
      other.say("{'resourceType':'configmap','mode':'resource.changes','debounceMs':1}");
      other.hear();
      int last = 10 + 400;
      for (int version = 10; version <= last; version++) {
        server.tell(
            MAPS, event("MODIFIED", version, map("a", version, "x").replace("'v'", value(value))));
      }
      String revision = "";
      while (!revision.equals(Integer.toString(last))) {
        revision = other.hear().path("revision").asText();
      }
      String name = "";
      String error = "";
      while (!name.equals("resource.stop")) {
        var message = slow.hear();
        name = message.path("name").asText();
        error = message.at("/data/error").asText(error);
      }
      assertThat(error).isEqualTo("resourceversion too old");
      slow.say("{'resourceType':'configmap'}");
      assertThat(slow.hear(1)).containsExactly("resource.start");
    }
  }

  private static String value(String text) {
    return "'" + text + "'";
  }

  @Test
  void apiServerThatHasForgottenEndsTheWatchWithThat() throws Exception {
    try (var page = page("jane")) {
      page.say("{'resourceType':'configmap'}");
      page.hear();
      server.tell(
          MAPS, "{'type':'ERROR','object':{'kind':'Status','code':410,'message':'too old'}}");
      assertThat(page.hear().at("/data/error").asText()).contains("too old");
      assertThat(page.hear(1)).containsExactly("resource.stop");
    }
  }

  @Test
  void watchGoesOnWhenTheApiServerEndsIt() throws Exception {
    try (var page = page("jane")) {
      page.say("{'resourceType':'configmap'}");
      page.hear();
      tell("ADDED", "a", 10, "x");
      page.hear();
      server.tell(MAPS, "");
      tell("ADDED", "b", 11, "x");
      assertThat(page.hear(1)).containsExactly("resource.create shop/b");
    }
    assertThat(server.asked()).anyMatch(asked -> asked.target().contains("resourceVersion=10"));
  }

  @Test
  void hearsOfSoMuchAndNoMore() throws Exception {
    try (var page = page("jane")) {
      for (int i = 0; i <= SubscribeSocket.MAX_WANTED; i++) {
        page.say("{'resourceType':'configmap','namespace':'n" + i + "'}");
      }
      var names = page.hear(SubscribeSocket.MAX_WANTED + 2);
      // The refusal need not wait for those that begin.
      assertThat(names).containsSubsequence("resource.error", "resource.stop");
      names.removeAll(List.of("resource.error", "resource.stop"));
      assertThat(names).hasSize(SubscribeSocket.MAX_WANTED).containsOnly("resource.start");
    }
  }

  @Test
  void aUserWithTooManySocketsKeepsNobodyElseOut() throws Exception {
    var pages = new ArrayList<Page>();
    try {
      for (int i = 0; i < SubscribeStore.MAX_SOCKETS_OF_ONE; i++) {
        pages.add(page("jane"));
        pages.getLast().hearAny(); // it is served
      }
      pages.add(page("jane"));
      assertThat(pages.getLast().hearAny().isMissingNode()).isTrue();
      pages.add(page("joe"));
      assertThat(pages.getLast().hearAny().path("name").asText()).isEqualTo("ping");
    } finally {
      for (var page : pages) {
        page.close();
      }
    }
  }

  @Test
  void listsSayWhatBelongsToARowByAnAnnotationToWhoMaySeeIt() throws Exception {
    classic();
    server.has(
        "/api/v1/pods",
        FakeApiServer.list(
            "{'metadata':{'namespace':'lab','name':'p','annotations':{"
                + "'objectset.rio.cattle.io/owner-gvk':'v1, Kind=ConfigMap',"
                + "'objectset.rio.cattle.io/owner-namespace':'shop',"
                + "'objectset.rio.cattle.io/owner-name':'old'}}}"));
    fixture.counts.follow(fixture.cluster.of(new User("pat", List.of(), Map.of())).types());
    while (fixture.counts.count("pod", Scope.ALL) == null) {
      Thread.onSpinWait();
    }

    var related = fixture.get("pat", "/v1/configmaps").json().at("/data/0/metadata/relationships");
    assertThat(related).hasSize(1);
    assertThat(related.at("/0/toId").asText()).isEqualTo("lab/p");
    assertThat(related.at("/0/toType").asText()).isEqualTo("pod");
    assertThat(related.at("/0/rel").asText()).isEqualTo("applies");
    var hidden = fixture.get("jane", "/v1/configmaps").json().at("/data/0/metadata/relationships");
    assertThat(hidden.isNull()).isTrue();
  }

  @Test
  void tellsCountsThatAreOthers() throws Exception {
    try (var page = page("joe")) {
      page.say("{'resourceType':'count'}");
      page.hear();
      server.tell(MAPS, "{'type':'ADDED','object':" + LiveFixture.map("bank", "a", 10, "x") + "}");
      server.tell(MAPS, "{'type':'ADDED','object':" + map("a", 11, "x") + "}");
      var change = page.hear();
      assertThat(change.path("name").asText()).isEqualTo("resource.change");
      assertThat(change.at("/data/id").asText()).isEqualTo("count");
      assertThat(change.at("/data/counts").properties()).hasSize(1);
      assertThat(change.at("/data/counts/configmap/namespaces").has("bank")).isFalse();
      assertThat(change.at("/data/counts/configmap/summary/count").asInt()).isEqualTo(2);
    }
  }

  @Test
  void saysThatItIsThere() throws Exception {
    try (var page = page("jane")) {
      assertThat(page.hearAny().toString())
          .isEqualTo(
              """
              {"name":"ping","data":{"type":"subscribe","links":{},"version":"v2.15.0"}}""");
    }
  }
}
