package io.drover.server;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.drover.proto.handshake.ConnectParams;
import io.drover.server.TestServer.NewCluster;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * Who gets where: people and their tokens x verbs x clusters x routes, over real sockets, against
 * rules that are written down here once more.
 */
@Timeout(300)
class AccessMatrixTest {
  private static final String PASSWORD = "correct horse battery";
  private static final String MEMBERS = "/v3/clusterroletemplatebindings";
  private static final List<String> METHODS = List.of("GET", "POST", "PUT", "PATCH", "DELETE");
  private static final List<String> ROLES = List.of("cluster-owner", "cluster-member", "read-only");

  /** Nothing is there; answers about it are what those about somebody else's cluster must be. */
  private static final String NOWHERE = "c-zzzzz";

  @TempDir private Path directory;
  private TestServer server;
  private HttpClient http;
  private NewCluster mine;
  private NewCluster others;
  private FakeApiServer mineApi;
  private FakeApiServer othersApi;
  private DiallingAgent mineAgent;
  private DiallingAgent othersAgent;

  /**
   * Somebody who asks.
   *
   * @param fields what he shows
   * @param mine what he is in that cluster, as the group that the cluster is told; empty: nothing
   * @param others the same
   * @param isPerson whether it is himself, not one of his API tokens
   * @param isAdmin whether he sees what is outside of clusters
   * @param isReadOnly whether he changes nothing
   */
  private record Who(
      String name,
      Map<String, String> fields,
      String mine,
      String others,
      boolean isPerson,
      boolean isAdmin,
      boolean isReadOnly) {
    boolean isKnown() {
      return !fields.isEmpty() && !name.equals("liar");
    }

    boolean owns() {
      return !isReadOnly && (mine.equals("system:masters") || mine.endsWith("cluster-owner"));
    }

    @Override
    public String toString() {
      return name; // no secrets in failures
    }
  }

  @BeforeEach
  void start() throws Exception {
    server = TestServer.start(directory.resolve("server"));
    http =
        HttpClient.newBuilder().sslContext(server.tls).version(HttpClient.Version.HTTP_1_1).build();
    mine = server.create("mine");
    others = server.create("others");
    mineApi = api("a");
    othersApi = api("b");
    mineAgent = connect(mine, mineApi);
    othersAgent = connect(others, othersApi);
  }

  private FakeApiServer api(String name) throws Exception {
    Files.createDirectory(directory.resolve(name));
    return FakeApiServer.start(
        directory.resolve(name),
        request -> {
          var length = request.field("content-length");
          if (!length.isEmpty()) {
            request.body().readNBytes(Integer.parseInt(length));
          }
          request.answer(200, "{}");
        });
  }

  private DiallingAgent connect(NewCluster cluster, FakeApiServer api) throws IOException {
    return DiallingAgent.start(
        server, cluster, new ConnectParams(api.address(), "sa-token", api.caPem));
  }

  @AfterEach
  void stop() throws Exception {
    http.shutdownNow();
    mineAgent.close();
    othersAgent.close();
    mineApi.close();
    othersApi.close();
    server.close();
  }

  private static ObjectNode json() {
    return TestServer.JSON.createObjectNode();
  }

  private HttpResponse<String> send(
      Map<String, String> fields, String method, String path, String body) throws Exception {
    var request =
        HttpRequest.newBuilder(server.url.resolve(path))
            .timeout(Duration.ofSeconds(30))
            .method(
                method, body.isEmpty() ? BodyPublishers.noBody() : BodyPublishers.ofString(body));
    fields.forEach(request::header);
    return http.send(request.build(), BodyHandlers.ofString());
  }

  private static Map<String, String> bearer(String token) {
    return Map.of("Authorization", "Bearer " + token);
  }

  private void user(String name, boolean isAdmin, Map<NewCluster, String> roles) throws Exception {
    var body = json().put("username", name).put("password", PASSWORD).put("admin", isAdmin);
    var id = server.post("/v3/users", body).path("id").asText();
    for (var role : roles.entrySet()) {
      var _ =
          server.post(
              MEMBERS,
              json()
                  .put("clusterId", role.getKey().id())
                  .put("userId", id)
                  .put("roleTemplateId", role.getValue()));
    }
  }

