package io.drover.server;

import com.fasterxml.jackson.databind.JsonNode;
import io.drover.server.removal.Removals;
import java.io.IOException;
import java.time.Duration;
import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code cluster delete}. */
@Command(
    name = "delete",
    description = {
      "Remove a cluster. If its agent is connected, a Job in the cluster takes it out first, in about",
      "two minutes; progress is told on stderr. Else the record goes at once, and what stays in the",
      "cluster is told. Exit code 1 if the removal has failed.",
      ""
    })
final class DeleteCluster implements Callable<Integer> {
  /** Longer than the server waits until it calls a removal failed. */
  static final Duration LIMIT = Removals.LIMIT.plusMinutes(1);

  private static final Duration POLL = Duration.ofMillis(500);
  private static final String CLUSTERS = "/v3/clusters";

  @CommandLine.Mixin private Main.DirectoryOption directory = new Main.DirectoryOption();

  @Parameters(paramLabel = "NAME", description = "The cluster's name, or its id, c-xxxxx.")
  private String name = "";

  @Option(names = "--force", description = "Remove the record now, whatever stays in the cluster.")
  private boolean force;

  @Option(names = "--no-wait", description = "Do not wait for the agent to be gone.")
  private boolean noWait;

  @Override
  public Integer call() throws IOException, InterruptedException {
    try (var server = RunningServer.of(directory.directory)) {
      var path = CLUSTERS + "/" + id(server);
      var answer = server.delete(force ? path + "?force=true" : path);
      if (answer.path("state").asText().equals("removed")) {
        System.err.println("removed; " + answer.path("message").asText());
        System.err.println("to clean up: " + answer.path("cleanupCommand").asText());
        return 0;
      }
      System.err.println("removing");
      return noWait ? 0 : await(server, path);
    }
  }

  private String id(RunningServer server) throws IOException, InterruptedException {
    for (var cluster : server.get(CLUSTERS).path("data")) {
      var id = cluster.path("id").asText();
      if (name.equals(id) || name.equals(cluster.path("name").asText())) {
        return id;
      }
    }
    throw new IOException("no cluster has this name or id: " + name);
  }

  private static int await(RunningServer server, String path)
      throws IOException, InterruptedException {
    long deadlineNanos = System.nanoTime() + LIMIT.toNanos();
    var last = "";
    while (true) {
      var cluster = server.find(path);
      if (cluster.isEmpty()) {
        System.err.println("removed");
        return 0;
      }
      var removed = removed(cluster.get());
      var message = removed.path("message").asText();
      if (!message.equals(last)) {
        System.err.println(message);
        last = message;
      }
      if (removed.path("status").asText().equals("False")
          || System.nanoTime() - deadlineNanos >= 0) {
        System.err.println("drover-server: not removed; --force removes the record");
        return 1;
      }
      Thread.sleep(POLL);
    }
  }

  private static JsonNode removed(JsonNode cluster) {
    for (var condition : cluster.path("conditions")) {
      if (condition.path("type").asText().equals("Removed")) {
        return condition;
      }
    }
    return cluster.path("none");
  }
}
