package io.drover.steve.access;

import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;

/**
 * All that a user may do with objects.
 *
 * @param id changes with any role or binding of his
 */
public record AccessSet(String id, Map<Right, Set<Access>> granted) {
  /** A verb on a resource; each may be {@link Access#ALL}. */
  public record Right(String verb, String group, String resource) {}

  public AccessSet {
    var copy = new HashMap<Right, Set<Access>>();
    granted.forEach((right, accesses) -> copy.put(right, Set.copyOf(accesses)));
    granted = Map.copyOf(copy);
  }

  /** Where a verb is allowed on a resource. */
  public Set<Access> where(String verb, String group, String resource) {
    var found = new HashSet<Access>();
    for (String v : List.of(Access.ALL, verb)) {
      for (String g : List.of(Access.ALL, group)) {
        for (String r : List.of(Access.ALL, resource)) {
          found.addAll(granted.getOrDefault(new Right(v, g, r), Set.of()));
        }
      }
    }
    return found;
  }

  /** Whether a verb is allowed on an object. */
  public boolean grants(String verb, String group, String resource, String namespace, String name) {
    return where(verb, group, resource).stream().anyMatch(access -> access.grants(namespace, name));
  }

  /** Namespaces in which anything at all is allowed, in alphabetical order. */
  public Set<String> namespaces() {
    var found = new TreeSet<String>();
    for (var accesses : granted.values()) {
      for (var access : accesses) {
        if (!access.namespace().equals(Access.ALL)) {
          found.add(access.namespace());
        }
      }
    }
    return found;
  }
}
