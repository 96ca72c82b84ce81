package io.drover.agent.tunnel;

import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.Socket;
import java.net.SocketAddress;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/**
 * The connection to the server as the websocket library gets it: already open and encrypted, so
 * that the library neither connects nor shakes hands; with an output that gathers small frames into
 * full TLS records and an input that notes every sign of life.
 */
final class DialledSocket extends Socket {
  /** What is gathered at most before it is written, in bytes. */
  private static final int GATHER_BYTES = 64 * 1024;

  /** From this on it is worth a write of its own, in bytes: one TLS record. */
  private static final int RECORD_BYTES = 16 * 1024;

  /**
   * When nothing comes for so long, nothing was on its way: what stands in line at the server
   * follows sooner, unless the way is all but cut.
   */
  static final Duration REST = Duration.ofSeconds(1);

  private final Socket raw;
  private final Socket socket;
  private final SendWindow window;
  private final ArrayPool frames;
  private final Watchdog.Work reading;
  private final Timer timer;
  private final CountDownLatch finished = new CountDownLatch(1);
  private volatile long lastReceivedNanos;
  private final AtomicLong restedNanos = new AtomicLong();
  private volatile @Nullable String readFailure;
  private volatile @Nullable Gathering out;
  private volatile Queue<ByteBuffer> following = new ConcurrentLinkedQueue<>();

  /**
   * Wraps a connection.
   *
   * @param raw the TCP socket under it, for the hard close: closing a TLS socket can wait for a
   *     writer that never returns
   * @param socket the one to read and write
   * @param frames takes back the arrays that were written
   * @param reading of the thread that reads: what it does between two reads is work
   */
  DialledSocket(
      Socket raw,
      Socket socket,
      SendWindow window,
      ArrayPool frames,
      Watchdog.Work reading,
      Timer timer)
      throws IOException {
    raw.setReceiveBufferSize(ReadAhead.MIN_BYTES);
    this.raw = raw;
    this.socket = socket;
    this.window = window;
    this.frames = frames;
    this.reading = reading;
    this.timer = timer;
    this.lastReceivedNanos = timer.nanoTime();
  }

  /** The frames that follow; small ones are held together with them. */
  void following(Queue<ByteBuffer> frames) {
    following = frames;
  }

  long lastReceivedNanos() {
    return lastReceivedNanos;
  }

  /** See {@link Transport#restedNanos}. */
  long restedNanos() {
    long before = restedNanos.get(); // first: a rest that ends meanwhile is not to count twice
    return before + rest(timer.nanoTime());
  }

  /** What the time since the last byte counts for. */
  private long rest(long nowNanos) {
    long nanos = nowNanos - lastReceivedNanos;
    return nanos > REST.toNanos() ? nanos : 0;
  }

  /** See {@link Transport#readAhead}. */
  void readAhead(int bytes) throws IOException {
    raw.setReceiveBufferSize(bytes);
  }

  /** Why reading failed, or null if it came to its end in order. */
  @Nullable String readFailure() {
    return readFailure;
  }

  /** Waits until the library has written its last frame. */
  void awaitFinished(Duration limit) throws InterruptedException {
    finished.await(limit.toNanos(), TimeUnit.NANOSECONDS);
  }

  /** Drops what comes until the peer has closed its side or the socket is closed. */
  void skipToEnd() {
    try {
      socket.getInputStream().transferTo(OutputStream.nullOutputStream());
    } catch (IOException _) {
      // That is an end too.
    }
  }

  /** Closes at once: a blocked reader and a blocked writer wake up. Never waits. */
  void abort() {
    try {
      raw.close(); // first, since it takes no lock of ours
    } catch (IOException e) {
      readFailure = e.toString();
    }
    window.close();
  }

  /** Called by the library behind its last frame: the peer sees the end, we may still read. */
  @Override
  public void close() throws IOException {
    try {
      if (!raw.isClosed() && !raw.isOutputShutdown()) {
        if (out != null) {
          out.finish();
        }
        raw.shutdownOutput();
      }
    } finally {
      finished.countDown();
    }
  }

  @Override
  public InputStream getInputStream() throws IOException {
    return new FilterInputStream(socket.getInputStream()) {
      @Override
      public int read(byte[] bytes, int offset, int length) throws IOException {
        reading.pause();
        try {
          int read = super.read(bytes, offset, length);
          long now = timer.nanoTime();
          long rest = rest(now);
          lastReceivedNanos = now;
          if (rest > 0) {
            restedNanos.addAndGet(rest);
          }
          return read;
        } catch (IOException e) {
          readFailure = e.toString();
          throw e;
        } finally {
          reading.begin();
        }
      }
    };
  }

  @Override
  public OutputStream getOutputStream() throws IOException {
    out = new Gathering(socket.getOutputStream());
    return out;
  }

  @Override
  public boolean isConnected() {
    return true;
  }

  @Override
  public boolean isClosed() {
    return raw.isClosed();
  }

  @Override
  public SocketAddress getRemoteSocketAddress() {
    return raw.getRemoteSocketAddress();
  }

  @Override
  public SocketAddress getLocalSocketAddress() {
    return raw.getLocalSocketAddress();
  }

  @Override
  public InetAddress getInetAddress() {
    return raw.getInetAddress();
  }

  // Set already, by whoever dialled or above.

  @Override
  public void setTcpNoDelay(boolean on) {}

  @Override
  public void setReuseAddress(boolean on) {}

  @Override
  public void setReceiveBufferSize(int size) {}

  /** Used by the library's writer thread only. */
  private final class Gathering extends OutputStream {
    private final OutputStream out;
    private final byte[] gathered = new byte[GATHER_BYTES];
    private int count;
    private byte[] last = new byte[0];

    Gathering(OutputStream out) {
      this.out = out;
    }

    @Override
    public void write(int b) throws IOException {
      write(new byte[] {(byte) b}, 0, 1);
    }

    @Override
    public void write(byte[] bytes, int offset, int length) throws IOException {
      frames.give(last); // not this one yet: finish() must know it from those that follow
      last = bytes;
      if (count + length > GATHER_BYTES) {
        writeOut();
      }
      if (count == 0 && length >= RECORD_BYTES) {
        out.write(bytes, offset, length);
        window.release(length);
        return;
      }
      System.arraycopy(bytes, offset, gathered, count, length);
      count += length;
    }

    /** Called by the library behind each frame; another one may follow at once. */
    @Override
    public void flush() throws IOException {
      if (count >= RECORD_BYTES || following.isEmpty()) {
        writeOut();
      }
    }

    /**
     * Writes what the library leaves in its queue when it is interrupted: either all of it has been
     * written here, or, if it was busy at that moment, nothing has.
     */
    @SuppressWarnings({"ByteBufferBackingArray", "ReferenceEquality"}) // the very array, as written
    void finish() throws IOException {
      var unwritten = new ArrayDeque<ByteBuffer>();
      for (var frame : following) {
        unwritten.add(frame);
        if (frame.array() == last) {
          unwritten.clear();
        }
      }
      for (var frame : unwritten) {
        write(frame.array(), 0, frame.limit());
      }
      writeOut();
    }

    private void writeOut() throws IOException {
      if (count > 0) {
        int length = count;
        count = 0;
        out.write(gathered, 0, length);
        window.release(length);
      }
      out.flush();
    }
  }
}
