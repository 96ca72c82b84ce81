package io.drover.agent.tunnel;

import java.time.Duration;
import java.util.Comparator;
import java.util.PriorityQueue;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/** Time that stands still until a test moves it on. Tasks run in the thread that does so. */
final class ManualTimer implements Timer {
  private record Entry(long dueNanos, long number, Runnable task) {}

  // Guarded by this.
  private final PriorityQueue<Entry> entries =
      new PriorityQueue<>(
          Comparator.comparingLong(Entry::dueNanos).thenComparingLong(Entry::number));
  private final AtomicInteger sleeps = new AtomicInteger();
  private long nowNanos = 1;
  private long count;

  @Override
  public synchronized long nanoTime() {
    return nowNanos;
  }

  @Override
  public synchronized Task after(Duration delay, Runnable task) {
    var entry = new Entry(nowNanos + delay.toNanos(), count++, task);
    entries.add(entry);
    return () -> cancel(entry);
  }

  @Override
  public void sleep(Duration duration) {
    sleeps.incrementAndGet();
  }

  /** How often somebody would have slept. */
  int sleeps() {
    return sleeps.get();
  }

  /** Lets so much time pass: what is due meanwhile runs at its own moment, in order. */
  void advance(Duration step) {
    long untilNanos = nanoTime() + step.toNanos();
    for (var due = nextUntil(untilNanos); due != null; due = nextUntil(untilNanos)) {
      due.task.run();
    }
  }

  /** Tasks that still wait for their moment. */
  synchronized int pending() {
    return entries.size();
  }

  private synchronized void cancel(Entry entry) {
    entries.remove(entry);
  }

  private synchronized @Nullable Entry nextUntil(long untilNanos) {
    var next = entries.peek();
    if (next == null || next.dueNanos > untilNanos) {
      nowNanos = untilNanos;
      return null;
    }
    nowNanos = Math.max(nowNanos, next.dueNanos);
    return entries.poll();
  }
}
