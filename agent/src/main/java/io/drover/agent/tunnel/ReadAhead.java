package io.drover.agent.tunnel;

import java.time.Duration;

/**
 * How much the kernel may take in ahead of us: the socket's receive buffer.
 *
 * <p>Left to itself it grows to 32 MiB, and all of that still comes after we have asked for a
 * pause. It comes several times over when many streams stall one after the other, for each next one
 * has a larger part of what is in flight. So it is no larger than the way needs: twice what arrives
 * in a round trip, reckoned anew every second, so that a flow that is held back by it doubles.
 *
 * <p>Used by one thread.
 */
final class ReadAhead {
  /** The smallest and the first, in bytes; enough for 200 MB/s at 1 ms. */
  static final int MIN_BYTES = 256 * 1024;

  /** The largest, in bytes: 20 MB/s at 100 ms. */
  static final int MAX_BYTES = 2 * 1024 * 1024;

  /** Smaller changes are not worth a system call. */
  private static final double CHANGE = 1.5;

  private static final double SECOND_NANOS = 1e9;

  private int bytes = MIN_BYTES;
  private long receivedBytes;
  private long nanos;

  ReadAhead(long received, long nowNanos) {
    receivedBytes = received;
    nanos = nowNanos;
  }

  /** What it should be, in bytes. */
  int bytes() {
    return bytes;
  }

  /**
   * Reckons anew; returns whether {@link #bytes} has changed.
   *
   * @param received data until now, in bytes
   * @param roundTrip of an empty way; zero if it is not known
   */
  boolean update(long received, Duration roundTrip, long nowNanos) {
    double rate = (received - receivedBytes) * SECOND_NANOS / Math.max(1, nowNanos - nanos);
    receivedBytes = received;
    nanos = nowNanos;
    long wanted = (long) (2 * rate * roundTrip.toNanos() / SECOND_NANOS);
    int next = Math.clamp(wanted, MIN_BYTES, MAX_BYTES);
    boolean changes = next >= bytes * CHANGE || next <= bytes / CHANGE;
    if (changes) {
      bytes = next;
    }
    return changes;
  }
}
