package io.drover.standin;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Predicate;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** Label and field selectors, as in {@code app=web,tier in (a, b),!old} and {@code a.b!=c}. */
final class Selector {
  private static final Pattern SET =
      Pattern.compile("(\\S+)\\s+(in|notin)\\s+\\(([^)]*)\\)", Pattern.CASE_INSENSITIVE);
  private static final Pattern COMPARISON = Pattern.compile("([^=!]+)(==|!=|=)(.*)");

  private Selector() {}

  static Predicate<JsonNode> labels(String text) {
    return parts(text).map(Selector::label).reduce(_ -> true, Predicate::and);
  }

  private static Predicate<JsonNode> label(String part) {
    var set = SET.matcher(part);
    if (set.matches()) {
      var values = Stream.of(set.group(3).split(",", -1)).map(String::strip).toList();
      String key = set.group(1);
      return set.group(2).equals("in")
          ? object ->
              labelOf(object, key).isTextual() && values.contains(labelOf(object, key).asText())
          : object -> !values.contains(labelOf(object, key).asText());
    }
    var comparison = COMPARISON.matcher(part);
    if (comparison.matches()) {
      String key = comparison.group(1).strip();
      String value = comparison.group(3).strip();
      return comparison.group(2).equals("!=")
          ? object ->
              !(labelOf(object, key).isTextual() && labelOf(object, key).asText().equals(value))
          : object ->
              labelOf(object, key).isTextual() && labelOf(object, key).asText().equals(value);
    }
    return part.startsWith("!")
        ? object -> labelOf(object, part.substring(1).strip()).isMissingNode()
        : object -> labelOf(object, part).isTextual();
  }

  private static JsonNode labelOf(JsonNode object, String key) {
    return object.path("metadata").path("labels").path(key);
  }

  /** Any field can be selected by, not only those that a real API server offers. */
  static Predicate<JsonNode> fields(String text) {
    return parts(text).map(Selector::field).reduce(_ -> true, Predicate::and);
  }

  private static Predicate<JsonNode> field(String part) {
    var comparison = COMPARISON.matcher(part);
    if (!comparison.matches()) {
      throw Refusal.badRequest("not a field selector: " + part);
    }
    var path = comparison.group(1).strip().split("\\.", -1);
    String value = comparison.group(3).strip();
    boolean wanted = !comparison.group(2).equals("!=");
    return object -> {
      var node = object;
      for (String name : path) {
        node = node.path(name);
      }
      return node.asText().equals(value) == wanted;
    };
  }

  /** The parts between the commas that are not in parentheses. */
  private static Stream<String> parts(String text) {
    List<String> parts = new ArrayList<>();
    int start = 0;
    boolean inside = false;
    for (int i = 0; i < text.length(); i++) {
      switch (text.charAt(i)) {
        case '(' -> inside = true;
        case ')' -> inside = false;
        case ',' -> {
          if (!inside) {
            parts.add(text.substring(start, i));
            start = i + 1;
          }
        }
        default -> {}
      }
    }
    parts.add(text.substring(start));
    return parts.stream().map(String::strip).filter(part -> !part.isEmpty());
  }
}
