package io.drover.server.tunnel;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Consumer;
import java.util.function.Function;
import org.eclipse.jetty.util.Blocker;
import org.eclipse.jetty.util.Callback;
import org.eclipse.jetty.websocket.core.CloseStatus;
import org.eclipse.jetty.websocket.core.CoreSession;
import org.eclipse.jetty.websocket.core.Frame;
import org.eclipse.jetty.websocket.core.FrameHandler;
import org.eclipse.jetty.websocket.core.OpCode;
import org.jspecify.annotations.Nullable;

/**
 * The adapter to Jetty's websocket core. Frames come one by one, the next only after we ask for it;
 * a frame larger than {@link #PIECE_BYTES} comes in pieces, so that no announced length makes us
 * allocate.
 */
final class WebSocketLink implements FrameHandler, Link {
  /** The most of a frame that is held at once, in bytes. */
  static final int PIECE_BYTES = 64 * 1024;

  /** How long a close frame may wait for its answer before TCP is closed. */
  static final Duration CLOSE_LIMIT = Duration.ofSeconds(1);

  private final Function<Link, ServerSession> opener;
  private final Consumer<ServerSession> onStart;
  private final Consumer<ServerSession> onEnd;
  private final ScheduledExecutorService timer;
  private final AtomicBoolean closing = new AtomicBoolean();
  private volatile @Nullable CoreSession core;
  private volatile @Nullable ServerSession session;

  WebSocketLink(
      Function<Link, ServerSession> opener,
      Consumer<ServerSession> onStart,
      Consumer<ServerSession> onEnd,
      ScheduledExecutorService timer) {
    this.opener = opener;
    this.onStart = onStart;
    this.onEnd = onEnd;
    this.timer = timer;
  }

  // Jetty calls these one after the other.

  @Override
  public void onOpen(CoreSession opened, Callback callback) {
    opened.setIdleTimeout(Duration.ZERO); // the session has its own watch, which data cannot fool
    opened.setAutoFragment(true);
    opened.setMaxFrameSize(PIECE_BYTES);
    core = opened;
    var started = opener.apply(this);
    session = started;
    onStart.accept(started);
    callback.succeeded();
    opened.demand();
  }

  @Override
  public void onFrame(Frame frame, Callback callback) {
    var open = session;
    boolean readOn = true;
    if (open != null && !closing.get()) {
      switch (frame.getOpCode()) {
        case OpCode.BINARY, OpCode.CONTINUATION ->
            readOn = open.onPiece(frame.getPayload(), frame.isFin());
        case OpCode.PING -> open.onPing(copy(frame.getPayload()));
        case OpCode.PONG -> open.onPong();
        case OpCode.TEXT -> open.end(UNSUPPORTED, "text frame");
        default -> {} // a close frame is answered by Jetty
      }
    }
    callback.succeeded();
    if (readOn) {
      readOn();
    }
  }

  @Override
  public void onError(Throwable cause, Callback callback) {
    callback.succeeded(); // onClosed follows, with the reason
  }

  @Override
  public void onClosed(CloseStatus status, Callback callback) {
    closing.set(true);
    var open = session;
    if (open != null) {
      open.end(status.getCode(), "websocket closed: " + status.getCode());
      onEnd.accept(open);
    }
    callback.succeeded();
  }

  private static ByteBuffer copy(ByteBuffer payload) {
    return ByteBuffer.allocate(payload.remaining()).put(payload.duplicate()).flip();
  }

  // The writer thread calls these.

  @Override
  public void send(ByteBuffer message) throws IOException {
    send(new Frame(OpCode.BINARY, message));
  }

  @Override
  public void ping() throws IOException {
    send(new Frame(OpCode.PING));
  }

  @Override
  public void pong(ByteBuffer payload) throws IOException {
    send(new Frame(OpCode.PONG, payload));
  }

  private void send(Frame frame) throws IOException {
    try (var sent = Blocker.callback()) {
      opened().sendFrame(frame, sent, false);
      sent.block();
    }
  }

  @Override
  public void readOn() {
    if (!opened().isClosed()) {
      opened().demand();
    }
  }

  @Override
  public void close(int code, String reason) {
    if (closing.compareAndSet(false, true)) {
      var open = opened();
      open.close(code, reason, Callback.NOOP);
      try {
        var _ = timer.schedule(open::abort, CLOSE_LIMIT.toMillis(), TimeUnit.MILLISECONDS);
      } catch (RejectedExecutionException e) {
        open.abort(); // the server stops
      }
    }
  }

  private CoreSession opened() {
    var open = core;
    if (open == null) {
      throw new IllegalStateException("websocket not open");
    }
    return open;
  }
}
