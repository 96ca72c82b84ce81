package io.drover.steve.http;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.FutureTask;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.LongSupplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class DeadlineTest {
  private static final Duration LIMIT = Duration.ofSeconds(1);

  private final AtomicLong nowNanos = new AtomicLong(LIMIT.toNanos());

  private void advance() {
    nowNanos.addAndGet(LIMIT.toNanos() + 1);
  }

  @Test
  void isOverWhenItsTimeIs() {
    var deadline = new Deadline(nowNanos::get, LIMIT);
    assertThat(deadline.isOver()).isFalse();
    advance();
    assertThat(deadline.isOver()).isTrue();
    deadline.in(LIMIT);
    assertThat(deadline.isOver()).isFalse();
    advance();
    deadline.none();
    assertThat(deadline.isOver()).isFalse();
  }

  @Test
  void isBehindSomethingAsItWas() throws Exception {
    var deadline = new Deadline(nowNanos::get, LIMIT);
    deadline.within(
        LIMIT.multipliedBy(9),
        () -> {
          advance();
          assertThat(deadline.isOver()).isFalse();
        });
    assertThat(deadline.isOver()).isTrue();
    deadline.none();
    deadline.within(
        LIMIT,
        () -> {
          advance();
          assertThat(deadline.isOver()).isTrue();
        });
    assertThat(deadline.isOver()).isFalse();
  }

  /** Something with a limit ends while another thread looks at it. */
  @Test
  void withoutALimitItIsNeverOver() throws Exception {
    var looking = new CountDownLatch(1);
    var done = new CountDownLatch(1);
    var working = Thread.currentThread();
    LongSupplier nanoTime =
        () -> {
          if (!Thread.currentThread().equals(working)) {
            looking.countDown();
            await(done);
          }
          return nowNanos.get();
        };
    var deadline = new Deadline(nanoTime);
    var isOver = new FutureTask<>(deadline::isOver);
    deadline.within(
        LIMIT,
        () -> {
          Thread.ofVirtual().start(isOver);
          await(looking);
        });
    done.countDown();

    assertThat(isOver.get()).isFalse();
  }

  private static void await(CountDownLatch latch) {
    try {
      latch.await();
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }
}
