package io.drover.steve.live;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/** What labels an object must have, as Kubernetes writes it: {@code tier in (a,b),!old,app=web}. */
public final class LabelSelector {
  /** Of a whole selector. */
  static final int MAX_CHARS = 4096;

  private static final String KEY = "([A-Za-z0-9][A-Za-z0-9./_-]*)";
  private static final String VALUE = "([A-Za-z0-9]?[A-Za-z0-9._-]*)";
  private static final Pattern THERE = Pattern.compile("(!?)\\s*" + KEY);
  private static final Pattern EQUAL = Pattern.compile(KEY + "\\s*(==|=|!=)\\s*" + VALUE);
  private static final Pattern IN = Pattern.compile(KEY + "\\s+(in|notin)\\s*\\(([^()]*)\\)");
  private static final Pattern NUMBER = Pattern.compile(KEY + "\\s*([<>])\\s*(-?\\d{1,18})");

  private interface Condition {
    boolean holds(Map<String, String> labels);
  }

  private final List<Condition> conditions = new ArrayList<>();

  /**
   * Understands a selector; an empty one selects everything.
   *
   * @throws IllegalArgumentException if it is none
   */
  public LabelSelector(String text) {
    if (text.length() > MAX_CHARS) {
      throw new IllegalArgumentException("a selector of more than " + MAX_CHARS + " letters");
    }
    if (!text.isBlank()) {
      // A comma within brackets separates values, and none of these may hold a bracket.
      for (String part : text.split(",(?![^(]*\\))", -1)) {
        conditions.add(condition(part.strip()));
      }
    }
  }

  private static Condition condition(String text) {
    Matcher there = THERE.matcher(text);
    if (there.matches()) {
      String key = there.group(2);
      boolean wanted = there.group(1).isEmpty();
      return labels -> labels.containsKey(key) == wanted;
    }
    Matcher equal = EQUAL.matcher(text);
    if (equal.matches()) {
      String key = equal.group(1);
      String value = equal.group(3);
      boolean wanted = !equal.group(2).equals("!=");
      return labels -> value.equals(labels.get(key)) == wanted;
    }
    Matcher in = IN.matcher(text);
    if (in.matches()) {
      String key = in.group(1);
      Set<String> values =
          Arrays.stream(in.group(3).split(",", -1)).map(String::strip).collect(Collectors.toSet());
      boolean wanted = in.group(2).equals("in");
      return labels -> {
        String value = labels.get(key);
        return (value != null && values.contains(value)) == wanted;
      };
    }
    Matcher number = NUMBER.matcher(text);
    if (number.matches()) {
      return compare(number.group(1), number.group(2).equals(">"), number.group(3));
    }
    throw new IllegalArgumentException("unable to parse requirement: \"" + text + "\"");
  }

  private static Condition compare(String key, boolean greater, String limit) {
    long bound = Long.parseLong(limit);
    return labels -> {
      try {
        long value = Long.parseLong(labels.getOrDefault(key, ""));
        return greater ? value > bound : value < bound;
      } catch (NumberFormatException _) {
        return false;
      }
    };
  }

  /** Whether it selects everything. */
  public boolean isEmpty() {
    return conditions.isEmpty();
  }

  /** Whether an object with these labels is selected. */
  public boolean selects(Map<String, String> labels) {
    return conditions.stream().allMatch(condition -> condition.holds(labels));
  }
}
