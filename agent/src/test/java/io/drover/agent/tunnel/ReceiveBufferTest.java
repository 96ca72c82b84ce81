package io.drover.agent.tunnel;

import static org.assertj.core.api.Assertions.assertThat;

import io.drover.agent.tunnel.ReceiveBuffer.Demand;
import java.nio.ByteBuffer;
import org.junit.jupiter.api.Test;

class ReceiveBufferTest {
  private static final int OVERHEAD = ReceiveBuffer.CHUNK_OVERHEAD_BYTES;
  private static final int HIGH = BufferBudget.MAX_HIGH_WATER;

  private final BufferBudget budget = new BufferBudget();
  private final ReceiveBuffer buffer = new ReceiveBuffer(budget);

  /** So many bytes, what the chunk costs included. */
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

    var chunk = java.util.Objects.requireNonNull(buffer.next());
    chunk.get();
    buffer.putBack(chunk);

    assertThat(buffer.usedBytes()).isEqualTo(3 + 2 * OVERHEAD).isEqualTo(budget.usedBytes());
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
    var chunk = java.util.Objects.requireNonNull(buffer.next());

    buffer.discard();
    buffer.putBack(chunk);

    assertThat(buffer.next()).isNull();
    assertThat(budget.usedBytes()).isZero();
  }

  @Test
  void whatIsWrittenWholeIsNotPutBack() {
    buffer.put(cost(1_000));
    assertThat(buffer.startDraining()).isTrue();
    var chunk = java.util.Objects.requireNonNull(buffer.next());

    buffer.putBack(chunk.position(chunk.limit()));

    assertThat(budget.usedBytes()).isZero();
    assertThat(buffer.next()).isNull();
  }

  @Test
  void theHighMarkSinksAsTheBudgetIsUsedUp() {
    budget.use(BufferBudget.BUDGET_BYTES - 8 * 100_000);

    assertThat(buffer.put(cost(80_000))).isEqualTo(Demand.NOTHING);
    assertThat(buffer.put(cost(20_000))).isEqualTo(Demand.PAUSE_PEER);
  }

  @Test
  void pausesAgainAfterAMiBThatShouldNotHaveCome() {
    buffer.put(cost(HIGH + 1));
    int comes = 0;
    for (int i = 0; i < 16; i++) {
      assertThat(buffer.put(cost(65_536))).isEqualTo(Demand.NOTHING);
      comes += 65_536;
    }
    assertThat(comes).isEqualTo(ReceiveBuffer.PAUSE_AGAIN_BYTES);

    assertThat(buffer.put(cost(65_536))).isEqualTo(Demand.PAUSE_PEER);
    assertThat(buffer.put(cost(65_536))).isEqualTo(Demand.NOTHING);
  }

  @Test
  void slowsDownWhatComesInSpiteOfAPauseOnceTheBudgetIsUsedUp() {
    buffer.put(cost(HIGH + 1));
    assertThat(buffer.isPaused()).isTrue();
    budget.use(BufferBudget.BUDGET_BYTES - budget.usedBytes() - 65_536);
    assertThat(buffer.put(cost(65_536))).isEqualTo(Demand.NOTHING);

    assertThat(buffer.put(cost(1_000))).isEqualTo(Demand.SLOW_DOWN);

    assertThat(new ReceiveBuffer(budget).put(cost(1_000))).as("others").isEqualTo(Demand.NOTHING);
    budget.release(65_536);
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
}
