package io.drover.agent.tunnel;

import static org.assertj.core.api.Assertions.assertThat;

import io.drover.agent.tunnel.ScriptedServer.Peer;
import io.drover.proto.tunnel.Message;
import io.drover.proto.tunnel.Message.AddClient;
import io.drover.proto.tunnel.Message.Close;
import io.drover.proto.tunnel.Message.Data;
import io.drover.proto.tunnel.Message.RemoveClient;
import io.drover.proto.tunnel.Message.SyncConnections;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Table 6.5 of the protocol's specification. */
@Timeout(120)
class SyncConformanceTest {
  private final ManualTimer timer = new ManualTimer();

  /** A minute, in steps that let pongs come. */
  private void minute(Peer peer) throws Exception {
    assertThat(peer.barrier()).isEmpty();
    for (int i = 0; i < 11; i++) {
      timer.advance(TunnelSession.PING_EVERY);
      peer.expectPing(); // whose pong is in front of the barrier
      assertThat(peer.barrier()).isEmpty();
    }
    timer.advance(TunnelSession.PING_EVERY);
    peer.expectPing();
  }

  /** The same, of a peer whose messages are not queued. */
  private void minuteByPongs(Peer peer) throws Exception {
    for (int i = 0; i < 12; i++) {
      timer.advance(TunnelSession.PING_EVERY);
      peer.expectPing(); // whose pong is in front of our ping
      peer.sendFrame(ScriptedServer.PING, new byte[0]);
      peer.expectPong();
    }
  }

  private static void expectQuestion(Peer peer, long id) throws InterruptedException {
    assertThat(peer.expect(Data.class)).isEqualTo(new Data(id, ByteBuffer.allocate(0)));
  }

  @Test
  void y1ListsItsStreamsEveryMinuteAscendingAndPadded() throws Exception {
    try (var server = ScriptedServer.start();
        var backend = Backend.start();
        var tunnel = TestTunnel.start(server, timer)) {
      var peer = server.open();
      peer.send(backend.connect(9));
      peer.send(backend.connect(2));
      tunnel.awaitDials(2);

      minute(peer);
      var ids = peer.expect(SyncConnections.class).streamIds();
      assertThat(ids).startsWith(2L, 3L, 4L, 5L, 6L, 7L, 8L, 9L, 10L, 11L);
      assertThat(ids).isSorted().doesNotHaveDuplicates();
      assertThat(ids).hasSize(8 + TunnelSession.MIN_SYNC_PADDING);
      expectQuestion(peer, 2);
      expectQuestion(peer, 9);

      peer.send(backend.connect(12));
      tunnel.awaitDials(3);
      minute(peer);
      ids = peer.expect(SyncConnections.class).streamIds();
      assertThat(ids).startsWith(2L, 9L, 10L, 11L, 12L, 13L);
      assertThat(ids).hasSize(5 + TunnelSession.MIN_SYNC_PADDING);
      expectQuestion(peer, 12);

      peer.send(new Close(9, "EOF"));
      assertThat(peer.barrier()).isEmpty();
      minute(peer);
      ids = peer.expect(SyncConnections.class).streamIds();
      assertThat(ids).startsWith(2L, 12L, 13L).hasSize(2 + TunnelSession.MIN_SYNC_PADDING);
    }
  }

  @Test
  void y1SaysNothingWhileTheLastListHolds() throws Exception {
    try (var server = ScriptedServer.start();
        var backend = Backend.start();
        var tunnel = TestTunnel.start(server, timer)) {
      var peer = server.open();
      minute(peer);
      assertThat(peer.barrier()).as("no stream yet").isEmpty();
      peer.send(backend.connect(2));
      tunnel.awaitDials(1);
      minute(peer);
      peer.expect(SyncConnections.class);
      expectQuestion(peer, 2);

      for (int i = 0; i < 3; i++) {
        minute(peer);
        assertThat(peer.barrier()).isEmpty();
      }
    }
  }

