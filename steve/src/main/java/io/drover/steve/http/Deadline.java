package io.drover.steve.http;

import java.io.IOException;
import java.time.Duration;
import java.util.function.LongSupplier;

/**
 * Until when a connection's present wait may last. Its thread sets it, the front's looks at it:
 * blocking writes know no time limit of their own.
 */
final class Deadline {
  private final LongSupplier nanoTime;
  private volatile long atNanos;
  private volatile boolean none;

  Deadline(LongSupplier nanoTime, Duration first) {
    this.nanoTime = nanoTime;
    in(first);
  }

  /** Without a limit at first. */
  Deadline(LongSupplier nanoTime) {
    this.nanoTime = nanoTime;
    none();
  }

  /** From now on. */
  void in(Duration limit) {
    atNanos = nanoTime.getAsLong() + limit.toNanos();
    none = false;
  }

  /** No limit: somebody else has one. */
  void none() {
    none = true;
  }

  boolean isOver() {
    return !none && nanoTime.getAsLong() - atNanos > 0;
  }

  /** Something that may take so long and no longer, after which the limit is as it was. */
  void within(Duration limit, Work work) throws IOException {
    long before = atNanos;
    boolean wasNone = none;
    in(limit);
    try {
      work.run();
    } finally {
      atNanos = before;
      none = wasNone;
    }
  }

  /** What blocks. */
  interface Work {
    void run() throws IOException;
  }
}
