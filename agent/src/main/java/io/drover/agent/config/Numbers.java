package io.drover.agent.config;

/** Whole numbers in settings. */
final class Numbers {
  /** The highest port there is. */
  static final int MAX_PORT = 65_535;

  private Numbers() {}

  /**
   * Digits only, from 0 to {@code max}.
   *
   * @throws IllegalArgumentException with {@code expected} as its message
   */
  static long parse(String text, long max, String expected) {
    boolean digits = !text.isEmpty() && text.chars().allMatch(c -> c >= '0' && c <= '9');
    if (digits && text.length() <= 18) {
      long number = Long.parseLong(text);
      if (number <= max) {
        return number;
      }
    }
    throw new IllegalArgumentException(expected);
  }

  /** A port from 0 to {@link #MAX_PORT}; {@code expected} is the message if it is none. */
  static int port(String text, String expected) {
    return (int) parse(text, MAX_PORT, expected);
  }
}
