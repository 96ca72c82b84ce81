package io.drover.agent.tunnel;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import io.drover.agent.reason.Problem;
import io.drover.agent.reason.Reason;
import io.drover.agent.steve.SteveServer;
import io.drover.agent.tunnel.ScriptedServer.Frame;
import io.drover.agent.tunnel.ScriptedServer.Peer;
import io.drover.proto.tunnel.Message;
import io.drover.proto.tunnel.Message.Close;
import io.drover.proto.tunnel.Message.Connect;
import io.drover.proto.tunnel.Message.Data;
import io.drover.proto.tunnel.MessageCodec;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.slf4j.LoggerFactory;

/** Table 6.6 of the protocol's specification. H13 and H20 are with the rows they resemble. */
@Timeout(180)
class HostileConformanceTest {
  private static final int MIB = 1024 * 1024;

  private final ManualTimer timer = new ManualTimer();
  private final Logger log = (Logger) LoggerFactory.getLogger("io.drover.agent.tunnel");

  @BeforeEach
  void beQuiet() {
    log.setLevel(Level.WARN);
  }

  @AfterEach
  void speakAgain() {
    log.setLevel(null);
  }

  private static byte[] random(int length, long seed) {
    var bytes = new byte[length];
    new Random(seed).nextBytes(bytes);
    return bytes;
  }

  private static void flood(Socket socket) throws IOException {
    var chunk = new byte[65_536];
    while (true) {
      socket.getOutputStream().write(chunk);
    }
  }

