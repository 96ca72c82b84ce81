package io.drover.agent.view;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * What the API server serves.
 *
 * @param versions of each group, the preferred one; the core group is the empty name
 * @param resources as {@code group/plural}; empty if only the groups are known
 * @param broken groups whose server does not answer
 */
public record Discovery(Map<String, String> versions, Set<String> resources, Set<String> broken) {

  /** Whether a group is served. */
  public boolean hasGroup(String group) {
    return versions.containsKey(group);
  }

  /** Whether a kind is served; if only groups are known, then its group. */
  public boolean serves(String group, String plural) {
    return resources.isEmpty() ? hasGroup(group) : resources.contains(group + "/" + plural);
  }

  /** The version to ask for. */
  Optional<String> version(String group) {
    return Optional.ofNullable(versions.get(group));
  }

  /**
   * Reads an {@code APIGroupDiscoveryList} or, of older API servers, an {@code APIGroupList}. Empty
   * if it is neither: every API server has groups, and each of them a name and a version.
   */
  static Optional<Discovery> of(JsonNode list) {
    var versions = new HashMap<String, String>();
    var resources = new HashSet<String>();
    var broken = new HashSet<String>();
    versions.put("", "v1");
    boolean aggregated = Json.text(list.path("kind")).equals("APIGroupDiscoveryList");
    for (JsonNode group : list.path("items")) {
      String name = Json.name(group);
      if (name.isEmpty()) {
        return Optional.empty();
      }
      // The versions come in the order of preference.
      for (JsonNode version : group.path("versions")) {
        String text = Json.text(version.path("version"));
        if (text.isEmpty()) {
          return Optional.empty();
        }
        if (Json.text(version.path("freshness")).equals("Stale")) {
          broken.add(name);
        }
        versions.putIfAbsent(name, text);
        for (JsonNode resource : version.path("resources")) {
          resources.add(name + "/" + Json.text(resource.path("resource")));
        }
      }
    }
    for (JsonNode group : list.path("groups")) {
      String name = Json.text(group.path("name"));
      String version = Json.text(group.path("preferredVersion").path("version"));
      if (name.isEmpty() || version.isEmpty()) {
        return Optional.empty();
      }
      versions.put(name, version);
    }
    return versions.size() == 1 // the core group, of which no list tells
        ? Optional.empty()
        : Optional.of(
            new Discovery(
                Map.copyOf(versions),
                aggregated ? Set.copyOf(resources) : Set.of(),
                Set.copyOf(broken)));
  }
}
