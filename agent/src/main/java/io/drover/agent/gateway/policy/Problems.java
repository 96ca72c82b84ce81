package io.drover.agent.gateway.policy;

import java.util.ArrayList;
import java.util.List;

/** What is wrong with a policy; not more than anybody reads. */
final class Problems {
  /** That are told at one time. */
  static final int MAX = 20;

  /** Of a text that is quoted. */
  private static final int MAX_QUOTED = 60;

  private final List<String> all = new ArrayList<>();
  private int omitted;

  /**
   * Notes one.
   *
   * @param field such as {@code rule 2: verbs}
   * @param what is wrong, and what to do about it
   */
  void add(int line, String field, String what) {
    if (all.size() == MAX) {
      omitted++;
      return;
    }
    all.add("line " + line + ": " + field + ": " + what);
  }

  /** All of them, if there are any. */
  void check() throws PolicyException {
    if (omitted > 0) {
      all.add("and " + omitted + " more: correct these first");
      omitted = 0;
    }
    if (!all.isEmpty()) {
      throw new PolicyException(all);
    }
  }

  /** In quotation marks, cut, and without what a terminal would obey. */
  static String quoted(String text) {
    String cut = text.length() <= MAX_QUOTED ? text : text.substring(0, MAX_QUOTED) + "…";
    return "\"" + cut.replaceAll("[\\p{Cntrl}\\p{Cf}]", " ") + "\"";
  }
}
