package io.drover.standin;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.stream.Collectors;

/** Objects as rows, which is how kubectl asks for what it prints. */
final class Table {
  /** A column; a wide one is only shown with {@code -o wide}. */
  private record Column(String name, boolean isWide, Function<JsonNode, String> cell) {}

  private static final String NONE = "<none>";
  private static final String ROLE = "node-role.kubernetes.io/";
  private static final Column NAME = column("Name", object -> Json.metadata(object, "name"));
  private static final Column AGE = column("Age", Table::age);
  private static final List<Column> OTHERS = List.of(NAME, AGE);

  // Source: Kubernetes pkg/printers/internalversion/printers.go.
  private static final Map<String, List<Column>> COLUMNS =
      Map.of(
          "Pod",
          List.of(
              NAME,
              column("Ready", Table::readyContainers),
              column("Status", Table::podStatus),
              column("Restarts", _ -> "0"),
              AGE,
              wide("IP", object -> text(object, "/status/podIP")),
              wide("Node", object -> text(object, "/spec/nodeName")),
              wide("Nominated Node", _ -> NONE),
              wide("Readiness Gates", _ -> NONE)),
          "Node",
          List.of(
              NAME,
              column("Status", Table::nodeStatus),
              column("Roles", Table::roles),
              AGE,
              column("Version", object -> text(object, "/status/nodeInfo/kubeletVersion")),
              wide("Internal-IP", object -> text(object, "/status/addresses/0/address")),
              wide("External-IP", _ -> NONE),
              wide("OS-Image", object -> text(object, "/status/nodeInfo/osImage")),
              wide("Kernel-Version", object -> text(object, "/status/nodeInfo/kernelVersion")),
              wide(
                  "Container-Runtime",
                  object -> text(object, "/status/nodeInfo/containerRuntimeVersion"))),
          "Namespace",
          List.of(NAME, column("Status", object -> text(object, "/status/phase")), AGE),
          "Deployment",
          List.of(
              NAME,
              column(
                  "Ready",
                  object ->
                      object.at("/status/readyReplicas").asInt()
                          + "/"
                          + object.at("/spec/replicas").asInt()),
              column("Up-to-date", object -> count(object, "/status/updatedReplicas")),
              column("Available", object -> count(object, "/status/availableReplicas")),
              AGE,
              wide("Containers", object -> containers(object, "name")),
              wide("Images", object -> containers(object, "image")),
              wide("Selector", object -> pairs(object.at("/spec/selector/matchLabels")))),
          "Service",
          List.of(
              NAME,
              column("Type", object -> text(object, "/spec/type")),
              column("Cluster-IP", object -> text(object, "/spec/clusterIP")),
              column("External-IP", _ -> NONE),
              column("Port(s)", Table::ports),
              AGE,
              wide("Selector", object -> pairs(object.at("/spec/selector")))),
          "StorageClass",
          List.of(
              column(
                  "Name",
                  object ->
                      Json.metadata(object, "name")
                          + (isDefaultStorage(object) ? " (default)" : "")),
              column("Provisioner", object -> text(object, "/provisioner")),
              column("ReclaimPolicy", object -> text(object, "/reclaimPolicy")),
              column("VolumeBindingMode", object -> text(object, "/volumeBindingMode")),
              column(
                  "AllowVolumeExpansion",
                  object -> Boolean.toString(object.path("allowVolumeExpansion").asBoolean())),
              AGE),
          "IngressClass",
          List.of(
              NAME,
              column("Controller", object -> text(object, "/spec/controller")),
              column("Parameters", object -> text(object, "/spec/parameters/name")),
              AGE),
          "ConfigMap",
          List.of(
              NAME, column("Data", object -> Integer.toString(object.path("data").size())), AGE),
          "Secret",
          List.of(
              NAME,
              column("Type", object -> text(object, "/type")),
              column("Data", object -> Integer.toString(object.path("data").size())),
              AGE));

  private Table() {}

  private static Column column(String name, Function<JsonNode, String> cell) {
    return new Column(name, false, cell);
  }

  private static Column wide(String name, Function<JsonNode, String> cell) {
    return new Column(name, true, cell);
  }

