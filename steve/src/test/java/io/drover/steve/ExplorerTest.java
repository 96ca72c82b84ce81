package io.drover.steve;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import io.drover.steve.FakeApiServer.Asked;
import io.drover.steve.http.FrontLimits;
import io.drover.steve.http.HttpFront;
import io.drover.steve.kube.Json;
import io.drover.steve.shell.ShellImage;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.util.List;
import java.util.Optional;
import java.util.zip.GZIPInputStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The whole of it, between a browser's bytes and a fake API server. */
@Timeout(60)
class ExplorerTest {
  private static final String JANE = "Impersonate-User: jane\r\n";

  private FakeApiServer api;
  private Explorer explorer;
  private HttpFront front;

  @SuppressWarnings("ArrayRecordComponent") // compared with nothing
  private record Reply(int status, String head, byte[] bytes) {
    JsonNode json() throws IOException {
      return Json.MAPPER.readTree(bytes);
    }

    String text() {
      return new String(bytes, UTF_8);
    }
  }

  @BeforeEach
  void start() throws IOException {
    api = new FakeApiServer();
    explorer =
        new Explorer(
            api,
            new Explorer.Options(
                "ui-sql-cache=false", "", false, ShellImage.NONE, Optional.empty()));
    front = HttpFront.start("test", FrontLimits.STANDARD, explorer);
    api.has(
        "/api",
        FakeApiServer.list(
            "{'metadata':{},'versions':[{'version':'v1','resources':["
                + resource("configmaps", "ConfigMap")
                + ","
                + resource("broken", "Broken")
                + "]}]}"));
    api.has(
        "/api/v1/configmaps",
        "{'kind':'Table','metadata':{'resourceVersion':'9'},"
            + "'columnDefinitions':[{'name':'Name','type':'string','format':'name'}],"
            + "'rows':["
            + row("a")
            + ","
            + row("b")
            + "]}");
    api.has(
        "/apis/rbac.authorization.k8s.io/v1/clusterroles",
        FakeApiServer.list(
            "{'metadata':{'name':'r'},'rules':[{'verbs':['get','list'],'apiGroups':[''],"
                + "'resources':['configmaps','broken']}]}"));
    api.has(
        "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
        FakeApiServer.list(
            "{'metadata':{'name':'b'},'roleRef':{'kind':'ClusterRole','name':'r'},'subjects':["
                + "{'kind':'User','apiGroup':'rbac.authorization.k8s.io','name':'jane'}]}"));
  }

  @AfterEach
  void stop() {
    front.close();
    explorer.close();
    api.close();
  }

  private static String resource(String resource, String kind) {
    return "{'resource':'%s','responseKind':{'kind':'%s'},'scope':'Namespaced',"
            .formatted(resource, kind)
        + "'verbs':['get','list','watch','update']}";
  }

  private static String row(String name) {
    return "{'cells':['%1$s'],'object':{'apiVersion':'v1','kind':'ConfigMap','metadata':"
            .formatted(name)
        + "{'name':'%s','namespace':'shop'},'type':'t'}}".formatted(name);
  }

  @Test
  void rightThatTheAgentItselfLacksIsTold() throws IOException {
    assertThat(explorer.missingRight()).isEmpty();
    api.refuses(
        "/api/v1/configmaps",
        403,
        "{'kind':'Status','reason':'Forbidden','message':'configmaps is forbidden: User "
            + "\\\"agent\\\" cannot list resource \\\"configmaps\\\" in API group \\\"\\\" at the cluster scope'}");

    assertThat(get("/v1/configmaps", JANE).status()).isEqualTo(403);

    // Of its columns, which are asked for in our own name.
    assertThat(explorer.missingRight())
        .contains(
            "the agent's own account cannot list resource \"configmaps\" in API group \"\" at the"
                + " cluster scope");
  }

  private Reply get(String path, String fields) throws IOException {
    return send("GET", path, fields, "");
  }

  private Reply send(String method, String path, String fields, String body) throws IOException {
    var request =
        method
            + " "
            + path
            + " HTTP/1.1\r\nHost: h\r\nConnection: close\r\n"
            + fields
            + "Content-Length: "
            + body.length()
            + "\r\n\r\n"
            + body;
    try (var channel = front.connect(_ -> {})) {
      channel.write(ByteBuffer.wrap(request.getBytes(UTF_8)));
      byte[] all = Channels.newInputStream(channel).readAllBytes();
      String text = new String(all, java.nio.charset.StandardCharsets.ISO_8859_1);
      int end = text.indexOf("\r\n\r\n");
      return new Reply(
          Integer.parseInt(text.substring(9, 12)),
          text.substring(0, end),
          java.util.Arrays.copyOfRange(all, end + 4, all.length));
    }
  }

