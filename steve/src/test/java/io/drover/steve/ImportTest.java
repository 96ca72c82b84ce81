package io.drover.steve;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import io.drover.steve.http.FrontLimits;
import io.drover.steve.http.HttpFront;
import io.drover.steve.kube.Json;
import io.drover.steve.shell.ShellImage;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Import YAML, between a browser's bytes and a fake API server. */
@Timeout(60)
class ImportTest {
  private static final String LOCAL = "/v1/management.cattle.io.clusters/local";
  private static final String MAPS = "/api/v1/namespaces/shop/configmaps";
  private static final String RBAC = "/apis/rbac.authorization.k8s.io/v1/";

  private FakeApiServer api;
  private Explorer explorer;
  private HttpFront front;

  private record Reply(int status, JsonNode json) {}

  @BeforeEach
  void start() throws IOException {
    api = new FakeApiServer();
    explorer =
        new Explorer(api, new Explorer.Options("", "", false, ShellImage.NONE, Optional.empty()));
    front = HttpFront.start("test", FrontLimits.STANDARD, explorer);
    api.has(
        "/api",
        FakeApiServer.list(
            "{'metadata':{},'versions':[{'version':'v1','resources':[{'resource':'configmaps',"
                + "'responseKind':{'kind':'ConfigMap'},'scope':'Namespaced','verbs':['patch']}]}]}"));
    api.has(
        "/api/v1",
        "{'resources':[{'name':'configmaps','kind':'ConfigMap','namespaced':true},"
            + "{'name':'configmaps/status','kind':'ConfigMap','namespaced':true},"
            + "{'name':'namespaces','kind':'Namespace','namespaced':false}]}");
    api.has(MAPS + "/a", table("shop", "a"));
    api.has(
        RBAC + "clusterroles",
        FakeApiServer.list(
            "{'metadata':{'name':'r'},'rules':[{'verbs':['patch'],'apiGroups':[''],"
                + "'resources':['configmaps']}]}",
            "{'metadata':{'name':'g'},'rules':[{'verbs':['get'],'apiGroups':['*'],"
                + "'resources':['clusters']}]}"));
    api.has(
        RBAC + "clusterrolebindings",
        FakeApiServer.list(binding("r", "jane"), binding("g", "jane"), binding("g", "joe")));
  }

  private static String binding(String role, String user) {
    return "{'metadata':{'name':'%1$s-%2$s'},'roleRef':{'kind':'ClusterRole','name':'%1$s'},"
            .formatted(role, user)
        + "'subjects':[{'kind':'User','apiGroup':'rbac.authorization.k8s.io','name':'%s'}]}"
            .formatted(user);
  }

  private static String table(String namespace, String name) {
    return "{'kind':'Table','rows':[{'cells':['%1$s',1],'object':{'apiVersion':'v1',"
            .formatted(name)
        + "'kind':'ConfigMap','metadata':{'name':'%s','namespace':'%s'},'type':'t'}}]}"
            .formatted(name, namespace);
  }

  private static String status(String reason, String message) {
    return "{'kind':'Status','reason':'%s','message':'%s'}".formatted(reason, message);
  }

  private static String map(String name) {
    return "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: " + name + "}\n";
  }

  @AfterEach
  void stop() {
    front.close();
    explorer.close();
    api.close();
  }

  private Reply send(String method, String target, String user, String body) throws IOException {
    var request =
        method
            + " "
            + target
            + " HTTP/1.1\r\nHost: h\r\nConnection: close\r\n"
            + (user.isEmpty() ? "" : "Impersonate-User: " + user + "\r\n")
            + "Content-Length: "
            + body.getBytes(UTF_8).length
            + "\r\n\r\n"
            + body;
    try (var channel = front.connect(_ -> {})) {
      channel.write(ByteBuffer.wrap(request.getBytes(UTF_8)));
      String text = new String(Channels.newInputStream(channel).readAllBytes(), UTF_8);
      return new Reply(
          Integer.parseInt(text.substring(9, 12)),
          Json.MAPPER.readTree(text.substring(text.indexOf("\r\n\r\n") + 4)));
    }
  }

  private Reply apply(String yaml) throws IOException {
    var body = Json.MAPPER.createObjectNode().put("yaml", yaml).put("defaultNamespace", "shop");
    return send("POST", LOCAL + "?action=apply", "jane", body.toString());
  }

  @Test
  void appliesInTheUsersName() throws Exception {
    var reply = apply(map("a"));

    assertThat(reply.status()).isEqualTo(200);
    assertThat(reply.json().path("type").asText()).isEqualTo("collection");
    var object = reply.json().at("/data/0");
    assertThat(object.path("id").asText()).isEqualTo("shop/a");
    assertThat(object.path("type").asText()).isEqualTo("configmap");
    assertThat(object.path("_type").asText()).isEqualTo("t");
    assertThat(object.at("/metadata/fields/1").asInt()).isEqualTo(1);
    assertThat(object.at("/metadata/state/name").asText()).isEqualTo("active");
    assertThat(object.at("/links/patch").asText()).isEqualTo("http://h/v1/configmaps/shop/a");
    assertThat(api.sentTo(MAPS + "/a")).isEqualTo("application/apply-patch+yaml\n" + map("a"));
    assertThat(api.asked())
        .contains(
            new FakeApiServer.Asked(
                "PATCH",
                MAPS + "/a?includeObject=Object&fieldManager=rancher-import&force=true",
                "jane",
                "Bearer ours"));
  }