  private static void send(Peer peer, Message message) {
    try {
      peer.send(message);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static byte[] hex(String hex) {
    return HexFormat.of().parseHex(hex);
  }

  private static void expectRefusal(ScriptedServer server, TestTunnel tunnel, byte[] message)
      throws Exception {
    var peer = server.open();
    peer.sendFrame(ScriptedServer.BINARY, message);
    assertThat(peer.expectCloseFrame()).isEqualTo(FrameReader.PROTOCOL_ERROR);
    peer.expectEnd();
    tunnel.pauses().take();
    tunnel.pauses().end();
  }

  @Test
  void h1EndsTheSessionOnAHeaderCutAnywhere() throws Exception {
    try (var server = ScriptedServer.start();
        var tunnel = TestTunnel.start(server)) {
      // Message id and stream id of 10 bytes each, the type Data, a deadline of 3 bytes.
      var header = hex("feffffffffffffffff01" + "feffffffffffffffff01" + "02" + "b0ea01");
      for (int length = 0; length < header.length; length++) {
        expectRefusal(server, tunnel, Arrays.copyOf(header, length));
      }
      assertThat(server.open().barrier()).isEmpty();
    }
  }

  @Test
  void h2RefusesNumbersOver64Bits() throws Exception {
    try (var server = ScriptedServer.start();
        var tunnel = TestTunnel.start(server)) {
      expectRefusal(server, tunnel, hex("8080808080808080808000" + "040e"));
      expectRefusal(server, tunnel, hex("80808080808080808002" + "040e"));
      // All of it is read before it is refused: what is left unread would reset the connection.
      var endless = new byte[FrameReader.MAX_PIECE_BYTES - 1];
      Arrays.fill(endless, (byte) 0x80);
      expectRefusal(server, tunnel, endless);
    }
  }

  @Test
  void h4DeliversAFrameOf16MiBBeforeItsEndHasCome() throws Exception {
    var heard = new AtomicLong();
    var digest = java.security.MessageDigest.getInstance("SHA-256");
    Backend.Service hearing =
        socket -> {
          var chunk = new byte[65_536];
          for (int read = socket.getInputStream().read(chunk);
              read >= 0;
              read = socket.getInputStream().read(chunk)) {
            digest.update(chunk, 0, read);
            heard.addAndGet(read);
          }
        };
    try (var server = ScriptedServer.start();
        var backend = Backend.serving(hearing);
        var tunnel = TestTunnel.start(server)) {
      var peer = server.open();
      var payload = random(16 * MIB, 4);
      peer.send(backend.connect(2));
      var message = Peer.bytes(MessageCodec.encode(new Data(2, ByteBuffer.wrap(payload))));
      var frame = Peer.frame(true, ScriptedServer.BINARY, message);
      int headerBytes = frame.length - payload.length;

      peer.write(Arrays.copyOf(frame, headerBytes));
      for (int sent = 0; sent < payload.length; sent += MIB) {
        peer.write(Arrays.copyOfRange(payload, sent, sent + MIB));
        int expected = sent + MIB - FrameReader.MAX_PIECE_BYTES;
        TestTunnel.eventually("it is on its way", () -> heard.get() >= expected);
        assertThat(tunnel.client().reading().queuedBytes()).isLessThan(2 * MIB);
      }

      TestTunnel.eventually("all is delivered", () -> heard.get() == payload.length);
      var sha256 = java.security.MessageDigest.getInstance("SHA-256");
      assertThat(digest.digest()).isEqualTo(sha256.digest(payload));
    }
  }

  @Test
  void h4EndsTheStreamWhenNobodyTakesTheFrame() throws Exception {
    try (var server = ScriptedServer.start();
        var backend = Backend.start();
        var tunnel = TestTunnel.start(server)) {
      var peer = server.open();
      peer.send(backend.connect(2));
      backend.accept();

      peer.sendData(2, new byte[48 * MIB]);

      assertThat(peer.await(Close.class)).isEqualTo(new Close(2, "receive buffer limit"));
      peer.barrier();
      assertThat(tunnel.client().reading().connected()).isTrue();
    }
  }

  @Test
  void h5WaitsForAnAnnouncedFrameNoLongerThanTheSilenceLimit() throws Exception {
    try (var server = ScriptedServer.start();
        var tunnel = TestTunnel.start(server, timer)) {
      var peer = server.open();
      peer.answerPings(false);
      peer.barrier();
      peer.writeHex("827f0000000004000000");

      TestTunnel.eventually(
          "closed",
          () -> {
            timer.advance(Duration.ofSeconds(1));
            return peer.hasEnded();
          });

      tunnel.pauses().take();
      assertThat(tunnel.problem().message()).contains("no byte");
    }
  }

  @Test
  void h5RefusesAnAbsurdLengthAtOnce() throws Exception {
    try (var server = ScriptedServer.start();
        var _ = TestTunnel.start(server)) {
      var peer = server.open();

      peer.writeHex("827f3fffffffffffffff");

      assertThat(peer.expectCloseFrame()).isEqualTo(1009);
      peer.expectEnd();
    }
  }

  @Test
  void h6EndsAnEndlessMessageWith1009() throws Exception {
    try (var server = ScriptedServer.start();
        var tunnel = TestTunnel.start(server)) {
      var peer = server.open();
      peer.sendFrame(false, ScriptedServer.BINARY, hex("000402b0ea01"));
      var fragment = new byte[MIB];
      for (int i = 0; i < 63; i++) {
        peer.sendFrame(false, ScriptedServer.CONTINUATION, fragment);
      }
      assertThat(tunnel.client().reading().connected()).isTrue();

      // The announcement of one more MiB is enough; unread payload would reset the connection.
      peer.writeHex("007f" + "0000000000100000");

      assertThat(peer.expectCloseFrame()).isEqualTo(1009);
      peer.expectEnd();
    }
  }

  @ParameterizedTest(name = "{0}")
  @CsvSource({
    "text frame,          1003, 810178",
    "RSV1,                1002, c20178",
    "mask,                1002, 828437fa213d25fe238d",
    "opcode 3,            1002, 830178",
    "opcode 11,           1002, 8b0178",
    "126-byte ping,       1002, 897e007e",
    "fragmented ping,     1002, 090178",
    "lone continuation,   1002, 800178"
  })
  void h7ClosesWithTheRightCode(String what, int code, String frame) throws Exception {
    try (var server = ScriptedServer.start();
        var backend = Backend.start();
        var tunnel = TestTunnel.start(server)) {
      var peer = server.open();
      peer.send(backend.connect(2));
      var local = backend.accept();

      peer.writeHex(frame);

      assertThat(peer.expectCloseFrame()).as(what).isEqualTo(code);
      peer.expectEnd();
      assertThat(local.getInputStream().read()).isNegative();
      tunnel.pauses().take();
    }
  }

  @Test
  void h8AnswersStrayDataAtALimitedRate() throws Exception {
    try (var server = ScriptedServer.start();
        var _ = TestTunnel.start(server, timer)) {
      var peer = server.open();
      for (long id = 1; id <= 20_000; id++) {
        peer.sendData(id, "stray");
      }

      assertThat(peer.barrier())
          .hasSize(UnknownStreams.ANSWERS_A_SECOND)
          .allSatisfy(answer -> assertThat(answer).isInstanceOf(Close.class));
      peer.sendFrame(ScriptedServer.PING, new byte[] {7});
      assertThat(peer.expectPong()).isEqualTo(ByteBuffer.wrap(new byte[] {7}));
    }
  }

  /** Dials that go on until they are called off or the test lets them fail. */
  private static final class StuckDialer implements Dialer {
    final AtomicInteger dials = new AtomicInteger();
    final CountDownLatch gate = new CountDownLatch(1);

    @Override
    public SocketChannel dial(String network, String address, Dial dial) throws IOException {
      dials.incrementAndGet();
      try {
        gate.await();
      } catch (InterruptedException e) {
        throw new IOException(e);
      }
      throw new IOException("dial tcp: no route");
    }
  }

  @Test
  void h9RefusesWhatIsOverTheLimitOfDials() throws Exception {
    var dialer = new StuckDialer();
    try (var server = ScriptedServer.start();
        var tunnel = TestTunnel.start(server, dialer, timer)) {
      var peer = server.open();
      var answers = new ConcurrentHashMap<String, Integer>();
      var all = new Semaphore(0);
      peer.onMessage(
          message -> {
            if (message instanceof Close(_, var reason)) {
              answers.merge(reason, 1, Integer::sum);
              all.release();
            }
          });

      for (int id = 2; id < 100_002; id++) {
        peer.send(new Connect(id, "tcp", "10.0.0.1:443"));
      }

      assertThat(all.tryAcquire(100_000 - TunnelSession.MAX_DIALS, 60, TimeUnit.SECONDS)).isTrue();
      assertThat(answers)
          .containsExactly(
              Map.entry("too many dials in progress", 100_000 - TunnelSession.MAX_DIALS));
      assertThat(tunnel.streamsOpen()).isEqualTo(TunnelSession.MAX_DIALS);
      TestTunnel.eventually("dials begin", () -> dialer.dials.get() == TunnelSession.MAX_DIALS);
      dialer.gate.countDown();
      assertThat(all.tryAcquire(TunnelSession.MAX_DIALS, 60, TimeUnit.SECONDS)).isTrue();
      assertThat(answers).containsEntry("dial tcp: no route", TunnelSession.MAX_DIALS);
    }
  }

  @Test
  void h10CallsDialsOffWithTheSession() throws Exception {
    var cancelled = new Semaphore(0);
    try (var server = ScriptedServer.start();
        var hole = Backend.start()) {
      Dialer blackHole =
          (_, _, dial) -> {
            var channel = new TcpDialer().dial("tcp", hole.address(), dial);
            try {
              channel.read(ByteBuffer.allocate(1)); // until it is closed from outside
            } finally {
              cancelled.release();
            }
            throw new IOException("the black hole has answered");
          };
      try (var tunnel = TestTunnel.start(server, blackHole)) {
        var peer = server.open();
        for (int id = 2; id < 1_002; id++) {
          peer.send(new Connect(id, "tcp", "10.0.0.1:443"));
        }
        assertThat(peer.barrier()).hasSize(1_000 - TunnelSession.MAX_DIALS);
        for (int i = 0; i < TunnelSession.MAX_DIALS; i++) {
          hole.accept();
        }

        peer.close();

        assertThat(cancelled.tryAcquire(TunnelSession.MAX_DIALS, 30, TimeUnit.SECONDS)).isTrue();
        tunnel.pauses().take();
        tunnel.awaitNoStreams();
      }
    }
  }

  @Test
  void h11LeavesNothingAfter10000Streams() throws Exception {
    try (var server = ScriptedServer.start();
        var backend = Backend.echo();
        var tunnel = TestTunnel.start(server)) {
      var peer = server.open();
      int most = 64;
      var atOnce = new Semaphore(most);
      peer.onMessage(
          message -> {
            if (message instanceof Data(var id, _)) {
              send(peer, new Close(id, Close.END_OF_FILE));
              atOnce.release();
            }
          });

      for (long id = 2; id < 10_002; id++) {
        assertThat(atOnce.tryAcquire(30, TimeUnit.SECONDS)).isTrue();
        peer.send(backend.connect(id));
        peer.sendData(id, "x");
      }
      assertThat(atOnce.tryAcquire(most, 30, TimeUnit.SECONDS)).as("all have answered").isTrue();

      tunnel.awaitNoStreams();
      assertThat(tunnel.client().reading().queuedBytes()).isZero();
      assertThat(tunnel.client().reading().totals().dials()).isEqualTo(10_000);
    }
  }

  @Test
  void h12EndsTheSessionOfAPeerThatAsksAndNeverReads() throws Exception {
    try (var server = ScriptedServer.start();
        var tunnel = TestTunnel.start(server, timer)) {
      var peer = server.open();
      peer.barrier();
      peer.stopReading();
      var refused = new ByteArrayOutputStream();
      for (long id = 2; id < 1_002; id++) {
        refused.writeBytes(
            ScriptedServer.Peer.frame(
                true,
                ScriptedServer.BINARY,
                ScriptedServer.Peer.bytes(MessageCodec.encode(new Connect(id, "udp", "a:1")))));
      }

      while (tunnel.client().reading().connected()) {
        try {
          peer.write(refused.toByteArray());
        } catch (IOException _) {
          break; // it is over
        }
      }

      tunnel.pauses().take();
      assertThat(tunnel.problem())
          .isEqualTo(
              new Problem(
                  Reason.TUNNEL_STALLED,
                  "server does not read: " + Outbox.CONTROL_LIMIT + " messages wait"));
    }
  }

  @Test
  void h12OutlivesAPeerThatDoesNotReadFor30Seconds() throws Exception {
    try (var server = ScriptedServer.start();
        var flooding = Backend.serving(HostileConformanceTest::flood);
        var tunnel = TestTunnel.start(server, timer)) {
      var peer = server.open();
      peer.barrier();
      peer.stopReading();
      for (long id = 2; id < 202; id++) {
        peer.send(flooding.connect(id));
      }
      TestTunnel.eventually(
          "all buffers are full",
          () -> tunnel.client().reading().queuedBytes() > Outbox.BUDGET_BYTES / 2);

      for (int i = 0; i < 6; i++) {
        timer.advance(Duration.ofSeconds(5));
        peer.sendData(-1, "x"); // a sign of life
        int signs = i + 1;
        TestTunnel.eventually(
            "seen", () -> tunnel.client().reading().totals().receivedBytes() == signs);
        assertThat(tunnel.client().reading().queuedBytes())
            .as("the budget, and what each stream had leave to read before it was used up")
            .isLessThan(Outbox.BUDGET_BYTES + 200L * Outbox.MAX_DATA_BYTES + MIB);
      }
      var bytesBefore = new AtomicLong();
      peer.onMessage(
          message -> {
            if (message instanceof Data(_, var payload) && !peer.hasPing()) {
              bytesBefore.addAndGet(payload.remaining());
            }
          });
      peer.goOn();

      peer.expectPing();
      assertThat(bytesBefore.get()).as("of data before the ping").isLessThan(32L * MIB);
      assertThat(tunnel.client().reading().totals().sessions()).isEqualTo(1);
    }
  }

  @Test
  void h14AnswersAFloodOfPingsAndCarriesData() throws Exception {
    try (var server = ScriptedServer.start();
        var backend = Backend.echo();
        var _ = TestTunnel.start(server)) {
      var peer = server.open();
      peer.send(backend.connect(2));
      for (int i = 1; i <= 10_000; i++) {
        peer.sendFrame(ScriptedServer.PING, ByteBuffer.allocate(4).putInt(i).array());
      }
      peer.sendData(2, "through");

      assertThat(peer.expectText(2, 7)).isEqualTo("through");
      int pongs = 0;
      for (int last = 0; last < 10_000; pongs++) {
        int next = peer.expectPong().getInt(0);
        assertThat(next).as("in order").isGreaterThan(last);
        last = next;
      }
      assertThat(pongs).isLessThanOrEqualTo(10_000);
    }
  }

  @Test
  void h15APongOvertakesTheDataOf64Streams() throws Exception {
    try (var server = ScriptedServer.start();
        var flooding = Backend.serving(HostileConformanceTest::flood);
        var _ = TestTunnel.start(server)) {
      var peer = server.open();
      var bytes = new AtomicLong();
      var flowing = new Semaphore(0);
      peer.onMessage(
          message -> {
            if (message instanceof Data(_, var payload)) {
              bytes.addAndGet(payload.remaining());
              flowing.release();
            }
          });
      for (long id = 2; id < 66; id++) {
        peer.send(flooding.connect(id));
      }
      assertThat(flowing.tryAcquire(1_000, 30, TimeUnit.SECONDS)).isTrue();

      for (int i = 0; i < 20; i++) {
        long before = bytes.get();
        peer.sendFrame(ScriptedServer.PING, new byte[0]);
        peer.expectPong();
        // Only what the send window and both kernels hold goes before it, never the queue of data.
        assertThat(bytes.get() - before).isLessThan(32L * MIB);
      }
    }
  }

  @Test
  void h19LogsThePeersTextEscapedAndCut() throws Exception {
    var lines = new ListAppender<ILoggingEvent>();
    lines.start();
    log.setLevel(Level.DEBUG);
    log.addAppender(lines);
    try (var server = ScriptedServer.start();
        var backend = Backend.start();
        var _ = TestTunnel.start(server)) {
      var peer = server.open();
      peer.send(backend.connect(2));
      backend.accept();
      var nasty = "nasty\n\u001b[31m\u0000".getBytes(UTF_8);
      var text = Arrays.copyOf(new byte[] {0, 4, 6}, 3 + MIB);
      System.arraycopy(nasty, 0, text, 3, nasty.length);
      text[40] = (byte) 0xFF;
      peer.sendFrame(ScriptedServer.BINARY, text);
      peer.send(new Connect(3, "tcp", "nasty\nhost:443"));
      peer.send(new Connect(4, "u\ndp", "nasty\nhost:443"));
      peer.await(Close.class);
      peer.await(Close.class);
      peer.barrier();
      peer.writeHex("880803e86e6173740a79");
      peer.expectEnd();
    } finally {
      log.detachAppender(lines);
    }

    var texts = List.copyOf(lines.list).stream().map(ILoggingEvent::getFormattedMessage).toList();
    assertThat(texts).anySatisfy(text -> assertThat(text).contains("nasty??[31m?"));
    assertThat(texts)
        .allSatisfy(
            text -> assertThat(text).hasSizeLessThan(400).doesNotMatch("(?s).*\\p{Cntrl}.*"));
  }

  @Test
  void h21AnswersPingsOfTheServersCheckWhile64BulkStreamsRun() throws Exception {
    try (var server = ScriptedServer.start();
        var steve = SteveServer.start();
        var flooding = Backend.serving(HostileConformanceTest::flood)) {
      Dialer dialer =
          (network, address, dial) ->
              address.equals("not-used:80")
                  ? steve.connect(dial::opening)
                  : new TcpDialer().dial(network, address, dial);
      try (var _ = TestTunnel.start(server, dialer)) {
        var peer = server.open();
        var answers = new LinkedBlockingQueue<String>();
        var texts = new HashMap<Long, StringBuilder>();
        peer.onMessage(
            message -> {
              if (message instanceof Data(var id, var payload) && id >= 1_000) {
                var text = texts.computeIfAbsent(id, _ -> new StringBuilder());
                text.append(UTF_8.decode(payload.duplicate()));
                if (text.toString().endsWith("pong")) {
                  answers.add(text.toString());
                }
              }
            });
        for (long id = 2; id < 66; id++) {
          peer.send(flooding.connect(id));
        }

        for (long id = 1_000; id < 1_010; id++) {
          peer.send(new Connect(id, "tcp", "not-used:80"));
          peer.sendData(id, "GET /ping HTTP/1.1\r\nHost: not-used\r\n\r\n");
          assertThat(answers.poll(10, TimeUnit.SECONDS)).startsWith("HTTP/1.1 200");
        }
      }
    }
  }

  @Test
  void everyFrameIsAWholeMessage() throws Exception {
    try (var server = ScriptedServer.start();
        var backend = Backend.echo();
        var _ = TestTunnel.start(server)) {
      var peer = server.open();
      peer.send(backend.connect(2));
      peer.sendData(2, random(300_000, 1));
      peer.expectData(2, 300_000);

      var frames = new ArrayList<>(peer.frames);
      assertThat(frames).isNotEmpty().allMatch(Frame::fin);
      assertThat(frames)
          .allMatch(frame -> frame.opcode() != ScriptedServer.CONTINUATION)
          .allMatch(frame -> frame.lengthBytes() <= Outbox.MAX_DATA_BYTES + 24);
    }
  }
}
