package io.drover.agent.gateway.policy;

import static org.assertj.core.api.Assertions.assertThat;

import ch.qos.logback.classic.Level;
import io.drover.agent.Logged;
import java.time.Instant;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

class PolicyHolderTest {
  private static final String DENY =
      "apiVersion: drover.io/v1alpha1\nkind: GatewayPolicy\ndefault: deny\n";

  @RegisterExtension final Logged log = new Logged(PolicyHolder.class);

  private Instant now = Instant.parse("2026-11-28T12:00:00Z");
  private PolicyHolder holder;

  @BeforeEach
  void open() throws Exception {
    holder = new PolicyHolder(Policy.of(Preset.AUDIT_ONLY), () -> now);
  }

  private boolean allows() {
    return holder.decide(Requester.server(), RequestInfo.of("GET", "/version", "")).allowed();
  }

  @Test
  void takesANewPolicyAndKeepsTheLastGoodOne() {
    assertThat(allows()).isTrue();
    assertThat(holder.reload(DENY)).isEmpty();
    assertThat(allows()).isFalse();

    var problems = holder.reload(DENY.replace("deny", "maybe"));

    assertThat(problems).singleElement().asString().startsWith("line 3: default: \"maybe\"");
    assertThat(allows()).isFalse();
    assertThat(holder.reload(DENY.replace("deny", "maybe"))).isEqualTo(problems);
    assertThat(holder.reload(DENY.replace("deny", "allow"))).isEmpty();
    assertThat(allows()).isTrue();
    assertThat(holder.policy().summary()).isEqualTo("0 rules, 0 of presets, default allow");
  }

  @Test
  void aRefusalIsToldOnce() {
    holder.reload("x");
    holder.reload("x");

    assertThat(log.at(Level.WARN))
        .singleElement()
        .asString()
        .contains("policy refused, the last good one stays in force")
        .contains("line 1: policy: is no mapping");
  }

  @Test
  void denialsAreSuspendedUntilTheEnd() {
    holder.reload(DENY);

    assertThat(holder.breakGlass("2026-11-28T13:00:00Z")).isEmpty();
    assertThat(allows()).isTrue();
    now = Instant.parse("2026-11-28T13:00:00Z");
    assertThat(allows()).isFalse();
  }

  @Test
  void takingTheAnnotationAwayEndsIt() {
    holder.reload(DENY);
    holder.breakGlass("2026-11-28T13:00:00Z");

    assertThat(holder.breakGlass("")).isEqualTo(List.of());
    assertThat(allows()).isFalse();
  }

  @Test
  void aRefusedAnnotationEndsItAndStaysRefused() {
    holder.reload(DENY);
    holder.breakGlass("2026-11-28T13:00:00Z");

    assertThat(holder.breakGlass("2026-11-29T12:00:00Z")).hasSize(1);
    assertThat(allows()).isFalse();
    now = Instant.parse("2026-11-29T11:00:00Z");
    assertThat(holder.breakGlass("2026-11-29T12:00:00Z")).hasSize(1);
    assertThat(allows()).isFalse();
  }
}
