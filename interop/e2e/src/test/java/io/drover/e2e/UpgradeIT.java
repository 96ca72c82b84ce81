package io.drover.e2e;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.TestInstance.Lifecycle;
import org.junit.jupiter.api.TestMethodOrder;

/**
 * From one release to the next and back, to the stock agent and back: the registration stays what
 * it is. No release has come before this one; the chart with an older version stands for it, and
 * the Go agent on Rancher's own library for the stock agent.
 */
@Tag("interop")
@Beside
@Order(11)
@TestInstance(Lifecycle.PER_CLASS)
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
@SuppressWarnings("NullAway.Init") // start() sets everything
final class UpgradeIT {
  private static final Duration LIMIT = Duration.ofSeconds(60);
  private static final String OLDER = "0.0.9";

  private Path directory;
  private Path olderChart;
  private ControlPlane plane;
  private Kubectl admin;
  private Helm helm;
  private Peer peer;
  private String registration;
  private int agents;

  @BeforeAll
  void start() throws IOException, InterruptedException {
    directory = Programs.directory("upgrade");
    olderChart = olderChart(directory.resolve("older/drover"));
    plane = ControlPlane.start();
    admin = plane.admin();
    helm = new Helm(admin);
    peer = Peer.start(directory, Peer.VERSIONS.getFirst(), Installation.FREQUENT_CHECKS);
    admin.run("create", "namespace", Import.NAMESPACE);
  }

  @AfterAll
  void close() {
    if (peer != null) {
      peer.close();
    }
    if (plane != null) {
      plane.close();
    }
  }

  private static Path olderChart(Path to) throws IOException {
    var from = Programs.chart();
    try (Stream<Path> files = Files.walk(from)) {
      for (Path file : files.filter(Files::isRegularFile).toList()) {
        var copy = to.resolve(from.relativize(file).toString());
        Files.createDirectories(copy.getParent());
        Files.copy(file, copy);
      }
    }
    var chart = to.resolve("Chart.yaml");
    Files.writeString(
        chart,
        Files.readString(chart, UTF_8)
            .replaceAll("(?m)^version: .*", "version: " + OLDER)
            .replaceAll("(?m)^appVersion: .*", "appVersion: " + OLDER),
        UTF_8);
    return to;
  }

  private void helm(String command, Path chart, String... more)
      throws IOException, InterruptedException {
    var arguments =
        new ArrayList<>(
            List.of(
                command,
                Helm.RELEASE,
                chart.toString(),
                "--wait",
                "--timeout=50s",
                "--set",
                "server.url=%s,server.token=%s,server.caChecksum=%s"
                    .formatted(peer.url(), Peer.TOKEN, peer.caChecksum())));
    arguments.addAll(List.of(more));
    helm.outcome(arguments.toArray(String[]::new)).expect(0);
  }

  @Test
  @Order(1)
  void olderReleaseRegistersTheCluster() throws Exception {
    helm("install", olderChart);

    assertThat(image()).endsWith(":" + OLDER);
    runsAndIsActive();
    registration = registration();
    assertThat(registration).contains("cattle-credentials-", "cattle-token-");
  }

  @Test
  @Order(2)
  void newerReleaseTakesOverAsItIs() throws Exception {
    helm("upgrade", Programs.chart());

    assertThat(image()).doesNotContain(OLDER);
    runsAndIsActive();
    assertThat(registration()).isEqualTo(registration);
  }

  @Test
  @Order(3)
  void olderReleaseTakesOverAgain() throws Exception {
    helm.outcome("rollback", Helm.RELEASE, "1", "--wait", "--timeout=50s").expect(0);

    assertThat(image()).endsWith(":" + OLDER);
    runsAndIsActive();
    assertThat(registration()).isEqualTo(registration);
  }

  /** As docs/upgrade.md says: the Deployment cannot run the stock image, so it has to go. */
  @Test
  @Order(4)
  void stockAgentTakesOverWithTheSameRegistration() throws Exception {
    admin.run("-n", Import.NAMESPACE, "delete", "deployment", "cattle-cluster-agent");
    admin.outcome(peer.manifest(), "apply", "-f", "-").expect(0);

    assertThat(image()).startsWith("rancher/rancher-agent:");
    assertThat(podSpec().path("securityContext")).as("of the chart").isEmpty();
    assertThat(registration()).isEqualTo(registration);
    var here = directory.resolve("stock");
    var imported = Import.read(admin, plane.caFile(), here.resolve("pod"));
    assertThat(imported.token()).isEqualTo(Peer.TOKEN);
    int mark = peer.process().lineCount();
    try (var _ =
        GoAgent.start(here, plane, peer.url(), peer.caFile(), imported.token(), imported)) {
      peer.awaitEvent(mark, "ready", LIMIT, _ -> true);
    }
  }

  @Test
  @Order(5)
  void newerReleaseTakesOverFromTheStockAgent() throws Exception {
    helm("upgrade", Programs.chart(), "--force-conflicts");

    assertThat(image()).doesNotStartWith("rancher/");
    runsAndIsActive();
    assertThat(registration()).isEqualTo(registration);
  }

  private void runsAndIsActive() throws Exception {
    var here = directory.resolve("agent-" + ++agents);
    var imported = Import.read(admin, plane.caFile(), here.resolve("pod"));
    int mark = peer.process().lineCount();
    try (var agent = Agent.start("agent", here, plane, imported, Map.of())) {
      agent.awaitReady(Agent.READY_LIMIT);
      peer.awaitEvent(mark, "active", LIMIT, _ -> true);
      agent.process().terminate();
      assertThat(agent.process().awaitExit(LIMIT)).isZero();
      peer.awaitEvent(mark, "inactive", LIMIT, _ -> true);
    }
  }

  private JsonNode podSpec() throws IOException, InterruptedException {
    return admin
        .json("-n", Import.NAMESPACE, "get", "deployment", "cattle-cluster-agent", "-o", "json")
        .at("/spec/template/spec");
  }

  private String image() throws IOException, InterruptedException {
    return podSpec().at("/containers/0/image").asText();
  }

  private String credentials() throws IOException, InterruptedException {
    return podSpec().at("/volumes/0/secret/secretName").asText();
  }

  /** The objects that the server knows the cluster by: each with its name and its uid. */
  private String registration() throws IOException, InterruptedException {
    var lines = new StringBuilder(credentials());
    for (var object :
        admin
            .json("-n", Import.NAMESPACE, "get", "secrets,serviceaccounts", "-o", "json")
            .path("items")) {
      var name = object.at("/metadata/name").asText();
      if (name.matches("cattle|cattle-credentials-.*|cattle-token-.*")) {
        lines.append("\n%s %s".formatted(name, object.at("/metadata/uid").asText()));
      }
    }
    return lines.toString();
  }
}
