package io.drover.agent.tunnel;

import java.io.IOException;
import java.nio.channels.SocketChannel;
import org.jspecify.annotations.Nullable;

/** An attempt to open the local end of a stream, which another thread may call off. */
public final class Dial {
  // Guarded by this.
  private @Nullable SocketChannel opening;
  private boolean cancelled;

  Dial() {}

  /**
   * Says which channel is about to be connected, so that it can be closed from outside.
   *
   * @throws IOException if the dial has been called off; the channel is closed
   */
  public synchronized void opening(SocketChannel channel) throws IOException {
    if (cancelled) {
      channel.close();
      throw new IOException("dial cancelled");
    }
    opening = channel;
  }

  /** Calls the dial off: a connect that is going on fails at once, later ones never begin. */
  synchronized void cancel() {
    cancelled = true;
    if (opening != null) {
      TunnelStream.closeQuietly(opening);
    }
  }
}
