package io.drover.server.tunnel;

import io.drover.proto.handshake.ConnectParams;
import io.drover.proto.tunnel.Message;
import io.drover.proto.tunnel.Message.AddClient;
import io.drover.proto.tunnel.Message.Close;
import io.drover.proto.tunnel.Message.Connect;
import io.drover.proto.tunnel.Message.Data;
import io.drover.proto.tunnel.Message.Malformed;
import io.drover.proto.tunnel.Message.Pause;
import io.drover.proto.tunnel.Message.RemoveClient;
import io.drover.proto.tunnel.Message.Resume;
import io.drover.proto.tunnel.Message.SyncConnections;
import io.drover.proto.tunnel.Message.Unknown;
import io.drover.proto.tunnel.MessageCodec;
import io.drover.proto.tunnel.ProtocolException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.atomic.LongAdder;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One websocket of an agent, from 101 to its end. The server opens streams, the agent never does.
 *
 * <p>The methods {@code on…} are for the websocket's reading thread and do not wait.
 */
public final class ServerSession implements Session {
  /** Streams of one session; {@link #open} fails beyond. */
  static final int MAX_STREAMS = 4096;

  /** Unread bytes of all streams of one session; the fullest stream is closed beyond. */
  static final long MAX_UNREAD_BYTES = 64L * 1024 * 1024;

  /** Answers to data of unknown streams, a second; more are not answered. */
  static final int MAX_REFUSALS = 64;

  /** What a stream's end is told when its session is gone. Source: remotedialer. */
  static final String DISCONNECTED = "tunnel disconnect";

  /** Source: remotedialer {@code session.go}: the first id is 2. */
  private static final long FIRST_ID = 2;

  private static final Logger log = LoggerFactory.getLogger(ServerSession.class);

  private final String id = UUID.randomUUID().toString();
  private final SessionKey key;
  private final @Nullable ConnectParams params;
  private final Link link;
  private final ScheduledExecutorService timer;
  private final Timing timing;
  private final Outbox outbox;
  private final MessageAssembler assembler = new MessageAssembler(this::onMessage);
  private final Map<Long, SessionStream> streams = new ConcurrentHashMap<>();
  private final AtomicLong unreadBytes = new AtomicLong();
  private final AtomicBoolean ended = new AtomicBoolean();
  private final ReentrantLock openLock = new ReentrantLock();
  // Guarded by openLock.
  private long nextId = FIRST_ID;

  private final long startedNanos = System.nanoTime();
  private final LongAdder receivedBytes = new LongAdder();
  private final LongAdder sentBytes = new LongAdder();
  private volatile long lastSignNanos = System.nanoTime();
  private volatile long lastFrameNanos = System.nanoTime();
  private volatile boolean obeysPause;

  /** The stream that keeps the websocket from being read, if any. */
  private final AtomicReference<@Nullable SessionStream> stalled = new AtomicReference<>();

  // Of the reading thread.
  private long refusalsSinceNanos = System.nanoTime();
  private final Set<Long> refused = new HashSet<>();
  private boolean wait;

  ServerSession(
      SessionKey key,
      @Nullable ConnectParams params,
      Link link,
      ScheduledExecutorService timer,
      Timing timing) {
    this.key = key;
    this.params = params;
    this.link = link;
    this.timer = timer;
    this.timing = timing;
    this.outbox = new Outbox(timing);
  }

  /** Starts the writer and the watch over silence. */
  void start() {
    Thread.ofVirtual().name("session-" + key + "-writer").start(this::write);
    watch();
  }

  /** Names this session among those of all servers. */
  public String id() {
    return id;
  }

  @Override
  public SessionKey key() {
    return key;
  }

  @Override
  public Optional<ConnectParams> params() {
    return Optional.ofNullable(params);
  }

  /**
   * What it carries and has carried.
   *
   * @param receivedBytes of messages, without what TLS and frames add
   */
  public record Traffic(
      SessionKey key,
      Duration age,
      boolean isHealthy,
      int streams,
      long receivedBytes,
      long sentBytes) {}

  /** What it carries now. */
  Traffic traffic() {
    return new Traffic(
        key,
        Duration.ofNanos(System.nanoTime() - startedNanos),
        isHealthy(),
        streams.size(),
        receivedBytes.sum(),
        sentBytes.sum());
  }

  /** Whether frames came of late. */
  public boolean isHealthy() {
    return !ended.get() && System.nanoTime() - lastFrameNanos < timing.healthy().toNanos();
  }

  @Override
  public boolean isEnded() {
    return ended.get();
  }

