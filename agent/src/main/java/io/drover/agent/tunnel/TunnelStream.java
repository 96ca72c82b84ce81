package io.drover.agent.tunnel;

import io.drover.agent.tunnel.DialAudit.Dialled;
import io.drover.agent.tunnel.DialAudit.Ender;
import io.drover.agent.tunnel.Timer.Task;
import io.drover.proto.tunnel.Message.Close;
import io.drover.proto.tunnel.Message.Connect;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One TCP connection in the tunnel: dials it, copies both ways, and tells the peer and the audit
 * once how it ended.
 *
 * <pre>
 *   DIALING ──dialled──▶ OPEN ──end of either side──▶ CLOSED
 *      └────failed, or closed by the peer──────────────▲
 * </pre>
 *
 * <p>The thread {@code <tunnel>-<id>} dials and then reads the local socket as long as the stream
 * lives; a second one writes to it, only while there is something to write. There is no half-close
 * on this wire: the end of one direction ends the other.
 */
final class TunnelStream {
  /** Source: the time after which users give up; the Go agent takes 60 s. */
  static final Duration DIAL_LIMIT = TcpDialer.LIMIT;

  /** What the peer sent before its end is written to a slow local socket for so long. */
  static final Duration FLUSH_LIMIT = Duration.ofSeconds(30);

  /** A local socket that takes nothing more may still have an answer for us; for so long. */
  static final Duration ANSWER_LIMIT = Duration.ofSeconds(10);

  /** What an idle stream holds ready to read into, in bytes. */
  private static final int IDLE_READ_BYTES = 1024;

  private static final Logger log = LoggerFactory.getLogger(TunnelStream.class);

  private enum State {
    DIALING,
    OPEN,
    CLOSED
  }

  private final TunnelSession session;
  private final Connect connect;
  private final Optional<String> rule;
  private final long startNanos;
  private volatile boolean owesAnswer = true;
  private final AtomicLong sentBytes = new AtomicLong();
  private final AtomicLong receivedBytes = new AtomicLong();
  private final Lane lane;
  private final ReceiveBuffer received;
  private final Dial dial = new Dial();
  private final ReentrantLock lock = new ReentrantLock();

  // Guarded by lock. The channel is set once, with OPEN.
  private State state = State.DIALING;
  private @Nullable SocketChannel channel;
  private @Nullable String peersReason; // once the peer has ended the stream
  private @Nullable Task deadline;

  /**
   * Makes one that is not dialled yet.
   *
   * @param rule that allows it; empty: none does, and it must not be started
   */
  TunnelStream(TunnelSession session, Connect connect, Optional<String> rule) {
    this.session = session;
    this.connect = connect;
    this.rule = rule;
    this.startNanos = session.timer().nanoTime();
    this.lane = session.outbox().lane(connect.streamId());
    this.received = new ReceiveBuffer(session.budget());
  }

  long id() {
    return connect.streamId();
  }

  boolean isAllowed() {
    return rule.isPresent();
  }

  /** It is not started, and the peer is told so by somebody else. */
  void refused(String reason) {
    log.debug("stream refused: stream={} reason={}", id(), reason);
    over(Ender.AGENT, reason);
  }

  Lane lane() {
    return lane;
  }

  /** Whether the server was the last to say something: its wish to dial, or data. */
  boolean owesAnswer() {
    return owesAnswer;
  }

  /** What is received and not yet written, in bytes. */
  long receivedBytes() {
    return received.usedBytes();
  }

  /** Begins to dial, in a thread of its own. */
  void start() {
    setDeadline(DIAL_LIMIT, () -> dialFailed("dial tcp " + connect.address() + ": i/o timeout"));
    thread().start(this::run);
  }

  // ---- called by the reader thread: nothing here waits for anything

  void onData(ByteBuffer payload) {
    owesAnswer = true;
    switch (received.put(payload)) {
      case NOTHING -> {}
      case PAUSE_PEER -> tellPeer();
      case SLOW_DOWN -> session.slowDown();
      case OVERFLOW -> overflow();
    }
    drainIfNeeded();
  }

  void onPause() {
    boolean weHoldPeer = received.isPaused();
    session.check(session.outbox().pausedByPeer(lane, weHoldPeer));
    if (weHoldPeer && !received.isPaused()) {
      session.outbox().probeIfHeld(lane); // let go meanwhile: the probe is not begun elsewhere
    }
  }