  /**
   * The {@code Table} object.
   *
   * @param wholeObjects whether rows carry the objects, or only their metadata
   */
  static ObjectNode of(
      ResourceType type, List<ObjectNode> objects, String version, boolean wholeObjects) {
    var columns = COLUMNS.getOrDefault(type.kind(), OTHERS);
    var table = Json.object("meta.k8s.io/v1", "Table");
    table.putObject("metadata").put("resourceVersion", version);
    var definitions = table.putArray("columnDefinitions");
    for (Column column : columns) {
      definitions
          .addObject()
          .put("name", column.name())
          .put("type", "string")
          .put("format", column.name().equals("Name") ? "name" : "")
          .put("description", "")
          .put("priority", column.isWide() ? 1 : 0);
    }
    var rows = table.putArray("rows");
    for (ObjectNode object : objects) {
      var row = rows.addObject();
      var cells = row.putArray("cells");
      columns.forEach(column -> cells.add(column.cell().apply(object)));
      row.set("object", wholeObjects ? object : metadataOnly(object));
    }
    return table;
  }

  static ObjectNode metadataOnly(ObjectNode object) {
    var part = Json.object("meta.k8s.io/v1", "PartialObjectMetadata");
    part.set("metadata", object.path("metadata"));
    return part;
  }

  private static String text(JsonNode object, String pointer) {
    String text = object.at(pointer).asText();
    return text.isEmpty() ? NONE : text;
  }

  private static String count(JsonNode object, String pointer) {
    return Integer.toString(object.at(pointer).asInt());
  }

  private static String age(JsonNode object) {
    var age =
        Duration.between(Instant.parse(Json.metadata(object, "creationTimestamp")), Instant.now());
    if (age.toSeconds() < 120) {
      return Math.max(0, age.toSeconds()) + "s";
    } else if (age.toMinutes() < 10) {
      return age.toMinutes() + "m" + age.toSecondsPart() + "s";
    } else if (age.toHours() < 3) {
      return age.toMinutes() + "m";
    }
    return age.toHours() < 48 ? age.toHours() + "h" : age.toDays() + "d";
  }

  private static String readyContainers(JsonNode pod) {
    long ready =
        pod.at("/status/containerStatuses")
            .valueStream()
            .filter(status -> status.path("ready").asBoolean())
            .count();
    return ready + "/" + pod.at("/spec/containers").size();
  }

  private static String podStatus(JsonNode pod) {
    return pod.path("metadata").has("deletionTimestamp")
        ? "Terminating"
        : text(pod, "/status/phase");
  }

  private static String nodeStatus(JsonNode node) {
    boolean isReady =
        node.at("/status/conditions")
            .valueStream()
            .anyMatch(
                condition ->
                    condition.path("type").asText().equals("Ready")
                        && condition.path("status").asText().equals("True"));
    return (isReady ? "Ready" : "NotReady")
        + (node.at("/spec/unschedulable").asBoolean() ? ",SchedulingDisabled" : "");
  }

  private static String roles(JsonNode node) {
    var roles = new ArrayList<String>();
    node.at("/metadata/labels")
        .forEachEntry(
            (label, _) -> {
              if (label.startsWith(ROLE)) {
                roles.add(label.substring(ROLE.length()));
              }
            });
    return roles.isEmpty() ? NONE : String.join(",", roles);
  }

  private static String containers(JsonNode workload, String field) {
    return workload
        .at("/spec/template/spec/containers")
        .valueStream()
        .map(container -> container.path(field).asText())
        .collect(Collectors.joining(","));
  }

  private static String pairs(JsonNode labels) {
    return labels.isEmpty()
        ? NONE
        : labels
            .propertyStream()
            .map(label -> label.getKey() + "=" + label.getValue().asText())
            .collect(Collectors.joining(","));
  }

  private static String ports(JsonNode service) {
    var ports = service.at("/spec/ports");
    return ports.isEmpty()
        ? NONE
        : ports
            .valueStream()
            .map(
                port ->
                    port.path("port").asText()
                        + (port.has("nodePort") ? ":" + port.path("nodePort").asText() : "")
                        + "/"
                        + port.path("protocol").asText())
            .collect(Collectors.joining(","));
  }

  private static boolean isDefaultStorage(JsonNode storageClass) {
    return storageClass
        .at("/metadata/annotations")
        .path("storageclass.kubernetes.io/is-default-class")
        .asBoolean();
  }
}
