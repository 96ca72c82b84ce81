package io.drover.agent.kube;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import io.drover.agent.config.KubeConfig;
import io.drover.proto.report.Cause;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** An API server that is reached no longer, without a word. */
@Timeout(60)
class DeadConnectionTest {
  private static final String ANSWER =
      "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}";

  @TempDir private Path directory;

  @Test
  void isGivenUpAndNotAskedAgain() throws Exception {
    try (var listener = new ServerSocket(0, 1, InetAddress.getLoopbackAddress());
        var api = Fabric8ClusterApi.open(kubeconfig(listener.getLocalPort()))) {
      var reader = api.reader();

      var first = ask(reader);
      try (Socket connection = listener.accept()) {
        assertThat(request(connection)).isEqualTo("GET /version HTTP/1.1");
        answer(connection);
        assertThat(first.get()).isInstanceOf(Answer.Found.class);

        // The same connection, which is silent from now on.
        var second = ask(reader);
        assertThat(request(connection)).isEqualTo("GET /version HTTP/1.1");
        assertThat(second.get())
            .isInstanceOfSatisfying(
                Answer.Missing.class,
                missing -> assertThat(missing.cause()).isEqualTo(Cause.TIMEOUT));
        assertThat(connection.getInputStream().read()).isEqualTo(-1);
      }

      var third = ask(reader);
      try (Socket connection = listener.accept()) {
        request(connection);
        answer(connection);
        assertThat(third.get()).isInstanceOf(Answer.Found.class);
      }
    }
  }

  private static CompletableFuture<Answer<JsonNode>> ask(ApiReader reader) {
    return CompletableFuture.supplyAsync(
        () -> {
          try {
            return reader.get("/version");
          } catch (InterruptedException e) {
            throw new IllegalStateException(e);
          }
        },
        task -> Thread.ofVirtual().start(task));
  }

  private KubeConfig kubeconfig(int port) throws Exception {
    Path file = directory.resolve("config");
    Files.writeString(
        file,
        """
        apiVersion: v1
        kind: Config
        clusters: [{name: c, cluster: {server: "http://127.0.0.1:%d"}}]
        users: [{name: u, user: {token: secret}}]
        contexts: [{name: x, context: {cluster: c, user: u}}]
        current-context: x
        """
            .formatted(port),
        UTF_8);
    return new KubeConfig.Kubeconfig(file, "");
  }

  /** The first line; the rest is read, too. */
  private static String request(Socket connection) throws Exception {
    var in = new BufferedReader(new InputStreamReader(connection.getInputStream(), ISO_8859_1), 1);
    String first = in.readLine();
    for (String line = in.readLine(); !line.isEmpty(); line = in.readLine()) {
      assertThat(line).doesNotContainIgnoringCase("HTTP2-Settings");
    }
    return first;
  }

  private static void answer(Socket connection) throws Exception {
    connection.getOutputStream().write(ANSWER.getBytes(ISO_8859_1));
    connection.getOutputStream().flush();
  }
}
