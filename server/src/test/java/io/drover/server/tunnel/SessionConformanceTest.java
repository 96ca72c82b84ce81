package io.drover.server.tunnel;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.drover.proto.tunnel.Message.AddClient;
import io.drover.proto.tunnel.Message.Close;
import io.drover.proto.tunnel.Message.Connect;
import io.drover.proto.tunnel.Message.Data;
import io.drover.proto.tunnel.Message.Pause;
import io.drover.proto.tunnel.Message.Resume;
import io.drover.proto.tunnel.Message.SyncConnections;
import io.drover.proto.tunnel.MessageCodec;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * The rows of the conformance list that concern the server's role, named after their ids, on real
 * sockets against an agent that plays single frames.
 */
@Timeout(60)
class SessionConformanceTest {
  private TunnelHarness harness;
  private RawAgent agent;

  @BeforeEach
  void connect() throws Exception {
    harness = TunnelHarness.start();
    agent = harness.connect();
  }

  @AfterEach
  void close() throws Exception {
    agent.close();
    harness.close();
  }

  private void reconnect(Timing timing) throws Exception {
    close();
    harness = TunnelHarness.start(timing);
    agent = harness.connect();
  }

  private TunnelStream open() throws IOException {
    var stream = harness.open();
    assertThat(agent.expect(Connect.class).streamId()).isEqualTo(stream.id());
    return stream;
  }

  private static String read(TunnelStream stream, int bytes) throws IOException {
    return new String(stream.input().readNBytes(bytes), US_ASCII);
  }

  /** Sends a ping and reads up to its pong: all before it has been handled. */
  private List<Object> barrier() throws IOException {
    agent.frame(RawAgent.PING, true, (byte) 'b');
    var before = new ArrayList<Object>();
    while (true) {
      var frame = agent.read();
      if (frame.opcode() == RawAgent.PONG) {
        return before;
      }
      before.add(frame.opcode() == RawAgent.BINARY ? MessageCodec.decode(frame.payload()) : frame);
    }
  }

  @Test
  void t16AgentThatNeverPingsIsDroppedAndTcpClosedAlthoughDataFlows() throws Exception {
    reconnect(TunnelHarness.IMPATIENT);
    var stream = open();
    var sender =
        Thread.ofVirtual()
            .start(
                () -> {
                  try {
                    while (true) {
                      agent.send(RawAgent.data(stream.id(), "x"));
                      new CountDownLatch(1).await(50, TimeUnit.MILLISECONDS);
                    }
                  } catch (IOException | InterruptedException e) {
                    // closed, as it should be
                  }
                });
    long start = System.nanoTime();

    int code = agent.readToEnd();

    assertThat(code).isEqualTo(Link.GOING_AWAY);
    assertThat(Duration.ofNanos(System.nanoTime() - start))
        .isBetween(Duration.ofSeconds(1), Duration.ofSeconds(4));
    sender.join();
  }

  @Test
  void t17PingOf125BytesIsAnsweredWithTheSameBytes() throws Exception {
    byte[] payload = new byte[125];
    Arrays.fill(payload, (byte) 7);

    agent.frame(RawAgent.PING, true, payload);

    var pong = agent.read();
    assertThat(pong.opcode()).isEqualTo(RawAgent.PONG);
    assertThat(pong.payload()).isEqualTo(ByteBuffer.wrap(payload));
  }

  @Test
  void t18UnsolicitedPongCountsAsLife() throws Exception {
    reconnect(TunnelHarness.IMPATIENT);
    for (int i = 0; i < 6; i++) { // longer than the silence that is allowed
      agent.frame(RawAgent.PONG, true);
      new CountDownLatch(1).await(500, TimeUnit.MILLISECONDS);
    }

    assertThat(barrier()).isEmpty();
    assertThat(harness.session().isEnded()).isFalse();
  }