  @Test
  void y2ManyStreamsAMinuteArePaddedAccordingly() throws Exception {
    int begun = 3 * TunnelSession.MAX_DIALS; // 153 is more than the least
    try (var server = ScriptedServer.start();
        var backend = Backend.echo();
        var tunnel = TestTunnel.start(server, timer)) {
      var peer = server.open();
      for (long first = 2; first < 2 + begun; first += TunnelSession.MAX_DIALS) {
        long end = first + TunnelSession.MAX_DIALS;
        for (long id = first; id < end; id++) {
          peer.send(backend.connect(id));
        }
        // A stream that ends before its dial does leaves the dial in flight: the next is refused.
        tunnel.awaitDials(end - 2);
        for (long id = first; id < end; id++) {
          peer.send(new Close(id, "EOF"));
        }
        tunnel.awaitNoStreams();
      }
      peer.barrier();

      minute(peer);

      assertThat(peer.expect(SyncConnections.class).streamIds()).hasSize(begun / 10);
    }
  }

  @ParameterizedTest
  @ValueSource(longs = {Long.MAX_VALUE, Long.MAX_VALUE - 5, -7, Long.MIN_VALUE})
  void y1StaysAscendingWhateverTheIds(long id) throws Exception {
    try (var server = ScriptedServer.start();
        var backend = Backend.start();
        var tunnel = TestTunnel.start(server, timer)) {
      var peer = server.open();
      peer.send(backend.connect(3));
      peer.send(backend.connect(id));
      tunnel.awaitDials(2);

      minute(peer);

      assertThat(peer.expect(SyncConnections.class).streamIds())
          .contains(3L, id)
          .isSorted()
          .doesNotHaveDuplicates();
    }
  }

  /** A Go server numbers a stream first, and then waits for its turn to write. */
  @Test
  void y2AConnectThatALaterOneOvertookIsListed() throws Exception {
    try (var server = ScriptedServer.start();
        var backend = Backend.start();
        var tunnel = TestTunnel.start(server, timer)) {
      var peer = server.open();
      peer.send(backend.connect(2));
      peer.send(backend.connect(4));
      tunnel.awaitDials(2);

      minute(peer);
      assertThat(peer.expect(SyncConnections.class).streamIds()).startsWith(2L, 3L, 4L, 5L);
      expectQuestion(peer, 2);
      expectQuestion(peer, 4);
      peer.send(backend.connect(3));
      tunnel.awaitDials(3);

      minute(peer);
      assertThat(peer.expect(SyncConnections.class).streamIds()).startsWith(2L, 3L, 4L, 5L);
      expectQuestion(peer, 3);
    }
  }

  @Test
  void y2NoStreamInFlightIsMissing() throws Exception {
    try (var server = ScriptedServer.start();
        var backend = Backend.start();
        var tunnel = TestTunnel.start(server, timer)) {
      var peer = server.open();
      peer.barrier();
      var sent = new AtomicLong(1);
      var missing = new HashSet<Long>();
      var lists = new AtomicLong();
      peer.onMessage(
          message -> {
            if (message instanceof SyncConnections(var ids)) {
              lists.incrementAndGet();
              var listed = new HashSet<>(ids);
              // What a Go server does: each stream of its own that is not listed is closed.
              LongStream.rangeClosed(2, sent.get())
                  .filter(id -> !listed.contains(id))
                  .forEach(missing::add);
            }
          });
      for (int minute = 0; minute < 10; minute++) {
        for (int step = 0; step < 12; step++) {
          for (int i = 0; i < 15; i++) {
            peer.send(backend.connect(sent.incrementAndGet()));
          }
          timer.advance(TunnelSession.PING_EVERY); // while those are on their way
          for (int i = 0; i < 10; i++) {
            peer.send(backend.connect(sent.incrementAndGet()));
          }
          peer.expectPing(); // whose pong is in front of our ping
          peer.sendFrame(ScriptedServer.PING, new byte[0]);
          peer.expectPong();
          tunnel.awaitDials(sent.get() - 1);
        }
      }

      TestTunnel.eventually("lists came", () -> lists.get() == 10);
      assertThat(missing).isEmpty();
    }
  }

  /**
   * Go's rules: what is not listed is closed without a word, data of what is not known with one.
   */
  private static void closeUnlisted(Peer peer, Set<Long> known, Message message) {
    switch (message) {
      case SyncConnections(var ids) -> known.retainAll(ids);
      case Data(var id, _) when !known.contains(id) -> {
        try {
          peer.send(new Close(id, "connection not found c-1/1/" + id));
        } catch (IOException e) {
          throw new UncheckedIOException(e);
        }
      }
      default -> {}
    }
  }

