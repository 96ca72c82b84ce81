package io.drover.agent.tunnel;

import static org.assertj.core.api.Assertions.assertThat;

import io.drover.agent.tunnel.ReceiveBuffer.Demand;
import java.nio.ByteBuffer;
import java.util.Objects;
import org.junit.jupiter.api.Test;

class ReceiveBufferTest {
  private static final int OVERHEAD = ReceiveBuffer.CHUNK_OVERHEAD_BYTES;
  private static final int HIGH = BufferBudget.MAX_HIGH_WATER;

  private final BufferBudget budget = new BufferBudget();
  private final ArrayPool pool = new ArrayPool(ReceiveBuffer.KEPT_BYTES);
  private final ReceiveBuffer buffer = new ReceiveBuffer(budget, pool);

  /** So many bytes, what the chunk costs included; if its array is not one of the pool's. */
  private static ByteBuffer cost(int bytes) {
    return ByteBuffer.allocate(bytes - OVERHEAD);
  }

  private void drain() {
    assertThat(buffer.startDraining()).isTrue();
    while (buffer.next() != null) {
      // Taken, so written.
    }
  }

  @Test
  void pausesThePeerOnceAboveTheHighMark() {
    assertThat(buffer.put(cost(HIGH))).isEqualTo(Demand.NOTHING);
    assertThat(buffer.isPaused()).isFalse();

    assertThat(buffer.put(ByteBuffer.allocate(1))).isEqualTo(Demand.PAUSE_PEER);
    assertThat(buffer.put(ByteBuffer.allocate(1))).isEqualTo(Demand.NOTHING);
    assertThat(buffer.isPaused()).isTrue();
  }

  @Test
  void resumesThePeerOnceBelowTheLowMark() {
    buffer.put(cost(HIGH / 4));
    buffer.put(cost(HIGH));
    assertThat(buffer.isPaused()).isTrue();
    assertThat(buffer.startDraining()).isTrue();

    buffer.next();
    buffer.next();
    assertThat(buffer.resumesPeer()).as("the second chunk is not written yet").isFalse();
    buffer.next();

    assertThat(buffer.resumesPeer()).isTrue();
    assertThat(buffer.resumesPeer()).as("once").isFalse();
    assertThat(buffer.isPaused()).isFalse();
  }

  @Test
  void whatFindsNoRoomComesNextAndKeepsTheTurn() {
    buffer.put(ByteBuffer.wrap(new byte[] {1, 2, 3}));
    buffer.put(ByteBuffer.wrap(new byte[] {4}));
    assertThat(buffer.startDraining()).isTrue();

    var chunk = Objects.requireNonNull(buffer.next());
    chunk.get();
    buffer.putBack(chunk);

    assertThat(buffer.usedBytes()).isEqualTo(3 + 1 + 2 * OVERHEAD).isEqualTo(budget.usedBytes());
    assertThat(buffer.startDraining()).as("somebody is at it").isFalse();
    assertThat(buffer.next()).isEqualTo(ByteBuffer.wrap(new byte[] {2, 3}));
    assertThat(buffer.next()).isEqualTo(ByteBuffer.wrap(new byte[] {4}));
    assertThat(buffer.next()).isNull();
    assertThat(buffer.usedBytes()).isZero();
    assertThat(budget.usedBytes()).isZero();
  }

  @Test
  void whatIsPutBackAfterTheEndIsDropped() {
    buffer.put(cost(1_000));
    buffer.put(cost(1_000));
    assertThat(buffer.startDraining()).isTrue();
    var chunk = Objects.requireNonNull(buffer.next());

    buffer.discard();
    buffer.putBack(chunk);

    assertThat(buffer.next()).isNull();
    assertThat(budget.usedBytes()).isZero();
  }

  @Test
  void whatIsWrittenWholeIsNotPutBack() {
    buffer.put(cost(1_000));
    assertThat(buffer.startDraining()).isTrue();
    var chunk = Objects.requireNonNull(buffer.next());

    buffer.putBack(chunk.position(chunk.limit()));

    assertThat(budget.usedBytes()).isZero();
    assertThat(buffer.next()).isNull();
  }

  @Test
  void theHighMarkSinksAsTheBudgetIsUsedUp() {
    budget.use(BufferBudget.BUDGET_BYTES - 8 * 100_000);

    assertThat(buffer.put(cost(64_000))).isEqualTo(Demand.NOTHING);
    assertThat(buffer.put(cost(32_000))).isEqualTo(Demand.PAUSE_PEER);
  }

  @Test
  void pausesAgainAfterAMiBThatShouldNotHaveCome() {
    buffer.put(cost(HIGH + 1));
    int comes = 0;
    for (int i = 0; i < 4; i++) {
      assertThat(buffer.put(cost(262_144))).isEqualTo(Demand.NOTHING);
      comes += 262_144;
    }
    assertThat(comes).isEqualTo(ReceiveBuffer.PAUSE_AGAIN_BYTES);

    assertThat(buffer.put(cost(262_144))).isEqualTo(Demand.PAUSE_PEER);
    assertThat(buffer.put(cost(262_144))).isEqualTo(Demand.NOTHING);
  }

