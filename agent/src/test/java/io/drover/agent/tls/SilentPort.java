package io.drover.agent.tls;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.util.ArrayList;
import java.util.List;

/** A port that does not answer: its queue of connections is full, so that the kernel drops more. */
final class SilentPort implements AutoCloseable {
  private static final int FULL_AFTER_MILLIS = 300;
  private static final int MAX_QUEUED = 100;

  private final ServerSocket listener;
  private final List<Socket> queued = new ArrayList<>();

  private SilentPort(ServerSocket listener) {
    this.listener = listener;
  }

  /**
   * Opens one.
   *
   * @param port 0: any
   */
  static SilentPort open(String address, int port) throws IOException {
    var silent = new SilentPort(new ServerSocket(port, 1, InetAddress.ofLiteral(address)));
    while (silent.queued.size() < MAX_QUEUED) {
      var socket = new Socket();
      silent.queued.add(socket);
      try {
        socket.connect(
            new InetSocketAddress(InetAddress.ofLiteral(address), silent.port()),
            FULL_AFTER_MILLIS);
      } catch (SocketTimeoutException e) {
        return silent;
      }
    }
    silent.close();
    throw new AssertionError("the queue of a listener does not fill up");
  }

  int port() {
    return listener.getLocalPort();
  }

  @Override
  public void close() throws IOException {
    for (Socket socket : queued) {
      socket.close();
    }
    listener.close();
  }
}