  @Test
  void asksNothingBeforeTheFirstRequest() {
    assertThat(api.asked()).isEmpty();
  }

  @Test
  void listsInTheUsersName() throws Exception {
    var list = get("/v1/configmaps?exclude=metadata.state", JANE).json();

    assertThat(list.path("count").asInt()).isEqualTo(2);
    assertThat(list.path("revision").asText()).isEqualTo("9");
    assertThat(list.at("/data/0/id").asText()).isEqualTo("shop/a");
    assertThat(list.at("/data/0/type").asText()).isEqualTo("configmap");
    assertThat(list.at("/data/0/_type").asText()).isEqualTo("t");
    assertThat(list.at("/data/0/metadata/fields/0").asText()).isEqualTo("a");
    assertThat(list.at("/data/0/links/self").asText()).isEqualTo("http://h/v1/configmaps/shop/a");
    assertThat(api.asked())
        .contains(
            new Asked(
                "GET",
                "/api/v1/configmaps?includeObject=Object&limit=100000",
                "jane",
                "Bearer ours"));
  }

  /** Who sees single objects has his lists read in our own name: of no other path than theirs. */
  @ParameterizedTest
  @CsvSource({
    "bank%252Fsecrets%252Fs%3F, ''",
    "bank%3Fx=, bank%3Fx%3D",
    "%2523, ''",
  })
  void asksForNothingButANamespaceWhateverItIsCalled(String said, String asked) throws Exception {
    api.has(
        "/apis/rbac.authorization.k8s.io/v1/clusterroles",
        FakeApiServer.list(
            "{'metadata':{'name':'r'},'rules':[{'verbs':['get'],'apiGroups':[''],"
                + "'resources':['configmaps'],'resourceNames':['a']}]}"));

    get("/v1/configmaps/" + said, JANE);
    assertThat(api.asked())
        .filteredOn(one -> one.target().startsWith("/api/v1/namespaces/"))
        .extracting(Asked::target)
        .isEqualTo(
            asked.isEmpty()
                ? List.of()
                : List.of(
                    "/api/v1/namespaces/" + asked + "/configmaps?includeObject=Object&limit=1"));
  }

  @Test
  void repeatsWhatTheApiServerRefuses() throws Exception {
    var refusal = get("/v1/configmaps/shop/none", JANE);

    assertThat(refusal.status()).isEqualTo(404);
    assertThat(refusal.text())
        .isEqualTo(
            """
            {"type":"error","links":{},"code":"NotFound","message":"not there","status":404}""");
  }

  @Test
  void showsNoTypesToNobody() throws Exception {
    assertThat(get("/v1/configmaps", "").status()).isEqualTo(404);
    assertThat(get("/v1/configmaps", "").bytes()).isEmpty();
    assertThat(get("/v1/schemas/configmap", "").status()).isEqualTo(404);
    assertThat(get("/v1/schemas/count", "").status()).isEqualTo(200);
  }

  @Test
  void refusesMembersOfTheGroupThatNoRoleLimits() throws Exception {
    var refusal = get("/v1/configmaps", JANE + "Impersonate-Group: system:masters\r\n");

    assertThat(refusal.status()).isEqualTo(403);
    assertThat(refusal.text()).contains("DROVER_EXPLORER_MASTERS");
    assertThat(api.asked()).isEmpty();
  }

  @Test
  void isNotHeldUpByATypeWhoseObjectsCannotBeListed() throws Exception {
    var schemas = get("/v1/schemas", JANE).json().path("data");

    assertThat(schemas)
        .anySatisfy(
            schema -> {
              assertThat(schema.path("id").asText()).isEqualTo("broken");
              assertThat(schema.at("/attributes/table").asText()).isEqualTo("false");
            })
        .anySatisfy(
            schema -> {
              assertThat(schema.path("id").asText()).isEqualTo("configmap");
              assertThat(schema.at("/attributes/columns/0/field").asText())
                  .isEqualTo("$.metadata.fields[0]");
            });
    var counts = get("/v1/counts", JANE).json().at("/data/0/counts");
    assertThat(counts.has("configmap")).isTrue();
    assertThat(counts.has("broken")).isFalse();
  }

