package io.drover.steve.query;

import java.util.Map;
import java.util.Set;
import java.util.function.Predicate;

/**
 * Which objects of a type somebody may see.
 *
 * @param everywhere all of them
 * @param namespaces all in these
 * @param names by namespace, which is empty for objects that live in none: these
 * @param also all in the namespaces of which this says so
 */
public record Scope(
    boolean everywhere,
    Set<String> namespaces,
    Map<String, Set<String>> names,
    Predicate<String> also) {
  public static final Scope ALL = new Scope(true, Set.of(), Map.of());
  public static final Scope NOTHING = new Scope(false, Set.of(), Map.of());

  public Scope {
    namespaces = Set.copyOf(namespaces);
    names = Map.copyOf(names);
  }

  /** What can be listed. */
  public Scope(boolean everywhere, Set<String> namespaces, Map<String, Set<String>> names) {
    this(everywhere, namespaces, names, _ -> false);
  }

  /** All objects of namespaces of which it is not known beforehand which they are. */
  public static Scope of(Predicate<String> namespaces) {
    return new Scope(false, Set.of(), Map.of(), namespaces);
  }

  /** Whether all objects of a namespace can be seen. */
  public boolean hasAll(String namespace) {
    return everywhere || namespaces.contains(namespace) || also.test(namespace);
  }

  /** Those that can be seen of a namespace that {@link #hasAll} denies. */
  public Set<String> names(String namespace) {
    return names.getOrDefault(namespace, Set.of());
  }

  /** What of this is in one namespace, as when that stands in the request. */
  public Scope in(String namespace) {
    return hasAll(namespace)
        ? new Scope(false, Set.of(namespace), Map.of())
        : new Scope(false, Set.of(), Map.of(namespace, names(namespace)));
  }
}
