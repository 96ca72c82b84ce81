package io.drover.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.net.Socket;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.TestInstance.Lifecycle;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.api.extension.ExtendWith;

/** Two servers on one PostgreSQL, and before them what passes connections on to one of them. */
@Tag("interop")
@Order(6)
@ExtendWith(WithControlPlane.class)
@TestInstance(Lifecycle.PER_CLASS)
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
@SuppressWarnings("NullAway.Init") // install() sets everything
final class ReplicasIT {
  private static final Duration BACK = Duration.ofSeconds(75);
  private static final Duration SEEN = Duration.ofSeconds(20);

  private Path directory;
  private PostgreSql database;
  private DroverServer one;
  private DroverServer other;
  private Front balancer;
  private volatile URI behind;
  private String id;
  private ControlPlane plane;
  private Agent agent;

  @BeforeAll
  void install(ControlPlane shared) throws Exception {
    plane = shared;
    directory = Programs.directory("replicas");
    database = PostgreSql.start(directory.resolve("postgres"));
    var certificates = new Certificates(directory.resolve("certificates"));
    certificates.authority("ca", "replicas", null);
    one = start("one", certificates);
    other = start("other", certificates);
    behind = one.url();
    balancer =
        Front.plain(
            socket -> {
              try (var onward = new Socket(behind.getHost(), behind.getPort())) {
                Front.relay(socket, onward);
              }
            });
    var cluster = (ObjectNode) one.createCluster("replicated");
    id = cluster.path("id").asText();
    var manifest = URI.create(cluster.path("manifestUrl").asText());
    cluster.put("manifestUrl", "https://127.0.0.1:" + balancer.port() + manifest.getRawPath());
    var imported = plane.apply(one.manifest(cluster), directory.resolve("pod"));
    agent = Agent.start("agent", directory, plane, imported, Map.of());
    agent.awaitReady(Agent.READY_LIMIT);
    one.awaitActive(id);
  }

  /** Each with a certificate of its own, of one authority. */
  private DroverServer start(String name, Certificates certificates) throws Exception {
    var own = Files.createDirectories(directory.resolve(name));
    certificates.server(name, "ca", "-1d", "san=ip:127.0.0.1");
    var chain =
        Files.writeString(own.resolve("tls.pem"), certificates.pem(name) + certificates.pem("ca"));
    var key =
        Files.writeString(
            own.resolve("tls.key"),
            "-----BEGIN PRIVATE KEY-----\n"
                + Base64.getMimeEncoder(64, new byte[] {'\n'})
                    .encodeToString(certificates.key(name))
                + "\n-----END PRIVATE KEY-----\n");
    var ca = Files.writeString(own.resolve("ca.pem"), certificates.pem("ca"));
    return DroverServer.start(
        own,
        "--database-url=" + database.url(),
        "--peer-url=https://127.0.0.1",
        "--tls-certificate=" + chain,
        "--tls-key=" + key,
        "--tls-ca=" + ca);
  }

  @AfterAll
  void close() throws IOException {
    if (agent != null) {
      agent.close();
    }
    for (var server : new DroverServer[] {one, other}) {
      if (server != null) {
        server.close();
      }
    }
    if (balancer != null) {
      balancer.close();
    }
    if (database != null) {
      database.close();
    }
  }

  private ClusterUse use(DroverServer server, String name) throws Exception {
    var files = Files.createDirectories(directory.resolve(name));
    return new ClusterUse(plane, server.kubectl(id), files, name);
  }

  private String connected(DroverServer server) throws IOException, InterruptedException {
    return StreamSupport.stream(server.cluster(id).path("conditions").spliterator(), false)
        .filter(condition -> condition.path("type").asText().equals("Connected"))
        .map(condition -> condition.path("status").asText())
        .findFirst()
        .orElse("");
  }

  /** What was ever said of it since the agent was there first, oldest first. */
  private List<String> timeLine() throws IOException, InterruptedException {
    var said = new ArrayList<String>();
    for (var change : other.timeLine(id).path("data")) {
      var status = change.path("status").asText();
      if (change.path("type").asText().equals("Connected")
          && !status.equals(said.isEmpty() ? "False" : said.getLast())) { // not in other words
        said.add(status);
      }
    }
    return said;
  }

  @Test
  @Order(1)
  void serverWithoutTheAgentServesKubectlByWayOfTheOther() throws Exception {
    other.awaitActive(id);
    var through = use(other, "by-the-other");

    through.appliesGetsAndDeletes();
    through.followsLogs();
    through.runsCommandsInPods();
    through.copiesBigFiles();
    through.forwardsPorts();
    use(one, "by-its-own").appliesGetsAndDeletes();
    assertThat(timeLine()).containsExactly("True");
  }

  @Test
  @Order(2)
  void agentOfAKilledServerGoesToTheOtherWhichThenServesAlone() throws Exception {
    behind = other.url();
    one.kill();

    agent.awaitUnready(Duration.ofSeconds(10));
    agent.awaitReady(BACK);
    other.awaitActive(id);
    var through = use(other, "alone");
    through.appliesGetsAndDeletes();
    through.runsCommandsInPods();
    assertThat(timeLine()).as("it was away for seconds only").containsExactly("True");
  }

  @Test
  @Order(3)
  void serverThatComesBackServesByWayOfTheOne() throws Exception {
    one.restart();
    one.awaitActive(id);

    var through = use(one, "come-back");
    through.appliesGetsAndDeletes();
    through.runsCommandsInPods();
    assertThat(timeLine()).containsExactly("True");
  }

  @Test
  @Order(4)
  void agentThatHasGoneIsDisconnectedAtBoth() throws Exception {
    agent.close();

    for (var server : List.of(one, other)) {
      Await.that("disconnected", SEEN, () -> connected(server).equals("False"));
    }
    assertThat(timeLine()).containsExactly("True", "False");
  }
}
