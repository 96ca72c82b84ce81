package io.drover.agent.tunnel;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import io.drover.agent.ClosedPort;
import io.drover.agent.tunnel.ScriptedServer.Peer;
import io.drover.proto.tunnel.Message;
import io.drover.proto.tunnel.Message.Close;
import io.drover.proto.tunnel.Message.Connect;
import io.drover.proto.tunnel.Message.Data;
import io.drover.proto.tunnel.Message.Pause;
import io.drover.proto.tunnel.Message.Resume;
import java.io.IOException;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Table 6.3 of the protocol's specification, and row F12. */
@Timeout(120)
class StreamConformanceTest {
  private final ManualTimer timer = new ManualTimer();

  private static byte[] random(int length, long seed) {
    var bytes = new byte[length];
    new Random(seed).nextBytes(bytes);
    return bytes;
  }

  @Test
  void s1EchoesDataInOrder() throws Exception {
    try (var server = ScriptedServer.start();
        var backend = Backend.echo();
        var _ = TestTunnel.start(server)) {
      var peer = server.open();
      var payload = random(1_000_000, 1);

      peer.send(backend.connect(2));
      for (int from = 0; from < payload.length; from += 10_000) {
        peer.sendData(2, java.util.Arrays.copyOfRange(payload, from, from + 10_000));
      }

      assertThat(peer.expectData(2, payload.length)).isEqualTo(payload);
    }
  }

  @Test
  void s2RefusedPortGivesOneErrorWithTheReason() throws Exception {
    try (var server = ScriptedServer.start();
        var tunnel = TestTunnel.start(server);
        var closed = new ClosedPort()) {
      var peer = server.open();

      peer.send(new Connect(2, "tcp", closed.address()));

      assertThat(peer.expectClose(2).reason())
          .isEqualTo("dial tcp " + closed.address() + ": connect: connection refused");
      assertThat(peer.barrier()).isEmpty();
      TestTunnel.eventually(
          "counted", () -> tunnel.client().reading().totals().dialFailures() == 1);
    }
  }

  /** Its dials end only when they are called off. */
  private static Dialer blackHole(Backend backend) {
    return (_, _, dial) -> {
      var channel = new TcpDialer().dial("tcp", backend.address(), dial);
      channel.read(ByteBuffer.allocate(1)); // until it is closed from outside
      throw new IOException("the black hole has answered");
    };
  }

  @Test
  void s3BlackHoleGivesATimeoutAfterTheDialLimit() throws Exception {
    try (var server = ScriptedServer.start();
        var backend = Backend.start();
        var tunnel = TestTunnel.start(server, blackHole(backend), timer)) {
      var peer = server.open();
      peer.send(new Connect(2, "tcp", "10.9.9.9:443"));
      var local = backend.accept();
      timer.advance(TunnelStream.DIAL_LIMIT.minusSeconds(2)); // or the session would be dead
      assertThat(peer.barrier()).isEmpty();

      timer.advance(Duration.ofSeconds(2));

      assertThat(peer.expectClose(2).reason()).isEqualTo("dial tcp 10.9.9.9:443: i/o timeout");
      assertThat(local.getInputStream().read()).as("dial called off").isNegative();
      assertThat(peer.barrier()).isEmpty();
      tunnel.awaitNoStreams();
    }
  }

  @Test
  void s4DeliversDataBetweenConnectAndEnd() throws Exception {
    try (var server = ScriptedServer.start();
        var backend = Backend.start();
        var tunnel = TestTunnel.start(server)) {
      var peer = server.open();
      var payload = random(100_000, 4);

      peer.send(backend.connect(2));
      peer.sendData(2, payload);
      peer.send(new Close(2, Close.END_OF_FILE));

      var local = backend.accept();
      assertThat(local.getInputStream().readAllBytes()).isEqualTo(payload);
      tunnel.awaitNoStreams();
      assertThat(peer.barrier()).as("no echo").isEmpty();
    }
  }

  @Test
  void s4DeliversEverythingToASlowReaderBehindTheEnd() throws Exception {
    try (var server = ScriptedServer.start();
        var backend = Backend.start();
        var tunnel = TestTunnel.start(server)) {
      var peer = server.open();
      var payload = random(7_000_000, 4);
      peer.send(backend.connect(2));
      var local = backend.accept();

      peer.sendData(2, payload);
      peer.send(new Close(2, Close.END_OF_FILE));
      peer.barrier();

      assertThat(local.getInputStream().readAllBytes()).isEqualTo(payload);
      tunnel.awaitNoStreams();
    }
  }

  @Test
  void s5EndBeforeTheDialEndsCallsItOff() throws Exception {
    try (var server = ScriptedServer.start();
        var backend = Backend.start();
        var tunnel = TestTunnel.start(server, blackHole(backend))) {
      var peer = server.open();
      peer.send(new Connect(2, "tcp", "10.9.9.9:443"));
      var local = backend.accept();

      peer.send(new Close(2, "context canceled"));

      assertThat(local.getInputStream().read()).as("dial called off").isNegative();
      assertThat(peer.barrier()).isEmpty();
      tunnel.awaitNoStreams();
    }
  }

