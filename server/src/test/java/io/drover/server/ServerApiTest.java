package io.drover.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.drover.server.TestServer.NewCluster;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(60)
class ServerApiTest {
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

  private HttpResponse<String> get(String path) throws Exception {
    return http.send(
        HttpRequest.newBuilder(server.url.resolve(path)).build(), BodyHandlers.ofString());
  }

  @Test
  void unauthenticatedPaths() throws Exception {
    assertThat(get("/ping").body()).isEqualTo("pong");
    assertThat(get("/healthz").body()).isEqualTo("ok");
    assertThat(TestServer.JSON.readTree(get("/").body()).path("type").asText())
        .isEqualTo("apiRoot");
    var setting = TestServer.JSON.readTree(get("/v3/settings/cacerts").body());
    assertThat(setting.path("id").asText()).isEqualTo("cacerts");
    assertThat(setting.path("value").asText())
        .startsWith("-----BEGIN CERTIFICATE-----")
        .endsWith("-----END CERTIFICATE-----");
    assertThat(get("/nothing").statusCode()).isEqualTo(404);
  }

  @Test
  void clustersNeedTheAdministratorsToken() throws Exception {
    assertThat(get("/v3/clusters").statusCode()).isEqualTo(401);
    assertThat(get("/v3/clusterregistrationtokens").statusCode()).isEqualTo(401);
  }

  @Test
  void clusterStartsAsPending() throws Exception {
    var cluster = server.create("one");

    var json = server.get("/v3/clusters/" + cluster.id());

    assertThat(json.path("type").asText()).isEqualTo("cluster");
    assertThat(json.path("name").asText()).isEqualTo("one");
    assertThat(json.path("state").asText()).isEqualTo("pending");
    assertThat(json.path("driver").asText()).isEmpty();
    assertThat(json.path("conditions").findValuesAsText("type"))
        .containsExactly("Pending", "Provisioned", "Waiting");
    assertThat(json.path("conditions").findValuesAsText("status"))
        .containsExactly("Unknown", "Unknown", "Unknown");
    assertThat(server.get("/v3/clusters").path("data")).hasSize(1);
  }

  @Test
  void wrongInputIsToldApart() throws Exception {
    var _ = server.create("one");

    assertThatThrownBy(() -> server.create("one")).hasMessageContaining("taken");
    for (var name : List.of("", "-a", "a-", "A", "a b", "a".repeat(64))) {
      assertThatThrownBy(() -> server.create(name))
          .isInstanceOf(IOException.class)
          .hasMessageContaining("name must be");
    }
    assertThatThrownBy(() -> server.get("/v3/clusters/c-zzzzz")).hasMessage("cluster not found");
  }

  @Test
  void bodiesHaveALimit() throws Exception {
    for (var path : List.of("/v3/clusters", "/v3/clusterregistrationtokens")) {
      var long64 = TestServer.JSON.createObjectNode().put("x", "y".repeat(64 * 1024));

      assertThatThrownBy(() -> server.post(path, long64))
          .hasMessageContaining("body too long: limit=65536");
    }
  }

  @Test
  void manifestIsServedForTheRightTokenOnly() throws Exception {
    var one = server.create("one");
    var two = server.create("two");

    var answer = get("/v3/import/%s_%s.yaml".formatted(one.token(), one.id()));

    assertThat(answer.statusCode()).isEqualTo(200);
    assertThat(answer.headers().firstValue("Cache-Control")).contains("no-store");
    assertThat(answer.headers().firstValue("Content-Type").orElseThrow()).startsWith("text/plain");
    for (var wrong :
        Stream.of(new NewCluster(two.id(), one.token()), new NewCluster(one.id(), "x")).toList()) {
      var refused = get("/v3/import/%s_%s.yaml".formatted(wrong.token(), wrong.id()));
      assertThat(refused.statusCode()).isEqualTo(400);
      assertThat(refused.body()).isEqualTo("cluster not found or invalid token");
    }
    assertThat(get("/v3/import/" + one.token() + ".yaml").statusCode()).isEqualTo(404);
    assertThat(get("/v3/import/x_y").statusCode()).isEqualTo(404);
  }

  @Test
  void clusterIsMadeAsItIsWanted() throws Exception {
    var body =
        TestServer.JSON.readTree(
            """
            {"type": "cluster", "name": "one", "agentImageOverride": "other.test/agent:2",
             "importedConfig": {"privateRegistryURL": "registry.test:5000/a/"},
             "agentEnvVars": [{"name": "HTTPS_PROXY", "value": "http://proxy.test:3128"},
                              {"name": "DROVER_LOG_FORMAT", "value": "json"}]}
            """);

    var made = server.post("/v3/clusters", body);

    assertThat(made.at("/importedConfig/privateRegistryURL").asText())
        .isEqualTo("registry.test:5000/a");
    assertThat(made.path("agentImageOverride").asText()).isEqualTo("other.test/agent:2");
    assertThat(made.at("/agentEnvVars/0/name").asText()).isEqualTo("HTTPS_PROXY");
    var resource = server.get("/v1/management.cattle.io.clusters/" + made.path("id").asText());
    assertThat(resource.path("type").asText()).isEqualTo("management.cattle.io.cluster");
    assertThat(resource.at("/spec/displayName").asText()).isEqualTo("one");
    assertThat(resource.at("/spec/importedConfig")).isEqualTo(made.path("importedConfig"));
    assertThat(resource.at("/status/capabilities/loadBalancerCapabilities").isObject()).isTrue();
    assertThat(resource.at("/status/conditions")).isEqualTo(made.path("conditions"));
    assertThat(server.get("/v1/management.cattle.io.clusters").path("data")).hasSize(1);
    var token =
        server.post(
            "/v3/clusterregistrationtokens",
            TestServer.JSON.createObjectNode().put("clusterId", made.path("id").asText()));
    assertThat(get(URI.create(token.path("manifestUrl").asText()).getPath()).body())
        .contains(
            "image: \"registry.test:5000/a/other.test/agent:2\"\n",
            "- name: CATTLE_SYSTEM_DEFAULT_REGISTRY\n          value: \"registry.test:5000/a\"\n",
            "value: registry.test:5000/a/rancher/shell:",
            "- name: HTTPS_PROXY\n          value: \"http://proxy.test:3128\"\n",
            "- name: DROVER_LOG_FORMAT\n          value: \"json\"\n",
            "- name: CATTLE_CA_CHECKSUM\n          value: \"")
        .doesNotContain("value: text\n");
  }

