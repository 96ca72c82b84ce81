package io.drover.server;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import io.drover.proto.handshake.ConnectParams;
import io.drover.server.account.AuditLog;
import java.io.IOException;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What the server's audit log says of requests, over real sockets. */
@Timeout(120)
class AuditTrailTest {
  private static final String LOGIN = "/v3-public/localProviders/local?action=login";
  private static final String PASSWORD = "correct horse battery";

  @TempDir private Path directory;
  private TestServer server;
  private HttpClient http;

  @BeforeEach
  void start() throws Exception {
    server = TestServer.start(directory.resolve("server"));
    http = HttpClient.newBuilder().sslContext(server.tls).build();
  }

  @AfterEach
  void stop() {
    http.shutdownNow();
    server.close();
  }

  private HttpResponse<String> send(String method, String path, String body, String... fields)
      throws Exception {
    return server.send(http, method, path, body, fields);
  }

  private String[] admin() {
    return new String[] {"Authorization", "Bearer " + server.adminToken};
  }

  private String text() throws IOException {
    var file = server.directory.resolve(AuditLog.FILE);
    return Files.exists(file) ? Files.readString(file) : "";
  }

  private List<JsonNode> lines() throws IOException {
    var lines = new ArrayList<JsonNode>();
    for (var line : text().lines().toList()) {
      lines.add(TestServer.JSON.readTree(line));
    }
    return lines;
  }

  private JsonNode last() throws IOException {
    return lines().getLast();
  }

  private static String credentials(String username, String password) {
    return TestServer.JSON
        .createObjectNode()
        .put("username", username)
        .put("password", password)
        .toString();
  }

  @Test
  void signingInIsThereWhetherItSucceedsOrNot() throws Exception {
    var _ = send("POST", "/v3/users", credentials("ann", PASSWORD), admin());

    var _ = send("POST", LOGIN, credentials("ann", "her-other-secret"));
    assertThat(last().path("status").asInt()).isEqualTo(401);
    assertThat(last().path("action").asText()).isEqualTo("login");
    assertThat(last().has("user")).isFalse();
    assertThat(last().path("address").asText()).isEqualTo("127.0.0.1");

    var in = send("POST", LOGIN, credentials("ann", PASSWORD));
    assertThat(last().path("status").asInt()).isEqualTo(200);
    assertThat(last().path("user").asText()).isEqualTo("ann");
    assertThat(last().path("by").asText()).isEqualTo("session");
    assertThat(last().path("requestId").asText())
        .isEqualTo(in.headers().firstValue("X-Request-Id").orElseThrow());
    for (var cookie : in.headers().allValues("Set-Cookie")) {
      var secret = cookie.substring(cookie.indexOf('=') + 1, cookie.indexOf(';'));
      assertThat(text()).doesNotContain(secret);
    }
    assertThat(text()).doesNotContain(PASSWORD, "her-other-secret", server.adminToken);
  }

  @Test
  void changesAreThereAndLooksAreNot() throws Exception {
    var cluster = server.create("one");
    assertThat(lines())
        .extracting(line -> line.path("method").asText() + " " + line.path("path").asText())
        .containsExactly("POST /v3/clusters", "POST /v3/clusterregistrationtokens");
    assertThat(last().path("by").asText()).isEqualTo("admin-token");
    assertThat(last().path("user").asText()).isEqualTo("admin");
    assertThat(last().path("cluster").asText()).isEqualTo(cluster.id());

    var manifest = "/v3/import/" + cluster.token() + "_" + cluster.id() + ".yaml";
    assertThat(send("GET", manifest, "").statusCode()).isEqualTo(200);
    assertThat(send("GET", "/v3/clusters", "", admin()).statusCode()).isEqualTo(200);
    assertThat(lines()).hasSize(2);

    var _ = send("DELETE", "/v3/clusters/" + cluster.id() + "?secret=1", "", admin());
    assertThat(last().path("path").asText()).isEqualTo("/v3/clusters/" + cluster.id());
    assertThat(last().path("cluster").asText()).isEqualTo(cluster.id());
    assertThat(text()).doesNotContain(cluster.token(), "secret=1");
  }

