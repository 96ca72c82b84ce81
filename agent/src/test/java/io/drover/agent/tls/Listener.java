package io.drover.agent.tls;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLSocket;

/** A server for tests, on a free port of the loopback: one thread for each connection. */
public final class Listener implements AutoCloseable {
  /** What is done with a connection, which is closed afterwards. */
  @FunctionalInterface
  public interface Service {
    void serve(Socket socket) throws Exception;
  }

  private final ServerSocket listening;
  private final Queue<Socket> accepted = new ConcurrentLinkedQueue<>();

  private Listener(ServerSocket listening) {
    this.listening = listening;
  }

  public static Listener start(Service service) throws IOException {
    var listener = new Listener(new ServerSocket(0, 50, InetAddress.getLoopbackAddress()));
    Thread.ofVirtual().name("listener").start(() -> listener.accept(service));
    return listener;
  }

  /** Over TLS; a connection whose handshake fails is dropped. */
  public static Listener startTls(SSLContext context, Service service) throws IOException {
    return start(
        socket -> {
          var secured = (SSLSocket) context.getSocketFactory().createSocket(socket, null, 0, true);
          secured.setUseClientMode(false);
          secured.startHandshake();
          service.serve(secured);
        });
  }

  /** Keeps a connection open until the client ends it. */
  public static void hold(Socket socket) throws IOException {
    var _ = socket.getInputStream().readAllBytes();
  }

  private void accept(Service service) {
    while (!listening.isClosed()) {
      try {
        var socket = listening.accept();
        accepted.add(socket);
        Thread.ofVirtual().name("listener-connection").start(() -> serve(service, socket));
      } catch (IOException _) {
        return; // closed
      }
    }
  }

  private static void serve(Service service, Socket socket) {
    try (socket) {
      service.serve(socket);
    } catch (Exception _) {
      // The client's side of it is what is tested.
    }
  }

  public int port() {
    return listening.getLocalPort();
  }

  public URI url(String scheme) {
    return URI.create(scheme + "://127.0.0.1:" + port());
  }

  /** All connections so far. */
  List<Socket> accepted() {
    return new ArrayList<>(accepted);
  }

  @Override
  public void close() throws IOException {
    listening.close();
    for (Socket socket : accepted) {
      socket.close();
    }
  }
}
