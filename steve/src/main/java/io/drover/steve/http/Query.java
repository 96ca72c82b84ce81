package io.drover.steve.http;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.net.URLDecoder;
import java.net.URLEncoder;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * The parameters of a request, decoded; a name may have several values. Pairs that cannot be
 * decoded are left out, as Go does it.
 *
 * @param values by name, in their order
 */
public record Query(Map<String, List<String>> values) {
  public Query {
    var copy = new LinkedHashMap<String, List<String>>();
    values.forEach((name, all) -> copy.put(name, List.copyOf(all)));
    values = Collections.unmodifiableMap(copy);
  }

  /**
   * Reads what stands behind the question mark.
   *
   * @param text empty if there is none
   */
  public static Query parse(String text) {
    var values = new LinkedHashMap<String, List<String>>();
    for (String pair : text.split("&", -1)) {
      int equals = pair.indexOf('=');
      try {
        String name = decode(equals < 0 ? pair : pair.substring(0, equals));
        if (!pair.isEmpty()) {
          String value = equals < 0 ? "" : decode(pair.substring(equals + 1));
          values.computeIfAbsent(name, _ -> new ArrayList<>()).add(value);
        }
      } catch (IllegalArgumentException _) {
        // Left out.
      }
    }
    return new Query(values);
  }

  private static String decode(String text) {
    if (text.indexOf(';') >= 0) { // not a separator any more, and so not allowed
      throw new IllegalArgumentException(text);
    }
    return URLDecoder.decode(text, UTF_8);
  }

  /** The first value; empty if there is none. */
  public String first(String name) {
    var all = every(name);
    return all.isEmpty() ? "" : all.getFirst();
  }

  /** Every value. */
  public List<String> every(String name) {
    return values.getOrDefault(name, List.of());
  }

  /** Whether the name is there, with or without a value. */
  public boolean has(String name) {
    return values.containsKey(name);
  }

  /** The same with one value of a name, in place of those it had. */
  public Query with(String name, String value) {
    var changed = new LinkedHashMap<>(values);
    changed.put(name, List.of(value));
    return new Query(changed);
  }

  /** Only these names. */
  public Query only(Set<String> names) {
    var kept = new LinkedHashMap<>(values);
    kept.keySet().retainAll(names);
    return new Query(kept);
  }

  /** As it goes over the wire, sorted by name as Go writes it; empty: nothing to send. */
  public String text() {
    var pairs = new ArrayList<String>();
    values.keySet().stream()
        .sorted()
        .forEach(name -> pairs.addAll(pairs(name, values.getOrDefault(name, List.of()))));
    return String.join("&", pairs);
  }

  private static List<String> pairs(String name, Collection<String> all) {
    return all.stream()
        .map(value -> URLEncoder.encode(name, UTF_8) + "=" + URLEncoder.encode(value, UTF_8))
        .toList();
  }
}