  @Test
  void refusalsAreThere() throws Exception {
    var cluster = server.create("one");
    int before = lines().size();

    assertThat(send("GET", "/v3/clusters", "").statusCode()).isEqualTo(401);
    assertThat(last().path("status").asInt()).isEqualTo(401);
    assertThat(send("GET", "/v3/clusters/c-zzzzz", "", admin()).statusCode()).isEqualTo(404);
    assertThat(last().path("cluster").asText()).isEqualTo("c-zzzzz");
    var wrong = "/v3/import/" + cluster.token() + "_c-zzzzz.yaml";
    assertThat(send("GET", wrong, "").statusCode()).isEqualTo(400);
    assertThat(last().path("path").asText()).isEqualTo("/v3/import/{token}_c-zzzzz.yaml");
    assertThat(send("GET", "/v3/connect", "").statusCode()).isEqualTo(401);
    assertThat(last().path("path").asText()).isEqualTo("/v3/connect");

    assertThat(lines()).hasSize(before + 4);
    assertThat(text()).doesNotContain(cluster.token());
  }

  @Test
  void requestsIntoAClusterAreThereWhenTheirAnswersBegin() throws Exception {
    var cluster = server.create("one");
    var end = new CountDownLatch(1);
    Files.createDirectory(directory.resolve("api"));
    try (var api =
            FakeApiServer.start(
                directory.resolve("api"),
                request -> {
                  if (request.target().contains("watch=1")) {
                    request.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
                    await(end);
                    request.write("0\r\n\r\n");
                  } else if (request.target().contains("/exec")) {
                    request.write(
                        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: "
                            + request.field("upgrade")
                            + "\r\n\r\n");
                    await(end);
                  } else {
                    request.answer(200, "{}");
                  }
                });
        var _ =
            DiallingAgent.start(
                server, cluster, new ConnectParams(api.address(), "sa-token", api.caPem))) {
      var root = "/k8s/clusters/" + cluster.id();
      var _ = send("GET", root + "/api/v1/pods?fieldSelector=private", "", admin());
      assertThat(last().path("path").asText()).isEqualTo(root + "/api/v1/pods");
      assertThat(last().path("cluster").asText()).isEqualTo(cluster.id());
      assertThat(last().path("status").asInt()).isEqualTo(200);

      var watch =
          HttpRequest.newBuilder(server.url.resolve(root + "/api/v1/pods?watch=1"))
              .headers(admin())
              .build();
      int before = lines().size();
      try (var _ = http.send(watch, BodyHandlers.ofInputStream()).body()) {
        assertThat(lines()).hasSize(before + 1);

        try (var socket =
            server
                .tls
                .getSocketFactory()
                .createSocket(server.url.getHost(), server.url.getPort())) {
          var head =
              String.join(
                  "\r\n",
                  "GET " + root + "/api/v1/namespaces/a/pods/b/exec?command=sh HTTP/1.1",
                  "Host: x",
                  "Authorization: Bearer " + server.adminToken,
                  "Connection: Upgrade",
                  "Upgrade: websocket",
                  "",
                  "");
          socket.getOutputStream().write(head.getBytes(US_ASCII));
          assertThat(FakeApiServer.line(socket.getInputStream())).startsWith("HTTP/1.1 101");
          assertThat(last().path("path").asText()).endsWith("/exec");
          assertThat(last().path("status").asInt()).isEqualTo(101);
          end.countDown();
        }
      }
      assertThat(lines()).hasSize(before + 2);
    }
    assertThat(text()).doesNotContain("private", "command", "sa-token");
  }

  private static void await(CountDownLatch latch) throws IOException {
    try {
      latch.await();
    } catch (InterruptedException e) {
      throw new IOException(e);
    }
  }
}
