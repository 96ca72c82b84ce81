package io.drover.steve.shell;

import io.drover.steve.http.Fields;
import io.drover.steve.kube.ApiStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.util.concurrent.atomic.AtomicBoolean;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** A pod with somebody in it, and the way into it. Whoever has got one closes it. */
public final class Shell implements AutoCloseable {
  private static final int PIECE_BYTES = 8 * 1024;

  /** With which a browser and the API server agree on what they speak. */
  private static final String[] AGREED = {
    "Upgrade", "Connection", "Sec-WebSocket-Accept", "Sec-WebSocket-Protocol"
  };

  private static final Logger log = LoggerFactory.getLogger(Shell.class);

  private final ApiStream stream;
  private final Runnable onClose;
  private final AtomicBoolean closed = new AtomicBoolean();

  /**
   * One whose process runs.
   *
   * @param onClose called once
   */
  Shell(ApiStream stream, Runnable onClose) {
    this.stream = stream;
    this.onClose = onClose;
  }

  /** What the API server has agreed on, to be said to the browser. */
  public Fields agreed() {
    var fields = new Fields();
    for (String name : AGREED) {
      if (stream.agreed().has(name)) {
        fields.add(name, stream.agreed().first(name));
      }
    }
    return fields;
  }

  /**
   * Carries bytes in both directions as they come, in this thread and one of its own, until one of
   * the two ends it. Neither is read faster than the other takes it.
   */
  public void relay(InputStream fromBrowser, OutputStream toBrowser) throws IOException {
    var up = Thread.ofVirtual().name("explorer-shell-up").start(() -> up(fromBrowser));
    try {
      copy(stream.in(), toBrowser);
    } finally {
      stream.close();
      up.interrupt(); // its read of a socket ends with that
    }
  }

  private void up(InputStream fromBrowser) {
    try (stream) {
      copy(fromBrowser, stream.out());
    } catch (IOException e) {
      log.debug("shell ended: reason={}", e.toString());
    }
  }

  private static void copy(InputStream in, OutputStream out) throws IOException {
    byte[] piece = new byte[PIECE_BYTES];
    for (int count = in.read(piece); count >= 0; count = in.read(piece)) {
      out.write(piece, 0, count);
      out.flush();
    }
  }

  /** Ends it, and has its pod taken away; does not wait for that. */
  @Override
  public void close() {
    if (closed.compareAndSet(false, true)) {
      try {
        stream.close();
      } catch (IOException e) {
        log.debug("shell not closed: reason={}", e.toString());
      }
      onClose.run();
    }
  }
}