  /**
   * As {@link Session#open}, up to {@link #MAX_STREAMS}.
   *
   * @throws IllegalArgumentException if the target is longer than {@link Connect#MAX_TARGET_BYTES}
   */
  @Override
  public TunnelStream open(String network, String address) throws IOException {
    int targetBytes = (network + "/" + address).getBytes(StandardCharsets.UTF_8).length;
    if (targetBytes > Connect.MAX_TARGET_BYTES) {
      throw new IllegalArgumentException("target too long: bytes=" + targetBytes);
    }
    openLock.lock();
    try {
      if (ended.get()) {
        throw new IOException(DISCONNECTED);
      }
      if (streams.size() >= MAX_STREAMS) {
        throw new IOException("too many streams: limit=" + MAX_STREAMS);
      }
      long id = nextId++;
      var received = new ReceiveBuffer(unreadBytes, () -> resume(id));
      var stream = new SessionStream(id, this, received, outbox);
      streams.put(id, stream);
      try {
        outbox.open(new Connect(id, network, address));
      } catch (IOException e) {
        streams.remove(id);
        throw e;
      }
      if (ended.get()) {
        stream.onAbort(DISCONNECTED, false); // the end came in between and may have missed it
        throw new IOException(DISCONNECTED);
      }
      log.debug("stream opened: session={} stream={} target={}/{}", key, id, network, address);
      return stream;
    } finally {
      openLock.unlock();
    }
  }

  /** How many streams are open. */
  public int streamCount() {
    return streams.size();
  }

  long unreadBytes() {
    return unreadBytes.get();
  }

  boolean knows(SessionStream stream) {
    return streams.get(stream.id()) == stream;
  }

  void close(SessionStream stream) {
    if (streams.remove(stream.id(), stream)) {
      stream.onLocalClose();
      unstall(stream);
    }
  }

  void abort(SessionStream stream, String reason) {
    if (streams.remove(stream.id(), stream)) {
      stream.onAbort(reason, true);
      unstall(stream);
    } else {
      stream.onAbort(reason, true); // a closed one may still linger
    }
  }

  TunnelStream.Limit schedule(Duration delay, Runnable action) {
    var task = timer.schedule(action, delay.toNanos(), TimeUnit.NANOSECONDS);
    return () -> task.cancel(false);
  }

  private void resume(long id) {
    var stream = streams.get(id);
    if (stream != null) {
      agreeOnPause(stream);
      unstall(stream);
    }
  }

  /**
   * Tells the agent whether to pause. The reading thread and the stream's reader may be here at the
   * same time, so whoever speaks looks again afterwards: else a Pause could go out after the Resume
   * that took it back, and the stream would stand still for ever.
   */
  private void agreeOnPause(SessionStream stream) {
    boolean paused;
    do {
      paused = stream.received().paused();
      if (!outbox.pausing(stream.id(), paused)) {
        end(Link.POLICY, "control messages not read");
        return;
      }
    } while (paused != stream.received().paused());
  }

  // Reading thread from here on.

  /**
   * A piece of a binary message.
   *
   * @return false if nothing more may be read until {@link Link#readOn} is called
   */
  boolean onPiece(ByteBuffer piece, boolean last) {
    lastFrameNanos = System.nanoTime();
    receivedBytes.add(piece.remaining());
    wait = false;
    try {
      assembler.accept(piece, last);
    } catch (ProtocolException e) {
      end(Link.PROTOCOL_ERROR, String.valueOf(e.getMessage()));
    } catch (MessageTooLongException e) {
      end(Link.TOO_BIG, String.valueOf(e.getMessage()));
    }
    return !wait;
  }

  void onPing(ByteBuffer payload) {
    sign();
    outbox.pong(payload);
  }

  void onPong() {
    sign();
    outbox.onPong();
  }

  private void sign() {
    lastFrameNanos = System.nanoTime();
    lastSignNanos = lastFrameNanos;
  }

  private void onMessage(Message message) {
    switch (message) {
      case Data(var id, var payload) -> onData(id, payload);
      case Close(var id, var reason) -> onClose(id, reason);
      case Pause(var id) -> {
        obeysPause = true;
        pausedByAgent(id, true);
        if (!outbox.onPause(id)) {
          end(Link.POLICY, "too many pauses");
        }
      }
      case Resume(var id) -> {
        obeysPause = true;
        pausedByAgent(id, false);
        outbox.onResume(id);
      }
      case SyncConnections(var ids) -> {
        obeysPause = true; // every library that sends it does
        onList(new HashSet<>(ids));
      }
      case Connect connect -> refuse(connect.streamId(), "connect not allowed");
      case Malformed(var id, var type, var problem) -> {
        log.debug("message refused: session={} type={} problem={}", key, type, problem);
        if (type == 2) { // Connect, which the agent must not send in any form
          refuse(id, problem);
        }
      }
      case AddClient _, RemoveClient _, Unknown _ ->
          log.debug("message ignored: session={} message={}", key, message);
    }
  }