  void onResume() {
    session.outbox().resumedByPeer(lane);
  }

  /** The peer has ended the stream; what it sent before is still written. */
  void onClose(Close close) {
    session.outbox().discard(lane);
    received.end();
    SocketChannel toClose = null;
    boolean deliver;
    lock.lock();
    try {
      if (state == State.CLOSED) {
        return;
      }
      peersReason = close.reason();
      // Data right behind the Connect and the end right behind the data: dial on, deliver, close.
      deliver = !received.isEmpty() && (state == State.OPEN || close.isClean());
      if (!deliver) {
        state = State.CLOSED;
        toClose = channel;
      }
    } finally {
      lock.unlock();
    }
    log.debug(
        "stream closed by server: stream={} reason={}", id(), WireTrace.printable(close.reason()));
    if (!deliver) {
      release(toClose);
      over(Ender.SERVER, close.reason());
    } else {
      setDeadline(
          FLUSH_LIMIT,
          () ->
              giveUp(
                  Ender.AGENT, "the target did not take all in " + FLUSH_LIMIT.toSeconds() + " s"));
    }
  }

  /** Frees this stream's memory because all streams together hold too much. */
  void overflow() {
    endNow("receive buffer limit");
  }

  /** The session is over: nothing can be said any more. */
  void onSessionEnd(String reason) {
    session.outbox().discard(lane);
    giveUp(Ender.TUNNEL, reason);
  }

  // ---- the stream's own threads

  private void run() {
    SocketChannel dialled;
    try {
      dialled = session.dialer().dial(connect.network(), connect.address(), dial);
    } catch (IOException e) {
      dialFailed(String.valueOf(e.getMessage()));
      return;
    } finally {
      session.dialEnded();
    }
    boolean readsToo;
    lock.lock();
    try {
      if (state == State.CLOSED) {
        closeQuietly(dialled);
        return;
      }
      channel = dialled;
      state = State.OPEN;
      readsToo = peersReason == null;
      if (readsToo) {
        clearDeadline();
      }
    } finally {
      lock.unlock();
    }
    session.counters().dialled();
    log.debug("stream opened: stream={} address={}", id(), connect.address());
    drainIfNeeded();
    if (readsToo) {
      copyToPeer(dialled);
    }
  }

  private void copyToPeer(SocketChannel in) {
    try {
      while (true) {
        int room = session.outbox().room(lane);
        var chunk = read(in, room);
        if (chunk == null) {
          end(Ender.TARGET, Close.END_OF_FILE);
          return;
        }
        owesAnswer = false;
        sentBytes.addAndGet(chunk.remaining());
        session.outbox().say(lane, chunk);
      }
    } catch (IOException e) {
      end(Ender.TARGET, "read tcp " + connect.address() + ": " + reason(e));
    } catch (InterruptedException e) {
      end(Ender.AGENT, "interrupted");
      Thread.currentThread().interrupt();
    }
  }

  /**
   * What is there to read, at most {@code room} bytes, or null at the end. An idle stream waits
   * with a small buffer; it grows only once there is something to put into it.
   */
  private static @Nullable ByteBuffer read(SocketChannel in, int room) throws IOException {
    int ready = in.socket().getInputStream().available();
    var chunk = ByteBuffer.allocate(Math.clamp(ready, IDLE_READ_BYTES, room));
    if (in.read(chunk) < 0) {
      return null;
    }
    if (!chunk.hasRemaining() && chunk.capacity() == IDLE_READ_BYTES) {
      int more = Math.min(in.socket().getInputStream().available(), room - chunk.capacity());
      if (more > 0) {
        chunk = ByteBuffer.allocate(IDLE_READ_BYTES + more).put(chunk.flip());
        in.read(chunk); // its end, if it is that, is met again at the next read
      }
    }
    return chunk.flip();
  }

  private void drainIfNeeded() {
    SocketChannel out;
    lock.lock();
    try {
      out = state == State.OPEN ? channel : null;
    } finally {
      lock.unlock();
    }
    if (out != null && received.startDraining()) {
      var open = out;
      thread().start(() -> copyFromPeer(open));
    }
  }

