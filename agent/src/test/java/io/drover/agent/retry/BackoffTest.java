package io.drover.agent.retry;

import static org.assertj.core.api.Assertions.assertThat;

import io.drover.agent.retry.Backoff.Cause;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.random.RandomGenerator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class BackoffTest {
  private static final int AGENTS = 20_000;

  /** Always the largest number allowed, so that a delay is its bound. */
  private static final class Largest implements RandomGenerator {
    @Override
    public long nextLong() {
      throw new UnsupportedOperationException();
    }

    @Override
    public long nextLong(long bound) {
      return bound - 1;
    }
  }

  @ParameterizedTest
  @CsvSource({"PATH, 5", "SERVER_CLOSED, 20", "REFUSED, 20"})
  void firstDelayIsUniformUpToItsBound(Cause cause, long boundSeconds) {
    var random = new Random(7);

    double[] seconds =
        random
            .ints(AGENTS)
            .mapToDouble(_ -> new Backoff(random).next(cause).toNanos() / 1e9)
            .sorted()
            .toArray();

    assertThat(seconds[0]).isBetween(0.0, 0.01 * boundSeconds);
    assertThat(seconds[AGENTS / 4]).isBetween(0.23 * boundSeconds, 0.27 * boundSeconds);
    assertThat(seconds[AGENTS / 2]).isBetween(0.48 * boundSeconds, 0.52 * boundSeconds);
    assertThat(seconds[AGENTS - 1]).isBetween(0.99 * boundSeconds, (double) boundSeconds);
  }

  @Test
  void boundDoublesUpToTheCap() {
    var backoff = new Backoff(new Largest());

    assertThat(delays(backoff, Cause.PATH, 7)).containsExactly(5L, 10L, 20L, 40L, 60L, 60L, 60L);
    for (int i = 0; i < 1000; i++) {
      assertThat(backoff.next(Cause.SERVER_CLOSED)).isEqualTo(Backoff.CAP);
    }
  }

  @Test
  void startsAnewAfterAStableConnectionOnly() {
    var backoff = new Backoff(new Largest());
    delays(backoff, Cause.PATH, 3);

    backoff.succeeded(Backoff.STABLE.minusNanos(1));
    assertThat(backoff.next(Cause.PATH)).isEqualTo(Duration.ofSeconds(40));

    backoff.succeeded(Backoff.STABLE);
    assertThat(backoff.next(Cause.PATH)).isEqualTo(Duration.ofSeconds(5));
  }

  @Test
  void neverComesBackBeforeTheServerAsked() {
    var random = new Random(7);
    var asked = Duration.ofSeconds(30);

    for (int i = 0; i < AGENTS; i++) {
      assertThat(new Backoff(random).next(Cause.REFUSED, asked))
          .isBetween(asked, asked.plusSeconds(20));
    }
  }

  @Test
  void serverCannotSendUsAwayForLong() {
    var backoff = new Backoff(new Largest());

    assertThat(backoff.next(Cause.PATH, Duration.ofDays(1)))
        .isEqualTo(Backoff.MAX_RETRY_AFTER.plusSeconds(5));
    assertThat(backoff.next(Cause.PATH, Duration.ofSeconds(-1))).isEqualTo(Duration.ofSeconds(10));
  }

  private static List<Long> delays(Backoff backoff, Cause cause, int count) {
    var seconds = new ArrayList<Long>();
    for (int i = 0; i < count; i++) {
      seconds.add(backoff.next(cause).toSeconds());
    }
    return seconds;
  }
}
