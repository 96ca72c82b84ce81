package io.drover.steve.live;

import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;

/**
 * For work that nobody waits for: half of the time the processor is for others, so that an answer
 * that somebody does wait for comes between two pieces. One thread.
 */
final class Unhurried {
  /** A piece of work, and the least that others have behind it. */
  static final long PIECE_NANOS = TimeUnit.MILLISECONDS.toNanos(2);

  /** What waits for the API server inside a piece is not paid for by more than this. */
  static final long LONGEST_REST_NANOS = 2 * PIECE_NANOS;

  /** Sleeps for nanoseconds. */
  @FunctionalInterface
  interface Rest {
    void sleep(long nanos) throws InterruptedException;
  }

  private final LongSupplier nanoTime;
  private final Rest rest;
  private long begunNanos;

  Unhurried() {
    this(System::nanoTime, TimeUnit.NANOSECONDS::sleep);
  }

  Unhurried(LongSupplier nanoTime, Rest rest) {
    this.nanoTime = nanoTime;
    this.rest = rest;
    this.begunNanos = nanoTime.getAsLong();
  }

  /** Rests if it is time to; called once an object. An interrupt ends the rest and stays set. */
  void rest() {
    long workedNanos = nanoTime.getAsLong() - begunNanos;
    if (workedNanos < PIECE_NANOS) {
      return;
    }
    try {
      rest.sleep(Math.min(workedNanos, LONGEST_REST_NANOS));
    } catch (InterruptedException _) {
      Thread.currentThread().interrupt();
    }
    begunNanos = nanoTime.getAsLong();
  }
}
