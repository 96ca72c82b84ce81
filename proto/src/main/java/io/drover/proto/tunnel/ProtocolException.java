package io.drover.proto.tunnel;

import java.io.IOException;

/** The peer's bytes are not a message. Nothing after them can be trusted: the session must end. */
public final class ProtocolException extends IOException {
  private static final long serialVersionUID = 1L;

  /** The message names what was wrong, without quoting the peer's bytes. */
  public ProtocolException(String message) {
    super(message);
  }
}
