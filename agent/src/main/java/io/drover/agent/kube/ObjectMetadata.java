package io.drover.agent.kube;

import com.fasterxml.jackson.databind.JsonNode;
import java.time.Instant;
import java.time.format.DateTimeParseException;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;

/**
 * What an object is called, and what is noted on it; none of its content.
 *
 * @param created empty if the API server does not say
 */
public record ObjectMetadata(
    String namespace,
    String name,
    String uid,
    String resourceVersion,
    Optional<Instant> created,
    Map<String, String> annotations) {
  public ObjectMetadata {
    annotations = Map.copyOf(annotations);
  }

  static ObjectMetadata of(JsonNode object) {
    JsonNode metadata = object.path("metadata");
    var annotations = new HashMap<String, String>();
    metadata
        .path("annotations")
        .properties()
        .forEach(field -> annotations.put(field.getKey(), field.getValue().asText()));
    // What kubectl applied: the content once more.
    annotations.remove("kubectl.kubernetes.io/last-applied-configuration");
    return new ObjectMetadata(
        metadata.path("namespace").asText(),
        metadata.path("name").asText(),
        metadata.path("uid").asText(),
        metadata.path("resourceVersion").asText(),
        instant(metadata.path("creationTimestamp").asText()),
        annotations);
  }

  private static Optional<Instant> instant(String text) {
    try {
      return Optional.of(Instant.parse(text));
    } catch (DateTimeParseException _) {
      return Optional.empty();
    }
  }
}
