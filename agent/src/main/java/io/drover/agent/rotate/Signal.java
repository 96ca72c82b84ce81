package io.drover.agent.rotate;

import java.time.Duration;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;

/**
 * Whatever tells of a change: other changes, each awaited in a virtual thread of its own, and
 * whoever calls {@link #changed}.
 */
public final class Signal implements Changes {
  /** Between two waits for what never comes. */
  private static final Duration LONG = Duration.ofHours(1);

  private final Semaphore signals = new Semaphore(0);
  private final Changes others;
  private final Thread thread;

  private Signal(Changes others) {
    this.others = others;
    this.thread = Thread.ofVirtual().name("rotation-files").unstarted(this::pass);
  }

  /**
   * Passes on what {@code others} tell of.
   *
   * @param others are closed with this
   */
  public static Signal with(Changes others) {
    var signal = new Signal(others);
    signal.thread.start();
    return signal;
  }

  private void pass() {
    try {
      while (true) {
        if (others.await(LONG)) {
          changed();
        }
      }
    } catch (InterruptedException _) {
      // Closed.
    }
  }

  /** Something is different. Any thread; never blocks. */
  public void changed() {
    if (signals.availablePermits() == 0) {
      signals.release();
    }
  }

  @Override
  public boolean await(Duration limit) throws InterruptedException {
    boolean changed = signals.tryAcquire(limit.toNanos(), TimeUnit.NANOSECONDS);
    signals.drainPermits();
    return changed;
  }

  @Override
  public void close() {
    thread.interrupt();
    try {
      thread.join();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    others.close();
  }
}
