package io.drover.e2e;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Predicate;
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
 * it is. The older release is one of before the Explorer: its chart, and what its agent left in the
 * cluster, as recorded ({@code upgrade/README.md}). For the stock agent stands the Go agent on
 * Rancher's own library. The commands are those of docs/upgrade.md.
 */
@Tag("interop")
@Beside
@Order(11)
@TestInstance(Lifecycle.PER_CLASS)
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
@SuppressWarnings("NullAway.Init") // start() sets everything
final class UpgradeIT {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final Duration LIMIT = Duration.ofSeconds(60);
  private static final String OLDER = "0.0.9";
  private static final String RECORDED = "interop/e2e/src/test/resources/upgrade/";

  /** The older agent itself: it then runs, and what it leaves becomes what is recorded. */
  private static final Optional<String> OLDER_AGENT =
      Optional.ofNullable(System.getProperty("drover.older"));

  private Path directory;
  private Path olderChart;
  private ControlPlane plane;
  private Kubectl admin;
  private Kubectl shell;
  private Helm helm;
  private Peer peer;
  private String registration;
  private int agents;

  @BeforeAll
  void start() throws IOException, InterruptedException {
    directory = Programs.directory("upgrade");
    olderChart = Programs.tree(RECORDED + "drover-" + OLDER);
    plane = ControlPlane.start();
    admin = plane.admin();
    shell = new Kubectl(admin.kubeconfig(), Files.createDirectories(directory.resolve("shell")));
    Files.createSymbolicLink(shell.directory().resolve("charts"), Programs.tree("charts"));
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
    var recorded = Programs.tree(RECORDED + "left.json");
    if (OLDER_AGENT.isPresent()) {
      runsAndIsActive(OLDER_AGENT.get());
      Files.writeString(recorded, Leavings.read(admin).toPrettyString() + "\n", UTF_8);
    } else {
      admin.run("apply", "--server-side", "--force-conflicts", "-f", recorded.toString());
    }
    registration = registration();
    assertThat(registration).contains("cattle-credentials-", "cattle-token-");
  }

  /** Their defaults are those of the older chart, in which there is no Explorer. */
  @Test
  @Order(2)
  void valuesOfTheOlderChartAloneAreRefusedByName() throws Exception {
    var refused =
        helm.outcome("upgrade", Helm.RELEASE, Programs.chart().toString(), "--reuse-values");

    assertThat(refused.exitCode()).isNotZero();
    assertThat(refused.stderr()).contains("explorer").doesNotContain("nil pointer");
  }

  @Test
  @Order(3)
  void newerReleaseTakesOverAsItIs() throws Exception {
    var before = Leavings.read(admin);

    page(block -> block.contains("helm upgrade"));

    assertThat(image()).doesNotContain(OLDER);
    runsAndIsActive(Programs.agent());
    assertThat(registration()).isEqualTo(registration);
    var after = Leavings.read(admin);
    assertThat(Leavings.lease(after)).as("taken over").isNotEqualTo(Leavings.lease(before));
    assertThat(Leavings.report(after)).as("written anew").isNotEqualTo(Leavings.report(before));
  }

  /**
   * What an older release reads of a newer one, and the other way round. When this fails, what is
   * kept has another form: then the next release has to understand the former one, too.
   */
  @Test
  @Order(4)
  void whatIsKeptInTheClusterHasTheFormThatItHad() throws Exception {
    var recorded = JSON.readTree(Programs.tree(RECORDED + "left.json").toFile());

    assertThat(Leavings.form(Leavings.read(admin)))
        .containsExactlyElementsOf(Leavings.form(recorded));
  }

  @Test
  @Order(5)
  void olderReleaseTakesOverAgain() throws Exception {
    page(block -> block.contains("helm rollback"));

    assertThat(image()).endsWith(":" + OLDER);
    if (OLDER_AGENT.isPresent()) {
      runsAndIsActive(OLDER_AGENT.get());
    }
    assertThat(registration()).isEqualTo(registration);
  }

  /** As docs/upgrade.md says: the Deployment cannot run the stock image, so it has to go. */
  @Test
  @Order(6)
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
  @Order(7)
  void newerReleaseTakesOverFromTheStockAgent() throws Exception {
    helm("upgrade", Programs.chart(), "--force-conflicts");

    assertThat(image()).doesNotStartWith("rancher/");
    runsAndIsActive(Programs.agent());
    assertThat(registration()).isEqualTo(registration);
  }

  /** The commands of docs/upgrade.md in a block, as they stand there. */
  private void page(Predicate<String> wanted) throws IOException, InterruptedException {
    var blocks =
        DocPage.blocks("upgrade").stream()
            .filter(block -> block.runner() == DocPage.Runner.DOCS_IT)
            .filter(block -> wanted.test(block.commands()))
            .toList();
    assertThat(blocks).hasSize(1);
    blocks
        .getFirst()
        .run(shell, "export PATH=%s:$PATH\n".formatted(Path.of(Programs.helm()).getParent()));
  }

  /** Until the server and the cluster have all of what an agent tells. */
  private void runsAndIsActive(String program) throws Exception {
    var here = directory.resolve("agent-" + ++agents);
    var imported = Import.read(admin, plane.caFile(), here.resolve("pod"));
    var former = Leavings.report(Leavings.read(admin));
    int mark = peer.process().lineCount();
    try (var agent = Agent.start(program, "agent", here, plane, imported, Map.of())) {
      agent.awaitReady(Agent.READY_LIMIT);
      peer.awaitEvent(mark, "active", LIMIT, _ -> true);
      Await.that(
          "a report is written",
          LIMIT,
          () -> !Leavings.report(Leavings.read(admin)).equals(former));
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