  @Test
  void createsWhatHasNoNameYet() throws Exception {
    api.has(MAPS, table("shop", "b-x1"));

    var reply = apply("apiVersion: v1\nkind: ConfigMap\nmetadata: {generateName: b-}\n");

    assertThat(reply.json().at("/data/0/id").asText()).isEqualTo("shop/b-x1");
    assertThat(api.sentTo(MAPS)).startsWith("application/yaml\n");
  }

  @Test
  void appliesNothingOfWhatIsHalfUnderstood() throws Exception {
    var reply = apply(map("a") + "---\na: [");

    assertThat(reply.status()).isEqualTo(422);
    assertThat(reply.json().path("message").asText())
        .contains("nothing was applied", "document 2: this is no YAML, line 5");
    assertThat(api.sentTo(MAPS + "/a")).isEmpty();
  }

  @Test
  void saysWhatBecameOfEachObject() throws Exception {
    api.refuses(MAPS + "/b", 403, status("Forbidden", "jane cannot patch"));
    api.refuses(MAPS + "/c", 401, status("Unauthorized", "no"));
    api.refuses(MAPS + "/d", 404, status("NotFound", "namespaces shop not found"));

    var reply =
        apply(
            map("b")
                + "---\n"
                + map("a")
                + "---\n"
                + map("c")
                + "---\n"
                + map("d")
                + "---\napiVersion: x/v1\nkind: Y\nmetadata: {name: e}");

    assertThat(reply.status()).isEqualTo(403);
    assertThat(reply.json().path("code").asText()).isEqualTo("Forbidden");
    assertThat(reply.json().path("message").asText())
        .isEqualTo(
            """
            1 of 5 objects were applied
            document 1 (ConfigMap b): jane cannot patch: ask for a role that allows it
            document 3 (ConfigMap c): no: ask for a role that allows it
            document 4 (ConfigMap d): namespaces shop not found: create the namespace first, or \
            import it together with this
            document 5 (Y e): the cluster has no Y in x/v1: correct apiVersion and kind, or \
            install what brings it""");
    var results = reply.json().path("results");
    assertThat(results.at("/1/applied").asBoolean()).isTrue();
    assertThat(results.at("/2/status").asInt()).as("never 401").isEqualTo(403);
    assertThat(api.sentTo(MAPS + "/a")).as("tried although another failed").isNotEmpty();
  }

  /** In any order, as nobody should have to know. */
  @Test
  void appliesFirstWhatOthersAreOf() throws Exception {
    String crds = "/apis/apiextensions.k8s.io/v1";
    api.has(
        crds,
        "{'resources':[{'name':'customresourcedefinitions','kind':'CustomResourceDefinition'}]}");
    api.has(crds + "/customresourcedefinitions/toys.x.io", "{'metadata':{'name':'toys.x.io'}}");
    api.has("/apis/x.io/v1", "{'resources':[{'name':'toys','kind':'Toy','namespaced':true}]}");
    api.has("/apis/x.io/v1/namespaces/shop/toys/t", "{'metadata':{'name':'t'}}");
    api.has("/api/v1/namespaces/shop", "{'metadata':{'name':'shop'}}");

    var reply =
        apply(
            "apiVersion: x.io/v1\nkind: Toy\nmetadata: {name: t}\n---\n"
                + map("a")
                + "---\napiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n---\n"
                + "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\n"
                + "metadata: {name: toys.x.io}");

    assertThat(reply.json().path("data").valueStream().map(one -> one.path("type").asText()))
        .containsExactly(
            "x.io.toy", "configmap", "namespace", "apiextensions.k8s.io.customresourcedefinition");
    assertThat(
            api.asked().stream()
                .filter(one -> one.method().equals("PATCH"))
                .map(one -> one.target().replaceAll(".*/|\\?.*", "")))
        .containsExactly("shop", "toys.x.io", "t", "a");
  }

  @Test
  void refusesWhatIsNoImport() throws Exception {
    assertThat(send("POST", LOCAL + "?action=apply", "jane", "[]").status()).isEqualTo(422);
    assertThat(send("POST", LOCAL + "?action=apply", "jane", "{").status()).isEqualTo(422);
    var noText = send("POST", LOCAL + "?action=apply", "jane", "{\"yaml\":1}");
    assertThat(noText.json().path("message").asText()).contains("yaml is missing");
    assertThat(send("POST", LOCAL + "?action=apply", "", "{}").status()).isEqualTo(403);
    assertThat(send("POST", LOCAL + "?action=x", "jane", "{}").status()).isEqualTo(403);
    assertThat(send("POST", "/v1/configmaps?action=apply", "jane", "{}").status()).isEqualTo(403);
  }

  @Test
  void offersItToWhoeverMaySeeTheClusterAndChangeAnything() throws Exception {
    api.has("/version", "{'gitVersion':'v1.36.2'}");

    var jane = send("GET", LOCAL, "jane", "").json();
    assertThat(jane.at("/actions/apply").asText()).isEqualTo("http://h" + LOCAL + "?action=apply");
    assertThat(jane.at("/status/version/gitVersion").asText()).isEqualTo("v1.36.2");
    assertThat(send("GET", LOCAL, "joe", "").json().has("actions")).isFalse();
    assertThat(send("GET", LOCAL, "ann", "").status()).isEqualTo(404);
    assertThat(send("GET", LOCAL.replace("/local", ""), "ann", "").json().path("data")).isEmpty();
  }
}
