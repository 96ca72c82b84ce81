package io.drover.e2e;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/** What a stream leads to: a TCP server in this process. */
final class Target implements AutoCloseable {
  private static final int BACKLOG = 512;
  private static final int CHUNK_BYTES = 64 * 1024;

  /** Serves one connection; its end closes the connection. */
  interface Service {
    void serve(Socket connection) throws IOException, InterruptedException;
  }

  private final ServerSocket listener;
  private final Set<Socket> open = ConcurrentHashMap.newKeySet();

  private Target(ServerSocket listener) {
    this.listener = listener;
  }

  static Target serving(Service service) throws IOException {
    var listener = new ServerSocket(0, BACKLOG, InetAddress.getLoopbackAddress());
    var target = new Target(listener);
    Thread.ofVirtual().name("target-" + listener.getLocalPort()).start(() -> target.run(service));
    return target;
  }

  /** Sends back what comes. */
  static Target echo() throws IOException {
    return serving(
        connection -> {
          var buffer = new byte[CHUNK_BYTES];
          var in = connection.getInputStream();
          var out = connection.getOutputStream();
          for (int count = in.read(buffer); count >= 0; count = in.read(buffer)) {
            out.write(buffer, 0, count);
          }
        });
  }

  /** Sends these bytes, and closes. */
  static Target source(byte[] bytes) throws IOException {
    return serving(connection -> connection.getOutputStream().write(bytes));
  }

  /** Sends without end. */
  static Target flood() throws IOException {
    var chunk = Payload.random(0, CHUNK_BYTES);
    return serving(connection -> flood(connection, chunk));
  }

  private static void flood(Socket connection, byte[] chunk) throws IOException {
    var out = connection.getOutputStream();
    while (!connection.isClosed()) {
      out.write(chunk);
    }
  }

  /** Reads all that comes and forgets it. */
  static Target sink() throws IOException {
    return serving(connection -> drain(connection.getInputStream()));
  }

  static long drain(InputStream in) throws IOException {
    var buffer = new byte[CHUNK_BYTES];
    long total = 0;
    for (int count = in.read(buffer); count >= 0; count = in.read(buffer)) {
      total += count;
    }
    return total;
  }

  private void run(Service service) {
    try {
      while (!listener.isClosed()) {
        var connection = listener.accept();
        open.add(connection);
        Thread.ofVirtual().name("target-connection").start(() -> serve(service, connection));
      }
    } catch (IOException e) {
      if (!listener.isClosed()) {
        throw new UncheckedIOException(e);
      }
    }
  }

  private void serve(Service service, Socket connection) {
    try (connection) {
      connection.setTcpNoDelay(true);
      service.serve(connection);
    } catch (IOException _) {
      // The other end has gone, which is how most connections here end.
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } finally {
      open.remove(connection);
    }
  }

  InetSocketAddress address() {
    return new InetSocketAddress(listener.getInetAddress(), listener.getLocalPort());
  }

  /** Connections now. */
  int open() {
    return open.size();
  }

  @Override
  public void close() throws IOException {
    listener.close();
    for (Socket connection : open) {
      connection.close();
    }
  }
}
