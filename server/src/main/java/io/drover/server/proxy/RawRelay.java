package io.drover.server.proxy;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.util.concurrent.Executor;
import org.eclipse.jetty.io.AbstractConnection;
import org.eclipse.jetty.io.Connection;
import org.eclipse.jetty.io.EndPoint;
import org.eclipse.jetty.util.Blocker;
import org.eclipse.jetty.util.BufferUtil;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A client's connection after 101: bytes go both ways, untouched, until either side ends. What the
 * other side said before its end is delivered; there is no half-close in a tunnel.
 */
public final class RawRelay extends AbstractConnection implements Connection.UpgradeTo {
  private static final Logger log = LoggerFactory.getLogger(RawRelay.class);

  private final String name;
  private final InputStream from;
  private final OutputStream to;
  private final Runnable close;
  private ByteBuffer early = BufferUtil.EMPTY_BUFFER;

  /**
   * @param name of its threads
   * @param from what is for the client
   * @param to where goes what comes from it; flushed after each piece
   * @param close ends both; may be called several times
   */
  public RawRelay(
      EndPoint client,
      Executor executor,
      String name,
      InputStream from,
      OutputStream to,
      Runnable close) {
    super(client, executor);
    this.name = name;
    this.from = from;
    this.to = to;
    this.close = close;
  }

  @Override
  public void onUpgradeTo(ByteBuffer buffer) {
    early = ByteBuffer.allocate(buffer.remaining()).put(buffer).flip();
  }

  @Override
  public void onOpen() {
    super.onOpen();
    Thread.ofVirtual().name(name + "-in").start(this::copyIn);
    Thread.ofVirtual().name(name + "-out").start(this::copyOut);
  }

  @Override
  public void onFillable() {
    throw new IllegalStateException("reading is done by copyIn");
  }

  /** From the client to the other side. */
  private void copyIn() {
    byte[] bytes = new byte[ClusterProxy.COPY_BYTES];
    var buffer = BufferUtil.allocate(bytes.length);
    try {
      int first = early.remaining();
      if (first > 0) {
        byte[] head = new byte[first];
        early.get(head);
        send(head, first);
      }
      while (true) {
        int count = getEndPoint().fill(buffer);
        if (count < 0) {
          break;
        }
        if (count == 0) {
          try (var readable = Blocker.callback()) {
            getEndPoint().fillInterested(readable);
            readable.block();
          }
        } else {
          buffer.get(bytes, 0, count);
          BufferUtil.clear(buffer);
          send(bytes, count);
        }
      }
    } catch (IOException e) {
      log.debug("upgraded connection ended: side=client reason={}", e.toString());
    } finally {
      close.run();
    }
  }

  private void send(byte[] bytes, int count) throws IOException {
    to.write(bytes, 0, count);
    to.flush();
  }

  /** From the other side to the client. */
  private void copyOut() {
    byte[] bytes = new byte[ClusterProxy.COPY_BYTES];
    try {
      while (true) {
        int count = from.read(bytes);
        if (count < 0) {
          break;
        }
        try (var written = Blocker.callback()) {
          getEndPoint().write(written, ByteBuffer.wrap(bytes, 0, count));
          written.block();
        }
      }
    } catch (IOException e) {
      log.debug("upgraded connection ended: side=other reason={}", e.toString());
    } finally {
      close.run();
      getEndPoint().close();
    }
  }
}
