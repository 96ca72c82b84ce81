package io.drover.agent.tunnel;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ArrayPoolTest {
  private static final int KIB = 1024;

  private final ArrayPool pool = new ArrayPool(64 * KIB);

  @Test
  void whatWasGivenBackIsTakenAgain() {
    var first = pool.take(16 * KIB);
    var second = pool.take(16 * KIB);
    assertThat(second).isNotSameAs(first);

    pool.give(first);
    pool.give(second);
    assertThat(pool.take(10 * KIB)).isSameAs(second);
    assertThat(pool.take(16 * KIB)).isSameAs(first);
    assertThat(pool.keptBytes()).isZero();
  }

  @ParameterizedTest
  @CsvSource({
    "0, 0",
    "4095, 4095",
    "4096, 4096",
    "4097, 8192",
    "8192, 8192",
    "65536, 65536",
    "65537, 131072",
    "131072, 131072",
    "131073, 131073"
  })
  void arraysAreNoMoreThanTwiceAsLong(int asked, int length) {
    assertThat(pool.take(asked)).hasSize(length);
    pool.give(new byte[length]);
    assertThat(pool.take(asked)).hasSize(length);
  }

  @Test
  void keepsNoMoreThanItMay() {
    for (int i = 0; i < 9; i++) {
      pool.give(new byte[8 * KIB]);
    }
    assertThat(pool.keptBytes()).isEqualTo(64 * KIB);
  }

  @Test
  void whatNobodyHasWantedSinceTheLastLookIsGivenUp() {
    pool.give(pool.take(16 * KIB));

    pool.trim();
    assertThat(pool.keptBytes()).as("one was taken").isEqualTo(16 * KIB);
    pool.trim();
    assertThat(pool.keptBytes()).isZero();
  }

  @Test
  void whatIsNotFromHereIsNotKept() {
    for (int length : new int[] {0, 2 * KIB, 5000, 256 * KIB}) {
      pool.give(new byte[length]);
    }
    assertThat(pool.keptBytes()).isZero();
  }
}
