package io.drover.steve.query;

import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Which namespace belongs to which of Rancher's projects, by its label {@link #LABEL}.
 *
 * @param byNamespace all namespaces there are; empty for one that belongs to none
 */
public record Projects(Map<String, String> byNamespace) {
  public static final String LABEL = "field.cattle.io/projectId";

  public static final Projects NONE = new Projects(Map.of());

  public Projects {
    byNamespace = Map.copyOf(byNamespace);
  }

  /** Null if there is no such namespace. */
  public @Nullable String of(String namespace) {
    return byNamespace.get(namespace);
  }

  /** Whether that is a namespace or a project. */
  boolean know(String name) {
    return byNamespace.containsKey(name) || byNamespace.containsValue(name);
  }
}
