package io.drover.steve.store;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.drover.steve.Recorded;
import io.drover.steve.query.Columns;
import io.drover.steve.query.TableColumn;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.function.BooleanSupplier;

/** Pods as a cluster has them: one that was recorded, with other names, owners, nodes, states. */
final class Pods {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final List<String> STATES =
      List.of("Running", "Running", "Running", "Completed", "Pending", "CrashLoopBackOff");

  private final ObjectNode model;
  private final Random random = new Random(42);

  Pods() {
    model =
        Recorded.cases("sql", "lists").stream()
            .filter(recorded -> recorded.path().contains("/pods/vec-ops"))
            .flatMap(recorded -> recorded.objects().stream())
            .filter(pod -> pod.path("id").asText().endsWith("bare-crash"))
            .findFirst()
            .orElseThrow();
    model.remove(List.of("links", "_id", "id"));
  }

  static Columns columns() {
    var table = new ArrayList<TableColumn>();
    for (var name :
        List.of(
            "Name",
            "Ready",
            "Status",
            "Restarts",
            "Age",
            "IP",
            "Node",
            "Nominated Node",
            "Gates")) {
      table.add(new TableColumn(name, "string", "", null));
    }
    return new Columns("pod", true, table);
  }

  /** Sorts before the page that wants it is given out. */
  static void atOnce(BooleanSupplier step) {
    while (step.getAsBoolean()) {
      Thread.onSpinWait();
    }
  }

  ObjectNode pod(int i) {
    var pod = model.deepCopy();
    int app = random.nextInt(2000);
    var namespace = "team-" + app % 60;
    var name =
        "app-"
            + app
            + "-"
            + Long.toString(1_000_000_000L + app, 36)
            + "-"
            + Long.toString(60_000_000L + i, 36);
    var state = STATES.get(random.nextInt(STATES.size()));
    var ip = "10.42." + i / 250 % 250 + "." + i % 250;
    var metadata = (ObjectNode) pod.path("metadata");
    metadata.put("name", name).put("namespace", namespace).put("resourceVersion", "" + (1000 + i));
    metadata.put("uid", new java.util.UUID(random.nextLong(), random.nextLong()).toString());
    metadata.put("creationTimestamp", "2026-01-0" + (1 + i % 9) + "T10:00:" + (10 + i % 50) + "Z");
    metadata
        .putObject("labels")
        .put("app", "app-" + app)
        .put("tier", i % 3 == 0 ? "front" : "Back")
        .put("pod-template-hash", Long.toString(1_000_000_000L + app, 36));
    var fields = metadata.putArray("fields");
    for (var cell :
        List.of(
            name,
            "1/1",
            state,
            "" + i % 7,
            "" + (1767607200000L + i),
            ip,
            "node-" + i % 100,
            "<none>",
            "<none>")) {
      fields.add(cell);
    }
    metadata
        .putObject("state")
        .put("name", state.toLowerCase(java.util.Locale.ROOT))
        .put("error", state.equals("Pending"))
        .put("transitioning", state.startsWith("Crash"))
        .put("message", "");
    ((ObjectNode) pod.path("spec")).put("nodeName", "node-" + i % 100);
    ((ObjectNode) pod.path("spec").path("containers").path(0))
        .put("image", "registry.example/app-" + app + ":1." + app % 9);
    ((ObjectNode) pod.path("status")).put("podIP", ip);
    return pod;
  }

  static JsonNode json(byte[] bytes) {
    try {
      return JSON.readTree(bytes);
    } catch (java.io.IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
  }
}
