package io.drover.agent.tls;

import java.io.IOException;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;

/**
 * Bounds everything that is done on a socket. A read timeout would not do: a peer that sends a byte
 * now and then never meets it. When the time is over the socket is closed, which wakes its reader
 * and its writer.
 */
final class TimeLimit implements AutoCloseable {
  private enum State {
    RUNNING,
    FINISHED,
    EXPIRED
  }

  private final long deadlineNanos;
  private final AtomicReference<State> state = new AtomicReference<>(State.RUNNING);
  private final CountDownLatch finished = new CountDownLatch(1);

  private TimeLimit(Duration limit) {
    this.deadlineNanos = System.nanoTime() + limit.toNanos();
  }

  /** Starts the clock, without a socket to close yet. */
  static TimeLimit start(Duration limit) {
    return new TimeLimit(limit);
  }

  /** From now on {@code raw} is closed when the time is over. At most once. */
  void guard(Socket raw) {
    Thread.ofVirtual().name("time-limit").start(() -> closeWhenOver(raw));
  }

  private void closeWhenOver(Socket raw) {
    try {
      boolean inTime = finished.await(remaining().toNanos(), TimeUnit.NANOSECONDS);
      if (!inTime && state.compareAndSet(State.RUNNING, State.EXPIRED)) {
        closeQuietly(raw);
      }
    } catch (InterruptedException _) {
      Thread.currentThread().interrupt();
    }
  }

  /** What is left; never negative. */
  Duration remaining() {
    return Duration.ofNanos(Math.max(0, deadlineNanos - System.nanoTime()));
  }

  /**
   * Stops the clock: {@code raw} is now left alone.
   *
   * @throws SocketTimeoutException if it was closed before
   */
  void finish() throws SocketTimeoutException {
    close();
    if (isOver()) {
      throw new SocketTimeoutException("i/o timeout");
    }
  }

  /** Why an operation on the guarded socket really failed: perhaps because the time was over. */
  String reason(IOException failure) {
    return isOver() ? "i/o timeout" : String.valueOf(failure.getMessage());
  }

  /** Whether the socket was closed because the time was over. */
  boolean isOver() {
    return state.get() == State.EXPIRED;
  }

  /** Stops the clock. */
  @Override
  public void close() {
    state.compareAndSet(State.RUNNING, State.FINISHED);
    finished.countDown();
  }

  /** For a socket that is of no further use. */
  static void closeQuietly(Socket socket) {
    try {
      socket.close();
    } catch (IOException _) {
      // Nothing is lost: it was to be thrown away.
    }
  }
}
