package io.drover.server;

import static org.assertj.core.api.Assertions.assertThat;

import io.drover.server.store.Database;
import io.drover.server.store.RegistrationTokens;
import io.drover.server.store.Store;
import java.io.IOException;
import java.lang.ProcessBuilder.Redirect;
import java.nio.file.Path;
import java.time.InstantSource;
import java.util.HashMap;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The program as it is shipped, killed in the midst of its work. */
@Timeout(600)
class KillIT {
  private static final Path LAUNCHER = Path.of("target", "drover-server", "bin", "drover-server");
  private static final int KILLS = 50;
  private static final int CLIENTS = 3;

  /** The longest time that it works before it is killed. */
  private static final int LONGEST_WORK_MILLIS = 200;

  @TempDir private Path directory;

  @Test
  void killedServerHasAllThatItAcknowledged() throws Exception {
    var random = new Random(1);
    Map<String, String> acknowledged = new HashMap<>(); // cluster by token
    for (int kill = 0; kill < KILLS; kill++) {
      var before = acknowledged.size();
      acknowledged.putAll(workAndKill(kill, random.nextInt(LONGEST_WORK_MILLIS)));

      try (var database = Database.open(Database.fileIn(directory))) {
        var store = new Store(database, InstantSource.system());
        var tokens = new RegistrationTokens(database, InstantSource.system());
        acknowledged.forEach(
            (token, clusterId) -> {
              assertThat(tokens.clusterOf(token)).isPresent();
              assertThat(store.cluster(clusterId)).isPresent();
            });
      }
      assertThat(acknowledged.size()).isGreaterThan(before);
    }
  }

  private Map<String, String> workAndKill(int round, int millis) throws Exception {
    var builder =
        new ProcessBuilder(
                LAUNCHER.toAbsolutePath().toString(),
                "run",
                "--listen=127.0.0.1:0",
                "--dir=" + directory)
            .redirectError(Redirect.DISCARD);
    builder.environment().put("DROVER_JAVA_HOME", System.getProperty("java.home"));
    var process = builder.start();
    var acknowledged = new ConcurrentHashMap<String, String>();
    try (var threads = Executors.newVirtualThreadPerTaskExecutor()) {
      assertThat(process.inputReader().readLine()).contains("caChecksum");
      var first = new CountDownLatch(1);
      for (int client = 0; client < CLIENTS; client++) {
        var prefix = "k" + round + "-" + client + "-";
        var _ = threads.submit(() -> work(prefix, acknowledged, first));
      }
      assertThat(first.await(60, TimeUnit.SECONDS)).isTrue();
      Thread.sleep(millis); // at a random moment, which is the test
      process.destroyForcibly().waitFor();
    } finally {
      process.destroyForcibly();
    }
    return acknowledged;
  }

  private void work(String prefix, Map<String, String> acknowledged, CountDownLatch first) {
    try (var server = RunningServer.of(directory)) {
      for (int i = 0; ; i++) {
        var name = TestServer.JSON.createObjectNode().put("name", prefix + i);
        var id = server.post("/v3/clusters", name).path("id").asText();
        var wanted = TestServer.JSON.createObjectNode().put("clusterId", id);
        var token = server.post("/v3/clusterregistrationtokens", wanted).path("token").asText();
        acknowledged.put(token, id);
        first.countDown();
      }
    } catch (IOException e) {
      // It was killed.
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
