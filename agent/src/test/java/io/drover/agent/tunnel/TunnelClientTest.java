package io.drover.agent.tunnel;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;

import ch.qos.logback.classic.Level;
import io.drover.agent.ClosedPort;
import io.drover.agent.Logged;
import io.drover.agent.reason.Failure;
import io.drover.agent.reason.Problem;
import io.drover.agent.reason.Reason;
import io.drover.agent.tunnel.TunnelClient.Handshakes;
import java.io.IOException;
import java.net.URI;
import java.time.Duration;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;

@Timeout(120)
class TunnelClientTest {
  private static final Problem RANCHER_HERE =
      new Problem(Reason.NOT_WANTED, "Rancher is installed in this cluster");

  @RegisterExtension private final Logged log = new Logged(TunnelClient.class);

  private static void refuse(ScriptedServer server, String head) throws IOException {
    var peer = server.accept();
    peer.readRequest();
    peer.write((head + "\r\nContent-Length: 2\r\n\r\nno").getBytes(ISO_8859_1));
  }

  // ---- how long it waits, with the jitter at its most

  @Test
  void comesBackSoonWhenTheWayToTheServerFails() throws Exception {
    var server = ScriptedServer.start();
    server.close();
    try (var _ = new ClosedPort(server.url().getPort());
        var tunnel = TestTunnel.start(server)) {
      assertThat(tunnel.pauses().take()).isEqualTo(Duration.ofSeconds(5));
      tunnel.pauses().end();
      assertThat(tunnel.pauses().take()).isEqualTo(Duration.ofSeconds(10));
      assertThat(tunnel.problem().message()).contains("connect: connection refused");
    }
  }

  @Test
  void leavesTimeToAServerThatHasClosed() throws Exception {
    try (var server = ScriptedServer.start();
        var tunnel = TestTunnel.start(server)) {
      server.open().writeHex("880203e9");

      assertThat(tunnel.pauses().take()).isEqualTo(Duration.ofSeconds(20));
    }
  }

  @Test
  void takesALostConnectionForAFailureOfTheWay() throws Exception {
    try (var server = ScriptedServer.start();
        var tunnel = TestTunnel.start(server)) {
      var peer = server.open();
      peer.barrier();
      peer.reset();

      assertThat(tunnel.pauses().take()).isEqualTo(Duration.ofSeconds(5));
    }
  }

  @Test
  void heedsRetryAfter() throws Exception {
    try (var server = ScriptedServer.start();
        var tunnel = TestTunnel.start(server)) {
      refuse(server, "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 30");
      assertThat(tunnel.pauses().take()).isEqualTo(Duration.ofSeconds(30 + 20));

      tunnel.pauses().end();
      refuse(server, "HTTP/1.1 503 Service Unavailable\r\nretry-after: 999999999");
      assertThat(tunnel.pauses().take()).isEqualTo(Duration.ofSeconds(600 + 40));

      tunnel.pauses().end();
      refuse(server, "HTTP/1.1 503 Service Unavailable\r\nRetry-After: soon");
      assertThat(tunnel.pauses().take()).isEqualTo(Duration.ofSeconds(60));
    }
  }

  @Test
  void saysWhatARefusalMeans() throws Exception {
    try (var server = ScriptedServer.start();
        var tunnel = TestTunnel.start(server)) {
      refuse(server, "HTTP/1.1 400 Bad Request");
      tunnel.pauses().take();
      assertThat(tunnel.problem())
          .isEqualTo(new Problem(Reason.PARAMETERS_REFUSED, "status=400 body=no"));

      tunnel.pauses().end();
      refuse(server, "HTTP/1.1 401 Unauthorized");
      tunnel.pauses().take();
      assertThat(tunnel.problem())
          .isEqualTo(new Problem(Reason.SERVER_STARTING, "status=401 body=no"));
    }
  }

  // ---- what it does when attempts go on failing

  @Test
  void keepsNothingAfterSomeFailuresInARow() throws Exception {
    var afresh = new AtomicInteger();
    var handshakes =
        new Handshakes() {
          @Override
          public Optional<Handshake> next() throws IOException {
            throw new IOException("not now");
          }

          @Override
          public void startAfresh() {
            afresh.incrementAndGet();
          }
        };
    try (var tunnel = TestTunnel.start(handshakes)) {
      for (int failure = 1; failure <= 2 * TunnelClient.AFRESH_EVERY; failure++) {
        tunnel.pauses().take();
        assertThat(afresh).hasValue(failure / TunnelClient.AFRESH_EVERY);
        tunnel.pauses().end();
      }
    }
  }

