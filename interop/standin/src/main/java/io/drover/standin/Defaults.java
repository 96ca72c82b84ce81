package io.drover.standin;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.Base64;

/** What an API server adds to objects as it stores them. Used under the store's lock. */
final class Defaults {
  static final ResourceType NAMESPACES = ResourceType.of("v1", "namespaces");

  private static final int FIRST_NODE_PORT = 30000;
  private static final int LAST_NODE_PORT = 32767;

  // 10.96.0.1 to .9 are left to fixtures.
  private int lastServiceAddress = 9;
  private int nextNodePort = FIRST_NODE_PORT;

  void fill(ResourceType type, ObjectNode object) {
    switch (type.kind()) {
      case "Namespace" -> namespace(object);
      case "Secret" -> secret(object);
      case "Service" -> service(object);
      case "Deployment" -> deployment(object);
      case "Pod" -> pod(object);
      case "StorageClass" -> {
        absent(object, "reclaimPolicy", "Delete");
        absent(object, "volumeBindingMode", "Immediate");
      }
      default -> {} // stored as it is
    }
  }

  private static void absent(ObjectNode object, String field, String value) {
    if (object.path(field).asText().isEmpty()) {
      object.put(field, value);
    }
  }

  private static void namespace(ObjectNode object) {
    absent(Json.child(object, "status"), "phase", "Active");
    Json.child(Json.metadata(object), "labels")
        .put("kubernetes.io/metadata.name", Json.metadata(object, "name"));
  }

  private static void secret(ObjectNode object) {
    absent(object, "type", "Opaque");
    if (object.remove("stringData") instanceof ObjectNode texts) {
      var data = Json.child(object, "data");
      texts.forEachEntry(
          (name, text) ->
              data.put(name, Base64.getEncoder().encodeToString(text.asText().getBytes(UTF_8))));
    }
  }

  private void service(ObjectNode object) {
    var spec = Json.child(object, "spec");
    absent(spec, "type", "ClusterIP");
    String kind = spec.path("type").asText();
    boolean hasNodePorts = kind.equals("NodePort") || kind.equals("LoadBalancer");
    for (JsonNode node : spec.path("ports")) {
      if (!(node instanceof ObjectNode port)) {
        throw Refusal.badRequest("spec.ports: not a list of objects");
      }
      absent(port, "protocol", "TCP");
      if (!port.has("targetPort")) {
        port.set("targetPort", port.get("port"));
      }
      int nodePort = port.path("nodePort").asInt();
      if (nodePort != 0 && (nodePort < FIRST_NODE_PORT || nodePort > LAST_NODE_PORT)) {
        throw Refusal.invalid(
            "Service \"%s\" is invalid: spec.ports[0].nodePort: Invalid value: %d: provided port is not in the valid range. The range of valid ports is %d-%d"
                .formatted(
                    Json.metadata(object, "name"), nodePort, FIRST_NODE_PORT, LAST_NODE_PORT));
      }
      if (hasNodePorts && nodePort == 0) {
        port.put("nodePort", nextNodePort);
        nextNodePort = nextNodePort == LAST_NODE_PORT ? FIRST_NODE_PORT : nextNodePort + 1;
      }
    }
    if (!kind.equals("ExternalName")) {
      if (spec.path("clusterIP").asText().isEmpty()) {
        lastServiceAddress++;
        spec.put(
            "clusterIP",
            "10.96.%d.%d".formatted(lastServiceAddress >> 8, lastServiceAddress & 255));
      }
      spec.putArray("clusterIPs").add(spec.path("clusterIP").asText());
    }
  }

  private static void deployment(ObjectNode object) {
    var spec = Json.child(object, "spec");
    if (!spec.has("replicas")) {
      spec.put("replicas", 1);
    }
    absent(Json.child(spec, "strategy"), "type", "RollingUpdate");
  }

  private static void pod(ObjectNode object) {
    var spec = Json.child(object, "spec");
    absent(spec, "restartPolicy", "Always");
    absent(spec, "serviceAccountName", "default");
    absent(Json.child(object, "status"), "phase", "Pending");
  }
}
