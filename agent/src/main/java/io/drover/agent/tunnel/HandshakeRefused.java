package io.drover.agent.tunnel;

import java.io.IOException;
import java.time.Duration;

/** The server answered the handshake with something else than a websocket. */
public final class HandshakeRefused extends IOException {
  private static final long serialVersionUID = 1L;

  private final int status;
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
    this.status = status;
    this.retryAfter = retryAfter;
  }

  /** The HTTP status. */
  public int status() {
    return status;
  }

  /** How long the server asks to be left alone; zero if it does not. */
  public Duration retryAfter() {
    return retryAfter;
  }
}
