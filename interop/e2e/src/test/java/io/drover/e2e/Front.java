package io.drover.e2e;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.function.BooleanSupplier;
import java.util.function.UnaryOperator;
import javax.net.ssl.SSLContext;

/**
 * What stands between agent and server, and is wrong in some way: a server socket on a loopback
 * address whose connections go to a handler, each in a thread of its own.
 */
final class Front implements AutoCloseable {
  private static final int MAX_HEAD = 64 * 1024;
  private static final int CHUNK = 16 * 1024;

  /** Serves one connection, which is closed when this returns. */
  interface Handler {
    void serve(Socket socket) throws Exception;
  }

  private final ServerSocket server;
  private final Set<Socket> open = ConcurrentHashMap.newKeySet();
  private final ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();

  private Front(ServerSocket server) {
    this.server = server;
  }

  static Front plain(Handler handler) throws IOException {
    return start(new ServerSocket(), "127.0.0.1", handler);
  }

  static Front tls(SSLContext identity, String host, Handler handler) throws IOException {
    return start(identity.getServerSocketFactory().createServerSocket(), host, handler);
  }

  private static Front start(ServerSocket server, String host, Handler handler) throws IOException {
    server.bind(new InetSocketAddress(InetAddress.ofLiteral(host), 0));
    var front = new Front(server);
    front.threads.execute(() -> front.accept(handler));
    return front;
  }

  int port() {
    return server.getLocalPort();
  }

  private void accept(Handler handler) {
    while (!server.isClosed()) {
      try {
        var socket = server.accept();
        open.add(socket);
        threads.execute(() -> serve(socket, handler));
      } catch (IOException e) {
        // Closed, which the loop asks.
      }
    }
  }

  private void serve(Socket socket, Handler handler) {
    try (socket) {
      handler.serve(socket);
    } catch (Exception e) {
      // The agent's side of it is what is tested.
    } finally {
      open.remove(socket);
    }
  }

  /** Status line and headers of a request; empty at the end. */
  static String head(InputStream in) throws IOException {
    var head = new ByteArrayOutputStream();
    while (head.size() < MAX_HEAD) {
      int next = in.read();
      if (next < 0) {
        return "";
      }
      head.write(next);
      if (next == '\n' && head.toString(ISO_8859_1).endsWith("\r\n\r\n")) {
        return head.toString(ISO_8859_1);
      }
    }
    throw new IOException("the request's headers do not end");
  }

  /** An answer after which the connection ends. */
  static byte[] answer(String status, String headers, String body) {
    return "HTTP/1.1 %s\r\n%sContent-Length: %d\r\nConnection: close\r\n\r\n%s"
        .formatted(status, headers, body.getBytes(UTF_8).length, body)
        .getBytes(UTF_8);
  }

  /** Passes a request on to the real server, and all that follows it, both ways. */
  static void forward(
      Socket socket, String head, URI to, SSLContext trust, UnaryOperator<String> change)
      throws IOException {
    try (var onward = trust.getSocketFactory().createSocket(to.getHost(), to.getPort())) {
      onward.getOutputStream().write(change.apply(head).getBytes(ISO_8859_1));
      relay(socket, onward);
    }
  }

  /** Copies both ways until one side ends, and closes both. Gives how many bytes that were. */
  static long relay(Socket one, Socket other) {
    return relay(one, other, () -> false);
  }

  /**
   * The same.
   *
   * @param swallows asked whether what came is to be dropped
   */
  static long relay(Socket one, Socket other, BooleanSupplier swallows) {
    var back = new CompletableFuture<Long>();
    Thread.ofVirtual().start(() -> back.complete(copy(other, one, swallows)));
    return copy(one, other, swallows) + back.join();
  }

  private static long copy(Socket from, Socket to, BooleanSupplier swallows) {
    byte[] chunk = new byte[CHUNK];
    long bytes = 0;
    try (from;
        to) {
      var in = from.getInputStream();
      for (int length = in.read(chunk); length >= 0; length = in.read(chunk)) {
        if (!swallows.getAsBoolean()) {
          to.getOutputStream().write(chunk, 0, length);
          bytes += length;
        }
      }
    } catch (IOException e) {
      // Either side's end is the end.
    }
    return bytes;
  }

  /** Cuts every connection that is open now. */
  void cut() throws IOException {
    for (var socket : open) {
      socket.close();
    }
  }

  @Override
  public void close() throws IOException {
    server.close();
    cut();
    threads.shutdownNow();
  }
}
