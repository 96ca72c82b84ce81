package io.drover.agent.retry;

import static org.assertj.core.api.Assertions.assertThat;

import io.drover.agent.reason.Reason;
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

    assertThat(delays(backoff, Cause.PATH, 4)).containsExactly(5L, 10L, 15L, 15L);
    for (int i = 0; i < 1000; i++) {
      assertThat(backoff.next(Cause.SERVER_CLOSED)).isEqualTo(Backoff.CAP);
      assertThat(backoff.next(Cause.PATH)).isEqualTo(Cause.PATH.cap());
    }
    assertThat(delays(new Backoff(new Largest()), Cause.REFUSED, 4))
        .containsExactly(20L, 40L, 60L, 60L);
  }

  @Test
  void startsAnewAfterAStableConnectionOnly() {
    var backoff = new Backoff(new Largest());
    delays(backoff, Cause.PATH, 1);

    backoff.succeeded(Backoff.STABLE.minusNanos(1));
    assertThat(backoff.next(Cause.PATH)).isEqualTo(Duration.ofSeconds(10));

    backoff.succeeded(Backoff.STABLE);
    assertThat(backoff.next(Cause.PATH)).isEqualTo(Duration.ofSeconds(5));
  }

  @ParameterizedTest
  @CsvSource({
    "CONNECT_TIMEOUT, PATH",
    "DNS_NOT_FOUND, PATH",
    "PROXY_STRIPS_UPGRADE, PATH",
    "SERVER_STARTING, REFUSED",
    "HTTP_INSTEAD_OF_WEBSOCKET, REFUSED",
    "TOKEN_UNKNOWN, REFUSED",
    "TLS_EXPIRED, REFUSED"
  })
  void whatWasAnsweredIsNotAskedAgainSoSoon(Reason reason, Cause cause) {
    assertThat(Cause.of(reason)).isEqualTo(cause);
  }

  /** The delay before a server is asked again that was away for ten minutes, with every attempt. */
  private static double afterTenMinutes(Random random, Cause cause, double attemptSeconds) {
    var backoff = new Backoff(random);
    double now = random.nextDouble() * Cause.SERVER_CLOSED.first().toSeconds();
    while (now < 600) {
      now += attemptSeconds + backoff.next(cause).toNanos() / 1e9;
    }
    return now - 600;
  }

  @ParameterizedTest
  @CsvSource({"PATH, 0, 15", "PATH, 10, 25", "REFUSED, 0.1, 61"})
  void allAreBackWithinTheCapAndAnAttempt(Cause cause, double attemptSeconds, double limitSeconds) {
    var random = new Random(7);

    double[] seconds =
        random
            .doubles(AGENTS)
            .map(_ -> afterTenMinutes(random, cause, attemptSeconds))
            .sorted()
            .toArray();

    assertThat(seconds[AGENTS - 1]).isLessThanOrEqualTo(limitSeconds);
    double mostAtOnce = 0; // of each 1,000 agents, in 100 ms
    for (int i = 0, j = 0; i < AGENTS; i++) {
      while (seconds[i] - seconds[j] > 0.1) {
        j++;
      }
      mostAtOnce = Math.max(mostAtOnce, (i - j + 1) * 1_000.0 / AGENTS);
    }
    assertThat(mostAtOnce).isLessThanOrEqualTo(20);
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
