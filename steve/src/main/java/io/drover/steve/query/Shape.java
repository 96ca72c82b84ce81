package io.drover.steve.query;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Which parts of an object are wanted. Paths are keys with dots between; a key that has dots itself
 * cannot be named.
 *
 * @param include only these paths, or everything if there are none
 * @param exclude without these paths
 * @param excludeValues the keys below these paths, with empty values
 */
public record Shape(List<String> include, List<String> exclude, List<String> excludeValues) {
  /** Paths of one kind. The dashboard sends one. */
  static final int MAX_PATHS = 256;

  public Shape {
    include = List.copyOf(include);
    exclude = List.copyOf(exclude);
    excludeValues = List.copyOf(excludeValues);
  }

  static Shape parse(Map<String, List<String>> parameters) throws QueryException {
    return new Shape(
        paths(parameters, "include"),
        paths(parameters, "exclude"),
        paths(parameters, "excludeValues"));
  }

  private static List<String> paths(Map<String, List<String>> parameters, String name)
      throws QueryException {
    var paths = parameters.getOrDefault(name, List.of());
    if (paths.size() > MAX_PATHS) {
      throw QueryException.tooMuch("parameters " + name, MAX_PATHS);
    }
    return paths;
  }

  /** The object itself, less what is not wanted; or a new one of what is. */
  public ObjectNode of(ObjectNode object) {
    var shaped = include.isEmpty() ? object : included(object);
    for (var path : exclude) {
      var at = path.lastIndexOf('.');
      var parent = at < 0 ? shaped : find(shaped, path.substring(0, at));
      if (parent instanceof ObjectNode holder) {
        holder.remove(path.substring(at + 1));
      }
    }
    for (var path : excludeValues) {
      if (find(shaped, path) instanceof ObjectNode values) {
        List.copyOf(values.properties()).forEach(value -> values.put(value.getKey(), ""));
      }
    }
    return shaped;
  }

  private ObjectNode included(ObjectNode object) {
    var kept = JsonNodeFactory.instance.objectNode();
    for (var path : include) {
      var value = find(object, path);
      if (value != null) {
        var parts = path.split("\\.", -1);
        var holder = kept;
        for (int i = 0; i < parts.length - 1; i++) {
          holder =
              holder.get(parts[i]) instanceof ObjectNode there ? there : holder.putObject(parts[i]);
        }
        // A copy, so that two paths one inside the other do not share what one of them fills in.
        holder.set(parts[parts.length - 1], value.deepCopy());
      }
    }
    return kept;
  }

  private static @Nullable JsonNode find(ObjectNode object, String path) {
    JsonNode node = object;
    for (var part : path.split("\\.", -1)) {
      if (!(node instanceof ObjectNode holder) || !holder.has(part)) {
        return null;
      }
      node = holder.get(part);
    }
    return node;
  }
}
