package io.drover.steve.ws;

import io.drover.steve.http.Fields;
import java.net.URI;
import java.util.Arrays;
import java.util.Base64;

/** What a request must say before its connection becomes a websocket. */
public final class Handshake {
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
}
