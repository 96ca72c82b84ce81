package io.drover.server;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import io.drover.proto.handshake.ConnectParams;
import io.drover.proto.handshake.TunnelHeaders;
import io.drover.server.TestServer.NewCluster;
import io.drover.server.tunnel.RawAgent;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Who is let in, and what the others are told, to the letter. */
@Timeout(60)
class AgentEntranceTest {
  private static final ConnectParams PARAMS = new ConnectParams("127.0.0.1:1", "sa", "pem");

  @TempDir private Path directory;
  private TestServer server;
  private NewCluster cluster;

  @BeforeEach
  void start() throws Exception {
    server = TestServer.start(directory);
    cluster = server.create("one");
  }

  @AfterEach
  void stop() {
    server.close();
  }

  private void refused(int status, String body, List<String> fields) throws Exception {
    try (var agent = server.connect("/v3/connect", fields)) {
      assertThat(agent.status).isEqualTo(status);
      assertThat(agent.body).isEqualTo(body);
      assertThat(agent.fields).contains("Content-Type: text/plain; charset=utf-8");
    }
  }

  private List<String> withParams(String json) {
    return List.of(
        TunnelHeaders.TOKEN + ": " + cluster.token(),
        TunnelHeaders.PARAMS + ": " + Base64.getEncoder().encodeToString(json.getBytes(UTF_8)));
  }

  @Test
  void t7NoCredentialsIs401FailedAuthentication() throws Exception {
    refused(401, "failed authentication", RawAgent.websocketFields());
  }

  @Test
  void t7UnknownSteveTokenIs401FailedAuthentication() throws Exception {
    refused(401, "failed authentication", RawAgent.steveFields("x".repeat(54)));
  }

  @Test
  void t7UnknownTokenIs400ClusterNotFound() throws Exception {
    refused(400, "cluster not found", RawAgent.clusterFields("x".repeat(54), PARAMS));
  }

  @Test
  void t7TokenOfADeletedClusterIs400ClusterNotFound() throws Exception {
    var http = HttpClient.newBuilder().sslContext(server.tls).build();
    var delete =
        HttpRequest.newBuilder(server.url.resolve("/v3/clusters/" + cluster.id()))
            .header("Authorization", "Bearer " + server.adminToken)
            .DELETE()
            .build();
    assertThat(http.send(delete, BodyHandlers.ofString()).statusCode()).isEqualTo(200);

    refused(400, "cluster not found", RawAgent.clusterFields(cluster.token(), PARAMS));
  }

  @Test
  void missingParamsAre400WithTheDecodersText() throws Exception {
    refused(
        400, "unexpected end of JSON input", List.of(TunnelHeaders.TOKEN + ": " + cluster.token()));
  }

  @Test
  void incompleteParamsAre400EachWithItsText() throws Exception {
    refused(400, "missing node or cluster registration info", withParams("{}"));
    refused(400, "invalid input, address empty", withParams("{\"cluster\":{}}"));
    refused(400, "invalid input, token empty", withParams("{\"cluster\":{\"address\":\"a:1\"}}"));
    refused(
        400,
        "invalid input, caCert empty",
        withParams("{\"cluster\":{\"address\":\"a:1\",\"token\":\"t\"}}"));
  }

  @Test
  void t8IncompleteUpgradesAre400() throws Exception {
    for (var missing : RawAgent.websocketFields()) {
      var fields = new ArrayList<>(RawAgent.clusterFields(cluster.token(), PARAMS));
      fields.remove(missing);
      try (var agent = server.connect("/v3/connect", fields)) {
        assertThat(agent.status).as(missing).isEqualTo(400);
      }
    }
  }

  @Test
  void t8MethodOtherThanGetIs405() throws Exception {
    try (var agent =
        RawAgent.connect(
            server.tls.getSocketFactory(),
            server.url,
            "POST",
            "/v3/connect",
            RawAgent.clusterFields(cluster.token(), PARAMS))) {
      assertThat(agent.status).isEqualTo(405);
    }
  }

  @Test
  void t9OffersOfExtensionsAndSubprotocolsAreNotTaken() throws Exception {
    var fields = new ArrayList<>(RawAgent.clusterFields(cluster.token(), PARAMS));
    fields.add("Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits");
    fields.add("Sec-WebSocket-Protocol: chat, superchat");
    try (var agent = server.connect("/v3/connect", fields)) {
      assertThat(agent.status).isEqualTo(101);
      assertThat(agent.fields).hasSize(3);
    }
  }

  @Test
  void t10ConnectionMayHaveMoreTokens() throws Exception {
    var fields = new ArrayList<>(RawAgent.clusterFields(cluster.token(), PARAMS));
    fields.remove("Connection: Upgrade");
    fields.add("Connection: keep-alive, Upgrade");
    try (var agent = server.connect("/v3/connect", fields)) {
      assertThat(agent.status).isEqualTo(101);
    }
  }

  @Test
  void t11The101HasExactlyThreeFields() throws Exception {
    for (var path : List.of("/v3/connect", "/v3/connect/register")) {
      for (var fields :
          List.of(
              RawAgent.clusterFields(cluster.token(), PARAMS),
              RawAgent.steveFields(cluster.token()))) {
        try (var agent = server.connect(path, fields)) {
          assertThat(agent.status).isEqualTo(101);
          assertThat(agent.fields)
              .containsExactlyInAnyOrder(
                  "Upgrade: websocket",
                  "Connection: Upgrade",
                  "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
        }
      }
    }
  }

  @Test
  void connectNotesDriverAndEndpoint() throws Exception {
    try (var agent = server.connectCluster(cluster, PARAMS)) {
      assertThat(agent.status).isEqualTo(101);
      var json = server.get("/v3/clusters/" + cluster.id());
      assertThat(json.path("driver").asText()).isEqualTo("imported");
      assertThat(json.path("apiEndpoint").asText()).isEqualTo("https://127.0.0.1:1");
    }
  }

  @Test
  void h18StuckAgentDoesNotDelayTheOthers() throws Exception {
    var other = server.create("other");
    try (var stuck = server.connectCluster(cluster, PARAMS)) {
      assertThat(stuck.status).isEqualTo(101); // and is never read again
      long start = System.nanoTime();
      for (var agent :
          Stream.of(server.connectCluster(other, PARAMS), server.connectSteve(other)).toList()) {
        assertThat(agent.status).isEqualTo(101);
        agent.close();
      }
      assertThat(System.nanoTime() - start).isLessThan(2_000_000_000L);
    }
  }
}
