package io.drover.agent.gateway.audit;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class AuditQueueTest {
  private static final Duration LONG = Duration.ofMinutes(1);

  private static byte[] line(int bytes) {
    return new byte[bytes];
  }

  private static List<Integer> lengths(List<byte[]> batch) {
    return batch.stream().map(line -> line.length).toList();
  }

  @Test
  void whatFindsNoRoomIsLostAndCounted() throws Exception {
    var queue = new AuditQueue(3, 100, Duration.ZERO);
    queue.put(line(50), false);
    queue.put(line(50), false);
    queue.put(line(1), false);
    assertThat(queue.lost()).as("bytes").isEqualTo(1);

    assertThat(lengths(queue.take(1, 1_000, Duration.ZERO))).containsExactly(50);
    queue.put(line(1), false);
    queue.put(line(2), false);
    queue.put(line(3), false);
    assertThat(queue.lost()).as("events").isEqualTo(2);
    assertThat(lengths(queue.take(10, 1_000, Duration.ZERO))).containsExactly(50, 1, 2);
  }

  @Test
  void whatIsReservedHasRoomWhateverElseComes() throws Exception {
    var queue = new AuditQueue(2, 100, Duration.ZERO);
    assertThat(queue.reserve(1, 60)).isTrue();
    assertThat(queue.reserve(1, 60)).as("bytes").isFalse();
    assertThat(queue.reserve(2, 2)).as("events").isFalse();
    queue.put(line(50), false);
    assertThat(queue.lost()).isEqualTo(3);

    queue.release(1, 60);
    queue.put(line(70), true);
    assertThat(queue.lost()).isEqualTo(3);
    assertThat(lengths(queue.take(10, 1_000, Duration.ZERO))).containsExactly(70);
  }

  @Test
  void whoWaitsForRoomGetsItWhenSomeIsTaken() throws Exception {
    var queue = new AuditQueue(1, 100, LONG);
    queue.put(line(1), false);
    var waiting = CompletableFuture.supplyAsync(() -> queue.reserve(1, 1));

    assertThat(queue.take(1, 100, Duration.ZERO)).hasSize(1);
    assertThat(waiting.get()).isTrue();
    assertThat(queue.lost()).isZero();
  }

  @Test
  void whoWaitsForRoomIsToldWhenItIsOver() throws Exception {
    var queue = new AuditQueue(1, 100, LONG);
    queue.put(line(1), false);
    var waiting = CompletableFuture.supplyAsync(() -> queue.reserve(1, 1));
    queue.close();

    assertThat(waiting.get()).isFalse();
    assertThat(queue.lost()).isEqualTo(1);
  }

  @Test
  void batchesHaveTheirLimits() throws Exception {
    var queue = new AuditQueue();
    for (int i = 0; i < 5; i++) {
      queue.put(line(10), false);
    }
    assertThat(queue.take(2, 1_000, LONG)).hasSize(2);
    assertThat(queue.take(10, 25, LONG)).hasSize(2);
    assertThat(queue.take(10, 1, LONG)).as("at least one").hasSize(1);
  }

  @Test
  void closedQueueIsDrainedUntilTheLastRequestHasEnded() throws Exception {
    var queue = new AuditQueue();
    queue.begun();
    queue.put(line(1), false);
    queue.close();
    assertThat(queue.take(10, 100, LONG)).hasSize(1);
    var last = CompletableFuture.supplyAsync(() -> taken(queue));

    queue.put(line(2), false);
    assertThat(last.get()).isEqualTo(1);
    queue.ended();
    assertThat(queue.take(10, 100, LONG)).isEmpty();
  }

  private static int taken(AuditQueue queue) {
    try {
      return queue.take(10, 100, LONG).size();
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }
}
