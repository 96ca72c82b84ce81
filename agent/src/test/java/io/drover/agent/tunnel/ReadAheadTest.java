package io.drover.agent.tunnel;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import org.junit.jupiter.api.Test;

class ReadAheadTest {
  private static final long SECOND_NANOS = 1_000_000_000;
  private static final Duration FAR = Duration.ofMillis(50);

  private final ReadAhead readAhead = new ReadAhead(0, 0);
  private long seconds;
  private long received;

  private int second(long bytes, Duration roundTrip) {
    received += bytes;
    int before = readAhead.bytes();
    boolean changed = readAhead.update(received, roundTrip, ++seconds * SECOND_NANOS);
    assertThat(changed).isEqualTo(readAhead.bytes() != before);
    return readAhead.bytes();
  }

  @Test
  void aNearServerNeedsLittleHoweverFastItIs() {
    assertThat(second(500_000_000, Duration.ofNanos(200_000))).isEqualTo(ReadAhead.MIN_BYTES);
  }

  @Test
  void aFlowThatItHoldsBackDoublesEverySecondUpToTheEnd() {
    int bytes = second(0, FAR);
    for (int i = 0; i < 3; i++) {
      int before = bytes;
      bytes = second(before * 20L, FAR); // one buffer in each round trip
      assertThat(bytes).isEqualTo(2 * before);
    }
    assertThat(bytes).isEqualTo(ReadAhead.MAX_BYTES);
    assertThat(second(bytes * 20L, FAR)).isEqualTo(ReadAhead.MAX_BYTES);
  }

  @Test
  void shrinksWhenTheFlowIsOver() {
    second(100_000_000, FAR);

    assertThat(second(0, FAR)).isEqualTo(ReadAhead.MIN_BYTES);
  }

  @Test
  void leavesSmallChangesAlone() {
    int bytes = second(10_000_000, FAR);
    assertThat(bytes).isEqualTo(1_000_000);

    assertThat(second(14_000_000, FAR)).isEqualTo(bytes);
    assertThat(second(7_000_000, FAR)).isEqualTo(bytes);
    assertThat(second(15_000_000, FAR)).isEqualTo(1_500_000);
  }

  @Test
  void anUnknownWayIsTakenForANearOne() {
    assertThat(second(500_000_000, Duration.ZERO)).isEqualTo(ReadAhead.MIN_BYTES);
  }
}
