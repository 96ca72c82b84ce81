package io.drover.server;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.lang.ProcessBuilder.Redirect;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Against an agent on Rancher's own tunnel library, which {@code interop/build} makes with Go. */
@Tag("interop")
@Timeout(600)
class GoClientIT {
  private static final int BODY_BYTES = 5 * 1024 * 1024;

  @TempDir private Path directory;

  private static Path goAgent() throws IOException, InterruptedException {
    var build =
        new ProcessBuilder(Path.of("..", "interop", "build").toString(), "client")
            .redirectError(Redirect.INHERIT)
            .start();
    var output = new String(build.getInputStream().readAllBytes(), UTF_8).strip();
    assertThat(build.waitFor()).as("interop/build client, which needs Go").isZero();
    return Path.of(output, "go-agent");
  }

  @Test
  void clusterIsActiveAndBodiesGoBothWaysBesideAStalledReader() throws Exception {
    var program = goAgent();
    Files.createDirectory(directory.resolve("api"));
    try (var server = TestServer.start(directory.resolve("server"));
        var api = FakeApiServer.start(directory.resolve("api"), GoClientIT::answer)) {
      var cluster = server.create("go");
      var agent =
          new ProcessBuilder(
                  program.toString(),
                  "-server",
                  server.url.toString(),
                  "-token",
                  cluster.token(),
                  "-ca",
                  server.directory.resolve("ca.pem").toString(),
                  "-cluster-params",
                  api.address() + ",sa-token," + directory.resolve("api").resolve("ca.pem"),
                  "-exit-with-stdin")
              .redirectOutput(Redirect.DISCARD)
              .redirectError(Redirect.DISCARD)
              .start();
      var http = HttpClient.newBuilder().sslContext(server.tls).build();
      try {
        awaitActive(server, cluster.id());
        var stalled =
            http.send(
                request(server, cluster.id(), "/flood").build(), BodyHandlers.ofInputStream());
        assertThat(stalled.statusCode()).isEqualTo(200);
        byte[] body = new byte[BODY_BYTES];
        Arrays.fill(body, (byte) 'b');

        for (int i = 0; i < 20; i++) {
          var echoed =
              http.send(
                  request(server, cluster.id(), "/echo")
                      .POST(BodyPublishers.ofByteArray(body))
                      .build(),
                  BodyHandlers.ofByteArray());
          assertThat(echoed.body()).isEqualTo(body);
        }
        stalled.body().close();
      } finally {
        http.shutdownNow();
        agent.destroy();
      }
    }
  }

  private static HttpRequest.Builder request(TestServer server, String id, String target) {
    return HttpRequest.newBuilder(server.url.resolve("/k8s/clusters/" + id + target))
        .timeout(Duration.ofSeconds(60))
        .header("Authorization", "Bearer " + server.adminToken);
  }

  private static void answer(FakeApiServer.Request request) throws IOException {
    switch (request.target()) {
      case "/echo" -> {
        int length = Integer.parseInt(request.field("content-length"));
        byte[] body = request.body().readNBytes(length);
        request.write("HTTP/1.1 200 OK\r\nContent-Length: " + length + "\r\n\r\n");
        request.out().write(body);
      }
      case "/flood" -> {
        request.write("HTTP/1.1 200 OK\r\n\r\n");
        byte[] bytes = new byte[64 * 1024];
        while (true) {
          request.out().write(bytes);
        }
      }
      default -> request.answer(200, "ok");
    }
  }

  private static void awaitActive(TestServer server, String id) throws Exception {
    var never = new CountDownLatch(1);
    for (int i = 0; i < 300; i++) {
      if (server.get("/v3/clusters/" + id).path("state").asText().equals("active")) {
        return;
      }
      var _ = never.await(100, TimeUnit.MILLISECONDS);
    }
    throw new AssertionError("never active");
  }
}
