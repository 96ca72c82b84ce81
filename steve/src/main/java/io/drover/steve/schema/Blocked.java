package io.drover.steve.schema;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/**
 * What Rancher lets nobody do through this API with objects of its own, whatever his rights: they
 * are to be changed through another one. They are not shown as forbidden, but as blocked.
 */
final class Blocked {
  private static final Set<String> GROUPS = Set.of("management.cattle.io", "project.cattle.io");

  /** Resources of which nothing is blocked. */
  private static final Set<String> FREE =
      Set.of(
          "clusterproxyconfigs",
          "podsecurityadmissionconfigurationtemplates",
          "proxyendpoints",
          "users");

  private static final Set<String> CREATED = Set.of("settings");
  private static final Set<String> UPDATED = Set.of("features", "settings");

  private static final Set<String> UNREAD =
      Set.of(
          "preferences",
          "sourcecodecredentials",
          "sourcecodeproviderconfigs",
          "sourcecoderepositories",
          "templatecontents",
          "templates",
          "templateversions",
          "tokens");

  private Blocked() {}

  /** Methods that are blocked for a type, in alphabetical order. */
  static List<String> of(ResourceType type) {
    String resource = type.resource();
    if (!GROUPS.contains(type.group()) || FREE.contains(resource)) {
      return List.of();
    }
    var methods = new ArrayList<>(List.of("DELETE", "PATCH"));
    if (UNREAD.contains(resource)) {
      methods.add("GET");
    }
    if (!CREATED.contains(resource)) {
      methods.add("POST");
    }
    if (!UPDATED.contains(resource)) {
      methods.add("PUT");
    }
    methods.sort(String::compareTo);
    return List.copyOf(methods);
  }

  /** How a method is named that is blocked. */
  static String named(String method) {
    return "blocked-" + method;
  }
}
