package io.drover.e2e;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.TestInstance.Lifecycle;
import org.junit.jupiter.api.TestMethodOrder;

/** Where reports go, and who writes them: two agents in a cluster of their own, and our server. */
@Tag("interop")
@Beside
@Order(10)
@TestInstance(Lifecycle.PER_CLASS)
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
@SuppressWarnings("NullAway.Init") // install() sets everything
final class ReportIT {
  /** From the start of the first agent. */
  private static final Duration FIRST_REPORT = Duration.ofSeconds(10);

  /** A lead that was given up is found vacant at the next look, of which two are 121 s apart. */
  private static final Duration TAKEOVER = Duration.ofMinutes(3);

  /** What has been put into the cluster goes to the server right behind it. */
  private static final Duration SOON = Duration.ofSeconds(10);

  private static final String NAMESPACE = "cattle-system";
  private static final ObjectMapper JSON = new ObjectMapper();

  private ControlPlane plane;
  private DroverServer server;
  private JsonNode cluster;
  private Agent first;
  private Agent second;

  @BeforeAll
  void install() throws IOException, InterruptedException {
    plane = ControlPlane.start();
    var directory = Programs.directory("report");
    server = DroverServer.start(directory);
    cluster = server.createCluster("reporting");
    var imported = plane.apply(server.manifest(cluster), directory.resolve("pod"));
    plane.admin().run("apply", "-f", Programs.chart().resolve("crds").toString());
    plane.admin().run("wait", "--for=condition=Established", "crd", "clusterreports.drover.io");
    var more = Map.of("DROVER_REPORT_URL", server.url() + "/v3/reports");
    first = Agent.start("first", directory, plane, imported, more);
    Await.that("a report is in the cluster", FIRST_REPORT, () -> stored().isPresent());
    second = Agent.start("second", Programs.directory("report-second"), plane, imported, more);
  }

  @AfterAll
  void close() {
    for (AutoCloseable one : new AutoCloseable[] {second, first, server, plane}) {
      try {
        if (one != null) {
          one.close();
        }
      } catch (Exception e) {
        throw new IllegalStateException(e);
      }
    }
  }

  private Optional<JsonNode> stored() throws IOException, InterruptedException {
    var outcome =
        plane
            .admin()
            .outcome(
                new byte[0],
                "-n",
                NAMESPACE,
                "get",
                "clusterreport",
                "cluster",
                "-o",
                "json",
                "--ignore-not-found");
    return outcome.exitCode() != 0 || outcome.stdout().isBlank()
        ? Optional.empty()
        : Optional.of(JSON.readTree(outcome.stdout()));
  }

  @Test
  @Order(1)
  void clusterSaysInALineHowItIs() throws Exception {
    var lines = plane.admin().run("get", "clusterreports", "-A", "--no-headers").lines().toList();

    assertThat(lines).singleElement().asString().contains(NAMESPACE, "cluster", "True", "1/1");
    assertThat(lines.getFirst()).contains("standard");
    assertThat(stored().orElseThrow().at("/report/capabilities/nodePortRange").asText())
        .isEqualTo("30000-32767");
  }

  @Test
  @Order(1)
  void nothingElseIsLeftOfTheAttempts() throws Exception {
    assertThat(plane.admin().run("-n", NAMESPACE, "get", "services", "-o", "name"))
        .doesNotContain("drover-trial");
  }

  @Test
  @Order(1)
  void serverHasTheSameReport() throws Exception {
    var id = cluster.path("id").asText();
    Await.that(
        "the server has a report", SOON, () -> server.cluster(id).path("nodeCount").asInt() == 1);

    assertThat(server.cluster(id).at("/capabilities/nodePortRange").asText())
        .isEqualTo("30000-32767");
  }

  @Test
  @Order(1)
  void onlyOneLeads() throws Exception {
    assertThat(List.of(first.figure("drover_report_leader"), second.figure("drover_report_leader")))
        .containsExactly(1L, 0L);
    assertThat(first.figure("drover_cluster_ready")).isEqualTo(1);
  }

  @Test
  @Order(2)
  void newStorageClassIsReportedSoon() throws Exception {
    createStorageClass("another");

    awaitStorageClass("another");
    Await.that(
        "the server has it, too",
        SOON,
        () -> server.report(cluster.path("id").asText()).toString().contains("another"));
  }

  /** Kills it: watches end without a word, and what comes next is refused for some seconds. */
  @Test
  @Order(3)
  void afterTheApiServerWasKilledReportsGoOn() throws Exception {
    plane.restartApiServer();

    createStorageClass("third");

    awaitStorageClass("third");
    assertThat(first.process().isAlive()).isTrue();
  }

  private void createStorageClass(String name) throws Exception {
    plane
        .admin()
        .outcome(
            """
            {"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass",
             "metadata": {"name": "%s"}, "provisioner": "rancher.io/local-path"}
            """
                .formatted(name)
                .getBytes(UTF_8),
            "create",
            "-f",
            "-")
        .expect(0);
  }

  private void awaitStorageClass(String name) throws InterruptedException {
    Await.that(
        "the new class is reported",
        Duration.ofMinutes(1),
        () ->
            stored()
                .map(object -> object.at("/report/details/storageClasses").toString())
                .filter(classes -> classes.contains(name))
                .isPresent());
  }

  @Test
  @Order(4)
  void leaderThatStopsIsReplaced() throws Exception {
    var instance = stored().orElseThrow().at("/report/agent/instance").asText();
    plane.admin().run("-n", NAMESPACE, "create", "service", "clusterip", "rancher", "--tcp=443");

    first.process().terminate();

    Await.that(
        "the other replica leads", TAKEOVER, () -> second.figure("drover_report_leader") == 1);
    Await.that(
        "the report is the other's",
        Duration.ofMinutes(1),
        () -> !stored().orElseThrow().at("/report/agent/instance").asText().equals(instance));
  }

  /** Its Service was made above: it is looked for once a minute, in what is mirrored. */
  @Test
  @Order(5)
  void agentGivesWayToARancherInItsCluster() throws Exception {
    Await.that(
        "the steve tunnel is given up",
        Duration.ofMinutes(2),
        () -> second.metric("connected", "steve") == 0);
    assertThat(second.metric("connected", "cluster")).isEqualTo(1);
  }
}
