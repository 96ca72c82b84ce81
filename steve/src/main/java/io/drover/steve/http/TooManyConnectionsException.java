package io.drover.steve.http;

import java.io.IOException;

/** There are as many connections as there may be. That is no fault, and ends by itself. */
public final class TooManyConnectionsException extends IOException {
  private static final long serialVersionUID = 1L;

  TooManyConnectionsException(int limit) {
    super("too many connections: limit=" + limit);
  }
}
