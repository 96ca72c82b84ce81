package io.drover.agent.tunnel;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import io.drover.agent.tunnel.Outbox.Item;
import io.drover.proto.tunnel.Message.Close;
import io.drover.proto.tunnel.Message.Data;
import io.drover.proto.tunnel.Message.Pause;
import io.drover.proto.tunnel.Message.Resume;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(30)
class OutboxTest {
  private final ManualTimer timer = new ManualTimer();
  private final Outbox outbox = new Outbox(timer);
  private final Lane lane = outbox.lane(2);
  private final Lane other = outbox.lane(3);

  private void say(Lane to, int bytes) {
    outbox.say(to, ByteBuffer.allocate(bytes));
  }

  private @Nullable Item poll() {
    return poll(outbox);
  }

  /** What there is to say now, or null: take() only waits when there is nothing. */
  static @Nullable Item poll(Outbox outbox) {
    Thread.currentThread().interrupt();
    try {
      return outbox.take();
    } catch (InterruptedException e) {
      return null;
    } finally {
      Thread.interrupted();
    }
  }

  private List<String> everything() {
    var said = new ArrayList<String>();
    for (var item = poll(); item != null; item = poll()) {
      said.add(text(item));
    }
    return said;
  }

  /** Without the pings that go along with data. */
  private List<String> dataAndControl() {
    var said = new ArrayList<String>();
    for (var item = poll(); item != null; item = poll()) {
      if (item instanceof Item.Ping) {
        outbox.onPong();
      } else {
        said.add(text(item));
      }
    }
    return said;
  }

  private static String text(Item item) {
    return switch (item) {
      case Item.Ping _ -> "ping";
      case Item.Pong(var payload) -> "pong " + UTF_8.decode(payload);
      case Item.Say(Data(var id, var payload)) -> "data " + id + " " + payload.remaining();
      case Item.Say(Close(var id, var reason)) -> "close " + id + " " + reason;
      case Item.Say(Resume(var id)) -> "resume " + id;
      case Item.Say(Pause(var id)) -> "pause " + id;
      case Item.Say(var message) -> message.toString();
    };
  }

  private void hold(Lane held) {
    assertThat(outbox.pausedByPeer(held, false)).isTrue();
    assertThat(everything()).containsExactly("resume " + held.streamId);
  }

  /** A ping goes along with much data only, and the window for measuring is smaller than that. */
  @Test
  void asksWhatHasArrivedWhenTheWindowShrinksBelowWhatIsOnItsWay() {
    outbox.ping();
    assertThat(everything()).containsExactly("ping");
    timer.advance(Duration.ofMillis(100));
    outbox.onPong();
    timer.advance(FlightWindow.ROUND_TRIP_VALID.plusSeconds(1));
    outbox.ping();
    say(lane, 65_536);
    say(lane, 36_000);
    assertThat(everything()).containsExactly("ping", "data 2 65536", "data 2 36000");

    timer.advance(Duration.ofMillis(101));
    outbox.onPong();
    say(other, 1);

    assertThat(everything()).containsExactly("ping");
    outbox.onPong();
    assertThat(everything()).contains("data 3 1");
  }

  @Test
  void manyTinyPiecesThatWaitShareAFewArrays() {
    hold(lane);
    int said = 0;
    for (; outbox.room(lane) > 0; said++) {
      outbox.say(lane, ByteBuffer.wrap(new byte[] {(byte) said}));
    }
    assertThat(said).isEqualTo(Outbox.LANE_BYTES);

    outbox.resumedByPeer(lane);

    int next = 0;
    int pieces = 0;
    for (var item = poll(); next < said; item = poll()) {
      if (item instanceof Item.Say(Data(_, var payload))) {
        pieces++;
        while (payload.hasRemaining()) {
          assertThat(payload.get()).isEqualTo((byte) next++);
        }
      } else if (item instanceof Item.Ping) {
        outbox.onPong();
      }
    }
    assertThat(pieces).isLessThanOrEqualTo(2 + Outbox.LANE_BYTES / ArrayPool.MIN_BYTES);
    assertThat(outbox.queuedBytes()).isZero();
  }

  // ---- order

  @Test
  void saysPongThenControlThenData() {
    say(lane, 10);
    outbox.sayNow(new Pause(3));
    outbox.ping();
    outbox.pong(ByteBuffer.wrap("a".getBytes(UTF_8)));

    assertThat(everything()).containsExactly("pong a", "pause 3", "ping", "data 2 10");
  }

