package io.drover.steve.store;

import java.util.concurrent.atomic.AtomicLong;

/** How much memory stores may take together, on the heap and outside. Safe for many threads. */
public final class Budget {
  private final long limitBytes;
  private final AtomicLong used = new AtomicLong();

  public Budget(long limitBytes) {
    this.limitBytes = limitBytes;
  }

  /** Takes all of it or nothing. */
  public void take(long bytes) throws StoreFullException {
    if (used.addAndGet(bytes) > limitBytes) {
      used.addAndGet(-bytes);
      throw new StoreFullException(limitBytes);
    }
  }

  /** Gives back what was taken. */
  public void give(long bytes) {
    used.addAndGet(-bytes);
  }

  public long usedBytes() {
    return used.get();
  }
}