  @Test
  void t19CloseIsEchoedAndTcpClosedWithinASecond() throws Exception {
    long start = System.nanoTime();

    agent.frame(RawAgent.CLOSE, true, (byte) 0x03, (byte) 0xE8, (byte) 'b', (byte) 'y');

    assertThat(agent.readToEnd()).isEqualTo(1000);
    assertThat(System.nanoTime() - start).isLessThan(TimeUnit.SECONDS.toNanos(1));
    harness.awaitChange();
    assertThat(harness.sessions.newest(TunnelHarness.KEY)).isEmpty();
  }

  @Test
  void f3FragmentsAsOfTheGoClientWithAPingBetween() throws Exception {
    var stream = open();
    var text = "0123456789".repeat(1000);
    byte[] message = RawAgent.bytes(RawAgent.data(stream.id(), text));

    agent.frame(RawAgent.BINARY, false, Arrays.copyOfRange(message, 0, 4096));
    agent.frame(RawAgent.PING, true, (byte) 1);
    assertThat(agent.read().opcode()).isEqualTo(RawAgent.PONG);
    agent.frame(RawAgent.CONTINUATION, false, Arrays.copyOfRange(message, 4096, 8192));
    agent.frame(RawAgent.CONTINUATION, true, Arrays.copyOfRange(message, 8192, message.length));

    assertThat(read(stream, text.length())).isEqualTo(text);
  }

  @Test
  void f4FragmentsOfOneByte() throws Exception {
    var stream = open();
    byte[] message = RawAgent.bytes(RawAgent.data(stream.id(), "hello"));

    for (int i = 0; i < message.length; i++) {
      agent.frame(
          i == 0 ? RawAgent.BINARY : RawAgent.CONTINUATION, i == message.length - 1, message[i]);
    }

    assertThat(read(stream, 5)).isEqualTo("hello");
  }

  @Test
  void f5MessageInAThousandSegments() throws Exception {
    var stream = open();
    byte[] payload = new byte[1000];
    Arrays.fill(payload, (byte) 'z');
    byte[] message = RawAgent.bytes(new Data(stream.id(), ByteBuffer.wrap(payload)));
    var frame = ByteBuffer.allocate(message.length + 8);
    frame.put((byte) 0x82).put((byte) (0x80 | 126)).putShort((short) message.length);
    frame.putInt(0).put(message); // a mask of zeros

    for (byte next : frame.array()) {
      agent.raw(next);
    }

    assertThat(read(stream, 1000)).isEqualTo("z".repeat(1000));
  }

  @Test
  void f7UnknownTypesAreIgnoredWhateverTheirSize() throws Exception {
    for (byte[] header : List.of(hex("000400"), hex("000412"), hex("000401"))) {
      agent.frame(RawAgent.BINARY, true, Arrays.copyOf(header, 1024 * 1024));
    }

    assertThat(barrier()).isEmpty();
  }

  @Test
  void f2TruncatedHeadersEndTheSessionWith1002() throws Exception {
    for (var invalid : List.of("", "80", "02", "0204", "020402", "80808080808080808002040e")) {
      try (var broken = harness.connect()) {
        broken.frame(RawAgent.BINARY, true, hex(invalid));

        assertThat(broken.readToEnd()).as(invalid).isEqualTo(Link.PROTOCOL_ERROR);
        harness.awaitChange();
      }
    }
  }

  @Test
  void f9DeadlineOfDataIsIgnored() throws Exception {
    var stream = open();
    assertThat(stream.id()).isEqualTo(2);

    agent.frame(RawAgent.BINARY, true, hex("1804020078"));
    agent.frame(RawAgent.BINARY, true, hex("1a0402f30379"));

    assertThat(read(stream, 2)).isEqualTo("xy");
  }

  @Test
  void f11TooLongATargetIsALocalErrorAndNothingIsSent() throws Exception {
    assertThat(harness.session().open("tcp", "a".repeat(262)).id()).isEqualTo(2);
    assertThat(agent.expect(Connect.class).address()).hasSize(262);

    assertThatThrownBy(() -> harness.session().open("tcp", "a".repeat(263)))
        .isInstanceOf(IllegalArgumentException.class);

    assertThat(barrier()).isEmpty();
  }

