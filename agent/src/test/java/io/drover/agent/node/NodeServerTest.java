package io.drover.agent.node;

import static io.drover.agent.reason.ReasonIs.reason;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.drover.agent.config.NodeConfig.Listen;
import io.drover.agent.config.Secret;
import io.drover.agent.reason.Reason;
import io.drover.agent.tls.ServerDialer;
import io.drover.agent.tls.ServerHttp;
import io.drover.agent.tls.ServerTrust;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Collections;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Semaphore;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(60)
class NodeServerTest {
  private static final Duration LIMIT = Duration.ofSeconds(20);
  private static final Listen ANY_PORT = new Listen("127.0.0.1", 0);

  @TempDir private Path directory;
  private volatile String snapshot = "{\"kind\":\"NodeSnapshot\"}";
  private final Queue<String> told = new ConcurrentLinkedQueue<>();

  @BeforeEach
  void mount() throws Exception {
    TestNodes.identity(directory);
  }

  private NodeServer start() throws IOException {
    return NodeServer.start(ANY_PORT, NodeIdentity.read(directory), () -> snapshot, told::add);
  }

  private ServerHttp.Answer ask(NodeServer server, String method, String path, String authorization)
      throws IOException {
    return ask(
        server,
        method,
        path,
        authorization.isEmpty() ? Map.of() : Map.of("Authorization", authorization));
  }

  private ServerHttp.Answer ask(
      NodeServer server, String method, String path, Map<String, String> headers)
      throws IOException {
    var url = URI.create("https://" + NodeIdentity.NAME + ":" + server.address().getPort() + path);
    return new ServerHttp(ServerDialer.to(server.address().getAddress()))
        .send(
            method,
            url,
            ServerTrust.ofFile(directory.resolve(NodeIdentity.CA)),
            LIMIT,
            headers,
            new byte[0]);
  }

  @Test
  void tellsWhoeverKnowsTheToken() throws Exception {
    try (var server = start()) {
      var answer = ask(server, "GET", NodeServer.PATH, "Bearer " + TestNodes.TOKEN);

      assertThat(answer.status()).isEqualTo(200);
      assertThat(answer.body()).isEqualTo(snapshot);
    }
  }

  @ParameterizedTest
  @CsvSource({
    "GET, /v1/node, '', 401",
    "GET, /v1/node, Bearer, 401",
    "GET, /v1/node, Bearer token-of-the-node, 401",
    "GET, /v1/node, token-of-the-nodes, 401",
    "GET, /livez, '', 200",
    "GET, /, '', 404",
    "POST, /v1/node, Bearer token-of-the-nodes, 405",
  })
  void tellsNobodyElse(String method, String path, String authorization, int status)
      throws Exception {
    try (var server = start()) {
      var answer = ask(server, method, path, authorization);

      assertThat(answer.status()).isEqualTo(status);
      assertThat(answer.body()).doesNotContain("NodeSnapshot").doesNotContain(TestNodes.TOKEN);
    }
  }

  @ParameterizedTest
  @CsvSource({
    "token-of-the-nodes, 00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff, 1",
    "token-of-the-node, 00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff, 0",
    "token-of-the-nodes, 00112233445566778899aabbccddeeff, 0",
    "token-of-the-nodes, 00112233445566778899AABBCCDDEEFF00112233445566778899AABBCCDDEEFF, 0",
  })
  void hearsOfTheServersCaFromWhoeverKnowsTheToken(String token, String digest, int times)
      throws Exception {
    try (var server = start()) {
      ask(
          server,
          "GET",
          NodeServer.PATH,
          Map.of("Authorization", "Bearer " + token, NodeServer.SERVER_CA, digest));

      assertThat(told).containsExactlyElementsOf(Collections.nCopies(times, digest));
    }
  }

  @Test
  void saysSoWhileThereIsNothingToTell() throws Exception {
    snapshot = "";
    try (var server = start()) {
      assertThat(ask(server, "GET", NodeServer.PATH, "Bearer " + TestNodes.TOKEN).status())
          .isEqualTo(503);
    }
  }

  @Test
  void oneMoreThanTheLimitIsRefusedAtOnce() throws Exception {
    var entered = new Semaphore(0);
    var release = new CountDownLatch(1);
    try (var server =
        NodeServer.start(
            ANY_PORT,
            NodeIdentity.read(directory),
            () -> {
              entered.release();
              try {
                release.await();
              } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
              }
              return snapshot;
            },
            told::add)) {
      var asked = new CompletableFuture<?>[NodeServer.MAX_REQUESTS];
      for (int i = 0; i < asked.length; i++) {
        asked[i] =
            CompletableFuture.supplyAsync(
                () -> {
                  try {
                    return ask(server, "GET", NodeServer.PATH, "Bearer " + TestNodes.TOKEN);
                  } catch (IOException e) {
                    throw new java.io.UncheckedIOException(e);
                  }
                },
                task -> Thread.ofVirtual().start(task));
      }
      entered.acquire(NodeServer.MAX_REQUESTS);

      assertThat(ask(server, "GET", "/livez", "").status()).isEqualTo(503);

      release.countDown();
      CompletableFuture.allOf(asked).join();
      assertThat(ask(server, "GET", "/livez", "").status()).isEqualTo(200);
    }
  }

  @Test
  void portThatIsTakenIsNamedWithItsSetting() throws Exception {
    try (var first = start()) {
      var taken = new Listen("127.0.0.1", first.address().getPort());

      assertThatThrownBy(
              () ->
                  NodeServer.start(taken, NodeIdentity.read(directory), () -> snapshot, told::add))
          .has(reason(Reason.PORT_TAKEN))
          .hasMessageContaining("DROVER_NODE_ADDRESS");
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"tls.crt", "tls.key", "token"})
  void missingAndEmptyFilesAreNamed(String name) throws Exception {
    TestNodes.write(directory, name, " \n");
    assertThatThrownBy(() -> NodeIdentity.read(directory))
        .has(reason(Reason.NODE_IDENTITY_MISSING))
        .hasMessageContaining(name + " is empty");

    Files.delete(directory.resolve(name));
    assertThatThrownBy(() -> NodeIdentity.read(directory))
        .has(reason(Reason.NODE_IDENTITY_MISSING))
        .hasMessageContaining(name + " cannot be read");
  }

  @Test
  void secretsOfTheIdentityAreNotPrinted() throws Exception {
    assertThat(NodeIdentity.read(directory).toString())
        .doesNotContain(TestNodes.TOKEN)
        .doesNotContain("PRIVATE KEY");
    assertThat(new Secret("x")).hasToString("***");
  }
}
