package io.drover.agent.tunnel;

import static io.drover.agent.reason.ReasonIs.reason;
import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.drover.agent.reason.Failure;
import io.drover.agent.reason.Reason;
import io.drover.agent.tunnel.TunnelClient.Handshakes;
import io.drover.proto.tunnel.Message.Close;
import java.io.IOException;
import java.net.URI;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import javax.net.ssl.SSLContext;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What changes while a session is open. */
@Timeout(120)
class TunnelRenewalTest implements Handshakes {
  private ScriptedServer server;
  private volatile Handshake next;
  private final CountDownLatch asked = new CountDownLatch(1);
  private volatile @Nullable CompletableFuture<Void> readersWait;
  private volatile Optional<Failure> disproof = Optional.empty();
  private final LinkedBlockingQueue<Handshake> accepted = new LinkedBlockingQueue<>();

  @BeforeEach
  void start() throws Exception {
    server = ScriptedServer.start();
    next = handshake(server.url(), "old-token");
  }

  @AfterEach
  void stop() throws Exception {
    server.close();
  }

  @Override
  public Optional<Handshake> next() throws IOException {
    var gate = readersWait;
    if (gate != null && Thread.currentThread().getName().endsWith("-reader")) {
      asked.countDown();
      gate.join(); // whatever interrupts it
      throw new IOException("no answer");
    }
    return Optional.of(next);
  }

  @Override
  public void prove(Handshake before, Handshake news) throws IOException {
    assertThat(news).isEqualTo(next).isNotEqualTo(before);
    if (disproof.isPresent()) {
      throw disproof.get();
    }
  }

  @Override
  public void accepted(Handshake handshake) {
    accepted.add(handshake);
  }

  private static Handshake handshake(URI url, String token) {
    var like = TestTunnel.handshake(url);
    var headers = new HashMap<>(like.headers());
    headers.put("X-API-Tunnel-Token", token);
    return new Handshake(url, headers, like.trust(), like.policy());
  }

  private static CompletableFuture<Void> renewal(TestTunnel tunnel) {
    var done = new CompletableFuture<Void>();
    Thread.ofVirtual()
        .start(
            () -> {
              try {
                tunnel.client().renew();
                done.complete(null);
              } catch (IOException | InterruptedException e) {
                done.completeExceptionally(e);
              }
            });
    return done;
  }

  private static void refuse(ScriptedServer by) throws IOException {
    var peer = by.accept();
    peer.readRequest();
    peer.write(
        "HTTP/1.1 400 Bad Request\r\nContent-Length: 17\r\n\r\ncluster not found"
            .getBytes(ISO_8859_1));
  }

  private static void echoes(ScriptedServer.Peer peer, long streamId, String text)
      throws Exception {
    peer.sendData(streamId, text);
    assertThat(peer.expectText(streamId, text.length())).isEqualTo(text);
  }

  private Handshake takeAccepted() throws InterruptedException {
    var handshake = accepted.poll(ScriptedServer.LIMIT.toSeconds(), TimeUnit.SECONDS);
    return java.util.Objects.requireNonNull(handshake, "nothing accepted");
  }

  // ---- the same server

  @Test
  void whatHasNotChangedMakesNoConnection() throws Exception {
    try (var tunnel = TestTunnel.start(this)) {
      server.open().barrier();
      takeAccepted();
      var path = URI.create(server.url() + "/register");
      next = handshake(path, "old-token"); // another path is no other server

      tunnel.client().renew(); // would fail, since nobody answers

      assertThat(accepted).isEmpty();
      assertThat(tunnel.client().reading().totals().sessions()).isEqualTo(1);
    }
  }

  @Test
  void secondSessionTellsWhatIsNewWhileTheFirstCarriesItsStreams() throws Exception {
    try (var backend = Backend.echo();
        var tunnel = TestTunnel.start(this)) {
      var first = server.open();
      first.send(backend.connect(2));
      echoes(first, 2, "before");
      takeAccepted();
      next = handshake(server.url(), "new-token");

      var renewal = renewal(tunnel);
      var second = server.open();
      echoes(first, 2, "while");

      assertThat(second.headers()).containsEntry("x-api-tunnel-token", "new-token");
      assertThat(second.expectCloseFrame()).isEqualTo(1000);
      renewal.get();
      assertThat(takeAccepted()).isEqualTo(next);
      echoes(first, 2, "after");
      assertThat(tunnel.client().reading().totals().sessions()).isEqualTo(1);

      tunnel.client().renew(); // it is known now
      assertThat(accepted).isEmpty();
    }
  }

  @Test
  void otherTrustIsProvenToo() throws Exception {
    try (var tunnel = TestTunnel.start(this)) {
      server.open().barrier();
      takeAccepted();
      var trust = SSLContext.getInstance("TLSv1.3");
      next = new Handshake(next.url(), next.headers(), trust, next.policy());

      var renewal = renewal(tunnel);
      assertThat(server.open().expectCloseFrame()).isEqualTo(1000);

      renewal.get();
      assertThat(takeAccepted()).isEqualTo(next);
    }
  }