  @Test
  void y2AStreamThatAListClosedUnseenIsEnded() throws Exception {
    try (var server = ScriptedServer.start();
        var backend = Backend.start();
        var tunnel = TestTunnel.start(server, timer)) {
      var peer = server.open();
      long late = 2 + TunnelSession.MIN_SYNC_PADDING + 1;
      var known = ConcurrentHashMap.<Long>newKeySet();
      known.addAll(List.of(2L, late));
      peer.onMessage(message -> closeUnlisted(peer, known, message));
      peer.send(backend.connect(2));
      tunnel.awaitDials(1);
      var kept = backend.accept();
      minuteByPongs(peer); // while the other Connect is on its way
      TestTunnel.eventually("closed by the list", () -> known.equals(Set.of(2L)));
      peer.send(backend.connect(late));
      tunnel.awaitDials(2);

      minuteByPongs(peer);

      TestTunnel.eventually("stream ended", () -> tunnel.streamsOpen() == 1);
      TestTunnel.eventually("socket closed", () -> tunnel.dialer().channelsOpen() == 1);
      assertThat(backend.accept().getInputStream().read()).isEqualTo(-1);
      peer.sendData(2, "!");
      assertThat(kept.getInputStream().read()).isEqualTo('!');
    }
  }

  /** What the server has opened meanwhile is not here yet, and would be missing in the list. */
  @Test
  void y2NoListGoesOutWhileTheWayIsSlow() throws Exception {
    try (var server = ScriptedServer.start();
        var backend = Backend.start();
        var tunnel = TestTunnel.start(server, timer)) {
      var peer = server.open();
      peer.answerPings(false);
      peer.send(backend.connect(2));
      tunnel.awaitDials(1);
      timer.advance(TunnelSession.PING_EVERY);
      peer.expectPing();
      for (var left = TunnelSession.SYNC_EVERY.minus(TunnelSession.PING_EVERY);
          left.isPositive();
          left = left.minus(TunnelSession.WATCH_EVERY)) {
        timer.advance(TunnelSession.WATCH_EVERY);
        assertThat(peer.barrier()).isEmpty(); // a byte, so that the session does not seem dead
      }

      for (int i = 0; i < TunnelSession.SYNC_EVERY.dividedBy(TunnelSession.PING_EVERY); i++) {
        peer.sendFrame(ScriptedServer.PONG, new byte[0]);
      }

      assertThat(peer.expect(SyncConnections.class).streamIds()).startsWith(2L, 3L);
    }
  }

  @Test
  void y7IgnoresAListFromTheServer() throws Exception {
    try (var server = ScriptedServer.start();
        var backend = Backend.echo();
        var _ = TestTunnel.start(server)) {
      var peer = server.open();
      peer.send(backend.connect(2));
      peer.send(new SyncConnections(List.of()));
      peer.send(new SyncConnections(List.of(7L, 9L)));
      peer.sendFrame(ScriptedServer.BINARY, new byte[] {0, 0, 16, 1, 2, 3}); // no multiple of 8

      assertThat(peer.barrier()).isEmpty();
      peer.sendData(2, "alive");
      assertThat(peer.expectText(2, 5)).isEqualTo("alive");
    }
  }

  @Test
  void y8IgnoresMessagesForServers() throws Exception {
    try (var server = ScriptedServer.start();
        var _ = TestTunnel.start(server)) {
      var peer = server.open();
      peer.send(new AddClient("c-m-abcd1234", 3_328_451_335_138_149_956L));
      peer.send(new RemoveClient("c-m-abcd1234", 3_328_451_335_138_149_956L));
      peer.sendFrame(ScriptedServer.BINARY, new byte[] {0, 0, 8, 'x'});
      peer.sendFrame(ScriptedServer.BINARY, new byte[] {0, 0, 10, 'x', '/', 'y'});
      peer.sendFrame(ScriptedServer.BINARY, new byte[] {0, 0, 10});

      assertThat(peer.barrier()).isEmpty();
    }
  }
}
