package io.drover.steve.api;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import io.drover.steve.Browser;
import io.drover.steve.Explorer;
import io.drover.steve.FakeApiServer;
import io.drover.steve.FakeApiServer.Asked;
import io.drover.steve.shell.ShellImage;
import java.io.IOException;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** In a cluster that has types of Rancher's own. */
@Timeout(60)
class RanchersTypesTest {
  private static final String BASE = "/apis/management.cattle.io/v3";
  private static final String PREFERENCES = BASE + "/namespaces/jane/preferences";

  private FakeApiServer api;
  private Browser browser;

  @BeforeEach
  void start() throws IOException {
    api = new FakeApiServer();
    api.has(
        "/apis",
        FakeApiServer.list(
            "{'metadata':{'name':'management.cattle.io'},'versions':[{'version':'v3','resources':["
                + String.join(
                    ",",
                    resource("settings", "Setting"),
                    resource("features", "Feature"),
                    resource("tokens", "Token"),
                    resource("users", "User"),
                    resource("preferences", "Preference"))
                + "]}]}"));
    api.has(
        "/apis/rbac.authorization.k8s.io/v1/clusterroles",
        FakeApiServer.list(
            "{'metadata':{'name':'r'},'rules':[{'verbs':['*'],'apiGroups':['*'],"
                + "'resources':['*']}]}"));
    api.has(
        "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
        FakeApiServer.list(
            "{'metadata':{'name':'b'},'roleRef':{'kind':'ClusterRole','name':'r'},'subjects':["
                + "{'kind':'User','apiGroup':'rbac.authorization.k8s.io','name':'jane'}]}"));
    browser =
        new Browser(
            api,
            new Explorer.Options(
                "ui-sql-cache=false", "", false, ShellImage.NONE, Optional.empty()));
  }

  @AfterEach
  void stop() {
    browser.close();
    api.close();
  }

  private static String resource(String resource, String kind) {
    return "{'resource':'%s','responseKind':{'kind':'%s'},'scope':'%s',"
            .formatted(resource, kind, resource.equals("preferences") ? "Namespaced" : "Cluster")
        + "'verbs':['get','list','watch','create','update','patch','delete']}";
  }

  private static String texts(JsonNode list) {
    return StreamSupport.stream(list.spliterator(), false)
        .map(JsonNode::asText)
        .collect(Collectors.joining(" "));
  }

  @ParameterizedTest
  @CsvSource({
    "setting, GET blocked-DELETE PUT blocked-PATCH,                 GET POST",
    "feature, GET blocked-DELETE PUT blocked-PATCH,                 GET blocked-POST",
    "token,   blocked-GET blocked-DELETE blocked-PUT blocked-PATCH, blocked-GET blocked-POST",
    "user,    GET DELETE PUT PATCH,                                 GET POST",
  })
  void blocksWhatIsChangedElsewhere(String type, String ofOne, String ofAll) throws Exception {
    var schema = browser.get("/v1/schemas/management.cattle.io." + type);

    assertThat(texts(schema.path("resourceMethods"))).isEqualTo(ofOne);
    assertThat(texts(schema.path("collectionMethods"))).isEqualTo(ofAll);
    assertThat(schema.at("/attributes/disallowMethods/DELETE").asBoolean())
        .isEqualTo(!type.equals("user"));
  }

  @Test
  void saysSoAtTheObject() throws Exception {
    api.has(
        BASE + "/settings/s",
        "{'apiVersion':'management.cattle.io/v3','kind':'Setting'," + "'metadata':{'name':'s'}}");
    var links = browser.get("/v1/management.cattle.io.settings/s").path("links");

    String self = "http://h/v1/management.cattle.io.settings/s";
    assertThat(links.path("remove").asText()).isEqualTo("blocked");
    assertThat(links.path("patch").asText()).isEqualTo("blocked");
    assertThat(links.path("update").asText()).isEqualTo(self);
    assertThat(links.path("view").asText()).isEqualTo(self);
  }

  @Test
  void refusesWhatIsBlocked() throws Exception {
    var refusal = browser.send("DELETE", "/v1/management.cattle.io.settings/s", "");

    assertThat(refusal.status()).isEqualTo(403);
    assertThat(refusal.body()).contains("Method DELETE not supported");
    assertThat(browser.send("GET", "/v1/management.cattle.io.tokens", "").status()).isEqualTo(403);
  }

  @ParameterizedTest
  @CsvSource({
    "DELETE, features/x?link=a",
    "DELETE, features/x?link=shell",
    "GET,    tokens?link=a",
    "POST,   features?action=",
    "POST,   features?link=a",
    "PUT,    tokens/x?action=a",
  })
  void aLinkOrAnActionThatIsNoneUnblocksNothing(String method, String path) throws Exception {
    browser.get("/v1/schemas/count");
    api.asked();
    var refusal = browser.send(method, "/v1/management.cattle.io." + path, "{}");

    assertThat(refusal.status()).isEqualTo(403);
    // But for what is watched of rights, which begins when it begins.
    assertThat(api.asked()).allMatch(asked -> asked.target().contains("watch=1"));
  }

