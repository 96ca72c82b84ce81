package io.drover.agent.gateway;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.drover.steve.http.Fields;
import java.io.IOException;
import java.net.Socket;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.FutureTask;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What needs no server; {@link GatewayWatchesTest} has one. */
@Timeout(60)
class SharedUpstreamTest {
  private static final Fields HOST = new Fields().add("Host", "h");

  private final AtomicLong nanoTime = new AtomicLong(Long.MAX_VALUE); // which may run over
  private final AtomicInteger tries = new AtomicInteger();

  @Test
  void serverThatDoesNotWantItIsAskedAgainLater() throws Exception {
    var shared =
        new SharedUpstream(
            () -> {
              tries.incrementAndGet();
              return Optional.<Socket>empty();
            },
            nanoTime::get);
    assertThat(shared.get("/", HOST)).isEmpty();
    nanoTime.addAndGet(SharedUpstream.UNWANTED.toNanos() - 1);
    assertThat(shared.get("/", HOST)).isEmpty();
    assertThat(tries).hasValue(1);

    nanoTime.addAndGet(1);
    assertThat(shared.get("/", HOST)).isEmpty();
    assertThat(tries).hasValue(2);
  }

  @Test
  void allWhoWaitForAConnectionHearWhyThereIsNone() throws Exception {
    var trying = new CountDownLatch(1);
    var failing = new CountDownLatch(1);
    var shared =
        new SharedUpstream(
            () -> {
              tries.incrementAndGet();
              trying.countDown();
              try {
                failing.await();
              } catch (InterruptedException e) {
                throw new IOException(e);
              }
              throw new IOException("no route");
            },
            nanoTime::get);
    var first = new FutureTask<>(() -> shared.get("/", HOST));
    Thread.ofVirtual().start(first);
    trying.await();
    var second = new FutureTask<>(() -> shared.get("/", HOST));
    var waiting = Thread.ofVirtual().start(second);
    while (waiting.getState() != Thread.State.WAITING) {
      Thread.onSpinWait();
    }
    failing.countDown();

    assertThatThrownBy(first::get).hasMessageContaining("no route");
    assertThatThrownBy(second::get).hasMessageContaining("no route");
    assertThat(tries).hasValue(1);
  }

  @Test
  void opensNoneOnceItIsClosed() {
    var shared =
        new SharedUpstream(
            () -> {
              throw new IOException("the agent stops");
            },
            nanoTime::get);
    shared.close();
    assertThatThrownBy(() -> shared.get("/", HOST)).hasMessage("the agent stops");
  }
}
