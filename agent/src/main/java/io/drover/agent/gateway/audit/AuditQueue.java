package io.drover.agent.gateway.audit;

import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Events that are not written yet. Requests put, one thread takes. What finds no room is lost and
 * counted, unless room was reserved for it before: that is always taken, even if it has become
 * longer than was thought.
 */
final class AuditQueue {
  /** Events at one time. Source: kube-apiserver's {@code --audit-webhook-batch-buffer-size}. */
  static final int MAX_EVENTS = 10_000;

  /** All of them. */
  static final long MAX_BYTES = 8L * 1024 * 1024;

  /** How long a request waits for room before it is refused. */
  static final Duration ROOM_LIMIT = Duration.ofSeconds(5);

  private final int maxEvents;
  private final long maxBytes;
  private final Duration roomLimit;
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition changed = lock.newCondition();
  private final Condition room = lock.newCondition();

  // Guarded by lock.
  private final Deque<byte[]> lines = new ArrayDeque<>();
  private long bytes;
  private int reservedEvents;
  private long reservedBytes;
  private int requests;
  private long lost;
  private boolean closed;

  AuditQueue() {
    this(MAX_EVENTS, MAX_BYTES, ROOM_LIMIT);
  }

  AuditQueue(int maxEvents, long maxBytes, Duration roomLimit) {
    this.maxEvents = maxEvents;
    this.maxBytes = maxBytes;
    this.roomLimit = roomLimit;
  }

  /** A request begins, of which there will be events. To be followed by {@link #ended}. */
  void begun() {
    lock.lock();
    try {
      requests++;
    } finally {
      lock.unlock();
    }
  }

  /** There will be no more events of a request. */
  void ended() {
    lock.lock();
    try {
      requests--;
      changed.signalAll();
    } finally {
      lock.unlock();
    }
  }

  /**
   * Waits until there is room, for {@link #ROOM_LIMIT} at most, and keeps it.
   *
   * @return false: there is none; then an event is counted as lost
   */
  boolean reserve(int events, long eventBytes) {
    lock.lock();
    try {
      long left = roomLimit.toNanos();
      while (!fits(events, eventBytes)) {
        if (left <= 0 || closed) {
          lost++;
          return false;
        }
        left = room.awaitNanos(left);
      }
      reservedEvents += events;
      reservedBytes += eventBytes;
      return true;
    } catch (InterruptedException _) {
      Thread.currentThread().interrupt();
      lost++;
      return false;
    } finally {
      lock.unlock();
    }
  }

  private boolean fits(int events, long eventBytes) {
    return lines.size() + reservedEvents + events <= maxEvents
        && bytes + reservedBytes + eventBytes <= maxBytes;
  }

  /** Gives back what {@link #reserve} has kept. */
  void release(int events, long eventBytes) {
    lock.lock();
    try {
      reservedEvents -= events;
      reservedBytes -= eventBytes;
      room.signalAll();
    } finally {
      lock.unlock();
    }
  }

  /**
   * Puts an event. Never blocks.
   *
   * @param reserved there is room for it, whatever else there is
   */
  void put(byte[] line, boolean reserved) {
    lock.lock();
    try {
      if (!reserved && !fits(1, line.length)) {
        lost++;
        return;
      }
      lines.add(line);
      bytes += line.length;
      changed.signalAll();
    } finally {
      lock.unlock();
    }
  }

  /** The same, but only if there is room; otherwise nothing is lost yet. */
  boolean offer(byte[] line) {
    lock.lock();
    try {
      boolean fits = fits(1, line.length);
      if (fits) {
        put(line, true);
      }
      return fits;
    } finally {
      lock.unlock();
    }
  }

  /** These were taken, and are not written. */
  void lost(int events) {
    lock.lock();
    try {
      lost += events;
    } finally {
      lock.unlock();
    }
  }

  /** Events that nobody will see, since the start. */
  long lost() {
    lock.lock();
    try {
      return lost;
    } finally {
      lock.unlock();
    }
  }

  /**
   * Waits for events, and takes them; at least one.
   *
   * @param linger how long to wait for more, so that they go together
   * @return empty: it is closed, and there will be no more
   */
  List<byte[]> take(int most, long mostBytes, Duration linger) throws InterruptedException {
    lock.lockInterruptibly();
    try {
      while (lines.isEmpty()) {
        if (closed && requests == 0) {
          return List.of();
        }
        changed.await();
      }
      long left = linger.toNanos();
      while (!closed && lines.size() < most && bytes < mostBytes && left > 0) {
        left = changed.awaitNanos(left);
      }
      return drained(most, mostBytes);
    } finally {
      lock.unlock();
    }
  }

  private List<byte[]> drained(int most, long mostBytes) {
    var batch = new ArrayList<byte[]>();
    long taken = 0;
    for (byte[] line = lines.peek();
        line != null
            && batch.size() < most
            && (batch.isEmpty() || taken + line.length <= mostBytes);
        line = lines.peek()) {
      lines.remove();
      batch.add(line);
      taken += line.length;
    }
    bytes -= taken;
    room.signalAll();
    return batch;
  }

  /** Waits, but not when it is closed. */
  void pause(Duration duration) throws InterruptedException {
    lock.lockInterruptibly();
    try {
      long left = duration.toNanos();
      while (!closed && left > 0) {
        left = changed.awaitNanos(left);
      }
    } finally {
      lock.unlock();
    }
  }

  /** Whoever waits need not wait any more. Requests that have begun may still put their events. */
  void close() {
    lock.lock();
    try {
      closed = true;
      changed.signalAll();
      room.signalAll();
    } finally {
      lock.unlock();
    }
  }

  boolean isClosed() {
    lock.lock();
    try {
      return closed;
    } finally {
      lock.unlock();
    }
  }
}