  private void hasPreferences() {
    api.has(
        PREFERENCES,
        FakeApiServer.list(
            "{'metadata':{'name':'theme','resourceVersion':'1'},'value':'dark'}",
            "{'metadata':{'name':'rows','resourceVersion':'2'},'value':'10'}",
            "{'metadata':{'name':'old','resourceVersion':'3'},'value':'x'}"));
    for (String name : List.of("theme", "rows", "old")) {
      api.has(PREFERENCES + "/" + name, "{}");
    }
  }

  @Test
  void readsWhatTheUserPrefers() throws Exception {
    hasPreferences();

    assertThat(browser.get("/v1/userpreferences").at("/data/0/data").toString())
        .contains("\"theme\":\"dark\"", "\"rows\":\"10\"");
    assertThat(browser.send("GET", "/v1/userpreferences/joe", "").status()).isEqualTo(404);
  }

  @Test
  void changesNoMoreThanWhatIsDifferent() throws Exception {
    hasPreferences();
    browser.get("/v1/schemas/count");
    api.asked();
    var saved =
        browser.send(
            "PUT",
            "/v1/userpreferences/jane",
            "{\"data\":{\"theme\":\"dark\",\"rows\":\"100\",\"new\":\"1\"}}");

    assertThat(saved.status()).isEqualTo(200);
    assertThat(api.asked())
        .filteredOn(asked -> !asked.method().equals("GET"))
        .containsExactlyInAnyOrder(
            new Asked("DELETE", PREFERENCES + "/old", "jane", "Bearer ours"),
            new Asked("PUT", PREFERENCES + "/rows", "jane", "Bearer ours"),
            new Asked("POST", PREFERENCES, "jane", "Bearer ours"));
  }

  @Test
  void forgetsWhatTheUserPreferred() throws Exception {
    hasPreferences();

    assertThat(browser.send("DELETE", "/v1/userpreferences/jane", "").status()).isEqualTo(204);
    assertThat(api.asked()).contains(new Asked("DELETE", PREFERENCES, "jane", "Bearer ours"));
  }

  @Test
  void savesNotTooMuch() throws Exception {
    hasPreferences();
    var many =
        IntStream.rangeClosed(0, PreferenceStore.MAX_KEYS)
            .mapToObj(i -> "\"k%d\":\"v\"".formatted(i))
            .collect(Collectors.joining(","));
    browser.get("/v1/schemas/count");
    api.asked();
    var refusal = browser.send("PUT", "/v1/userpreferences/jane", "{\"data\":{" + many + "}}");

    assertThat(refusal.status()).isEqualTo(422);
    assertThat(refusal.body()).contains("data has 501 keys, more than 500");
    assertThat(browser.send("PUT", "/v1/userpreferences/jane", "{").status()).isEqualTo(422);
    // But for what is watched of rights, which begins when it begins.
    assertThat(api.asked()).allMatch(asked -> asked.target().contains("watch=1"));
  }

  @Test
  void savesNothingInAClusterWithoutThatType() throws Exception {
    try (var other = new FakeApiServer();
        var elsewhere =
            new Browser(
                other, new Explorer.Options("", "", false, ShellImage.NONE, Optional.empty()))) {
      assertThat(elsewhere.get("/v1/userpreferences").at("/data/0/data")).isEmpty();
      assertThat(elsewhere.send("PUT", "/v1/userpreferences/jane", "{}").status()).isEqualTo(404);
    }
  }

  @ParameterizedTest
  @CsvSource({"v2.8.5, true", "v2.9.0, false", "'', false"})
  void saysOfWhatTypesAreMadeToThoseWhoCannotAsk(String version, boolean said) throws Exception {
    api.has(
        "/openapi/v2",
        "{'definitions':{'io.Setting':{'required':['spec'],'properties':{"
            + "'spec':{'$ref':'#/definitions/io.Spec'},"
            + "'tags':{'type':'array','items':{'type':'string'},'description':'Marks.'}},"
            + "'x-kubernetes-group-version-kind':[{'group':'management.cattle.io','version':'v3',"
            + "'kind':'Setting'}]},"
            + "'io.Spec':{'properties':{'size':{'type':'integer'}}}}}");
    try (var old =
        new Browser(
            api, new Explorer.Options("", version, false, ShellImage.NONE, Optional.empty()))) {
      var schema = old.get("/v1/schemas/management.cattle.io.setting");
      if (!said) {
        assertThat(schema.path("resourceFields").isNull()).isTrue();
        assertThat(old.get("/v1/schemas").toString()).doesNotContain("io.Spec");
        return;
      }
      assertThat(schema.at("/resourceFields/spec").toString())
          .isEqualTo(
              """
              {"type":"io.Spec","nullable":true,"create":true,"update":true,"required":true}""");
      assertThat(schema.at("/resourceFields/tags/type").asText()).isEqualTo("array[string]");
      assertThat(schema.at("/resourceFields/tags/description").asText()).isEqualTo("Marks.");
      var part =
          StreamSupport.stream(old.get("/v1/schemas").path("data").spliterator(), false)
              .filter(one -> one.path("id").asText().equals("io.Spec"))
              .findFirst()
              .orElseThrow();
      assertThat(part.at("/resourceFields/size/type").asText()).isEqualTo("int");
      assertThat(part.has("collectionMethods")).isFalse();
    }
  }
}
