package io.drover.agent.tunnel;

import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * Bytes received on one stream and not yet written to its local socket.
 *
 * <p>The reader thread {@link #put}s; one thread at a time has the turn to write, and {@link
 * #next}s. Nobody waits here. Past the high-water mark the peer is to be paused, below the low one
 * to be resumed: the methods say which.
 */
final class ReceiveBuffer {
  /**
   * The most that a stream may have here before it is ended, in bytes: the mark at which we ask for
   * a pause, and all that may be in flight by then. From a Go server that was up to 9 MiB, most of
   * it in the kernels.
   */
  static final int LIMIT_BYTES = 16 * 1024 * 1024;

  /** Arrays that wait for the next bulk, in bytes. */
  static final int KEPT_BYTES = 4 * 1024 * 1024;

  /** What a chunk costs beside its array: a flood of tiny ones must not slip under the limits. */
  static final int CHUNK_OVERHEAD_BYTES = 128;

  /**
   * If so much comes after a pause, the peer has forgotten it and is told again, in bytes. A Go
   * peer forgets whenever its own reader has caught up.
   */
  static final int PAUSE_AGAIN_BYTES = 1024 * 1024;

  /** Low-water mark as a part of the high one. */
  private static final int LOW_WATER_DIVISOR = 4;

  /** What is to be done after a {@link #put}. */
  enum Demand {
    NOTHING,
    PAUSE_PEER,
    /** It came in spite of a pause, and the budget is used up: more of the kind can wait. */
    SLOW_DOWN,
    OVERFLOW
  }

  private final BufferBudget budget;
  private final ArrayPool pool;
  private final ReentrantLock lock = new ReentrantLock();

  // Guarded by lock.
  private @Nullable ArrayDeque<ByteBuffer> chunks;
  private long usedBytes;
  private @Nullable ByteBuffer taken; // by the one who writes
  private boolean draining;
  private boolean ended;
  private boolean discarded;
  private boolean paused;
  private long sincePauseBytes;

  /** Makes an empty one; both are shared by the streams of a session. */
  ReceiveBuffer(BufferBudget budget, ArrayPool pool) {
    this.budget = budget;
    this.pool = pool;
  }

  /** Takes a copy of bytes off the reader's hands. Dropped after the end. */
  Demand put(ByteBuffer bytes) {
    var chunk = ByteBuffer.wrap(pool.take(bytes.remaining())).put(bytes).flip();
    int cost = cost(chunk);
    lock.lock();
    try {
      if (ended) {
        return Demand.NOTHING;
      }
      if (chunks == null) {
        chunks = new ArrayDeque<>(4);
      }
      chunks.add(chunk);
      usedBytes += cost;
      budget.use(cost);
      if (usedBytes > LIMIT_BYTES) {
        return Demand.OVERFLOW;
      }
      if (paused) {
        sincePauseBytes += cost;
        if (sincePauseBytes > PAUSE_AGAIN_BYTES) {
          sincePauseBytes = 0;
          return Demand.PAUSE_PEER;
        }
        return budget.isOverdrawn() ? Demand.SLOW_DOWN : Demand.NOTHING;
      } else if (usedBytes > budget.highWater()) {
        paused = true;
        sincePauseBytes = 0;
        return Demand.PAUSE_PEER;
      }
      return Demand.NOTHING;
    } finally {
      lock.unlock();
    }
  }

  /** Whether there is something to write and nobody at it; if so, the caller now is. */
  boolean startDraining() {
    lock.lock();
    try {
      if (draining || chunks == null || chunks.isEmpty()) {
        return false;
      }
      draining = true;
      return true;
    } finally {
      lock.unlock();
    }
  }

  /**
   * The next bytes to write, or null when there are none and the caller's turn is over. What was
   * returned before is taken to be written.
   */
  @Nullable ByteBuffer next() {
    lock.lock();
    try {
      written();
      var chunk = chunks == null ? null : chunks.poll();
      if (chunk == null) {
        draining = false;
        chunks = null; // an idle stream keeps nothing
        return null;
      }
      taken = chunk;
      return chunk;
    } finally {
      lock.unlock();
    }
  }

  /**
   * Takes back what is left of the bytes returned last: there is no room for them now. The turn
   * stays with the caller.
   */
  void putBack(ByteBuffer rest) {
    lock.lock();
    try {
      if (chunks != null && rest.hasRemaining() && !discarded) {
        chunks.addFirst(rest);
        taken = null; // not written yet
      }
      written();
    } finally {
      lock.unlock();
    }
  }

  /** Whether the peer, paused before, is to be resumed now; if so, it counts as done. */
  boolean resumesPeer() {
    lock.lock();
    try {
      if (!paused || ended || usedBytes > budget.highWater() / LOW_WATER_DIVISOR) {
        return false;
      }
      paused = false;
      return true;
    } finally {
      lock.unlock();
    }
  }

  /** Whether the peer is paused by us. */
  boolean isPaused() {
    lock.lock();
    try {
      return paused;
    } finally {
      lock.unlock();
    }
  }

  /** Whether all that came has been written. */
  boolean isEmpty() {
    lock.lock();
    try {
      return usedBytes == 0;
    } finally {
      lock.unlock();
    }
  }

  /** What the stream holds here, in bytes of memory. */
  long usedBytes() {
    lock.lock();
    try {
      return usedBytes;
    } finally {
      lock.unlock();
    }
  }

  /** Nothing more is accepted; what is here may still be written. */
  void end() {
    lock.lock();
    try {
      ended = true;
    } finally {
      lock.unlock();
    }
  }

  /** Drops everything, now and later. */
  void discard() {
    lock.lock();
    try {
      ended = true;
      discarded = true;
      if (chunks != null) {
        chunks.forEach(this::release);
        chunks.clear();
      } // what is taken stays until the one who writes is back
    } finally {
      lock.unlock();
    }
  }

  private void written() {
    if (taken != null) {
      release(taken);
      taken = null;
    }
  }

  @SuppressWarnings("ByteBufferBackingArray") // made by put(), so it has one
  private void release(ByteBuffer chunk) {
    usedBytes -= cost(chunk);
    budget.release(cost(chunk));
    pool.give(chunk.array());
  }

  /** Of memory, which its bytes need not fill. */
  private static int cost(ByteBuffer chunk) {
    return chunk.capacity() + CHUNK_OVERHEAD_BYTES;
  }
}
