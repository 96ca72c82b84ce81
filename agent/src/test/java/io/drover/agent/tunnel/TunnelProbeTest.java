package io.drover.agent.tunnel;

import static io.drover.agent.reason.ReasonIs.reason;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.drover.agent.config.ProxyConfig;
import io.drover.agent.reason.Reason;
import io.drover.agent.tls.ServerDialer;
import io.drover.proto.tunnel.Message.Close;
import io.drover.proto.tunnel.Message.Data;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import javax.net.ssl.SSLContext;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class TunnelProbeTest {
  private ScriptedServer server;
  private Timer.SystemTimer timer;
  private LocalSockets sockets;

  @BeforeEach
  void start() throws Exception {
    server = ScriptedServer.start();
    var watchdog = new Watchdog(System::nanoTime);
    timer = Timer.system(watchdog);
    sockets = LocalSockets.start("probe", watchdog);
  }

  @AfterEach
  void stop() throws Exception {
    sockets.close();
    timer.close();
    server.close();
  }

  private CompletableFuture<TunnelProbe> opening() {
    var opening = new CompletableFuture<TunnelProbe>();
    Thread.ofVirtual()
        .start(
            () -> {
              try {
                opening.complete(
                    TunnelProbe.open(
                        "probe",
                        new ServerDialer(ProxyConfig.NONE, SSLContext.getDefault()),
                        new Handshake(
                            server.url(),
                            Map.of(),
                            SSLContext.getDefault(),
                            DialPolicy.everything()),
                        (_, _, _) -> {
                          throw new java.io.IOException("nothing to dial here");
                        },
                        DialAudit.none(),
                        timer,
                        sockets));
              } catch (Exception e) {
                opening.completeExceptionally(e);
              }
            });
    return opening;
  }

  @Test
  void frameIsSentForAStreamThatNobodyKnowsAndItsAnswerAwaited() throws Exception {
    var opening = opening();
    var peer = server.open();
    try (var probe = opening.get()) {
      var sent =
          CompletableFuture.runAsync(
              () -> {
                try {
                  probe.sendFrame(4 * 1024);
                  probe.sendFrame(64 * 1024);
                } catch (Exception e) {
                  throw new IllegalStateException(e);
                }
              });

      var small = peer.expect(Data.class);
      peer.send(new Close(small.streamId(), "connection not found"));

      var data = peer.expect(Data.class);
      assertThat(data.streamId()).isNotEqualTo(small.streamId()); // answers are limited for each
      assertThat(data.payload().remaining()).isEqualTo(64 * 1024);
      assertThat(sent).isNotDone();
      peer.send(new Close(data.streamId(), "connection not found"));

      sent.get();
    }
  }

  @Test
  void servesWhatTheServerAsksOfItMeanwhile() throws Exception {
    var opening = opening();
    var peer = server.open();
    try (var _ = opening.get()) {
      peer.send(new io.drover.proto.tunnel.Message.Connect(2, "tcp", "not-used:80"));

      assertThat(peer.expect(Close.class).reason()).contains("nothing to dial here");
    }
  }

  @Test
  void cutSessionIsSaidWhereItIsHeld() throws Exception {
    var opening = opening();
    var peer = server.open();
    try (var probe = opening.get()) {
      peer.close();

      assertThatThrownBy(() -> probe.hold(ScriptedServer.LIMIT)).has(reason(Reason.TUNNEL_CUT));
      assertThatThrownBy(() -> probe.sendFrame(1)).has(reason(Reason.TUNNEL_CUT));
    }
  }

  @Test
  void sessionThatLastsIsNoFailure() throws Exception {
    var opening = opening();
    var _ = server.open();
    try (var probe = opening.get()) {
      probe.hold(Duration.ofMillis(1));
    }
  }

  @Test
  void refusalKeepsItsWords() throws Exception {
    var opening = opening();
    var peer = server.accept();
    peer.readRequest();
    peer.write(
        "HTTP/1.1 400 Bad Request\r\nContent-Length: 17\r\n\r\ncluster not found"
            .getBytes(java.nio.charset.StandardCharsets.ISO_8859_1));

    assertThatThrownBy(opening::get)
        .cause()
        .isInstanceOf(HandshakeRefused.class)
        .has(reason(Reason.TOKEN_UNKNOWN));
  }
}