  private Map<String, String> signIn(String name) throws Exception {
    var body = json().put("username", name).put("password", PASSWORD).toString();
    var answer = send(Map.of(), "POST", "/v3-public/localProviders/local?action=login", body);
    var cookies =
        answer.headers().allValues("Set-Cookie").stream()
            .map(cookie -> cookie.substring(0, cookie.indexOf(';')).split("=", 2))
            .collect(Collectors.toMap(pair -> pair[0], pair -> pair[1]));
    return Map.of(
        "Cookie",
        "R_SESS=" + cookies.get("R_SESS") + "; CSRF=" + cookies.get("CSRF"),
        "X-Api-Csrf",
        String.valueOf(cookies.get("CSRF")));
  }

  private Map<String, String> token(Map<String, String> session, ObjectNode wish) throws Exception {
    var answer = send(session, "POST", "/v3/tokens", wish.toString());
    assertThat(answer.statusCode()).as(answer.body()).isEqualTo(201);
    return bearer(TestServer.JSON.readTree(answer.body()).path("token").asText());
  }

  private List<Who> everybody() throws Exception {
    var all = new ArrayList<Who>();
    all.add(new Who("signed out", Map.of(), "", "", false, false, false));
    all.add(new Who("liar", bearer("token-abcde:wrong"), "", "", false, false, false));
    var masters = "system:masters";
    all.add(new Who("admin token", bearer(server.adminToken), masters, masters, true, true, false));
    user("root", true, Map.of());
    all.addAll(withTokens("root", masters, masters, true));
    user("stranger", false, Map.of());
    all.addAll(withTokens("stranger", "", "", false));
    for (var role : ROLES) {
      user(role, false, Map.of(mine, role));
      all.addAll(withTokens(role, "drover:" + role, "", false));
      user("other-" + role, false, Map.of(others, role));
      all.addAll(withTokens("other-" + role, "", "drover:" + role, false));
      user("both-" + role, false, Map.of(mine, role, others, "cluster-owner"));
      all.addAll(withTokens("both-" + role, "drover:" + role, "drover:cluster-owner", false));
    }
    return all;
  }

  private List<Who> withTokens(String name, String inMine, String inOthers, boolean isAdmin)
      throws Exception {
    var session = signIn(name);
    var all = new ArrayList<Who>();
    all.add(new Who(name, session, inMine, inOthers, true, isAdmin, false));
    all.add(
        new Who(name + "+token", token(session, json()), inMine, inOthers, false, isAdmin, false));
    all.add(
        new Who(
            name + "+reads",
            token(session, json().put("readOnly", true)),
            inMine.isEmpty() ? "" : "drover:read-only",
            inOthers.isEmpty() ? "" : "drover:read-only",
            false,
            isAdmin,
            true));
    if (!inMine.isEmpty()) {
      var scoped = json().put("clusterId", mine.id());
      all.add(new Who(name + "+mine", token(session, scoped), inMine, "", false, false, false));
      all.add(
          new Who(
              name + "+mine+reads",
              token(session, scoped.put("readOnly", true)),
              "drover:read-only",
              "",
              false,
              false,
              true));
    }
    return all;
  }

  private static List<String> routes(String id) {
    return List.of(
        "/k8s/clusters/" + id,
        "/k8s/clusters/" + id + "?watch=true",
        "/k8s/clusters/" + id + "/api/v1/pods",
        "/k8s/clusters/" + id + "/api/v1/namespaces/a/pods/b/exec?command=sh",
        "/k8s/clusters/" + id + "/v1",
        "/k8s/clusters/" + id + "/v1/pods",
        "/v3/clusters/" + id,
        "/v3/clusters/" + id + "/report",
        "/v3/clusters/" + id + "/samples",
        "/v3/clusters/" + id + "/timeline",
        "/v3/clusters/" + id + "?action=generateKubeconfig",
        "/v1/management.cattle.io.clusters/" + id,
        MEMBERS + "?clusterId=" + id);
  }

