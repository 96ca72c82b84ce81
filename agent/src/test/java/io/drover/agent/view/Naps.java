package io.drover.agent.view;

import io.drover.agent.retry.Sleeper;
import java.time.Duration;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.Semaphore;
import java.util.function.Predicate;

/** Whoever sleeps does so until the test wakes it. */
final class Naps implements Sleeper {
  private final Predicate<Duration> isForThis;
  private final BlockingQueue<Duration> begun = new LinkedBlockingQueue<>();
  private final Semaphore woken = new Semaphore(0);

  /**
   * All are told to the test.
   *
   * @param isForThis of those that are not, nobody wakes up
   */
  Naps(Predicate<Duration> isForThis) {
    this.isForThis = isForThis;
  }

  @Override
  public void sleep(Duration duration) throws InterruptedException {
    if (isForThis.test(duration)) {
      begun.add(duration);
      woken.acquire();
    } else {
      new Semaphore(0).acquire();
    }
  }

  /** Waits until somebody sleeps. */
  Duration await() throws InterruptedException {
    return begun.take();
  }

  /** Wakes one up, and waits until it sleeps again. */
  Duration wakeAndAwait() throws InterruptedException {
    wake();
    return await();
  }

  void wake() {
    woken.release();
  }
}
