package io.drover.server;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;

import io.drover.proto.handshake.ConnectParams;
import java.io.IOException;
import java.net.http.HttpClient;
import java.net.http.HttpHeaders;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What every answer tells a browser, over real sockets. */
@Timeout(120)
class StrictHeadersTest {
  private static final String LOGIN = "/v3-public/localProviders/local?action=login";

  private static final String PAGE =
      String.join(
          "\r\n",
          List.of(
              "HTTP/1.1 200 OK",
              "Content-Type: text/html",
              "Content-Security-Policy: script-src *",
              "Cache-Control: public",
              "X-Content-Type-Options: sniff",
              "X-Request-Id: its",
              "Referrer-Policy: unsafe-url",
              "ETag: \"1\"",
              "Content-Length: 2",
              "",
              "{}"));

  @TempDir private Path directory;
  private TestServer server;
  private TestServer.NewCluster cluster;
  private FakeApiServer api;
  private DiallingAgent agent;
  private HttpClient http;

  @BeforeEach
  void start() throws Exception {
    server = TestServer.start(directory.resolve("server"));
    cluster = server.create("one");
    Files.createDirectory(directory.resolve("api"));
    api = FakeApiServer.start(directory.resolve("api"), StrictHeadersTest::answer);
    agent =
        DiallingAgent.start(
            server, cluster, new ConnectParams(api.address(), "sa-token", api.caPem));
    http =
        HttpClient.newBuilder().sslContext(server.tls).version(HttpClient.Version.HTTP_1_1).build();
  }

  /** A cluster that wants to be a page of ours. */
  private static void answer(FakeApiServer.Request request) throws IOException {
    request.write(PAGE);
  }

  @AfterEach
  void stop() throws Exception {
    http.shutdownNow();
    agent.close();
    api.close();
    server.close();
  }

  private HttpResponse<String> send(String method, String path, String body, String... fields)
      throws Exception {
    return server.send(http, method, path, body, fields);
  }

  private static void assertStrict(String path, HttpHeaders fields) {
    assertThat(fields.allValues("Strict-Transport-Security"))
        .as(path)
        .containsExactly("max-age=31536000");
    assertThat(fields.allValues("X-Content-Type-Options")).as(path).containsExactly("nosniff");
    assertThat(fields.allValues("X-Frame-Options")).as(path).containsExactly("DENY");
    assertThat(fields.allValues("Referrer-Policy")).as(path).containsExactly("no-referrer");
    for (var name : List.of("Opener", "Resource")) {
      assertThat(fields.allValues("Cross-Origin-" + name + "-Policy"))
          .as(path)
          .containsExactly("same-origin");
    }
    assertThat(fields.allValues("Cross-Origin-Embedder-Policy"))
        .as(path)
        .containsExactly("require-corp");
    assertThat(fields.allValues("Content-Security-Policy")).as(path).hasSize(1);
    assertThat(fields.firstValue("Content-Security-Policy").orElseThrow())
        .as(path)
        .contains("default-src 'none'", "frame-ancestors 'none'");
    assertThat(fields.allValues("X-Request-Id"))
        .as(path)
        .singleElement()
        .asString()
        .matches("[a-z0-9]{16}");
  }

  private String cookie() throws Exception {
    var body =
        TestServer.JSON
            .createObjectNode()
            .put("username", "admin")
            .put(
                "password",
                Files.readString(server.directory.resolve(Server.FIRST_PASSWORD_FILE)).strip());
    var answer = send("POST", LOGIN, body.toString());
    assertStrict(LOGIN, answer.headers());
    assertThat(answer.headers().allValues("Cache-Control")).containsExactly("no-store");
    return answer.headers().allValues("Set-Cookie").stream()
        .map(cookie -> cookie.substring(0, cookie.indexOf(';')))
        .collect(Collectors.joining("; "));
  }

