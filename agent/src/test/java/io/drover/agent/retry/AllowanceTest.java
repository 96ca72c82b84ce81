package io.drover.agent.retry;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class AllowanceTest {
  private static final long START = -7;
  private static final long SECOND = Duration.ofSeconds(1).toNanos();

  private final Allowance allowance = new Allowance(3, Duration.ofSeconds(1), START);

  @Test
  void theWholeBurstIsThereAtOnceAndNoMore() {
    assertThat(takenOfTen(START)).isEqualTo(3);
    assertThat(takenOfTen(START + SECOND - 1)).isZero();
  }

  @Test
  void oneComesBackAfterEachInterval() {
    takenOfTen(START);

    assertThat(takenOfTen(START + SECOND)).isEqualTo(1);
    assertThat(takenOfTen(START + SECOND * 5 / 2)).isEqualTo(1);
    assertThat(takenOfTen(START + 3 * SECOND)).isEqualTo(1);
  }

  @Test
  void neverIsThereMoreThanTheBurst() {
    assertThat(takenOfTen(START + 1_000 * SECOND)).isEqualTo(3);
  }

  private long takenOfTen(long nowNanos) {
    return IntStream.range(0, 10).filter(_ -> allowance.take(nowNanos)).count();
  }
}