  private void copyFromPeer(SocketChannel out) {
    try {
      for (var chunk = received.next(); chunk != null; chunk = received.next()) {
        while (chunk.hasRemaining()) {
          receivedBytes.addAndGet(out.write(chunk));
        }
        if (received.resumesPeer()) {
          tellPeer();
        }
      }
    } catch (IOException e) {
      received.discard();
      received.next(); // nothing: gives the turn back
      var problem = "write tcp " + connect.address() + ": " + reason(e);
      if (peersReason() == null) {
        setDeadline(ANSWER_LIMIT, () -> end(Ender.TARGET, problem));
        return;
      }
    }
    var reason = peersReason();
    if (reason != null) {
      giveUp(Ender.SERVER, reason);
    } else if (received.resumesPeer()) {
      tellPeer();
    }
  }

  /**
   * Says whether the peer is to go on. Reader and writer may both be at it; whoever speaks last
   * looks once more, so that the last word is the right one.
   */
  private void tellPeer() {
    boolean paused;
    do {
      paused = received.isPaused();
      session.check(paused ? session.outbox().pausePeer(lane) : session.outbox().resumePeer(lane));
    } while (paused != received.isPaused());
  }

  // ---- ends: the first cause wins

  private void dialFailed(String reason) {
    if (end(Ender.TARGET, reason)) {
      session.counters().dialFailed();
    } else {
      giveUp(Ender.TARGET, reason); // what the peer has sent before its end goes nowhere
    }
  }

  /** Ends the stream from this side, behind all its data. False if it has ended before. */
  private boolean end(Ender ender, String reason) {
    SocketChannel toClose;
    lock.lock();
    try {
      if (state == State.CLOSED || peersReason != null) {
        return false;
      }
      state = State.CLOSED;
      toClose = channel;
    } finally {
      lock.unlock();
    }
    log.debug("stream ended: stream={} reason={}", id(), WireTrace.printable(reason));
    session.outbox().end(lane, new Close(id(), reason));
    release(toClose);
    over(ender, reason);
    return true;
  }

  private void endNow(String reason) {
    SocketChannel toClose;
    lock.lock();
    try {
      if (state == State.CLOSED) {
        return;
      }
      state = State.CLOSED;
      toClose = channel;
    } finally {
      lock.unlock();
    }
    log.warn("stream ended: stream={} reason={}", id(), reason);
    session.check(session.outbox().abort(lane, new Close(id(), reason)));
    release(toClose);
    session.forget(id());
    over(Ender.AGENT, reason);
  }

  /** Closes without a word to the peer. */
  private void giveUp(Ender ender, String reason) {
    SocketChannel toClose;
    boolean isNew;
    lock.lock();
    try {
      isNew = state != State.CLOSED;
      state = State.CLOSED;
      toClose = channel;
    } finally {
      lock.unlock();
    }
    release(toClose);
    if (isNew) {
      over(ender, reason);
    }
  }

  /** To be called once, by whoever closed the stream. */
  private void over(Ender ender, String reason) {
    var duration = Duration.ofNanos(session.timer().nanoTime() - startNanos);
    session
        .audit()
        .dialOver(
            new Dialled(
                id(),
                connect.network(),
                connect.address(),
                rule,
                sentBytes.get(),
                receivedBytes.get(),
                duration,
                ender,
                reason));
  }

  private void release(@Nullable SocketChannel toClose) {
    clearDeadline();
    dial.cancel();
    received.discard();
    if (toClose != null) {
      closeQuietly(toClose);
    }
  }

  private @Nullable String peersReason() {
    lock.lock();
    try {
      return peersReason;
    } finally {
      lock.unlock();
    }
  }

  private void setDeadline(Duration limit, Runnable atLimit) {
    lock.lock();
    try {
      clearDeadline();
      if (state != State.CLOSED) {
        deadline = session.timer().after(limit, atLimit);
      }
    } finally {
      lock.unlock();
    }
  }

  private void clearDeadline() {
    lock.lock();
    try {
      if (deadline != null) {
        deadline.cancel();
        deadline = null;
      }
    } finally {
      lock.unlock();
    }
  }

  private Thread.Builder thread() {
    return Thread.ofVirtual().name(session.name() + "-" + id());
  }

  private static String reason(IOException e) {
    var message = String.valueOf(e.getMessage());
    return switch (message) {
      case "Connection reset" -> "connection reset by peer";
      case "Broken pipe" -> "broken pipe";
      default -> message;
    };
  }

  static void closeQuietly(SocketChannel channel) {
    try {
      channel.close();
    } catch (IOException e) {
      log.debug("close failed: reason={}", e.toString());
    }
  }
}
