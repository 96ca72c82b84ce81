package io.drover.agent.tunnel;

import io.drover.proto.tunnel.Message;
import io.drover.proto.tunnel.Message.Close;
import io.drover.proto.tunnel.Message.Data;
import io.drover.proto.tunnel.Message.Pause;
import io.drover.proto.tunnel.Message.Resume;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.HashSet;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * All that a session says, and the one place that decides in which order.
 *
 * <p>Whatever is not data goes first, in its own order. Then come the streams, in turn by deficit
 * round robin: a stream that has just begun to talk is heard once before those that talk on, so
 * that a short answer never waits for a bulk transfer. The end of a stream stays behind its data.
 * How much data is let go at one time is the {@link FlightWindow}'s to say.
 *
 * <p><b>Held streams.</b> The peer's Pause stops a stream's data, and only that. But a Go peer
 * keeps one flag for both directions: after its own Pause it stops writing to us and never wakes up
 * by itself. So every Pause is answered with a Resume, which frees it, and from then on we ask by
 * probing whether it has room: a little data, and a ping behind it. If the peer is still full it
 * sends Pause before it answers the ping. If the answer comes first, the stream is released. While
 * we hold the peer ourselves there is no such answer (it would free what we just stopped), and it
 * cannot pause us: so not more is said than its buffer takes. Its reader then says Resume on its
 * own as soon as it has room, if it still knows of our Pause. It may have forgotten that, so it is
 * reminded before the last of these bytes. Source: remotedialer {@code back_pressure.go}; {@code
 * FlowControlModelTest} shows that each of these rules is needed.
 *
 * <p>One thread {@link #take}s, and waits for something to say; any other may do the rest, which
 * never waits.
 */
final class Outbox {
  /** Messages that are not data; more means that the peer has stopped reading, and it is over. */
  static final int CONTROL_LIMIT = 65_536;

  /** What a stream may say in its turn while others wait, in bytes. */
  static final int QUANTUM_BYTES = 16 * 1024;

  /** The largest message of data, in bytes; taken when a stream is alone. */
  static final int MAX_DATA_BYTES = 64 * 1024;

  /** What one stream may have queued, in bytes, while the budget lasts. */
  static final int LANE_BYTES = 128 * 1024;

  /** What a stream may always queue, however little of the budget is left, in bytes. */
  static final int FLOOR_BYTES = 4 * 1024;

  /** What all streams together have queued before each is cut down to the floor, in bytes. */
  static final int BUDGET_BYTES = 8 * 1024 * 1024;

  /**
   * What we say on a stream while the peer is paused by us and cannot pause us, in bytes. Source:
   * remotedialer's {@code MaxBuffer}, at which it would have.
   */
  static final int UNCONFIRMED_BYTES = 2 * 1024 * 1024;

  /** Arrays that wait for the next bulk, in bytes: as much as some thirty streams queue. */
  private static final int KEPT_BYTES = 4 * 1024 * 1024;

  /** Of {@link #room}: the stream or the session has ended. */
  static final int OVER = -1;

  static final Duration FIRST_PROBE = Duration.ofMillis(5);
  static final Duration LAST_PROBE = Duration.ofSeconds(1);
  static final int PROBE_BYTES = 16 * 1024;

  /** After so many probes in vain a probe is a single byte. */
  static final int FULL_PROBES = 3;

  /** The next thing to say. */
  sealed interface Item {
    record Say(Message message) implements Item {}

    record Ping() implements Item {}

    record Pong(ByteBuffer payload) implements Item {}
  }

  private final Timer timer;
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition work = lock.newCondition();

  // Guarded by lock.
  private final Queue<Item> control = new ArrayDeque<>();
  private final ArrayDeque<Lane> fresh = new ArrayDeque<>();
  private final ArrayDeque<Lane> waiting = new ArrayDeque<>();
  private final ArrayDeque<Lane> probes = new ArrayDeque<>();
  private final Set<Lane> awaitingPong = new HashSet<>();
  private @Nullable ByteBuffer pong;
  private final FlightWindow flight = new FlightWindow();
  private final ArrayPool pool = new ArrayPool(KEPT_BYTES);
  private @Nullable ByteBuffer spent; // what was taken last, if nothing is left of its chunk
  private long queuedBytes;
  private long pingsSent;
  private long pongsReceived;
  private boolean pingQueued;
  private boolean pingWanted;
  private boolean closed;

  Outbox(Timer timer) {
    this.timer = timer;
  }

  /** A place for a new stream. */
  Lane lane(long streamId) {
    return new Lane(streamId);
  }

  /**
   * Says something that is not data, before any data.
   *
   * @return false if there was no room: the session must end
   */
  boolean sayNow(Message message) {
    lock.lock();
    try {
      if (closed) {
        return true; // nobody listens any more
      }
      if (control.size() >= CONTROL_LIMIT) {
        return false;
      }
      control.add(new Item.Say(message));
      work.signal();
      return true;
    } finally {
      lock.unlock();
    }
  }

  /** Sends a ping as soon as possible. Pings that have not left yet are not doubled. */
  void ping() {
    lock.lock();
    try {
      queuePing();
    } finally {
      lock.unlock();
    }
  }

  /** Answers a ping; of several that wait only the last is answered, as RFC 6455 5.5.3 allows. */
  void pong(ByteBuffer payload) {
    lock.lock();
    try {
      pong = payload;
      work.signal();
    } finally {
      lock.unlock();
    }
  }

  /**
   * How many bytes the stream may queue now, at least {@link #FLOOR_BYTES}; 0: none now, see {@link
   * #awaitRoom}; {@link #OVER}: never again.
   */
  int room(Lane lane) {
    lock.lock();
    try {
      if (lane.dead || closed || lane.end != null) {
        return OVER;
      }
      int limit = laneLimit();
      if (lane.isEmpty() || lane.queuedBytes < limit) {
        return Math.max(FLOOR_BYTES, Math.min(MAX_DATA_BYTES, limit - lane.queuedBytes));
      }
      return 0;
    } finally {
      lock.unlock();
    }
  }

  /**
   * Calls once when the stream may queue data: at once, or later from the thread that {@link
   * #take}s. Not when the stream has ended.
   *
   * @param then must be quick and take no lock of ours
   */
  void awaitRoom(Lane lane, Runnable then) {
    lock.lock();
    try {
      lane.atRoom = then;
      if (room(lane) > 0) {
        callAtRoom(lane);
      }
    } finally {
      lock.unlock();
    }
  }

  private static void callAtRoom(Lane lane) {
    var then = lane.atRoom;
    if (then != null) {
      lane.atRoom = null;
      then.run();
    }
  }

  /**
   * Queues a copy of data for which {@link #room} gave leave. Dropped if the stream has ended
   * meanwhile.
   */
  void say(Lane lane, ByteBuffer bytes) {
    int size = bytes.remaining();
    // Copied without the lock, which is worth it where it takes time.
    var chunk = size < ArrayPool.MIN_BYTES ? null : chunk(bytes, size);
    lock.lock();
    try {
      if (lane.dead || lane.end != null || closed) {
        return;
      }
      if (chunk != null) {
        lane.add(chunk);
      } else if (!lane.join(bytes)) {
        // Alone it has what it needs. Where more than one waits, tiny ones share an array, or they
        // would cost many times their bytes, which are all that the limits count.
        lane.add(chunk(bytes, lane.isEmpty() ? size : ArrayPool.MIN_BYTES));
      }
      queuedBytes += size;
      queueLane(lane);
    } finally {
      lock.unlock();
    }
  }

  private ByteBuffer chunk(ByteBuffer bytes, int capacity) {
    return ByteBuffer.wrap(pool.take(capacity)).put(bytes).flip();
  }

  /** Ends a stream, behind all its data. Does nothing if it has ended. */
  void end(Lane lane, Close close) {
    lock.lock();
    try {
      if (lane.dead || lane.end != null || closed) {
        return;
      }
      lane.end = close;
      lane.atRoom = null;
      queueLane(lane);
    } finally {
      lock.unlock();
    }
  }

  /** Forgets what a stream still wanted to say, and wakes it. */
  void discard(Lane lane) {
    lock.lock();
    try {
      lane.dead = true;
      queuedBytes -= lane.queuedBytes;
      lane.discard();
      lane.end = null;
      lane.atRoom = null;
      awaitingPong.remove(lane);
    } finally {
      lock.unlock();
    }
  }

  /** Ends a stream at once: {@link #discard}, and the reason is said now. False as in sayNow. */
  boolean abort(Lane lane, Close close) {
    discard(lane);
    return sayNow(close);
  }

  /**
   * The peer wants no more data of this stream for now.
   *
   * @param weHoldPeer whether we have paused the peer on the same stream: then it is not freed
   */
  boolean pausedByPeer(Lane lane, boolean weHoldPeer) {
    boolean resumed = true;
    lock.lock();
    try {
      if (lane.dead) {
        return true;
      }
      if (lane.barrier != 0) {
        lane.failedProbes++;
        lane.barrier = 0;
        awaitingPong.remove(lane);
      }
      lane.held = true;
    } finally {
      lock.unlock();
    }
    if (!weHoldPeer) {
      resumed = sayNow(new Resume(lane.streamId));
      scheduleProbe(lane);
    }
    return resumed;
  }

  /** The peer has room again, or says so without having said Pause; both are welcome. */
  void resumedByPeer(Lane lane) {
    lock.lock();
    try {
      release(lane);
    } finally {
      lock.unlock();
    }
  }

  /**
   * Tells the peer to stop. From now on what we say to it is unconfirmed.
   *
   * @return false as in {@link #sayNow}
   */
  boolean pausePeer(Lane lane) {
    lock.lock();
    try {
      confirmUpToHere(lane, 1);
      return sayNow(new Pause(lane.streamId));
    } finally {
      lock.unlock();
    }
  }

  /**
   * Tells the peer to go on: what we say is confirmed again, and a probe is in order.
   *
   * @return false as in {@link #sayNow}
   */
  boolean resumePeer(Lane lane) {
    lock.lock();
    try {
      confirmUpToHere(lane, 0); // or it might be reminded of a Pause that is over
      if (!sayNow(new Resume(lane.streamId))) {
        return false;
      }
    } finally {
      lock.unlock();
    }
    probeIfHeld(lane);
    return true;
  }

  /** A stream that the peer has paused while we held the peer is asked about after that. */
  void probeIfHeld(Lane lane) {
    boolean probe;
    lock.lock();
    try {
      probe = lane.held && lane.barrier == 0;
    } finally {
      lock.unlock();
    }
    if (probe) {
      scheduleProbe(lane);
    }
  }

  private static void confirmUpToHere(Lane lane, int unconfirmedBytes) {
    lane.unconfirmedBytes = unconfirmedBytes;
    lane.reminded = false;
  }

  /** A pong came. Pongs come in the order of the pings; their payload means nothing. */
  void onPong() {
    lock.lock();
    try {
      pongsReceived = Math.min(pongsReceived + 1, pingsSent);
      flight.onPong(pongsReceived, timer.nanoTime());
      work.signal();
      for (var lanes = awaitingPong.iterator(); lanes.hasNext(); ) {
        var lane = lanes.next();
        if (lane.barrier <= pongsReceived) {
          lanes.remove();
          release(lane);
        }
      }
      if (pingWanted || flight.isStuck()) {
        pingWanted = false;
        queuePing();
      }
    } finally {
      lock.unlock();
    }
  }

  /** How many pings are on their way. */
  long pingsUnanswered() {
    lock.lock();
    try {
      return pingsSent - pongsReceived;
    } finally {
      lock.unlock();
    }
  }

  /** For how long the oldest ping that is not answered has been on its way; zero if all are. */
  Duration oldestPing() {
    lock.lock();
    try {
      return flight.oldestPing(timer.nanoTime());
    } finally {
      lock.unlock();
    }
  }

  /** Data that is sent and of which no pong has said that it arrived, in bytes. */
  long bytesOnTheirWay() {
    lock.lock();
    try {
      return flight.bytesOnTheirWay();
    } finally {
      lock.unlock();
    }
  }

  /** The shortest way there and back seen lately; zero if none was measured. */
  Duration roundTrip() {
    lock.lock();
    try {
      return flight.roundTrip();
    } finally {
      lock.unlock();
    }
  }

  /** See {@link ArrayPool#trim}. */
  void trim() {
    pool.trim();
  }

  /** Data that waits for its turn, in bytes. */
  long queuedBytes() {
    lock.lock();
    try {
      return queuedBytes;
    } finally {
      lock.unlock();
    }
  }

  /** Nothing will be said any more. */
  void close() {
    lock.lock();
    try {
      closed = true;
      control.clear();
      work.signalAll();
    } finally {
      lock.unlock();
    }
  }

  /**
   * Waits for the next thing to say, or returns null once the outbox is closed. One thread only.
   * Data that was returned before is taken to be said: its bytes are of no use any more.
   */
  @Nullable Item take() throws InterruptedException {
    lock.lock();
    try {
      giveBackSpent();
      while (!closed) {
        var item = next();
        if (item != null) {
          return item;
        }
        work.await();
      }
      return null;
    } finally {
      lock.unlock();
    }
  }

  private @Nullable Item next() {
    if (pong != null) {
      var answer = new Item.Pong(pong);
      pong = null;
      return answer;
    }
    var first = control.poll();
    if (first instanceof Item.Ping) {
      pingQueued = false;
      pingsSent++;
      flight.onPing(pingsSent, timer.nanoTime());
    }
    if (first != null) {
      return first;
    }
    for (Lane lane = probes.poll(); lane != null; lane = probes.poll()) {
      if (!lane.dead && lane.held && lane.probeDue && !lane.isEmpty()) {
        return probe(lane);
      }
    }
    return flight.hasRoom() ? nextInTurn() : null;
  }

  private Item probe(Lane lane) {
    lane.probeDue = false;
    int bytes = lane.failedProbes < FULL_PROBES ? PROBE_BYTES : 1;
    lane.barrier = pingsSent + 1; // no ping is queued here, so the next one leaves behind the probe
    awaitingPong.add(lane);
    if (pingsSent > pongsReceived) {
      pingWanted = true; // one barrier at a time; the next ping leaves with the pong
    } else {
      queuePing();
    }
    var item = data(lane, bytes);
    if (lane.isEmpty() && lane.end != null) {
      queueLane(lane); // only data is held
    }
    return item;
  }

  private @Nullable Item nextInTurn() {
    while (true) {
      boolean isFresh = !fresh.isEmpty();
      var lane = isFresh ? fresh.peek() : waiting.peek();
      if (lane == null) {
        return null;
      }
      var queue = isFresh ? fresh : waiting;
      if (lane.dead || !lane.hasWork() || (lane.held && !lane.isEmpty())) {
        queue.remove();
        lane.turn = Lane.Turn.NONE;
        lane.deficitBytes = 0;
        continue;
      }
      if (lane.isEmpty()) {
        queue.remove();
        lane.turn = Lane.Turn.NONE;
        return farewell(lane);
      }
      if (lane.unconfirmedBytes > UNCONFIRMED_BYTES - MAX_DATA_BYTES && !lane.reminded) {
        lane.reminded = true;
        return new Item.Say(new Pause(lane.streamId));
      }
      if (fresh.size() + waiting.size() == 1) {
        lane.deficitBytes = 0; // no debt from when nobody else wanted to speak
        return data(lane, MAX_DATA_BYTES);
      }
      if (lane.deficitBytes <= 0) {
        lane.deficitBytes += QUANTUM_BYTES;
      }
      var item = data(lane, lane.deficitBytes);
      if (lane.deficitBytes <= 0 || lane.isEmpty()) {
        // To the back, even when it has said all: a stream that speaks often in small pieces
        // would otherwise be fresh for ever, and heard before all others.
        queue.remove();
        lane.turn = Lane.Turn.WAITING;
        waiting.add(lane);
      }
      return item;
    }
  }

  @SuppressWarnings("ByteBufferBackingArray") // made by say(), so it has one
  private void giveBackSpent() {
    if (spent != null) {
      pool.give(spent.array());
      spent = null;
    }
  }

  private Item data(Lane lane, int maxBytes) {
    boolean isLast = lane.firstBytes() <= maxBytes;
    var chunk = lane.take(maxBytes);
    if (isLast) {
      spent = chunk;
    }
    int bytes = chunk.remaining();
    queuedBytes -= bytes;
    lane.deficitBytes = Math.max(0, lane.deficitBytes - bytes);
    if (lane.unconfirmedBytes > 0) {
      lane.unconfirmedBytes += bytes;
      if (lane.unconfirmedBytes > UNCONFIRMED_BYTES) {
        lane.held = true;
      }
    }
    if (flight.onData(bytes)) {
      queuePing();
    }
    if (lane.isEmpty() || lane.queuedBytes < laneLimit() / 2) {
      callAtRoom(lane);
    }
    return new Item.Say(new Data(lane.streamId, chunk));
  }

  private Item farewell(Lane lane) {
    var close = lane.end;
    if (close == null) {
      throw new IllegalStateException("nothing to say: stream=" + lane.streamId);
    }
    lane.end = null;
    lane.dead = true;
    return new Item.Say(close);
  }

  private void queueLane(Lane lane) {
    if (lane.held && !lane.isEmpty()) {
      if (lane.probeDue) {
        probes.add(lane);
        work.signal();
      }
      return;
    }
    if (lane.turn == Lane.Turn.NONE) {
      lane.turn = Lane.Turn.FRESH;
      fresh.add(lane);
    }
    work.signal();
  }

  private void release(Lane lane) {
    lane.barrier = 0;
    awaitingPong.remove(lane);
    lane.failedProbes = 0;
    lane.probeDue = false;
    if (lane.unconfirmedBytes > 0) {
      confirmUpToHere(lane, 1);
    }
    lane.held = false;
    if (!lane.dead && lane.hasWork()) {
      queueLane(lane);
    }
  }

  private void queuePing() {
    if (!pingQueued) {
      pingQueued = true;
      control.add(new Item.Ping());
      work.signal();
    }
  }

  private void scheduleProbe(Lane lane) {
    Duration delay;
    lock.lock();
    try {
      if (lane.probeScheduled || lane.dead) {
        return;
      }
      lane.probeScheduled = true;
      delay = probeDelay(lane.failedProbes);
    } finally {
      lock.unlock();
    }
    timer.after(delay, () -> probeIsDue(lane));
  }

  static Duration probeDelay(int failedProbes) {
    var delay = FIRST_PROBE.multipliedBy(1L << Math.min(failedProbes, 20));
    return delay.compareTo(LAST_PROBE) < 0 ? delay : LAST_PROBE;
  }

  private void probeIsDue(Lane lane) {
    lock.lock();
    try {
      lane.probeScheduled = false;
      if (lane.dead || !lane.held) {
        return;
      }
      lane.probeDue = true;
      if (!lane.isEmpty()) {
        probes.add(lane);
        work.signal();
      }
    } finally {
      lock.unlock();
    }
  }

  /** Shrinks as the budget is used up, so that any number of held streams stays within it. */
  private int laneLimit() {
    long share = (BUDGET_BYTES - queuedBytes) / 4;
    return Math.clamp(share, FLOOR_BYTES, LANE_BYTES);
  }
}