  /** Ways round a check, if there were any. */
  private static List<String> detours(String mine, String id) {
    return List.of(
        "/k8s/clusters/" + mine + "/../" + id + "/api",
        "/k8s/clusters/" + mine + "/%2e%2e/" + id + "/api",
        "/k8s/clusters/" + mine + "%2f..%2f" + id + "/api",
        "/k8s/clusters/" + mine + ";/../" + id + "/api",
        "/k8s/clusters/%63" + id.substring(1) + "/api",
        "/k8s/clusters/" + id + "%2fapi",
        "/k8s/clusters/" + id + ";x/api",
        "/k8s/clusters//" + id + "/api",
        "/k8s//clusters/" + id + "/api",
        "/K8S/clusters/" + id + "/api",
        "/page/../k8s/clusters/" + id + "/api",
        "/v3/clusters/" + mine + "/../" + id,
        "/v3/clusters//" + id);
  }

  @Test
  void nobodyReachesAClusterHeIsNoMemberOf() throws Exception {
    int cases = 0;
    for (var who : everybody()) {
      if (!who.others().isEmpty()) {
        continue;
      }
      for (var method : METHODS) {
        var routes = routes(others.id());
        for (int i = 0; i < routes.size(); i++) {
          var label = who + " " + method + " " + routes.get(i);
          var answer = send(who.fields(), method, routes.get(i), "");
          assertThat(answer.statusCode()).as(label).isIn(401, 403, 404, 405);
          // Not even whether it is there.
          var nowhere = send(who.fields(), method, routes(NOWHERE).get(i), "");
          assertThat(answer.statusCode()).as(label).isEqualTo(nowhere.statusCode());
          assertThat(answer.body().replace(others.id(), NOWHERE))
              .as(label)
              .isEqualTo(nowhere.body());
          cases++;
        }
        for (var detour : detours(mine.id(), others.id())) {
          var _ = send(who.fields(), method, detour, "");
          cases++;
        }
        var body = json().put("clusterId", others.id()).put("roleTemplateId", "cluster-owner");
        assertThat(send(who.fields(), "POST", MEMBERS, body.toString()).statusCode())
            .as(who.name())
            .isIn(401, 403, 404);
      }
    }
    assertThat(cases).isGreaterThan(2000);
    assertThat(othersApi.requests).isEmpty();
    assertThat(othersApi.made).isEmpty();
    assertThat(othersAgent.toSteve).isEmpty();
    assertThat(server.get("/v3/clusters").path("data")).hasSize(2);
  }

  @Test
  void membersReachTheirsAsWhatTheyAre() throws Exception {
    for (var who : everybody()) {
      for (var method : METHODS) {
        var label = who + " " + method;
        var root = "/k8s/clusters/" + mine.id();
        int wanted = who.mine().isEmpty() ? (who.isKnown() ? 404 : 401) : 200;
        assertThat(send(who.fields(), method, root + "/api/v1/pods", "").statusCode())
            .as(label)
            .isEqualTo(wanted);
        assertThat(send(who.fields(), method, root + "/v1/pods", "").statusCode())
            .as(label)
            .isEqualTo(wanted);
        if (wanted == 200) {
          var request = mineApi.requests.take();
          assertThat(request.field("impersonate-group").split(",", -1))
              .as(label)
              .containsExactly("system:authenticated", "system:cattle:authenticated", who.mine());
          var explorer = mineAgent.toSteve.take();
          assertThat(explorer).as(label).startsWith(method + " /v1/pods HTTP/1.1\r\n");
          assertThat(explorer)
              .as(label)
              .contains(
                  "Impersonate-Group: "
                      + who.mine().replace("system:masters", "drover:cluster-owner")
                      + "\r\n")
              .doesNotContain("system:masters");
        }
      }
    }
    assertThat(mineApi.requests).isEmpty();
    assertThat(mineAgent.toSteve).isEmpty();
  }

  @Test
  void everyRouteIsForWhomItIsMeant() throws Exception {
    for (var who : everybody()) {
      for (var wanted : statuses(who).entrySet()) {
        var words = wanted.getKey().split(" ", 3);
        var answer = send(who.fields(), words[0], words[1], words.length < 3 ? "" : words[2]);
        assertThat(answer.statusCode())
            .as(who + " " + wanted.getKey() + " " + answer.body())
            .isEqualTo(who.isKnown() ? wanted.getValue() : 401);
      }
      if (who.isKnown()) {
        assertThat(listed(who, "/v3/clusters")).as(who.name()).isEqualTo(visible(who));
        assertThat(listed(who, "/v1/management.cattle.io.clusters"))
            .as(who.name())
            .isEqualTo(visible(who));
        assertThat(told(who)).as(who.name()).isEqualTo(visible(who));
      }
      if (!who.owns()) {
        assertThat(send(who.fields(), "DELETE", "/v3/clusters/" + mine.id(), "").statusCode())
            .as(who.name())
            .isIn(401, 403, 404);
      }
    }
    assertThat(server.get("/v3/clusters").path("data")).hasSize(2);
  }

