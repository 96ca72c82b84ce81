package io.drover.agent;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.BufferedReader;
import java.io.IOException;
import java.net.InetAddress;
import java.net.Socket;
import java.net.SocketException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The agent as a process, towards a server and a cluster that do not answer. */
@Timeout(60)
class MainProcessTest {
  private static final Pattern HEALTH = Pattern.compile("127\\.0\\.0\\.1:(\\d+)");

  @TempDir private Path directory;

  @Test
  void sigtermEndsWithZeroAndNoSecretIsLogged() throws Exception {
    Process agent = startWithoutPeers();
    try (var log = agent.inputReader(UTF_8)) {
      var lines = readUntil(log, "health served");
      assertThat(Files.exists(directory.resolve("log.sock"))).isTrue();

      agent.toHandle().destroy(); // by way of the process it would close the log as well
      for (String line = log.readLine(); line != null; line = log.readLine()) {
        lines.add(line);
      }

      assertThat(agent.waitFor(30, TimeUnit.SECONDS)).isTrue();
      assertThat(agent.exitValue()).as(String.join("\n", lines)).isZero();
      assertThat(lines)
          .allMatch(line -> line.startsWith("{\"time\":"))
          .anyMatch(line -> line.contains("agent stops: limit=PT18S"))
          .noneMatch(line -> line.contains("hunter"));
      assertThat(Files.exists(directory.resolve("log.sock"))).isFalse();
    } finally {
      agent.destroyForcibly();
    }
  }

  @Test
  void httpConnectionsHaveALimitInNumberAndTime() throws Exception {
    Process agent = startWithoutPeers();
    var clients = new ArrayList<Socket>();
    try (var log = agent.inputReader(UTF_8)) {
      var health = HEALTH.matcher(readUntil(log, "health served").getLast());
      assertThat(health.find()).isTrue();
      int port = Integer.parseInt(health.group(1));
      for (int i = 0; i < Main.MAX_HTTP_CONNECTIONS; i++) {
        var client = new Socket(InetAddress.getLoopbackAddress(), port);
        client.getOutputStream().write("GET /livez HT".getBytes(UTF_8));
        clients.add(client);
      }
      try (var oneMore = new Socket(InetAddress.getLoopbackAddress(), port)) {
        assertThat(ends(oneMore)).as("closed at once").isTrue();
      }

      for (var client : clients) {
        assertThat(ends(client)).as("closed after %d s", Main.MAX_HTTP_SECONDS).isTrue();
      }

      try (var next = new Socket(InetAddress.getLoopbackAddress(), port)) {
        next.getOutputStream().write("GET /livez HTTP/1.0\r\n\r\n".getBytes(UTF_8));
        assertThat(new String(next.getInputStream().readAllBytes(), UTF_8)).contains(" 200 OK");
      }
    } finally {
      for (var client : clients) {
        client.close();
      }
      agent.destroyForcibly();
    }
  }

  private static boolean ends(Socket client) throws IOException {
    try {
      return client.getInputStream().read() < 0;
    } catch (SocketException e) {
      return true; // reset, since it was closed with a part of a request unread
    }
  }

  private Process startWithoutPeers() throws IOException {
    Path credentials = Files.createDirectory(credentials());
    Files.writeString(credentials.resolve("url"), "https://127.0.0.1:1");
    Files.writeString(credentials.resolve("token"), "hunter2hunter2");
    Files.writeString(
        directory.resolve("kubeconfig"),
        """
        apiVersion: v1
        kind: Config
        current-context: here
        contexts: [{name: here, context: {cluster: here, user: me}}]
        clusters: [{name: here, cluster: {server: "https://127.0.0.1:1"}}]
        users: [{name: me, user: {token: hunter2}}]
        """);
    return start(environment());
  }

  private Path credentials() {
    return directory.resolve("credentials");
  }

  private Map<String, String> environment() {
    return Map.of(
        "CATTLE_SERVER", "https://127.0.0.1:1",
        "CATTLE_TRACE", "true",
        "KUBECONFIG", directory.resolve("kubeconfig").toString(),
        "DROVER_CREDENTIALS_DIR", credentials().toString(),
        "DROVER_HEALTH_ADDRESS", "127.0.0.1:0",
        "DROVER_LOG_SOCKET", directory.resolve("log.sock").toString(),
        "DROVER_LOG_FORMAT", "json",
        "DROVER_DRAIN_SECONDS", "1");
  }

  @Test
  void aSecondAgentBesideTheFirstIsRefused() throws Exception {
    Process agent = startWithoutPeers();
    try (var lines = agent.inputReader()) {
      while (!lines.readLine().contains("health served")) {
        // The control socket is served before.
      }
      Process second = start(environment());
      var said = new String(second.getInputStream().readAllBytes(), UTF_8);

      assertThat(second.waitFor()).isEqualTo(Main.FAILED);
      assertThat(said).contains("AlreadyRunning", "log.sock", "drover-agent status");
      assertThat(said).doesNotContain("agent starts");
      assertThat(agent.isAlive()).isTrue();
    } finally {
      agent.destroyForcibly();
      agent.waitFor();
    }
    Process next = start(environment());
    try (var lines = next.inputReader()) {
      assertThat(lines.readLine()).as("the socket of one that was killed").contains("agent starts");
    } finally {
      next.destroyForcibly();
    }
  }

  @Test
  void badConfigurationEndsWithTwo() throws Exception {
    Process agent = start(Map.of());

    assertThat(new String(agent.getInputStream().readAllBytes(), UTF_8))
        .contains("CATTLE_SERVER is not set");
    assertThat(agent.waitFor()).isEqualTo(Main.BAD_CONFIGURATION);
  }

  private Process start(Map<String, String> environment) throws IOException {
    var java = ProcessHandle.current().info().command().orElseThrow();
    var builder =
        new ProcessBuilder(
            java, "-cp", System.getProperty("java.class.path"), Main.class.getName());
    builder.environment().clear();
    builder.environment().putAll(environment);
    return builder.redirectErrorStream(true).start();
  }

  private static List<String> readUntil(BufferedReader log, String event) throws IOException {
    var lines = new ArrayList<String>();
    for (String line = log.readLine(); line != null; line = log.readLine()) {
      lines.add(line);
      if (line.contains(event)) {
        return lines;
      }
    }
    throw new AssertionError("ended without '" + event + "': " + lines);
  }
}