  @Test
  void slowsDownWhatComesInSpiteOfAPauseOnceTooMuchIsThere() {
    buffer.put(cost(HIGH + 1));
    assertThat(buffer.isPaused()).isTrue();
    budget.use(BufferBudget.REST_FROM_BYTES - budget.usedBytes() - 262_144);
    assertThat(buffer.put(cost(262_144))).isEqualTo(Demand.NOTHING);

    assertThat(buffer.put(cost(1_000))).isEqualTo(Demand.SLOW_DOWN);

    assertThat(new ReceiveBuffer(budget, pool).put(cost(1_000)))
        .as("others")
        .isEqualTo(Demand.NOTHING);
    budget.release(262_144);
    assertThat(buffer.put(cost(1_000))).isEqualTo(Demand.NOTHING);
  }

  @Test
  void overflowsPastTheLimit() {
    for (int i = 0; i < 16; i++) {
      assertThat(buffer.put(cost(ReceiveBuffer.LIMIT_BYTES / 16))).isNotEqualTo(Demand.OVERFLOW);
    }

    assertThat(buffer.put(cost(OVERHEAD + 1))).isEqualTo(Demand.OVERFLOW);
  }

  @Test
  void tinyChunksCountWithWhatTheyCost() {
    int chunks = 0;
    while (buffer.put(ByteBuffer.allocate(1)) != Demand.OVERFLOW) {
      chunks++;
    }

    assertThat(chunks).isEqualTo(ReceiveBuffer.LIMIT_BYTES / (OVERHEAD + 1));
  }

  @Test
  void onlyOneDrains() {
    assertThat(buffer.startDraining()).as("nothing to write").isFalse();
    buffer.put(cost(1_000));

    assertThat(buffer.startDraining()).isTrue();
    assertThat(buffer.startDraining()).isFalse();
    assertThat(buffer.next()).isNotNull();
    assertThat(buffer.next()).isNull();

    assertThat(buffer.startDraining()).as("empty again").isFalse();
    buffer.put(cost(1_000));
    assertThat(buffer.startDraining()).isTrue();
  }

  @Test
  void keepsTheOrder() {
    for (byte i = 0; i < 10; i++) {
      buffer.put(ByteBuffer.wrap(new byte[] {i}));
    }
    assertThat(buffer.startDraining()).isTrue();

    for (byte i = 0; i < 10; i++) {
      assertThat(buffer.next()).isEqualTo(ByteBuffer.wrap(new byte[] {i}));
    }
  }

  @Test
  void givesBackToTheBudgetWhatIsWritten() {
    buffer.put(cost(1_000));
    buffer.put(cost(2_000));
    assertThat(budget.usedBytes()).isEqualTo(3_000);
    assertThat(buffer.usedBytes()).isEqualTo(3_000);
    assertThat(buffer.startDraining()).isTrue();

    buffer.next();
    assertThat(budget.usedBytes()).as("taken is not written").isEqualTo(3_000);
    buffer.next();
    assertThat(budget.usedBytes()).isEqualTo(2_000);
    buffer.next();

    assertThat(budget.usedBytes()).isZero();
    assertThat(buffer.isEmpty()).isTrue();
  }

  @Test
  void discardGivesEverythingBackOnceTheWriterIsBack() {
    buffer.put(cost(1_000));
    buffer.put(cost(2_000));
    assertThat(buffer.startDraining()).isTrue();
    buffer.next();

    buffer.discard();
    assertThat(budget.usedBytes()).isEqualTo(1_000);
    assertThat(buffer.next()).isNull();

    assertThat(budget.usedBytes()).isZero();
    assertThat(buffer.put(cost(5_000))).isEqualTo(Demand.NOTHING);
    assertThat(budget.usedBytes()).isZero();
  }

  @Test
  void afterTheEndNothingIsTakenButWhatIsThereIsWritten() {
    buffer.put(cost(1_000));
    buffer.end();

    assertThat(buffer.put(cost(1_000))).isEqualTo(Demand.NOTHING);

    assertThat(buffer.usedBytes()).isEqualTo(1_000);
    drain();
    assertThat(buffer.isEmpty()).isTrue();
  }

  @Test
  void doesNotResumeAPeerThatHasEnded() {
    buffer.put(cost(HIGH + 1));
    buffer.end();
    drain();

    assertThat(buffer.resumesPeer()).isFalse();
  }

  @Test
  void whatIsReceivedIsACopyInAnArrayThatIsUsedAgain() {
    var bytes = ByteBuffer.allocate(16 * 1024).put(0, (byte) 1);
    buffer.put(bytes.duplicate());
    bytes.put(0, (byte) 2);
    assertThat(buffer.startDraining()).isTrue();
    var first = Objects.requireNonNull(buffer.next());
    assertThat(first.get(0)).isEqualTo((byte) 1);
    assertThat(buffer.next()).isNull();

    buffer.put(bytes.duplicate());
    assertThat(first.get(0)).as("the next has its array").isEqualTo((byte) 2);
    assertThat(pool.keptBytes()).isZero();
  }

  @Test
  void memoryCountsAndNotWhatIsInIt() {
    buffer.put(ByteBuffer.allocate(10_000));
    assertThat(buffer.usedBytes()).isEqualTo(16 * 1024 + OVERHEAD).isEqualTo(budget.usedBytes());
  }

  @Test
  void allArraysComeBackHoweverTheStreamEnds() {
    for (int i = 0; i < 4; i++) {
      buffer.put(ByteBuffer.allocate(16 * 1024));
    }
    assertThat(buffer.startDraining()).isTrue();
    buffer.next();
    buffer.next();
    buffer.discard();
    assertThat(pool.keptBytes()).as("but for what is being written").isEqualTo(3 * 16 * 1024);
    assertThat(buffer.next()).isNull();
    assertThat(pool.keptBytes()).isEqualTo(4 * 16 * 1024);
  }
}
