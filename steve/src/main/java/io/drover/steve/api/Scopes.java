package io.drover.steve.api;

import io.drover.steve.access.Access;
import io.drover.steve.access.Rights;
import io.drover.steve.query.Scope;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Set;

/** Which objects of a type are a user's, by his rights, as far as names do not limit them. */
final class Scopes {
  private Scopes() {}

  /**
   * Those that a list shows him. To be asked for only of rights that are not {@link
   * Rights#isLimitedByName limited by name}: of others it has too few.
   */
  static Scope listed(Rights rights, boolean namespaced) {
    if (rights.all("list")) {
      return Scope.ALL;
    }
    if (rights.isFiltered("list", Access.ALL)) {
      return Scope.of(
          namespace -> !namespace.isEmpty() && rights.grants("list", namespace, Access.ALL));
    }
    var namespaces = new HashSet<String>();
    var names = new HashMap<String, Set<String>>();
    rights
        .parts("list")
        .forEach(
            (in, part) -> {
              boolean nowhere = in.equals(Access.ALL);
              if (nowhere == namespaced) {
                return; // a name in all namespaces is none
              }
              String namespace = nowhere ? "" : in;
              if (part.all()) {
                namespaces.add(namespace);
              } else {
                names.put(namespace, part.names()); // none if it is filtered
              }
            });
    return new Scope(false, namespaces, names);
  }
}
