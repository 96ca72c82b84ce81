package io.drover.steve.query;

import static java.util.Map.entry;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.time.DateTimeException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * What of a type's objects can be filtered and sorted by, besides labels, and how to read it from
 * an object that has its {@code metadata.state}, and its {@code metadata.fields} as {@link
 * #keepTimes} leaves them.
 *
 * <p>Every column is text. A list's elements stand behind each other with | between them.
 */
public final class Columns {
  private static final List<String> COMMON =
      List.of("id", "metadata.name", "metadata.creationTimestamp", "metadata.state.name");

  private static final List<String> STATE =
      List.of("metadata.state.error", "metadata.state.message", "metadata.state.transitioning");

  private static final String ENDPOINTS = "metadata.annotations[field.cattle.io/publicEndpoints]";

  private static final List<String> WORKLOAD =
      List.of("spec.template.spec.containers.image", ENDPOINTS);

  /** Of some types further ones, by schema id. Source: steve 0.9.18, TypeSpecificIndexedFields. */
  private static final Map<String, List<String>> OF_TYPE =
      Map.ofEntries(
          entry("apps.daemonset", WORKLOAD),
          entry("apps.deployment", WORKLOAD),
          entry("apps.replicaset", List.of("spec.template.spec.containers.image")),
          entry("apps.statefulset", WORKLOAD),
          entry(
              "autoscaling.horizontalpodautoscaler",
              List.of(
                  "spec.scaleTargetRef.name",
                  "spec.minReplicas",
                  "spec.maxReplicas",
                  "status.currentReplicas")),
          entry(
              "batch.cronjob",
              List.of(
                  ENDPOINTS,
                  "spec.jobTemplate.spec.template.spec.containers.image",
                  "status.lastScheduleTime",
                  "status.lastSuccessfulTime")),
          entry("batch.job", with(STATE, WORKLOAD)),
          entry("catalog.cattle.io.app", List.of("spec.chart.metadata.name")),
          entry(
              "catalog.cattle.io.clusterrepo",
              List.of(
                  "metadata.annotations[clusterrepo.cattle.io/hidden]",
                  "spec.gitBranch",
                  "spec.gitRepo")),
          entry(
              "catalog.cattle.io.operation",
              List.of("status.action", "status.namespace", "status.releaseName")),
          entry(
              "event",
              List.of("_type", "involvedObject.kind", "involvedObject.uid", "message", "reason")),
          entry("namespace", List.of("spec.displayName")),
          entry("networking.k8s.io.ingress", List.of("spec.rules.host", "spec.ingressClassName")),
          entry(
              "node",
              List.of(
                  "spec.taints.key",
                  "status.addresses.type",
                  "status.nodeInfo.kubeletVersion",
                  "status.nodeInfo.operatingSystem")),
          entry("persistentvolume", List.of("status.reason", "spec.persistentVolumeReclaimPolicy")),
          entry("persistentvolumeclaim", List.of("spec.volumeName")),
          entry(
              "pod",
              with(
                  STATE,
                  List.of(
                      "spec.containers.image",
                      "spec.nodeName",
                      "status.podIP",
                      "metadata.fields[3][0]",
                      "metadata.fields[3][1]"))),
          entry("replicationcontroller", List.of("spec.template.spec.containers.image")),
          entry(
              "secret",
              List.of(
                  "_type",
                  "metadata.annotations[management.cattle.io/project-scoped-secret-copy]",
                  "spec.clusterName",
                  "spec.displayName")),
          entry("service", List.of("spec.clusterIP", "spec.type")),
          entry(
              "storage.k8s.io.storageclass",
              List.of(
                  "provisioner",
                  "metadata.annotations[storageclass.kubernetes.io/is-default-class]")));

  /** Numbers that Kubernetes does not call so. */
  private static final Set<String> NUMBERS =
      Set.of(
          "configmap metadata.fields[1]",
          "secret metadata.fields[2]",
          "serviceaccount metadata.fields[1]",
          "pod metadata.fields[3]",
          "pod metadata.fields[3][0]",
          "pod metadata.fields[3][1]",
          "autoscaling.horizontalpodautoscaler spec.maxReplicas",
          "autoscaling.horizontalpodautoscaler spec.minReplicas",
          "autoscaling.horizontalpodautoscaler status.currentReplicas");

  /** A pod's restarts: {@code 4 (3h38m ago)}. */
  private static final Pattern RESTARTS = Pattern.compile("(\\d+) \\((\\S+) ago\\)");

  private static final int RESTARTS_CELL = 3;

  private static final Pattern MILLIS = Pattern.compile("\\d{10,15}");

  private final String schemaId;
  private final List<TableColumn> table;

  /** By name, in the order in which they were given. */
  private final Map<String, Field> known = new LinkedHashMap<>();

  private final Set<String> numbers = new HashSet<>();

  /**
   * Those of one type.
   *
   * @param table the type's printed columns, or none if Kubernetes makes no table of it
   */
  public Columns(String schemaId, boolean namespaced, List<TableColumn> table) {
    this.schemaId = schemaId;
    this.table = List.copyOf(table);
    var names = new ArrayList<>(COMMON);
    if (namespaced) {
      names.add("metadata.namespace");
    }
    for (int i = 0; i < table.size(); i++) {
      names.add("metadata.fields[" + i + "]");
      if (table.get(i).isNumber() || table.get(i).isTime()) {
        numbers.add("metadata.fields[" + i + "]");
      }
    }
    names.addAll(OF_TYPE.getOrDefault(schemaId, List.of()));
    for (var name : names) {
      known.put(name, Field.parse(name));
      if (NUMBERS.contains(schemaId + " " + name)) {
        numbers.add(name);
      }
    }
  }

  private static List<String> with(List<String> some, List<String> others) {
    var all = new ArrayList<>(some);
    all.addAll(others);
    return all;
  }

  /** All but labels. */
  public List<Field> fields() {
    return List.copyOf(known.values());
  }

  public boolean has(Field field) {
    return field.isLabel() || known.containsKey(field.column());
  }

  /** Whether the objects are namespaces, which are in projects themselves. */
  public boolean areNamespaces() {
    return schemaId.equals("namespace");
  }

  boolean isNumber(Field field) {
    return numbers.contains(field.column());
  }

  /** The text of a column; null for a label that the object does not have. */
  public @Nullable String text(ObjectNode object, Field field) {
    var metadata = object.path("metadata");
    if (field.isLabel()) {
      return metadata.path("labels").path(field.label()).asText(null);
    }
    return switch (field.parts().getFirst()) {
      case "id" -> id(metadata);
      case "_type" -> (object.has("_type") ? object.path("_type") : object.path("type")).asText("");
      default ->
          field.isCell()
              ? cell(metadata.path("fields"), field.parts().subList(2, field.parts().size()))
              : joined(values(object, field.parts(), new ArrayList<>()));
    };
  }

  /** Of a cell that holds several values, the first is the cell's own. */
  private static String cell(JsonNode cells, List<String> indexes) {
    var cell = cells.path(Field.index(indexes.getFirst()));
    int part = indexes.size() == 1 ? 0 : Field.index(indexes.get(1));
    return (cell.isArray() ? cell.path(part) : part == 0 ? cell : cell.path(part)).asText("");
  }

  private static String id(JsonNode metadata) {
    var namespace = metadata.path("namespace").asText("");
    var name = metadata.path("name").asText("");
    return namespace.isEmpty() ? name : namespace + "/" + name;
  }

  private static String joined(List<String> values) {
    return values.size() == 1 ? values.getFirst() : String.join("|", values);
  }

  /** What is found at the path, in all elements of the lists on the way. */
  private static List<String> values(JsonNode node, List<String> path, List<String> found) {
    if (node.isArray()) {
      node.forEach(element -> values(element, path, found));
    } else if (!path.isEmpty()) {
      values(node.path(path.getFirst()), path.subList(1, path.size()), found);
    } else if (node.isValueNode() && !node.isNull()) {
      found.add(node.asText(""));
    }
    return found;
  }

  /**
   * Makes cells that would grow old, {@code 5d}, moments in milliseconds, so that they sort by
   * time.
   *
   * @param now when the cells were printed
   */
  public void keepTimes(ObjectNode object, Instant now) {
    if (!(object.path("metadata").get("fields") instanceof ArrayNode cells)) {
      return;
    }
    for (int i = 0; i < table.size() && i < cells.size(); i++) {
      if (table.get(i).isTime()) {
        var moment = moment(object, table.get(i), cells.path(i).asText(""), now);
        if (moment != null) {
          cells.set(i, String.valueOf(moment.toEpochMilli()));
        }
      }
    }
    var restarts = RESTARTS.matcher(cells.path(RESTARTS_CELL).asText(""));
    if (schemaId.equals("pod") && restarts.matches()) {
      var age = Ages.parse(restarts.group(2));
      if (age != null) {
        var last = String.valueOf(now.minus(age).toEpochMilli());
        cells.set(RESTARTS_CELL, cells.arrayNode().add(restarts.group(1)).add(last));
      }
    }
  }

  private static @Nullable Instant moment(
      ObjectNode object, TableColumn column, String cell, Instant now) {
    var source = column.moment();
    if (source != null) {
      var moment = instant(joined(values(object, source.parts(), new ArrayList<>())));
      if (moment != null) {
        return moment;
      }
    }
    var age = Ages.parse(cell);
    return age == null ? instant(cell) : now.minus(age);
  }

  private static @Nullable Instant instant(String text) {
    try {
      return Instant.parse(text);
    } catch (DateTimeException e) {
      return null;
    }
  }

  /** Makes moments the texts that pages show. */
  public void showTimes(ObjectNode object, Instant now) {
    if (!(object.path("metadata").get("fields") instanceof ArrayNode cells)) {
      return;
    }
    for (int i = 0; i < table.size() && i < cells.size(); i++) {
      var cell = cells.path(i).asText("");
      if (table.get(i).isTime() && MILLIS.matcher(cell).matches()) {
        var moment = Instant.ofEpochMilli(Long.parseLong(cell));
        cells.set(
            i,
            table.get(i).type().equals("date")
                ? moment.toString()
                : Ages.text(Duration.between(moment, now)));
      }
    }
    if (cells.path(RESTARTS_CELL) instanceof ArrayNode restarts && schemaId.equals("pod")) {
      var last = Instant.ofEpochMilli(restarts.path(1).asLong());
      cells.set(
          RESTARTS_CELL,
          "%s (%s ago)"
              .formatted(restarts.path(0).asText(""), Ages.text(Duration.between(last, now))));
    }
  }
}
