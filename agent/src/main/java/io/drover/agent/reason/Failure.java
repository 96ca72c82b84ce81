package io.drover.agent.reason;

import java.io.IOException;
import org.jspecify.annotations.Nullable;

/** Something failed, and we know why. The message gives the particulars. */
public final class Failure extends IOException implements Explained {
  private static final long serialVersionUID = 1L;

  private final Reason reason;

  public Failure(Reason reason, String message) {
    this(reason, message, null);
  }

  public Failure(Reason reason, String message, @Nullable Throwable cause) {
    super(message, cause);
    this.reason = reason;
  }

  @Override
  public Reason reason() {
    return reason;
  }
}
