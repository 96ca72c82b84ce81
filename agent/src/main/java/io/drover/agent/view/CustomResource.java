package io.drover.agent.view;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.Map;
import java.util.Optional;

/** A CustomResourceDefinition, by its metadata. */
public record CustomResource(String name, Map<String, String> annotations) {
  static Optional<CustomResource> of(JsonNode object) {
    return Optional.of(
        new CustomResource(
            Json.name(object), Json.map(object.path("metadata").path("annotations"), 64)));
  }
}
