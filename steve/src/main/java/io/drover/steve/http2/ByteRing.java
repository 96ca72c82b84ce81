package io.drover.steve.http2;

import org.jspecify.annotations.Nullable;

/**
 * Bytes in their order, as many as were said at most. Has no array while it is empty, and one that
 * is hardly longer than what is in it. Not for two threads at a time.
 */
final class ByteRing {
  private static final int LEAST = 512;

  private final int most;
  private byte @Nullable [] held;
  private int from;
  private int count;

  /** An empty one. */
  ByteRing(int most) {
    this.most = most;
  }

  int count() {
    return count;
  }

  /** False: that is more than there is room for, and nothing of it is taken. */
  boolean put(byte[] bytes, int offset, int length) {
    if (length > most - count) {
      return false;
    }
    if (length == 0) {
      return true;
    }
    byte[] to = room(count + length);
    int at = (from + count) % to.length;
    int first = Math.min(length, to.length - at);
    System.arraycopy(bytes, offset, to, at, first);
    System.arraycopy(bytes, offset + first, to, 0, length - first);
    count += length;
    return true;
  }

  private byte[] room(int needed) {
    var old = held;
    if (old != null && needed <= old.length) {
      return old;
    }
    int size = Math.clamp(Integer.highestOneBit(needed - 1) * 2L, Math.min(LEAST, most), most);
    byte[] bigger = new byte[size];
    if (old != null) {
      int first = Math.min(count, old.length - from);
      System.arraycopy(old, from, bigger, 0, first);
      System.arraycopy(old, 0, bigger, first, count - first);
    }
    held = bigger;
    from = 0;
    return bigger;
  }

  /** Takes as many as there are, and are wanted. */
  int take(byte[] into, int offset, int length) {
    var old = held;
    int taken = Math.min(length, count);
    if (old == null || taken == 0) {
      return 0;
    }
    int first = Math.min(taken, old.length - from);
    System.arraycopy(old, from, into, offset, first);
    System.arraycopy(old, 0, into, offset + first, taken - first);
    from = (from + taken) % old.length;
    count -= taken;
    if (count == 0) {
      clear();
    }
    return taken;
  }

  /** Forgets all of them. */
  void clear() {
    held = null;
    from = 0;
    count = 0;
  }
}
