package io.drover.steve.http;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.channels.Channels;
import java.nio.channels.SocketChannel;

/**
 * What a connection's bytes go through between its socket and HTTP: nothing, or TLS. Closing the
 * socket ends whatever waits here.
 */
public interface Wire {
  /** Makes one for each connection. */
  @FunctionalInterface
  interface Maker {
    /** Neither reads nor writes yet. */
    Wire over(SocketChannel near) throws IOException;
  }

  /** Comes to terms with the peer, before the first byte of HTTP. Blocks. */
  void open() throws IOException;

  /** What the peer sends. One thread may read while another writes. */
  InputStream in();

  /** To the peer; it may hold back what is not flushed. */
  OutputStream out();

  /** Tells the peer that nothing follows. */
  void end() throws IOException;

  /** The bytes as they are. */
  static Wire plain(SocketChannel near) {
    return new Wire() {
      private final InputStream in = Channels.newInputStream(near);
      private final OutputStream out = Channels.newOutputStream(near);

      @Override
      public void open() {
        // There is nothing to agree on.
      }

      @Override
      public InputStream in() {
        return in;
      }

      @Override
      public OutputStream out() {
        return out;
      }

      @Override
      public void end() throws IOException {
        near.shutdownOutput();
      }
    };
  }
}
