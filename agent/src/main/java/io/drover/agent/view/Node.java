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
              taint.path("key").asText(),
              taint.path("value").asText(),
              taint.path("effect").asText()));
    }
    var conditions = new HashMap<String, NodeCondition>();
    for (JsonNode condition : status.path("conditions")) {
      conditions.put(
          condition.path("type").asText(),
          new NodeCondition(
              condition.path("status").asText(),
              condition.path("reason").asText(),
              Json.shortened(condition.path("message").asText()),
              condition.path("lastTransitionTime").asText()));
    }
    var podCidrs = new ArrayList<>(Json.texts(spec.path("podCIDRs")));
    if (podCidrs.isEmpty() && spec.path("podCIDR").isTextual()) {
      podCidrs.add(spec.path("podCIDR").asText());
    }
    return Optional.of(
        new Node(
            metadata.path("name").asText(),
            Json.map(metadata.path("labels"), Integer.MAX_VALUE),
            Json.map(metadata.path("annotations"), MAX_ANNOTATION_CHARACTERS),
            List.copyOf(taints),
            spec.path("unschedulable").asBoolean(),
            spec.path("providerID").asText(),
            List.copyOf(podCidrs),
            Map.copyOf(conditions),
            info.path("osImage").asText(),
            info.path("kernelVersion").asText(),
            info.path("kubeletVersion").asText(),
            info.path("operatingSystem").asText(),
            Json.quantities(status.path("capacity")),
            Json.quantities(status.path("allocatable")),
            Json.contains(status.path("images"), "k8s-minikube/")
                ? List.of("k8s-minikube/")
                : List.of()));
  }
}
