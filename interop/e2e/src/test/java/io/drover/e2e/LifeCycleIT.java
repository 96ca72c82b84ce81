package io.drover.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.TestInstance.Lifecycle;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Imported into the reference server, at work, and removed, both ways: every object of the cluster
 * before is compared with every object after.
 */
@Tag("interop")
@Beside
@Order(11)
@TestInstance(Lifecycle.PER_CLASS)
@SuppressWarnings("NullAway.Init") // start() sets everything
final class LifeCycleIT {
  private static final Duration LIMIT = Duration.ofSeconds(60);
  private static final String REQUESTS = "management.cattle.io/pod-requests";
  private static final String PROJECT = "field.cattle.io/projectId";

  private Path directory;
  private ControlPlane plane;
  private Kubectl admin;
  private DroverServer server;
  private ClusterObjects before;

  @BeforeAll
  void start() throws IOException, InterruptedException {
    directory = Programs.directory("life-cycle");
    plane = ControlPlane.start();
    admin = plane.admin();
    server = DroverServer.start(directory);
    admin.run("create", "namespace", "shop");
    admin.run("annotate", "namespace", "shop", PROJECT + "=c-abc:p-abc"); // as Rancher does
    before = ClusterObjects.settled(admin);
  }

  @AfterAll
  void close() {
    if (server != null) {
      server.close();
    }
    if (plane != null) {
      plane.close();
    }
  }

  @Test
  void importedByKubectlAndRemovedByKubectl() throws Exception {
    var cluster = server.createCluster("by-manifest");
    var url = cluster.path("manifestUrl").asText();

    kubectl("apply", "-f", url);
    workAndStop("by-manifest", cluster, "configmaps");
    kubectl("delete", "-f", url);

    takeMarksOff();
    ClusterObjects.awaitSame(admin, before);
  }

  @ParameterizedTest
  @ValueSource(ints = {4, 3})
  void importedByChartAndUninstalled(int helmVersion) throws Exception {
    var name = "by-chart-" + helmVersion;
    var cluster = server.createCluster(name);
    var helm = new Helm(admin, helmVersion);
    admin.run("create", "namespace", Import.NAMESPACE);

    helm.outcome(
            "install",
            Helm.RELEASE,
            Programs.chart().toString(),
            "--wait",
            "--timeout=50s",
            "--set",
            "server.url=%s,server.token=%s,server.caChecksum=%s"
                .formatted(server.url(), cluster.path("token").asText(), server.caChecksum()))
        .expect(0);
    workAndStop(name, cluster, "clusterreports");
    helm.outcome("uninstall", Helm.RELEASE, "--wait").expect(0);

    admin.run("delete", "namespace", Import.NAMESPACE);
    admin.run("delete", "crd", "clusterreports.drover.io");
    takeMarksOff();
    ClusterObjects.awaitSame(admin, before);
  }

  /** Kubectl trusts the server as an operator's would. */
  private void kubectl(String... arguments) throws IOException, InterruptedException {
    var command = new ArrayList<>(List.of("env", "SSL_CERT_FILE=" + server.caFile(), "kubectl"));
    command.addAll(List.of(arguments));
    admin.outcome(new byte[0], command).expect(0);
  }

  /**
   * The agent as a process, with all that its Deployment gives it, until it has left its marks.
   *
   * @param reports kind that they are kept in
   */
  private void workAndStop(String name, JsonNode cluster, String reports) throws Exception {
    var here = directory.resolve(name);
    var imported = Import.read(admin, plane.caFile(), here.resolve("pod"));
    try (var agent = Agent.start("agent", here, plane, imported, Map.of())) {
      agent.awaitReady(Agent.READY_LIMIT);
      server.awaitActive(cluster.path("id").asText());
      assertThat(
              server
                  .kubectl(cluster.path("id").asText())
                  .run("get", "namespace", "shop", "-o", "name"))
          .isEqualTo("namespace/shop\n");
      Await.that("marks of the agent", LIMIT, () -> marks(reports).containsAll(ALL_MARKS));
      agent.process().terminate();
      assertThat(agent.process().awaitExit(LIMIT)).isZero();
    }
  }

  private static final List<String> ALL_MARKS =
      List.of("lease", "report", "token", "aggregation", "node", "namespace");

  /** What the agent has done to the cluster. */
  private List<String> marks(String reports) throws IOException, InterruptedException {
    var marks = new ArrayList<String>();
    for (var object :
        admin
            .json("get", "leases,secrets,nodes,namespaces," + reports, "-A", "-o", "json")
            .path("items")) {
      var metadata = object.path("metadata");
      var name = metadata.path("name").asText();
      switch (object.path("kind").asText()) {
        case "Lease" -> add(marks, "lease", name.equals("drover-agent"));
        case "ClusterReport" -> add(marks, "report", true);
        case "ConfigMap" -> add(marks, "report", name.equals("drover-cluster-report"));
        case "Secret" -> {
          add(marks, "token", name.startsWith("cattle-token-"));
          add(marks, "aggregation", name.equals("stv-aggregation"));
        }
        case "Node" -> add(marks, "node", metadata.path("annotations").has(REQUESTS));
        default -> add(marks, "namespace", metadata.path("labels").has(PROJECT));
      }
    }
    return marks;
  }

  private static void add(List<String> marks, String mark, boolean isThere) {
    if (isThere) {
      marks.add(mark);
    }
  }

  /** As docs/uninstall.md says. */
  private void takeMarksOff() throws IOException, InterruptedException {
    for (String mark : List.of(REQUESTS, "management.cattle.io/pod-limits")) {
      admin.run("annotate", "nodes", "--all", mark.concat("-"));
    }
    admin.run("label", "namespaces", "--all", PROJECT.concat("-"));
  }
}
