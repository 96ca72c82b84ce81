package io.drover.agent.tunnel;

import static org.assertj.core.api.Assertions.assertThat;

import io.drover.agent.reason.Problem;
import io.drover.agent.reason.Reason;
import io.drover.proto.tunnel.Message;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A writer that is just about to send something while the websocket closes. */
@Timeout(60)
class GoodbyeTest {
  /** Closes when a test says so, which no real one does: it fails a ping then. */
  private static final class Closing implements Transport {
    final CountDownLatch pinged = new CountDownLatch(1);
    final CountDownLatch closed = new CountDownLatch(1);
    final AtomicBoolean aborted = new AtomicBoolean();

    @Override
    public void send(Message message) {}

    @Override
    public void ping() throws IOException, InterruptedException {
      pinged.countDown();
      closed.await();
      throw new IOException("websocket closed");
    }

    @Override
    public void pong(ByteBuffer payload) {}

    @Override
    public long lastReceivedNanos() {
      return 0;
    }

    @Override
    public long restedNanos() {
      return 0;
    }

    @Override
    public long unsentBytes() {
      return 0;
    }

    @Override
    public void readAhead(int bytes) {}

    @Override
    public void close(int code, String reason) {
      closed.countDown();
    }

    @Override
    public void abort() {
      aborted.set(true);
    }
  }

  private final ManualTimer timer = new ManualTimer();
  private final Watchdog watchdog = new Watchdog(timer::nanoTime);
  private final Closing transport = new Closing();

  /** A session whose writer waits in a ping. */
  private TunnelSession session(LocalSockets sockets) throws InterruptedException {
    var session =
        new TunnelSession(
            "goodbye",
            new TcpDialer(),
            DialPolicy.everything(),
            DialAudit.none(),
            timer,
            watchdog,
            sockets,
            new TunnelCounters());
    session.start(transport);
    timer.advance(TunnelSession.PING_EVERY);
    assertThat(transport.pinged.await(30, TimeUnit.SECONDS)).isTrue();
    return session;
  }

  private static void awaitWriter() {
    TestTunnel.eventually(
        "writer ends",
        () ->
            Thread.getAllStackTraces().keySet().stream()
                .noneMatch(thread -> thread.getName().equals("goodbye-writer")));
  }

  @ParameterizedTest
  @ValueSource(ints = {TunnelSession.NORMAL_CLOSE, TunnelSession.GOING_AWAY, 1002})
  void isNotCutOffByTheWriterOfASessionThatIsClosed(int code) throws Exception {
    try (var sockets = LocalSockets.start("goodbye", watchdog)) {
      session(sockets).close(code, new Problem(Reason.SHUTTING_DOWN, "stopping"));

      awaitWriter();
      assertThat(transport.aborted).isFalse();
    }
  }

  @Test
  void readerOfAWebsocketThatFailedIsWoken() throws Exception {
    try (var sockets = LocalSockets.start("goodbye", watchdog)) {
      var session = session(sockets);
      transport.closed.countDown();

      awaitWriter();
      assertThat(transport.aborted).isTrue();
      session.end(new Problem(Reason.TUNNEL_CUT, "over"));
    }
  }
}
