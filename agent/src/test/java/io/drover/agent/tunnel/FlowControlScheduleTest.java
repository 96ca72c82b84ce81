package io.drover.agent.tunnel;

import static org.assertj.core.api.Assertions.assertThat;

import io.drover.agent.tunnel.FlowControlModel.Stuck;
import io.drover.agent.tunnel.Outbox.Item;
import io.drover.proto.tunnel.Message;
import io.drover.proto.tunnel.Message.Data;
import io.drover.proto.tunnel.Message.Pause;
import io.drover.proto.tunnel.Message.Resume;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.List;
import java.util.Queue;
import java.util.Random;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * The classes that {@link FlowControlModel} is a model of, with their real marks and sizes, against
 * a Go peer that is played: many schedules by chance, each the same at each run. Whatever came
 * before, all must be delivered once everybody does his part again.
 */
@Timeout(120)
class FlowControlScheduleTest {
  private static final int SCHEDULES = 200;
  private static final int STEPS_BY_CHANCE = 2_000;

  /** A stream on which nothing more happens in so many rounds is stuck. */
  private static final int ROUNDS = 5_000;

  private static final int CHUNK_BYTES = 32 * 1024;
  private static final long EACH_WAY_BYTES = 12L * 1024 * 1024;

  /** On the way each way, in messages. */
  private static final int ON_THE_WAY = 16;

  private static final long STREAM = 2;

  /** What travels: a message, a ping or its pong. */
  private sealed interface Sent {
    record Said(Message message) implements Sent {}

    record Ping() implements Sent {}

    record Pong() implements Sent {}
  }

  /**
   * One stream at a Go peer; source: remotedialer's {@code back_pressure.go}, {@code readbuffer.go}
   * and {@code connection.go}, v0.6.1.
   */
  private static final class GoPeer {
    static final int MAX_BUFFER = 1 << 21;

    private final Queue<Sent> in;
    private final Queue<Sent> out;
    private boolean paused;
    private boolean writerWaits;
    private long buffered;
    private long mostBuffered;
    private long read;
    private long written;

    GoPeer(Queue<Sent> in, Queue<Sent> out) {
      this.in = in;
      this.out = out;
    }

    private boolean canWrite() {
      return out.size() < ON_THE_WAY;
    }

    /** Its read loop, which writes Pause and Pong itself, and waits while it cannot. */
    void receive() {
      if (!canWrite()) {
        return;
      }
      switch (in.poll()) {
        case Sent.Ping _ -> out.add(new Sent.Pong());
        case Sent.Said(Data(_, var payload)) -> {
          buffered += payload.remaining();
          mostBuffered = Math.max(mostBuffered, buffered);
          if (buffered > MAX_BUFFER && !paused) {
            out.add(new Sent.Said(new Pause(STREAM)));
            paused = true;
          }
        }
        case Sent.Said(Pause _) -> paused = true;
        case Sent.Said(Resume _) -> {
          paused = false;
          writerWaits = false;
        }
        case null -> {}
        default -> throw new IllegalStateException();
      }
    }

    void read(int bytes) {
      if (buffered == 0 || !canWrite()) {
        return;
      }
      long now = Math.min(bytes, buffered);
      buffered -= now;
      read += now;
      if (buffered < MAX_BUFFER / 8 && paused) {
        out.add(new Sent.Said(new Resume(STREAM)));
        paused = false; // and wakes nobody
      }
    }

    void write() {
      if (written == EACH_WAY_BYTES || writerWaits || !canWrite()) {
        return;
      }
      if (paused) {
        writerWaits = true;
        return;
      }
      out.add(new Sent.Said(new Data(STREAM, ByteBuffer.allocate(CHUNK_BYTES))));
      written += CHUNK_BYTES;
    }
  }

  /** The same at our end: what {@link TunnelStream} does with its parts, in one thread. */
  private static final class OurEnd {
    private final ManualTimer timer = new ManualTimer();
    private final Outbox outbox = new Outbox(timer);
    private final Lane lane = outbox.lane(STREAM);
    private final ReceiveBuffer received =
        new ReceiveBuffer(new BufferBudget(), new ArrayPool(ReceiveBuffer.KEPT_BYTES));
    private final Queue<Sent> in;
    private final Queue<Sent> out;
    private boolean writing;
    private long read;
    private long written;

