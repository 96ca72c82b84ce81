package io.drover.steve.store;

import java.util.concurrent.atomic.AtomicLong;

/** How much stores may take together, of memory or of a disk. Safe for many threads. */
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
      throw new StoreFullException("objects that are held need more than " + limitBytes + " bytes");
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
