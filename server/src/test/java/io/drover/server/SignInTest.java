package io.drover.server;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

@Timeout(60)
class SignInTest {
  private static final String LOGIN = "/v3-public/localProviders/local?action=login";

  @TempDir private Path directory;
  private TestServer server;
  private HttpClient http;
  private String password;

  @BeforeEach
  void start() throws Exception {
    server = TestServer.start(directory);
    http = HttpClient.newBuilder().sslContext(server.tls).build();
    password = Files.readString(directory.resolve(Server.FIRST_PASSWORD_FILE)).strip();
  }

  @AfterEach
  void stop() {
    http.shutdownNow();
    server.close();
  }

  private HttpResponse<String> send(String method, String path, String body, String... fields)
      throws Exception {
    var request =
        HttpRequest.newBuilder(server.url.resolve(path))
            .method(method, BodyPublishers.ofString(body));
    if (fields.length > 0) {
      request.headers(fields);
    }
    return http.send(request.build(), BodyHandlers.ofString());
  }

  private HttpResponse<String> signIn(String username, String shown) throws Exception {
    ObjectNode body = TestServer.JSON.createObjectNode();
    return send("POST", LOGIN, body.put("username", username).put("password", shown).toString());
  }

  private Map<String, String> signedIn() throws Exception {
    var reply = signIn("admin", password);
    assertThat(reply.statusCode()).isEqualTo(200);
    return cookies(reply);
  }

  private static Map<String, String> cookies(HttpResponse<?> reply) {
    return reply.headers().allValues("Set-Cookie").stream()
        .map(cookie -> cookie.substring(0, cookie.indexOf(';')).split("=", 2))
        .collect(Collectors.toMap(pair -> pair[0], pair -> pair[1]));
  }

  private static String session(Map<String, String> cookies) {
    return "R_SESS=" + cookies.get("R_SESS") + "; CSRF=" + cookies.get("CSRF");
  }

  @Test
  void passwordOpensASession() throws Exception {
    var reply = signIn("admin", password);

    assertThat(TestServer.JSON.readTree(reply.body()).path("username").asText()).isEqualTo("admin");
    assertThat(reply.headers().allValues("Set-Cookie"))
        .allSatisfy(cookie -> assertThat(cookie).contains("Path=/", "Secure", "SameSite=Strict"))
        .anySatisfy(cookie -> assertThat(cookie).startsWith("R_SESS=").contains("HttpOnly"))
        .anySatisfy(cookie -> assertThat(cookie).startsWith("CSRF=").doesNotContain("HttpOnly"));
    var me = send("GET", "/v3/users?me=true", "", "Cookie", session(cookies(reply)));
    assertThat(TestServer.JSON.readTree(me.body()).at("/data/0/username").asText())
        .isEqualTo("admin");
    assertThat(send("GET", "/v3/users?me=true", "").statusCode()).isEqualTo(401);
  }

  @Test
  void wrongOnesAreRefusedAlike() throws Exception {
    var wrong = signIn("admin", "wrong");
    var nobody = signIn("nobody", password);

    assertThat(wrong.statusCode()).isEqualTo(401);
    assertThat(nobody.body()).isEqualTo(wrong.body()).contains("authentication failed");
    assertThat(wrong.headers().allValues("Set-Cookie")).isEmpty();
    assertThat(send("GET", LOGIN, "").statusCode()).isEqualTo(405);
    assertThat(send("POST", LOGIN.replace("login", "x"), "{}").statusCode()).isEqualTo(404);
  }

  @Test
  void guessingHasALimit() throws Exception {
    for (int i = 0; i < 10; i++) {
      assertThat(signIn("admin", "guess-" + i).statusCode()).isEqualTo(401);
    }

    var refused = signIn("admin", password);
    assertThat(refused.statusCode()).isEqualTo(429);
    assertThat(refused.body()).contains("too many attempts: try again in ");
    assertThat(refused.headers().firstValueAsLong("Retry-After").orElseThrow()).isBetween(1L, 300L);
  }

  @Test
  void changesNeedWhatOnlyOurPageCanRead() throws Exception {
    var cookies = signedIn();
    var body = "{\"name\":\"one\"}";

    for (var fields :
        List.of(
            new String[] {"Cookie", session(cookies)},
            new String[] {"Cookie", session(cookies), "X-Api-Csrf", "other"})) {
      var refused = send("POST", "/v3/clusters", body, fields);
      assertThat(refused.statusCode()).isEqualTo(403);
      assertThat(refused.body()).contains("X-Api-Csrf");
    }
    assertThat(send("POST", "/v3/clusters", body, csrf(cookies)).statusCode()).isEqualTo(201);
    assertThat(send("GET", "/v3/clusters", "", "Cookie", session(cookies)).statusCode())
        .isEqualTo(200);
    var forwarded =
        send("DELETE", "/k8s/clusters/c-nosuch/api/v1/x", "", "Cookie", session(cookies));
    assertThat(forwarded.statusCode()).isEqualTo(403);
  }

  private static String[] csrf(Map<String, String> cookies) {
    return new String[] {"Cookie", session(cookies), "X-Api-Csrf", cookies.get("CSRF")};
  }

  @Test
  void wrongTokenIsNotMadeGoodByACookie() throws Exception {
    var reply =
        send(
            "GET",
            "/v3/clusters",
            "",
            "Cookie",
            session(signedIn()),
            "Authorization",
            "Bearer wrong");

    assertThat(reply.statusCode()).isEqualTo(401);
  }