  /** Kubernetes before 1.27. */
  @Test
  void asksAnOldApiServerVersionByVersion() throws Exception {
    api.has("/api", "{'kind':'APIVersions','versions':['v1']}");
    api.has(
        "/api/v1",
        "{'resources':[{'name':'configmaps','kind':'ConfigMap','namespaced':true,"
            + "'verbs':['get','list']},{'name':'configmaps/x','kind':'X','verbs':['get']}]}");
    api.has(
        "/apis",
        "{'kind':'APIGroupList','groups':[{'name':'dead','versions':[{'groupVersion':'dead/v1'}],"
            + "'preferredVersion':{'groupVersion':'dead/v1','version':'v1'}}]}");

    var schema = get("/v1/schemas/configmaps", JANE).json();
    assertThat(schema.at("/attributes/namespaced").asBoolean()).isTrue();
    assertThat(schema.at("/attributes/verbs").toString()).isEqualTo("[\"get\",\"list\"]");
  }

  @ParameterizedTest
  @CsvSource({
    "POST, /v1/configmaps, 403, Method POST not supported",
    "DELETE, /v1/configmaps/shop/a, 403, Method DELETE not supported",
    "FOO, /v1/configmaps, 405, Invalid method FOO not supported",
    "GET, /v1/configmaps?_method=PUT, 403, Method PUT not supported",
    "POST, /v1/configmaps?action=x, 403, no such action x",
    "GET, /v1/%zz, 400, the path is not well encoded",
  })
  void saysWhatCannotBeDone(String method, String path, int status, String message)
      throws Exception {
    var refusal = send(method, path, JANE, "");

    assertThat(refusal.status()).isEqualTo(status);
    assertThat(refusal.json().path("message").asText()).isEqualTo(message);
  }

  @ParameterizedTest
  @CsvSource(
      nullValues = "-",
      value = {
        // User-Agent, cookie, field: whether a PUT gets through, and whether a cookie is set
        "curl,    -,                -,  true,  false",
        "Mozilla, -,                -,  true,  true",
        "Mozilla, CSRF=a,           -,  false, false",
        "Mozilla, CSRF=a,           b,  false, false",
        "Mozilla, CSRF=a,           a,  true,  false",
        "Mozilla, x=y; CSRF=a; z=1, a,  true,  false",
      })
  void believesAPageThatCanReadItsCookie(
      String agent, String cookie, String field, boolean through, boolean set) throws Exception {
    String fields = JANE + "User-Agent: " + agent + "/5.0\r\n";
    if (cookie != null) {
      fields += "Cookie: " + cookie + "\r\n";
    }
    if (field != null) {
      fields += "X-API-CSRF: " + field + "\r\n";
    }

    var reply = send("PUT", "/v1/nosuch/a", fields, "{}");
    assertThat(reply.status()).isEqualTo(through ? 404 : 422);
    assertThat(reply.head().contains("Set-Cookie: CSRF=")).isEqualTo(set);
  }

  @Test
  void answersInTheFormThatIsAskedFor() throws Exception {
    var lines = get("/v1/configmaps?_format=jsonl&include=metadata.name", JANE).text();
    assertThat(lines.lines()).hasSize(4);
    assertThat(lines.lines().findFirst().orElseThrow()).contains("\"count\":2");
    assertThat(lines).endsWith("}\n\n");

    var yaml = get("/v1/configmaps/shop/none", JANE + "Accept: application/yaml\r\n");
    assertThat(yaml.head()).contains("Content-Type: application/yaml");
    assertThat(yaml.text()).startsWith("code: NotFound\nlinks: {}\n");

    var zipped = get("/v1/configmaps", JANE + "Accept-Encoding: gzip, br\r\n");
    assertThat(zipped.head()).contains("Content-Encoding: gzip");
    try (var in = new GZIPInputStream(new ByteArrayInputStream(zipped.bytes()))) {
      assertThat(Json.MAPPER.readTree(in).path("count").asInt()).isEqualTo(2);
    }
  }

  @Test
  void leadsToTheRightPathAndKnowsNoOther() throws Exception {
    assertThat(get("/v1//configmaps", JANE).head())
        .startsWith("HTTP/1.1 307")
        .contains("Location: /v1/configmaps");
    assertThat(get("/dashboard", JANE).text()).isEqualTo("404 page not found\n");
    assertThat(get("/v1/schemas", JANE).head()).contains("X-Api-Schemas: http://h/v1/schemas");
  }

  @Test
  void doesNotLetAPartOfAListLookWhole() throws Exception {
    String table =
        "{'kind':'Table','metadata':{},'rows':[" + (row("a") + ",").repeat(500) + row("b");
    get("/v1/schemas", JANE);
    api.has("/api/v1/configmaps", table); // ends too early
    var reply = get("/v1/configmaps", JANE);

    assertThat(reply.status()).isEqualTo(200);
    assertThat(reply.text()).doesNotEndWith("0\r\n\r\n");
  }
}
