package io.drover.server;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Who may use the server, by its own HTTP API. */
@Timeout(120)
class ServerUsersTest {
  private static final String LOGIN = "/v3-public/localProviders/local?action=login";
  private static final String PASSWORD = "correct horse battery";

  @TempDir private Path directory;
  private TestServer server;
  private HttpClient http;

  @BeforeEach
  void start() throws Exception {
    server = TestServer.start(directory);
    http = HttpClient.newBuilder().sslContext(server.tls).build();
  }

  @AfterEach
  void stop() {
    http.shutdownNow();
    server.close();
  }

  private HttpResponse<String> send(
      String method, String path, String body, Map<String, String> fields) throws Exception {
    var request =
        HttpRequest.newBuilder(server.url.resolve(path))
            .method(
                method, body.isEmpty() ? BodyPublishers.noBody() : BodyPublishers.ofString(body));
    fields.forEach(request::header);
    return http.send(request.build(), BodyHandlers.ofString());
  }

  private HttpResponse<String> send(String method, String path, Map<String, String> fields)
      throws Exception {
    return send(method, path, "", fields); // a body that nobody reads costs the connection
  }

  private static JsonNode json(HttpResponse<String> answer) throws Exception {
    return TestServer.JSON.readTree(answer.body());
  }

  private static String credentials(String username, String password) {
    return TestServer.JSON
        .createObjectNode()
        .put("username", username)
        .put("password", password)
        .toString();
  }

  private static Map<String, String> bearer(String token) {
    return Map.of("Authorization", "Bearer " + token);
  }

  private String firstPassword() throws Exception {
    return Files.readString(directory.resolve("first-password")).strip();
  }

  /** The fields that a browser sends after signing in; the second is for what is no GET. */
  private record Browser(Map<String, String> cookie, Map<String, String> cookieAndCsrf) {}

  private Browser signIn(String username, String password) throws Exception {
    var answer = send("POST", LOGIN, credentials(username, password), Map.of());
    assertThat(answer.statusCode()).isEqualTo(200);
    var cookies = answer.headers().allValues("Set-Cookie");
    assertThat(cookies).hasSize(2).allMatch(text -> text.contains("Secure"));
    assertThat(cookies).allMatch(text -> text.contains("SameSite=Strict"));
    assertThat(cookies).allMatch(text -> text.contains("Path=/"));
    var session =
        cookies.stream().filter(text -> text.startsWith("R_SESS=")).findAny().orElseThrow();
    var csrf = cookies.stream().filter(text -> text.startsWith("CSRF=")).findAny().orElseThrow();
    assertThat(session).contains("HttpOnly");
    assertThat(csrf).doesNotContain("HttpOnly");
    var both = pair(session) + "; " + pair(csrf);
    return new Browser(
        Map.of("Cookie", both),
        Map.of("Cookie", both, "X-Api-Csrf", pair(csrf).substring("CSRF=".length())));
  }

  private static String pair(String setCookie) {
    return setCookie.substring(0, setCookie.indexOf(';'));
  }

  private String user(String username) throws Exception {
    var answer =
        send("POST", "/v3/users", credentials(username, PASSWORD), bearer(server.adminToken));
    assertThat(answer.statusCode()).isEqualTo(201);
    return json(answer).path("id").asText();
  }

  private String token(Browser browser, String body) throws Exception {
    var answer = send("POST", "/v3/tokens", body, browser.cookieAndCsrf());
    assertThat(answer.statusCode()).isEqualTo(201);
    return json(answer).path("token").asText();
  }

  private int status(String method, String path, Map<String, String> fields) throws Exception {
    return send(method, path, fields).statusCode();
  }

