package io.drover.agent.tunnel;

import io.drover.agent.reason.Problem;
import io.drover.agent.reason.Reason;
import io.drover.agent.tunnel.Outbox.Item;
import io.drover.agent.tunnel.Timer.Task;
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
import java.io.IOException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One websocket's life: hands each message to its stream, and says what the streams have to say.
 *
 * <p>The {@code on…} methods are called by the transport's reader thread, which never waits or
 * dials here, and writes only what finds room at once. One thread of its own takes from the {@link
 * Outbox} and sends. A fault of one stream closes that stream; only bytes that are no message, a
 * lost websocket and silence end the session.
 */
final class TunnelSession implements Transport.Receiver {
  static final Duration PING_EVERY = Duration.ofSeconds(5);

  /** The Go agent's interval; its first list comes after one interval, too. */
  static final Duration SYNC_EVERY = Duration.ofSeconds(60);

  /**
   * Without any byte for so long, the session is dead. Go notices after 57 to 60 s. We ping every 5
   * s, and a server of Rancher's never, so that two answers may be lost or late; on a slow link
   * that is full of data, the data are bytes, too. Whoever asks for our health knows within 15 s.
   *
   * <p>Dead it is as well if that adds up in rests since the last pong: what the server says does
   * not prove that it hears us, and its questions, every 15 s, would hide that for a minute. No
   * pong can have been in line behind data, since in a rest there were none.
   */
  static final Duration SILENCE_LIMIT = Duration.ofSeconds(14);

  /** With more data than this on their way to the server, a ping may be late behind them. */
  static final int MAX_BYTES_BEFORE_PING = FlightWindow.MEASURING_BYTES;

  /** Without any pong for so long, it is dead although bytes come all the time, or go. */
  static final Duration PONG_LIMIT = Duration.ofSeconds(60);

  static final Duration WATCH_EVERY = Duration.ofSeconds(1);

  /** Arrays that nobody has wanted for so long, or up to twice that, are given up. */
  static final Duration TRIM_EVERY = Duration.ofSeconds(10);

  /** The soonest that it is looked again, when {@link #SILENCE_LIMIT} is near. */
  static final Duration SOONEST_WATCH = Duration.ofMillis(100);

  /**
   * A session that is to end does so when nothing has moved for so long and no target owes an
   * answer. Longer than a round trip, so that no request is on its way then, and than what people
   * notice.
   */
  static final Duration QUIET = Duration.ofMillis(500);

  /** Dials going on at one time; one more is refused. */
  static final int MAX_DIALS = 512;

  /**
   * Ids beyond the highest seen that a list of streams names, too, at least. A Connect that is on
   * its way while the list goes out is then not taken for a dead stream. 1 KiB a minute, where
   * 1,024 of them were three quarters of what an idle agent sent.
   */
  static final int MIN_SYNC_PADDING = 128;

  /** The same, at most: 128 KiB of a list. */
  static final int MAX_SYNC_PADDING = 16_384;

  /**
   * Between the two it is as many as came in this time, by the rate since the last list, or of a
   * minute: longer than both ends and the way take when they are busy.
   */
  private static final Duration SYNC_PADDING_TIME = Duration.ofSeconds(6);

  /**
   * A list waits while an older ping has no answer: what is on its way to us may be as old, and is
   * to fit into the padding. Twice that and a bit is the 6 s of the padding, there and back.
   */
  static final Duration LIST_WAY_LIMIT = Duration.ofSeconds(2);

  private static final ByteBuffer NO_BYTES = ByteBuffer.allocate(0);

  static final int NORMAL_CLOSE = 1000;
  static final int GOING_AWAY = 1001;

  private static final Logger log = LoggerFactory.getLogger(TunnelSession.class);
  private static final Logger wire = LoggerFactory.getLogger("io.drover.wire");

  private final String name;
  private final Dialer dialer;
  private final DialPolicy policy;
  private final DialAudit audit;
  private final Timer timer;
  private final Watchdog watchdog;
  private final LocalSockets sockets;
  private final TunnelCounters counters;
  private final Outbox outbox;
  private final BufferBudget budget = new BufferBudget();
  private final ArrayPool arrays = new ArrayPool(ReceiveBuffer.KEPT_BYTES); // of what is received
  private final UnknownStreams unknownStreams = new UnknownStreams();
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition streamEnded = lock.newCondition();

