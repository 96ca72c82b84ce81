package io.drover.steve.access;

import java.util.Map;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * What a user may do with the objects of one type.
 *
 * @param byVerb where; verbs that are allowed nowhere are missing
 */
public record Rights(Map<String, Set<Access>> byVerb) {
  /**
   * A part of the objects of a type.
   *
   * @param all all of a namespace; otherwise only the names
   */
  public record Part(boolean all, Set<String> names) {
    public Part {
      names = Set.copyOf(names);
    }

    /** Whether an object belongs to it. */
    public boolean has(String name) {
      return all || names.contains(name);
    }
  }

  public Rights {
    byVerb = Map.copyOf(byVerb);
  }

  /** Whether a verb is allowed on an object. */
  public boolean grants(String verb, String namespace, String name) {
    return byVerb.getOrDefault(verb, Set.of()).stream()
        .anyMatch(access -> access.grants(namespace, name));
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
   * By namespace, in alphabetical order, what may be seen. An object that may be read is part of a
   * list too, which Kubernetes itself would refuse.
   *
   * @param verb list or watch
   */
  public SortedMap<String, Part> parts(String verb) {
    var all = new TreeSet<String>();
    var names = new TreeMap<String, Set<String>>();
    for (var access : byVerb.getOrDefault(verb, Set.of())) {
      if (access.name().equals(Access.ALL)) {
        all.add(access.namespace());
      } else {
        names.computeIfAbsent(access.namespace(), _ -> new TreeSet<>()).add(access.name());
      }
    }
    if (verb.equals("list")) {
      for (var access : byVerb.getOrDefault("get", Set.of())) {
        if (!access.name().equals(Access.ALL) && !access.name().isEmpty()) {
          names.computeIfAbsent(access.namespace(), _ -> new TreeSet<>()).add(access.name());
        }
      }
    }
    var parts = new TreeMap<String, Part>();
    names.forEach((namespace, some) -> parts.put(namespace, new Part(false, some)));
    all.forEach(namespace -> parts.put(namespace, new Part(true, Set.of())));
    return parts;
  }
}