  @Test
  void doublesNeitherPingsNorPongs() {
    outbox.ping();
    outbox.ping();
    outbox.pong(ByteBuffer.wrap("first".getBytes(UTF_8)));
    outbox.pong(ByteBuffer.wrap("last".getBytes(UTF_8)));

    assertThat(everything()).containsExactly("pong last", "ping");
    assertThat(outbox.pingsUnanswered()).isEqualTo(1);
  }

  @Test
  void keepsTheEndOfAStreamBehindItsData() {
    say(lane, 100_000);
    outbox.end(lane, new Close(2, "EOF"));
    say(lane, 5);

    assertThat(dataAndControl()).containsExactly("data 2 65536", "data 2 34464", "close 2 EOF");
  }

  @Test
  void endsAStreamOnce() {
    outbox.end(lane, new Close(2, "first"));
    outbox.end(lane, new Close(2, "second"));
    assertThat(everything()).containsExactly("close 2 first");

    outbox.end(lane, new Close(2, "third"));
    assertThat(everything()).isEmpty();
  }

  @Test
  void abortsAStreamWithoutItsData() {
    say(lane, 10);

    outbox.abort(lane, new Close(2, "no more"));

    assertThat(everything()).containsExactly("close 2 no more");
    assertThat(outbox.queuedBytes()).isZero();
  }

  @Test
  void sharesInQuantaOnceAnotherStreamSpeaks() {
    say(lane, 128 * 1024);
    assertThat(text(java.util.Objects.requireNonNull(poll()))).isEqualTo("data 2 65536");
    say(other, 40_000);

    assertThat(dataAndControl())
        .containsExactly(
            "data 2 16384",
            "data 3 16384",
            "data 2 16384",
            "data 3 16384",
            "data 2 16384",
            "data 3 7232",
            "data 2 16384");
  }

  @Test
  void hearsAFreshStreamBeforeThoseThatTalkOn() {
    say(lane, 100_000);
    say(other, 100_000);
    poll();
    poll();
    poll();
    var late = outbox.lane(4);
    say(late, 7);

    assertThat(dataAndControl()).first().isEqualTo("data 4 7");
  }

  @Test
  void isFairByBytesHoweverTheyArePacked() {
    int[] chunkBytes = {65_536, 16_384, 3_000, 700};
    Map<Long, Integer> said = new HashMap<>();
    var lanes = new ArrayList<Lane>();
    for (int i = 0; i < chunkBytes.length; i++) {
      lanes.add(outbox.lane(10 + i));
    }

    for (int turn = 0; turn < 20_000; turn++) {
      for (int i = 0; i < chunkBytes.length; i++) {
        while (lanes.get(i).queuedBytes < 100_000) {
          say(lanes.get(i), chunkBytes[i]);
        }
      }
      if (poll() instanceof Item.Say(Data(var id, var payload))) {
        said.merge(id, payload.remaining(), Integer::sum);
      } else {
        outbox.onPong();
      }
    }

    int least = said.values().stream().min(Integer::compare).orElseThrow();
    int most = said.values().stream().max(Integer::compare).orElseThrow();
    assertThat((double) most / least).isLessThan(1.1);
  }

  @Test
  void aChattyStreamIsNotFreshForEver() {
    say(lane, 100_000);
    var order = new ArrayList<String>();
    for (int i = 0; i < 6; i++) {
      say(other, 10); // speaks again as soon as it was heard
      order.add(text(java.util.Objects.requireNonNull(poll())));
    }

    assertThat(order).contains("data 2 16384");
  }

  // ---- room

  @Test
  void givesRoomForTheLargestMessageWhileThereIsPlenty() {
    assertThat(outbox.room(lane)).isEqualTo(Outbox.MAX_DATA_BYTES);

    say(lane, Outbox.LANE_BYTES - 10_000);

    assertThat(outbox.room(lane)).isEqualTo(10_000);
  }

  @Test
  void cutsEveryStreamDownToTheFloorWhenTheBudgetIsUsedUp() {
    for (int i = 0; outbox.queuedBytes() < Outbox.BUDGET_BYTES; i++) {
      say(outbox.lane(100 + i), Outbox.LANE_BYTES);
    }

    assertThat(outbox.room(lane)).isEqualTo(Outbox.FLOOR_BYTES);
    say(lane, Outbox.FLOOR_BYTES);
    assertThat(outbox.room(lane)).isZero();
  }

