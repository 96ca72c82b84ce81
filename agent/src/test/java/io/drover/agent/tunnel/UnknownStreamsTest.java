package io.drover.agent.tunnel;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;

class UnknownStreamsTest {
  private static final long SECOND = Duration.ofSeconds(1).toNanos();

  private final UnknownStreams streams = new UnknownStreams();

  @Test
  void answersAStreamOnceASecond() {
    long start = -5 * SECOND; // the clock's zero means nothing

    assertThat(streams.answers(2, start)).isTrue();
    assertThat(streams.answers(2, start)).isFalse();
    assertThat(streams.answers(2, start + SECOND - 1)).isFalse();
    assertThat(streams.answers(3, start + SECOND - 1)).isTrue();
    assertThat(streams.answers(2, start + SECOND)).isTrue();
    assertThat(streams.answers(2, start + SECOND + 1)).isFalse();
  }

  @Test
  void answersNoMoreThan100StreamsASecond() {
    assertThat(LongStream.range(0, 20_000).filter(id -> streams.answers(id, 7)).count())
        .isEqualTo(UnknownStreams.ANSWERS_A_SECOND);
    assertThat(LongStream.range(0, 20_000).filter(id -> streams.answers(id, 7 + SECOND)).count())
        .isEqualTo(UnknownStreams.ANSWERS_A_SECOND);
  }
}
