package io.drover.agent.tunnel;

import java.io.IOException;
import java.nio.channels.SocketChannel;

/** Opens the local end of a stream. */
public interface Dialer {
  /**
   * Returns a connected channel in blocking mode. Waits, in the stream's own thread.
   *
   * @param dial is told of every channel before it is connected
   * @throws IOException with a message for the far end: what was tried, and why it failed
   */
  SocketChannel dial(String network, String address, Dial dial) throws IOException;
}
