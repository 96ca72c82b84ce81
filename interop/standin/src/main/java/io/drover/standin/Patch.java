package io.drover.standin;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.fabric8.zjsonpatch.JsonPatch;
import io.fabric8.zjsonpatch.JsonPatchException;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * The four kinds of patch. A server-side apply is merged like a strategic one: nobody owns fields.
 */
enum Patch {
  JSON,
  MERGE,
  STRATEGIC,
  APPLY;

  /** Fields that identify the elements of a list, by the list's name; the first that fits. */
  private static final Map<String, List<String>> MERGE_KEYS =
      Map.ofEntries(
          Map.entry("addresses", List.of("type")),
          Map.entry("conditions", List.of("type")),
          Map.entry("containers", List.of("name")),
          Map.entry("env", List.of("name")),
          Map.entry("ephemeralContainers", List.of("name")),
          Map.entry("hostAliases", List.of("ip")),
          Map.entry("imagePullSecrets", List.of("name")),
          Map.entry("initContainers", List.of("name")),
          Map.entry("ownerReferences", List.of("uid")),
          Map.entry("ports", List.of("containerPort", "port")),
          Map.entry("secrets", List.of("name")),
          Map.entry("topologySpreadConstraints", List.of("topologyKey")),
          Map.entry("volumeDevices", List.of("devicePath")),
          Map.entry("volumeMounts", List.of("mountPath")),
          Map.entry("volumes", List.of("name")),
          Map.entry("webhooks", List.of("name")));

  private static final String DIRECTIVE = "$patch";
  private static final String DELETE_VALUES = "$deleteFromPrimitiveList/";

  static Patch ofContentType(String contentType) {
    return switch (contentType.split(";", -1)[0].strip()) {
      case "application/json-patch+json" -> JSON;
      case "application/merge-patch+json" -> MERGE;
      case "application/strategic-merge-patch+json" -> STRATEGIC;
      case "application/apply-patch+yaml" -> APPLY;
      default ->
          throw new Refusal(
              415, "UnsupportedMediaType", "no patch of type '%s'".formatted(contentType));
    };
  }

  /** Applies {@code patch}; {@code current} may be changed by that. */
  ObjectNode apply(ObjectNode current, JsonNode patch) {
    if (this == JSON) {
      try {
        if (JsonPatch.apply(patch, current) instanceof ObjectNode patched) {
          return patched;
        }
      } catch (JsonPatchException e) {
        throw Refusal.invalid(
            "the server rejected our request due to an error in our request: " + e.getMessage());
      }
    } else if (patch instanceof ObjectNode fields) {
      return this == MERGE ? merge(current, fields) : strategic(current, fields);
    }
    throw Refusal.badRequest("the patch is not an object");
  }

  /** Source: RFC 7396. */
  private static ObjectNode merge(ObjectNode current, ObjectNode patch) {
    patch.forEachEntry(
        (name, value) -> {
          if (value.isNull()) {
            current.remove(name);
          } else if (value instanceof ObjectNode fields) {
            current.set(name, merge(Json.child(current, name), fields));
          } else {
            current.set(name, value);
          }
        });
    return current;
  }

  /** Source: Kubernetes' strategic-merge-patch.md; the order of lists is not patched. */
  private static ObjectNode strategic(ObjectNode current, ObjectNode patch) {
    String directive = patch.path(DIRECTIVE).asText();
    if (directive.equals("replace") || directive.equals("delete")) {
      current.removeAll();
    }
    if (patch.get("$retainKeys") instanceof ArrayNode retained) {
      var names = retained.valueStream().map(JsonNode::asText).toList();
      current.retain(names);
    }
    patch.forEachEntry(
        (name, value) -> {
          if (name.startsWith(DELETE_VALUES)) {
            if (current.get(name.substring(DELETE_VALUES.length())) instanceof ArrayNode values) {
              value.forEach(gone -> values.removeIf(gone::equals));
            }
          } else if (!name.startsWith("$")) {
            strategic(current, name, value);
          }
        });
    return current;
  }

  private static void strategic(ObjectNode current, String name, JsonNode value) {
    if (value.isNull()) {
      current.remove(name);
    } else if (value instanceof ObjectNode fields) {
      strategic(Json.child(current, name), fields);
    } else if (value instanceof ArrayNode elements) {
      var merged = current.get(name) instanceof ArrayNode list ? list : current.putArray(name);
      var key = mergeKey(name, elements);
      if (key.isPresent()) {
        elements.forEach(element -> strategic(merged, key.get(), (ObjectNode) element));
      } else {
        if (!name.equals("finalizers")) {
          merged.removeAll();
        }
        elements.forEach(
            element -> {
              if (!name.equals("finalizers") || merged.valueStream().noneMatch(element::equals)) {
                merged.add(element);
              }
            });
      }
    } else {
      current.set(name, value);
    }
  }

  /** Merges one element into a list that is keyed by a field. */
  private static void strategic(ArrayNode list, String key, ObjectNode element) {
    var value = element.get(key);
    if (value == null) {
      if (element.path(DIRECTIVE).asText().equals("replace")) {
        list.removeAll();
      }
      return;
    }
    if (element.path(DIRECTIVE).asText().equals("delete")) {
      list.removeIf(old -> value.equals(old.get(key)));
      return;
    }
    for (JsonNode old : list) {
      if (value.equals(old.get(key))) {
        strategic((ObjectNode) old, element);
        return;
      }
    }
    strategic(list.addObject(), element);
  }

  private static Optional<String> mergeKey(String name, ArrayNode elements) {
    return MERGE_KEYS.getOrDefault(name, List.of()).stream()
        .filter(key -> elements.valueStream().anyMatch(element -> element.has(key)))
        .filter(_ -> elements.valueStream().allMatch(JsonNode::isObject))
        .findFirst();
  }
}
