package io.drover.agent.tunnel;

import com.sun.management.UnixOperatingSystemMXBean;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.channels.CancelledKeyException;
import java.nio.channels.ClosedSelectorException;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.SocketChannel;
import java.util.function.Consumer;

/**
 * The local sockets of a tunnel's streams. One thread, {@code <tunnel>-sockets}, waits for all of
 * them and never for one, so that an idle stream costs neither a thread nor a buffer: 1.4 KiB in
 * all, where a thread of its own took 5.4 (both measured with 5,000 streams).
 */
public final class LocalSockets implements AutoCloseable {
  /** What one read takes at most, in bytes; all sockets share the buffer. */
  static final int READ_BYTES = Outbox.MAX_DATA_BYTES;

  /** Sockets of one tunnel at most, however many descriptors there are. Idle, they take 28 MiB. */
  static final int MAX_SOCKETS = 20_480;

  /**
   * Descriptors that are left to all else, if that is not more than half: 1,152 for what the steve
   * tunnel may carry at one time, which is two ends of 576 connections, and 256 for the process.
   */
  static final int OTHER_DESCRIPTORS = 1_408;

  /** A stream's side of its socket. Called by the one thread, which nothing here may hold up. */
  interface Handler {
    /**
     * There is something to read, or the end, or an error.
     *
     * @param into to read into; of no use after the call
     */
    void readable(LocalSocket from, ByteBuffer into);

    /** There is room again, or an error. */
    void writable(LocalSocket to);

    /** One of the two has thrown this, which is a bug. */
    void broken(RuntimeException bug);
  }

  private final Selector selector;
  private final Watchdog.Work work;
  private final int max;
  private final Consumer<SelectionKey> ready = this::ready;
  private final Thread thread;
  private final ByteBuffer buffer = ByteBuffer.allocateDirect(READ_BYTES);
  private volatile boolean closed;

  private LocalSockets(String tunnel, Selector selector, Watchdog.Work work, int max) {
    this.selector = selector;
    this.work = work;
    this.max = max;
    this.thread = Thread.ofPlatform().daemon().name(tunnel + "-sockets").unstarted(this::run);
  }

  /**
   * Begins to wait for sockets.
   *
   * @throws UncheckedIOException if the process may open no more descriptors
   */
  public static LocalSockets start(String tunnel, Watchdog watchdog) {
    return start(tunnel, watchdog.work(() -> {}), maxSockets());
  }

  /** The same; {@code work} is what the thread says of itself, {@code max} see {@link #max}. */
  static LocalSockets start(String tunnel, Watchdog.Work work, int max) {
    try {
      var sockets = new LocalSockets(tunnel, Selector.open(), work, max);
      sockets.thread.start();
      return sockets;
    } catch (IOException e) {
      throw new UncheckedIOException("tunnel cannot wait for local sockets: " + tunnel, e);
    }
  }

  /** Sockets that a tunnel may have in this process, by the descriptors that it may open. */
  static int maxSockets() {
    return maxSockets(
        ManagementFactory.getPlatformMXBean(UnixOperatingSystemMXBean.class)
            .getMaxFileDescriptorCount());
  }

  static int maxSockets(long descriptors) {
    return Math.clamp(descriptors - Math.min(OTHER_DESCRIPTORS, descriptors / 2), 1, MAX_SOCKETS);
  }

  /** So many sockets at most are to be here; a session refuses streams beyond that. */
  int max() {
    return max;
  }

  /**
   * Takes over a connected socket; its handler is not called before it asks.
   *
   * @throws IOException if the socket or the tunnel is closed; the channel is closed then
   */
  LocalSocket add(SocketChannel channel, Handler handler) throws IOException {
    try {
      channel.configureBlocking(false);
      var socket = new LocalSocket(channel, channel.register(selector, 0), handler);
      socket.key.attach(socket);
      if (closed) {
        throw new ClosedSelectorException(); // the thread may have closed what was here before
      }
      return socket;
    } catch (IOException | ClosedSelectorException e) {
      channel.close();
      throw new IOException("stream ended", e);
    }
  }

  /** Closes what is left. Does not wait. */
  @Override
  public void close() {
    closed = true;
    selector.wakeup();
  }

  private void run() {
    work.start();
    try (selector) {
      while (!closed) {
        work.pause();
        selector.select(ready);
      }
      for (var key : selector.keys()) {
        TunnelStream.closeQuietly((SocketChannel) key.channel());
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } finally {
      work.end();
    }
  }

  private void ready(SelectionKey key) {
    work.begin();
    if (key.attachment() instanceof LocalSocket socket) {
      socket.ready();
    }
  }

  /** One of them. Any thread may call its methods; none of them waits. */
  final class LocalSocket {
    private final SocketChannel channel;
    private final SelectionKey key;
    private final Handler handler;

    private LocalSocket(SocketChannel channel, SelectionKey key, Handler handler) {
      this.channel = channel;
      this.key = key;
      this.handler = handler;
    }

    /** Reads what is there; 0: nothing, below 0: the end. */
    int read(ByteBuffer into) throws IOException {
      return channel.read(into);
    }

    /** Writes as much as there is room for, which may be nothing. */
    int write(ByteBuffer bytes) throws IOException {
      return channel.write(bytes);
    }

    /** From now on the handler hears when there is something to read. */
    void startReading() {
      interest(SelectionKey.OP_READ, true);
    }

    /** Whoever wants to read on says so. */
    void stopReading() {
      interest(SelectionKey.OP_READ, false);
    }

    /** The handler hears once when there is room to write. */
    void awaitWritable() {
      interest(SelectionKey.OP_WRITE, true);
    }

    void close() {
      TunnelStream.closeQuietly(channel);
      wake(); // who has to give the descriptor back
    }

    private void interest(int operation, boolean wanted) {
      try {
        if (wanted) {
          key.interestOpsOr(operation);
          wake();
        } else {
          key.interestOpsAnd(~operation);
        }
      } catch (CancelledKeyException _) {
        // Closed meanwhile: nothing more is to be heard of it.
      }
    }

    private void wake() {
      if (Thread.currentThread() != thread) {
        selector.wakeup();
      }
    }

    private void ready() {
      try {
        if (key.isReadable()) {
          handler.readable(this, buffer.clear());
        }
        if (key.isWritable()) {
          interest(SelectionKey.OP_WRITE, false);
          handler.writable(this);
        }
      } catch (CancelledKeyException _) {
        // Closed by somebody else, or by what was just done.
      } catch (RuntimeException e) {
        handler.broken(e);
      }
    }
  }
}
