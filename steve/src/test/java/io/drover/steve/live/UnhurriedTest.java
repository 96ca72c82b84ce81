package io.drover.steve.live;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class UnhurriedTest {
  private final List<Long> rests = new ArrayList<>();
  private long nowNanos = 5;
  private final Unhurried pace = new Unhurried(() -> nowNanos, this::sleep);

  private void sleep(long nanos) {
    rests.add(nanos);
    nowNanos += nanos;
  }

  @Test
  void restsAsLongAsItHasWorked() {
    for (int i = 0; i < 100; i++) {
      nowNanos += Unhurried.PIECE_NANOS / 10;
      pace.rest();
    }
    assertThat(rests).hasSize(10).containsOnly(Unhurried.PIECE_NANOS);
  }

  @Test
  void waitsForOthersAreNotPaidForInFull() {
    nowNanos += 1000 * Unhurried.PIECE_NANOS;
    pace.rest();
    pace.rest();
    assertThat(rests).containsExactly(Unhurried.LONGEST_REST_NANOS);
  }

  @Test
  void interruptStaysSet() {
    var interrupted =
        new Unhurried(
            () -> nowNanos,
            _ -> {
              throw new InterruptedException();
            });
    nowNanos += Unhurried.PIECE_NANOS;
    interrupted.rest();
    assertThat(Thread.interrupted()).isTrue();
  }
}
