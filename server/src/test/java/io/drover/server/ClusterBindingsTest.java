package io.drover.server;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.drover.proto.handshake.ConnectParams;
import java.io.IOException;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** How groups of members get their roles in a cluster, over real sockets. */
@Timeout(120)
class ClusterBindingsTest {
  private static final String BINDINGS = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings";
  private static final String FORBIDDEN = "{\"kind\":\"Status\",\"message\":\"%s\",\"code\":403}";

  @TempDir private Path directory;
  private final AtomicReference<Instant> now = new AtomicReference<>(Instant.now());
  private final BlockingQueue<String> asked = new LinkedBlockingQueue<>();
  private final CountDownLatch end = new CountDownLatch(1);
  private volatile int status = 200;
  private TestServer server;
  private TestServer.NewCluster cluster;
  private FakeApiServer api;
  private DiallingAgent agent;
  private HttpClient http;

  @BeforeEach
  void start() throws Exception {
    server = TestServer.start(directory.resolve("server"), now::get);
    cluster = server.create("one");
    Files.createDirectory(directory.resolve("api"));
    api =
        FakeApiServer.start(
            directory.resolve("api"),
            request ->
                request.answer(status, status == 403 ? FORBIDDEN.formatted("may not") : "{}"));
    api.ofTheServer = request -> note(request, api::fact);
    agent = connect();
    http =
        HttpClient.newBuilder().sslContext(server.tls).version(HttpClient.Version.HTTP_1_1).build();
  }

  @AfterEach
  void stop() throws Exception {
    end.countDown();
    http.shutdownNow();
    agent.close();
    api.close();
    server.close();
  }

  private DiallingAgent connect() throws IOException {
    return DiallingAgent.start(
        server, cluster, new ConnectParams(api.address(), "sa-token", api.caPem));
  }

  private void note(FakeApiServer.Request request, FakeApiServer.Answerer then) throws IOException {
    if (request.target().startsWith(BINDINGS)) {
      assertThat(request.field("authorization")).isEqualTo("Bearer sa-token");
      asked.add(request.method() + " " + request.target().substring(BINDINGS.length()));
      then.answer(request);
    } else {
      api.fact(request);
    }
  }

  /** The body is read, so that the connection is not reset under the answer. */
  private static void refuse(FakeApiServer.Request request, String message) throws IOException {
    var length = request.field("content-length");
    if (!length.isEmpty()) {
      request.body().readNBytes(Integer.parseInt(length));
    }
    request.answer(403, FORBIDDEN.formatted(message));
  }

  private static ObjectNode json() {
    return TestServer.JSON.createObjectNode();
  }

  /** A token of a new member. */
  private String member(String role) throws Exception {
    var password = "correct horse battery";
    var id =
        server
            .post("/v3/users", json().put("username", role).put("password", password))
            .path("id")
            .asText();
    var _ =
        server.post(
            "/v3/clusterroletemplatebindings",
            json().put("clusterId", cluster.id()).put("userId", id).put("roleTemplateId", role));
    var login =
        http.send(
            HttpRequest.newBuilder(
                    server.url.resolve("/v3-public/localProviders/local?action=login"))
                .POST(
                    BodyPublishers.ofString(
                        json().put("username", role).put("password", password).toString()))
                .build(),
            BodyHandlers.ofString());
    var cookies =
        login.headers().allValues("Set-Cookie").stream()
            .map(cookie -> cookie.substring(0, cookie.indexOf(';')))
            .toList();
    var csrf =
        cookies.stream().filter(cookie -> cookie.startsWith("CSRF=")).findAny().orElseThrow();
    var token =
        http.send(
            HttpRequest.newBuilder(server.url.resolve("/v3/tokens"))
                .header("Cookie", String.join("; ", cookies))
                .header("X-Api-Csrf", csrf.substring("CSRF=".length()))
                .POST(BodyPublishers.ofString("{}"))
                .build(),
            BodyHandlers.ofString());
    return TestServer.JSON.readTree(token.body()).path("token").asText();
  }

  private HttpRequest request(String token, String path) {
    return HttpRequest.newBuilder(server.url.resolve("/k8s/clusters/" + cluster.id() + path))
        .header("Authorization", "Bearer " + token)
        .build();
  }

  private HttpResponse<String> get(String token, String path) throws Exception {
    return http.send(request(token, path), BodyHandlers.ofString());
  }

  private List<String> drained() {
    var all = new ArrayList<String>();
    asked.drainTo(all);
    return all;
  }

  @Test
  void aRolesGroupIsBoundBeforeItsFirstRequestOncePerSession() throws Exception {
    var token = member("cluster-member");

    for (int i = 0; i < 3; i++) {
      assertThat(get(token, "/api/v1/pods").statusCode()).isEqualTo(200);
    }

    assertThat(drained()).containsExactly("GET /drover-cluster-member", "POST ");
    var made = TestServer.JSON.readTree(api.made.take());
    assertThat(made.at("/metadata/name").asText()).isEqualTo("drover-cluster-member");
    assertThat(made.at("/metadata/labels/app.kubernetes.io~1managed-by").asText())
        .isEqualTo("drover-server");
    assertThat(made.at("/roleRef/name").asText()).isEqualTo("edit");
    assertThat(made.at("/subjects/0/kind").asText()).isEqualTo("Group");
    assertThat(made.at("/subjects/0/name").asText()).isEqualTo("drover:cluster-member");

    agent.close();
    TestServer.eventually("away", () -> statusOf(token) == 503);
    agent = connect();
    TestServer.eventually("back", () -> statusOf(token) == 200);
    assertThat(drained()).containsExactly("GET /drover-cluster-member");
    assertThat(api.made).isEmpty();
  }

