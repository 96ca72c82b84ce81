package io.drover.agent.tunnel;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Arrays that are used again. Bulk data waits long enough to outlive a young collection or two; as
 * garbage of the old generation it made the heap grow to all that it may have, and cost a tenth of
 * the agent's CPU, and a quarter with many streams (both measured).
 *
 * <p>Whoever takes an array either gives it back, once, when nobody reads or writes it any more, or
 * leaves it to the collector. Any thread.
 */
final class ArrayPool {
  /** The smallest array that is worth it, in bytes. */
  static final int MIN_BYTES = 4 * 1024;

  /** The largest, in bytes: the largest message of data with its heads fits in. */
  static final int MAX_BYTES = 128 * 1024;

  private final int keptLimitBytes;
  private final ReentrantLock lock = new ReentrantLock();

  // Guarded by lock. One list for each power of two.
  private final List<ArrayDeque<byte[]>> free = new ArrayList<>();
  private int keptBytes;
  private boolean wanted;

  /** Makes an empty pool that keeps so many bytes at most. */
  ArrayPool(int keptLimitBytes) {
    this.keptLimitBytes = keptLimitBytes;
    for (int bytes = MIN_BYTES; bytes <= MAX_BYTES; bytes *= 2) {
      free.add(new ArrayDeque<>());
    }
  }

  /**
   * An array of at least so many bytes and less than twice as many, with whatever is in it. One
   * that is smaller than {@link #MIN_BYTES} or larger than {@link #MAX_BYTES} is new, and just as
   * long as said.
   */
  byte[] take(int bytes) {
    if (bytes < MIN_BYTES || bytes > MAX_BYTES) {
      return new byte[bytes];
    }
    int size = bytes == MIN_BYTES ? MIN_BYTES : Integer.highestOneBit(bytes - 1) * 2;
    lock.lock();
    try {
      wanted = true;
      var array = free.get(place(size)).poll();
      if (array != null) {
        keptBytes -= size;
        return array;
      }
    } finally {
      lock.unlock();
    }
    return new byte[size];
  }

  /** Takes an array back. What is not from here, or too much, is left to the collector. */
  void give(byte[] array) {
    int size = array.length;
    if (size < MIN_BYTES || size > MAX_BYTES || Integer.bitCount(size) != 1) {
      return;
    }
    lock.lock();
    try {
      if (keptBytes + size <= keptLimitBytes) {
        free.get(place(size)).push(array); // the last one is still in the processor's cache
        keptBytes += size;
      }
    } finally {
      lock.unlock();
    }
  }

  /** Leaves all to the collector if nobody has taken one since the last call: bulk is over. */
  void trim() {
    lock.lock();
    try {
      if (!wanted) {
        free.forEach(ArrayDeque::clear);
        keptBytes = 0;
      }
      wanted = false;
    } finally {
      lock.unlock();
    }
  }

  /** What waits here, in bytes. */
  int keptBytes() {
    lock.lock();
    try {
      return keptBytes;
    } finally {
      lock.unlock();
    }
  }

  private static int place(int size) {
    return Integer.numberOfTrailingZeros(size / MIN_BYTES);
  }
}