  @Test
  void wrongFieldIsNamedWithItsRemedy() throws Exception {
    var answer =
        http.send(
            HttpRequest.newBuilder(server.url.resolve("/v3/clusters"))
                .header("Authorization", "Bearer " + server.adminToken)
                .POST(
                    HttpRequest.BodyPublishers.ofString(
                        "{\"name\":\"a\",\"importedConfig\":"
                            + "{\"privateRegistryURL\":\"https://r\"}}"))
                .build(),
            BodyHandlers.ofString());

    assertThat(answer.statusCode()).isEqualTo(422);
    var error = TestServer.JSON.readTree(answer.body());
    assertThat(error.path("fieldName").asText()).isEqualTo("importedConfig.privateRegistryURL");
    assertThat(error.path("message").asText()).contains("must be HOST[:PORT][/PATH] without https");
  }

  @Test
  void tokensAreListedWithoutTheirTextAndRevoked() throws Exception {
    var one = server.create("one");
    var path = "/v3/clusterregistrationtokens";

    var list = server.get(path + "?clusterId=" + one.id()).path("data");

    assertThat(list).hasSize(1);
    var token = list.path(0);
    assertThat(token.toString()).doesNotContain(one.token());
    assertThat(token.path("state").asText()).isEqualTo("active");
    assertThat(token.path("command").asText())
        .isEqualTo("kubectl apply -f %s/v3/import/{token}_%s.yaml".formatted(server.url, one.id()));
    assertThat(Instant.parse(token.path("expiresAt").asText()))
        .isEqualTo(Instant.parse(token.path("created").asText()).plus(Duration.ofDays(30)));
    assertThat(server.get(path).path("data")).hasSize(1);
    assertThat(server.get(path + "?clusterId=c-zzzzz").path("data")).isEmpty();

    try (var running = RunningServer.of(directory)) {
      assertThat(running.delete(path + "/" + token.path("id").asText()).path("state").asText())
          .isEqualTo("revoked");
      assertThatThrownBy(() -> running.delete(path + "/crt-zzzzz"))
          .hasMessage("registration token not found");
    }
    var refused = get("/v3/import/%s_%s.yaml".formatted(one.token(), one.id()));
    assertThat(refused.statusCode()).isEqualTo(400);
    assertThat(refused.body()).isEqualTo("cluster not found or invalid token");
  }

  @Test
  void tokensLiveAsLongAsIsWanted() throws Exception {
    var id = server.create("one").id();
    var path = "/v3/clusterregistrationtokens";
    var body = TestServer.JSON.createObjectNode().put("clusterId", id);

    var forEver = server.post(path, body.deepCopy().put("ttl", 0));
    var hour = server.post(path, body.deepCopy().put("ttl", 60).put("gracePeriod", 10));

    assertThat(forEver.has("expiresAt")).isFalse();
    var made = Instant.parse(hour.path("created").asText());
    assertThat(hour.path("expiresAt").asText()).isEqualTo(made.plusSeconds(3600).toString());
    assertThat(hour.path("gracePeriodExpiresAt").asText())
        .isEqualTo(made.plusSeconds(4200).toString());
    assertThatThrownBy(() -> server.post(path, body.deepCopy().put("ttl", "long")))
        .hasMessageContaining("ttl must be a whole number of minutes");
  }

  @Test
  void manifestHasTheNineObjectsInOrder() throws Exception {
    var one = server.create("one");

    var manifest = get("/v3/import/%s_%s.yaml".formatted(one.token(), one.id())).body();

    assertThat(manifest.lines().filter(line -> line.startsWith("kind: ")))
        .containsExactly(
            "kind: Namespace",
            "kind: ServiceAccount",
            "kind: Secret",
            "kind: ClusterRole",
            "kind: ClusterRole",
            "kind: ClusterRoleBinding",
            "kind: ClusterRoleBinding",
            "kind: Service",
            "kind: Deployment");
    assertThat(manifest)
        .containsPattern("name: cattle-credentials-[0-9a-f]{10}\n")
        .contains("image: \"registry.test/agent:1\"", "value: \"" + server.url + "\"")
        .doesNotContain("${");
  }

  @Test
  void kubeconfigNamesServerAuthorityAndToken() throws Exception {
    var one = server.create("one");

    var config =
        server
            .post(
                "/v3/clusters/" + one.id() + "?action=generateKubeconfig",
                TestServer.JSON.createObjectNode())
            .path("config")
            .asText();

    assertThat(config)
        .contains(
            "server: \"" + server.url + "/k8s/clusters/" + one.id() + "\"",
            "certificate-authority-data: ",
            "token: \"token-",
            "current-context: \"one\"")
        .doesNotContain(server.adminToken);
  }
}