  // Guarded by lock.
  private final Map<Long, TunnelStream> streams = new HashMap<>();
  private final Set<TunnelStream> flushing = new HashSet<>(); // ended by the server, not yet by us
  private final GivenIds given = new GivenIds();
  private long streamsBegun;
  private final Set<Long> unlisted = new HashSet<>(); // of the streams, those that no list named
  private long listedBegun; // as the last list went out
  private int listedOpen;
  private long listedNanos;
  private int dialing;
  private @Nullable Problem ending;
  private @Nullable Task watch;
  private @Nullable Task sync;

  private volatile boolean listDue;
  private volatile @Nullable Transport transport;
  private volatile long lastPongNanos;
  private volatile long restedBeforePong; // in nanoseconds
  private volatile long lastMovedNanos; // payload or a new stream

  // Of the timer's thread.
  private long lastPingNanos;
  private long lastTrimNanos;
  private final ReadAhead readAhead;

  TunnelSession(
      String name,
      Dialer dialer,
      DialPolicy policy,
      DialAudit audit,
      Timer timer,
      Watchdog watchdog,
      LocalSockets sockets,
      TunnelCounters counters) {
    this.name = name;
    this.dialer = dialer;
    this.policy = policy;
    this.audit = audit;
    this.timer = timer;
    this.watchdog = watchdog;
    this.sockets = sockets;
    this.counters = counters;
    this.outbox = new Outbox(timer);
    this.readAhead = new ReadAhead(counters.receivedBytes(), timer.nanoTime());
  }

  /** The websocket is open: from now on things may be said. */
  void start(Transport opened) {
    transport = opened;
    restedBeforePong = opened.restedNanos();
    lastPongNanos = timer.nanoTime();
    lastPingNanos = lastPongNanos;
    lastTrimNanos = lastPongNanos;
    lastMovedNanos = lastPongNanos - QUIET.toNanos();
    counters.sessionOpened();
    Thread.ofPlatform().daemon().name(name + "-writer").start(() -> write(opened));
    lock.lock();
    try {
      listedNanos = lastPongNanos;
      if (ending == null) {
        watch = timer.after(WATCH_EVERY, this::watch);
        sync = timer.after(SYNC_EVERY, this::sync);
      }
    } finally {
      lock.unlock();
    }
  }

  /**
   * The websocket is gone: every stream ends, but what the server has sent before it ended one is
   * still written. Later calls do nothing.
   */
  void end(Problem why) {
    List<TunnelStream> orphans;
    lock.lock();
    try {
      if (ending != null) {
        return;
      }
      ending = why;
      orphans = new ArrayList<>(streams.values());
      streams.clear();
      unlisted.clear();
      streamEnded.signalAll();
      cancel(watch);
      cancel(sync);
    } finally {
      lock.unlock();
    }
    outbox.close();
    orphans.forEach(stream -> stream.onSessionEnd(why.message()));
  }

  /** Waits until all streams are over, or the session has ended, or for the limit. */
  void awaitNoStreams(Duration limit) throws InterruptedException {
    lock.lock();
    try {
      long endNanos = timer.nanoTime() + limit.toNanos();
      for (long left = limit.toNanos();
          ending == null && !(streams.isEmpty() && flushing.isEmpty()) && left > 0;
          left = endNanos - timer.nanoTime()) {
        streamEnded.awaitNanos(Math.min(left, WATCH_EVERY.toNanos()));
      }
    } finally {
      lock.unlock();
    }
  }

  /**
   * Says goodbye at a moment when no request is being answered, or at the limit. Waits for that.
   * New streams are taken until then: a server dials by its oldest session as long as that is open,
   * though the session of the replica that takes over is there already.
   *
   * @param why there is to be an end
   */
  void drain(Duration limit, Problem why) throws InterruptedException {
    lock.lock();
    try {
      long endNanos = timer.nanoTime() + limit.toNanos();
      while (ending == null) {
        long now = timer.nanoTime();
        long quietInNanos = lastMovedNanos + QUIET.toNanos() - now;
        long busy =
            flushing.size() + streams.values().stream().filter(TunnelStream::owesAnswer).count();
        if (quietInNanos <= 0 && busy == 0) {
          break;
        }
        if (endNanos - now <= 0) {
          log.info("streams cut at the drain limit: tunnel={} unanswered={}", name, busy);
          break;
        }
        long waitNanos = quietInNanos > 0 ? quietInNanos : QUIET.toNanos();
        streamEnded.awaitNanos(Math.min(waitNanos, endNanos - now));
      }
    } finally {
      lock.unlock();
    }
    close(GOING_AWAY, why);
  }