  @Test
  void answersOfTheApiAreStrictAndKeptByNobody() throws Exception {
    var admin = "Bearer " + server.adminToken;
    for (var path :
        List.of(
            "/",
            "/ping",
            "/metrics",
            "/v3/settings/cacerts",
            "/v3/clusters",
            "/v3/clusters/" + cluster.id(),
            "/v3/clusters/c-zzzzz",
            "/v3/users",
            "/v3/connect",
            "/v3/reports",
            "/v3/import/" + cluster.token() + "_" + cluster.id() + ".yaml",
            "/k8s/clusters/c-zzzzz/api",
            "/nothing")) {
      for (var shown : List.of(admin, "Bearer wrong")) {
        for (var method : List.of("GET", "PUT")) {
          var answer = send(method, path, "", "Authorization", shown);
          assertStrict(method + " " + path, answer.headers());
          assertThat(answer.headers().allValues("Cache-Control"))
              .as(path)
              .containsExactly("no-store");
        }
      }
    }
  }

  @Test
  void filesOfThePageAreStrictToo() throws Exception {
    for (var path : List.of("/", "/page/main.js", "/page/none.js")) {
      assertStrict(path, send("GET", path, "", "Accept", "text/html").headers());
    }
    assertThat(send("GET", "/page/main.js", "").headers().allValues("Cache-Control"))
        .containsExactly("no-cache");
  }

  @Test
  void whatAClusterSaysOfThatIsNotPassedOn() throws Exception {
    var path = "/k8s/clusters/" + cluster.id() + "/api/v1/x";

    var toProgram = send("GET", path, "", "Authorization", "Bearer " + server.adminToken);
    var toBrowser = send("GET", path, "", "Cookie", cookie());

    for (var answer : List.of(toProgram, toBrowser)) {
      assertThat(answer.statusCode()).isEqualTo(200);
      assertStrict(path, answer.headers());
      assertThat(answer.headers().firstValue("Content-Security-Policy").orElseThrow())
          .startsWith("sandbox");
      assertThat(answer.headers().firstValue("ETag")).contains("\"1\"");
    }
    assertThat(toProgram.headers().allValues("Cache-Control")).containsExactly("public");
    assertThat(toBrowser.headers().allValues("Cache-Control")).containsExactly("no-store");
  }

  @Test
  void anAbsentClustersAnswerIsStrict() throws Exception {
    agent.close();
    api.close();
    var path = "/k8s/clusters/" + cluster.id() + "/api/v1/x";

    var answer = send("GET", path, "", "Authorization", "Bearer " + server.adminToken);

    assertThat(answer.statusCode()).isEqualTo(503);
    assertStrict(path, answer.headers());
    assertThat(answer.headers().allValues("Cache-Control")).containsExactly("no-store");
  }

  /** A websocket comes with the cookie, whichever site's page opens it, and can show no field. */
  @Test
  void websocketNeedsOurOwnOrigin() throws Exception {
    var cookie = cookie();
    var host = server.url.getAuthority();
    for (var origin :
        List.of(
            "",
            "Origin: https://evil.test\r\n",
            "Origin: null\r\n",
            "Origin: http://" + host + "\r\n",
            "Origin: https://" + host + ".evil.test\r\n",
            "Origin: https://evil.test\r\nX-Api-Csrf: any\r\n")) {
      assertThat(upgrade(host, cookie, origin)).as(origin).startsWith("HTTP/1.1 403");
    }
    assertThat(api.requests).isEmpty();

    assertThat(upgrade(host, cookie, "Origin: https://" + host + "\r\n"))
        .startsWith("HTTP/1.1 200");
    assertThat(api.requests.take().target()).isEqualTo("/api/v1/exec");
  }

  private String upgrade(String host, String cookie, String fields) throws Exception {
    var head =
        "GET /k8s/clusters/%s/api/v1/exec HTTP/1.1\r\nHost: %s\r\nCookie: %s\r\n"
            .formatted(cluster.id(), host, cookie);
    var end = "Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
    try (var socket =
        server.tls.getSocketFactory().createSocket(server.url.getHost(), server.url.getPort())) {
      socket.getOutputStream().write((head + fields + end).getBytes(US_ASCII));
      return FakeApiServer.line(socket.getInputStream());
    }
  }
}
