package io.drover.server;

import static org.assertj.core.api.Assertions.assertThat;

import io.drover.proto.handshake.ConnectParams;
import java.io.IOException;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What health checks cost, and what a restart of the server makes of them. */
@Timeout(120)
@SuppressWarnings("NullAway.Init") // start() sets everything
class HealthChecksTest {
  private static final int CHECKS = 10;

  @TempDir private Path directory;
  private final AtomicReference<Instant> now =
      new AtomicReference<>(Instant.parse("2026-01-01T00:00:00Z"));
  private final AtomicReference<CountDownLatch> asked = new AtomicReference<>(checks());
  private final AtomicBoolean closesEach = new AtomicBoolean();
  private TestServer server;
  private FakeApiServer api;
  private TestServer.NewCluster cluster;

  @BeforeEach
  void start() throws Exception {
    server = TestServer.start(directory.resolve("server"), now::get);
    api =
        FakeApiServer.start(
            Files.createDirectory(directory.resolve("api")),
            request -> {
              if (closesEach.get()) {
                request.write(
                    "HTTP/1.1 200 Fine\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok");
              } else {
                request.answer(200, "ok");
              }
              asked.get().countDown();
            });
    cluster = server.create("one");
  }

  @AfterEach
  void stop() throws IOException {
    server.close();
    api.close();
  }

  private static CountDownLatch checks() {
    return new CountDownLatch(CHECKS);
  }

  private void awaitChecks() throws InterruptedException {
    var latch = checks();
    asked.set(latch);
    assertThat(latch.await(60, TimeUnit.SECONDS)).isTrue();
  }

  private DiallingAgent connect() throws IOException {
    return DiallingAgent.start(
        server, cluster, new ConnectParams(api.address(), "sa-token", api.caPem));
  }

  private String condition(String type) {
    try {
      return server
          .get("/v3/clusters/" + cluster.id())
          .path("conditions")
          .valueStream()
          .filter(condition -> condition.path("type").asText().equals(type))
          .map(condition -> condition.path("status").asText())
          .findFirst()
          .orElse("");
    } catch (IOException e) {
      throw new AssertionError(e);
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  private void await(String type, String status) throws InterruptedException {
    TestServer.eventually(type + "=" + status, () -> condition(type).equals(status));
  }

  private long timesNotReady() throws IOException, InterruptedException {
    return server
        .get("/v3/clusters/" + cluster.id() + "/timeline")
        .path("data")
        .valueStream()
        .filter(change -> change.path("type").asText().equals("Ready"))
        .filter(change -> change.path("status").asText().equals("False"))
        .count();
  }

  private String metrics() {
    try (var http = HttpClient.newBuilder().sslContext(server.tls).build()) {
      var request =
          HttpRequest.newBuilder(server.url.resolve("/metrics"))
              .header("Authorization", "Bearer " + server.adminToken);
      return http.send(request.build(), BodyHandlers.ofString()).body();
    } catch (IOException e) {
      throw new AssertionError(e);
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  @Test
  void checksOfAClusterHaveOneConnection() throws Exception {
    try (var _ = connect()) {
      await("Ready", "True");
      await("AgentDeployed", "False");
      int before = api.connections.get();

      awaitChecks();

      assertThat(api.connections.get()).isEqualTo(before);
      assertThat(before).isLessThanOrEqualTo(2); // one may be of a tunnel that came alone
    }
  }

  @Test
  void keptConnectionThatWasCutDoesNotMakeAClusterUnready() throws Exception {
    try (var _ = connect()) {
      await("Ready", "True");
      await("AgentDeployed", "False");
      long before = timesNotReady();

      for (int i = 0; i < 3; i++) {
        api.cutConnections();
        awaitChecks();
      }

      assertThat(timesNotReady()).isEqualTo(before);
    }
  }

  @Test
  void connectionsThatAreNotKeptLeaveNoDescriptorsBehind() throws Exception {
    closesEach.set(true);
    try (var _ = connect()) {
      await("Ready", "True");
      awaitChecks();
      long before = descriptors();
      int connections = api.connections.get();

      for (int i = 0; i < 3; i++) {
        awaitChecks();
      }

      assertThat(api.connections.get() - connections).isGreaterThan(2 * CHECKS);
      assertThat(descriptors() - before).isLessThan(2 * CHECKS); // some are on their way out
    }
  }

  private static long descriptors() throws IOException {
    try (var files = Files.list(Path.of("/proc/self/fd"))) {
      return files.count();
    }
  }

  @Test
  void roundsAndAnswersAreMeasured() throws Exception {
    try (var _ = connect()) {
      await("Ready", "True");

      TestServer.eventually(
          "a round was measured", () -> metrics().contains("drover_health_round_seconds "));

      assertThat(metrics())
          .contains(
              "drover_cluster_ping_age_seconds{cluster=\"" + cluster.id() + "\",name=\"one\"} 0.0");
    }
  }

  @Test
  void agentHasTimeToComeBackAfterARestart() throws Exception {
    var agent = connect();
    try {
      await("Ready", "True");
      await("AgentDeployed", "False");
    } finally {
      server.close();
      agent.close();
    }
    server = TestServer.start(server.directory, now::get);
    long before = timesNotReady();
    TestServer.eventually(
        "a round is over", () -> metrics().contains("drover_health_round_seconds "));
    assertThat(condition("Connected")).isEqualTo("True");
    assertThat(timesNotReady()).isEqualTo(before);

    now.updateAndGet(instant -> instant.plus(Duration.ofSeconds(30)));

    await("Connected", "False");
    await("Ready", "False");
  }
}
