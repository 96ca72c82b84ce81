package io.drover.steve.schema;

import io.drover.steve.access.Access;
import io.drover.steve.access.AccessSet;
import io.drover.steve.access.Rights;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/** The types that a user is shown, and what he may do with each. */
public final class UserSchemas {
  /** Types that everybody may list, to find nothing. */
  private static final Set<String> LISTED_BY_ALL =
      Set.of("management.cattle.io.cluster", "management.cattle.io.project", "namespace");

  private final AccessSet access;
  private final Types types;
  private final Map<String, Schema> byId = new TreeMap<>();

  /** By id and plural name in lower case. */
  private final Map<String, Schema> byAnyName = new HashMap<>();

  UserSchemas(AccessSet access, Types types) {
    this.access = access;
    this.types = types;
    for (var schema : BaseSchemas.ALL) {
      add(schema);
    }
    for (var type : types.all()) {
      var rights = rights(access, type);
      boolean isNamespace = type.group().isEmpty() && type.resource().equals("namespaces");
      if (isNamespace && rights.byVerb().isEmpty()) {
        rights = ownNamespaces(access);
      }
      var blocked = Blocked.of(type);
      var resource = marked(resourceMethods(rights), blocked);
      var collection = marked(collectionMethods(rights), blocked);
      if (LISTED_BY_ALL.contains(type.id()) && collection.isEmpty()) {
        collection = List.of("GET"); // so that the menu of namespaces is there, and empty
      }
      if (!resource.isEmpty() || !collection.isEmpty()) {
        add(Schema.of(type, rights, resource, collection));
      }
    }
  }

  private static Rights rights(AccessSet access, ResourceType type) {
    var byVerb = new HashMap<String, Set<Access>>();
    for (String verb : type.verbs()) {
      var where = new HashSet<>(access.where(verb, type.group(), type.resource()));
      if (!type.namespaced()) {
        where.removeIf(one -> !one.namespace().equals(Access.ALL));
      }
      if (!where.isEmpty()) {
        byVerb.put(verb, where);
      }
    }
    return new Rights(byVerb);
  }

  /** Whoever may do anything in a namespace may see that it is there. */
  private static Rights ownNamespaces(AccessSet access) {
    var own = new HashSet<Access>();
    access.namespaces().forEach(namespace -> own.add(new Access(Access.ALL, namespace)));
    return own.isEmpty() ? new Rights(Map.of()) : new Rights(Map.of("get", own, "watch", own));
  }

  private static List<String> resourceMethods(Rights rights) {
    var methods = new ArrayList<String>();
    if (rights.any("list", "get")) {
      methods.add("GET");
    }
    if (rights.any("delete")) {
      methods.add("DELETE");
    }
    if (rights.any("update")) {
      methods.add("PUT");
    }
    if (rights.any("update", "patch")) {
      methods.add("PATCH");
    }
    return methods;
  }

  private static List<String> collectionMethods(Rights rights) {
    var methods = new ArrayList<String>();
    if (rights.any("list", "get")) {
      methods.add("GET");
    }
    if (rights.any("create")) {
      methods.add("POST");
    }
    return methods;
  }

  private static List<String> marked(List<String> methods, List<String> blocked) {
    return methods.stream()
        .map(method -> blocked.contains(method) ? Blocked.named(method) : method)
        .toList();
  }

  /** A type of Kubernetes takes the place of one of ours with the same name. */
  private void add(Schema schema) {
    if (schema.listed()) {
      byId.put(schema.id(), schema);
    }
    byAnyName.put(schema.id().toLowerCase(Locale.ROOT), schema);
    byAnyName.put(schema.pluralName().toLowerCase(Locale.ROOT), schema);
  }

  /**
   * Finds one by its id or its plural name, in any case; null: there is none, or none for this
   * user.
   */
  public @Nullable Schema lookup(String name) {
    return byAnyName.get(name.toLowerCase(Locale.ROOT));
  }

  /** All of them, by id. */
  public Collection<Schema> all() {
    return byId.values();
  }

  /** What the user may do. */
  public AccessSet access() {
    return access;
  }

  /** What there is, whoever asks. */
  public Types types() {
    return types;
  }
}