  @Test
  void whatIsSaidMakesRoomForWhoeverWaits() {
    var told = new AtomicInteger();
    say(lane, Outbox.LANE_BYTES);
    outbox.awaitRoom(lane, told::incrementAndGet);
    assertThat(told).as("full").hasValue(0);

    everything();

    assertThat(told).as("once").hasValue(1);
    assertThat(outbox.room(lane)).isEqualTo(Outbox.MAX_DATA_BYTES);
  }

  @Test
  void whoeverWaitsWhenThereIsRoomIsToldAtOnce() {
    var told = new AtomicInteger();

    outbox.awaitRoom(lane, told::incrementAndGet);

    assertThat(told).hasValue(1);
  }

  @Test
  void anEndIsNoRoom() {
    var told = new AtomicInteger();
    say(lane, Outbox.LANE_BYTES);
    say(other, Outbox.LANE_BYTES);
    outbox.awaitRoom(lane, told::incrementAndGet);
    outbox.awaitRoom(other, told::incrementAndGet);

    outbox.end(lane, new Close(2, "EOF"));
    outbox.discard(other);
    everything();

    assertThat(told).hasValue(0);
    assertThat(outbox.room(lane)).isEqualTo(Outbox.OVER);
    assertThat(outbox.room(other)).isEqualTo(Outbox.OVER);
  }

  @Test
  void takesNothingAfterTheEndOfTheSession() throws Exception {
    outbox.close();

    assertThat(outbox.take()).isNull();
    assertThat(outbox.sayNow(new Pause(2))).as("nobody listens any more").isTrue();
    assertThat(outbox.room(lane)).isEqualTo(Outbox.OVER);
    say(lane, 10);
    assertThat(outbox.queuedBytes()).isZero();
  }

  @Test
  void controlMessagesHaveALimit() {
    for (int i = 0; i < Outbox.CONTROL_LIMIT; i++) {
      assertThat(outbox.sayNow(new Pause(i))).isTrue();
    }

    assertThat(outbox.sayNow(new Pause(7))).isFalse();
    poll();
    assertThat(outbox.sayNow(new Pause(7))).isTrue();
  }

  // ---- held streams

  @Test
  void answersAPauseWithAResumeAndHoldsThatStreamOnly() {
    say(lane, 10);
    outbox.pausedByPeer(lane, false);
    say(lane, 10);
    say(other, 10);

    assertThat(everything()).containsExactly("resume 2", "data 3 10");
    outbox.pausedByPeer(lane, false);
    assertThat(everything()).as("once per Pause").containsExactly("resume 2");
  }

  @Test
  void probesAfterAWhileWithAPingBehindIt() {
    hold(lane);
    say(lane, 50_000);
    timer.advance(Duration.ofMillis(4));
    assertThat(everything()).isEmpty();

    timer.advance(Duration.ofMillis(1));

    assertThat(everything()).containsExactly("data 2 16384", "ping");
    outbox.onPong();
    assertThat(everything()).as("pong first: released").containsExactly("data 2 33616");
  }

  @Test
  void isNotReleasedByThePongOfAnEarlierPing() {
    outbox.ping();
    assertThat(everything()).containsExactly("ping");
    hold(lane);
    say(lane, 50_000);
    timer.advance(Outbox.FIRST_PROBE);
    assertThat(everything())
        .as("one ping at a time: that of the probe waits for the pong")
        .containsExactly("data 2 16384");

    outbox.onPong();
    assertThat(everything()).containsExactly("ping");
    outbox.onPong();
    assertThat(everything()).containsExactly("data 2 33616");
  }

  @Test
  void backsOffToOneSecondAndToOneByteWhileThePeerIsFull() {
    hold(lane);
    say(lane, 100_000);
    long[] delaysMillis = {5, 10, 20, 40, 80, 160, 320, 640, 1_000, 1_000};
    for (int i = 0; i < delaysMillis.length; i++) {
      timer.advance(Duration.ofMillis(delaysMillis[i]).minusNanos(1));
      assertThat(everything()).as("too early").isEmpty();
      timer.advance(Duration.ofNanos(1));
      assertThat(everything()).containsExactly(i < 3 ? "data 2 16384" : "data 2 1", "ping");

      assertThat(outbox.pausedByPeer(lane, false)).isTrue();
      assertThat(everything()).containsExactly("resume 2");
      outbox.onPong();
      assertThat(everything()).as("the pong after a Pause means nothing").isEmpty();
    }
  }

