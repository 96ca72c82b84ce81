package io.drover.e2e;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * The commands of the operator's pages, as they are written there and in that order, at a real API
 * server and the reference server: a block that is marked {@code sh} is run, unless the comment
 * before it says why not.
 */
@Tag("interop")
@Order(11)
final class DocsIT {
  private static final Duration LIMIT = Duration.ofSeconds(60);
  private static final List<String> PAGES =
      List.of(
          "install",
          "rbac",
          "air-gap",
          "proxy-and-ca",
          "check",
          "status",
          "node-agent",
          "upgrade",
          "uninstall");

  /** What cannot be run here: few, and each is looked at again when one more is added. */
  private static final int MAX_NOT_RUN = 9;

  private static final Pattern BLOCK =
      Pattern.compile("(?m)(?:^<!-- not run: (.+) -->\n)?^```sh\n((?s:.*?))^```$");

  /**
   * Commands between two fences.
   *
   * @param notRun why not; empty: they are run
   */
  record Block(String page, Optional<String> notRun, String commands) {}

  private static List<Block> blocks(String page) throws IOException {
    var text = Files.readString(Programs.tree("docs/" + page + ".md"), UTF_8);
    return BLOCK
        .matcher(text)
        .results()
        .map(found -> new Block(page, Optional.ofNullable(found.group(1)), found.group(2)))
        .toList();
  }

  @Test
  void whatIsNotRunIsLittle() throws Exception {
    var notRun = new ArrayList<Block>();
    for (String page : PAGES) {
      var blocks = blocks(page);
      assertThat(blocks).as(page).anyMatch(block -> block.notRun().isEmpty());
      blocks.stream().filter(block -> block.notRun().isPresent()).forEach(notRun::add);
    }

    assertThat(notRun).hasSizeLessThanOrEqualTo(MAX_NOT_RUN);
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
        for (String page : PAGES.subList(1, PAGES.size() - 1)) {
          run(shell, page);
        }
        agent.process().terminate();
        assertThat(agent.process().awaitExit(LIMIT)).isZero();
      }
      run(shell, PAGES.getLast());

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
        set -eu
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
    for (Block block : blocks(page)) {
      if (block.notRun().isPresent()) {
        System.out.printf("docs/%s.md, not run: %s%n", page, block.notRun().get());
        continue;
      }
      var script = ". ./.profile\nset -x\n" + block.commands();
      shell.outcome(script.getBytes(UTF_8), List.of("bash", "-s")).expect(0);
    }
  }
}
