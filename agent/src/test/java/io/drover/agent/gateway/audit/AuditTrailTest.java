package io.drover.agent.gateway.audit;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import ch.qos.logback.classic.Level;
import io.drover.agent.Logged;
import io.drover.agent.reason.Failure;
import io.drover.agent.reason.Reason;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.random.RandomGenerator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;

@Timeout(60)
class AuditTrailTest {
  /** No wait between attempts. */
  private static final RandomGenerator AT_ONCE = () -> 0L;

  private static final Duration LONG = Duration.ofMinutes(1);

  @RegisterExtension private final Logged log = new Logged(AuditTrail.class);
  private final AuditQueue queue = new AuditQueue();
  private final FakeSink sink = new FakeSink();

  /** Fails as often as it is told to. */
  private static final class FakeSink implements Sink {
    final LinkedBlockingQueue<String> written = new LinkedBlockingQueue<>();
    final LinkedBlockingQueue<IOException> failed = new LinkedBlockingQueue<>();
    final CountDownLatch closed = new CountDownLatch(1);

    // Guarded by this.
    private final Queue<IOException> failures = new ArrayDeque<>();
    private boolean broken;

    synchronized void failWith(IOException... all) {
      failures.addAll(List.of(all));
    }

    synchronized void breakDown() {
      broken = true;
    }

    @Override
    public String name() {
      return "fake";
    }

    @Override
    public Duration linger() {
      return Duration.ZERO;
    }

    @Override
    public int write(List<byte[]> lines) throws IOException {
      synchronized (this) {
        var failure =
            broken ? new Failure(Reason.AUDIT_NOT_WRITTEN, "fake: broken") : failures.poll();
        if (failure != null) {
          failed.add(failure);
          throw failure;
        }
      }
      written.add(new String(lines.getFirst(), UTF_8));
      return 1;
    }

    @Override
    public void close() {
      closed.countDown();
    }
  }

  private void put(String... lines) {
    for (String line : lines) {
      queue.put(line.getBytes(UTF_8), false);
    }
  }

  private static IOException failure() {
    return new Failure(Reason.CONNECT_REFUSED, "fake: nobody there");
  }

  @Test
  void writesAllInOrderAndClosesTheSink() throws Exception {
    try (var trail = AuditTrail.start(queue, sink, AT_ONCE)) {
      put("a", "b", "c");
      assertThat(List.of(sink.written.take(), sink.written.take(), sink.written.take()))
          .containsExactly("a", "b", "c");
      assertThat(trail.problem()).isEmpty();
      assertThat(trail.to()).isEqualTo("fake");
    }
    sink.closed.await();
  }

  @Test
  void triesAgainAndSaysOnceWhatIsWrong() throws Exception {
    sink.failWith(failure(), failure(), failure());
    var trail = AuditTrail.start(queue, sink, AT_ONCE);
    put("a", "b");
    assertThat(List.of(sink.written.take(), sink.written.take())).containsExactly("a", "b");
    trail.close();

    assertThat(sink.failed).hasSize(3);
    assertThat(trail.written()).isEqualTo(2);
    assertThat(queue.lost()).isZero();
    assertThat(trail.problem()).isEmpty();
    assertThat(log.at(Level.WARN))
        .hasSize(1)
        .first()
        .asString()
        .contains("requests are not recorded: reason=ConnectRefused", "fake: nobody there");
    assertThat(String.join("\n", log.at(Level.INFO))).contains("requests are recorded again");
  }

  @Test
  void whatIsNeverTakenIsCountedAndSaid() throws Exception {
    sink.failWith(new Sink.NotTakenException(failure()));
    var trail = AuditTrail.start(queue, sink, AT_ONCE);
    put("a");
    sink.failed.take();
    trail.close();

    assertThat(queue.lost()).isEqualTo(1);
    assertThat(trail.problem().orElseThrow().reason()).isEqualTo(Reason.CONNECT_REFUSED);
    assertThat(sink.written).isEmpty();
  }

  @Test
  void lossIsAProblemUntilAllIsWellAgain() throws Exception {
    queue.lost(3);
    var trail = AuditTrail.start(queue, sink, AT_ONCE);
    put("a");
    sink.written.take();
    trail.close();
    assertThat(trail.problem().orElseThrow().reason()).isEqualTo(Reason.AUDIT_NOT_WRITTEN);
    assertThat(trail.problem().orElseThrow().message()).contains("3 since the agent began");
  }

  @Test
  void whoClosesItWaitsForWhatIsThere() {
    var trail = AuditTrail.start(queue, sink, AT_ONCE, LONG);
    var lines = new ArrayList<String>();
    for (int i = 0; i < 1_000; i++) {
      lines.add("line " + i);
    }
    put(lines.toArray(String[]::new));
    trail.close();

    assertThat(sink.written).containsExactlyElementsOf(lines);
  }

  @Test
  void sinkThatIsBrokenHoldsUpNoEnd() throws Exception {
    sink.breakDown();
    var trail = AuditTrail.start(queue, sink, RandomGenerator.of("L64X128MixRandom"), LONG);
    put("a");
    sink.failed.take(); // it pauses now, or is about to
    trail.close();

    assertThat(queue.lost()).isEqualTo(1);
    sink.closed.await();
  }

  @Test
  void sinkThatTakesItsTimeHoldsUpTheEndForALimitedTime() throws Exception {
    queue.begun(); // a request that does not end
    var trail = AuditTrail.start(queue, sink, AT_ONCE, Duration.ofMillis(1));
    trail.close();

    sink.closed.await();
    assertThat(String.join("\n", log.at(Level.WARN))).contains("the last events are not written");
  }
}
