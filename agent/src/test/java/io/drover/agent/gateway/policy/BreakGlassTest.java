package io.drover.agent.gateway.policy;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Instant;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class BreakGlassTest {
  private static final Instant NOW = Instant.parse("2026-11-28T12:00:00Z");

  @ParameterizedTest
  @ValueSource(
      strings = {"2026-11-28T20:00:00Z", "2026-11-28T21:00:00+01:00", " 2026-11-28T13:00Z "})
  void isOnUntilItsEnd(String text) throws Exception {
    var glass = BreakGlass.parse(text, NOW);

    assertThat(glass.isOn(NOW)).isTrue();
    assertThat(glass.isOn(glass.until().minusMillis(1))).isTrue();
    assertThat(glass.isOn(glass.until())).isFalse();
  }

  @ParameterizedTest
  @ValueSource(strings = {"2026-11-28T12:00:00Z", "2026-11-28T11:59:59Z", "1970-01-01T00:00:00Z"})
  void isOffWhenItIsOver(String text) throws Exception {
    assertThat(BreakGlass.parse(text, NOW).isOn(NOW)).isFalse();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "true",
        "2h",
        "2026-11-28",
        "2026-11-28T20:00:00",
        "2026-11-28T20:00:01Z",
        "2027-11-28T20:00:00Z",
        "+999999999-12-31T23:59:59Z",
        "2026-11-28T20:00:00Z                                               x",
      })
  void whatIsNoTimeOrTooFarAwayIsRefused(String text) {
    assertThatThrownBy(() -> BreakGlass.parse(text, NOW))
        .isInstanceOf(PolicyException.class)
        .hasMessageStartingWith("drover.io/break-glass-until is ")
        .hasMessageEndingWith(
            "write a time with its offset, at most 8 h from now, such as 2026-11-28T20:00:00Z");
  }

  @Test
  void offIsNeverOn() {
    assertThat(BreakGlass.off().isOn(NOW)).isFalse();
  }
}
