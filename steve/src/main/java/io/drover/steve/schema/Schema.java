package io.drover.steve.schema;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.drover.steve.access.Rights;
import io.drover.steve.kube.Json;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * A type as one user is shown it.
 *
 * @param resourceMethods what he may do with an object of it
 * @param collectionMethods what he may do with all of them
 * @param type empty if it is no type of Kubernetes, but one of our own
 * @param rights of the user to its objects; none for a type of our own
 * @param listed whether it is among all; otherwise it is only told who asks for it
 * @param shown all of its JSON but type, links and methods
 */
public record Schema(
    String id,
    String pluralName,
    List<String> resourceMethods,
    List<String> collectionMethods,
    Optional<ResourceType> type,
    Rights rights,
    boolean listed,
    ObjectNode shown) {

  public Schema {
    resourceMethods = List.copyOf(resourceMethods);
    collectionMethods = List.copyOf(collectionMethods);
  }

  /** One of Kubernetes. */
  static Schema of(ResourceType type, Rights rights, List<String> resource, List<String> all) {
    var shown = Json.MAPPER.createObjectNode();
    if (!type.description().isEmpty()) {
      shown.put("description", type.description());
    }
    shown.putNull("resourceFields"); // the dashboard asks for the definition then
    shown.set("attributes", type.attributes());
    return new Schema(
        type.id(), type.pluralName(), resource, all, Optional.of(type), rights, true, shown);
  }

  /** One of our own, from its JSON. */
  static Schema of(ObjectNode json) {
    return new Schema(
        json.path("id").asText(""),
        json.path("pluralName").asText(""),
        texts(json.remove("resourceMethods")),
        texts(json.remove("collectionMethods")),
        Optional.empty(),
        new Rights(Map.of()),
        json.remove("unlisted") == null,
        json.without(List.of("id", "pluralName")));
  }

  private static List<String> texts(com.fasterxml.jackson.databind.@Nullable JsonNode list) {
    return list == null
        ? List.of()
        : java.util.stream.StreamSupport.stream(list.spliterator(), false)
            .map(item -> item.asText(""))
            .toList();
  }

  /** Whether its objects live in namespaces. */
  public boolean namespaced() {
    return type.filter(ResourceType::namespaced).isPresent();
  }
}
