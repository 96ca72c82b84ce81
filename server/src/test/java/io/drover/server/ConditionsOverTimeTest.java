package io.drover.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import io.drover.proto.handshake.ConnectParams;
import java.io.IOException;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.concurrent.atomic.AtomicReference;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.SSLSocketFactory;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A cluster from its making to the end of its agent, as the API tells it. */
@Timeout(120)
@SuppressWarnings("NullAway.Init") // start() sets everything
class ConditionsOverTimeTest {
  private static final String AGGREGATION =
      "/api/v1/namespaces/cattle-system/secrets/stv-aggregation";
  private static final String DEPLOYMENT =
      "/apis/apps/v1/namespaces/cattle-system/deployments/cattle-cluster-agent";

  @TempDir private Path directory;
  private final AtomicReference<Instant> now =
      new AtomicReference<>(Instant.parse("2026-01-01T00:00:00Z"));
  private TestServer server;
  private FakeApiServer api;
  private TestServer.NewCluster cluster;

  @BeforeEach
  void start() throws Exception {
    server = TestServer.start(directory.resolve("server"), now::get);
    var keys = Files.createDirectory(directory.resolve("api"));
    api = FakeApiServer.start(keys, request -> request.answer(200, "ok"));
    cluster = server.create("one");
  }

  @AfterEach
  void stop() throws IOException {
    server.close();
    api.close();
  }

  private void pass(Duration time) {
    now.updateAndGet(instant -> instant.plus(time));
  }

