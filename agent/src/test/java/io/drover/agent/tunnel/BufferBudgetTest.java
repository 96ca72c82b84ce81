package io.drover.agent.tunnel;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import org.junit.jupiter.api.Test;

class BufferBudgetTest {
  private final BufferBudget budget = new BufferBudget();

  @Test
  void theMarkIsHighWhileThereIsPlenty() {
    assertThat(budget.highWater()).isEqualTo(BufferBudget.MAX_HIGH_WATER);

    budget.use(BufferBudget.BUDGET_BYTES - 8L * BufferBudget.MAX_HIGH_WATER);
    assertThat(budget.highWater()).isEqualTo(BufferBudget.MAX_HIGH_WATER);
    budget.use(8 * 1024);

    assertThat(budget.highWater()).isEqualTo(BufferBudget.MAX_HIGH_WATER - 1024);
  }

  @Test
  void theMarkHasAFloor() {
    budget.use(BufferBudget.BUDGET_BYTES);
    assertThat(budget.highWater()).isEqualTo(BufferBudget.MIN_HIGH_WATER);

    budget.use(BufferBudget.BUDGET_BYTES);
    assertThat(budget.highWater()).isEqualTo(BufferBudget.MIN_HIGH_WATER);
  }

  @Test
  void theReaderRestsTheLongerTheMoreIsOverdrawn() {
    budget.use(BufferBudget.REST_FROM_BYTES);
    assertThat(budget.rest()).isZero();

    budget.use(10_000_000);
    assertThat(budget.rest()).isEqualTo(Duration.ofNanos(250_000));

    budget.use(BufferBudget.LIMIT_BYTES);
    assertThat(budget.rest()).as("has an end").isEqualTo(BufferBudget.MAX_REST);
  }

  @Test
  void isExhaustedPastTheLimitOnly() {
    budget.use(BufferBudget.LIMIT_BYTES);
    assertThat(budget.isExhausted()).isFalse();

    budget.use(1);
    assertThat(budget.isExhausted()).isTrue();

    budget.release(1);
    assertThat(budget.isExhausted()).isFalse();
  }
}
