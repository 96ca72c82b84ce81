package io.drover.agent.config;

/**
 * The two halves of {@code host:port}, the host without the brackets of an IPv6 address.
 *
 * @param port as written, possibly empty
 */
public record HostPort(String host, String port) {

  /**
   * Splits at the last colon outside brackets. A bare IPv6 address must be in brackets.
   *
   * @throws IllegalArgumentException if there is no colon, or there are several
   */
  static HostPort split(String text) {
    int colon = text.lastIndexOf(':');
    if (colon < 0 || text.endsWith("]")) {
      throw new IllegalArgumentException("port is missing");
    }
    String host = text.substring(0, colon);
    String port = text.substring(colon + 1);
    if (host.startsWith("[") && host.endsWith("]")) {
      return new HostPort(host.substring(1, host.length() - 1), port);
    }
    if (host.indexOf(':') >= 0) {
      throw new IllegalArgumentException("an IPv6 address must stand in brackets");
    }
    return new HostPort(host, port);
  }

  /** As {@link #split(String)}; {@code expected} is the message if it is none. */
  static HostPort split(String text, String expected) {
    try {
      return split(text);
    } catch (IllegalArgumentException e) {
      throw new IllegalArgumentException(expected, e);
    }
  }

  /** Joins them again, with brackets where they are needed. */
  public static String join(String host, String port) {
    boolean bare = host.indexOf(':') >= 0 && !host.startsWith("[");
    return (bare ? "[" + host + "]" : host) + ":" + port;
  }
}
