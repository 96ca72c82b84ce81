package io.drover.agent.tunnel;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;

import io.drover.agent.reason.Reason;
import io.drover.proto.tunnel.Message.Close;
import io.drover.proto.tunnel.Message.Connect;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Table 6.1 of the protocol's specification. */
@Timeout(120)
class HandshakeConformanceTest {
  /** More than sockets hold. */
  private static final int UNREAD_CHUNKS = 128;

  private static final int UNREAD_CHUNK_BYTES = 64 * 1024;

  private final ManualTimer timer = new ManualTimer();

  @Test
  void t1AsksForAWebsocketWithoutExtensionOrSubprotocol() throws Exception {
    try (var server = ScriptedServer.start();
        var _ = TestTunnel.start(server)) {
      var peer = server.open();

      assertThat(peer.requestLine()).isEqualTo("GET /v3/connect HTTP/1.1");
      assertThat(peer.headers())
          .containsEntry("upgrade", "websocket")
          .containsEntry("sec-websocket-version", "13")
          .containsEntry("host", "localhost:" + server.url().getPort())
          .containsEntry("x-api-tunnel-token", "token")
          .containsEntry("x-api-tunnel-params", "cGFyYW1z")
          .doesNotContainKey("sec-websocket-extensions")
          .doesNotContainKey("sec-websocket-protocol")
          .doesNotContainKey("x-api-tunnel-id");
      assertThat(peer.headers().get("connection")).isEqualToIgnoringCase("upgrade");
      assertThat(Base64.getDecoder().decode(peer.headers().get("sec-websocket-key"))).hasSize(16);
      assertThat(peer.barrier()).isEmpty();
    }
  }

  @Test
  void t1WorksOverTlsAndOffersNoHttp2(@TempDir Path directory) throws Exception {
    var identity = TestIdentity.create(directory);
    var backend = Backend.echo();
    try (backend;
        var server = ScriptedServer.startTls(identity.server());
        var _ =
            TestTunnel.start(
                () -> Optional.of(TestTunnel.handshake(server.url(), identity.trust())))) {
      var peer = server.accept();
      var offered = peer.offeredProtocols();
      peer.readRequest();
      peer.write(peer.switchingProtocols());
      peer.start();

      assertThat(offered).doesNotContain("h2");
      peer.send(backend.connect(2));
      var payload = new byte[1_000_000];
      new java.util.Random(1).nextBytes(payload);
      peer.sendData(2, payload);
      assertThat(peer.expectData(2, payload.length)).isEqualTo(payload);
    }
  }

  @Test
  void t2AcceptsOtherHeadersAndLowerCaseNames() throws Exception {
    try (var server = ScriptedServer.start();
        var _ = TestTunnel.start(server)) {
      var peer = server.accept();
      peer.readRequest();
      peer.write(
          """
          HTTP/1.1 101 switching\r
          date: Thu, 01 Jan 1970 00:00:00 GMT\r
          upgrade: WebSocket\r
          x-content-type-options: nosniff\r
          connection: upgrade\r
          sec-websocket-accept: %s\r
          \r
          """
              .formatted(peer.acceptHash())
              .getBytes(ISO_8859_1));
      peer.start();

      assertThat(peer.barrier()).isEmpty();
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"wrong hash", "no upgrade", "200", "301", "302", "400", "not http"})
  void t3FailsAndClosesOnAnyOtherAnswer(String what) throws Exception {
    try (var server = ScriptedServer.start();
        var tunnel = TestTunnel.start(server)) {
      var peer = server.accept();
      peer.readRequest();
      peer.write(answer(what, peer, server).getBytes(ISO_8859_1));
      peer.start();

      tunnel.pauses().take();
      peer.expectEnd();
      var reading = tunnel.client().reading();
      assertThat(reading.connected()).isFalse();
      var problem = tunnel.problem();
      assertThat(problem.message()).isNotEmpty().hasSizeLessThan(1_400);
      assertThat(peer.frames).as("frames before the websocket was open").isEmpty();
      switch (what) {
        case "200" -> assertThat(problem.message()).contains("status=200 body=hello");
        case "301" ->
            assertThat(problem.message())
                .isEqualTo("status=301 body=redirect to https://moved.example.com/v3/connect");
        case "302" -> assertThat(problem.message()).contains("redirect to " + server.url());
        case "400" -> assertThat(problem.message()).contains("status=400 body=xxxxxxxxx");
        default -> assertThat(problem.message()).contains("handshake");
      }
      assertThat(problem.reason())
          .isEqualTo(
              switch (what) {
                case "200" -> Reason.HTTP_INSTEAD_OF_WEBSOCKET;
                case "301", "302" -> Reason.REDIRECTED;
                case "400" -> Reason.PARAMETERS_REFUSED;
                default -> Reason.HANDSHAKE_FAILED;
              });
    }
  }

