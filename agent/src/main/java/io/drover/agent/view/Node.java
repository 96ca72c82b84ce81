package io.drover.agent.view;

import com.fasterxml.jackson.databind.JsonNode;
import io.drover.proto.report.Quantity;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * A node.
 *
 * @param annotations without values longer than {@link #MAX_ANNOTATION_CHARACTERS}
 * @param conditions by type
 * @param images short names of the images in it that distributions are told by, such as {@code
 *     k8s-minikube/}
 */
public record Node(
    String name,
    Map<String, String> labels,
    Map<String, String> annotations,
    List<Taint> taints,
    boolean unschedulable,
    String providerId,
    List<String> podCidrs,
    Map<String, NodeCondition> conditions,
    String osImage,
    String kernelVersion,
    String kubeletVersion,
    String containerRuntimeVersion,
    String operatingSystem,
    Map<String, Quantity> capacity,
    Map<String, Quantity> allocatable,
    List<String> images) {
  /** Longer ones, such as a whole configuration, are not needed by anybody. */
  public static final int MAX_ANNOTATION_CHARACTERS = 1024;

  /** A taint; {@code value} may be empty. */
  public record Taint(String key, String value, String effect) {}

  /** A condition; {@code since} as Kubernetes writes it, perhaps empty. */
  public record NodeCondition(String status, String reason, String message, String since) {}

  static Optional<Node> of(JsonNode object) {
    JsonNode metadata = object.path("metadata");
    JsonNode spec = object.path("spec");
    JsonNode status = object.path("status");
    JsonNode info = status.path("nodeInfo");
    var taints = new ArrayList<Taint>();
    for (JsonNode taint : spec.path("taints")) {
      taints.add(
          new Taint(
              Json.text(taint.path("key")),
              Json.text(taint.path("value")),
              Json.text(taint.path("effect"))));
    }
    var conditions = new HashMap<String, NodeCondition>();
    for (JsonNode condition : status.path("conditions")) {
      conditions.put(
          Json.text(condition.path("type")),
          new NodeCondition(
              Json.text(condition.path("status")),
              Json.text(condition.path("reason")),
              Json.shortened(Json.text(condition.path("message"))),
              Json.text(condition.path("lastTransitionTime"))));
    }
    var podCidrs = new ArrayList<>(Json.texts(spec.path("podCIDRs")));
    if (podCidrs.isEmpty() && spec.path("podCIDR").isTextual()) {
      podCidrs.add(Json.text(spec.path("podCIDR")));
    }
    return Optional.of(
        new Node(
            Json.text(metadata.path("name")),
            Json.map(metadata.path("labels"), Integer.MAX_VALUE),
            Json.map(metadata.path("annotations"), MAX_ANNOTATION_CHARACTERS),
            List.copyOf(taints),
            spec.path("unschedulable").asBoolean(),
            Json.text(spec.path("providerID")),
            List.copyOf(podCidrs),
            Map.copyOf(conditions),
            Json.text(info.path("osImage")),
            Json.text(info.path("kernelVersion")),
            Json.text(info.path("kubeletVersion")),
            Json.text(info.path("containerRuntimeVersion")),
            Json.text(info.path("operatingSystem")),
            Json.quantities(status.path("capacity")),
            Json.quantities(status.path("allocatable")),
            Json.contains(status.path("images"), "k8s-minikube/")
                ? List.of("k8s-minikube/")
                : List.of()));
  }
}
