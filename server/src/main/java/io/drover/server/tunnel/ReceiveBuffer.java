package io.drover.server.tunnel;

import io.drover.proto.tunnel.Message.Close;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.Queue;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * Bytes that came on one stream and were not read yet.
 *
 * <p>The websocket's thread puts and never waits; one other thread reads. Past {@link #HIGH_WATER}
 * the agent is asked to pause, below {@link #LOW_WATER} to resume; since that is only advice,
 * {@link #HARD_LIMIT} says when advice was not enough.
 */
final class ReceiveBuffer {
  /** Unread bytes at which the agent is asked to pause, and again for each as many more. */
  static final int HIGH_WATER = 1024 * 1024;

  /** Unread bytes below which it may go on. */
  static final int LOW_WATER = 256 * 1024;

  /**
   * Unread bytes that one stream may hold; what happens then is the session's business. Well above
   * what can be on its way when an agent is asked to pause: 4 to 7 MiB were measured.
   */
  static final int HARD_LIMIT = 16 * 1024 * 1024;

  /**
   * An agent that has paused us says no more than 2 MiB on that stream until it hears of us, since
   * the Go library would not pause it either. So after each so many bytes read it gets a Resume, as
   * the Go library's reader says it by accident.
   */
  static final int CONFIRM_BYTES = 512 * 1024;

  /** What {@link #put} asks of its caller. */
  enum Level {
    FINE,
    /** Send a Pause. */
    PAUSE,
    /** Over {@link #HARD_LIMIT}. */
    FULL
  }

  private final AtomicLong sessionBytes;
  private final Runnable onLow;

  private final ReentrantLock lock = new ReentrantLock();
  private final Condition changed = lock.newCondition();
  // Guarded by lock.
  private final Queue<ByteBuffer> chunks = new ArrayDeque<>();
  private int unreadBytes;
  private boolean paused;
  private int pausedAtBytes;
  private boolean pausedByAgent;
  private int unconfirmedBytes;
  private @Nullable String end;

  /**
   * @param sessionBytes the sum over all streams of the session, kept up to date here
   * @param onLow called by the reading thread, outside of any lock, when the agent is to hear that
   *     it may go on
   */
  ReceiveBuffer(AtomicLong sessionBytes, Runnable onLow) {
    this.sessionBytes = sessionBytes;
    this.onLow = onLow;
  }

  /** Adds a copy of the bytes; drops them after the end. */
  Level put(ByteBuffer bytes) {
    int length = bytes.remaining();
    if (length == 0) {
      return Level.FINE;
    }
    var copy = ByteBuffer.allocate(length).put(bytes.duplicate()).flip();
    lock.lock();
    try {
      if (end != null) {
        return Level.FINE;
      }
      chunks.add(copy);
      unreadBytes += length;
      sessionBytes.addAndGet(length);
      changed.signalAll();
      if (unreadBytes > HARD_LIMIT) {
        return Level.FULL;
      }
      // Once more for each further mark: the agent may have forgotten the first Pause, as the Go
      // library does when it reads on that stream.
      if (unreadBytes > HIGH_WATER && (!paused || unreadBytes - pausedAtBytes > HIGH_WATER)) {
        paused = true;
        pausedAtBytes = unreadBytes;
        return Level.PAUSE;
      }
      return Level.FINE;
    } finally {
      lock.unlock();
    }
  }

  /**
   * Waits for at least one byte.
   *
   * @return how many were read, or -1 at a clean end
   * @throws IOException with the agent's text if the stream ended in another way
   */
  int read(byte[] target, int offset, int length) throws IOException {
    if (length == 0) {
      return 0;
    }
    int count;
    boolean low;
    lock.lock();
    try {
      while (chunks.isEmpty()) {
        if (end != null) {
          if (end.equals(Close.END_OF_FILE)) {
            return -1;
          }
          throw new IOException(end);
        }
        changed.awaitUninterruptibly();
      }
      count = takeInto(target, offset, length);
      unconfirmedBytes = pausedByAgent ? unconfirmedBytes + count : 0;
      low = unreadBytes < LOW_WATER && (paused || unconfirmedBytes >= CONFIRM_BYTES);
      if (low) {
        paused = false;
        unconfirmedBytes = 0;
      }
    } finally {
      lock.unlock();
    }
    if (low) {
      onLow.run();
    }
    return count;
  }

  private int takeInto(byte[] target, int offset, int length) {
    int count = 0;
    while (count < length) {
      var chunk = chunks.peek();
      if (chunk == null) {
        break;
      }
      int part = Math.min(length - count, chunk.remaining());
      chunk.get(target, offset + count, part);
      count += part;
      if (!chunk.hasRemaining()) {
        chunks.remove();
      }
    }
    unreadBytes -= count;
    sessionBytes.addAndGet(-count);
    return count;
  }

  /** Nothing comes any more; what is here can still be read. The first reason wins. */
  void end(String reason) {
    lock.lock();
    try {
      if (end == null) {
        end = reason;
      }
      changed.signalAll();
    } finally {
      lock.unlock();
    }
  }

  /** As {@link #end}, and what is here is dropped. */
  void drop(String reason) {
    lock.lock();
    try {
      if (end == null) {
        end = reason;
      }
      chunks.clear();
      sessionBytes.addAndGet(-unreadBytes);
      unreadBytes = 0;
      paused = false;
      changed.signalAll();
    } finally {
      lock.unlock();
    }
  }

  /** The agent has paused us on this stream, or has taken it back. */
  void pausedByAgent(boolean paused) {
    lock.lock();
    try {
      pausedByAgent = paused;
    } finally {
      lock.unlock();
    }
  }

  /** Whether the agent was asked to pause and not yet to resume. */
  boolean paused() {
    lock.lock();
    try {
      return paused;
    } finally {
      lock.unlock();
    }
  }

  /** Why nothing comes any more; null as long as something may, and after a clean end. */
  @Nullable String failure() {
    lock.lock();
    try {
      return end == null || end.equals(Close.END_OF_FILE) ? null : end;
    } finally {
      lock.unlock();
    }
  }

  int unreadBytes() {
    lock.lock();
    try {
      return unreadBytes;
    } finally {
      lock.unlock();
    }
  }
}