  @Test
  void s6SendsAllDataAndThenOneEnd() throws Exception {
    var payload = random(200_000, 6);
    try (var server = ScriptedServer.start();
        var backend = Backend.serving(socket -> socket.getOutputStream().write(payload));
        var tunnel = TestTunnel.start(server)) {
      var peer = server.open();

      peer.send(backend.connect(2));

      assertThat(peer.expectData(2, payload.length)).isEqualTo(payload);
      assertThat(peer.expectClose(2).reason()).isEqualTo("EOF");
      peer.send(new Close(2, Close.END_OF_FILE)); // the Go server's echo
      assertThat(peer.barrier()).isEmpty();
      tunnel.awaitNoStreams();
    }
  }

  @Test
  void s7ResetInMidStreamSendsTheDataSoFarAndTheReason() throws Exception {
    try (var server = ScriptedServer.start();
        var backend = Backend.start();
        var _ = TestTunnel.start(server)) {
      var peer = server.open();
      peer.send(backend.connect(2));
      var local = backend.accept();
      local.getOutputStream().write("so far".getBytes(UTF_8));
      assertThat(peer.expectText(2, 6)).isEqualTo("so far");

      local.setSoLinger(true, 0);
      local.close();

      assertThat(peer.expectClose(2).reason())
          .isEqualTo("read tcp " + backend.address() + ": connection reset by peer");
      assertThat(peer.barrier()).isEmpty();
    }
  }

  @Test
  void s8AnswersDataForAClosedStreamOnceASecond() throws Exception {
    try (var server = ScriptedServer.start();
        var backend = Backend.serving(_ -> {});
        var tunnel = TestTunnel.start(server, timer)) {
      var peer = server.open();
      peer.send(backend.connect(2));
      peer.expectClose(2);
      tunnel.awaitNoStreams();

      for (int i = 0; i < 100; i++) {
        peer.sendData(2, "late");
      }
      assertThat(peer.barrier()).containsExactly(new Close(2, "connection not found client/0/2"));

      timer.advance(Duration.ofSeconds(1));
      peer.sendData(2, "later");
      assertThat(peer.barrier()).containsExactly(new Close(2, "connection not found client/0/2"));
    }
  }

  @Test
  void s9SaysNothingToControlMessagesForUnknownStreams() throws Exception {
    try (var server = ScriptedServer.start();
        var _ = TestTunnel.start(server)) {
      var peer = server.open();
      for (long id : new long[] {0, 2, -1, 77}) {
        peer.send(new Close(id, "EOF"));
        peer.send(new Pause(id));
        peer.send(new Resume(id));
      }

      assertThat(peer.barrier()).isEmpty();
    }
  }

  @Test
  void s10RefusesTargetsOnTheirStreamOnly() throws Exception {
    try (var server = ScriptedServer.start();
        var backend = Backend.echo();
        var tunnel = TestTunnel.start(server)) {
      var peer = server.open();
      peer.send(backend.connect(2));
      peer.send(new Connect(3, "udp", "10.0.0.1:53"));
      peer.send(new Connect(4, "unix", "/var/run/docker.sock"));
      peer.send(new Connect(5, "a::tcp", "10.0.0.1:443"));
      peer.send(new Connect(6, "", ""));
      peer.writeHex("8206" + "000e04b0ea01"); // stream 7, nothing in it

      assertThat(peer.barrier())
          .containsExactly(
              new Close(3, "connect not allowed"),
              new Close(4, "connect not allowed"),
              new Close(5, "connect not allowed"),
              new Close(6, "connect not allowed"),
              new Close(7, "address without network"));
      peer.sendData(2, "alive");
      assertThat(peer.expectText(2, 5)).isEqualTo("alive");
      assertThat(tunnel.dialer().dials()).isEqualTo(1);
    }
  }

  @Test
  void s11KeepsTheFirstStreamOfAnId() throws Exception {
    try (var server = ScriptedServer.start();
        var backend = Backend.echo();
        var other = Backend.start();
        var tunnel = TestTunnel.start(server)) {
      var peer = server.open();
      peer.send(backend.connect(2));
      peer.sendData(2, "first");
      assertThat(peer.expectText(2, 5)).isEqualTo("first");

      peer.send(other.connect(2));
      peer.write(Peer.frame(true, ScriptedServer.BINARY, new byte[] {0, 4, 4, 0, 'x'}));

      assertThat(peer.barrier()).as("an answer would end the first").isEmpty();
      peer.sendData(2, "still");
      assertThat(peer.expectText(2, 5)).isEqualTo("still");
      assertThat(tunnel.dialer().dials()).isEqualTo(1);
    }
  }