  @Test
  void faultOfOursCostsAnAttemptAndNotTheTunnel() throws Exception {
    var attempts = new AtomicInteger();
    try (var server = ScriptedServer.start();
        var tunnel =
            TestTunnel.start(
                () -> {
                  if (attempts.getAndIncrement() == 0) {
                    throw new IllegalStateException("a bug");
                  }
                  return TestTunnel.to(server.url()).next();
                })) {
      tunnel.pauses().take();
      assertThat(tunnel.problem()).isEqualTo(new Problem(Reason.OTHER, "a bug"));
      assertThat(log.at(Level.ERROR)).singleElement().asString().contains("this is a bug");

      tunnel.pauses().end();
      server.open().barrier();
      assertThat(tunnel.client().reading().connected()).isTrue();
    }
  }

  // ---- what it logs

  @Test
  void logsAChangeOnce() throws Exception {
    try (var server = ScriptedServer.start();
        var tunnel = TestTunnel.start(server)) {
      for (int i = 0; i < 3; i++) {
        refuse(server, "HTTP/1.1 503 Service Unavailable");
        tunnel.pauses().take();
        tunnel.pauses().end();
      }
      assertThat(log.at(Level.WARN)).hasSize(1);
      assertThat(log.at(Level.INFO)).isEmpty();

      var peer = server.open();
      peer.barrier();
      assertThat(log.at(Level.INFO))
          .containsExactly(
              "tunnel up: tunnel=%s url=%s notLogged=ServerUnavailable:2"
                  .formatted(tunnel.name(), server.url()));
      peer.writeHex("880603e9" + "67616d65"); // game
      tunnel.pauses().take();

      assertThat(log.at(Level.WARN))
          .hasSize(2)
          .last()
          .isEqualTo(
              "tunnel down: tunnel=%s reason=%s"
                  .formatted(
                      tunnel.name(), new Problem(Reason.TUNNEL_CLOSED, "close 1001 game").text()));
    }
    assertThat(String.join("\n", log.at(Level.INFO))).doesNotContain("cGFyYW1z");
  }

  @Test
  void aReasonWhoseWordsChangeIsToldOnce() throws Exception {
    var attempts = new AtomicInteger();
    Handshakes expired =
        () -> {
          throw new Failure(Reason.TLS_EXPIRED, "expired, now is " + attempts.incrementAndGet());
        };
    try (var tunnel = TestTunnel.start(expired)) {
      for (int i = 0; i < 3; i++) {
        tunnel.pauses().take();
        tunnel.pauses().end();
      }
      tunnel.pauses().take();
      assertThat(tunnel.problem().message()).isEqualTo("expired, now is 4");
    }

    assertThat(log.at(Level.WARN)).hasSize(1);
  }

  @Test
  void isSilentWhenItIsTold() throws Exception {
    try (var server = ScriptedServer.start();
        var tunnel = TestTunnel.start(server)) {
      server.open().barrier();
      tunnel.client().close();
    }

    assertThat(log.at(Level.WARN)).isEmpty();
  }

  // ---- when and with what it connects

  @Test
  void looksAgainLaterWhetherATunnelIsWanted() throws Exception {
    var wanted = new AtomicBoolean();
    try (var server = ScriptedServer.start();
        var tunnel =
            TestTunnel.start(
                () -> Optional.of(TestTunnel.handshake(server.url())).filter(_ -> wanted.get()))) {
      assertThat(tunnel.pauses().take()).isEqualTo(Duration.ofSeconds(30));
      tunnel.pauses().end();
      assertThat(tunnel.pauses().take()).isEqualTo(Duration.ofSeconds(30));
      assertThat(tunnel.client().reading().unwanted()).isTrue();
      assertThat(tunnel.client().reading().connected()).isFalse();
      assertThat(log.at(Level.INFO)).containsExactly("tunnel not wanted: tunnel=" + tunnel.name());

      wanted.set(true);
      tunnel.pauses().end();

      server.open().barrier();
      assertThat(tunnel.client().reading().unwanted()).isFalse();
      assertThat(tunnel.client().reading().connected()).isTrue();
    }
  }

