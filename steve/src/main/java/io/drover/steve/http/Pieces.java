package io.drover.steve.http;

import java.util.ArrayDeque;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Arrays that are lent for as long as something is in them: a connection on which nothing happens,
 * as on most watches, then holds none.
 *
 * <p>Whoever takes one either gives it back, once, when nobody reads or writes it any more, or
 * leaves it to the collector, as behind an error. Any thread; nothing here blocks.
 */
public final class Pieces {
  /** Of each, in bytes: what one record of TLS carries. */
  public static final int BYTES = 16 * 1024;

  /** The most that are kept for the next one, which is 512 KiB. More than that may be lent. */
  static final int MAX_KEPT = 32;

  private static final Pieces SHARED = new Pieces();

  private final ReentrantLock lock = new ReentrantLock();

  // Guarded by lock.
  private final ArrayDeque<byte[]> kept = new ArrayDeque<>();

  Pieces() {}

  /** Those of the process. */
  public static Pieces shared() {
    return SHARED;
  }

  /** One of {@link #BYTES}, with whatever is in it. */
  public byte[] take() {
    lock.lock();
    try {
      var piece = kept.poll();
      if (piece != null) {
        return piece;
      }
    } finally {
      lock.unlock();
    }
    return new byte[BYTES];
  }

  /** Takes one back. */
  public void give(byte[] piece) {
    if (piece.length != BYTES) {
      throw new IllegalArgumentException("not from here: bytes=" + piece.length);
    }
    lock.lock();
    try {
      if (kept.size() < MAX_KEPT) {
        kept.push(piece); // the last one is still in the processor's cache
      }
    } finally {
      lock.unlock();
    }
  }

  /** What waits here. */
  int kept() {
    lock.lock();
    try {
      return kept.size();
    } finally {
      lock.unlock();
    }
  }
}
