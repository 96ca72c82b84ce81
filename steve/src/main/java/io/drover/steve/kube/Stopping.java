package io.drover.steve.kube;

import java.io.IOException;
import java.io.InterruptedIOException;

/** How those who wait, or come too late, are told that the Explorer stops. */
public final class Stopping {
  private static final String MESSAGE = "the Explorer stops";

  private Stopping() {}

  /** To whoever comes too late. */
  public static IOException late() {
    return new IOException(MESSAGE);
  }

  /** To whoever has waited; this thread stays interrupted. */
  public static InterruptedIOException interrupted(InterruptedException cause) {
    Thread.currentThread().interrupt();
    var stopping = new InterruptedIOException(MESSAGE);
    stopping.initCause(cause);
    return stopping;
  }
}
