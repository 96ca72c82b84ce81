package io.drover.agent.tunnel;

import static org.assertj.core.api.Assertions.assertThat;

import io.drover.proto.tunnel.Message.Connect;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.Queue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

/** What streams lead to: a TCP server in the cluster. */
final class Backend implements AutoCloseable {
  /** Serves one connection; it is closed behind it. */
  interface Service {
    void serve(Socket socket) throws IOException;
  }

  private final ServerSocket listener;
  private final BlockingQueue<Socket> accepted = new LinkedBlockingQueue<>();
  private final Queue<Socket> all = new ConcurrentLinkedQueue<>(); // or they are closed as garbage

  private Backend(ServerSocket listener) {
    this.listener = listener;
  }

  /** Leaves its connections to the test: see {@link #accept}. */
  static Backend start() throws IOException {
    var backend = listen();
    Thread.ofVirtual()
        .start(
            () -> {
              try {
                while (true) {
                  var socket = backend.listener.accept();
                  backend.all.add(socket);
                  backend.accepted.add(socket);
                }
              } catch (IOException e) {
                // Closed.
              }
            });
    return backend;
  }

  static Backend serving(Service service) throws IOException {
    var backend = listen();
    Thread.ofVirtual()
        .start(
            () -> {
              try {
                while (true) {
                  var socket = backend.listener.accept();
                  Thread.ofVirtual().start(() -> serve(service, socket));
                }
              } catch (IOException e) {
                // Closed.
              }
            });
    return backend;
  }

  /** Sends back what it gets. */
  static Backend echo() throws IOException {
    return serving(socket -> socket.getInputStream().transferTo(socket.getOutputStream()));
  }

  private static Backend listen() throws IOException {
    return new Backend(new ServerSocket(0, 1024, InetAddress.getLoopbackAddress()));
  }

  private static void serve(Service service, Socket socket) {
    try (socket) {
      service.serve(socket);
    } catch (IOException e) {
      // The client has gone.
    }
  }

  String address() {
    return "127.0.0.1:" + listener.getLocalPort();
  }

  Connect connect(long streamId) {
    return new Connect(streamId, "tcp", address());
  }

  /** The next connection. */
  Socket accept() throws InterruptedException {
    var socket = accepted.poll(ScriptedServer.LIMIT.toSeconds(), TimeUnit.SECONDS);
    assertThat(socket).as("connection to the backend").isNotNull();
    return java.util.Objects.requireNonNull(socket);
  }

  boolean hasConnection() {
    return !accepted.isEmpty();
  }

  @Override
  public void close() throws IOException {
    listener.close();
    for (var socket : all) {
      socket.close();
    }
  }
}