  /** Why the session ended, if this side ended it or knows better than the transport. */
  @Nullable Problem ending() {
    lock.lock();
    try {
      return ending;
    } finally {
      lock.unlock();
    }
  }

  int streamsOpen() {
    lock.lock();
    try {
      return streams.size();
    } finally {
      lock.unlock();
    }
  }

  /** Bytes that wait here, in either direction. */
  long queuedBytes() {
    var open = transport;
    return outbox.queuedBytes() + budget.usedBytes() + (open == null ? 0 : open.unsentBytes());
  }

  // ---- from the reader thread

  @Override
  public void onMessage(Message message) {
    if (wire.isTraceEnabled()) {
      wire.trace("<< {} {}", name, WireTrace.of(message));
    }
    switch (message) {
      case Connect connect -> open(connect);
      case Data(var id, var payload) -> receive(id, payload);
      case Close close -> closeStream(close);
      case Pause(var id) -> {
        counters.pausedByPeer();
        var stream = stream(id);
        if (stream != null) {
          stream.onPause();
        }
      }
      case Resume(var id) -> {
        var stream = stream(id);
        if (stream != null) {
          stream.onResume();
        }
      }
      case Malformed malformed -> refuse(malformed);
      // Sent between servers only, or from the future.
      case SyncConnections _, AddClient _, RemoveClient _, Unknown _ ->
          log.debug("message ignored: tunnel={} message={}", name, WireTrace.of(message));
    }
  }

  @Override
  public void onProtocolError(String problem) {
    close(FrameReader.PROTOCOL_ERROR, new Problem(Reason.PROTOCOL_ERROR, problem));
  }

  @Override
  public void onPing(ByteBuffer payload) {
    outbox.pong(payload);
  }

  @Override
  public void onPong() {
    var open = transport;
    if (open != null) {
      restedBeforePong = open.restedNanos();
    }
    lastPongNanos = timer.nanoTime();
    outbox.onPong();
    if (listDue) {
      listStreams();
    }
  }

  private void open(Connect connect) {
    var stream = new TunnelStream(this, connect, policy.rule(connect.network(), connect.address()));
    var refusal = register(stream, connect);
    if (refusal == null) {
      lastMovedNanos = timer.nanoTime();
      counters.streamOpened();
      stream.start();
    } else if (!refusal.isEmpty()) {
      counters.streamRefused();
      stream.refused(refusal);
      sayNow(new Close(connect.streamId(), refusal));
    }
  }

  /** Null if the stream is in; empty if there is nothing to say to the peer. */
  private @Nullable String register(TunnelStream stream, Connect connect) {
    lock.lock();
    try {
      given.came(connect.streamId());
      if (ending != null) {
        return "";
      }
      if (streams.containsKey(connect.streamId())) {
        // An answer would end the first stream of that id.
        log.warn("stream id already in use: tunnel={} stream={}", name, connect.streamId());
        return "";
      }
      if (!stream.isAllowed()) {
        return "connect not allowed";
      }
      if (streams.size() + flushing.size() >= sockets.max()) {
        return "too many streams";
      }
      if (dialing >= MAX_DIALS) {
        return "too many dials in progress";
      }
      streams.put(connect.streamId(), stream);
      unlisted.add(connect.streamId());
      streamsBegun++;
      dialing++;
      return null;
    } finally {
      lock.unlock();
    }
  }

  private void receive(long id, ByteBuffer payload) {
    counters.received(payload.remaining());
    var stream = stream(id);
    if (stream == null) {
      if (unknownStreams.answers(id, timer.nanoTime())) {
        sayNow(new Close(id, "connection not found client/0/" + id));
      }
      return;
    }
    lastMovedNanos = timer.nanoTime();
    stream.onData(payload);
    if (budget.isExhausted()) {
      endGreediest();
    }
  }

  private void closeStream(Close close) {
    TunnelStream stream;
    lock.lock();
    try {
      stream = takeOut(close.streamId());
      if (stream == null) {
        return;
      }
      flushing.add(stream);
    } finally {
      lock.unlock();
    }
    if (!stream.onClose(close)) {
      flushed(stream);
    }
  }

  private void refuse(Malformed malformed) {
    log.info("message refused: tunnel={} message={}", name, malformed);
    if (malformed.isConnect() && stream(malformed.streamId()) == null) {
      counters.streamRefused();
      sayNow(new Close(malformed.streamId(), malformed.problem()));
    }
  }

