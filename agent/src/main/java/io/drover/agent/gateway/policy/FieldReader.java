package io.drover.agent.gateway.policy;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Reads the fields of one mapping; what is wrong is noted, and taken for not there. */
final class FieldReader {
  /** Of one text, in characters. */
  static final int MAX_TEXT = 1024;

  /** Of one list. */
  static final int MAX_ITEMS = 1000;

  private final String place;
  private final YamlNode.Fields fields;
  private final Problems problems;

  private FieldReader(String place, YamlNode.Fields fields, Problems problems) {
    this.place = place;
    this.fields = fields;
    this.problems = problems;
  }

  /**
   * Of a mapping.
   *
   * @param place for people; empty at the top
   * @param known all fields that there may be
   * @return empty if it is no mapping
   */
  static Optional<FieldReader> of(
      String place, YamlNode node, Set<String> known, Problems problems) {
    if (!(node instanceof YamlNode.Fields fields)) {
      problems.add(
          node.line(),
          place.isEmpty() ? "policy" : place,
          "is no mapping: write it as field: value");
      return Optional.empty();
    }
    var reader = new FieldReader(place, fields, problems);
    fields
        .all()
        .keySet()
        .forEach(
            key -> {
              if (!known.contains(key)) {
                reader.problem(
                    key,
                    "there is no such field: use one of "
                        + String.join(", ", known.stream().sorted().toList()));
              }
            });
    return Optional.of(reader);
  }

  /** Notes what is wrong with a field; at the mapping's line if it is not there. */
  void problem(String field, String what) {
    problems.add(line(field), field(field), what);
  }

  /** Where a field stands, or else where the mapping begins. */
  int line(String field) {
    return fields.keys().getOrDefault(field, fields.line());
  }

  private String field(String field) {
    String shown = field.length() <= 40 ? field : field.substring(0, 40) + "…";
    shown = shown.replaceAll("[\\p{Cntrl}\\p{Cf}]", " ");
    return place.isEmpty() ? shown : place + ": " + shown;
  }

  boolean has(String field) {
    return fields.all().containsKey(field);
  }

  /** Of a mapping below it; null if it is not there. */
  @Nullable YamlNode node(String field) {
    return fields.all().get(field);
  }

  /** A text; empty if it is not there. */
  String text(String field) {
    var node = fields.all().get(field);
    return node == null ? "" : text(field, node, true);
  }

  /** A text that may be empty; so is one that is not there. */
  String textOrNone(String field) {
    var node = fields.all().get(field);
    return node == null ? "" : text(field, node, false);
  }

  /** Whether it is {@code true}; false if it is not there. */
  boolean flag(String field) {
    var node = fields.all().get(field);
    if (node == null) {
      return false;
    }
    boolean isFlag =
        node instanceof YamlNode.Scalar(_, var text, var isText)
            && !isText
            && (text.equals("true") || text.equals("false"));
    if (!isFlag) {
      problem(field, "is neither true nor false");
    }
    return isFlag && ((YamlNode.Scalar) node).text().equals("true");
  }

  /** One that has to be there. */
  String require(String field, String remedy) {
    if (!has(field)) {
      problem(field, "is missing: " + remedy);
      return "";
    }
    return text(field);
  }

  private String text(String field, YamlNode node, boolean required) {
    if (!(node instanceof YamlNode.Scalar scalar) || !scalar.isText()) {
      problems.add(node.line(), field(field), "is no text: put it in quotation marks");
      return "";
    }
    if (scalar.text().length() > MAX_TEXT) {
      problems.add(
          node.line(), field(field), "is longer than " + MAX_TEXT + " characters: shorten it");
      return "";
    }
    if (required && scalar.text().isEmpty()) {
      problems.add(node.line(), field(field), "is empty: leave it out, or write something");
    }
    if (scalar.text().chars().anyMatch(Character::isISOControl)) {
      problems.add(
          node.line(), field(field), "has a control character, or several lines: write one line");
      return "";
    }
    return scalar.text();
  }

  /** An item of a list of texts. */
  record Item(int line, String text) {}

  /** A list of texts; empty if it is not there. One that is there has something in it. */
  List<Item> items(String field) {
    var all = new ArrayList<Item>();
    for (YamlNode node : nodes(field)) {
      // An empty text is the first API group.
      all.add(new Item(node.line(), text(field, node, false)));
    }
    return all;
  }

  /** A list; empty if it is not there. One that is there has something in it. */
  List<YamlNode> nodes(String field) {
    var node = fields.all().get(field);
    if (node == null) {
      return List.of();
    }
    if (!(node instanceof YamlNode.Items items)) {
      problem(field, "is no list: write it as [a, b]");
      return List.of();
    }
    if (items.all().isEmpty()) {
      problem(field, "is an empty list: leave it out, or name something");
    }
    if (items.all().size() > MAX_ITEMS) {
      problem(field, "has more than " + MAX_ITEMS + " items: make several rules of it");
      return List.of();
    }
    return items.all();
  }

  /** Notes what is wrong with one item. */
  void itemProblem(String field, Item item, String what) {
    problems.add(item.line(), field(field), Problems.quoted(item.text()) + " " + what);
  }
}