  private void pausedByAgent(long id, boolean paused) {
    var stream = streams.get(id);
    if (stream != null) {
      stream.received().pausedByAgent(paused);
    }
  }

  private void onData(long id, ByteBuffer payload) {
    var stream = streams.get(id);
    if (stream == null) {
      if (!outbox.knows(id)) {
        refuse(id, "connection not found " + key + "/0/" + id);
      }
      return;
    }
    switch (stream.received().put(payload)) {
      case FINE -> {}
      case PAUSE -> agreeOnPause(stream);
      case FULL -> onFull(stream);
    }
    if (unreadBytes.get() > MAX_UNREAD_BYTES) {
      streams.values().stream()
          .max(Comparator.comparingInt(s -> s.received().unreadBytes()))
          .ifPresent(fullest -> abort(fullest, "receive buffer limit"));
    }
  }

  /** An agent that knows Pause has had its warning; an old one is slowed down as a whole. */
  private void onFull(SessionStream stream) {
    if (obeysPause) {
      log.warn("stream closed: session={} stream={} reason=unread limit", key, stream.id());
      abort(stream, "receive buffer limit");
    } else if (stalled.compareAndSet(null, stream)) {
      wait = true; // whoever takes the stream out of stalled calls readOn, exactly once
      log.warn("session not read: session={} stream={} reason=unread limit", key, stream.id());
      var _ =
          timer.schedule(
              () -> {
                if (stalled.get() == stream) {
                  log.warn("stream closed: session={} stream={} reason=stalled", key, stream.id());
                  abort(stream, "receive buffer limit");
                }
              },
              timing.stall().toNanos(),
              TimeUnit.NANOSECONDS);
    }
  }

  private void unstall(SessionStream stream) {
    if (stalled.compareAndSet(stream, null)) {
      link.readOn();
    }
  }

  private void onClose(long id, String reason) {
    var stream = streams.remove(id);
    if (stream != null) {
      log.debug("stream closed by agent: session={} stream={} reason={}", key, id, reason);
      stream.onClose(reason);
      unstall(stream);
    } else {
      outbox.drop(id, null);
    }
  }

  /** Closes what the agent no longer knows, but nothing whose Connect may have crossed its list. */
  private void onList(Set<Long> listed) {
    for (var stream : List.copyOf(streams.values())) {
      if (stream.onListed(listed.contains(stream.id()), timing.syncGrace().toNanos())
          && streams.remove(stream.id(), stream)) {
        log.info("stream closed: session={} stream={} reason=not in list", key, stream.id());
        stream.received().end("sync from client");
        outbox.drop(stream.id(), Close.END_OF_FILE);
      }
    }
  }

  /** Answers at most once an id and {@link #MAX_REFUSALS} times a second. */
  private void refuse(long id, String reason) {
    long now = System.nanoTime();
    if (now - refusalsSinceNanos > TimeUnit.SECONDS.toNanos(1)) {
      refusalsSinceNanos = now;
      refused.clear();
    }
    if (refused.size() < MAX_REFUSALS
        && refused.add(id)
        && !streams.containsKey(id)
        && !outbox.say(new Close(id, reason))) {
      end(Link.POLICY, "control messages not read");
    }
  }

  // Writer thread.

  private void write() {
    try {
      while (true) {
        var next = outbox.take();
        switch (next) {
          case null -> {
            return;
          }
          case Outgoing.Binary(var message) -> {
            var bytes = MessageCodec.encode(message);
            sentBytes.add(bytes.remaining());
            link.send(bytes);
          }
          case Outgoing.Ping() -> link.ping();
          case Outgoing.Pong(var payload) -> link.pong(payload);
        }
      }
    } catch (IOException e) {
      end(Link.GOING_AWAY, "write failed: " + e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  // Timer thread.

  private void watch() {
    if (ended.get()) {
      return;
    }
    long left = timing.silence().toNanos() - (System.nanoTime() - lastSignNanos);
    if (left <= 0) {
      end(Link.GOING_AWAY, "no ping for " + timing.silence().toSeconds() + " s");
    } else {
      var _ = timer.schedule(this::watch, left, TimeUnit.NANOSECONDS);
    }
  }

  /** Ends the session with all its streams and closes the websocket. Any thread; never waits. */
  void end(int closeCode, String reason) {
    if (ended.compareAndSet(false, true)) {
      log.info("session ended: session={} streams={} reason={}", key, streams.size(), reason);
      outbox.end();
      for (var stream : List.copyOf(streams.values())) {
        streams.remove(stream.id());
        stream.received().end(DISCONNECTED);
      }
      stalled.set(null);
      link.close(closeCode, reason);
    }
  }
}
