package io.drover.steve.http;

import java.io.IOException;
import java.time.Duration;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * Until when a connection's present wait may last. Its thread sets it, the front's looks at it:
 * blocking writes know no time limit of their own.
 */
final class Deadline {
  private final LongSupplier nanoTime;

  /** Null: there is no limit. In one field, since the other thread would see two apart. */
  private volatile @Nullable Long atNanos;

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
  }

  /** No limit: somebody else has one. */
  void none() {
    atNanos = null;
  }

  boolean isOver() {
    long now = nanoTime.getAsLong(); // first: a limit that is set meanwhile is later
    var at = atNanos;
    return at != null && now - at > 0;
  }

  /** Something that may take so long and no longer, after which the limit is as it was. */
  void within(Duration limit, Work work) throws IOException {
    var before = atNanos;
    in(limit);
    try {
      work.run();
    } finally {
      atNanos = before;
    }
  }

  /** What blocks. */
  interface Work {
    void run() throws IOException;
  }
}
