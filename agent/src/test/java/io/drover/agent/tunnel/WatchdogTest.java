package io.drover.agent.tunnel;

import static org.assertj.core.api.Assertions.assertThat;

import ch.qos.logback.classic.Level;
import io.drover.agent.Logged;
import io.drover.proto.tunnel.Message.Connect;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;

@Timeout(60)
class WatchdogTest {
  @RegisterExtension final Logged log = new Logged(Watchdog.class);

  private final ManualTimer timer = new ManualTimer();
  private final Watchdog watchdog = new Watchdog(timer::nanoTime);

  /** As its thread does. */
  private void pass(Duration time) {
    for (var left = time; left.isPositive(); left = left.minus(Watchdog.LOOK_EVERY)) {
      timer.advance(Watchdog.LOOK_EVERY);
      watchdog.look();
    }
  }

  @Test
  void actsOnceForEachTimeThatAThreadStandsStill() {
    var acted = new AtomicInteger();
    var work = watchdog.work(acted::incrementAndGet);
    work.start();
    pass(Watchdog.STALL_LIMIT.minus(Watchdog.LOOK_EVERY));
    assertThat(acted).hasValue(0);
    assertThat(watchdog.stalled()).isEmpty();

    pass(Watchdog.STALL_LIMIT);
    assertThat(acted).hasValue(1);
    assertThat(watchdog.stalled()).containsExactly(Thread.currentThread().getName());
    TestTunnel.eventually("told", () -> log.at(Level.ERROR).size() == 1);
    assertThat(log.at(Level.ERROR).getFirst())
        .contains("thread=" + Thread.currentThread().getName(), "at=[");

    work.begin();
    pass(Watchdog.LOOK_EVERY);
    assertThat(watchdog.stalled()).isEmpty();
    pass(Watchdog.STALL_LIMIT);
    assertThat(acted).hasValue(2);

    work.end();
    assertThat(watchdog.stalled()).isEmpty();
  }

  @Test
  void whoWaitsForSomebodyOutsideDoesNotStandStill() {
    var acted = new AtomicInteger();
    var work = watchdog.work(acted::incrementAndGet);
    work.start();
    work.pause();

    pass(Duration.ofHours(1));

    assertThat(acted).hasValue(0);
    assertThat(watchdog.stalled()).isEmpty();
  }

  // SIGSTOP, a container without CPU, a laptop that slept.
  @Test
  void aProcessThatStoodStillAsAWholeIsExcused() {
    var acted = new AtomicInteger();
    watchdog.work(acted::incrementAndGet).start();
    timer.advance(Duration.ofHours(1));

    watchdog.look();

    assertThat(acted).hasValue(0);
    assertThat(watchdog.stalled()).isEmpty();
    pass(Watchdog.STALL_LIMIT);
    assertThat(acted).hasValue(1);
  }

  @Test
  void theServerLosesAConnectionWhoseReaderStandsStill() throws Exception {
    var go = new CountDownLatch(1);
    DialAudit stuck =
        _ -> {
          try {
            go.await();
          } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
          }
        };
    try (var server = ScriptedServer.start();
        var tunnel = TestTunnel.watched(server, stuck, watchdog)) {
      var peer = server.open();
      peer.barrier();
      pass(Watchdog.STALL_LIMIT.multipliedBy(2));
      assertThat(watchdog.stalled()).as("it only waits").isEmpty();

      peer.send(new Connect(2, "udp", "127.0.0.1:53"));
      var reader = tunnel.threads().stream().filter(name -> name.endsWith("-reader")).toList();
      TestTunnel.eventually(
          "it is noticed",
          () -> {
            pass(Watchdog.LOOK_EVERY);
            return watchdog.stalled().equals(reader);
          });
      peer.expectEnd();

      go.countDown();
      tunnel.pauses().take();
      assertThat(watchdog.stalled()).isEmpty();
      tunnel.pauses().end();
      server.open().barrier();
    } finally {
      go.countDown();
    }
  }

  @Test
  void aTimerWhoseTaskStandsStillTakesAllConnectionsWithIt() throws Exception {
    var closed = new AtomicInteger();
    var reader = watchdog.work(closed::incrementAndGet);
    reader.start();
    reader.pause();
    var go = new CountDownLatch(1);
    var running = new CountDownLatch(1);
    try (var real = Timer.system(watchdog)) {
      real.after(
          Duration.ZERO,
          () -> {
            running.countDown();
            try {
              go.await();
            } catch (InterruptedException e) {
              Thread.currentThread().interrupt();
            }
          });
      running.await();

      pass(Watchdog.STALL_LIMIT);

      assertThat(watchdog.stalled()).containsExactly("tunnel-timer");
      assertThat(closed).hasValue(1);
      go.countDown();
      TestTunnel.eventually("it goes on", () -> watchdog.stalled().isEmpty());
    }
  }
}