  /** What is asked, its body behind it, and the answer for whoever is known. */
  private Map<String, Integer> statuses(Who who) {
    boolean isMember = !who.mine().isEmpty();
    boolean changes = who.isAdmin() && !who.isReadOnly();
    var cluster = "/v3/clusters/" + mine.id();
    var all = new LinkedHashMap<String, Integer>();
    all.put("GET " + cluster, isMember ? 200 : 404);
    all.put("GET " + cluster + "/report", 404); // there is none
    all.put("GET " + cluster + "/samples", isMember ? 200 : 404);
    all.put("GET " + cluster + "/timeline", isMember ? 200 : 404);
    all.put("POST " + cluster + "?action=generateKubeconfig", isMember ? 200 : 404);
    all.put("GET /v1/management.cattle.io.clusters/" + mine.id(), isMember ? 200 : 404);
    all.put("GET " + MEMBERS + "?clusterId=" + mine.id(), isMember ? 200 : 404);
    var member =
        json()
            .put("clusterId", mine.id())
            .put("userId", "u-none")
            .put("roleTemplateId", "read-only");
    // Whoever may is told that there is no such user.
    all.put("POST " + MEMBERS + " " + member, who.owns() ? 422 : isMember ? 403 : 404);
    all.put("POST /v3/clusters {}", changes ? 422 : 403);
    all.put("GET /v3/clusterregistrationtokens", changes ? 200 : 403);
    all.put("POST /v3/clusterregistrationtokens {\"clusterId\":\"c-zzzzz\"}", changes ? 404 : 403);
    all.put("GET /metrics", who.isAdmin() ? 200 : 403);
    all.put("GET /v3/users", who.isAdmin() && who.isPerson() ? 200 : 403);
    all.put("POST /v3/users {}", who.isAdmin() && who.isPerson() ? 422 : 403);
    all.put("DELETE /v3/users/u-none", who.isAdmin() && who.isPerson() ? 404 : 403);
    all.put("GET /v3/users?me=true", 200);
    all.put("GET /v3/tokens", who.isPerson() ? 200 : 403);
    all.put("POST /v3/tokens {\"ttl\":-1}", who.isPerson() ? 422 : 403);
    all.put("DELETE /v3/tokens/token-none", who.isPerson() ? 404 : 403);
    return all;
  }

  private List<String> visible(Who who) {
    var ids = new ArrayList<String>();
    if (!who.mine().isEmpty()) {
      ids.add(mine.id());
    }
    if (!who.others().isEmpty()) {
      ids.add(others.id());
    }
    return ids.stream().sorted().toList();
  }

  private List<String> listed(Who who, String path) throws Exception {
    var answer = send(who.fields(), "GET", path, "");
    return TestServer.JSON.readTree(answer.body()).path("data").findValuesAsText("id").stream()
        .sorted()
        .toList();
  }

  /** By the page's events. */
  private List<String> told(Who who) throws Exception {
    var request = HttpRequest.newBuilder(server.url.resolve("/v3/events"));
    who.fields().forEach(request::header);
    try (var lines =
        new BufferedReader(
            new InputStreamReader(
                http.send(request.build(), BodyHandlers.ofInputStream()).body(),
                StandardCharsets.UTF_8))) {
      var ids = new ArrayList<String>();
      for (var line = lines.readLine(); line != null; line = lines.readLine()) {
        var data =
            Optional.of(line)
                .filter(text -> text.startsWith("data: "))
                .map(text -> text.substring(6));
        if (data.isPresent()) {
          var event = TestServer.JSON.readTree(data.get());
          if (event.has("ids")) {
            assertThat(event.path("ids")).hasSameSizeAs(ids);
            return ids.stream().sorted().toList();
          }
          ids.add(event.path("id").asText());
        }
      }
      throw new AssertionError("ended before all were told");
    }
  }
}