  @Test
  void whatIsRefusedCostsNothingAndIsTriedAgain() throws Exception {
    try (var backend = Backend.echo();
        var tunnel = TestTunnel.start(this)) {
      var first = server.open();
      first.send(backend.connect(2));
      takeAccepted();
      next = handshake(server.url(), "wrong-token");

      for (int i = 0; i < 2; i++) {
        var renewal = renewal(tunnel);
        refuse(server);
        assertThatThrownBy(renewal::get)
            .cause()
            .isInstanceOf(HandshakeRefused.class)
            .has(reason(Reason.TOKEN_UNKNOWN));
      }

      echoes(first, 2, "still here");
      assertThat(tunnel.client().reading().connected()).isTrue();
      assertThat(accepted).isEmpty();
    }
  }

  @Test
  void whatIsDisprovedIsNotToldUntilItIsProven() throws Exception {
    try (var elsewhere = ScriptedServer.start();
        var backend = Backend.echo();
        var tunnel = TestTunnel.start(this)) {
      var first = server.open();
      first.send(backend.connect(2));
      takeAccepted();
      disproof = Optional.of(new Failure(Reason.UNAUTHORIZED, "401"));

      for (var url : List.of(server.url(), elsewhere.url())) {
        next = handshake(url, "new-token");
        assertThatThrownBy(() -> tunnel.client().renew()) // would wait for who does not answer
            .has(reason(Reason.UNAUTHORIZED));
      }
      echoes(first, 2, "still here");
      assertThat(tunnel.client().reading().connected()).isTrue();
      assertThat(accepted).isEmpty();

      disproof = Optional.empty();
      next = handshake(server.url(), "new-token");
      var renewal = renewal(tunnel);
      var second = server.open(); // the first one after the one that carries the stream
      assertThat(second.headers()).containsEntry("x-api-tunnel-token", "new-token");
      renewal.get();
      assertThat(takeAccepted()).isEqualTo(next);
      echoes(first, 2, "after");
    }
  }

  @Test
  void sessionThatIsEndedAtOnceIsNoProof() throws Exception {
    try (var tunnel = TestTunnel.start(this)) {
      server.open().barrier();
      takeAccepted();
      next = handshake(server.url(), "new-token");

      var renewal = renewal(tunnel);
      server.open().close();

      assertThatThrownBy(renewal::get).cause().has(reason(Reason.TUNNEL_CUT));
      assertThat(accepted).isEmpty();
    }
  }

  @Test
  void tunnelThatIsDownTakesWhatIsNewWhenItComesBack() throws Exception {
    try (var tunnel = TestTunnel.start(this)) {
      server.open().close();
      tunnel.pauses().take();
      next = handshake(server.url(), "new-token");

      tunnel.client().renew(); // would fail, since nobody answers

      tunnel.pauses().end();
      var peer = server.open();
      assertThat(peer.headers()).containsEntry("x-api-tunnel-token", "new-token");
      peer.barrier();
    }
  }

  // ---- another server

  @Test
  void movesToAnotherServerAndLetsTheStreamsOfTheFirstEnd() throws Exception {
    try (var elsewhere = ScriptedServer.start();
        var backend = Backend.echo();
        var tunnel = TestTunnel.start(this)) {
      var first = server.open();
      first.send(backend.connect(2));
      echoes(first, 2, "before");
      takeAccepted();
      next = handshake(elsewhere.url(), "old-token");

      var renewal = renewal(tunnel);
      var second = elsewhere.open();
      renewal.get();
      assertThat(takeAccepted()).isEqualTo(next);
      second.send(backend.connect(2));
      echoes(second, 2, "there");
      first.send(backend.connect(3));
      echoes(first, 3, "still taken");
      echoes(first, 2, "still here");
      assertThat(tunnel.streamsOpen()).isEqualTo(3);

      first.send(new Close(2, "EOF"));
      first.send(new Close(3, "EOF"));
      assertThat(first.expectCloseFrame()).isEqualTo(1001);
      first.expectEnd();

      echoes(second, 2, "only there");
      assertThat(tunnel.client().reading().connected()).isTrue();
      second.close();
      tunnel.pauses().take();
      tunnel.pauses().end();
      elsewhere.open().barrier();
    }
  }

  @Test
  void serverThatDoesNotWantUsIsNotMovedTo() throws Exception {
    try (var elsewhere = ScriptedServer.start();
        var backend = Backend.echo();
        var tunnel = TestTunnel.start(this)) {
      var first = server.open();
      first.send(backend.connect(2));
      takeAccepted();
      next = handshake(elsewhere.url(), "old-token");

      var renewal = renewal(tunnel);
      refuse(elsewhere);

      assertThatThrownBy(renewal::get).cause().has(reason(Reason.TOKEN_UNKNOWN));
      echoes(first, 2, "still here");
      assertThat(tunnel.client().reading().connected()).isTrue();
      assertThat(accepted).isEmpty();
    }
  }

