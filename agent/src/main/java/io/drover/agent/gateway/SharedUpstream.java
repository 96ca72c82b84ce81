package io.drover.agent.gateway;

import io.drover.agent.gateway.Upstream.Shared;
import io.drover.steve.http.Fields;
import io.drover.steve.http2.Http2Connection;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.net.Socket;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Connections to the API server in HTTP/2, each of which carries many watches: the next one is
 * opened when the others are full, by one of those who wait for it. They end when nobody has used
 * them for a while. Any thread.
 */
final class SharedUpstream implements AutoCloseable {
  /**
   * At one time; what is more than they carry has connections of its own. All their watches
   * together hold 12.5 MiB at the most, if nobody reads any of them.
   */
  static final int MAX_CONNECTIONS = 4;

  /** An API server that does not want HTTP/2 is not asked for it again before that. */
  static final Duration UNWANTED = Duration.ofMinutes(10);

  /** For the API server to begin, once there is TLS. */
  private static final Duration BEGIN_LIMIT = Upstream.CONNECT_LIMIT;

  private static final Logger log = LoggerFactory.getLogger(SharedUpstream.class);

  /** How a connection is made. */
  @FunctionalInterface
  interface Connecting {
    /** Empty: the API server does not want HTTP/2. */
    Optional<Socket> connect() throws IOException;
  }

  private final Connecting connecting;
  private final LongSupplier nanoTime;

  // Guarded by this.
  private final List<Http2Connection> connections = new ArrayList<>();
  private @Nullable CompletableFuture<Void> opening; // null: nobody opens one
  private long unwantedUntilNanos;
  private boolean unwanted;
  private boolean said; // that it is unwanted, since it was wanted last
  private boolean closed;

  /** Opens nothing yet. */
  SharedUpstream(Connecting connecting, LongSupplier nanoTime) {
    this.connecting = connecting;
    this.nanoTime = nanoTime;
  }

  /**
   * Asks for something.
   *
   * @return empty if it has to have a connection of its own
   * @throws IOException if the API server cannot be reached
   */
  Optional<Shared> get(String target, Fields fields) throws IOException {
    boolean used = true;
    while (isWanted()) {
      for (var connection : open()) {
        var stream = connection.get(target, fields);
        if (stream.isPresent()) {
          return Optional.of(new Shared(stream.get(), used));
        }
      }
      CompletableFuture<Void> awaited;
      boolean mine = false;
      synchronized (this) {
        awaited = opening;
        if (awaited == null) {
          if (connections.size() >= MAX_CONNECTIONS) {
            return Optional.empty();
          }
          awaited = new CompletableFuture<>();
          opening = awaited;
          mine = true;
        }
      }
      if (mine) {
        openOne(awaited);
        used = false;
      } else {
        await(awaited);
      }
    }
    return Optional.empty();
  }

  private synchronized boolean isWanted() {
    unwanted &= nanoTime.getAsLong() - unwantedUntilNanos < 0;
    return !unwanted;
  }

  private synchronized List<Http2Connection> open() {
    connections.removeIf(connection -> !connection.isOpen());
    return List.copyOf(connections);
  }

  private static void await(CompletableFuture<Void> awaited) throws IOException {
    try {
      awaited.get(); // the limits are those of connecting
    } catch (ExecutionException e) {
      throw new IOException(String.valueOf(e.getCause()), e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw (IOException) new InterruptedIOException("the agent stops").initCause(e);
    }
  }

  private void openOne(CompletableFuture<Void> awaited) throws IOException {
    var why = new IOException("no connection was opened");
    boolean opened = false;
    try {
      var socket = connecting.connect();
      if (socket.isPresent()) {
        add(Http2Connection.open(socket.get(), "gateway-shared", BEGIN_LIMIT));
      } else {
        doWithout();
      }
      opened = true;
    } catch (IOException e) {
      why = e;
      throw e;
    } finally {
      synchronized (this) {
        opening = null;
      }
      if (opened) {
        awaited.complete(null);
      } else {
        awaited.completeExceptionally(why);
      }
    }
  }

  private void add(Http2Connection connection) throws IOException {
    synchronized (this) {
      if (!closed) {
        connections.add(connection);
        said = false;
        return;
      }
    }
    connection.close();
    throw new IOException("the agent stops");
  }

  private synchronized void doWithout() {
    if (!said) {
      log.info("API server does not speak HTTP/2: every watch has a connection of its own");
      said = true;
    }
    unwanted = true;
    unwantedUntilNanos = nanoTime.getAsLong() + UNWANTED.toNanos();
  }

  /** Ends all that is asked. */
  @Override
  public void close() {
    List<Http2Connection> left;
    synchronized (this) {
      closed = true;
      left = List.copyOf(connections);
    }
    left.forEach(Http2Connection::close);
  }
}
