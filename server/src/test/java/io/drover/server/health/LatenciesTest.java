package io.drover.server.health;

import static org.assertj.core.api.Assertions.assertThat;

import io.drover.server.health.Latencies.Latency;
import java.time.Duration;
import java.time.Instant;
import org.junit.jupiter.api.Test;

class LatenciesTest {
  private static final Instant NOON = Instant.parse("2026-11-29T12:00:00Z");

  private final Latencies latencies = new Latencies();

  private void put(Duration after, int milliseconds) {
    latencies.put("c-1", NOON.plus(after), Duration.ofMillis(milliseconds));
  }

  @Test
  void slowestOfEachMinute() {
    put(Duration.ofSeconds(0), 7);
    put(Duration.ofSeconds(20), 90);
    put(Duration.ofSeconds(40), 8);
    put(Duration.ofSeconds(60), 5);

    assertThat(latencies.of("c-1", NOON.plusSeconds(61)))
        .containsExactly(new Latency(NOON, 90), new Latency(NOON.plusSeconds(60), 5));
  }

  @Test
  void minuteWithoutAnAnswerHasNoEntry() {
    put(Duration.ofMinutes(0), 1);
    put(Duration.ofMinutes(5), 2);

    assertThat(latencies.of("c-1", NOON.plusSeconds(400))).hasSize(2);
  }

  @Test
  void whatIsOlderThanADayGoes() {
    put(Duration.ZERO, 1);
    put(Duration.ofMinutes(Latencies.MINUTES - 1), 2);
    assertThat(latencies.of("c-1", NOON.plus(Duration.ofMinutes(Latencies.MINUTES - 1))))
        .hasSize(2);

    put(Duration.ofMinutes(Latencies.MINUTES), 3);
    assertThat(latencies.of("c-1", NOON.plus(Duration.ofMinutes(Latencies.MINUTES))))
        .extracting(Latency::milliseconds)
        .containsExactly(2, 3);
    assertThat(latencies.of("c-1", NOON.plus(Duration.ofDays(3)))).isEmpty();
  }

  @Test
  void longGapEmptiesItAndAClockSetBackIsNoTrouble() {
    put(Duration.ZERO, 1);
    put(Duration.ofDays(30), 2);
    put(Duration.ofDays(1), 9);
    put(Duration.ofDays(30).minusMinutes(2), 3);

    assertThat(latencies.of("c-1", NOON.plus(Duration.ofDays(30))))
        .extracting(Latency::milliseconds)
        .containsExactly(3, 2);
  }

  @Test
  void clusterThatIsForgottenHasNone() {
    put(Duration.ZERO, 1);
    latencies.forget("c-1");

    assertThat(latencies.of("c-1", NOON)).isEmpty();
    assertThat(latencies.of("c-2", NOON)).isEmpty();
  }
}
