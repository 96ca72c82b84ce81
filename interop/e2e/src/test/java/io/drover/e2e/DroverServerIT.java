package io.drover.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.time.Duration;
import java.util.Map;
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

/** Our server with our agent, and with the Go agent. */
@Tag("interop")
@Order(6)
@ExtendWith(WithControlPlane.class)
@TestInstance(Lifecycle.PER_CLASS)
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
@SuppressWarnings("NullAway.Init") // install() sets everything
final class DroverServerIT {
  private static final Duration BACK = Duration.ofSeconds(75);

  private DroverServer server;
  private JsonNode cluster;
  private Import imported;
  private Agent agent;
  private ControlPlane plane;
  private ClusterUse use;

  @BeforeAll
  void install(ControlPlane shared) throws IOException, InterruptedException {
    plane = shared;
    var directory = Programs.directory("drover-server");
    server = DroverServer.start(directory);
    cluster = server.createCluster("ours");
    imported = plane.apply(server.manifest(cluster), directory.resolve("pod"));
    agent = Agent.start("agent", directory, plane, imported, Map.of());
    agent.awaitReady(Agent.READY_LIMIT);
    server.awaitActive(id());
    use = new ClusterUse(plane, server.kubectl(id()), directory, "drover");
  }

  @AfterAll
  void close() {
    if (agent != null) {
      agent.close();
    }
    if (server != null) {
      server.close();
    }
  }

  private String id() {
    return cluster.path("id").asText();
  }

  @Test
  @Order(1)
  void appliesGetsAndDeletes() throws Exception {
    use.appliesGetsAndDeletes();
  }

  @Test
  @Order(1)
  void runsCommandsInPods() throws Exception {
    use.runsCommandsInPods();
  }

  @Test
  @Order(1)
  void followsLogs() throws Exception {
    use.followsLogs();
  }

  @Test
  @Order(1)
  void copiesBigFiles() throws Exception {
    use.copiesBigFiles();
  }

  @Test
  @Order(1)
  void forwardsPorts() throws Exception {
    use.forwardsPorts();
  }

  @Test
  @Order(2)
  void goAgentServesKubectl() throws Exception {
    var directory = Programs.directory("go-agent");
    var other = server.createCluster("go");
    var token = other.path("token").asText();
    try (var _ = GoAgent.start(directory, plane, server.url(), server.caFile(), token, imported)) {
      var otherId = other.path("id").asText();
      server.awaitActive(otherId);
      var through = new ClusterUse(plane, server.kubectl(otherId), directory, "go");
      through.appliesGetsAndDeletes();
      through.runsCommandsInPods();
      through.copiesBigFiles();
    }
  }

  /** Last, for the sake of the others. */
  @Test
  @Order(3)
  void killedServerKeepsItsClustersAndGetsItsAgentBack() throws Exception {
    server.kill();
    agent.awaitUnready(Duration.ofSeconds(10));
    server.restart();

    assertThat(server.clusters()).contains(id()).contains("ours");
    agent.awaitReady(BACK);
    server.awaitActive(id());
    use.appliesGetsAndDeletes();
  }
}
