package io.drover.agent.gateway.recording;

import java.io.IOException;
import java.io.Serial;

/** What passes by is not what its protocol says, so that nobody knows what is shown to whom. */
final class UnreadableException extends IOException {
  @Serial private static final long serialVersionUID = 1;

  UnreadableException(String message) {
    super(message);
  }
}
