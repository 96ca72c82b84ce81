package io.drover.agent.duty;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.drover.agent.TestClock;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class UnusedPullSecretsTest {
  private static final String LIST =
      "list cattle-system management.cattle.io/cattle-cluster-agent-pull-secret=true";

  private final TestClock clock = new TestClock();
  private final FakeWriter writer = new FakeWriter();

  @BeforeEach
  void addSecrets() {
    for (String name : new String[] {"used", "old-1", "old-2"}) {
      writer.secrets.add(FakeWriter.secret(name, Optional.empty(), Map.of()));
    }
  }

  @Test
  void deletesThoseThatAreNotUsedOnce() throws Exception {
    var duty = new UnusedPullSecrets(Set.of("used", "other"), writer, clock);

    assertThat(duty.pass()).isTrue();
    assertThat(writer.taken()).containsExactly(LIST, "delete old-1", "delete old-2");

    clock.advance(Duration.ofDays(400));
    assertThat(duty.pass()).isFalse();
    assertThat(writer.calls).isEmpty();
  }

  @Test
  void withoutNamesNothingIsDeleted() throws Exception {
    var duty = new UnusedPullSecrets(Set.of(), writer, clock);

    assertThat(duty.pass()).isFalse();
    clock.advance(Duration.ofDays(400));
    assertThat(duty.pass()).isFalse();

    assertThat(writer.calls).isEmpty();
  }

  @Test
  void failureKeepsNoOtherFromBeingDeletedAndIsTriedAgain() throws Exception {
    var duty = new UnusedPullSecrets(Set.of("used"), writer, clock);
    writer.failing.add("delete old-1");

    assertThatThrownBy(duty::pass).hasMessageContaining("old-1");
    assertThat(writer.taken()).containsExactly(LIST, "delete old-1", "delete old-2");

    clock.advance(UnusedPullSecrets.RETRY_AFTER.minusMillis(1));
    assertThat(duty.pass()).isFalse();
    clock.advance(Duration.ofMillis(1));
    writer.failing.clear();
    assertThat(duty.pass()).isTrue();
    assertThat(duty.pass()).isFalse();
  }
}
