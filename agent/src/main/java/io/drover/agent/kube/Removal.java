package io.drover.agent.kube;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.function.Predicate;

/**
 * What is to be taken off an object, each by its name; all else stays as it is.
 *
 * @param finalizers which of them
 * @param labels by their keys
 * @param annotations by their keys
 */
public record Removal(
    Predicate<String> finalizers, Predicate<String> labels, Predicate<String> annotations) {

  /** Whether there is anything of it on this object. */
  public boolean concerns(ObjectMetadata object) {
    return object.finalizers().stream().anyMatch(finalizers)
        || object.labels().keySet().stream().anyMatch(labels)
        || object.annotations().keySet().stream().anyMatch(annotations);
  }

  /** Takes it off, and says whether there was anything. */
  boolean takeFrom(JsonNode object) {
    JsonNode metadata = object.path("metadata");
    boolean fromLabels = take(metadata.path("labels"), labels);
    boolean fromAnnotations = take(metadata.path("annotations"), annotations);
    boolean fromFinalizers = take(metadata.path("finalizers"));
    return fromLabels || fromAnnotations || fromFinalizers;
  }

  private boolean take(JsonNode list) {
    int before = list.size();
    if (list instanceof ArrayNode array) {
      array.removeIf(finalizer -> finalizers.test(finalizer.asText()));
    }
    return list.size() < before;
  }

  private static boolean take(JsonNode fields, Predicate<String> keys) {
    int before = fields.size();
    if (fields instanceof ObjectNode object) {
      object.properties().removeIf(field -> keys.test(field.getKey()));
    }
    return fields.size() < before;
  }
}
