package io.drover.agent.tunnel;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class GivenIdsTest {
  private final GivenIds given = new GivenIds();

  private List<Long> next(int count) {
    var ids = new ArrayList<Long>();
    given.addNext(ids, count);
    return ids;
  }

  @Test
  void whatComesInOrderSkipsNothing() {
    LongStream.rangeClosed(1, 1_000).forEach(given::came);

    assertThat(given.takeSkipped()).isEmpty();
    assertThat(next(2)).containsExactly(1_001L, 1_002L);
  }

  @Test
  void whoIsOvertakenIsAwaitedUntilItComes() {
    LongStream.of(2, 5, 4, 8).forEach(given::came);

    assertThat(given.takeSkipped()).containsExactly(3L, 6L, 7L);
    given.came(6);
    given.came(10);
    assertThat(given.takeSkipped())
        .as("whoever was told of is not told of again")
        .containsExactly(9L);
    assertThat(next(1)).containsExactly(11L);
  }

  @Test
  void atTheLimitTheLowestAreNotAwaited() {
    given.came(1);
    given.came(4);
    given.came(5 + GivenIds.MAX_SKIPPED);

    assertThat(given.takeSkipped())
        .hasSize(GivenIds.MAX_SKIPPED)
        .startsWith(5L)
        .endsWith(4L + GivenIds.MAX_SKIPPED);
  }

  @ParameterizedTest
  @ValueSource(longs = {0, -1, Long.MIN_VALUE})
  void idsThatNoServerGivesOutSkipNothing(long id) {
    given.came(id);

    assertThat(given.takeSkipped()).isEmpty();
    assertThat(next(1)).containsExactly(2L);
  }

  @Test
  void nothingIsBehindTheLast() {
    given.came(Long.MAX_VALUE - 1);
    assertThat(next(3)).containsExactly(Long.MAX_VALUE);

    given.came(Long.MAX_VALUE);
    assertThat(next(3)).isEmpty();
    assertThat(given.takeSkipped()).hasSize(GivenIds.MAX_SKIPPED).endsWith(Long.MAX_VALUE - 2);
  }
}
