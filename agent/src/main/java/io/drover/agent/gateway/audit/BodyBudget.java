package io.drover.agent.gateway.audit;

/** What all bodies that are being recorded take of the memory. Any thread; never blocks. */
final class BodyBudget {
  /** Of all of them. */
  static final long MAX_BYTES = 8L * 1024 * 1024;

  private final long maxBytes;
  private long taken; // guarded by this

  BodyBudget() {
    this(MAX_BYTES);
  }

  BodyBudget(long maxBytes) {
    this.maxBytes = maxBytes;
  }

  /** False: there is not so much left, and nothing is taken. */
  synchronized boolean take(long bytes) {
    if (taken + bytes > maxBytes) {
      return false;
    }
    taken += bytes;
    return true;
  }

  /** What has been taken before. */
  synchronized void giveBack(long bytes) {
    taken -= bytes;
  }

  synchronized long taken() {
    return taken;
  }
}