  private int statusOf(String token) {
    try {
      return get(token, "/api/v1/pods").statusCode();
    } catch (Exception e) {
      throw new AssertionError(e);
    }
  }

  @Test
  void everyRoleHasItsOwn() throws Exception {
    for (var role : List.of("cluster-owner", "cluster-member", "read-only")) {
      assertThat(get(member(role), "/api/v1/pods").statusCode()).isEqualTo(200);
    }
    assertThat(get(server.adminToken, "/api/v1/pods").statusCode()).isEqualTo(200);

    assertThat(api.made)
        .extracting(made -> TestServer.JSON.readTree(made).at("/roleRef/name").asText())
        .containsExactly("cluster-admin", "edit", "view");
  }

  @Test
  void anAdministratorNeedsItOnlyForTheExplorer() throws Exception {
    assertThat(get(server.adminToken, "/api/v1/pods").statusCode()).isEqualTo(200);
    assertThat(drained()).isEmpty();

    assertThat(get(server.adminToken, "/v1/pods").statusCode()).isEqualTo(200);
    assertThat(drained()).containsExactly("GET /drover-cluster-owner", "POST ");
  }

  @Test
  void manyAtOnceMakeOne() throws Exception {
    var token = member("read-only");

    var answers = new ArrayList<CompletableFuture<HttpResponse<String>>>();
    for (int i = 0; i < 16; i++) {
      answers.add(http.sendAsync(request(token, "/api/v1/pods"), BodyHandlers.ofString()));
    }

    for (var answer : answers) {
      assertThat(answer.get(30, TimeUnit.SECONDS).statusCode()).isEqualTo(200);
    }
    assertThat(drained()).containsExactly("GET /drover-read-only", "POST ");
  }

  @Test
  void anOperatorsOwnIsLeftAlone() throws Exception {
    api.facts.put(
        BINDINGS + "/drover-cluster-member",
        "{\"roleRef\":{\"kind\":\"ClusterRole\",\"name\":\"theirs\"},"
            + "\"subjects\":[{\"kind\":\"Group\",\"name\":\"drover:cluster-member\"}]}");
    status = 403;

    var answer = get(member("cluster-member"), "/api/v1/pods");

    assertThat(answer.body()).isEqualTo(FORBIDDEN.formatted("may not"));
    assertThat(drained()).containsExactly("GET /drover-cluster-member");
  }

  @Test
  void aNameThatIsTakenIsToldWithTheClustersRefusal() throws Exception {
    api.facts.put(
        BINDINGS + "/drover-cluster-member",
        "{\"roleRef\":{\"kind\":\"ClusterRole\",\"name\":\"edit\"},"
            + "\"subjects\":[{\"kind\":\"Group\",\"name\":\"others\"}]}");
    var token = member("cluster-member");
    assertThat(get(token, "/api/v1/pods").body()).isEqualTo("{}"); // maybe bound by another name

    status = 403;
    var answer = get(token, "/api/v1/pods");

    assertThat(answer.statusCode()).isEqualTo(403);
    assertThat(TestServer.JSON.readTree(answer.body()).path("message").asText())
        .isEqualTo(
            "may not; ClusterRoleBinding drover-cluster-member is there already, but not for group"
                + " drover:cluster-member; bind that to ClusterRole edit");
    assertThat(drained()).containsExactly("GET /drover-cluster-member");
  }

  @Test
  void aMissingRightIsToldWithTheClustersRefusalAndTriedAgain() throws Exception {
    api.ofTheServer = request -> note(request, asking -> refuse(asking, "cannot bind"));
    var token = member("read-only");
    status = 403;

    for (int i = 0; i < 2; i++) {
      var answer = get(token, "/api/v1/pods");
      assertThat(answer.statusCode()).isEqualTo(403);
      var said = TestServer.JSON.readTree(answer.body());
      assertThat(said.path("kind").asText()).isEqualTo("Status");
      assertThat(said.path("message").asText())
          .isEqualTo(
              "may not; ClusterRoleBinding drover-read-only for group drover:read-only could not be"
                  + " made: status 403: cannot bind");
    }
    assertThat(drained()).containsExactly("GET /drover-read-only", "POST ");

    api.ofTheServer = request -> note(request, api::fact);
    status = 200;
    now.updateAndGet(time -> time.plus(Duration.ofSeconds(31)));
    assertThat(get(token, "/api/v1/pods").statusCode()).isEqualTo(200);
    assertThat(drained()).containsExactly("GET /drover-read-only", "POST ");
    assertThat(api.made).hasSize(1);
  }

  @Test
  void anApiServerThatSaysNothingStopsNobody() throws Exception {
    api.ofTheServer = request -> note(request, _ -> await());
    var token = member("read-only");

    assertThat(get(token, "/api/v1/pods").statusCode()).isEqualTo(200);
    // Once more if it was asked by a connection of the health checks' first.
    assertThat(drained()).containsOnly("GET /drover-read-only");
    status = 403;
    var answer = get(token, "/api/v1/pods"); // at once

    assertThat(answer.body()).contains("could not be made: no answer in 10 s");
    assertThat(drained()).isEmpty();
  }

  private void await() throws IOException {
    try {
      end.await();
    } catch (InterruptedException e) {
      throw new IOException(e);
    }
  }
}
