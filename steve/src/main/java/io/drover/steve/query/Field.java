package io.drover.steve.query;

import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;

/**
 * A place in an object: {@code metadata.labels[app.kubernetes.io/name]}, {@code
 * metadata.fields[3]}.
 *
 * @param parts keys and indexes from the outside in
 */
public record Field(List<String> parts) {
  /** A label's key may have brackets itself, for all we know. */
  private static final Pattern LABEL = Pattern.compile("metadata\\.labels\\[(.+)\\]");

  private static final Pattern BRACKETED = Pattern.compile("([^\\[\\]]+)((?:\\[[^\\[\\]]+\\])+)");
  private static final Pattern PLAIN = Pattern.compile("[a-zA-Z_][a-zA-Z0-9_]*");

  public Field {
    parts = List.copyOf(parts);
  }

  public static Field parse(String text) {
    var label = LABEL.matcher(text);
    if (label.matches()) {
      return new Field(List.of("metadata", "labels", label.group(1)));
    }
    var bracketed = BRACKETED.matcher(text);
    if (!bracketed.matches()) {
      return new Field(List.of(text.split("\\.", -1)));
    }
    var parts = new ArrayList<>(List.of(bracketed.group(1).split("\\.", -1)));
    var inBrackets = bracketed.group(2);
    parts.addAll(List.of(inBrackets.substring(1, inBrackets.length() - 1).split("\\]\\[", -1)));
    return new Field(parts);
  }

  /** The same place has the same name, however it was written. */
  public String column() {
    int plain = parts.size();
    while (plain > 1 && !PLAIN.matcher(parts.get(plain - 1)).matches()) {
      plain--;
    }
    var name = new StringBuilder(String.join(".", parts.subList(0, plain)));
    for (var part : parts.subList(plain, parts.size())) {
      name.append('[').append(part).append(']');
    }
    return name.toString();
  }

  public boolean isLabel() {
    return parts.size() >= 3 && parts.get(0).equals("metadata") && parts.get(1).equals("labels");
  }

  /** The label's key, of a field that is one. */
  public String label() {
    return parts.get(2);
  }

  /** Whether it is one of {@code metadata.fields}. */
  boolean isCell() {
    return parts.size() >= 3 && parts.get(0).equals("metadata") && parts.get(1).equals("fields");
  }

  /** A part as a place in a list, or -1 if it is none. */
  static int index(String part) {
    return !part.isEmpty() && part.length() <= 4 && part.chars().allMatch(c -> c >= '0' && c <= '9')
        ? Integer.parseInt(part)
        : -1;
  }
}
