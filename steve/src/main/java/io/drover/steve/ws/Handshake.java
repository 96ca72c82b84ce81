package io.drover.steve.ws;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import io.drover.steve.http.Fields;
import java.net.URI;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.Base64;

/** What a request must say before its connection becomes a websocket. */
public final class Handshake {
  private static final String GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
  private static final int KEY_BYTES = 16;

  private Handshake() {}

  /** Whether the request asks for a websocket, in a version that we speak. */
  public static boolean isAsked(Fields request) {
    return has(request, "Upgrade", "websocket")
        && has(request, "Connection", "upgrade")
        && request.first("Sec-WebSocket-Version").strip().equals("13")
        && isKey(request.first("Sec-WebSocket-Key").strip());
  }

  private static boolean has(Fields request, String name, String token) {
    return request.every(name).stream()
        .flatMap(value -> Arrays.stream(value.split(",", -1)))
        .anyMatch(item -> item.strip().equalsIgnoreCase(token));
  }

  private static boolean isKey(String key) {
    try {
      return Base64.getDecoder().decode(key).length == KEY_BYTES;
    } catch (IllegalArgumentException _) {
      return false;
    }
  }

  /**
   * Whether the page that asks, if it is a page, comes from the host that it asks: another site's
   * page could use the user's cookies.
   */
  public static boolean isOwnPage(Fields request) {
    String origin = request.first("Origin");
    if (origin.isEmpty()) {
      return true;
    }
    try {
      String authority = URI.create(origin).getRawAuthority();
      return authority != null && authority.equalsIgnoreCase(request.first("Host"));
    } catch (IllegalArgumentException _) {
      return false;
    }
  }

  /** The fields of the answer that agrees. */
  public static Fields answer(Fields request) {
    return new Fields()
        .add("Upgrade", "websocket")
        .add("Connection", "Upgrade")
        .add("Sec-WebSocket-Accept", accept(request.first("Sec-WebSocket-Key").strip()));
  }

  private static String accept(String key) {
    try {
      var digest = MessageDigest.getInstance("SHA-1").digest((key + GUID).getBytes(ISO_8859_1));
      return Base64.getEncoder().encodeToString(digest);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
  }
}
