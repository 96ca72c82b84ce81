package io.drover.agent.tunnel;

import io.drover.agent.tunnel.DialAudit.Dialled;
import io.drover.agent.tunnel.DialAudit.Ender;
import io.drover.agent.tunnel.LocalSockets.LocalSocket;
import io.drover.agent.tunnel.ReceiveBuffer.Demand;
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
 * <p>The thread {@code <tunnel>-<id>} dials, and ends with that. What comes from the peer is
 * written by the tunnel's reader as far as the local socket has room; the rest, and all reading, is
 * the thread's of {@link LocalSockets}. There is no half-close on this wire: the end of one
 * direction ends the other.
 */
final class TunnelStream implements LocalSockets.Handler {
  /** Source: the time after which users give up; the Go agent takes 60 s. */
  static final Duration DIAL_LIMIT = TcpDialer.LIMIT;

  /** What the peer sent before its end is written to a slow local socket for so long. */
  static final Duration FLUSH_LIMIT = Duration.ofSeconds(30);

  /** A local socket that takes nothing more may still have an answer for us; for so long. */
  static final Duration ANSWER_LIMIT = Duration.ofSeconds(10);

  /** What is written to one stream before the others have their turn, in bytes. */
  static final int WRITE_TURN_BYTES = 256 * 1024;

  private static final String BUFFER_LIMIT = "receive buffer limit";

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

  // Guarded by lock. The socket is set once, with OPEN.
  private State state = State.DIALING;
  private @Nullable LocalSocket socket;
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
    this.received = new ReceiveBuffer(session.budget(), session.arrays());
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

  /** What is received and not yet written, in bytes of memory. */
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
    var demand = received.put(payload);
    switch (demand) {
      case NOTHING, SLOW_DOWN -> {}
      case PAUSE_PEER -> tellPeer();
      case OVERFLOW -> overflow();
    }
    drainIfNeeded();
    if (demand == Demand.SLOW_DOWN && !received.isEmpty()) {
      session.slowDown(); // but not for what goes out at once, however many others stand still
    }
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

  /**
   * The peer has ended the stream; what it sent before is still written. Returns whether there is
   * any of it; then {@link TunnelSession#flushed} follows.
   */
  boolean onClose(Close close) {
    session.outbox().discard(lane);
    received.end();
    LocalSocket toClose = null;
    boolean deliver;
    lock.lock();
    try {
      if (state == State.CLOSED) {
        return false;
      }
      peersReason = close.reason();
      // Data right behind the Connect and the end right behind the data: dial on, deliver, close.
      deliver = !received.isEmpty() && (state == State.OPEN || close.isClean());
      if (!deliver) {
        state = State.CLOSED;
        toClose = socket;
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
    return deliver;
  }

  /** Frees this stream's memory because all streams together hold too much. */
  void overflow() {
    if (peersReason() == null) {
      endNow(BUFFER_LIMIT);
    } else {
      log.warn("stream cut before its end: stream={} reason={}", id(), BUFFER_LIMIT);
      giveUp(Ender.AGENT, BUFFER_LIMIT);
    }
  }

  /** The session is over: nothing can be said any more. */
  void onSessionEnd(String reason) {
    session.outbox().discard(lane);
    giveUp(Ender.TUNNEL, reason);
  }

  // ---- the thread that dials

  private void run() {
    LocalSocket dialled;
    try {
      var channel = session.dialer().dial(connect.network(), connect.address(), dial);
      dialled = session.sockets().add(channel, this);
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
        dialled.close();
        return;
      }
      socket = dialled;
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
      dialled.startReading();
    }
  }

  // ---- the thread of all local sockets

  @Override
  public void readable(LocalSocket from, ByteBuffer into) {
    var outbox = session.outbox();
    int room = outbox.room(lane);
    if (room == 0) {
      from.stopReading(); // first, so that a call that comes at once is not undone
      outbox.awaitRoom(lane, from::startReading);
    } else if (room == Outbox.OVER) {
      from.stopReading();
    } else {
      read(from, into.limit(Math.min(room, into.capacity())));
    }
  }

  private void read(LocalSocket from, ByteBuffer into) {
    try {
      int count = from.read(into);
      if (count < 0) {
        end(Ender.TARGET, Close.END_OF_FILE);
      } else if (count > 0) {
        owesAnswer = false;
        sentBytes.addAndGet(count);
        session.outbox().say(lane, into.flip());
      }
    } catch (IOException e) {
      end(Ender.TARGET, "read tcp " + connect.address() + ": " + reason(e));
    }
  }

  @Override
  public void writable(LocalSocket to) {
    write(to);
  }

  @Override
  public void broken(RuntimeException bug) {
    log.error("stream broken, which is a bug: stream={}", id(), bug);
    endNow("internal error");
  }

  // ---- whoever has the turn to write: dialler, reader, or the thread of all local sockets

  private void drainIfNeeded() {
    LocalSocket out;
    lock.lock();
    try {
      out = state == State.OPEN ? socket : null;
    } finally {
      lock.unlock();
    }
    if (out != null && received.startDraining()) {
      write(out);
    }
  }

  private void write(LocalSocket to) {
    int left = WRITE_TURN_BYTES;
    try {
      for (var chunk = received.next(); chunk != null; chunk = received.next()) {
        int count = to.write(chunk);
        receivedBytes.addAndGet(count);
        left -= count;
        if (chunk.hasRemaining() || left <= 0) {
          received.putBack(chunk);
          to.awaitWritable(); // and the turn stays there
          return;
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
    LocalSocket toClose;
    lock.lock();
    try {
      if (state == State.CLOSED || peersReason != null) {
        return false;
      }
      state = State.CLOSED;
      toClose = socket;
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
    LocalSocket toClose;
    lock.lock();
    try {
      if (state == State.CLOSED) {
        return;
      }
      state = State.CLOSED;
      toClose = socket;
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
    LocalSocket toClose;
    boolean isNew;
    lock.lock();
    try {
      isNew = state != State.CLOSED;
      state = State.CLOSED;
      toClose = socket;
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

  private void release(@Nullable LocalSocket toClose) {
    clearDeadline();
    dial.cancel();
    received.discard();
    if (toClose != null) {
      toClose.close();
    }
    session.flushed(this);
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
