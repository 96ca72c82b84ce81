package io.drover.agent.retry;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

class DoublingWaitTest {
  private static final Duration FIRST = Duration.ofSeconds(2);
  private static final Duration LAST = Duration.ofSeconds(9);

  private final DoublingWait wait = new DoublingWait(FIRST);

  @Test
  void doublesUpToTheLastAndStaysThere() {
    assertThat(Stream.generate(() -> wait.next(LAST).toSeconds()).limit(5))
        .containsExactly(2L, 4L, 8L, 9L, 9L);
  }

  @Test
  void beginsAnewWhenAnAttemptHasWorked() {
    wait.next(LAST);
    wait.next(LAST);

    wait.worked();

    assertThat(wait.next(LAST)).isEqualTo(FIRST);
  }

  @Test
  void anotherLastOneHoldsAtOnce() {
    for (int i = 0; i < 10; i++) {
      wait.next(LAST);
    }

    assertThat(wait.next(Duration.ofSeconds(3))).hasSeconds(3);
    assertThat(wait.next(LAST)).hasSeconds(6);
  }
}
