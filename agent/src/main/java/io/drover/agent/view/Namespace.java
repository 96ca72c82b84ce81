package io.drover.agent.view;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.Map;
import java.util.Optional;

/** A namespace; annotations without long values. */
public record Namespace(
    String name,
    Map<String, String> labels,
    Map<String, String> annotations,
    boolean terminating,
    String resourceVersion) {
  static Optional<Namespace> of(JsonNode object) {
    JsonNode metadata = object.path("metadata");
    return Optional.of(
        new Namespace(
            Json.name(object),
            Json.map(metadata.path("labels"), 256),
            Json.map(metadata.path("annotations"), 256),
            metadata.has("deletionTimestamp"),
            Json.text(metadata.path("resourceVersion"))));
  }
}
