package io.drover.agent.tunnel;

import java.time.Duration;
import java.util.concurrent.atomic.AtomicLong;

/**
 * What all streams of a session hold together of bytes received and not yet written.
 *
 * <p>Pausing the peer is only advice on this wire: what is in flight still comes, and old servers
 * do not obey at all. So the mark at which a stream asks for a pause sinks as the budget is used
 * up, which keeps any number of stalled streams within it. Past {@link #REST_FROM_BYTES}, data that
 * comes in spite of a pause is read slowly, so that the network holds the rest back; and at {@link
 * #LIMIT_BYTES} the greediest stream is ended.
 */
final class BufferBudget {
  /** What the marks are reckoned from, in bytes. */
  static final long BUDGET_BYTES = 8L * 1024 * 1024;

  /** Where the greediest stream is ended: the budget, and room for what is in flight, in bytes. */
  static final long LIMIT_BYTES = 48L * 1024 * 1024;

  /**
   * From here on the reader rests, in bytes. What is in flight beside the budget is up to 8 MiB on
   * a short way; a proxy's buffers hold four times as much, and everybody waits while they are
   * read.
   */
  static final long REST_FROM_BYTES = 24L * 1024 * 1024;

  /** The reader rests 1 ns for each so many bytes beyond that. */
  private static final long REST_BYTES_PER_NANO = 40;

  /**
   * The longest rest, behind 32 KiB most often: then 65 MB/s are read. Whatever lies behind them
   * waits, on all streams: what a proxy's buffers hold (32 MiB) keeps others waiting for half a
   * second. With rests of 4 ms it was ten, and streams were ended all the same.
   */
  static final Duration MAX_REST = Duration.ofNanos(500_000);

  /** The mark of a stream while there is plenty, in bytes. */
  static final int MAX_HIGH_WATER = 256 * 1024;

  /** The mark of a stream, however little is left, in bytes. */
  static final int MIN_HIGH_WATER = 16 * 1024;

  private final AtomicLong usedBytes = new AtomicLong();

  void use(long bytes) {
    usedBytes.addAndGet(bytes);
  }

  void release(long bytes) {
    usedBytes.addAndGet(-bytes);
  }

  long usedBytes() {
    return usedBytes.get();
  }

  boolean isOverdrawn() {
    return usedBytes.get() > REST_FROM_BYTES;
  }

  /**
   * How long the reader rests after data that came in spite of a pause: zero up to {@link
   * #REST_FROM_BYTES}, {@link #MAX_REST} shortly before the limit.
   *
   * <p>When 100 streams stalled at one time, a Go server at 200 MB/s sent 38 MiB before it had
   * obeyed the last Pause: its writers kept its reader from running.
   */
  Duration rest() {
    long overdraft = Math.max(usedBytes.get() - REST_FROM_BYTES, 0);
    return Duration.ofNanos(Math.min(overdraft / REST_BYTES_PER_NANO, MAX_REST.toNanos()));
  }

  boolean isExhausted() {
    return usedBytes.get() > LIMIT_BYTES;
  }

  /** Where a stream asks the peer to pause, in bytes. */
  int highWater() {
    return Math.clamp((BUDGET_BYTES - usedBytes.get()) / 8, MIN_HIGH_WATER, MAX_HIGH_WATER);
  }
}
