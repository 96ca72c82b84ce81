package io.drover.agent.tunnel;

import java.time.Duration;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/** What a tunnel knows of time: a clock, and a thread for tasks that never wait. */
public interface Timer {
  /** A clock that only moves forward; its zero means nothing. */
  long nanoTime();

  /** Runs the task once, later, unless it is cancelled before. */
  Task after(Duration delay, Runnable task);

  /** Lets the calling thread rest; for less if it is interrupted. */
  void sleep(Duration duration);

  /** Something that will happen unless it is cancelled. */
  interface Task {
    void cancel();
  }

  /** The machine's time. One daemon thread serves any number of sessions. */
  static SystemTimer system(Watchdog watchdog) {
    return new SystemTimer(watchdog);
  }

  /** See {@link Timer#system}. */
  final class SystemTimer implements Timer, AutoCloseable {
    private final ScheduledThreadPoolExecutor executor;
    private final Watchdog.Work work;

    private SystemTimer(Watchdog watchdog) {
      work = watchdog.timerWork();
      executor =
          new ScheduledThreadPoolExecutor(
              1, Thread.ofPlatform().daemon().name("tunnel-timer").factory());
      executor.setRemoveOnCancelPolicy(true);
      executor.setExecuteExistingDelayedTasksAfterShutdownPolicy(false);
    }

    @Override
    public long nanoTime() {
      return System.nanoTime();
    }

    @Override
    public Task after(Duration delay, Runnable task) {
      var future = executor.schedule(() -> run(task), delay.toNanos(), TimeUnit.NANOSECONDS);
      return () -> future.cancel(false);
    }

    private void run(Runnable task) {
      work.start();
      try {
        task.run();
      } finally {
        work.end();
      }
    }

    @Override
    public void sleep(Duration duration) {
      LockSupport.parkNanos(duration.toNanos());
    }

    @Override
    public void close() {
      executor.shutdownNow();
    }
  }
}