  @Test
  void f12OnlyExactEofIsCleanAndTextsAreCutAt100() throws Exception {
    for (var text : List.of("", "EOF\n", "e".repeat(100), "e".repeat(101))) {
      var stream = open();
      byte[] header = RawAgent.bytes(new Close(stream.id(), ""));
      byte[] message = Arrays.copyOf(header, header.length + text.length());
      System.arraycopy(text.getBytes(US_ASCII), 0, message, header.length, text.length());

      agent.frame(RawAgent.BINARY, true, message);

      assertThatThrownBy(() -> stream.input().read())
          .isInstanceOf(IOException.class)
          .hasMessage(text.substring(0, Math.min(100, text.length())));
    }
  }

  @Test
  void s12CloseGoesOutOnceAndTheTwoErrorsOfAGoClientAreIgnored() throws Exception {
    var stream = open();

    stream.close();
    stream.close();

    assertThat(agent.receive()).isEqualTo(new Close(stream.id(), "EOF"));
    agent.send(new Close(stream.id(), "EOF"));
    agent.send(new Close(stream.id(), "read tcp: use of closed network connection"));
    assertThat(barrier()).isEmpty();
  }

  @Test
  void s13ReaderGetsBufferedBytesThenTheText() throws Exception {
    var stream = open();

    agent.send(RawAgent.data(stream.id(), "rest"));
    agent.send(new Close(stream.id(), "dial tcp: i/o timeout"));

    assertThat(read(stream, 4)).isEqualTo("rest");
    assertThatThrownBy(() -> stream.input().read()).hasMessage("dial tcp: i/o timeout");
    assertThat(barrier()).isEmpty(); // the reader hears of the end a moment before the writer
    assertThatThrownBy(() -> stream.output().write(1)).isInstanceOf(IOException.class);
    assertThat(stream.isOpen()).isFalse();
  }

  @Test
  void cleanCloseIsTheEndOfTheStream() throws Exception {
    var stream = open();

    agent.send(RawAgent.data(stream.id(), "all"));
    agent.send(new Close(stream.id(), "EOF"));

    assertThat(new String(stream.input().readAllBytes(), US_ASCII)).isEqualTo("all");
  }

  @Test
  void s14OpenWithoutSessionFailsAtOnce() throws Exception {
    var session = harness.session();
    agent.close();
    harness.awaitChange();

    assertThat(harness.sessions.newest(TunnelHarness.KEY)).isEmpty();
    assertThatThrownBy(() -> session.open("tcp", "x:1")).hasMessage("tunnel disconnect");
  }

  @Test
  void s15NewStreamsGoToTheNewestHealthySession() throws Exception {
    var first = harness.session();
    try (var second = harness.connect()) {
      assertThat(harness.session()).isNotSameAs(first);

      var stream = harness.open();

      assertThat(second.expect(Connect.class).streamId()).isEqualTo(stream.id());
      assertThat(barrier()).isEmpty();
    }
    harness.awaitChange();
    assertThat(harness.session()).isSameAs(first);
  }

  @Test
  void s16IdsAreConsecutiveFrom2() throws Exception {
    assertThat(List.of(open().id(), open().id(), open().id())).containsExactly(2L, 3L, 4L);
  }

  @Test
  void s18LostSessionFailsAHundredStreamsWithinASecond() throws Exception {
    var streams = new ArrayList<TunnelStream>();
    for (int i = 0; i < 100; i++) {
      streams.add(open());
    }
    var session = harness.session();
    var failed = new CountDownLatch(streams.size());
    for (var stream : streams) {
      Thread.ofVirtual()
          .start(
              () -> {
                try {
                  var _ = stream.input().read();
                } catch (IOException e) {
                  failed.countDown();
                }
              });
    }

    agent.close();

    assertThat(failed.await(1, TimeUnit.SECONDS)).isTrue();
    assertThat(session.streamCount()).isZero();
    assertThat(session.unreadBytes()).isZero();
  }

