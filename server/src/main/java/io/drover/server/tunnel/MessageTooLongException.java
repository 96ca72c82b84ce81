package io.drover.server.tunnel;

import java.io.IOException;

/** The peer sent a message over our limits; the session must end. */
final class MessageTooLongException extends IOException {
  private static final long serialVersionUID = 1L;

  MessageTooLongException(int limitBytes) {
    super("message too long: limit=" + limitBytes);
  }
}
