package io.drover.steve.query;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import java.util.Map;
import java.util.TreeMap;

/**
 * What a {@link Tally} counts: by property and value, how many there are, and in which namespace.
 */
public final class TallyCounts {
  private final boolean namespaced;
  private final Map<String, Map<String, Map<String, Integer>>> byProperty = new TreeMap<>();

  public TallyCounts(Tally tally) {
    namespaced = tally.namespaced();
    tally.properties().forEach(field -> byProperty.put(field.column(), new TreeMap<>()));
  }

  /** One object, or several that are alike. A value that is missing is not counted. */
  public void add(Field property, String value, String namespace, int count) {
    if (!value.isEmpty()) {
      byProperty
          .computeIfAbsent(property.column(), _ -> new TreeMap<>())
          .computeIfAbsent(value, _ -> new TreeMap<>())
          .merge(namespace, count, Integer::sum);
    }
  }

  /** The collection's {@code summary}. */
  public ArrayNode json() {
    var json = JsonNodeFactory.instance.arrayNode();
    byProperty.forEach(
        (property, values) -> {
          var counts = json.addObject().put("property", property).putObject("counts");
          values.forEach(
              (value, byNamespace) -> {
                int total = byNamespace.values().stream().mapToInt(Integer::intValue).sum();
                var count = counts.putObject(value).put("total", total);
                if (namespaced) {
                  byNamespace.forEach(count.withObject("/namespace")::put);
                }
              });
        });
    return json;
  }
}
