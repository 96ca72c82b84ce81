package io.drover.agent.check;

import java.util.Locale;

/** What became of a step. */
public enum Status {
  PASSED("✓"),
  /** The agent gets by, yet somebody should look. */
  WARNING("!"),
  FAILED("✗"),
  /** Not tried; the detail says why. */
  SKIPPED("–");

  private final String mark;

  Status(String mark) {
    this.mark = mark;
  }

  /** One character. */
  public String mark() {
    return mark;
  }

  /** As in the JSON. */
  public String text() {
    return name().toLowerCase(Locale.ROOT);
  }
}
