package io.drover.steve.query;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * How many objects have which value.
 *
 * @param properties whose values are counted
 * @param only whether the objects themselves are not wanted
 * @param namespaced whether to count by namespace too
 */
public record Tally(List<Field> properties, boolean only, boolean namespaced) {
  /** In one request. */
  static final int MAX_PROPERTIES = 32;

  public Tally {
    properties = List.copyOf(properties);
  }

  static @Nullable Tally parse(Map<String, List<String>> parameters) throws QueryException {
    boolean only = isSet(parameters, "summaryonly");
    boolean namespaced = isSet(parameters, "summarynamespaced");
    var texts = parameters.getOrDefault("summary", List.of());
    if (texts.isEmpty()) {
      if (only) {
        throw QueryException.syntax("got a summaryonly parameter but no summary fields");
      }
      return null;
    }
    if (texts.size() > 1) {
      throw QueryException.syntax(
          "unable to parse requirement: expecting at most one summary parameter, got "
              + texts.size());
    }
    var properties = new ArrayList<Field>();
    for (var name : texts.getFirst().split(",", -1)) {
      if (name.isEmpty()) {
        throw QueryException.syntax(
            "unable to parse requirement: empty summary parameter doesn't make sense");
      }
      if (properties.size() == MAX_PROPERTIES) {
        throw QueryException.tooMuch("summary fields", MAX_PROPERTIES);
      }
      properties.add(Field.parse(name));
    }
    return new Tally(properties, only, namespaced);
  }

  /** A parameter without a value is set. */
  private static boolean isSet(Map<String, List<String>> parameters, String name) {
    return parameters.containsKey(name) && !Query.first(parameters, name).equals("false");
  }
}
