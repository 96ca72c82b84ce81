package io.drover.steve.access;

import io.drover.steve.kube.Reach;
import io.drover.steve.kube.Reach.Extent;
import java.util.Map;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * What a user may do with the objects of one type.
 *
 * @param byVerb where by his roles; verbs that are allowed nowhere are missing
 * @param limits how far verbs reach that do not reach everything
 * @param namespaced whether the objects live in namespaces
 */
public record Rights(
    Map<String, Set<Access>> byVerb, Map<String, Reach> limits, boolean namespaced) {
  private static final String LIST = "list";
  private static final String GET = "get";

  /**
   * A part of the objects of a type.
   *
   * @param all all of a namespace
   * @param filtered those of a namespace that {@link #shows} lets through
   * @param names otherwise only these
   */
  public record Part(boolean all, boolean filtered, Set<String> names) {
    public static final Part ALL = new Part(true, false, Set.of());
    public static final Part FILTERED = new Part(false, true, Set.of());
    public static final Part NONE = new Part(false, false, Set.of());

    public Part {
      names = Set.copyOf(names);
    }

    /** Only these. */
    public static Part of(Set<String> names) {
      return new Part(false, false, names);
    }

    /** Whether nothing belongs to it. */
    public boolean isNone() {
      return !all && !filtered && names.isEmpty();
    }
  }

  public Rights {
    byVerb = Map.copyOf(byVerb);
    limits = Map.copyOf(limits);
  }

  /** By roles alone. */
  public Rights(Map<String, Set<Access>> byVerb) {
    this(byVerb, Map.of(), true);
  }

  /** Whether a verb is allowed on an object. */
  public boolean grants(String verb, String namespace, String name) {
    return rolesGrant(verb, namespace, name) && isReached(verb, namespace, name);
  }

  private boolean rolesGrant(String verb, String namespace, String name) {
    return byVerb.getOrDefault(verb, Set.of()).stream()
        .anyMatch(access -> access.grants(namespace, name));
  }

  private boolean isReached(String verb, String namespace, String name) {
    var reach = limits.get(verb);
    if (reach == null) {
      return true;
    }
    if (namespace.equals(Access.ALL) || name.equals(Access.ALL)) {
      return extent(reach, namespace) == Extent.ALL;
    }
    return reach.one(namespace, name);
  }

  private Extent extent(Reach reach, String namespace) {
    if (!namespaced) {
      return reach.in("");
    }
    return namespace.equals(Access.ALL) ? reach.everywhere() : reach.in(namespace);
  }

  /** Whether a verb is allowed on all objects there are. */
  public boolean all(String verb) {
    return grants(verb, Access.ALL, Access.ALL);
  }

  /** Whether one of the verbs is allowed somewhere. */
  public boolean any(String... verbs) {
    for (String verb : verbs) {
      if (!byVerb.getOrDefault(verb, Set.of()).isEmpty()) {
        return true;
      }
    }
    return false;
  }

  /**
   * Whether an object belongs to what a list shows. One that may be read is part of it too, which
   * Kubernetes itself would refuse; but nothing is that may not be listed for another reason than
   * roles.
   */
  public boolean shows(String namespace, String name) {
    return isReached(LIST, namespace, name)
        && (rolesGrant(LIST, namespace, name) || grants(GET, namespace, name));
  }

  /**
   * Whether roles allow a verb on all of a namespace, and something else on a part of it only.
   *
   * @param namespace or {@link Access#ALL}
   */
  public boolean isFiltered(String verb, String namespace) {
    var reach = limits.get(verb);
    return reach != null
        && rolesGrant(verb, namespace, Access.ALL)
        && extent(reach, namespace) == Extent.SOME;
  }

  /** Whether it depends on single names, whatever roles say, how far a verb reaches. */
  public boolean isLimitedByName(String verb) {
    var reach = limits.get(verb);
    return reach != null && reach.isByName();
  }

  /**
   * By namespace, in alphabetical order, what may be seen. An object that may be read is part of a
   * list too, as in {@link #shows}.
   *
   * @param verb list or watch
   */
  public SortedMap<String, Part> parts(String verb) {
    var names = new TreeMap<String, Set<String>>();
    var parts = new TreeMap<String, Part>();
    for (var access : byVerb.getOrDefault(verb, Set.of())) {
      if (!access.name().equals(Access.ALL)) {
        addIfReached(verb, access, names);
      }
    }
    if (verb.equals(LIST)) {
      for (var access : byVerb.getOrDefault(GET, Set.of())) {
        if (!access.name().equals(Access.ALL)
            && !access.name().isEmpty()
            && isNameReached(GET, access)) {
          addIfReached(LIST, access, names);
        }
      }
    }
    names.forEach((namespace, some) -> parts.put(namespace, Part.of(some)));
    for (var access : byVerb.getOrDefault(verb, Set.of())) {
      if (access.name().equals(Access.ALL)) {
        String namespace = access.namespace();
        if (isReached(verb, namespace, Access.ALL)) {
          parts.put(namespace, Part.ALL);
        } else if (isFiltered(verb, namespace)) {
          parts.put(namespace, Part.FILTERED);
        }
      }
    }
    return parts;
  }

  private void addIfReached(String verb, Access access, Map<String, Set<String>> names) {
    if (isNameReached(verb, access)) {
      names.computeIfAbsent(access.namespace(), _ -> new TreeSet<>()).add(access.name());
    }
  }

  /** A name in all namespaces is that of an object outside of them. */
  private boolean isNameReached(String verb, Access access) {
    String namespace =
        access.namespace().equals(Access.ALL) && !namespaced ? "" : access.namespace();
    return isReached(verb, namespace, access.name());
  }
}
