package io.drover.steve.query;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Base64;

/**
 * Where a list in the classic dialect goes on: base64 of a small object, whose empty fields are
 * missing. Clients give back what they got, so that the letters matter only while an agent is
 * replaced by another.
 *
 * @param revision of the whole list
 * @param partition which of the user's partitions is next: a namespace
 * @param inner Kubernetes' own token
 * @param offset rows of the chunk that were given already
 * @param limit rows in a chunk
 */
public record ContinueToken(
    String revision, String partition, String inner, int offset, int limit) {
  /** Kubernetes' tokens are a few hundred letters. */
  static final int MAX_CHARS = 16 * 1024;

  /** The beginning. */
  public static final ContinueToken NONE = new ContinueToken("", "", "", 0, 0);

  private static final ObjectMapper JSON = new ObjectMapper();

  /** An empty text is the beginning. */
  public static ContinueToken parse(String text) throws QueryException {
    if (text.length() > MAX_CHARS) {
      throw QueryException.tooMuch("letters in continue", MAX_CHARS);
    }
    try {
      if (text.length() % 4 != 0) {
        throw new IllegalArgumentException("not padded");
      }
      var json =
          text.isEmpty()
              ? JSON.createObjectNode()
              : JSON.readTree(Base64.getDecoder().decode(text));
      return new ContinueToken(
          json.path("r").asText(""),
          json.path("p").asText(""),
          json.path("c").asText(""),
          Math.max(0, json.path("o").asInt()),
          json.path("l").asInt());
    } catch (IllegalArgumentException e) {
      throw QueryException.syntax("illegal base64 data at input byte " + firstBad(text));
    } catch (JsonProcessingException e) {
      throw QueryException.syntax("continue is no token of ours");
    } catch (IOException e) {
      throw new IllegalStateException(e); // reading from memory
    }
  }

  /** Which byte stock would complain of: it reads four at a time. */
  private static int firstBad(String text) {
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      if (!Character.isLetterOrDigit(c) && c != '+' && c != '/') {
        return i;
      }
    }
    return text.length() / 4 * 4;
  }

  public String text() {
    var json = JSON.createObjectNode();
    put(json, "r", revision);
    put(json, "p", partition);
    put(json, "c", inner);
    if (offset != 0) {
      json.put("o", offset);
    }
    if (limit != 0) {
      json.put("l", limit);
    }
    return Base64.getEncoder().encodeToString(json.toString().getBytes(StandardCharsets.UTF_8));
  }

  private static void put(ObjectNode json, String name, String value) {
    if (!value.isEmpty()) {
      json.put(name, value);
    }
  }
}