  @Test
  void p1PausesOnceAboveTheHighMarkAndResumesBelowTheLowMark() throws Exception {
    var stream = open();
    send(stream, ReceiveBuffer.HIGH_WATER);
    assertThat(barrier()).isEmpty();

    send(stream, 1);
    assertThat(barrier()).containsExactly(new Pause(stream.id()));
    send(stream, 1000);
    assertThat(barrier()).isEmpty();

    int toLow = ReceiveBuffer.HIGH_WATER + 1001 - ReceiveBuffer.LOW_WATER;
    stream.input().skipNBytes(toLow);
    assertThat(barrier()).isEmpty();
    stream.input().skipNBytes(1);
    assertThat(agent.receive()).isEqualTo(new Resume(stream.id()));
  }

  @Test
  void p1PauseIsRepeatedForAnAgentThatForgotIt() throws Exception {
    var stream = open();
    send(stream, ReceiveBuffer.HIGH_WATER + 1);
    assertThat(barrier()).containsExactly(new Pause(stream.id()));

    send(stream, ReceiveBuffer.HIGH_WATER + 1);

    assertThat(barrier()).containsExactly(new Pause(stream.id()));
  }

  @Test
  void p1LastWordAfterAnyRaceOfReaderAndSenderIsResume() throws Exception {
    int rounds = 300;
    long total = (long) rounds * (ReceiveBuffer.HIGH_WATER + 1);
    var stream = open();
    var reader = Thread.ofVirtual().start(() -> skip(stream, total));
    var sender = Thread.ofVirtual().start(() -> sendUnchecked(stream, total));

    boolean paused = false;
    while (!reader.join(Duration.ofMillis(1)) || !sender.join(Duration.ofMillis(1))) {
      for (var message : barrier()) {
        paused = message instanceof Pause;
      }
    }
    for (var message : barrier()) {
      paused = message instanceof Pause;
    }

    assertThat(paused).isFalse();
  }

