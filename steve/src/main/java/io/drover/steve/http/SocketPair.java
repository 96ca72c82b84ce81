package io.drover.steve.http;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.StandardSocketOptions;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.util.function.Consumer;

/**
 * Two connected sockets of this process, both in blocking mode. Whoever asks at our end is believed
 * to be the user that he names, so nobody else may get there: no port stays open. The one through
 * which the pair finds together lives for this one dial, and who connects to it and is not our own
 * other end is closed before a byte of it is read.
 *
 * @param near the end that we answer at
 * @param far the end that is given away
 */
record SocketPair(SocketChannel near, SocketChannel far) {
  /** Strangers that may come between; each would have to hit the port within microseconds. */
  static final int MAX_STRANGERS = 8;

  private static final int BACKLOG = MAX_STRANGERS + 1;

  /**
   * Opens a pair.
   *
   * @param opening is told of the far end before it is connected
   */
  static SocketPair open(HttpFront.Opening opening) throws IOException {
    return open(opening, _ -> {});
  }

  /** The same, with a look at the port before our own end connects. */
  static SocketPair open(HttpFront.Opening opening, Consumer<InetSocketAddress> listening)
      throws IOException {
    var far = SocketChannel.open();
    boolean connected = false;
    try (var listener = ServerSocketChannel.open()) {
      opening.opening(far);
      listener.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), BACKLOG);
      var address = (InetSocketAddress) listener.getLocalAddress();
      listening.accept(address);
      far.setOption(StandardSocketOptions.TCP_NODELAY, true);
      far.connect(address);
      var near = accept(listener, far);
      near.setOption(StandardSocketOptions.TCP_NODELAY, true);
      connected = true;
      return new SocketPair(near, far);
    } finally {
      if (!connected) {
        far.close();
      }
    }
  }

  private static SocketChannel accept(ServerSocketChannel listener, SocketChannel far)
      throws IOException {
    for (int strangers = 0; strangers <= MAX_STRANGERS; strangers++) {
      var near = listener.accept();
      if (near.getRemoteAddress().equals(far.getLocalAddress())) {
        return near;
      }
      near.close();
    }
    throw new IOException("another process of this pod takes our connections");
  }
}
