package io.drover.agent.retry;

import java.time.Duration;

/**
 * How long a loop waits before its next attempt: twice as long as before the last one, until one
 * works. Without jitter, for what nobody else asks at the same moment. For one thread.
 */
public final class DoublingWait {
  private final Duration first;
  private Duration next;

  public DoublingWait(Duration first) {
    this.first = first;
    this.next = first;
  }

  /** The next wait, {@code last} at most. */
  public Duration next(Duration last) {
    var wait = next.compareTo(last) < 0 ? next : last;
    next = wait.multipliedBy(2);
    return wait;
  }

  /** An attempt has worked: the next wait is the first again. */
  public void worked() {
    next = first;
  }
}
