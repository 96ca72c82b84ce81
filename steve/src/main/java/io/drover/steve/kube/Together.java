package io.drover.steve.kube;

import java.io.InterruptedIOException;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;

/** What is asked at one time, and waited for: each in a virtual thread of its own. */
public final class Together {
  private Together() {}

  /**
   * Does all of it, for so long.
   *
   * @param name of the threads, before their number
   * @return in the order of the tasks; one that had not ended by then is cancelled
   * @throws InterruptedIOException if the Explorer stops; the thread stays interrupted
   */
  public static <T> List<Future<T>> within(Duration limit, String name, List<Callable<T>> tasks)
      throws InterruptedIOException {
    try (var threads =
        Executors.newThreadPerTaskExecutor(Thread.ofVirtual().name(name, 0).factory())) {
      return threads.invokeAll(tasks, limit.toNanos(), TimeUnit.NANOSECONDS);
    } catch (InterruptedException e) {
      throw Stopping.interrupted(e);
    }
  }
}
