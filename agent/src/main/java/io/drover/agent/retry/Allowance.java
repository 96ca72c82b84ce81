package io.drover.agent.retry;

import java.time.Duration;

/** How often something may be done: so many times at once, and once more after each interval. */
public final class Allowance {
  private final long burstNanos;
  private final long intervalNanos;
  private long wholeAtNanos; // when the whole burst is to be had again

  /**
   * Makes one with the whole burst.
   *
   * @param nowNanos by any clock that does not go back
   */
  public Allowance(int burst, Duration interval, long nowNanos) {
    this.intervalNanos = interval.toNanos();
    this.burstNanos = burst * intervalNanos;
    this.wholeAtNanos = nowNanos;
  }

  /** Whether it may be done now; if so, it counts as done. Not for several threads. */
  public boolean take(long nowNanos) {
    long next = Math.max(nowNanos, wholeAtNanos) + intervalNanos;
    if (next - nowNanos > burstNanos) {
      return false;
    }
    wholeAtNanos = next;
    return true;
  }
}
