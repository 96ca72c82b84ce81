package io.drover.steve.api;

import static io.drover.steve.api.LiveFixture.RBAC;
import static org.assertj.core.api.Assertions.assertThat;

import io.drover.steve.FakeApiServer;
import io.drover.steve.query.Dialect;
import java.io.IOException;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Joe may do something in the namespace shop, and so knows that it is there; jane may read it. */
@Timeout(60)
class NamespacesTest {
  private static final String NAMESPACES = "/api/v1/namespaces";
  private static final String LIST = "/v1/namespaces?exclude=metadata.managedFields&";

  private LiveFixture fixture;

  @BeforeEach
  void start() throws IOException {
    start(Dialect.NEWEST);
  }

  private void start(Dialect dialect) throws IOException {
    fixture = new LiveFixture(dialect, 64L * 1024 * 1024);
    fixture.server.has(
        "/api",
        FakeApiServer.list(
            "{'metadata':{},'versions':[{'version':'v1','resources':["
                + "{'resource':'namespaces','responseKind':{'kind':'Namespace'},"
                + "'scope':'Cluster','verbs':['get','list','watch']}]}]}"));
    fixture.server.has(NAMESPACES, FakeApiServer.list(namespace("bank", 3), namespace("shop", 4)));
    fixture.server.has(
        RBAC + "clusterroles",
        FakeApiServer.list(
            "{'metadata':{'name':'r'},'rules':[{'verbs':['*'],'apiGroups':[''],"
                + "'resources':['namespaces']}]}"));
    fixture.server.has(
        RBAC + "clusterrolebindings",
        FakeApiServer.list(LiveFixture.BINDING.formatted("b", "", 1, "jane")));
    fixture.server.has(
        RBAC + "roles",
        FakeApiServer.list(
            "{'metadata':{'namespace':'shop','name':'in'},'rules':[{'verbs':['*'],"
                + "'apiGroups':[''],'resources':['configmaps']}]}"));
    fixture.server.has(
        RBAC + "rolebindings",
        FakeApiServer.list(
            LiveFixture.BINDING
                .formatted("b", "shop", 1, "joe")
                .replace("'ClusterRole','name':'r'", "'Role','name':'in'")));
  }

  @AfterEach
  void stop() {
    fixture.close();
  }

  private static String namespace(String name, int version) {
    return ("{'apiVersion':'v1','kind':'Namespace','metadata':{'name':'%s',"
            + "'resourceVersion':'%d','labels':{'team':'red'}},'status':{'phase':'Active'}}")
        .formatted(name, version);
  }

  @ParameterizedTest
  @CsvSource({
    "classic, filter=metadata.labels.team=red",
    "classic, labelSelector=team%3Dred",
    "sql,     filter=metadata.labels.team=red",
    "sql,     filter=metadata.labels%5Bteam%5D=red",
  })
  void whatIsNotShownIsNotFound(String dialect, String query) throws Exception {
    if (dialect.equals("classic")) {
      fixture.close();
      start(Dialect.CLASSIC);
    }

    assertThat(fixture.get("joe", LIST + query).ids()).isEmpty();
    assertThat(fixture.get("jane", LIST + query).ids()).containsExactly("bank", "shop");
    assertThat(fixture.get("joe", LIST + "filter=metadata.name=shop").ids())
        .containsExactly("shop");
  }

  @Test
  void whatIsNotShownIsNotCounted() throws Exception {
    String summary = LIST + "summary=metadata.labels%5Bteam%5D";

    assertThat(fixture.get("joe", summary).body()).contains("shop").doesNotContain("red");
    assertThat(fixture.get("jane", summary).json().path("summary").toString()).contains("red");
  }

  @Test
  void whatIsHeldIsNotAskedForWhatIsNotShown() throws Exception {
    String query = LIST + "filter=metadata.labels.team=red";
    while (!fixture.get("jane", query).head().contains("X-Drover-List: held")) {
      // not yet
    }

    assertThat(fixture.get("joe", query).ids()).isEmpty();
    assertThat(fixture.get("jane", query).ids()).containsExactly("bank", "shop");
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "'mode':'resource.changes',"})
  void whatIsNotShownSelectsNothing(String mode) throws Exception {
    String selected = "{" + mode + "'resourceType':'namespace','selector':'team=red'}";
    try (var joe = Page.open(fixture.front, "joe");
        var jane = Page.open(fixture.front, "jane")) {
      joe.say(selected);
      joe.hear();
      jane.say(selected);
      jane.hear();
      fixture.server.tell(NAMESPACES, LiveFixture.event("MODIFIED", 10, namespace("shop", 10)));
      assertThat(jane.hear().path("selector").asText()).isEqualTo("team=red");

      joe.say("{'resourceType':'namespace'}");
      assertThat(joe.hear(1)).containsExactly("resource.start");
      fixture.server.tell(NAMESPACES, LiveFixture.event("MODIFIED", 11, namespace("shop", 11)));
      var heard = joe.hear();
      assertThat(heard.at("/data/id").asText()).isEqualTo("shop");
      assertThat(heard.has("selector")).isFalse();
    }
  }
}