  @Test
  void s17TakesAHalfCloseOfTheBackendForTheEnd() throws Exception {
    try (var server = ScriptedServer.start();
        var backend = Backend.start();
        var tunnel = TestTunnel.start(server)) {
      var peer = server.open();
      peer.send(backend.connect(2));
      var local = backend.accept();

      local.shutdownOutput();

      assertThat(peer.expectClose(2).reason()).isEqualTo("EOF");
      assertThat(local.getInputStream().read()).isNegative();
      tunnel.awaitNoStreams();
    }
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void s18LosesAllStreamsWithTheSession(boolean byReset) throws Exception {
    try (var server = ScriptedServer.start();
        var backend = Backend.start();
        var tunnel = TestTunnel.start(server)) {
      var peer = server.open();
      var locals = new ArrayList<Socket>();
      for (long id = 2; id < 102; id++) {
        peer.send(backend.connect(id));
        locals.add(backend.accept());
      }

      if (byReset) {
        peer.reset();
      } else {
        peer.close();
      }

      for (var local : locals) {
        local.setSoTimeout(10_000);
        assertThat(local.getInputStream().read()).isNegative();
      }
      tunnel.pauses().take();
      tunnel.awaitNoStreams();
      TestTunnel.eventually(
          "threads of the session gone",
          () ->
              Set.copyOf(tunnel.threads())
                  .equals(Set.of(tunnel.name() + "-reader", tunnel.name() + "-sockets")));
    }
  }

  @Test
  void s24RefusesStreamsAboveTheLimitAndCarriesTheOthersOn() throws Exception {
    try (var server = ScriptedServer.start();
        var backend = Backend.echo();
        var tunnel = TestTunnel.limited(server, 3)) {
      var peer = server.open();
      for (long id = 2; id < 5; id++) {
        peer.send(backend.connect(id));
      }

      peer.send(backend.connect(5));

      assertThat(peer.expectClose(5).reason()).isEqualTo("too many streams");
      assertThat(tunnel.streamsOpen()).isEqualTo(3);
      peer.sendData(4, new byte[] {7});
      assertThat(peer.expectData(4, 1)).containsExactly(7);

      peer.send(new Close(2, "EOF"));
      peer.send(backend.connect(6));
      peer.sendData(6, new byte[] {8});
      assertThat(peer.expectData(6, 1)).containsExactly(8);
    }
  }

  @Test
  void h20LosesAllStreamsInTheMiddleOfAFragment() throws Exception {
    try (var server = ScriptedServer.start();
        var backend = Backend.start();
        var tunnel = TestTunnel.start(server)) {
      var peer = server.open();
      peer.send(backend.connect(2));
      var local = backend.accept();
      peer.sendFrame(false, ScriptedServer.BINARY, new byte[] {0, 4, 2});
      peer.writeHex("0005b0");

      peer.close();

      assertThat(local.getInputStream().read()).isNegative();
      tunnel.pauses().take();
      tunnel.awaitNoStreams();
      tunnel.pauses().end();
      assertThat(server.open().barrier()).isEmpty();
    }
  }

  // What came before a clean end is delivered even if the dial was still going on; what came before
  // an error is not, and the dial is called off.
  @ParameterizedTest
  @ValueSource(strings = {"EOF", "", "EOF\n", "100", "101", "1 MiB"})
  void f12OnlyEofIsAnEndInOrder(String reason) throws Exception {
    var gate = new CountDownLatch(1);
    Dialer gated =
        (network, address, dial) -> {
          try {
            gate.await();
          } catch (InterruptedException e) {
            throw new IOException(e);
          }
          return new TcpDialer().dial(network, address, dial);
        };
    try (var server = ScriptedServer.start();
        var backend = Backend.start();
        var tunnel = TestTunnel.start(server, gated)) {
      var peer = server.open();
      peer.send(backend.connect(2));
      peer.sendData(2, "x");
      peer.sendFrame(ScriptedServer.BINARY, error(reason));
      assertThat(peer.barrier()).isEmpty();

      gate.countDown();

      if (reason.equals("EOF")) {
        assertThat(backend.accept().getInputStream().readAllBytes()).containsExactly('x');
      }
      tunnel.awaitNoStreams();
      TestTunnel.eventually("dial over", () -> tunnel.dialer().dials() == 1);
      peer.send(backend.connect(3));
      backend.accept();
      assertThat(backend.hasConnection()).isFalse();
    }
  }

  private static byte[] error(String reason) {
    var text =
        switch (reason) {
          case "100" -> "x".repeat(100);
          case "101" -> "x".repeat(101);
          case "1 MiB" -> "x".repeat(1024 * 1024);
          default -> reason;
        };
    var header = new byte[] {0, 4, 6};
    var bytes = java.util.Arrays.copyOf(header, header.length + text.length());
    System.arraycopy(text.getBytes(UTF_8), 0, bytes, header.length, text.length());
    return bytes;
  }

  @Test
  void dataCrossingTheEndOfAStreamIsHarmless() throws Exception {
    try (var server = ScriptedServer.start();
        var backend = Backend.echo();
        var tunnel = TestTunnel.start(server)) {
      var peer = server.open();
      for (long id = 2; id < 502; id++) {
        peer.send(backend.connect(id));
        peer.sendData(id, "x");
        peer.send(new Close(id, Close.END_OF_FILE));
        peer.send(new Pause(id));
        peer.send(new Resume(id));
      }

      for (Message message : peer.barrier()) {
        assertThat(message).as("an echo that was faster than our end").isInstanceOf(Data.class);
      }
      tunnel.awaitNoStreams();
    }
  }
}
