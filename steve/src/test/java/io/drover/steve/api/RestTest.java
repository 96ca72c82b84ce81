package io.drover.steve.api;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class RestTest {
  private final AtomicLong now = new AtomicLong(Long.MAX_VALUE - 5);
  private final Rest rest = new Rest(now::get);

  @Test
  void doesNotRestBeforeAnythingWasAsked() {
    assertThat(rest.isOn()).isFalse();
    assertThat(rest.endNanos()).isEmpty();
  }

  @ParameterizedTest
  @CsvSource({"0, 0", "20, 180", "500, 4500", "600, 5000", "2000, 5000"})
  void restsSomeTimesAsLongAsWasAsked(long askedMillis, long restMillis) {
    long begun = now.get();
    now.addAndGet(Duration.ofMillis(askedMillis).toNanos());
    rest.behind(begun);
    assertThat(rest.endNanos()).hasValue(now.get() + Duration.ofMillis(restMillis).toNanos());
    now.addAndGet(Duration.ofMillis(restMillis).toNanos() - 1);
    assertThat(rest.isOn()).isTrue();
    now.incrementAndGet();
    assertThat(rest.isOn()).isFalse();
    assertThat(rest.endNanos()).isEmpty();
  }
}