  private void endGreediest() {
    TunnelStream greediest;
    lock.lock();
    try {
      greediest =
          Stream.concat(streams.values().stream(), flushing.stream())
              .max(Comparator.comparingLong(TunnelStream::receivedBytes))
              .orElse(null);
    } finally {
      lock.unlock();
    }
    if (greediest != null) {
      greediest.overflow();
    }
  }

  // ---- the writer thread

  private void write(Transport to) {
    var work = watchdog.work(to::abort);
    work.start();
    try {
      work.pause();
      for (var item = outbox.take(); item != null; item = outbox.take()) {
        switch (item) {
          case Item.Say(var message) -> {
            work.begin();
            note(message);
            work.pause(); // what follows may wait for the server
            to.send(message);
            if (message instanceof Close(var id, _)) {
              forget(id);
            }
          }
          case Item.Ping _ -> to.ping();
          case Item.Pong(var payload) -> to.pong(payload);
        }
      }
    } catch (IOException e) {
      log.debug("writer ends: tunnel={} reason={}", name, e.toString());
      if (ending() == null) { // or else the websocket closes, and the goodbye is on its way
        to.abort();
      }
    } catch (InterruptedException e) {
      to.abort();
      Thread.currentThread().interrupt();
    } finally {
      work.end();
    }
  }

  private void note(Message message) {
    if (wire.isTraceEnabled()) {
      wire.trace(">> {} {}", name, WireTrace.of(message));
    }
    if (message instanceof Data(_, var payload) && payload.hasRemaining()) {
      counters.sent(payload.remaining());
      lastMovedNanos = timer.nanoTime();
    }
  }

  // ---- the timer's thread

  private void watch() {
    var open = transport;
    if (open == null) {
      return;
    }
    long now = timer.nanoTime();
    long silenceNanos = now - open.lastReceivedNanos();
    if (silenceNanos >= SILENCE_LIMIT.toNanos()) {
      die(
          open,
          Reason.TUNNEL_SILENT,
          "no byte from the server for " + SILENCE_LIMIT.toSeconds() + " s");
      return;
    }
    long restedNanos = open.restedNanos() - restedBeforePong;
    if (restedNanos >= SILENCE_LIMIT.toNanos()
        && outbox.bytesOnTheirWay() <= MAX_BYTES_BEFORE_PING) {
      die(
          open,
          Reason.TUNNEL_SILENT,
          "no answer to pings, and nothing else from the server for "
              + SILENCE_LIMIT.toSeconds()
              + " s in all");
      return;
    }
    if (now - lastPongNanos > PONG_LIMIT.toNanos()) {
      die(open, Reason.TUNNEL_SILENT, "no answer to pings for " + PONG_LIMIT.toSeconds() + " s");
      return;
    }
    if (now - lastPingNanos >= PING_EVERY.toNanos()) {
      lastPingNanos = now;
      outbox.ping();
    }
    if (now - lastTrimNanos >= TRIM_EVERY.toNanos()) {
      lastTrimNanos = now;
      arrays.trim();
      outbox.trim();
    }
    if (readAhead.update(counters.receivedBytes(), outbox.roundTrip(), now)) {
      open.readAhead(readAhead.bytes());
    }
    lock.lock();
    try {
      if (ending == null) {
        watch = timer.after(untilNextWatch(silenceNanos, restedNanos), this::watch);
      }
    } finally {
      lock.unlock();
    }
  }

  /** Sooner than usual if the silence may have lasted for its limit by then. */
  private static Duration untilNextWatch(long silenceNanos, long restedNanos) {
    long left = SILENCE_LIMIT.toNanos() - Math.max(silenceNanos, restedNanos);
    if (left <= 0 || left >= WATCH_EVERY.toNanos()) {
      return WATCH_EVERY;
    }
    return Duration.ofNanos(Math.max(left, SOONEST_WATCH.toNanos()));
  }

  private void die(Transport open, Reason reason, String message) {
    end(new Problem(reason, message));
    open.abort();
  }

  private void sync() {
    lock.lock();
    try {
      if (ending == null) {
        sync = timer.after(SYNC_EVERY, this::sync);
      }
    } finally {
      lock.unlock();
    }
    listDue = true;
    listStreams();
  }