  private JsonNode condition(String type) {
    try {
      return server
          .get("/v3/clusters/" + cluster.id())
          .path("conditions")
          .valueStream()
          .filter(condition -> condition.path("type").asText().equals(type))
          .findFirst()
          .orElse(TestServer.JSON.createObjectNode());
    } catch (IOException e) {
      throw new AssertionError(e);
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  private void await(String type, String status, String reason) throws InterruptedException {
    TestServer.eventually(
        type + "=" + status + " " + reason,
        () ->
            condition(type).path("status").asText().equals(status)
                && condition(type).path("reason").asText().equals(reason));
  }

  private DiallingAgent connect() throws IOException {
    return DiallingAgent.start(
        server, cluster, new ConnectParams(api.address(), "sa-token", api.caPem));
  }

  @Test
  void conditionsComeTrueOneByOneAndTheirTimeLineStays() throws Exception {
    api.facts.put("/version", "{\"gitVersion\":\"v1.36.2+k3s1\",\"buildDate\":\"x\"}");
    api.facts.put(DEPLOYMENT, "{}");
    api.facts.put(
        AGGREGATION, "{\"data\":{\"CATTLE_CACERTS_VALID\":\"dHJ1ZQ==\",\"ca.crt\":\"eA==\"}}");

    try (var _ = connect()) {
      await("Ready", "True", "");
      await("AgentTlsStrictCheck", "True", "");
    }

    var json = server.get("/v3/clusters/" + cluster.id());
    assertThat(json.path("conditions").findValuesAsText("type"))
        .containsExactly(
            "Pending",
            "Provisioned",
            "Waiting",
            "AgentTlsStrictCheck",
            "AgentDeployed",
            "Connected",
            "Ready");
    assertThat(json.at("/version/gitVersion").asText()).isEqualTo("v1.36.2+k3s1");
    assertThat(json.at("/version/buildDate").asText()).isEmpty();
    assertThat(json.path("provider").asText()).isEqualTo("k3s");
    await("Connected", "False", "Disconnected");
    var changes =
        server
            .get("/v3/clusters/" + cluster.id() + "/timeline")
            .path("data")
            .valueStream()
            .map(change -> change.path("type").asText() + "=" + change.path("status").asText())
            .toList();
    assertThat(changes)
        .containsSubsequence("Pending=Unknown", "Pending=True", "Ready=True", "Ready=False")
        .containsSubsequence("Provisioned=Unknown", "Provisioned=True", "Connected=True")
        .containsSubsequence("Waiting=Unknown", "Waiting=True", "Connected=False")
        .contains("AgentDeployed=True", "AgentTlsStrictCheck=True");
  }

  @Test
  void tunnelsTellWhatTheyCarryAndHowFastTheyAnswer() throws Exception {
    var path = "/v3/clusters/" + cluster.id() + "/tunnels";
    assertThat(server.get(path).path("data")).isEmpty();

    try (var _ = connect()) {
      await("Ready", "True", "");
      var json = server.get(path);

      assertThat(json.path("data").findValuesAsText("tunnel")).containsExactly("cluster", "steve");
      for (var session : json.path("data")) {
        assertThat(session.path("healthy").asBoolean()).isTrue();
        assertThat(session.path("receivedBytes").asLong()).isPositive();
        assertThat(session.path("sentBytes").asLong()).isPositive();
        assertThat(Instant.parse(session.path("since").asText())).isNotNull();
      }
      assertThat(json.path("latencies")).isNotEmpty();
      assertThat(json.at("/latencies/0/milliseconds").asInt(-1)).isNotNegative();
    }
  }

  @Test
  void whatIsNotInTheClusterIsTold() throws Exception {
    api.facts.put("/version", "{\"gitVersion\":\"v1.30.0\"}");
    api.facts.put(
        "/api/v1/nodes?limit=20",
        "{\"items\":[{\"metadata\":{\"labels\":{\"kubernetes.azure.com/cluster\":\"x\"}}}]}");
    api.facts.put(AGGREGATION, "{\"data\":{\"CATTLE_CACERTS_VALID\":\"ZmFsc2U=\"}}");

    try (var _ = connect()) {
      await("AgentDeployed", "False", "NotFound");
      await("AgentTlsStrictCheck", "False", "");
      assertThat(condition("AgentDeployed").path("message").asText())
          .contains("cattle-system/cattle-cluster-agent", "apply the manifest");
      assertThat(server.get("/v3/clusters/" + cluster.id()).path("provider").asText())
          .isEqualTo("aks");
    }
  }

  @Test
  void agentThatNeverCameIsMissedAfterTwoMinutes() throws Exception {
    pass(Duration.ofSeconds(119));
    await("Provisioned", "Unknown", "Pending");
    pass(Duration.ofSeconds(1));

    await("Provisioned", "Unknown", "NeverContacted");

    assertThat(condition("Provisioned").path("message").asText())
        .contains("since the cluster was made at 2026-01-01T00:00:00Z", "nor has anybody fetched");
    fetchManifest(cluster.token());
    TestServer.eventually(
        "the manifest was fetched",
        () ->
            condition("Provisioned")
                .path("message")
                .asText()
                .contains("its manifest was fetched at 2026-01-01T00:02:00Z"));
  }

  private void fetchManifest(String token) throws IOException, InterruptedException {
    try (var http = HttpClient.newBuilder().sslContext(server.tls).build()) {
      var path = "/v3/import/" + token + "_" + cluster.id() + ".yaml";
      http.send(HttpRequest.newBuilder(server.url.resolve(path)).build(), BodyHandlers.ofString());
    }
  }

  @Test
  void agentThatDoesNotTrustTheServerIsTold() throws Exception {
    pass(Duration.ofMinutes(3));
    // As the agent does it: not every client says why it goes away.
    try (var socket =
        (SSLSocket)
            SSLSocketFactory.getDefault()
                .createSocket(server.url.getHost(), server.url.getPort())) {
      assertThatThrownBy(socket::startHandshake).hasMessageContaining("PKIX");
    }

    await("Provisioned", "Unknown", "TLSHandshakeFailed");

    assertThat(condition("Provisioned").path("message").asText())
        .contains("from 127.0.0.1 failed at 2026-01-01T00:03:00Z", "trust this server's CA?");
  }

  @Test
  void agentThatIsLostIsToldWithItsLastContactAndThenItsToken() throws Exception {
    try (var _ = connect()) {
      await("Ready", "True", "");
      await("AgentDeployed", "False", "NotFound");
    }
    await("Connected", "False", "Disconnected");
    await("Ready", "False", "Disconnected");
    assertThat(condition("Ready").path("message").asText())
        .isEqualTo("Cluster agent is not connected");
    pass(Duration.ofMinutes(2));
    TestServer.eventually(
        "last contact",
        () ->
            condition("Connected")
                .path("message")
                .asText()
                .contains("last contact at 2026-01-01T00:00:00Z from 127.0.0.1"));

    pass(Duration.ofDays(31));
    try (var refused = server.connectSteve(cluster)) {
      assertThat(refused.status).isEqualTo(401);
    }

    await("Connected", "False", "TokenExpired");
    assertThat(condition("Connected").path("message").asText())
        .contains("expired at 2026-01-31T03:00:00Z", "make a new registration token");
  }

  @Test
  void agentWithARevokedTokenIsTold() throws Exception {
    var path = "/v3/clusterregistrationtokens";
    var id = server.get(path).at("/data/0/id").asText();
    try (var running = RunningServer.of(server.directory)) {
      var _ = running.delete(path + "/" + id);
    }
    try (var refused =
        server.connectCluster(cluster, new ConnectParams(api.address(), "t", "pem"))) {
      assertThat(refused.status).isEqualTo(400);
      assertThat(refused.body).isEqualTo("cluster not found");
    }
    pass(Duration.ofMinutes(2));

    await("Provisioned", "Unknown", "TokenRevoked");
  }

  @Test
  void conditionsAreThereAfterARestart() throws Exception {
    var before = server.get("/v3/clusters/" + cluster.id()).path("conditions");
    server.close();
    pass(Duration.ofSeconds(30));

    server = TestServer.start(server.directory, now::get);

    assertThat(server.get("/v3/clusters/" + cluster.id()).path("conditions")).isEqualTo(before);
    assertThat(List.of(before.findValuesAsText("lastTransitionTime").getFirst()))
        .containsExactly("2026-01-01T00:00:00Z");
  }

  @Test
  void fleetIsThereForPrometheus() throws Exception {
    try (var _ = connect()) {
      await("Ready", "True", "");
      try (var http = HttpClient.newBuilder().sslContext(server.tls).build()) {
        var request = HttpRequest.newBuilder(server.url.resolve("/metrics"));
        assertThat(http.send(request.build(), BodyHandlers.ofString()).statusCode()).isEqualTo(401);

        var text =
            http.send(
                    request.header("Authorization", "Bearer " + server.adminToken).build(),
                    BodyHandlers.ofString())
                .body();

        var labels = "{cluster=\"" + cluster.id() + "\",name=\"one\",";
        assertThat(text)
            .contains("drover_cluster_state" + labels + "state=\"active\"} 1.0")
            .contains("drover_cluster_condition" + labels + "type=\"Ready\"} 1.0")
            .contains("drover_cluster_connected" + labels + "tunnel=\"steve\"} 1.0");
      }
    }
  }
}