  @Test
  void twoHeldStreamsShareTheBarrier() {
    hold(lane);
    hold(other);
    say(lane, 50_000);
    say(other, 50_000);

    timer.advance(Outbox.FIRST_PROBE);

    assertThat(everything()).containsExactly("data 2 16384", "ping", "data 3 16384");
    assertThat(outbox.pingsUnanswered()).isEqualTo(1);
    outbox.onPong();
    assertThat(everything()).containsExactly("ping", "data 2 33616");
    outbox.onPong();
    assertThat(dataAndControl()).containsExactly("data 3 33616");
  }

  @Test
  void aResumeReleasesAtOnce() {
    hold(lane);
    say(lane, 50_000);
    timer.advance(Outbox.FIRST_PROBE);
    everything();

    outbox.resumedByPeer(lane);

    assertThat(everything()).containsExactly("data 2 33616");
    outbox.onPong();
    timer.advance(Duration.ofSeconds(2));
    assertThat(everything()).isEmpty();
  }

  @Test
  void aResumeWithoutAPauseIsHarmless() {
    outbox.resumedByPeer(lane);
    say(lane, 10);
    outbox.resumedByPeer(lane);

    assertThat(everything()).containsExactly("data 2 10");
    outbox.resumedByPeer(lane);
    assertThat(everything()).isEmpty();
  }

  @Test
  void aProbeWaitsForSomethingToSay() {
    hold(lane);
    timer.advance(Outbox.FIRST_PROBE);
    assertThat(everything()).isEmpty();

    say(lane, 20_000);

    assertThat(everything()).containsExactly("data 2 16384", "ping");
  }

  @Test
  void theEndOfAHeldStreamWaitsForItsDataOnly() {
    hold(lane);
    outbox.end(lane, new Close(2, "EOF"));

    assertThat(everything()).containsExactly("close 2 EOF");
  }

  @Test
  void theEndFollowsTheLastProbeEvenIfThePeerStaysFull() {
    hold(lane);
    say(lane, 20_000);
    outbox.end(lane, new Close(2, "EOF"));
    timer.advance(Outbox.FIRST_PROBE);
    assertThat(everything()).containsExactly("data 2 16384", "ping");
    outbox.pausedByPeer(lane, false);
    outbox.onPong();
    everything();

    timer.advance(Duration.ofMillis(10));

    assertThat(everything()).containsExactly("data 2 3616", "ping", "close 2 EOF");
  }

  @Test
  void aDeadStreamIsNeitherProbedNorAnswered() {
    hold(lane);
    say(lane, 10);
    outbox.discard(lane);

    timer.advance(Duration.ofSeconds(2));
    assertThat(outbox.pausedByPeer(lane, false)).isTrue();

    assertThat(everything()).isEmpty();
    assertThat(outbox.queuedBytes()).isZero();
  }

  @Test
  void doesNotFreeThePeerWhileWeHoldIt() {
    outbox.pausePeer(lane);
    outbox.pausedByPeer(lane, true);
    say(lane, 50_000);
    timer.advance(Duration.ofSeconds(5));
    assertThat(everything()).containsExactly("pause 2");

    outbox.resumePeer(lane);
    timer.advance(Outbox.FIRST_PROBE);

    assertThat(everything()).containsExactly("resume 2", "data 2 16384", "ping");
  }

  /** All that it says of so many bytes, and is asked for them when pongs come at once. */
  private List<Item> sayMuch(int bytes) {
    var said = new ArrayList<Item>();
    for (int left = bytes; left > 0; left -= 65_536) {
      say(lane, 65_536);
      for (var item = poll(); item != null; item = poll()) {
        if (item instanceof Item.Ping) {
          outbox.onPong();
        } else {
          said.add(item);
        }
      }
    }
    return said;
  }

  private static long dataBytes(List<Item> said) {
    return said.stream()
        .mapToLong(item -> item instanceof Item.Say(Data(_, var payload)) ? payload.remaining() : 0)
        .sum();
  }

  @Test
  void saysNoMoreThan2MiBToAPeerThatCannotPauseUs() {
    outbox.pausePeer(lane);

    long said = dataBytes(sayMuch(3 * Outbox.UNCONFIRMED_BYTES));

    assertThat(said).isBetween((long) Outbox.UNCONFIRMED_BYTES, Outbox.UNCONFIRMED_BYTES + 65_536L);
    outbox.resumedByPeer(lane);
    assertThat(everything()).as("its buffer is small: as much again").isNotEmpty();
  }

