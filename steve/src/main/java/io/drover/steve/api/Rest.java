package io.drover.steve.api;

import java.time.Duration;
import java.util.OptionalLong;
import java.util.function.LongSupplier;

/**
 * Between questions that a watch asks for its own sake: it rests {@link #TIMES} as long as they
 * took, but not longer than {@link #LONGEST}. So much of the API server's time may one watch take,
 * however much happens; what happens in the meantime is told together. One thread.
 */
final class Rest {
  static final int TIMES = 9;
  static final Duration LONGEST = Duration.ofSeconds(5);

  private final LongSupplier nanoTime;
  private boolean rests;
  private long untilNanos;

  /** Does not rest yet. */
  Rest(LongSupplier nanoTime) {
    this.nanoTime = nanoTime;
  }

  /** Begins to rest behind what was begun then, and has just ended. */
  void behind(long begunNanos) {
    long now = nanoTime.getAsLong();
    untilNanos = now + Math.min(TIMES * (now - begunNanos), LONGEST.toNanos());
    rests = true;
  }

  /** Whether it rests. */
  boolean isOn() {
    rests = rests && nanoTime.getAsLong() - untilNanos < 0;
    return rests;
  }

  /** When that ends; empty: it does not rest, as far as it knows. */
  OptionalLong endNanos() {
    return rests ? OptionalLong.of(untilNanos) : OptionalLong.empty();
  }
}