  /**
   * Lists the streams, now or when pongs come in time again. Nothing has begun or ended since the
   * last list: then that still holds.
   *
   * <p>A Go server closes what is not listed, and does not say so. If that was a stream whose
   * Connect was still on its way, beyond the padding, it is dialled here all the same, and nobody
   * would ever end it. Once a list has named a stream no other can do that to it. So that is when
   * we ask, once: by data without a byte, which only a server that does not know the stream
   * answers, with Close. Source: remotedialer {@code session_sync.go} and {@code session_serve.go}.
   */
  private void listStreams() {
    if (outbox.oldestPing().compareTo(LIST_WAY_LIMIT) > 0) {
      return;
    }
    List<Long> ids;
    List<Long> named;
    lock.lock();
    try {
      if (ending != null || !listDue) {
        return;
      }
      listDue = false;
      long begun = streamsBegun - listedBegun;
      if (begun == 0 && streams.size() == listedOpen) {
        return;
      }
      long now = timer.nanoTime();
      int wanted = padding(begun, now - listedNanos);
      listedBegun = streamsBegun;
      listedOpen = streams.size();
      listedNanos = now;
      // Under the same lock as the opening of streams: none can be missing here.
      ids = new ArrayList<>(streams.size() + wanted);
      ids.addAll(streams.keySet());
      ids.addAll(given.takeSkipped());
      ids.sort(null);
      named = ids.stream().filter(unlisted::contains).toList();
      unlisted.clear();
      given.addNext(ids, wanted);
    } finally {
      lock.unlock();
    }
    sayNow(new SyncConnections(ids));
    // Last, so that the answer is of after all lists. Fewer than CONTROL_LIMIT, as streams are.
    named.forEach(id -> sayNow(new Data(id, NO_BYTES.duplicate())));
  }

  /** How many ids come next while a list is on its way, if so many came since the last one. */
  private static int padding(long begun, long sinceNanos) {
    long elapsed = Math.clamp(sinceNanos, 1, SYNC_EVERY.toNanos());
    double expected = (double) begun * SYNC_PADDING_TIME.toNanos() / elapsed;
    return (int) Math.clamp(expected, MIN_SYNC_PADDING, MAX_SYNC_PADDING);
  }

  // ---- for the streams

  String name() {
    return name;
  }

  Outbox outbox() {
    return outbox;
  }

  ArrayPool arrays() {
    return arrays;
  }

  BufferBudget budget() {
    return budget;
  }

  Dialer dialer() {
    return dialer;
  }

  LocalSockets sockets() {
    return sockets;
  }

  Timer timer() {
    return timer;
  }

  DialAudit audit() {
    return audit;
  }

  TunnelCounters counters() {
    return counters;
  }

  /** Says something that is not data. */
  void sayNow(Message message) {
    check(outbox.sayNow(message));
  }

  /** Rests the reader thread shortly, so that the network holds back what we cannot take. */
  void slowDown() {
    timer.sleep(budget.rest());
  }

  /** Ends the session if there was no room to say something. */
  void check(boolean said) {
    var open = transport;
    if (!said && open != null) {
      die(
          open,
          Reason.TUNNEL_STALLED,
          "server does not read: " + Outbox.CONTROL_LIMIT + " messages wait");
    }
  }

  /** A dial has come to its end, whatever that was. */
  void dialEnded() {
    lock.lock();
    try {
      dialing--;
    } finally {
      lock.unlock();
    }
  }

  /** The stream is over and the peer has been told. */
  void forget(long id) {
    lock.lock();
    try {
      takeOut(id);
      signalIfNoStreams();
    } finally {
      lock.unlock();
    }
  }

  /** A stream's target gets nothing more. */
  void flushed(TunnelStream stream) {
    lock.lock();
    try {
      if (flushing.remove(stream)) {
        signalIfNoStreams();
      }
    } finally {
      lock.unlock();
    }
  }

  /** Needs the lock. */
  private @Nullable TunnelStream takeOut(long id) {
    unlisted.remove(id);
    return streams.remove(id);
  }

  /** Needs the lock. */
  private void signalIfNoStreams() {
    if (streams.isEmpty() && flushing.isEmpty()) {
      streamEnded.signalAll();
    }
  }

  private @Nullable TunnelStream stream(long id) {
    lock.lock();
    try {
      return streams.get(id);
    } finally {
      lock.unlock();
    }
  }

  /** Ends the session from this side. Waits for the peer's answer, shortly. */
  void close(int code, Problem why) {
    var open = transport;
    end(why);
    if (open != null) {
      open.close(code, why.message());
    }
  }

  private static void cancel(@Nullable Task task) {
    if (task != null) {
      task.cancel();
    }
  }
}
