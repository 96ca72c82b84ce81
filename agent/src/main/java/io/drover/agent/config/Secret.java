package io.drover.agent.config;

/**
 * Text that must not appear in logs, errors or metrics, not even in part.
 *
 * @param value the text itself; ask for it only where it goes on the wire
 */
public record Secret(String value) {

  /** Whether there is nothing to keep secret. */
  public boolean isEmpty() {
    return value.isEmpty();
  }

  @Override
  public String toString() {
    return "***";
  }

  /**
   * A URL, or what should be one, without user and password: what stands before the last {@code @}
   * is shown as {@code ***}, but for the scheme.
   */
  public static String withoutLogin(String url) {
    int at = url.lastIndexOf('@');
    int scheme = url.indexOf("://");
    int start = scheme < 0 || scheme > at ? 0 : scheme + "://".length();
    return at < 0 ? url : url.substring(0, start) + "***" + url.substring(at);
  }
}
