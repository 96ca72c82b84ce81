package io.drover.agent.tunnel;

import java.time.Duration;
import java.util.concurrent.atomic.AtomicLong;

/**
 * What all streams of a session hold together of bytes received and not yet written.
 *
 * <p>Pausing the peer is only advice on this wire: what is in flight still comes, and old servers
 * do not obey at all. So the mark at which a stream asks for a pause sinks as the budget is used
 * up, which keeps any number of stalled streams within it. Past the budget, data that comes in
 * spite of a pause is read slowly, so that the network holds the rest back; and at {@link
 * #LIMIT_BYTES} the greediest stream is ended.
 */
final class BufferBudget {
  /** What the marks are reckoned from, in bytes. */
  static final long BUDGET_BYTES = 8L * 1024 * 1024;

  /** Where the greediest stream is ended: the budget, and room for what is in flight, in bytes. */
  static final long LIMIT_BYTES = 48L * 1024 * 1024;

  /** The reader rests 1 ns for each so many bytes beyond the budget. */
  private static final long REST_BYTES_PER_NANO = 4;

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
    return usedBytes.get() > BUDGET_BYTES;
  }

  /**
   * How long the reader rests after data that came in spite of a pause; zero while the budget
   * lasts, 10 ms shortly before the limit, so that at least 3 MB/s are read in any case.
   *
   * <p>When 100 streams stalled at one time, a Go server at 200 MB/s sent 38 MiB before it had
   * obeyed the last Pause: its writers kept its reader from running.
   */
  Duration rest() {
    long overdraft = Math.clamp(usedBytes.get() - BUDGET_BYTES, 0, LIMIT_BYTES - BUDGET_BYTES);
    return Duration.ofNanos(overdraft / REST_BYTES_PER_NANO);
  }

  boolean isExhausted() {
    return usedBytes.get() > LIMIT_BYTES;
  }

  /** Where a stream asks the peer to pause, in bytes. */
  int highWater() {
    return Math.clamp((BUDGET_BYTES - usedBytes.get()) / 8, MIN_HIGH_WATER, MAX_HIGH_WATER);
  }
}
