package io.drover.agent.tunnel;

import io.drover.agent.reason.Explained;
import io.drover.agent.reason.Reason;
import io.drover.agent.retry.AskedToWait;
import java.io.IOException;
import java.time.Duration;
import java.util.Locale;

/** The server answered the handshake with something else than a websocket. */
public final class HandshakeRefused extends IOException implements Explained, AskedToWait {
  private static final long serialVersionUID = 1L;

  /** nginx' own, which it turns into 400 in most set-ups. */
  private static final int NGINX_HEADER_TOO_LARGE = 494;

  private final Reason reason;
  private final Duration retryAfter;

  /**
   * The answer.
   *
   * @param status the HTTP status
   * @param body the beginning of the body, control characters removed
   * @param retryAfter what the server asks for; zero if it asks for nothing
   */
  HandshakeRefused(int status, String body, Duration retryAfter) {
    super("status=" + status + " body=" + body);
    this.reason = reason(status, body);
    this.retryAfter = retryAfter;
  }

  @Override
  public Reason reason() {
    return reason;
  }

  /** By status and body. Source: Rancher 2.15 {@code pkg/tunnelserver}, and what proxies answer. */
  private static Reason reason(int status, String body) {
    String text = body.toLowerCase(Locale.ROOT);
    return switch (status) {
      case 401 -> Reason.SERVER_STARTING;
      case 407 -> Reason.PROXY_AUTH_REQUIRED;
      case 426 -> Reason.PROXY_STRIPS_UPGRADE;
      case 429 -> Reason.TOO_MANY_REQUESTS;
      case 431, NGINX_HEADER_TOO_LARGE -> Reason.HEADER_TOO_LARGE;
      case 400 -> badRequest(text);
      default -> {
        if (status >= 300 && status < 400) {
          yield Reason.REDIRECTED;
        }
        yield status >= 500 ? Reason.SERVER_UNAVAILABLE : Reason.HTTP_INSTEAD_OF_WEBSOCKET;
      }
    };
  }

  private static Reason badRequest(String text) {
    if (text.contains("cluster not found")) {
      return Reason.TOKEN_UNKNOWN;
    }
    if (text.contains("websocket") && text.contains("not found in")) {
      return Reason.PROXY_STRIPS_UPGRADE; // the server's websocket library misses a header
    }
    return text.contains("header") && text.contains("large")
        ? Reason.HEADER_TOO_LARGE
        : Reason.PARAMETERS_REFUSED;
  }

  @Override
  public Duration retryAfter() {
    return retryAfter;
  }
}