  private static void skip(TunnelStream stream, long bytes) {
    try {
      stream.input().skipNBytes(bytes);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private void sendUnchecked(TunnelStream stream, long bytes) {
    try {
      for (long sent = 0; sent < bytes; ) {
        int part = (int) Math.min(512 * 1024, bytes - sent);
        agent.send(new Data(stream.id(), ByteBuffer.allocate(part)));
        sent += part;
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private void send(TunnelStream stream, int bytes) throws IOException {
    for (int sent = 0; sent < bytes; ) {
      int part = Math.min(64 * 1024, bytes - sent);
      agent.send(new Data(stream.id(), ByteBuffer.allocate(part)));
      sent += part;
    }
  }

  @Test
  void pauseIsAnsweredWithResumeThenProbedAndReleasedByThePong() throws Exception {
    var stream = open();
    agent.send(new Pause(stream.id()));
    assertThat(agent.receive()).isEqualTo(new Resume(stream.id()));

    stream.output().write(new byte[3 * Outbox.CHUNK_BYTES]);

    assertThat(agent.expect(Data.class).payload().remaining()).isEqualTo(Outbox.CHUNK_BYTES);
    assertThat(agent.read().opcode()).isEqualTo(RawAgent.PING);
    assertThat(barrier()).isEmpty(); // still held
    agent.frame(RawAgent.PONG, true);
    assertThat(agent.expect(Data.class).payload().remaining()).isEqualTo(Outbox.CHUNK_BYTES);
    assertThat(agent.expect(Data.class).payload().remaining()).isEqualTo(Outbox.CHUNK_BYTES);
  }

  @Test
  void p3ProbesBackOffToOneByteWhileEachIsAnsweredWithPause() throws Exception {
    var stream = open();
    stream.output().write(new byte[1]);
    assertThat(agent.expect(Data.class).payload().remaining()).isEqualTo(1);
    agent.send(new Pause(stream.id()));
    assertThat(agent.receive()).isEqualTo(new Resume(stream.id()));
    stream.output().write(new byte[Outbox.LANE_BYTES]);
    var sizes = new ArrayList<Integer>();

    for (int i = 0; i < Outbox.LARGE_PROBES + 3; i++) {
      sizes.add(agent.expect(Data.class).payload().remaining());
      assertThat(agent.read().opcode()).isEqualTo(RawAgent.PING);
      agent.send(new Pause(stream.id()));
      agent.frame(RawAgent.PONG, true);
      assertThat(agent.receive()).isEqualTo(new Resume(stream.id()));
    }

    int chunk = Outbox.CHUNK_BYTES;
    assertThat(sizes).containsExactly(chunk, chunk, chunk, 1, 1, 1);
  }

  @Test
  void p5ResumeReleasesAtOnceAndOtherStreamsAreNotHeld() throws Exception {
    var held = open();
    var other = open();
    agent.send(new Pause(held.id()));
    assertThat(agent.receive()).isEqualTo(new Resume(held.id()));

    other.output().write('o');
    assertThat(agent.expect(Data.class).streamId()).isEqualTo(other.id());
    agent.send(new Resume(held.id()));
    assertThat(barrier()).isEmpty();
    held.output().write('h');
    assertThat(agent.expect(Data.class).streamId()).isEqualTo(held.id());
    assertThat(barrier()).isEmpty(); // no probe, no ping
  }

  @Test
  void ownPauseIsRepeatedAfterTheResumeThatAnswersTheAgents() throws Exception {
    var stream = open();
    send(stream, ReceiveBuffer.HIGH_WATER + 1);
    assertThat(barrier()).containsExactly(new Pause(stream.id()));

    agent.send(new Pause(stream.id()));

    assertThat(barrier()).containsExactly(new Resume(stream.id()), new Pause(stream.id()));
  }

  @Test
  void p12BothEndsPausedStillAnswersPings() throws Exception {
    var stream = open();
    send(stream, ReceiveBuffer.HIGH_WATER + 1);
    agent.send(new Pause(stream.id()));
    var writer = Thread.ofVirtual().start(() -> write(stream, 2 * Outbox.LANE_BYTES));

    agent.frame(RawAgent.PING, true);
    while (agent.read().opcode() != RawAgent.PONG) {
      // a Pause, a Resume, perhaps a probe
    }

    stream.close(); // p11: the waiting writer is cancelled
    assertThat(writer.join(Duration.ofSeconds(5))).isTrue();
  }

  @Test
  void anAgentThatHasPausedUsHearsOfEveryHalfMebibyteThatIsRead() throws Exception {
    var stream = open();
    agent.send(new Pause(stream.id()));
    assertThat(agent.receive()).isEqualTo(new Resume(stream.id()));
    var bytes = new byte[ReceiveBuffer.CONFIRM_BYTES / 2];

    for (int i = 0; i < 3; i++) {
      send(stream, bytes.length);
      stream.input().readNBytes(bytes, 0, bytes.length);
      send(stream, bytes.length);
      stream.input().readNBytes(bytes, 0, bytes.length);
      assertThat(agent.receive()).isEqualTo(new Resume(stream.id()));
    }

    agent.send(new Resume(stream.id()));
    for (int i = 0; i < 4; i++) {
      send(stream, bytes.length);
      stream.input().readNBytes(bytes, 0, bytes.length);
    }
    stream.close();
    assertThat(agent.receive())
        .as("and no more once it lets us")
        .isEqualTo(new Close(stream.id(), "EOF"));
  }

  private static void write(TunnelStream stream, int bytes) {
    try {
      stream.output().write(new byte[bytes]);
    } catch (IOException e) {
      // closed by the test
    }
  }

  @Test
  void heldStreamThatIsClosedHandsItsBytesOverBeforeTheClose() throws Exception {
    var stream = open();
    agent.send(new Pause(stream.id()));
    assertThat(agent.receive()).isEqualTo(new Resume(stream.id()));
    stream.output().write(new byte[10]);

    stream.close();

    assertThat(agent.expect(Data.class).payload().remaining()).isEqualTo(10);
    assertThat(agent.read().opcode()).isEqualTo(RawAgent.PING);
    agent.frame(RawAgent.PONG, true);
    assertThat(agent.receive()).isEqualTo(new Close(stream.id(), "EOF"));
  }

  @Test
  void heldStreamThatIsClosedIsGivenUpAfterTheLinger() throws Exception {
    var stream = open();
    agent.send(new Pause(stream.id()));
    assertThat(agent.receive()).isEqualTo(new Resume(stream.id()));
    stream.output().write(new byte[Outbox.LANE_BYTES]);

    stream.close();

    var close = ByteBuffer.wrap(RawAgent.bytes(new Close(stream.id(), "EOF")));
    while (!agent.read().payload().equals(close)) {
      // probes without an answer
    }
    assertThat(barrier()).isEmpty();
  }

  @Test
  void noMoreThanTwoMebibytesGoOutOnAStreamThatWePaused() throws Exception {
    var stream = open();
    send(stream, ReceiveBuffer.HIGH_WATER + 1);
    assertThat(barrier()).containsExactly(new Pause(stream.id()));
    var writer =
        Thread.ofVirtual()
            .start(
                () -> write(stream, (int) Outbox.MAX_BYTES_WHILE_PAUSING + 10 * Outbox.LANE_BYTES));

    long got = 0;
    while (got < Outbox.MAX_BYTES_WHILE_PAUSING) {
      got += agent.expect(Data.class).payload().remaining();
    }

    assertThat(barrier()).isEmpty();
    stream.input().skipNBytes(ReceiveBuffer.HIGH_WATER);
    assertThat(agent.receive()).isEqualTo(new Resume(stream.id()));
    for (int left = 10 * Outbox.LANE_BYTES; left > 0; ) {
      left -= agent.expect(Data.class).payload().remaining();
    }
    assertThat(writer.join(Duration.ofSeconds(5))).isTrue();
  }

  @Test
  void p9SpuriousResumesAndPausesOfUnknownStreamsAreIgnored() throws Exception {
    var stream = open();
    agent.send(new Resume(stream.id()));
    agent.send(new Pause(99));
    agent.send(new Resume(99));
    agent.send(new Close(99, "EOF"));
    agent.send(new Pause(stream.id()));
    agent.send(new Pause(stream.id()));

    assertThat(barrier()).containsExactly(new Resume(stream.id()), new Resume(stream.id()));
  }

  @Test
  void p10AgentThatKnowsPauseAndIgnoresItLosesTheStreamAtTheHardLimit() throws Exception {
    var stream = open();
    agent.send(new Resume(stream.id())); // shows that it knows

    send(stream, ReceiveBuffer.HARD_LIMIT);
    assertThat(barrier()).doesNotContain(new Close(stream.id(), "receive buffer limit"));
    send(stream, 1);

    assertThat(barrier()).contains(new Close(stream.id(), "receive buffer limit"));
    assertThat(harness.session().unreadBytes()).isZero();
  }

  @Test
  void p10AgentThatDoesNotKnowPauseIsNotReadForAWhileThenLosesTheStream() throws Exception {
    var stream = open();
    send(stream, ReceiveBuffer.HARD_LIMIT + 1);
    long start = System.nanoTime();

    var before = barrier(); // its pong comes only when reading goes on

    assertThat(before).contains(new Close(stream.id(), "receive buffer limit"));
    assertThat(System.nanoTime() - start).isGreaterThan(TimeUnit.MILLISECONDS.toNanos(200));
  }

  @Test
  void p10ReadingGoesOnWhenTheStalledStreamIsRead() throws Exception {
    var stream = open();
    send(stream, ReceiveBuffer.HARD_LIMIT + 1);

    stream.input().skipNBytes(ReceiveBuffer.HARD_LIMIT + 1);

    assertThat(barrier()).contains(new Resume(stream.id()));
    assertThat(stream.isOpen()).isTrue();
  }

  @Test
  void sessionBudgetClosesTheFullestStream() throws Exception {
    int full = (int) (ServerSession.MAX_UNREAD_BYTES / ReceiveBuffer.HARD_LIMIT);
    var streams = IntStream.rangeClosed(0, full).mapToObj(_ -> openUnchecked()).toList();
    agent.send(new Resume(2));
    for (var stream : streams.subList(0, full)) {
      send(stream, ReceiveBuffer.HARD_LIMIT - 1);
    }
    send(streams.get(full), full);
    assertThat(barrier()).noneMatch(Close.class::isInstance);

    send(streams.get(full), 1);

    assertThat(barrier()).filteredOn(Close.class::isInstance).hasSize(1);
    assertThat(streams.get(full).isOpen()).isTrue();
  }

  private TunnelStream openUnchecked() {
    try {
      return open();
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  @Test
  void y3FreshStreamMayMissInTheList() throws Exception {
    var stream = open();

    agent.send(new SyncConnections(List.of()));
    agent.send(new SyncConnections(List.of()));

    assertThat(barrier()).isEmpty();
    assertThat(stream.isOpen()).isTrue();
  }

  @Test
  void y4OldStreamThatMissesTwiceIsClosedAndTheAgentIsTold() throws Exception {
    var stream = open();
    new CountDownLatch(1).await(250, TimeUnit.MILLISECONDS); // the grace of the harness and more
    agent.send(new SyncConnections(List.of()));
    assertThat(barrier()).isEmpty();

    agent.send(new SyncConnections(List.of()));

    assertThat(barrier()).containsExactly(new Close(stream.id(), "EOF"));
    assertThatThrownBy(() -> stream.input().read()).hasMessage("sync from client");
  }

  @Test
  void y4StreamThatIsListedInBetweenIsKept() throws Exception {
    var stream = open();
    new CountDownLatch(1).await(250, TimeUnit.MILLISECONDS);
    agent.send(new SyncConnections(List.of()));
    agent.send(new SyncConnections(List.of(stream.id())));
    agent.send(new SyncConnections(List.of()));

    assertThat(barrier()).isEmpty();
  }

  @Test
  void y5ListsAreSets() throws Exception {
    var first = open();
    var second = open();
    new CountDownLatch(1).await(250, TimeUnit.MILLISECONDS);
    var unsorted = new SyncConnections(List.of(second.id(), -7L, first.id(), first.id(), 1000L));

    agent.send(unsorted);
    agent.send(unsorted);

    assertThat(barrier()).isEmpty();
  }

  @Test
  void y6ListOfOddLengthIsIgnored() throws Exception {
    agent.frame(RawAgent.BINARY, true, hex("7a0010020000"));

    assertThat(barrier()).isEmpty();
  }

  @Test
  void y6ListOverTheLimitEndsTheSession() throws Exception {
    var ids = LongStream.range(0, MessageAssembler.MAX_OTHER_BYTES / 8 + 1).boxed().toList();
    byte[] message = RawAgent.bytes(new SyncConnections(ids));
    var sender = Thread.ofVirtual().start(() -> sendQuietly(message));

    assertThat(agent.readToEnd()).isEqualTo(Link.TOO_BIG);
    sender.join();
  }

  private void sendQuietly(byte[] message) {
    try {
      agent.frame(RawAgent.BINARY, true, message);
    } catch (IOException e) {
      // the server closed, as it should
    }
  }

  @Test
  void h1AndH3RandomMessageIdsAndExtremeStreamIdsAreHandled() throws Exception {
    var stream = open();
    agent.send(new Pause(Long.MAX_VALUE));
    agent.send(new Pause(Long.MIN_VALUE));
    agent.send(new AddClient("c-m-abcd1234", 1));
    agent.frame(RawAgent.BINARY, true, hex("98f5a3b3fd8290903804020078"));

    assertThat(read(stream, 1)).isEqualTo("x");
  }

  @Test
  void h4MessageOf16MebibytesToAReaderThatKeepsUp() throws Exception {
    var stream = open();
    int size = 16 * 1024 * 1024;
    var sender =
        Thread.ofVirtual()
            .start(
                () ->
                    sendQuietly(RawAgent.bytes(new Data(stream.id(), ByteBuffer.allocate(size)))));

    stream.input().skipNBytes(size);

    sender.join();
    assertThat(stream.isOpen()).isTrue();
  }

  @Test
  void h5AnnouncedLengthAllocatesNothing() throws Exception {
    agent.raw(hex("82ff3fffffffffffffff00000000"));

    assertThat(agent.readToEnd()).isIn(Link.TOO_BIG, Link.PROTOCOL_ERROR);
  }

  @Test
  void h6EndlessMessageEndsWith1009() throws Exception {
    var stream = open();
    var reader =
        Thread.ofVirtual()
            .start(
                () -> {
                  try {
                    stream.input().skipNBytes(Long.MAX_VALUE);
                  } catch (IOException e) {
                    // the session ended
                  }
                });
    var sender =
        Thread.ofVirtual()
            .start(
                () -> {
                  try {
                    agent.frame(
                        RawAgent.BINARY, false, RawAgent.bytes(RawAgent.data(stream.id(), "x")));
                    while (true) {
                      agent.frame(RawAgent.CONTINUATION, false, new byte[512 * 1024]);
                    }
                  } catch (IOException e) {
                    // the server closed, as it should
                  }
                });

    assertThat(agent.readToEnd()).isIn(Link.TOO_BIG, 1006); // a reset may overtake the frame
    harness.awaitChange();
    agent.close();
    sender.join();
    reader.join();
  }

  @Test
  void h7WrongFramesEndTheSession() throws Exception {
    for (var wrong :
        List.of(
            "c28400000000" + "00040000", // RSV1
            "8203" + "000400", // no mask
            "838000000000", // opcode 3
            "89fe007e00000000" + "00".repeat(126), // ping of 126 bytes
            "098000000000", // fragmented ping
            "808000000000")) { // continuation of nothing
      try (var broken = harness.connect()) {
        broken.raw(hex(wrong));
        assertThat(broken.readToEnd()).as(wrong).isEqualTo(Link.PROTOCOL_ERROR);
        harness.awaitChange();
      }
    }
    agent.frame(RawAgent.TEXT, true, (byte) 'x');
    assertThat(agent.readToEnd()).isEqualTo(Link.UNSUPPORTED);
  }

  @Test
  void h8DataForUnknownStreamsIsAnsweredAtABoundedRate() throws Exception {
    for (long id = 1000; id < 6000; id++) {
      agent.send(RawAgent.data(id, "x"));
      if (id % 1000 == 0) {
        agent.send(RawAgent.data(1000, "again"));
      }
    }

    var answers = barrier();

    assertThat(answers).hasSizeBetween(1, 10 * ServerSession.MAX_REFUSALS);
    assertThat(answers.getFirst())
        .isEqualTo(new Close(1000, "connection not found c-bcdfg/0/1000"));
  }

  @Test
  void h14PingFloodDoesNotStarveData() throws Exception {
    var stream = open();
    for (int i = 0; i < 10_000; i++) {
      agent.frame(RawAgent.PING, true);
    }
    stream.output().write('d');

    int pongs = 0;
    var frame = agent.read();
    while (frame.opcode() == RawAgent.PONG) {
      pongs++;
      frame = agent.read();
    }

    assertThat(frame.opcode()).isEqualTo(RawAgent.BINARY);
    assertThat(pongs).isBetween(0, 10_000);
  }

  @Test
  void h17ConnectFromTheAgentIsRefusedAndTheSessionLives() throws Exception {
    var stream = open();

    agent.send(new Connect(77, "tcp", "127.0.0.1:1"));

    assertThat(barrier()).containsExactly(new Close(77, "connect not allowed"));
    assertThat(stream.isOpen()).isTrue();
  }

  @Test
  void serverThatStopsSays1001() throws Exception {
    harness.sessions.close();

    assertThat(agent.readToEnd()).isEqualTo(Link.GOING_AWAY);
  }

  @Test
  void tooManyStreamsIsALocalError() throws Exception {
    for (int i = 0; i < ServerSession.MAX_STREAMS; i++) {
      var _ = harness.open();
    }

    assertThatThrownBy(harness::open).hasMessageContaining("too many streams");
  }

  private static byte[] hex(String digits) {
    return HexFormat.of().parseHex(digits);
  }
}
