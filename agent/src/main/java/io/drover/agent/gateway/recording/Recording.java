package io.drover.agent.gateway.recording;

import io.drover.steve.http.Fields;
import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.List;
import java.util.Optional;
import java.util.Queue;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One session as it is recorded. Two threads hand over copies of what passes by, another one reads
 * and writes them. What cannot be recorded does not pass: then the stream that is read fails.
 */
public final class Recording implements AutoCloseable {
  /** What waits to be written. */
  static final int MAX_WAITING_BYTES = 256 * 1024;

  /** For room there, after which the session ends; and at its end, for the rest to be written. */
  static final Duration WAIT = Duration.ofSeconds(5);

  private static final Logger log = LoggerFactory.getLogger(Recording.class);

  private record Piece(boolean fromClient, ByteBuffer bytes, long nanos) {}

  /** Told once, when all is over. */
  interface Ending {
    /**
     * Nothing more is written.
     *
     * @param used false: there was no session
     * @param failure null: the recording is whole
     */
    void ended(Recording recording, boolean used, @Nullable IOException failure);
  }

  private final String name;
  private final Cast cast;
  private final Ending ending;
  private final LongSupplier nanoTime;
  private final long startNanos;
  private final Duration wait;
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition changed = lock.newCondition();

  // Guarded by lock.
  private final Queue<Piece> waiting = new ArrayDeque<>();
  private int waitingBytes;
  private boolean closed;
  private boolean over;
  private boolean begun;
  private @Nullable IOException failure;

  Recording(String name, Cast cast, Ending ending, LongSupplier nanoTime, Duration wait) {
    this.name = name;
    this.cast = cast;
    this.ending = ending;
    this.nanoTime = nanoTime;
    this.startNanos = nanoTime.getAsLong();
    this.wait = wait;
  }

  /** Of its file. */
  public String name() {
    return name;
  }

  /**
   * The session begins. Once.
   *
   * @param answered the fields of the API server's answer, which say how it speaks
   * @param broken told, in another thread, when it cannot be recorded any more: to end it at once
   * @throws IOException if that cannot be recorded
   */
  public void begin(Fields answered, Runnable broken) throws IOException {
    var upgrade = answered.first("Upgrade");
    var protocol = answered.first("Sec-WebSocket-Protocol");
    if (upgrade.equalsIgnoreCase("SPDY/3.1")) {
      start(new SpdyFrames(cast), broken);
    } else if (upgrade.equalsIgnoreCase("websocket")
        && !answered.has("Sec-WebSocket-Extensions")
        && WebsocketFrames.knows(protocol)) {
      start(new WebsocketFrames(WebsocketFrames.isBase64(protocol), cast), broken);
    } else {
      throw new UnreadableException("it is in a protocol that is not known: " + upgrade);
    }
  }

  private void start(Frames frames, Runnable broken) {
    lock.lock();
    try {
      begun = true;
    } finally {
      lock.unlock();
    }
    Thread.ofVirtual().name("recording-" + name).start(() -> write(frames, broken));
  }

  /** What the API server says, copied as it is read. */
  public InputStream shown(InputStream from) {
    return copied(from, false);
  }

  /** What the client says, copied as it is read. */
  public InputStream said(InputStream from) {
    return copied(from, true);
  }

  private InputStream copied(InputStream from, boolean fromClient) {
    return new FilterInputStream(from) {
      @Override
      public int read() throws IOException {
        byte[] one = new byte[1];
        return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
      }

      @Override
      public int read(byte[] piece, int offset, int length) throws IOException {
        int count = super.read(piece, offset, length);
        if (count > 0) {
          add(fromClient, piece, offset, count);
        }
        return count;
      }
    };
  }

  private void add(boolean fromClient, byte[] piece, int offset, int length) throws IOException {
    long nanos = nanoTime.getAsLong();
    lock.lock();
    try {
      long left = wait.toNanos();
      while (failure == null && waitingBytes > 0 && waitingBytes + length > MAX_WAITING_BYTES) {
        if (left <= 0) {
          failure = new IOException("what is shown could not be written within " + wait);
          changed.signalAll();
          break;
        }
        left = changed.awaitNanos(left);
      }
      if (failure != null || closed) {
        throw new IOException("the session cannot be recorded any more", failure);
      }
      var copy = ByteBuffer.allocate(length).put(piece, offset, length).flip();
      waiting.add(new Piece(fromClient, copy, nanos));
      waitingBytes += length;
      changed.signalAll();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("interrupted", e);
    } finally {
      lock.unlock();
    }
  }

  private void write(Frames frames, Runnable broken) {
    try {
      for (var pieces = next(); !pieces.isEmpty(); pieces = next()) {
        for (Piece piece : pieces) {
          cast.at(Duration.ofNanos(piece.nanos() - startNanos));
          if (piece.fromClient()) {
            frames.fromClient(piece.bytes());
          } else {
            frames.fromServer(piece.bytes());
          }
          cast.write();
        }
        cast.flush();
      }
    } catch (IOException e) {
      fail(e);
    } catch (RuntimeException e) {
      fail(
          new IOException("it cannot be read: " + e, e)); // ours to mend, and not to be let through
    } finally {
      if (frames instanceof SpdyFrames spdy) {
        spdy.close();
      }
      if (end()) {
        broken.run();
      }
    }
  }

  /** All that waits; empty at the end. */
  private List<Piece> next() {
    lock.lock();
    try {
      while (waiting.isEmpty() && !closed && failure == null) {
        changed.awaitUninterruptibly();
      }
      var pieces = List.copyOf(waiting);
      waiting.clear();
      waitingBytes = 0;
      changed.signalAll();
      return pieces;
    } finally {
      lock.unlock();
    }
  }

  private void fail(IOException why) {
    lock.lock();
    try {
      if (failure == null) {
        failure = why;
      }
      waiting.clear();
      waitingBytes = 0;
      changed.signalAll();
    } finally {
      lock.unlock();
    }
  }

  /** Whether something is missing. */
  private boolean end() {
    try {
      cast.close();
    } catch (IOException e) {
      fail(e);
    }
    IOException why;
    boolean used;
    lock.lock();
    try {
      over = true;
      used = begun;
      why = failure;
      changed.signalAll();
    } finally {
      lock.unlock();
    }
    if (why != null) {
      log.info("session not recorded to its end: recording={} reason={}", name, why.getMessage());
    }
    ending.ended(this, used, why);
    return why != null;
  }

  /** Whether there is a session in it. */
  public boolean begun() {
    lock.lock();
    try {
      return begun;
    } finally {
      lock.unlock();
    }
  }

  /** Why it is not whole; empty: it is, as far as it goes. */
  public Optional<String> cutShort() {
    lock.lock();
    try {
      return Optional.ofNullable(failure).map(why -> String.valueOf(why.getMessage()));
    } finally {
      lock.unlock();
    }
  }

  /**
   * The session is over. Waits for what is left, for a limited time, whoever else does: who was
   * first may have been interrupted.
   */
  @Override
  public void close() {
    boolean unused;
    lock.lock();
    try {
      unused = !closed && !begun;
      closed = true;
      changed.signalAll();
      long left = wait.toNanos();
      while (begun && !over && left > 0) {
        left = changed.awaitNanos(left);
      }
    } catch (InterruptedException _) {
      Thread.currentThread().interrupt();
      return;
    } finally {
      lock.unlock();
    }
    if (unused) {
      end();
    }
  }
}
