package io.drover.steve.schema;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** All types of the cluster, as they were at one moment. */
public final class Types {
  private final List<ResourceType> all;
  private final Map<String, ResourceType> byId = new HashMap<>();

  /** One for each kind. */
  Types(List<ResourceType> all) {
    this.all = List.copyOf(all);
    all.forEach(type -> byId.put(type.id(), type));
  }

  public List<ResourceType> all() {
    return all;
  }

  /** Null if there is none. */
  public @Nullable ResourceType byId(String id) {
    return byId.get(id);
  }

  /** Whether the objects of a kind live in namespaces; false too if it is unknown. */
  public boolean isNamespaced(String id) {
    var type = byId.get(id);
    return type != null && type.namespaced();
  }
}
