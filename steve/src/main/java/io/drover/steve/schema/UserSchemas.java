package io.drover.steve.schema;

import io.drover.steve.access.Access;
import io.drover.steve.access.AccessSet;
import io.drover.steve.access.Rights;
import io.drover.steve.kube.Limits;
import io.drover.steve.kube.Reach;
import io.drover.steve.kube.Reach.Extent;
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

  /** The same, of types that roles would show, and something else denies altogether. */
  private final Map<String, ResourceType> denied = new HashMap<>();

  UserSchemas(AccessSet access, Types types) {
    this.access = access;
    this.types = types;
    for (var schema : BaseSchemas.ALL) {
      add(schema);
    }
    for (var type : types.all()) {
      var byRoles = byRoles(access, type);
      var rights = limited(byRoles, access.limits(), type);
      var blocked = Blocked.of(type);
      var resource = marked(resourceMethods(rights), blocked);
      var collection = marked(collectionMethods(rights), blocked);
      if (LISTED_BY_ALL.contains(type.id()) && collection.isEmpty()) {
        collection = List.of("GET"); // so that the menu of namespaces is there, and empty
      }
      if (!resource.isEmpty() || !collection.isEmpty()) {
        add(Schema.of(type, rights, resource, collection));
      } else if (!byRoles.isEmpty()) {
        denied.put(type.id().toLowerCase(Locale.ROOT), type);
        denied.put(type.pluralName().toLowerCase(Locale.ROOT), type);
      }
    }
  }

  private static Map<String, Set<Access>> byRoles(AccessSet access, ResourceType type) {
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
    boolean isNamespace = type.group().isEmpty() && type.resource().equals("namespaces");
    return isNamespace && byVerb.isEmpty() ? ownNamespaces(access) : byVerb;
  }

  private static Rights limited(
      Map<String, Set<Access>> byRoles, Limits limits, ResourceType type) {
    if (limits.equals(Limits.NONE)) {
      return new Rights(byRoles);
    }
    var byVerb = new HashMap<>(byRoles);
    var reaches = new HashMap<String, Reach>();
    // A list shows what may be read, so that its limits matter to whoever may only read.
    var verbs = new HashSet<>(byRoles.keySet());
    verbs.add("list");
    for (String verb : verbs) {
      var reach = limits.reach(verb, type.group(), type.resource());
      var extent = type.namespaced() ? reach.everywhere() : reach.in("");
      if (extent != Extent.ALL) {
        reaches.put(verb, extent == Extent.NONE ? Reach.NOTHING : reach);
      }
      if (extent == Extent.NONE) {
        byVerb.remove(verb);
      }
    }
    return new Rights(byVerb, reaches, type.namespaced());
  }

  /** Whoever may do anything in a namespace may see that it is there. */
  private static Map<String, Set<Access>> ownNamespaces(AccessSet access) {
    var own = new HashSet<Access>();
    access.namespaces().forEach(namespace -> own.add(new Access(Access.ALL, namespace)));
    return own.isEmpty() ? Map.of() : Map.of("get", own, "watch", own);
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

  /**
   * Finds one in the same way that roles would show, and of which something else denies all; null:
   * there is none.
   */
  public @Nullable ResourceType denied(String name) {
    return denied.get(name.toLowerCase(Locale.ROOT));
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