  @Test
  void whoSignsOutIsOut() throws Exception {
    var cookies = signedIn();

    var reply = send("POST", "/v3/tokens?action=logout", "", csrf(cookies));

    assertThat(reply.statusCode()).isEqualTo(204);
    assertThat(reply.headers().allValues("Set-Cookie"))
        .hasSize(2)
        .allSatisfy(cookie -> assertThat(cookie).contains("Expires=Thu, 01 Jan 1970"));
    assertThat(send("GET", "/v3/clusters", "", "Cookie", session(cookies)).statusCode())
        .isEqualTo(401);
  }

  @Test
  void signingInEndsTheSessionBeforeIt() throws Exception {
    var before = session(signedIn());
    ObjectNode body = TestServer.JSON.createObjectNode();
    body.put("username", "admin").put("password", password);

    var again = send("POST", LOGIN, body.toString(), "Cookie", before);

    assertThat(again.statusCode()).isEqualTo(200);
    assertThat(send("GET", "/v3/clusters", "", "Cookie", before).statusCode()).isEqualTo(401);
  }

  @Test
  void changedPasswordTakesTheFirstOneAway() throws Exception {
    var cookies = signedIn();
    ObjectNode body = TestServer.JSON.createObjectNode();
    body.put("currentPassword", password).put("newPassword", "a new password");

    var reply = send("POST", "/v3/users?action=changepassword", body.toString(), csrf(cookies));

    assertThat(reply.statusCode()).isEqualTo(204);
    assertThat(directory.resolve(Server.FIRST_PASSWORD_FILE)).doesNotExist();
    assertThat(signIn("admin", password).statusCode()).isEqualTo(401);
    assertThat(signIn("admin", "a new password").statusCode()).isEqualTo(200);
    body.put("newPassword", "short");
    assertThat(
            send(
                    "POST",
                    "/v3/users?action=changepassword",
                    body.toString(),
                    csrf(cookies(signIn("admin", "a new password"))))
                .statusCode())
        .isEqualTo(422);
  }

  @Test
  void pagesHearOfClusters() throws Exception {
    var request =
        HttpRequest.newBuilder(server.url.resolve("/v3/events"))
            .header("Cookie", session(signedIn()));
    var one = server.create("one");
    var reply = http.send(request.build(), BodyHandlers.ofInputStream());
    assertThat(reply.headers().firstValue("Content-Type")).contains("text/event-stream");
    try (var lines =
        new BufferedReader(new InputStreamReader(reply.body(), StandardCharsets.UTF_8))) {
      assertThat(event(lines)).isEqualTo("cluster " + one.id());
      assertThat(event(lines)).isEqualTo("whole ");
      var two = server.create("two");
      assertThat(event(lines)).isEqualTo("cluster " + two.id());
      delete(one.id());
      assertThat(event(lines)).isEqualTo("removed " + one.id());
    }
    assertThat(send("GET", "/v3/events", "").statusCode()).isEqualTo(401);
  }

  /** How somebody loses what he has come with. */
  enum Loss {
    USER,
    SESSION,
    TOKEN
  }

  @ParameterizedTest
  @EnumSource
  void pageOfWhoIsNobodyAnyMoreHearsOfNothing(Loss loss) throws Exception {
    var other = TestServer.JSON.createObjectNode().put("username", "other").put("admin", true);
    var user = asAdmin("POST", "/v3/users", other.put("password", "a long password").toString());
    assertThat(user.statusCode()).isEqualTo(201);
    var cookies = cookies(signIn("other", "a long password"));
    var token = TestServer.JSON.readTree(send("POST", "/v3/tokens", "{}", csrf(cookies)).body());
    var request = HttpRequest.newBuilder(server.url.resolve("/v3/events"));
    if (loss == Loss.TOKEN) {
      request.header("Authorization", "Bearer " + token.path("token").asText());
    } else {
      request.header("Cookie", session(cookies));
    }
    var reply = http.send(request.build(), BodyHandlers.ofInputStream());
    try (var lines =
        new BufferedReader(new InputStreamReader(reply.body(), StandardCharsets.UTF_8))) {
      assertThat(event(lines)).isEqualTo("whole ");
      assertThat(lines.readLine()).isEmpty();

      var lost =
          switch (loss) {
            case USER ->
                asAdmin(
                    "DELETE",
                    "/v3/users/" + TestServer.JSON.readTree(user.body()).path("id").asText(),
                    "");
            case SESSION -> send("POST", "/v3/tokens?action=logout", "", csrf(cookies));
            case TOKEN ->
                send("DELETE", "/v3/tokens/" + token.path("id").asText(), "", csrf(cookies));
          };
      assertThat(lost.statusCode()).isBetween(200, 204);
      var _ = server.create("one");

      assertThat(lines.readLine()).isNull();
    }
  }

  private HttpResponse<String> asAdmin(String method, String path, String body) throws Exception {
    return send(method, path, body, "Authorization", "Bearer " + server.adminToken);
  }

  private void delete(String id) throws Exception {
    assertThat(asAdmin("DELETE", "/v3/clusters/" + id, "").statusCode()).isEqualTo(200);
  }

  /** The next one's name, and the id in it. */
  private static String event(BufferedReader lines) throws Exception {
    var all = new ArrayList<String>();
    for (var line = lines.readLine(); ; line = lines.readLine()) {
      if (line == null) {
        throw new AssertionError("ended behind " + all);
      } else if (line.startsWith("data: ")) {
        var data = TestServer.JSON.readTree(line.substring("data: ".length()));
        return all.getLast() + " " + data.path("id").asText();
      } else if (line.startsWith("event: ")) {
        all.add(line.substring("event: ".length()));
      }
    }
  }
}
