package io.drover.agent.retry;

import java.time.Duration;

/** How a loop waits, so that tests need not. */
@FunctionalInterface
public interface Sleeper {
  /** Waits for real. */
  Sleeper REAL = Thread::sleep;

  /**
   * Blocks for this long.
   *
   * @throws InterruptedException if the caller is to stop
   */
  void sleep(Duration duration) throws InterruptedException;
}
