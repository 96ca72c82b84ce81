package io.drover.agent.rotate;

import static org.assertj.core.api.Assertions.assertThat;

import ch.qos.logback.classic.Level;
import io.drover.agent.Logged;
import io.drover.agent.reason.Explained;
import io.drover.agent.reason.Failure;
import io.drover.agent.reason.Problem;
import io.drover.agent.reason.Reason;
import io.drover.agent.retry.AskedToWait;
import io.drover.agent.retry.Backoff;
import io.drover.agent.rotate.Rotation.Part;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.SynchronousQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;

@Timeout(60)
class RotationTest {
  private static final Duration MILLISECOND = Duration.ofMillis(1);

  /** The jitter at its most, so that the bounds show. */
  private static final RandomGenerator LONGEST =
      new RandomGenerator() {
        @Override
        public long nextLong() {
          return Long.MAX_VALUE;
        }

        @Override
        public long nextLong(long bound) {
          return bound - 1;
        }
      };

  /** Waits for the test instead of clock and kernel. */
  private static final class Told implements Changes {
    private final LinkedBlockingQueue<Duration> asked = new LinkedBlockingQueue<>();
    private final SynchronousQueue<Boolean> answers = new SynchronousQueue<>();
    private final AtomicBoolean closed = new AtomicBoolean();

    @Override
    public boolean await(Duration limit) throws InterruptedException {
      asked.add(limit);
      return answers.take();
    }

    /** How long it means to wait now. */
    Duration take() throws InterruptedException {
      @Nullable Duration limit = asked.poll(30, TimeUnit.SECONDS);
      return Objects.requireNonNull(limit, "it does not wait");
    }

    void say(boolean changed) throws InterruptedException {
      assertThat(answers.offer(changed, 30, TimeUnit.SECONDS)).isTrue();
    }

    @Override
    public void close() {
      closed.set(true);
    }
  }

  /** A server that asks to be left alone. */
  private static final class Busy extends IOException implements AskedToWait, Explained {
    private static final long serialVersionUID = 1L;

    @Override
    public Duration retryAfter() {
      return Duration.ofSeconds(90);
    }

    @Override
    public Reason reason() {
      return Reason.TOO_MANY_REQUESTS;
    }
  }

  private final Told told = new Told();
  private final AtomicLong nanos = new AtomicLong(5);
  private final AtomicInteger looks = new AtomicInteger();
  private volatile @Nullable IOException failure;
  @RegisterExtension private final Logged log = new Logged(Rotation.class);

  private Part counting() {
    return new Part(
        "counting",
        () -> {
          looks.incrementAndGet();
          var now = failure;
          if (now != null) {
            throw now;
          }
        });
  }

  private Rotation start(Part... parts) {
    return Rotation.start(List.of(parts), told, nanos::get, LONGEST);
  }

  private void pass(Duration time) throws InterruptedException {
    nanos.addAndGet(time.toNanos());
    told.say(false);
  }

  @Test
  void looksNowAndThen() throws Exception {
    try (var _ = start(counting())) {
      assertThat(told.take()).isEqualTo(Rotation.EVERY.plus(MILLISECOND));
      assertThat(looks).hasValue(0);

      pass(Rotation.EVERY);

      assertThat(told.take()).isEqualTo(Rotation.EVERY.plus(MILLISECOND));
      assertThat(looks).hasValue(1);
    }
    assertThat(told.closed).isTrue();
  }

  @Test
  void wakingUpEarlyIsNoReasonToLook() throws Exception {
    try (var _ = start(counting())) {
      told.take();
      pass(Rotation.EVERY.minusSeconds(10));

      assertThat(told.take()).isEqualTo(Duration.ofSeconds(10).plus(MILLISECOND));
      assertThat(looks).hasValue(0);
    }
  }

  @Test
  void looksAtOnceWhenSomethingHasChangedButNotWithoutEnd() throws Exception {
    try (var _ = start(counting())) {
      for (int i = 0; i < Rotation.BURST + 5; i++) {
        told.take();
        told.say(true);
      }
      told.take();
      assertThat(looks).hasValue(Rotation.BURST);

      nanos.addAndGet(Rotation.INTERVAL.toNanos());
      told.say(true);
      told.take();

      assertThat(looks).hasValue(Rotation.BURST + 1);
    }
  }

  @Test
  void whatCannotBeTakenIsSaidOnceAndTriedAgain() throws Exception {
    try (var rotation = start(counting())) {
      told.take();
      assertThat(rotation.problems()).isEmpty();
      failure = new Failure(Reason.TOKEN_UNKNOWN, "no cluster has this token");
      pass(Rotation.EVERY);

      assertThat(told.take()).isEqualTo(Duration.ofSeconds(20).plus(MILLISECOND));
      assertThat(rotation.problems()).containsOnlyKeys("counting");
      assertThat(rotation.problems())
          .containsEntry(
              "counting", new Problem(Reason.TOKEN_UNKNOWN, "no cluster has this token"));

      failure = new Failure(Reason.TOKEN_UNKNOWN, "in other words");
      for (var bound : List.of(40, 60, 60, 60, 60)) {
        pass(Backoff.CAP);
        assertThat(told.take()).isEqualTo(Duration.ofSeconds(bound).plus(MILLISECOND));
      }
      assertThat(log.at(Level.WARN)).hasSize(1);

      failure = null;
      pass(Backoff.CAP);
      assertThat(told.take()).isEqualTo(Rotation.EVERY.plus(MILLISECOND));
      assertThat(rotation.problems()).isEmpty();
      assertThat(log.at(Level.INFO))
          .containsExactly("new material taken after all: part=counting notLogged=TokenUnknown:5");

      failure = new Failure(Reason.TOKEN_UNKNOWN, "again");
      pass(Rotation.EVERY);
      assertThat(told.take())
          .as("a new series")
          .isEqualTo(Duration.ofSeconds(20).plus(MILLISECOND));
    }
  }

  @Test
  void changeIsTriedAtOnceWhateverWasWaitedFor() throws Exception {
    try (var rotation = start(counting())) {
      told.take();
      failure = new Busy();
      pass(Rotation.EVERY);
      assertThat(told.take()).isEqualTo(Duration.ofSeconds(90).plusSeconds(20).plus(MILLISECOND));
      failure = null;

      told.say(true);

      told.take();
      assertThat(looks).hasValue(2);
      assertThat(rotation.problems()).isEmpty();
    }
  }

  @Test
  void partThatFailsHoldsUpNoOther() throws Exception {
    var broken =
        new Part(
            "broken",
            () -> {
              throw new IllegalStateException("a bug");
            });
    try (var rotation = start(broken, counting())) {
      told.take();
      pass(Rotation.EVERY);
      told.take();

      assertThat(looks).hasValue(1);
      assertThat(rotation.problems()).containsOnlyKeys("broken");
      assertThat(log.at(Level.ERROR)).hasSize(1);
    }
  }
}
