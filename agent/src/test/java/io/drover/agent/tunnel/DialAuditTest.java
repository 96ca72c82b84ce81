package io.drover.agent.tunnel;

import static org.assertj.core.api.Assertions.assertThat;

import io.drover.agent.ClosedPort;
import io.drover.agent.reason.Problem;
import io.drover.agent.reason.Reason;
import io.drover.agent.tunnel.DialAudit.Dialled;
import io.drover.agent.tunnel.DialAudit.Ender;
import io.drover.proto.tunnel.Message.Close;
import io.drover.proto.tunnel.Message.Connect;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Every dial is told of once, whoever ends it. */
@Timeout(60)
final class DialAuditTest {
  private static void assertEnd(Dialled dial, long stream, Ender ender, String reason) {
    assertThat(dial.streamId()).isEqualTo(stream);
    assertThat(dial.ender()).isEqualTo(ender);
    assertThat(dial.reason()).contains(reason);
  }

  private static void assertBytes(Dialled dial, long sent, long received) {
    assertThat(dial.sentBytes()).as("sent").isEqualTo(sent);
    assertThat(dial.receivedBytes()).as("received").isEqualTo(received);
  }

  @Test
  void serverEndsADial() throws Exception {
    var timer = new ManualTimer();
    try (var server = ScriptedServer.start();
        var backend = Backend.echo();
        var tunnel = TestTunnel.start(server, timer)) {
      var peer = server.open();
      var connect = backend.connect(2);
      peer.send(connect);
      peer.sendData(2, new byte[1_000]);
      peer.expectData(2, 1_000);
      timer.advance(Duration.ofMillis(700));
      peer.send(new Close(2, Close.END_OF_FILE));

      var dial = tunnel.takeDial();

      assertEnd(dial, 2, Ender.SERVER, "EOF");
      assertBytes(dial, 1_000, 1_000);
      assertThat(dial.network()).isEqualTo("tcp");
      assertThat(dial.address()).isEqualTo(connect.address());
      assertThat(dial.rule()).contains("any-tcp");
      assertThat(dial.duration()).isEqualTo(Duration.ofMillis(700));
    }
  }

  @Test
  void whatTheServerSentBeforeItsEndIsCounted() throws Exception {
    try (var server = ScriptedServer.start();
        var backend = Backend.start();
        var tunnel = TestTunnel.start(server)) {
      var peer = server.open();
      peer.send(backend.connect(2));
      peer.sendData(2, new byte[100_000]);
      peer.send(new Close(2, Close.END_OF_FILE));
      backend.accept().getInputStream().readAllBytes();

      var dial = tunnel.takeDial();

      assertEnd(dial, 2, Ender.SERVER, "EOF");
      assertBytes(dial, 0, 100_000);
    }
  }

  @Test
  void targetEndsADial() throws Exception {
    try (var server = ScriptedServer.start();
        var backend = Backend.start();
        var tunnel = TestTunnel.start(server)) {
      var peer = server.open();
      peer.send(backend.connect(2));
      try (var local = backend.accept()) {
        local.getOutputStream().write(new byte[500]);
      }
      peer.expectData(2, 500);
      peer.expectClose(2);

      var dial = tunnel.takeDial();

      assertEnd(dial, 2, Ender.TARGET, "EOF");
      assertBytes(dial, 500, 0);
    }
  }

  @Test
  void targetCannotBeReached() throws Exception {
    try (var server = ScriptedServer.start();
        var tunnel = TestTunnel.start(server);
        var closed = new ClosedPort()) {
      server.open().send(new Connect(2, "tcp", closed.address()));

      assertEnd(tunnel.takeDial(), 2, Ender.TARGET, "connection refused");
    }
  }

  @Test
  void policyRefusesADial() throws Exception {
    try (var server = ScriptedServer.start();
        var tunnel = TestTunnel.start(server)) {
      server.open().send(new Connect(2, "unix", "/var/run/docker.sock"));

      var dial = tunnel.takeDial();

      assertEnd(dial, 2, Ender.AGENT, "connect not allowed");
      assertThat(dial.rule()).isEmpty();
      assertBytes(dial, 0, 0);
    }
  }

  @Test
  void tunnelThatTheServerClosesSaysSo() throws Exception {
    try (var server = ScriptedServer.start();
        var backend = Backend.echo();
        var tunnel = TestTunnel.start(server)) {
      var peer = server.open();
      peer.send(backend.connect(2));
      tunnel.awaitDials(1);

      peer.writeHex("880603e9" + "67616d65"); // game

      assertEnd(tunnel.takeDial(), 2, Ender.TUNNEL, "close 1001 game");
    }
  }

  @Test
  void tunnelEndsAllItsDialsOnce() throws Exception {
    try (var server = ScriptedServer.start();
        var backend = Backend.echo();
        var tunnel = TestTunnel.start(server)) {
      var peer = server.open();
      peer.send(backend.connect(2));
      peer.send(backend.connect(3));
      tunnel.awaitDials(2);

      tunnel.client().disconnect(new Problem(Reason.OTHER, "enough"));

      for (int i = 0; i < 2; i++) {
        var dial = tunnel.takeDial();
        assertEnd(dial, dial.streamId(), Ender.TUNNEL, "enough");
      }
      tunnel.awaitNoStreams();
      assertThat(tunnel.dialsLeft()).isZero();
    }
  }
}
