package io.drover.steve.access;

import io.drover.steve.kube.Limits;
import io.drover.steve.kube.Reach;
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
 * @param granted by roles
 * @param limits what limits him beside them
 */
public record AccessSet(String id, Map<Right, Set<Access>> granted, Limits limits) {
  /** A verb on a resource; each may be {@link Access#ALL}. */
  public record Right(String verb, String group, String resource) {}

  public AccessSet {
    var copy = new HashMap<Right, Set<Access>>();
    granted.forEach((right, accesses) -> copy.put(right, Set.copyOf(accesses)));
    granted = Map.copyOf(copy);
  }

  /** By roles alone. */
  public AccessSet(String id, Map<Right, Set<Access>> granted) {
    this(id, granted, Limits.NONE);
  }

  /** The same roles, limited. */
  public AccessSet within(Limits now) {
    return now.equals(limits) ? this : new AccessSet(id, granted, now);
  }

  /** Whether that is the same for another: no role is different, and no limit. */
  public boolean isAs(AccessSet other) {
    return id.equals(other.id()) && limits.equals(other.limits());
  }

  /** Where roles allow a verb on a resource. */
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

  /** Whether a verb is allowed on an object; with an empty name, on whatever there is. */
  public boolean grants(String verb, String group, String resource, String namespace, String name) {
    return where(verb, group, resource).stream().anyMatch(access -> access.grants(namespace, name))
        && isWithinLimits(verb, group, resource, namespace, name);
  }

  private boolean isWithinLimits(
      String verb, String group, String resource, String namespace, String name) {
    var reach = limits.reach(verb, group, resource);
    return name.isEmpty() ? reach.in(namespace) == Reach.Extent.ALL : reach.one(namespace, name);
  }

  /** Namespaces in which roles allow anything at all, in alphabetical order. */
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
