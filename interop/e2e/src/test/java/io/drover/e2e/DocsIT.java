package io.drover.e2e;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import io.drover.e2e.DocPage.Runner;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.Map;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * The commands of the operator's pages, as they are written there and in that order, at a real API
 * server and the reference server. Those that need a pod are run by {@link PodsIT}.
 */
@Tag("interop")
@Beside
@Order(11)
final class DocsIT {
  private static final Duration LIMIT = Duration.ofSeconds(60);

  /** What cannot be run at all: few, and each is looked at again when one more is added. */
  private static final int MAX_NOT_RUN = 6;

  @Test
  void whatIsNotRunIsLittle() throws Exception {
    for (String page : DocPage.ALL) {
      assertThat(DocPage.blocks(page)).as(page).anyMatch(block -> block.runner() == Runner.DOCS_IT);
    }

    assertThat(DocPage.blocks(Runner.NOBODY)).hasSizeLessThanOrEqualTo(MAX_NOT_RUN);
  }

  @Test
  void commandsOfThePagesDoWhatTheySayAndLeaveNothing() throws Exception {
    var directory = Programs.directory("docs");
    var home = Files.createDirectories(directory.resolve("home"));
    Files.createSymbolicLink(home.resolve("charts"), Programs.tree("charts"));
    Files.createDirectories(home.resolve(".kube"));
    try (var plane = ControlPlane.start();
        var server = DroverServer.start(directory)) {
      var before = ClusterObjects.settled(plane.admin());
      var cluster = server.createCluster("docs");
      var shell = shell(plane, server, cluster, home);

      run(shell, "install");
      try (var agent = agent(plane, directory)) {
        agent.awaitReady(Agent.READY_LIMIT);
        server.awaitActive(cluster.path("id").asText());
        Files.writeString(
            home.resolve(".profile"),
            "export DROVER_HEALTH_ADDRESS=%s DROVER_LOG_SOCKET=off%n"
                .formatted(agent.health().getAuthority()),
            StandardOpenOption.APPEND);
        for (String page : DocPage.ALL.subList(1, DocPage.ALL.size() - 1)) {
          run(shell, page);
        }
        agent.process().terminate();
        assertThat(agent.process().awaitExit(LIMIT)).isZero();
      }
      run(shell, DocPage.ALL.getLast());

      ClusterObjects.awaitSame(plane.admin(), before);
    }
  }

  private static Agent agent(ControlPlane plane, Path directory)
      throws IOException, InterruptedException {
    var imported = Import.read(plane.admin(), plane.caFile(), directory.resolve("pod"));
    return Agent.start("agent", directory, plane, imported, Map.of());
  }

  /** A terminal of an operator who stands at the top of the tree. */
  private static Kubectl shell(ControlPlane plane, DroverServer server, JsonNode cluster, Path home)
      throws IOException {
    Files.copy(plane.admin().kubeconfig(), home.resolve(".kube/config"));
    Files.writeString(
        home.resolve(".profile"),
        """
        export PATH=%s:%s:$PATH
        SERVER=%s TOKEN=%s CHECKSUM=%s
        """
            .formatted(
                Path.of(Programs.helm()).getParent(),
                Path.of(Programs.agent()).getParent(),
                server.url(),
                cluster.path("token").asText(),
                server.caChecksum()),
        UTF_8);
    return new Kubectl(plane.admin().kubeconfig(), home);
  }

  private static void run(Kubectl shell, String page) throws IOException, InterruptedException {
    for (var block : DocPage.blocks(page)) {
      if (block.runner() == Runner.DOCS_IT) {
        block.run(shell, ". ./.profile\n");
      } else {
        System.out.printf("docs/%s.md, not run here: %s%n", page, block.reason());
      }
    }
  }
}
