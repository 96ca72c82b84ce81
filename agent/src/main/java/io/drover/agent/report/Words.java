package io.drover.agent.report;

import io.drover.proto.report.Cause;
import java.util.List;
import java.util.Locale;

/** How things are put for people. */
final class Words {
  /** So many names are enough to know where to look. */
  private static final int MAX_NAMED = 3;

  private Words() {}

  /** The first few, and how many more there are. */
  static String some(List<String> names) {
    String first = String.join(", ", names.subList(0, Math.min(MAX_NAMED, names.size())));
    return names.size() <= MAX_NAMED
        ? first
        : first + " and " + (names.size() - MAX_NAMED) + " more";
  }

  /** {@code NOT_SERVED} is {@code NotServed}: a condition's reason is one word. */
  static String reason(Cause cause) {
    var word = new StringBuilder();
    for (String part : cause.name().split("_", -1)) {
      word.append(part.charAt(0)).append(part.substring(1).toLowerCase(Locale.ROOT));
    }
    return word.toString();
  }

  /** {@code NOT_SERVED} is {@code not served}. */
  static String plain(Enum<?> word) {
    return word.name().toLowerCase(Locale.ROOT).replace('_', ' ');
  }
}
