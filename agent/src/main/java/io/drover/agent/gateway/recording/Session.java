package io.drover.agent.gateway.recording;

/**
 * Who comes into which container.
 *
 * @param id of the request, as in the audit's events
 * @param title for people
 * @param command that is run there; empty: it is there already
 * @param typed whether what is typed is recorded, too
 */
public record Session(String id, String title, String command, boolean typed) {
  /** Of title and command, in characters. */
  static final int MAX_TEXT = 2_048;

  public Session {
    title = cut(title);
    command = cut(command);
  }

  private static String cut(String text) {
    return text.length() > MAX_TEXT ? text.substring(0, MAX_TEXT) + "…" : text;
  }
}
