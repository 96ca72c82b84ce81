package io.drover.agent.tunnel;

import java.io.IOException;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Bytes on their way between the session's writer and the network. The library's own queue has no
 * bound; this is it. Small, because what is in here goes before any message that is in a hurry.
 */
final class SendWindow {
  /** In bytes: what TLS encrypts and the kernel takes in one go, a few times over. */
  static final int SIZE_BYTES = 256 * 1024;

  private final ReentrantLock lock = new ReentrantLock();
  private final Condition room = lock.newCondition();

  // Guarded by lock.
  private long usedBytes;
  private boolean closed;

  /**
   * Waits for room. A frame larger than the window goes alone.
   *
   * @throws IOException if the websocket is closed
   */
  void acquire(int bytes) throws IOException, InterruptedException {
    lock.lock();
    try {
      while (!closed && usedBytes > 0 && usedBytes + bytes > SIZE_BYTES) {
        room.await();
      }
      if (closed) {
        throw new IOException("websocket closed");
      }
      usedBytes += bytes;
    } finally {
      lock.unlock();
    }
  }

  /** The network has taken so many bytes, of whatever kind. */
  void release(int bytes) {
    lock.lock();
    try {
      // The handshake and close frames were never asked for.
      usedBytes = Math.max(0, usedBytes - bytes);
      room.signal();
    } finally {
      lock.unlock();
    }
  }

  long usedBytes() {
    lock.lock();
    try {
      return usedBytes;
    } finally {
      lock.unlock();
    }
  }

  void close() {
    lock.lock();
    try {
      closed = true;
      room.signalAll();
    } finally {
      lock.unlock();
    }
  }
}
