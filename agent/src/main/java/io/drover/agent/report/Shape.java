package io.drover.agent.report;

import static java.util.Comparator.comparing;

import java.util.List;
import java.util.Optional;
import java.util.function.Function;

/** A name, or what several names begin or end with. */
record Shape(String text, Match match) {
  enum Match {
    EXACT,
    PREFIX,
    SUFFIX
  }

  /** Of a row that has the name in {@code field}, and perhaps how it is to be compared. */
  static Shape of(KnownTable.Row row, String field) {
    String text = row.text(field);
    String match = row.optionalText("match");
    return switch (match == null ? "exact" : match) {
      case "exact" -> new Shape(text, Match.EXACT);
      case "prefix" -> new Shape(text, Match.PREFIX);
      case "suffix" -> new Shape(text, Match.SUFFIX);
      default -> throw row.wrong("match is not one of its words");
    };
  }

  boolean fits(String name) {
    return switch (match) {
      case EXACT -> name.equals(text);
      case PREFIX -> name.startsWith(text);
      case SUFFIX -> name.endsWith(text);
    };
  }

  /** The row that fits best: an exact one, else the one with the longest text. */
  static <T> Optional<T> best(List<T> rows, Function<T, Shape> shape, String name) {
    return rows.stream()
        .filter(row -> shape.apply(row).fits(name))
        .max(
            comparing((T row) -> shape.apply(row).match() == Match.EXACT)
                .thenComparingInt(row -> shape.apply(row).text().length()));
  }
}