  @Test
  void remindsThePeerOfItsPauseBeforeTheLastOfTheseBytes() {
    outbox.pausePeer(lane);

    var said = sayMuch(2 * Outbox.UNCONFIRMED_BYTES);

    assertThat(said.getFirst()).isEqualTo(new Item.Say(new Pause(2)));
    var behind = said.subList(1, said.size());
    int reminder = behind.indexOf(new Item.Say(new Pause(2)));
    assertThat(behind.lastIndexOf(new Item.Say(new Pause(2)))).isEqualTo(reminder);
    assertThat(dataBytes(behind.subList(0, reminder)))
        .isBetween(Outbox.UNCONFIRMED_BYTES - 2 * 65_536L, (long) Outbox.UNCONFIRMED_BYTES);
    assertThat(dataBytes(behind.subList(reminder, behind.size()))).isPositive();

    outbox.resumedByPeer(lane);
    assertThat(sayMuch(2 * Outbox.UNCONFIRMED_BYTES)).contains(new Item.Say(new Pause(2)));
  }

  @Test
  void remindsNobodyWhomItDoesNotHold() {
    outbox.pausePeer(lane);
    outbox.resumePeer(lane);
    assertThat(everything()).containsExactly("pause 2", "resume 2");

    var said = sayMuch(2 * Outbox.UNCONFIRMED_BYTES);

    assertThat(dataBytes(said)).isEqualTo(2 * Outbox.UNCONFIRMED_BYTES);
    assertThat(said).doesNotContain(new Item.Say(new Pause(2)));
  }

  @Test
  void aFailedSendOfResumeEndsTheSession() {
    for (int i = 0; i < Outbox.CONTROL_LIMIT; i++) {
      outbox.sayNow(new Pause(i));
    }

    assertThat(outbox.pausedByPeer(lane, false)).isFalse();
  }

  private static ByteBuffer bytesOf(Item item) {
    if (item instanceof Item.Say(Data(_, var bytes))) {
      return bytes;
    }
    throw new AssertionError("no data: " + item);
  }

  /** The next data, past pings. */
  private Item nextData() {
    var item = poll();
    while (item instanceof Item.Ping) {
      item = poll();
    }
    return Objects.requireNonNull(item);
  }

  @Test
  void arraysOfBulkAreUsedAgainOnceTheirDataIsSaid() {
    sayAll(lane, 1);
    var first = bytesOf(nextData());
    sayAll(lane, 2);
    assertThat(first.get(0)).as("while it is being said").isEqualTo((byte) 1);

    var second = bytesOf(nextData());
    sayAll(lane, 3);
    assertThat(first.get(0)).as("the next has its array").isEqualTo((byte) 3);
    assertThat(second.get(0)).isEqualTo((byte) 2);
  }

  @Test
  void anArrayThatIsSaidInPartsIsKeptUntilTheLast() {
    var third = outbox.lane(4);
    sayAll(lane, 2);
    sayAll(other, 3);
    var said = new HashMap<Long, Integer>();
    for (int turn = 0; turn < 3 * Outbox.MAX_DATA_BYTES / Outbox.QUANTUM_BYTES; turn++) {
      if (nextData() instanceof Item.Say(Data(var id, var bytes))) {
        said.merge(id, bytes.remaining(), Integer::sum);
        while (bytes.hasRemaining()) {
          assertThat(bytes.get()).isEqualTo((byte) id);
        }
      }
      if (outbox.room(third) > Outbox.MAX_DATA_BYTES / 2) {
        sayAll(third, 4); // in an array that is free
      }
    }
    assertThat(said).containsEntry(2L, Outbox.MAX_DATA_BYTES).containsKeys(3L, 4L);
  }

  private void sayAll(Lane to, int value) {
    var bytes = new byte[Outbox.MAX_DATA_BYTES];
    Arrays.fill(bytes, (byte) value);
    outbox.say(to, ByteBuffer.wrap(bytes));
  }

  @Test
  void whatIsSaidIsACopy() {
    var bytes = ByteBuffer.wrap(new byte[] {1, 2, 3});
    outbox.say(lane, bytes);
    bytes.put(0, (byte) 9);
    assertThat(nextData())
        .isEqualTo(new Item.Say(new Data(2, ByteBuffer.wrap(new byte[] {1, 2, 3}))));
  }
}
