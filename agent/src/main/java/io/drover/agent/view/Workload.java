package io.drover.agent.view;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * A Deployment, DaemonSet or StatefulSet.
 *
 * @param labels its own and those of its pods
 * @param images of its pods' containers
 * @param nodeSelector labels that a node needs for its pods
 * @param scaleAvailable annotation: how many pods there are to be, if there are that many nodes;
 *     empty if it has none
 * @param desired how many pods there are to be
 * @param ready how many are
 * @param reason of the condition that says what is wrong; empty if none does
 */
public record Workload(
    String kind,
    String namespace,
    String name,
    Map<String, String> labels,
    List<String> images,
    Map<String, String> nodeSelector,
    String scaleAvailable,
    int desired,
    int ready,
    String reason,
    String message) {

  private static final String SCALE_AVAILABLE = "management.cattle.io/scale-available";

  static Optional<Workload> deployment(JsonNode object) {
    return of("Deployment", object, "replicas", "readyReplicas");
  }

  static Optional<Workload> statefulSet(JsonNode object) {
    return of("StatefulSet", object, "replicas", "readyReplicas");
  }

  static Optional<Workload> daemonSet(JsonNode object) {
    return of("DaemonSet", object, "", "numberReady");
  }

  private static Optional<Workload> of(
      String kind, JsonNode object, String replicas, String readyField) {
    JsonNode status = object.path("status");
    JsonNode template = object.path("spec").path("template");
    var labels = new HashMap<>(Json.map(template.path("metadata").path("labels"), 256));
    labels.putAll(Json.map(object.path("metadata").path("labels"), 256));
    String reason = "";
    String message = "";
    for (JsonNode condition : status.path("conditions")) {
      String type = Json.text(condition.path("type"));
      String state = Json.text(condition.path("status"));
      if ((type.equals("Available") && state.equals("False"))
          || (type.equals("Progressing") && state.equals("False"))
          || (type.equals("ReplicaFailure") && state.equals("True"))) {
        reason = Json.text(condition.path("reason"));
        message = Json.text(condition.path("message"));
      }
    }
    int desired =
        replicas.isEmpty()
            ? status.path("desiredNumberScheduled").asInt()
            : object.path("spec").path(replicas).asInt(1);
    return Optional.of(
        new Workload(
            kind,
            Json.namespace(object),
            Json.name(object),
            Map.copyOf(labels),
            Json.images(template.path("spec")),
            Json.map(template.path("spec").path("nodeSelector"), 256),
            Json.text(object.path("metadata").path("annotations").path(SCALE_AVAILABLE)),
            desired,
            status.path(readyField).asInt(),
            reason,
            Json.shortened(message)));
  }
}
