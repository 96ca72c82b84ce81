package io.drover.agent.kube;

import com.fasterxml.jackson.databind.JsonNode;
import java.time.Instant;
import java.time.format.DateTimeParseException;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * What an object is called, and what is noted on it; none of its content.
 *
 * @param created empty if the API server does not say
 * @param finalizers what it waits for before it goes, once it has been deleted
 * @param ending whether it has been deleted and waits for them
 */
public record ObjectMetadata(
    String namespace,
    String name,
    String uid,
    String resourceVersion,
    Optional<Instant> created,
    Map<String, String> labels,
    Map<String, String> annotations,
    List<String> finalizers,
    boolean ending) {
  /** How to ask for an answer of this, whatever the object; an error comes as it is. */
  public static final String FORM =
      "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json";

  /** The same of a list. */
  public static final String LIST_FORM =
      "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json";

  public ObjectMetadata {
    labels = Map.copyOf(labels);
    annotations = Map.copyOf(annotations);
    finalizers = List.copyOf(finalizers);
  }

  static ObjectMetadata of(JsonNode object) {
    JsonNode metadata = object.path("metadata");
    Map<String, String> annotations = texts(metadata.path("annotations"));
    // What kubectl applied: the content once more.
    annotations.remove("kubectl.kubernetes.io/last-applied-configuration");
    return new ObjectMetadata(
        metadata.path("namespace").asText(),
        metadata.path("name").asText(),
        metadata.path("uid").asText(),
        metadata.path("resourceVersion").asText(),
        instant(metadata.path("creationTimestamp").asText()),
        texts(metadata.path("labels")),
        annotations,
        metadata.path("finalizers").valueStream().map(JsonNode::asText).toList(),
        metadata.hasNonNull("deletionTimestamp"));
  }

  private static Map<String, String> texts(JsonNode fields) {
    var texts = new HashMap<String, String>();
    fields.properties().forEach(field -> texts.put(field.getKey(), field.getValue().asText()));
    return texts;
  }

  private static Optional<Instant> instant(String text) {
    try {
      return Optional.of(Instant.parse(text));
    } catch (DateTimeParseException _) {
      return Optional.empty();
    }
  }
}
