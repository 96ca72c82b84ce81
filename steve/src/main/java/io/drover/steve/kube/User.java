package io.drover.steve.kube;

import io.drover.steve.http.Fields;
import java.net.http.HttpRequest;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;

/**
 * In whose name something is asked: what the server says of its user, and all that decides what he
 * sees.
 *
 * @param extras by their keys, as they came: percent signs are not decoded
 */
public record User(String name, List<String> groups, Map<String, List<String>> extras) {
  /** Whose name and whose only group is this, when the server names nobody. */
  public static final String NOBODY = "system:unauthenticated";

  /** No role limits its members. */
  public static final String MASTERS = "system:masters";

  static final String USER = "Impersonate-User";
  static final String GROUP = "Impersonate-Group";
  static final String EXTRA = "Impersonate-Extra-";

  public User {
    groups = List.copyOf(groups);
    extras = Map.copyOf(extras);
  }

  /** Reads the fields of a request. Groups without a user are nobody's. */
  public static User of(Fields fields) {
    String name = fields.first(USER);
    if (name.isEmpty()) {
      return new User(NOBODY, List.of(NOBODY), Map.of());
    }
    var extras = new TreeMap<String, List<String>>();
    for (var field : fields.all()) {
      String key = field.name().toLowerCase(Locale.ROOT);
      if (key.startsWith(EXTRA.toLowerCase(Locale.ROOT))) {
        extras
            .computeIfAbsent(key.substring(EXTRA.length()), _ -> new ArrayList<>())
            .add(field.value());
      }
    }
    return new User(name, fields.every(GROUP), extras);
  }

  /** Whether no role limits him. */
  public boolean isMaster() {
    return groups.contains(MASTERS);
  }

  void addTo(HttpRequest.Builder request) {
    request.header(USER, name);
    groups.forEach(group -> request.header(GROUP, group));
    extras.forEach((key, values) -> values.forEach(value -> request.header(EXTRA + key, value)));
  }
}
