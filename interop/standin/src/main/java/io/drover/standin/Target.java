package io.drover.standin;

import io.drover.standin.ObjectStore.ObjectKey;
import java.util.List;
import java.util.Optional;

/**
 * What the path of a request names: a list, an object, or a part of one.
 *
 * @param namespace empty: none, or all
 * @param name empty: the list
 * @param subresource empty: the object itself
 */
record Target(ResourceType type, String namespace, String name, String subresource) {

  /** Empty if the path names no type that we have. */
  static Optional<Target> parse(String path) {
    var parts = List.of(path.substring(1).split("/", -1));
    if (parts.size() > 2 && parts.getFirst().equals("api")) {
      return parse(parts.get(1), parts.subList(2, parts.size()));
    }
    return parts.size() > 3 && parts.getFirst().equals("apis")
        ? parse(parts.get(1) + "/" + parts.get(2), parts.subList(3, parts.size()))
        : Optional.empty();
  }

  private static Optional<Target> parse(String apiVersion, List<String> parts) {
    if (parts.size() > 2 && parts.getFirst().equals("namespaces")) {
      var type = ResourceType.find(apiVersion, parts.get(2)).filter(ResourceType::namespaced);
      if (type.isPresent()) {
        return Optional.of(of(type.get(), parts.get(1), parts.subList(3, parts.size())));
      }
    }
    return ResourceType.find(apiVersion, parts.getFirst())
        .map(type -> of(type, "", parts.subList(1, parts.size())));
  }

  private static Target of(ResourceType type, String namespace, List<String> rest) {
    return new Target(
        type, namespace, rest.isEmpty() ? "" : rest.getFirst(), rest.size() < 2 ? "" : rest.get(1));
  }

  ObjectKey key() {
    return new ObjectKey(type, namespace, name);
  }
}