  @Test
  void asksForTheHandshakeAnewAndSaysWhenItWasAccepted() throws Exception {
    var asked = new AtomicInteger();
    var accepted = new LinkedBlockingQueue<Integer>();
    try (var server = ScriptedServer.start()) {
      var handshakes =
          new TunnelClient.Handshakes() {
            @Override
            public Optional<Handshake> next() throws IOException {
              if (asked.incrementAndGet() == 2) {
                throw new IOException("no token file");
              }
              var path = URI.create(server.url() + "/" + asked.get());
              return Optional.of(TestTunnel.handshake(path));
            }

            @Override
            public void accepted(Handshake handshake) {
              accepted.add(asked.get());
            }
          };
      try (var tunnel = TestTunnel.start(handshakes)) {
        var peer = server.open();
        assertThat(peer.requestLine()).isEqualTo("GET /v3/connect/1 HTTP/1.1");
        assertThat(accepted.poll(10, TimeUnit.SECONDS)).isEqualTo(1);
        peer.close();
        tunnel.pauses().take();

        tunnel.pauses().end();
        tunnel.pauses().take();
        assertThat(tunnel.problem().message()).isEqualTo("no token file");

        tunnel.pauses().end();
        assertThat(server.open().requestLine()).isEqualTo("GET /v3/connect/3 HTTP/1.1");
        assertThat(accepted.poll(10, TimeUnit.SECONDS)).isEqualTo(3);
        assertThat(accepted).isEmpty();
      }
    }
  }

  @Test
  void comesBackAfterItWasDisconnected() throws Exception {
    try (var server = ScriptedServer.start();
        var tunnel = TestTunnel.start(server)) {
      var peer = server.open();
      peer.barrier();

      tunnel.client().disconnect(RANCHER_HERE);

      assertThat(peer.expectCloseFrame()).isEqualTo(1000);
      peer.expectEnd();
      tunnel.pauses().take();
      assertThat(tunnel.problem()).isEqualTo(RANCHER_HERE);
      tunnel.pauses().end();
      server.open().barrier();
    }
  }

  @Test
  void stopsWhileItWaits() throws Exception {
    var server = ScriptedServer.start();
    server.close();
    try (var _ = new ClosedPort(server.url().getPort());
        var tunnel = TestTunnel.start(server)) {
      tunnel.pauses().take();
    } // fails if a thread is left

    assertThat(log.at(Level.WARN)).as("the refused connection").hasSize(1);
  }

  @Test
  void readsWhatItHasDone() throws Exception {
    try (var server = ScriptedServer.start();
        var backend = Backend.echo();
        var tunnel = TestTunnel.start(server)) {
      var peer = server.open();
      peer.send(backend.connect(2));
      peer.sendData(2, "hello");
      peer.expectText(2, 5);
      peer.send(new io.drover.proto.tunnel.Message.Connect(3, "udp", "a:1"));
      peer.barrier();

      var reading = tunnel.client().reading();

      assertThat(reading.connected()).isTrue();
      assertThat(reading.problem()).isNull();
      assertThat(reading.streamsOpen()).isEqualTo(1);
      assertThat(reading.totals().sessions()).isEqualTo(1);
      assertThat(reading.totals().streams()).isEqualTo(1);
      assertThat(reading.totals().refusedStreams()).isEqualTo(2); // and the barrier
      assertThat(reading.totals().receivedBytes()).isEqualTo(5);
      assertThat(reading.totals().sentBytes()).isEqualTo(5);
    }
  }

  @Test
  void remembersWhyItWasDownWhenItIsUpAgain() throws Exception {
    try (var server = ScriptedServer.start();
        var tunnel = TestTunnel.start(server)) {
      var peer = server.open();
      peer.barrier();
      assertThat(tunnel.client().reading().past()).as("it has never been down").isEmpty();
      peer.writeHex("880203e9");
      tunnel.pauses().take();
      tunnel.pauses().end();

      server.open().barrier();

      var reading = tunnel.client().reading();
      assertThat(reading.connected()).isTrue();
      var past = Objects.requireNonNull(reading.last());
      assertThat(past.problem().reason()).isEqualTo(Reason.TUNNEL_CLOSED);
      assertThat(past.at()).isBeforeOrEqualTo(reading.since());
    }
  }
}
