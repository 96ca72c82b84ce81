package io.drover.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
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
 * Imported into the reference server and removed there: every object of the cluster before is
 * compared with every object after. No kubelet runs here, so the test starts the Job's program with
 * what the API server has of the Job, and stops the agent when its Deployment has gone.
 */
@Tag("interop")
@Beside
@Order(11)
@TestInstance(Lifecycle.PER_CLASS)
@SuppressWarnings("NullAway.Init") // start() sets everything
final class RemoveIT {
  /** Of which the Job sleeps a minute. */
  private static final Duration LIMIT = Duration.ofSeconds(150);

  private static final Duration BACK = Duration.ofSeconds(75);

  private Path directory;
  private ControlPlane plane;
  private Kubectl admin;
  private DroverServer server;
  private ClusterObjects before;

  @BeforeAll
  void start() throws IOException, InterruptedException {
    directory = Programs.directory("remove");
    plane = ControlPlane.start();
    admin = plane.admin();
    server = DroverServer.start(directory);
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

  private Agent connect(JsonNode cluster, Path here) throws IOException, InterruptedException {
    var imported = plane.apply(server.manifest(cluster), here.resolve("pod"));
    var agent = Agent.start("agent", here, plane, imported, Map.of());
    agent.awaitReady(Agent.READY_LIMIT);
    server.awaitActive(cluster.path("id").asText());
    return agent;
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void connectedClusterIsCleanedUpByItsJobAndThenGone(boolean isServerKilled) throws Exception {
    var name = isServerKilled ? "killed" : "connected";
    var here = directory.resolve(name);
    var cluster = server.createCluster(name);
    String job;
    try (var agent = connect(cluster, here)) {
      server.delete(name, "--no-wait");
      var made =
          Await.until(
              "the Job, with what it owns",
              LIMIT,
              () -> {
                var found = admin.json("-n", "default", "get", "jobs", "-o", "json").at("/items/0");
                return isOwner(found.at("/metadata/name").asText(""))
                    ? Optional.of(found)
                    : Optional.empty();
              });
      job = made.at("/metadata/name").asText();
      assertThat(server.clusters()).contains("removing " + name);
      if (isServerKilled) {
        server.kill();
        server.restart();
        agent.awaitReady(BACK);
        assertThat(server.clusters()).contains("removing " + name);
      }
      try (var cleanUp = runAs(made, here)) {
        Await.that("the agent's Deployment has gone", LIMIT, this::isDeploymentGone);
        agent.process().terminate();
        assertThat(agent.process().awaitExit(LIMIT)).isZero();
        assertThat(cleanUp.awaitExit(LIMIT)).as(cleanUp.tail()).isZero();
      }
    }
    Await.that("the record has gone", LIMIT, () -> !server.clusters().contains(name));
    // As docs/uninstall.md says: the role may be gone before the binding's turn comes.
    admin.run("delete", "clusterrolebinding", job, "--ignore-not-found");
    deleteEventsOf(job);
    allIsAsBefore();
  }

  /** Those of the Job and its pod, which Kubernetes itself keeps for an hour. */
  private void deleteEventsOf(String job) throws IOException, InterruptedException {
    for (var event : admin.json("-n", "default", "get", "events", "-o", "json").path("items")) {
      if (event.at("/involvedObject/name").asText().startsWith(job)) {
        var name = event.at("/metadata/name").asText();
        admin.run("-n", "default", "delete", "event", name, "--ignore-not-found");
      }
    }
  }

  private boolean isOwner(String job) throws IOException, InterruptedException {
    return !job.isEmpty()
        && admin
            .json("get", "clusterrolebindings", "-o", "json")
            .path("items")
            .valueStream()
            .anyMatch(
                binding ->
                    binding.at("/metadata/name").asText().equals(job)
                        && binding.at("/metadata/ownerReferences/0/name").asText().equals(job));
  }

  private boolean isDeploymentGone() throws IOException, InterruptedException {
    return admin
        .run(
            "-n",
            Import.NAMESPACE,
            "get",
            "deployment",
            "cattle-cluster-agent",
            "--ignore-not-found",
            "-o",
            "name")
        .isEmpty();
  }

  /** The Job's container as a process, with its environment and account, nothing else. */
  private RunningProcess runAs(JsonNode job, Path here) throws IOException, InterruptedException {
    var pod = job.at("/spec/template/spec");
    var container = pod.at("/containers/0");
    var account = Files.createDirectories(here.resolve("job-account"));
    Files.writeString(
        account.resolve("token"),
        admin
            .run("-n", "default", "create", "token", pod.path("serviceAccountName").asText())
            .strip());
    Files.write(account.resolve("ca.crt"), Files.readAllBytes(plane.caFile()));
    var api = URI.create("https://" + plane.address());
    var environment = new HashMap<String, String>();
    for (var variable : container.path("env")) {
      environment.put(variable.path("name").asText(), variable.path("value").asText());
    }
    environment.put("DROVER_SERVICE_ACCOUNT_DIR", account.toString());
    environment.put("KUBERNETES_SERVICE_HOST", api.getHost());
    environment.put("KUBERNETES_SERVICE_PORT", Integer.toString(api.getPort()));
    var command = new ArrayList<>(List.of(Programs.agent()));
    container.path("args").forEach(argument -> command.add(argument.asText()));
    return RunningProcess.start("clean-up", here, environment, command);
  }

  @Test
  void disconnectedClusterGoesAtOnceAndTheCommandThatIsToldCleansUp() throws Exception {
    var here = directory.resolve("disconnected");
    var cluster = server.createCluster("disconnected");
    try (var agent = connect(cluster, here)) {
      agent.process().terminate();
      assertThat(agent.process().awaitExit(LIMIT)).isZero();
    }
    Await.that("unavailable", LIMIT, () -> server.clusters().contains("unavailable disconnected"));

    var told = server.delete("disconnected");

    assertThat(told)
        .contains("these stay in the cluster: namespace cattle-system")
        .contains("to clean up: CLUSTER_CLEANUP=true drover-agent --kubeconfig FILE");
    assertThat(server.clusters()).doesNotContain("disconnected");
    var _ =
        Kubectl.through(
            "https://" + plane.address(),
            plane.caFile(),
            plane.token(),
            Files.createDirectories(here.resolve("operator")));
    var command =
        List.of(
            Programs.agent(), "--kubeconfig", here.resolve("operator/kubeconfig.yaml").toString());
    try (var cleanUp =
        RunningProcess.start("clean-up", here, Map.of("CLUSTER_CLEANUP", "true"), command)) {
      assertThat(cleanUp.awaitExit(LIMIT)).as(cleanUp.tail()).isZero();
    }
    allIsAsBefore();
  }

  /** But for notes on nodes, which the Job may not touch, as docs/uninstall.md says. */
  private void allIsAsBefore() throws IOException, InterruptedException {
    admin.run(
        "annotate",
        "nodes",
        "--all",
        "management.cattle.io/pod-requests-",
        "management.cattle.io/pod-limits-");
    ClusterObjects.awaitSame(admin, before);
  }
}
