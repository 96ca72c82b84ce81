package io.drover.server.peer;

import io.drover.server.tunnel.AbstractTunnelStream;
import java.io.DataInputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Objects;
import java.util.Optional;
import java.util.Queue;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * A stream that another server has opened for us: a connection to it. A thread reads ahead, so that
 * the end of a stream is known while nobody asks for bytes.
 */
final class PeerStream extends AbstractTunnelStream {
  /** What is read ahead, in bytes; then the connection is not read, and the other server waits. */
  static final int MAX_UNREAD_BYTES = 256 * 1024;

  /** How long a closed one may go on handing over what was written before. */
  static final Duration LINGER = Duration.ofSeconds(5);

  static final String CLOSED = "stream closed";

  private final long id;
  private final Socket socket;
  private final DataInputStream in;
  private final OutputStream out;
  private final ScheduledExecutorService timer;
  private final Consumer<PeerStream> onEnd;
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition changed = lock.newCondition();
  // Guarded by lock.
  private final Queue<ByteBuffer> chunks = new ArrayDeque<>();
  private int unreadBytes;
  private @Nullable String end;
  private boolean isClean;

  /**
   * @param socket the connection below TLS: to close it wakes whoever reads or writes
   * @param onEnd called once, when the connection is closed
   */
  PeerStream(
      long id,
      Socket socket,
      DataInputStream in,
      OutputStream out,
      ScheduledExecutorService timer,
      Consumer<PeerStream> onEnd) {
    this.id = id;
    this.socket = socket;
    this.in = in;
    this.out = out;
    this.timer = timer;
    this.onEnd = onEnd;
  }

  void start() {
    Thread.ofVirtual().name("peer-stream-" + id).start(this::readAhead);
  }

  private void readAhead() {
    try {
      while (true) {
        var piece = Frames.read(in);
        if (piece.isEnd()) {
          end(piece.reason(), piece.reason().isEmpty());
          break;
        }
        put(piece.bytes());
      }
    } catch (IOException e) {
      end("connection to the other server broke: " + e.getMessage(), false);
    } finally {
      closeSocket();
      onEnd.accept(this);
    }
  }

  private void put(ByteBuffer bytes) {
    lock.lock();
    try {
      while (end == null && unreadBytes > MAX_UNREAD_BYTES - bytes.remaining()) {
        changed.awaitUninterruptibly();
      }
      if (end == null) {
        unreadBytes += bytes.remaining();
        chunks.add(bytes);
        changed.signalAll();
      }
    } finally {
      lock.unlock();
    }
  }

  /** The first reason wins; false if there was one. */
  private boolean end(String reason, boolean clean) {
    lock.lock();
    try {
      if (end != null) {
        return false;
      }
      end = reason;
      isClean = clean;
      changed.signalAll();
      return true;
    } finally {
      lock.unlock();
    }
  }

  private void drop() {
    lock.lock();
    try {
      chunks.clear();
      unreadBytes = 0;
      isClean = false;
      changed.signalAll();
    } finally {
      lock.unlock();
    }
  }

  @Override
  protected int read(byte[] target, int offset, int length) throws IOException {
    if (length == 0) {
      return 0;
    }
    lock.lock();
    try {
      while (chunks.isEmpty()) {
        if (end != null) {
          if (isClean) {
            return -1;
          }
          throw new IOException(end);
        }
        changed.awaitUninterruptibly();
      }
      var first = chunks.element();
      int count = Math.min(length, first.remaining());
      first.get(target, offset, count);
      if (!first.hasRemaining()) {
        chunks.remove();
      }
      unreadBytes -= count;
      changed.signalAll();
      return count;
    } finally {
      lock.unlock();
    }
  }

  @Override
  public long id() {
    return id;
  }

  @Override
  protected int unreadBytes() {
    lock.lock();
    try {
      return unreadBytes;
    } finally {
      lock.unlock();
    }
  }

  @Override
  protected void write(byte[] source, int offset, int length) throws IOException {
    try {
      out.write(source, offset, length);
      out.flush();
    } catch (IOException e) {
      throw new IOException(
          failure().orElse("connection to the other server broke: " + e.getMessage()), e);
    }
  }

  @Override
  public boolean isOpen() {
    lock.lock();
    try {
      return end == null;
    } finally {
      lock.unlock();
    }
  }

  @Override
  public Optional<String> failure() {
    lock.lock();
    try {
      return isClean ? Optional.empty() : Optional.ofNullable(end);
    } finally {
      lock.unlock();
    }
  }

  @Override
  public void close() {
    boolean isFirst = end(CLOSED, false);
    drop();
    if (isFirst) {
      var _ = timer.schedule(this::closeSocket, LINGER.toNanos(), TimeUnit.NANOSECONDS);
      try {
        socket.shutdownOutput(); // what was written is still handed over
      } catch (IOException e) {
        closeSocket();
      }
    }
  }

  @Override
  public void abort(String reason) {
    end(Objects.requireNonNull(reason), false);
    drop();
    closeSocket();
  }

  @Override
  public Limit abortAfter(Duration duration, String reason) {
    var task = timer.schedule(() -> abort(reason), duration.toNanos(), TimeUnit.NANOSECONDS);
    return () -> task.cancel(false);
  }

  private void closeSocket() {
    try {
      socket.close();
    } catch (IOException e) {
      // It is gone in any case.
    }
  }
}
