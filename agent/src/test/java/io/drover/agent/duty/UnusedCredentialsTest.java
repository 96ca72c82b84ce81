package io.drover.agent.duty;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.drover.agent.TestClock;
import java.time.Duration;
import java.time.Instant;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class UnusedCredentialsTest {
  private static final String USED = "cattle-credentials-used";
  private static final Duration HOUR = Duration.ofHours(1);

  private final TestClock clock = new TestClock();
  private final Instant start = clock.instant();
  private final FakeWriter writer = new FakeWriter();
  private final UnusedCredentials duty = new UnusedCredentials(USED, writer, clock);

  @Test
  void firstPassIsAfterAnHourAndThenEveryHour() throws Exception {
    assertThat(duty.pass()).isFalse();
    clock.advance(HOUR.minusMillis(1));
    assertThat(duty.pass()).isFalse();
    assertThat(writer.calls).isEmpty();

    clock.advance(Duration.ofMillis(1));
    assertThat(duty.pass()).isTrue();
    assertThat(writer.taken()).containsExactly("list cattle-system");

    clock.advance(HOUR.minusMillis(1));
    assertThat(duty.pass()).isFalse();
    clock.advance(Duration.ofMillis(1));
    assertThat(duty.pass()).isTrue();
  }

  @Test
  void deletesOldCredentialsThatAreNotUsed() throws Exception {
    clock.advance(HOUR);
    add(USED, start);
    add("cattle-credentials-old", start);
    add("cattle-credentials-young", start.plusMillis(1));
    add("cattle-credential", start.minus(HOUR));
    add("my-cattle-credentials-x", start.minus(HOUR));
    add("stv-aggregation", start.minus(HOUR));
    writer.secrets.add(FakeWriter.secret("cattle-credentials-undated", Optional.empty(), Map.of()));

    duty.pass();

    assertThat(writer.calls).containsExactly("list cattle-system", "delete cattle-credentials-old");
  }

  @Test
  void withoutANameNothingIsEverDeleted() throws Exception {
    var nameless = new UnusedCredentials("", writer, clock);
    add(USED, start.minus(HOUR));
    clock.advance(HOUR.multipliedBy(3));

    assertThat(nameless.pass()).isFalse();

    assertThat(writer.calls).isEmpty();
  }

  @Test
  void nothingIsDeletedIfTheUsedOneDoesNotExist() {
    clock.advance(HOUR);
    add("cattle-credentials-old", start);

    assertThatThrownBy(duty::pass)
        .hasMessageContaining(USED)
        .hasMessageContaining("nothing is deleted");

    assertThat(writer.calls).containsExactly("list cattle-system");
  }

  @Test
  void firstErrorEndsThePass() {
    clock.advance(HOUR);
    add(USED, start);
    add("cattle-credentials-a", start);
    add("cattle-credentials-b", start);
    writer.failing.add("delete");

    assertThatThrownBy(duty::pass).hasMessageContaining("delete cattle-credentials-a");

    assertThat(writer.calls).doesNotContain("delete cattle-credentials-b");
  }

  @Test
  void nothingIsDeletedIfTheListFails() {
    clock.advance(HOUR);
    add(USED, start);
    add("cattle-credentials-a", start);
    writer.failing.add("list");

    assertThatThrownBy(duty::pass).hasMessageContaining("list");

    assertThat(writer.calls).containsExactly("list cattle-system");
  }

  private void add(String name, Instant created) {
    writer.secrets.add(FakeWriter.secret(name, Optional.of(created), Map.of()));
  }
}
