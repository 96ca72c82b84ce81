package io.drover.agent.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;

class ControlConfigTest {
  @Test
  void socketMayBeElsewhereOrOff() throws Exception {
    assertThat(ControlConfig.from(Map.of()).socket()).contains(Path.of("/tmp/log.sock"));
    assertThat(ControlConfig.from(Map.of("DROVER_LOG_SOCKET", "/run/log.sock")).socket())
        .contains(Path.of("/run/log.sock"));
    assertThat(ControlConfig.from(Map.of("DROVER_LOG_SOCKET", "off")).socket()).isEmpty();
  }

  @Test
  void whatIsNoPathIsExplained() {
    assertThatThrownBy(() -> ControlConfig.from(Map.of("DROVER_LOG_SOCKET", "a\0b")))
        .isInstanceOf(ConfigException.class)
        .hasMessageContaining("DROVER_LOG_SOCKET");
  }
}