    OurEnd(Queue<Sent> in, Queue<Sent> out) {
      this.in = in;
      this.out = out;
    }

    void receive() {
      switch (in.poll()) {
        case Sent.Pong _ -> outbox.onPong();
        case Sent.Said(Data(_, var payload)) -> {
          switch (received.put(payload)) {
            case PAUSE_PEER -> tellPeer();
            case OVERFLOW -> throw new AssertionError("receive buffer limit");
            case NOTHING, SLOW_DOWN -> {}
          }
        }
        case Sent.Said(Pause _) ->
            assertThat(outbox.pausedByPeer(lane, received.isPaused())).isTrue();
        case Sent.Said(Resume _) -> outbox.resumedByPeer(lane);
        case null -> {}
        default -> throw new IllegalStateException();
      }
    }

    private void tellPeer() {
      assertThat(received.isPaused() ? outbox.pausePeer(lane) : outbox.resumePeer(lane)).isTrue();
    }

    /** The target takes a chunk. */
    void read() {
      writing = writing || received.startDraining();
      if (!writing) {
        return;
      }
      var chunk = received.next();
      writing = chunk != null;
      if (chunk != null) {
        read += chunk.remaining();
      }
      if (received.resumesPeer()) {
        tellPeer();
      }
    }

    /** The target says a chunk. */
    void write() {
      if (written < EACH_WAY_BYTES && lane.queuedBytes < CHUNK_BYTES) {
        outbox.say(lane, ByteBuffer.allocate(CHUNK_BYTES));
        written += CHUNK_BYTES;
      }
    }

    void send() {
      if (out.size() >= ON_THE_WAY) {
        return;
      }
      switch (OutboxTest.poll(outbox)) {
        case Item.Say(var message) -> out.add(new Sent.Said(message));
        case Item.Ping _ -> out.add(new Sent.Ping());
        case null -> {}
        default -> throw new IllegalStateException();
      }
    }
  }

  /** One schedule. */
  private static final class Schedule {
    private final Random random;
    private final Stuck stuck;
    private final OurEnd ours;
    private final GoPeer go;
    private final List<Runnable> steps;

    Schedule(long seed, Stuck stuck) {
      this.random = new Random(seed);
      this.stuck = stuck;
      var toGo = new ArrayDeque<Sent>();
      var toUs = new ArrayDeque<Sent>();
      ours = new OurEnd(toUs, toGo);
      go = new GoPeer(toGo, toUs);
      steps =
          List.of(
              ours::receive,
              ours::write,
              ours::send,
              go::receive,
              go::write,
              this::ourTargetReads,
              this::goReads,
              () -> ours.timer.advance(Duration.ofMillis(random.nextInt(20))));
    }

    private void ourTargetReads() {
      if (stuck != Stuck.OUR_READER) {
        ours.read();
      }
    }

    private void goReads() {
      if (stuck != Stuck.GO_READER) {
        go.read(CHUNK_BYTES);
      }
    }

    private boolean isDelivered() {
      boolean toGo = go.read == EACH_WAY_BYTES;
      boolean toUs = ours.read == EACH_WAY_BYTES;
      return switch (stuck) {
        case NOBODY -> toGo && toUs;
        case OUR_READER -> toGo;
        case GO_READER -> toUs;
      };
    }

    /** Some do much and others nothing for a while; then everybody does something in turn. */
    boolean run() {
      for (int i = 0; i < STEPS_BY_CHANCE; ) {
        var step = steps.get(random.nextInt(steps.size()));
        for (int times = random.nextInt(100); times >= 0; times--, i++) {
          step.run();
        }
      }
      for (int i = 0; i < ROUNDS && !isDelivered(); i++) {
        steps.forEach(Runnable::run);
      }
      return isDelivered();
    }
  }

  @ParameterizedTest
  @EnumSource
  void allIsDeliveredWhateverCameBefore(Stuck stuck) {
    for (long seed = 0; seed < SCHEDULES; seed++) {
      var schedule = new Schedule(seed, stuck);
      assertThat(schedule.run()).as("delivered: seed=%d", seed).isTrue();
      assertThat(schedule.go.mostBuffered)
          .as("bytes in the peer's buffer: seed=%d", seed)
          .isLessThan(GoPeer.MAX_BUFFER + Outbox.UNCONFIRMED_BYTES);
    }
  }
}