  @Test
  void firstPasswordIsForTheOwnerAndGoesWhenChanged() throws Exception {
    var file = directory.resolve("first-password");
    assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(file)))
        .isEqualTo("rw-------");
    var browser = signIn("admin", firstPassword());
    var body =
        TestServer.JSON
            .createObjectNode()
            .put("currentPassword", firstPassword())
            .put("newPassword", PASSWORD)
            .toString();

    assertThat(
            send("POST", "/v3/users?action=changepassword", body, browser.cookieAndCsrf())
                .statusCode())
        .isEqualTo(204);

    assertThat(file).doesNotExist();
    assertThat(status("GET", "/v3/users?me=true", browser.cookie())).isEqualTo(401);
    var _ = signIn("admin", PASSWORD);
  }

  @Test
  void whoSignsInIsKnownUntilHeSignsOut() throws Exception {
    assertThat(status("GET", "/v3/users?me=true", Map.of())).isEqualTo(401);
    var browser = signIn("admin", firstPassword());
    var me = json(send("GET", "/v3/users?me=true", browser.cookie())).path("data").path(0);
    assertThat(me.path("username").asText()).isEqualTo("admin");
    assertThat(me.path("id").asText()).startsWith("u-");

    assertThat(status("POST", "/v3/tokens?action=logout", browser.cookieAndCsrf())).isEqualTo(204);

    assertThat(status("GET", "/v3/users?me=true", browser.cookie())).isEqualTo(401);
  }

  @Test
  void anotherSitesPageChangesNothing() throws Exception {
    var browser = signIn("admin", firstPassword());
    var body = "{\"name\":\"one\"}";

    var refused = send("POST", "/v3/clusters", body, browser.cookie());
    assertThat(refused.statusCode()).isEqualTo(403);
    assertThat(refused.headers().firstValue("Connection"))
        .as("its body is not read")
        .contains("close");
    assertThat(send("POST", "/v3/clusters", body, browser.cookieAndCsrf()).statusCode())
        .isEqualTo(201);
  }

  @Test
  void guessingIsRefusedAfterAWhile() throws Exception {
    int status = 401;
    int attempts = 0;
    while (status == 401 && attempts < 50) {
      var answer = send("POST", LOGIN, credentials("admin", "wrong"), Map.of());
      status = answer.statusCode();
      if (status == 401) {
        assertThat(json(answer).path("message").asText()).isEqualTo("authentication failed");
        attempts++;
      } else {
        assertThat(json(answer).path("message").asText()).contains("try again in");
        assertThat(answer.headers().firstValue("Retry-After")).isPresent();
      }
    }
    assertThat(status).isEqualTo(429);
    assertThat(attempts).isEqualTo(10);
  }

  @Test
  void apiTokenIsShownOnceAndDoesNoMoreThanItMay() throws Exception {
    var cluster = server.create("one").id();
    var other = server.create("two").id();
    var browser = signIn("admin", firstPassword());
    var all = bearer(token(browser, "{}"));
    var reader = bearer(token(browser, "{\"readOnly\":true}"));
    var scoped = bearer(token(browser, "{\"clusterId\":\"" + cluster + "\"}"));

    assertThat(send("GET", "/v3/tokens", browser.cookie()).body()).doesNotContain("\"token\":");
    assertThat(status("GET", "/v3/clusters/" + other, all)).isEqualTo(200);
    assertThat(status("GET", "/v3/clusters/" + other, reader)).isEqualTo(200);
    assertThat(status("DELETE", "/v3/clusters/" + other, reader)).isEqualTo(403);
    assertThat(status("GET", "/v3/clusters/" + other, scoped)).isEqualTo(404);
    assertThat(status("GET", "/v3/clusters/" + cluster, scoped)).isEqualTo(200);
    assertThat(status("POST", "/v3/clusters", scoped)).isEqualTo(403);
    for (var token : List.of(all, reader, scoped)) {
      assertThat(status("POST", "/v3/tokens", token)).isEqualTo(403);
      assertThat(status("POST", "/v3/users", token)).isEqualTo(403);
    }
    for (var listed : json(send("GET", "/v3/tokens", browser.cookie())).path("data")) {
      assertThat(
              status("DELETE", "/v3/tokens/" + listed.path("id").asText(), browser.cookieAndCsrf()))
          .isEqualTo(204);
    }
    assertThat(status("GET", "/v3/clusters", all)).isEqualTo(401);
  }

  @Test
  void kubeconfigHasATokenOfItsUserForThatClusterOnly() throws Exception {
    var cluster = server.create("one").id();
    var other = server.create("two").id();
    var browser = signIn("admin", firstPassword());
    var path = "/v3/clusters/" + cluster + "?action=generateKubeconfig";

    var fields = bearer(kubeconfigToken(path, browser.cookieAndCsrf()));
    assertThat(status("GET", "/k8s/clusters/" + cluster + "/api", fields)).isEqualTo(503);
    assertThat(status("GET", "/k8s/clusters/" + other + "/api", fields)).isEqualTo(404);
    assertThat(status("GET", "/v3/users", fields)).isEqualTo(403);
  }

  private String kubeconfigToken(String path, Map<String, String> fields) throws Exception {
    var config = json(send("POST", path, fields)).path("config").asText();
    var token = config.lines().filter(line -> line.contains("token:")).findAny().orElseThrow();
    return token.substring(token.indexOf('"') + 1, token.lastIndexOf('"'));
  }

  @Test
  void revokedTokenTakesThoseThatItHasMadeWithIt() throws Exception {
    var path = "/v3/clusters/" + server.create("one").id() + "?action=generateKubeconfig";
    var browser = signIn("admin", firstPassword());
    var parent = token(browser, "{}");
    var child = kubeconfigToken(path, bearer(parent));
    var grandchild = kubeconfigToken(path, bearer(child));
    var other = kubeconfigToken(path, browser.cookieAndCsrf());
    assertThat(status("GET", "/v3/clusters", bearer(grandchild))).isEqualTo(200);

    var id = parent.substring(0, parent.indexOf(':'));
    assertThat(status("DELETE", "/v3/tokens/" + id, browser.cookieAndCsrf())).isEqualTo(204);

    for (var token : List.of(parent, child, grandchild)) {
      assertThat(status("GET", "/v3/clusters", bearer(token))).isEqualTo(401);
    }
    assertThat(status("GET", "/v3/clusters", bearer(other))).isEqualTo(200);
  }

  /** Every role, every path, every verb. */
  @Test
  void nobodyReachesAClusterHeIsNoMemberOf() throws Exception {
    var his = server.create("his").id();
    var other = server.create("other").id();
    for (var role : List.of("cluster-owner", "cluster-member", "read-only")) {
      var id = user(role);
      var body =
          TestServer.JSON
              .createObjectNode()
              .put("clusterId", his)
              .put("userId", id)
              .put("roleTemplateId", role)
              .toString();
      var made = send("POST", "/v3/clusterroletemplatebindings", body, bearer(server.adminToken));
      assertThat(made.statusCode()).isEqualTo(201);
      var browser = signIn(role, PASSWORD);
      var fields = browser.cookieAndCsrf();

      for (var method : List.of("GET", "POST", "PUT", "PATCH", "DELETE")) {
        for (var rest : List.of("", "/", "/api", "/api/v1/pods?watch=true", "/%2e%2e")) {
          assertThat(status(method, "/k8s/clusters/" + other + rest, fields)).isNotEqualTo(503);
        }
        assertThat(status(method, "/k8s/clusters/" + other + "/api", fields)).isEqualTo(404);
        assertThat(status(method, "/k8s/clusters/" + his + "/api", fields)).isEqualTo(503);
        for (var part :
            List.of(
                "", "/report", "/samples", "/timeline", "/tunnels", "?action=generateKubeconfig")) {
          assertThat(status(method, "/v3/clusters/" + other + part, fields)).isEqualTo(404);
        }
      }
      assertThat(status("GET", "/v1/management.cattle.io.clusters/" + other, fields))
          .isEqualTo(404);
      assertThat(json(send("GET", "/v3/clusters", fields)).path("data").findValuesAsText("name"))
          .containsExactly("his");
      assertThat(status("POST", "/v3/clusters", fields)).isEqualTo(403);
      assertThat(status("GET", "/v3/clusterregistrationtokens", fields)).isEqualTo(403);
      assertThat(status("GET", "/metrics", fields)).isEqualTo(403);
      assertThat(status("GET", "/v3/users", fields)).isEqualTo(403);
      assertThat(send("POST", "/v3/clusterroletemplatebindings", body, fields).statusCode())
          .isEqualTo(role.equals("cluster-owner") ? 201 : 403);

      var member = json(made).path("id").asText();
      assertThat(
              status(
                  "DELETE",
                  "/v3/clusterroletemplatebindings/" + member.replace(":", "%3A"),
                  bearer(server.adminToken)))
          .isEqualTo(200);
      assertThat(status("GET", "/k8s/clusters/" + his + "/api", fields)).isEqualTo(404);
    }
  }

  @Test
  void membersImpersonateNobody() throws Exception {
    var cluster = server.create("one").id();
    var id = user("ann");
    var body =
        "{\"clusterId\":\"%s\",\"userId\":\"%s\",\"roleTemplateId\":\"cluster-owner\"}"
            .formatted(cluster, id);
    var _ = send("POST", "/v3/clusterroletemplatebindings", body, bearer(server.adminToken));
    var ann = "Bearer " + token(signIn("ann", PASSWORD), "{}");

    for (var field : List.of("Impersonate-User", "Impersonate-Group", "impersonate-extra-x")) {
      var fields = Map.of("Authorization", ann, field, "system:masters");
      assertThat(status("GET", "/k8s/clusters/" + cluster + "/api", fields)).isEqualTo(403);
    }
  }
}
