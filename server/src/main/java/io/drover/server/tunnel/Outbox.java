package io.drover.server.tunnel;

import io.drover.proto.tunnel.Message;
import io.drover.proto.tunnel.Message.Close;
import io.drover.proto.tunnel.Message.Connect;
import io.drover.proto.tunnel.Message.Data;
import io.drover.proto.tunnel.Message.Pause;
import io.drover.proto.tunnel.Message.Resume;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * All that one session has to say, and whose turn it is: control first, in order; then the streams
 * in turn, one chunk each. {@link #take} is for the writer thread; of the others only {@link #put}
 * waits.
 *
 * <p>A Go agent that sends Pause blocks its own writes on that stream until something comes from
 * us, and its later Resume may never come. So a Pause is answered with Resume at once; the stream
 * is then <em>held</em>, and from time to time one chunk of it goes out as a probe, with a ping
 * behind it. The agent answers in order: a Pause before the pong means that it is still congested,
 * the pong alone releases the stream. Source: remotedialer {@code back_pressure.go}, which keeps
 * one flag for both directions.
 */
final class Outbox {
  /** The largest Data that we send, in bytes, and a stream's share of each round. */
  static final int CHUNK_BYTES = 16 * 1024;

  /** Bytes of one stream that may wait here; {@link #put} blocks at it. */
  static final int LANE_BYTES = 64 * 1024;

  /** Control messages that may wait; an agent that lets more pile up is not reading. */
  static final int MAX_CONTROL = 4096;

  /** Pongs that may wait; in a flood of pings the oldest are dropped. */
  static final int MAX_PONGS = 64;

  /** Probes of a whole chunk; then it is one byte. */
  static final int LARGE_PROBES = 3;

  /**
   * Bytes that go out on a stream whose agent we have paused: in that state a Go agent does not ask
   * us to pause, however much it has unread.
   */
  static final long MAX_BYTES_WHILE_PAUSING = 2 * 1024 * 1024;

  private static final String CLOSED = "stream closed";

  /** One stream's part of the outbox. Guarded by the outbox's lock. */
  private static final class Lane {
    final long id;
    final Deque<ByteBuffer> chunks = new ArrayDeque<>();
    int bytes;
    @Nullable Connect connect;
    @Nullable String finish;
    long finishBy;
    boolean queued;
    boolean held;
    int probes;
    long probeAt;
    boolean probing;
    boolean pausing;
    long bytesWhilePausing;

    Lane(Connect connect) {
      this.id = connect.streamId();
      this.connect = connect;
    }

    boolean overrun() {
      return pausing && bytesWhilePausing >= MAX_BYTES_WHILE_PAUSING;
    }
  }

  private final Timing timing;
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition work = lock.newCondition();
  private final Condition space = lock.newCondition();
  // Guarded by lock.
  private final Map<Long, Lane> lanes = new HashMap<>();
  private final Deque<Outgoing> control = new ArrayDeque<>();
  private final Deque<Lane> turns = new ArrayDeque<>();
  private final Set<Lane> held = new HashSet<>();
  private final Set<Lane> probed = new HashSet<>();
  private final Set<Lane> beforePing = new HashSet<>();
  private boolean pingOut;
  private int pongs;
  private boolean ended;

  Outbox(Timing timing) {
    this.timing = timing;
  }

  /** A new stream; its Connect goes before its data. Callers keep the ids ascending. */
  void open(Connect connect) throws IOException {
    lock.lock();
    try {
      if (ended) {
        throw new IOException(ServerSession.DISCONNECTED);
      }
      var lane = new Lane(connect);
      lanes.put(lane.id, lane);
      queue(lane);
    } finally {
      lock.unlock();
    }
  }

  /**
   * Adds a copy of some bytes of a stream, and waits while too many of it are here.
   *
   * @throws IOException if the stream is closed, by whichever end
   */
  void put(long streamId, byte[] bytes, int offset, int length) throws IOException {
    int done = 0;
    lock.lock();
    try {
      while (done < length) {
        var lane = lanes.get(streamId);
        if (ended || lane == null || lane.finish != null) {
          throw new IOException(ended ? ServerSession.DISCONNECTED : CLOSED);
        }
        if (lane.bytes >= LANE_BYTES) {
          space.awaitUninterruptibly();
          continue;
        }
        int part = Math.min(CHUNK_BYTES, length - done);
        lane.chunks.add(
            ByteBuffer.allocate(part).put(bytes, offset + done, part).flip().asReadOnlyBuffer());
        lane.bytes += part;
        done += part;
        queue(lane);
      }
    } finally {
      lock.unlock();
    }
  }

  /** Closes a stream, after what was put; a held one after {@link Timing#linger} at the latest. */
  void finish(long streamId, String reason) {
    lock.lock();
    try {
      var lane = lanes.get(streamId);
      if (lane != null && lane.finish == null) {
        lane.finish = reason;
        lane.finishBy = System.nanoTime() + timing.linger().toNanos();
        queue(lane);
        space.signalAll();
      }
    } finally {
      lock.unlock();
    }
  }

  /** Forgets a stream and what is left of it, and says so to the agent if there is a reason. */
  void drop(long streamId, @Nullable String reason) {
    lock.lock();
    try {
      var lane = lanes.remove(streamId);
      if (lane != null) {
        forget(lane);
        if (reason != null) {
          control.add(new Outgoing.Binary(new Close(streamId, reason)));
          work.signal();
        }
      }
    } finally {
      lock.unlock();
    }
  }

  /** Whether something of this stream may still have to go out. */
  boolean knows(long streamId) {
    lock.lock();
    try {
      return lanes.containsKey(streamId);
    } finally {
      lock.unlock();
    }
  }

  /**
   * Adds a control message.
   *
   * @return false if there are more than {@link #MAX_CONTROL}
   */
  boolean say(Message message) {
    lock.lock();
    try {
      control.add(new Outgoing.Binary(message));
      work.signal();
      return control.size() <= MAX_CONTROL;
    } finally {
      lock.unlock();
    }
  }

  /** Answers a ping. */
  void pong(ByteBuffer payload) {
    lock.lock();
    try {
      if (pongs == MAX_PONGS) {
        control.removeIf(Outgoing.Pong.class::isInstance);
        pongs = 0;
      }
      pongs++;
      control.add(new Outgoing.Pong(payload));
      work.signal();
    } finally {
      lock.unlock();
    }
  }

  /**
   * The agent asked us to hold a stream.
   *
   * @return false if it asks so often that {@link #MAX_CONTROL} is passed
   */
  boolean onPause(long streamId) {
    lock.lock();
    try {
      var lane = lanes.get(streamId);
      if (lane == null) {
        return true;
      }
      lane.held = true;
      lane.probing = false;
      probed.remove(lane);
      beforePing.remove(lane);
      lane.probeAt = System.nanoTime() + delayNanos(lane.probes);
      held.add(lane);
      control.add(new Outgoing.Binary(new Resume(streamId)));
      if (lane.pausing) {
        control.add(new Outgoing.Binary(new Pause(streamId)));
      }
      work.signal();
      return control.size() <= MAX_CONTROL;
    } finally {
      lock.unlock();
    }
  }

  /** The agent takes the stream's data again. */
  void onResume(long streamId) {
    lock.lock();
    try {
      var lane = lanes.get(streamId);
      if (lane != null && lane.held) {
        probed.remove(lane);
        beforePing.remove(lane);
        release(lane);
      }
    } finally {
      lock.unlock();
    }
  }

  /** A pong came; ours are the only pings, so it is the barrier's, if one is out. */
  void onPong() {
    lock.lock();
    try {
      if (pingOut) {
        pingOut = false;
        for (var lane : beforePing) {
          release(lane);
        }
        beforePing.clear();
        work.signal();
      }
    } finally {
      lock.unlock();
    }
  }

  /**
   * We asked the agent to pause a stream, or to go on.
   *
   * @return false if {@link #MAX_CONTROL} is passed
   */
  boolean pausing(long streamId, boolean pausing) {
    lock.lock();
    try {
      var lane = lanes.get(streamId);
      if (lane == null || lane.finish != null) {
        return true; // closed in the meantime
      }
      if (pausing && !lane.pausing) {
        lane.bytesWhilePausing = 0;
      }
      lane.pausing = pausing;
      control.add(new Outgoing.Binary(pausing ? new Pause(streamId) : new Resume(streamId)));
      queue(lane);
      work.signal();
      return control.size() <= MAX_CONTROL;
    } finally {
      lock.unlock();
    }
  }

  /** Waits for what goes out next; null when the session has ended. */
  @Nullable Outgoing take() throws InterruptedException {
    lock.lockInterruptibly();
    try {
      while (!ended) {
        var next = next();
        if (next != null) {
          return next;
        }
        long waitNanos = nanosToNextProbe();
        if (waitNanos == Long.MAX_VALUE) {
          work.await();
        } else if (waitNanos > 0) {
          var _ = work.awaitNanos(waitNanos);
        }
      }
      return null;
    } finally {
      lock.unlock();
    }
  }

  private @Nullable Outgoing next() {
    var first = control.poll();
    if (first != null) {
      if (first instanceof Outgoing.Pong) {
        pongs--;
      }
      return first;
    }
    if (!pingOut && !probed.isEmpty()) {
      pingOut = true;
      beforePing.addAll(probed);
      probed.clear();
      return new Outgoing.Ping();
    }
    var probe = nextProbe();
    if (probe != null) {
      return probe;
    }
    while (true) {
      var lane = turns.poll();
      if (lane == null) {
        return null;
      }
      lane.queued = false;
      var message = nextOf(lane);
      if (message != null) {
        queue(lane);
        return new Outgoing.Binary(message);
      }
    }
  }

  private @Nullable Message nextOf(Lane lane) {
    if (lane.connect != null) {
      var connect = lane.connect;
      lane.connect = null;
      return connect;
    }
    if (!lane.chunks.isEmpty()) {
      return lane.held || lane.overrun() ? null : data(lane, CHUNK_BYTES);
    }
    return lane.finish == null ? null : close(lane, lane.finish);
  }

  private @Nullable Outgoing nextProbe() {
    long now = System.nanoTime();
    for (var lane : held) {
      if (lane.finish != null && now - lane.finishBy >= 0) {
        return new Outgoing.Binary(close(lane, lane.finish));
      }
      if (!lane.probing && !lane.chunks.isEmpty() && now - lane.probeAt >= 0) {
        lane.probing = true;
        probed.add(lane);
        lane.probes++;
        return new Outgoing.Binary(data(lane, lane.probes > LARGE_PROBES ? 1 : CHUNK_BYTES));
      }
    }
    return null;
  }

  private long nanosToNextProbe() {
    long now = System.nanoTime();
    long wait = Long.MAX_VALUE;
    for (var lane : held) {
      if (lane.finish != null) {
        wait = Math.min(wait, Math.max(0, lane.finishBy - now));
      }
      if (!lane.probing && !lane.chunks.isEmpty()) {
        wait = Math.min(wait, Math.max(0, lane.probeAt - now));
      }
    }
    return wait;
  }

  private Data data(Lane lane, int limitBytes) {
    var chunk = lane.chunks.getFirst();
    ByteBuffer part;
    if (chunk.remaining() <= limitBytes) {
      part = lane.chunks.removeFirst();
    } else {
      part = chunk.slice(chunk.position(), limitBytes);
      chunk.position(chunk.position() + limitBytes);
    }
    lane.bytes -= part.remaining();
    lane.bytesWhilePausing += part.remaining();
    space.signalAll();
    return new Data(lane.id, part);
  }

  private Close close(Lane lane, String reason) {
    lanes.remove(lane.id);
    forget(lane);
    return new Close(lane.id, reason);
  }

  private void forget(Lane lane) {
    lane.chunks.clear();
    lane.connect = null;
    lane.finish = null;
    turns.remove(lane);
    held.remove(lane);
    probed.remove(lane);
    beforePing.remove(lane);
    space.signalAll();
  }

  private void release(Lane lane) {
    lane.held = false;
    lane.probing = false;
    lane.probes = 0;
    held.remove(lane);
    queue(lane);
  }

  private void queue(Lane lane) {
    if (!lane.queued && lanes.containsKey(lane.id)) {
      boolean idle = lane.chunks.isEmpty() && lane.connect == null && lane.finish == null;
      if (!idle) {
        lane.queued = true;
        turns.add(lane);
      }
      work.signal();
    }
  }

  private long delayNanos(int probes) {
    long nanos = timing.firstProbe().toNanos() << Math.min(probes, 20);
    return Math.min(nanos, timing.lastProbe().toNanos());
  }

  /** The session has ended: everything is dropped, everyone is woken. */
  void end() {
    lock.lock();
    try {
      ended = true;
      lanes.clear();
      control.clear();
      turns.clear();
      held.clear();
      probed.clear();
      beforePing.clear();
      work.signalAll();
      space.signalAll();
    } finally {
      lock.unlock();
    }
  }
}
