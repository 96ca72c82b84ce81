package io.drover.steve.http;

import java.io.IOException;
import java.nio.channels.SocketChannel;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;

/**
 * Answers HTTP at the near ends of connections that it makes itself. It listens nowhere: who has
 * the far end got it from {@link #connect}.
 *
 * <p>A connection has a virtual thread, named {@code <name>-<n>}, and no limit is kept by a thread
 * that waits: while there are connections, {@code <name>-limits} looks once a second whose wait is
 * over.
 */
public final class HttpFront implements AutoCloseable {
  /**
   * How often limits are looked at, which are tens of seconds. A server always keeps a connection
   * or two, so an agent that nobody asks for anything does this all day long.
   */
  static final Duration LOOK_EVERY = Duration.ofSeconds(1);

  private final String name;
  private final FrontLimits limits;
  private final Wire.Maker wires;
  private final Handler handler;
  private final Map<HttpConnection, Thread> open = new ConcurrentHashMap<>();
  private final AtomicInteger count = new AtomicInteger();
  private final AtomicInteger number = new AtomicInteger();
  private final Thread looking;
  private volatile boolean closed;

  private HttpFront(String name, FrontLimits limits, Wire.Maker wires, Handler handler) {
    this.name = name;
    this.limits = limits;
    this.wires = wires;
    this.handler = handler;
    this.looking = Thread.ofVirtual().name(name + "-limits").unstarted(this::look);
  }

  /** Begins to answer. */
  public static HttpFront start(String name, FrontLimits limits, Handler handler) {
    return start(name, limits, Wire::plain, handler);
  }

  /** The same on something other than the bare sockets. */
  public static HttpFront start(
      String name, FrontLimits limits, Wire.Maker wires, Handler handler) {
    var front = new HttpFront(name, limits, wires, handler);
    front.looking.start();
    return front;
  }

  /** Who is told of a connection's far end before it is connected, and may call it off. */
  @FunctionalInterface
  public interface Opening {
    /** Throws if the connection is not wanted any more. */
    void opening(SocketChannel far) throws IOException;
  }

  /**
   * Makes a connection and returns its far end, in blocking mode.
   *
   * @throws TooManyConnectionsException if there are
   * @throws IOException if the process may open no more, or the agent stops
   */
  public SocketChannel connect(Opening opening) throws IOException {
    int others = count.getAndIncrement();
    boolean served = false;
    try {
      if (closed) {
        throw new IOException("the agent stops");
      }
      if (others >= limits.connections() + limits.spare()) {
        throw new TooManyConnectionsException(limits.connections());
      }
      var pair = SocketPair.open(opening);
      try {
        serve(pair.near(), others >= limits.connections());
        served = true;
      } finally {
        if (!served) {
          pair.near().close();
          pair.far().close();
        }
      }
      return pair.far();
    } finally {
      if (!served) {
        count.decrementAndGet();
      }
    }
  }

  private void serve(SocketChannel near, boolean once) throws IOException {
    var connection =
        new HttpConnection(near, wires.over(near), limits, handler, once, System::nanoTime);
    var thread =
        Thread.ofVirtual()
            .name(name + "-" + number.incrementAndGet())
            .unstarted(
                () -> {
                  try {
                    connection.run();
                  } finally {
                    open.remove(connection);
                    count.decrementAndGet();
                  }
                });
    open.put(connection, thread);
    LockSupport.unpark(looking);
    thread.start();
    if (closed) {
      connection.close();
    }
  }

  private void look() {
    try {
      while (!closed) {
        if (open.isEmpty()) {
          LockSupport.park(this); // an idle agent has no connections, and looks at nothing
        } else {
          Thread.sleep(LOOK_EVERY);
          open.keySet().forEach(HttpConnection::closeIfOver);
        }
      }
    } catch (InterruptedException _) {
      // It is over.
    }
  }

  /** Connections that are open. */
  public int connections() {
    return count.get();
  }

  /** Closes every connection, and waits for the threads behind them. */
  @Override
  public void close() {
    closed = true;
    looking.interrupt();
    var threads = open.values().stream().toList();
    open.forEach(
        (connection, thread) -> {
          connection.close();
          thread.interrupt();
        });
    for (var thread : threads) {
      try {
        thread.join(Duration.ofSeconds(1));
      } catch (InterruptedException _) {
        Thread.currentThread().interrupt();
        return;
      }
    }
  }
}