  /** A move that waits for the second server's answer. */
  private record Moving(CompletableFuture<Void> done, ScriptedServer.Peer second) {}

  /** Whose first session is lost meanwhile, so that its reader pauses. */
  private Moving moveFromALostSession(TestTunnel tunnel, ScriptedServer elsewhere)
      throws Exception {
    var first = server.open();
    first.barrier();
    next = handshake(elsewhere.url(), "old-token");
    var done = renewal(tunnel);
    var second = elsewhere.accept();
    second.readRequest();
    first.close();
    tunnel.pauses().take();
    return new Moving(done, second);
  }

  private static void awaitOneReader(TestTunnel tunnel) {
    TestTunnel.eventually(
        "one reader is left",
        () -> tunnel.threads().stream().filter(name -> name.endsWith("-reader")).count() == 1);
  }

  @Test
  void sessionThatIsLostDuringAMoveIsNotOpenedAgain() throws Exception {
    try (var elsewhere = ScriptedServer.start();
        var tunnel = TestTunnel.start(this)) {
      var move = moveFromALostSession(tunnel, elsewhere);
      var second = move.second();

      second.write(second.switchingProtocols());
      second.start().barrier();

      move.done().get();
      assertThat(tunnel.client().reading().connected()).isTrue();
      awaitOneReader(tunnel);
    }
  }

  @Test
  void attemptThatFailsBehindAMoveSaysNothingOfTheNewSession() throws Exception {
    try (var elsewhere = ScriptedServer.start();
        var tunnel = TestTunnel.start(this)) {
      var move = moveFromALostSession(tunnel, elsewhere);
      var second = move.second();
      var moved = new CompletableFuture<Void>();
      readersWait = moved;
      tunnel.pauses().end();
      asked.await();

      second.write(second.switchingProtocols());
      second.start().barrier();
      move.done().get();
      moved.complete(null);

      awaitOneReader(tunnel);
      assertThat(tunnel.client().reading().connected()).isTrue();
    }
  }

  @Test
  void streamsOfTheFirstServerAreCutAtTheLimit() throws Exception {
    var timer = new ManualTimer();
    try (var elsewhere = ScriptedServer.start();
        var backend = Backend.echo();
        var tunnel = TestTunnel.start(this, timer)) {
      var first = server.open();
      first.send(backend.connect(2));
      echoes(first, 2, "before");
      next = handshake(elsewhere.url(), "old-token");
      var renewal = renewal(tunnel);
      var second = elsewhere.open();
      renewal.get();
      first.passOverLists();
      second.passOverLists();

      // In steps, or the silence of both servers would end the sessions.
      var step = Duration.ofSeconds(10);
      for (var passed = Duration.ZERO;
          passed.compareTo(TunnelClient.LEAVE_LIMIT) < 0;
          passed = passed.plus(step)) {
        echoes(first, 2, "still here");
        second.barrier();
        timer.advance(step);
      }

      assertThat(first.expectCloseFrame()).isEqualTo(1001);
    }
  }

  @Test
  void oldestOfTooManyServersHasToEnd() throws Exception {
    var servers = new ArrayList<>(List.of(server));
    try (var backend = Backend.echo();
        var tunnel = TestTunnel.start(this)) {
      var peers = new ArrayList<ScriptedServer.Peer>();
      peers.add(server.open());
      peers.getFirst().send(backend.connect(2));
      echoes(peers.getFirst(), 2, "here");
      for (int i = 0; i <= TunnelClient.MAX_LEAVING; i++) {
        var another = ScriptedServer.start();
        servers.add(another);
        next = handshake(another.url(), "old-token");
        var renewal = renewal(tunnel);
        var peer = another.open();
        renewal.get();
        peer.send(backend.connect(2));
        echoes(peer, 2, "here");
        peers.add(peer);
      }

      assertThat(peers.getFirst().expectCloseFrame()).isEqualTo(1001);
      for (var peer : peers.subList(1, peers.size())) {
        echoes(peer, 2, "still here");
      }
    } finally {
      for (var one : servers.subList(1, servers.size())) {
        one.close();
      }
    }
  }

  @Test
  void closeEndsBothSessions() throws Exception {
    try (var elsewhere = ScriptedServer.start();
        var backend = Backend.echo();
        var tunnel = TestTunnel.start(this)) {
      var first = server.open();
      first.send(backend.connect(2));
      echoes(first, 2, "before");
      next = handshake(elsewhere.url(), "old-token");
      var renewal = renewal(tunnel);
      var second = elsewhere.open();
      renewal.get();

      tunnel.client().close();

      assertThat(first.expectCloseFrame()).isEqualTo(1001);
      assertThat(second.expectCloseFrame()).isEqualTo(1001);
    }
  }
}
