package io.drover.server.proxy;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;

/** What an API server said to a question of the server's own. */
public record Said(int status, String body) {
  /** The longest text of somebody else's in a message, in characters. */
  static final int MAX_TEXT = 500;

  private static final ObjectMapper JSON = new ObjectMapper();

  /** Whether it is what was asked for. */
  public boolean isFine() {
    return status / 100 == 2;
  }

  /**
   * The body.
   *
   * @throws IOException if it is not JSON; quotes nothing of it, since it may be a Secret
   */
  public JsonNode json() throws IOException {
    try {
      return JSON.readTree(body);
    } catch (JsonProcessingException e) {
      throw new IOException("the API server's answer is not JSON", e);
    }
  }

  /** Why it is not fine, for people: the status, and Kubernetes' own words if there are any. */
  public String problem() {
    String words;
    try {
      words = json().path("message").asText("");
    } catch (IOException e) {
      words = ""; // not from Kubernetes
    }
    return "status " + status + (words.isEmpty() ? "" : ": " + brief(words));
  }

  /** On one line, and not longer than {@link #MAX_TEXT}. */
  public static String brief(String text) {
    var line = text.replaceAll("\\s+", " ").strip();
    return line.length() <= MAX_TEXT ? line : line.substring(0, MAX_TEXT) + "...";
  }
}