  @Test
  void t3SaysThatTheConnectionEndedInTheMiddle() throws Exception {
    try (var server = ScriptedServer.start();
        var tunnel = TestTunnel.start(server)) {
      var peer = server.accept();
      peer.readRequest();
      peer.write("HTTP/1.1 101 Switching Prot".getBytes(ISO_8859_1));
      peer.close();

      tunnel.pauses().take();
      assertThat(tunnel.problem().reason()).isEqualTo(Reason.HANDSHAKE_FAILED);
    }
  }

  private static String answer(String what, ScriptedServer.Peer peer, ScriptedServer server) {
    var switching = new String(peer.switchingProtocols(), ISO_8859_1);
    return switch (what) {
      case "wrong hash" -> switching.replace(peer.acceptHash(), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
      case "no upgrade" -> switching.replace("Upgrade: websocket\r\n", "");
      case "200" -> "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
      case "301" ->
          "HTTP/1.1 301 Moved Permanently\r\nLocation: https://moved.example.com/v3/connect\r\n\r\n";
      case "302" -> "HTTP/1.1 302 Found\r\nLocation: " + server.url() + "\r\n\r\n";
      case "400" ->
          "HTTP/1.1 400 Bad Request\r\nContent-Length: 5120\r\n\r\n" + "x".repeat(5 * 1024);
      default -> "SSH-2.0-OpenSSH_9.9\r\n\r\n";
    };
  }

  @Test
  void t4ReadsAFrameThatComesWithThe101() throws Exception {
    try (var server = ScriptedServer.start();
        var _ = TestTunnel.start(server)) {
      var peer = server.accept();
      peer.readRequest();
      var connect =
          ScriptedServer.Peer.bytes(
              io.drover.proto.tunnel.MessageCodec.encode(new Connect(2, "udp", "a:1")));
      var frame = ScriptedServer.Peer.frame(true, ScriptedServer.BINARY, connect);
      var head = peer.switchingProtocols();
      var both = java.util.Arrays.copyOf(head, head.length + frame.length);
      System.arraycopy(frame, 0, both, head.length, frame.length);
      peer.write(both);
      peer.start();

      assertThat(peer.expect(Close.class)).isEqualTo(new Close(2, "connect not allowed"));
    }
  }

  @Test
  void t5GivesUpOnAServerThatStallsAfter10Seconds() throws Exception {
    try (var server = ScriptedServer.start();
        var tunnel = TestTunnel.start(server, timer)) {
      var peer = server.accept();
      peer.readRequest();
      peer.start();

      timer.advance(Duration.ofSeconds(10));

      peer.expectEnd();
      tunnel.pauses().take();
      assertThat(tunnel.problem().message()).contains("no answer within 10 s");
    }
  }

  /** A server that many ask at once is not asked again before it could answer. */
  @Test
  void t5WaitsLongerForAServerThatHasSaidNothing() throws Exception {
    try (var server = ScriptedServer.start();
        var tunnel = TestTunnel.start(server, timer)) {
      for (var limit : List.of(10, 20, 40, 40)) {
        var peer = server.accept();
        peer.readRequest();
        peer.start();
        TestTunnel.eventually("an answer is awaited", () -> timer.pending() == 1);
        timer.advance(Duration.ofSeconds(limit).minusNanos(1));
        assertThat(timer.pending()).isOne();
        timer.advance(Duration.ofNanos(1));
        peer.expectEnd();
        tunnel.pauses().take();
        assertThat(tunnel.problem().message()).contains("no answer within " + limit + " s");
        tunnel.pauses().end();
      }

      var peer = server.open();
      peer.barrier();
      peer.close();
      tunnel.pauses().take();
      tunnel.pauses().end();
      var next = server.accept();
      next.readRequest();
      next.start();
      TestTunnel.eventually("an answer is awaited", () -> timer.pending() == 1);
      timer.advance(Duration.ofSeconds(10));
      tunnel.pauses().take();
      assertThat(tunnel.problem().message()).contains("no answer within 10 s");
    }
  }

  @Test
  void t5StopsAtOnceWhileAServerStalls() throws Exception {
    try (var server = ScriptedServer.start()) {
      var tunnel = TestTunnel.start(server, timer);
      var peer = server.accept();
      peer.readRequest();
      peer.start();
      long start = System.nanoTime();

      tunnel.close();

      peer.expectEnd();
      assertThat(Duration.ofNanos(System.nanoTime() - start)).isLessThan(Duration.ofSeconds(3));
    }
  }

  @Test
  void t6ReadsThe101ByteByByteAndSaysNothingBefore() throws Exception {
    try (var server = ScriptedServer.start();
        var _ = TestTunnel.start(server)) {
      var peer = server.accept();
      peer.readRequest();
      for (byte b : peer.switchingProtocols()) {
        assertThat(peer.hasInput()).isFalse();
        peer.write(new byte[] {b});
      }
      peer.start();

      assertThat(peer.barrier()).isEmpty();
    }
  }

  @Test
  void t12PingsEvery5Seconds() throws Exception {
    try (var server = ScriptedServer.start();
        var _ = TestTunnel.start(server, timer)) {
      var peer = server.open();
      peer.barrier();
      for (int i = 0; i < 6; i++) {
        timer.advance(Duration.ofMillis(4_999));
        peer.barrier();
        assertThat(peer.hasPing()).isFalse();

        timer.advance(Duration.ofMillis(1));
        assertThat(peer.expectPing().remaining()).isZero();
        peer.barrier();
      }
    }
  }

  @Test
  void t13LivesOnEmptyPongs() throws Exception {
    try (var server = ScriptedServer.start();
        var tunnel = TestTunnel.start(server, timer)) {
      var peer = server.open();
      peer.barrier();

      for (int i = 0; i < 60; i++) {
        timer.advance(Duration.ofSeconds(5));
        peer.expectPing();
        peer.barrier();
      }

      assertThat(tunnel.client().reading().totals().sessions()).isEqualTo(1);
      assertThat(tunnel.client().reading().connected()).isTrue();
    }
  }

  @Test
  void t14EndsTheSessionAfter14SecondsWithoutAByteAndComesBack() throws Exception {
    try (var server = ScriptedServer.start();
        var tunnel = TestTunnel.start(server, timer)) {
      var peer = server.open();
      peer.answerPings(false);
      peer.barrier();

      timer.advance(TunnelSession.SILENCE_LIMIT.minusMillis(1));
      assertThat(peer.expectPing()).isNotNull();
      assertThat(tunnel.client().reading().connected()).isTrue();
      timer.advance(TunnelSession.SOONEST_WATCH);

      peer.expectEnd();
      tunnel.pauses().take();
      assertThat(tunnel.problem().message()).contains("no byte from the server for 14 s");
      tunnel.pauses().end();
      assertThat(server.open().barrier()).isEmpty();
    }
  }

  /** As where only the way to the server is cut, and it goes on to ask for one thing or another. */
  @Test
  void t15EndsTheSessionAfter14SecondsWithoutAPongInWhichLittleElseComes() throws Exception {
    try (var server = ScriptedServer.start();
        var tunnel = TestTunnel.start(server, timer)) {
      var peer = server.open();
      peer.barrier();
      peer.answerPings(false);
      timer.advance(Duration.ofSeconds(7));
      peer.barrier();
      timer.advance(DialledSocket.REST);
      peer.barrier(); // no rest
      timer.advance(Duration.ofMillis(6_900));
      peer.barrier();
      assertThat(tunnel.client().reading().connected()).isTrue();

      timer.advance(DialledSocket.REST.plus(TunnelSession.SOONEST_WATCH)); // 15 s of rest in all

      peer.expectEnd();
      tunnel.pauses().take();
      assertThat(tunnel.problem().message())
          .contains("no answer to pings, and nothing else from the server for 14 s in all");
    }
  }

  @Test
  void t15StartsAnewWithEachPong() throws Exception {
    try (var server = ScriptedServer.start();
        var tunnel = TestTunnel.start(server, timer)) {
      var peer = server.open();
      peer.answerPings(false);
      for (int i = 0; i < 10; i++) {
        timer.advance(Duration.ofSeconds(7));
        peer.barrier();
        timer.advance(Duration.ofSeconds(6));
        peer.sendFrame(ScriptedServer.PONG, new byte[0]);
        peer.barrier();
      }

      assertThat(tunnel.client().reading().totals().sessions()).isEqualTo(1);
      assertThat(tunnel.client().reading().connected()).isTrue();
    }
  }

  @Test
  void t15EndsTheSessionAfter60SecondsWithoutAPongThoughBytesComeAllTheTime() throws Exception {
    try (var server = ScriptedServer.start();
        var tunnel = TestTunnel.start(server, timer)) {
      var peer = server.open();
      peer.answerPings(false);
      for (int i = 0; i < 60; i++) {
        peer.barrier();
        timer.advance(Duration.ofSeconds(1));
      }
      peer.barrier();
      assertThat(tunnel.client().reading().connected()).isTrue();

      timer.advance(Duration.ofSeconds(1));

      peer.expectEnd();
      tunnel.pauses().take();
      assertThat(tunnel.problem().message()).contains("no answer to pings for 60 s");
    }
  }

  @Test
  void t18TakesAPongNobodyAskedForAsASignOfLife() throws Exception {
    try (var server = ScriptedServer.start();
        var tunnel = TestTunnel.start(server, timer)) {
      var peer = server.open();
      peer.answerPings(false);
      peer.barrier();
      for (int i = 0; i < 12; i++) {
        peer.sendFrame(ScriptedServer.PONG, new byte[] {1, 2, 3});
        peer.barrier();
        timer.advance(Duration.ofSeconds(13));
      }

      assertThat(tunnel.client().reading().connected()).isTrue();
      assertThat(peer.barrier()).isEmpty();
    }
  }

  @ParameterizedTest
  @CsvSource({"880803e8, 1000", "880203e9, 1001", "880203f3, 1011", "88020fa0, 4000"})
  void t19EchoesTheCodeOfACloseAndClosesTcp(String frame, int code) throws Exception {
    try (var server = ScriptedServer.start();
        var tunnel = TestTunnel.start(server)) {
      var peer = server.open();

      peer.writeHex(code == 1000 ? frame + "676f6f64" + "6279" : frame);

      assertThat(peer.expectCloseFrame()).isEqualTo(code);
      peer.expectEnd();
      tunnel.pauses().take();
      assertThat(tunnel.problem().message()).startsWith("close " + code);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"8800", "880100", "880203ed", "8802ffff", "880403e8c328"})
  void t19EndsOnStrangeCloseFramesToo(String frame) throws Exception {
    try (var server = ScriptedServer.start();
        var tunnel = TestTunnel.start(server)) {
      var peer = server.open();

      peer.writeHex(frame);

      peer.expectEnd();
      tunnel.pauses().take();
    }
  }

  @Test
  void t20AnswersWhatIsAskedBeforeItGoes() throws Exception {
    try (var server = ScriptedServer.start();
        var echo = Backend.echo();
        var slow = Backend.start();
        var tunnel = TestTunnel.draining(server, Duration.ofSeconds(60))) {
      var peer = server.open();
      peer.send(echo.connect(2));
      peer.sendData(2, "hello");
      assertThat(peer.expectText(2, 5)).isEqualTo("hello");
      peer.send(slow.connect(3));
      peer.sendData(3, "question");
      var asked = slow.accept();
      assertThat(asked.getInputStream().readNBytes(8)).hasSize(8);

      var closing = Thread.ofVirtual().start(tunnel.client()::close);
      assertThat(closing.join(TunnelSession.QUIET.multipliedBy(2))).as("closed").isFalse();
      peer.send(echo.connect(4));
      peer.sendData(4, "new");
      assertThat(peer.expectText(4, 3)).isEqualTo("new");
      asked.getOutputStream().write("answer".getBytes(java.nio.charset.StandardCharsets.UTF_8));
      assertThat(peer.expectText(3, 6)).isEqualTo("answer");

      // The streams are still open, and nobody waits for anything.
      assertThat(peer.expectCloseFrame()).isEqualTo(1001);
      peer.expectEnd();
      closing.join();
      TestTunnel.eventually("threads gone", () -> tunnel.threads().isEmpty());
    }
  }

  @Test
  void t20WritesWhatItHasOfAnEndedStreamBeforeItGoes() throws Exception {
    try (var server = ScriptedServer.start();
        var slow = Backend.start();
        var tunnel = TestTunnel.draining(server, Duration.ofSeconds(60))) {
      var peer = server.open();
      peer.send(slow.connect(2));
      var target = slow.accept();
      long sentBytes = 0;
      // Much, since kernels go on to take some.
      while (tunnel.client().reading().queuedBytes() < ReceiveBuffer.LIMIT_BYTES / 2) {
        peer.sendData(2, new byte[UNREAD_CHUNK_BYTES]);
        peer.barrier();
        sentBytes += UNREAD_CHUNK_BYTES;
      }
      peer.send(new Close(2, "EOF"));
      peer.barrier();

      var closing = Thread.ofVirtual().start(tunnel.client()::close);
      assertThat(closing.join(TunnelSession.QUIET.multipliedBy(2))).as("closed").isFalse();

      assertThat(target.getInputStream().transferTo(OutputStream.nullOutputStream()))
          .isEqualTo(sentBytes);
      assertThat(peer.expectCloseFrame()).isEqualTo(1001);
      peer.expectEnd();
      closing.join();
    }
  }

  @Test
  void t20GoesAtOnceIfNothingHasMovedForLong() throws Exception {
    var timer = new ManualTimer();
    try (var server = ScriptedServer.start();
        var echo = Backend.echo();
        var tunnel = TestTunnel.draining(server, Duration.ofDays(1), timer)) {
      var peer = server.open();
      peer.send(echo.connect(2));
      peer.sendData(2, "hello");
      assertThat(peer.expectText(2, 5)).isEqualTo("hello");
      timer.advance(TunnelSession.QUIET);

      tunnel.client().close();

      assertThat(peer.expectCloseFrame()).isEqualTo(1001);
    }
  }

  // A server may write until it has seen the goodbye; a reset would reach it before that.
  @Test
  void t20ReadsOnUntilTheServerHasClosed() throws Exception {
    var timer = new ManualTimer();
    try (var server = ScriptedServer.start();
        var tunnel = TestTunnel.draining(server, Duration.ofDays(1), timer)) {
      var peer = server.open();
      peer.stayOpen();
      peer.barrier();

      var closing = Thread.ofVirtual().start(tunnel.client()::close);
      assertThat(peer.expectCloseFrame()).isEqualTo(1001);
      peer.expectEnd();
      for (int i = 0; i < UNREAD_CHUNKS; i++) {
        peer.sendData(2, new byte[UNREAD_CHUNK_BYTES]);
      }
      peer.close();

      closing.join();
      assertThat(timer.pending()).isZero();
    }
  }

  @Test
  void t20DoesNotWaitForeverForTheServerToClose() throws Exception {
    var timer = new ManualTimer();
    try (var server = ScriptedServer.start();
        var tunnel = TestTunnel.draining(server, Duration.ofDays(1), timer)) {
      var peer = server.open();
      peer.stayOpen();
      peer.barrier();
      timer.advance(WebSocketTransport.HANDSHAKE_LIMIT); // or that limit might be the one awaited
      peer.sendFrame(ScriptedServer.BINARY, new byte[1]);
      assertThat(peer.expectCloseFrame()).isEqualTo(FrameReader.PROTOCOL_ERROR);
      peer.expectEnd();
      TestTunnel.eventually("only the end is awaited", () -> timer.pending() == 1);

      timer.advance(WebSocketTransport.GOODBYE_LIMIT);

      tunnel.pauses().take();
    }
  }

  @Test
  void t20CutsStreamsThatOutliveTheGraceTime() throws Exception {
    try (var server = ScriptedServer.start();
        var backend = Backend.start();
        var tunnel = TestTunnel.draining(server, Duration.ofMillis(50))) {
      var peer = server.open();
      var locals = new ArrayList<java.net.Socket>();
      for (long id = 2; id < 5; id++) {
        peer.send(backend.connect(id));
        locals.add(backend.accept());
      }

      tunnel.client().close();

      assertThat(peer.expectCloseFrame()).isEqualTo(1001);
      peer.expectEnd();
      for (var local : locals) {
        assertThat(local.getInputStream().read()).isNegative();
      }
    }
  }

  @Test
  void t21ClosesTheOldSocketBeforeItComesBackWithJitter() throws Exception {
    try (var server = ScriptedServer.start()) {
      var first = new AtomicReference<ScriptedServer.Peer>();
      var closedFirst = new ArrayList<String>();
      TunnelClient.Handshakes handshakes =
          () -> {
            var peer = first.get();
            if (peer != null) {
              peer.expectEnd(); // would fail here if it were still open
              closedFirst.add("closed");
            }
            return Optional.of(TestTunnel.handshake(server.url()));
          };
      try (var tunnel = TestTunnel.start(handshakes)) {
        var peer = server.open();
        peer.answerClose(false);
        peer.barrier();
        first.set(peer);

        peer.writeHex("880203e8");

        assertThat(tunnel.pauses().take()).isBetween(Duration.ofNanos(1), Duration.ofSeconds(20));
        tunnel.pauses().end();
        assertThat(server.open().barrier()).isEmpty();
        assertThat(closedFirst).hasSize(1);
      }
    }
  }

  @Test
  void t21ComesBackAfterAReset() throws Exception {
    try (var server = ScriptedServer.start();
        var tunnel = TestTunnel.start(server)) {
      var peer = server.open();
      peer.barrier();

      peer.reset();

      assertThat(tunnel.pauses().take()).isLessThanOrEqualTo(Duration.ofSeconds(5));
      tunnel.pauses().end();
      assertThat(server.open().barrier()).isEqualTo(List.of());
      assertThat(tunnel.client().reading().totals().sessions()).isEqualTo(2);
    }
  }

  @Test
  void h13GivesUpOnAServerThatHasVanishedWhileWeWrite() throws Exception {
    try (var server = ScriptedServer.start();
        var backend = Backend.serving(HandshakeConformanceTest::flood);
        var tunnel = TestTunnel.start(server, timer)) {
      var peer = server.open();
      peer.barrier();
      peer.stopReading();
      peer.send(backend.connect(2));
      // It is stuck somewhere between here and a full lane: below, more would be read.
      TestTunnel.eventually(
          "our writer is stuck",
          () -> tunnel.client().reading().queuedBytes() >= Outbox.LANE_BYTES / 2);

      timer.advance(Duration.ofSeconds(15));

      tunnel.pauses().take();
      assertThat(tunnel.problem().message()).contains("no byte");
      tunnel.awaitNoStreams();
      tunnel.pauses().end();
      assertThat(server.open().barrier()).isEmpty();
    }
  }

  private static void flood(java.net.Socket socket) throws IOException {
    var chunk = new byte[65_536];
    while (true) {
      socket.getOutputStream().write(chunk);
    }
  }
}
