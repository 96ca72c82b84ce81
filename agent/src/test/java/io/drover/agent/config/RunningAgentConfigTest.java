package io.drover.agent.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class RunningAgentConfigTest {
  private static String health(Map<String, String> variables, String address)
      throws ConfigException {
    return RunningAgentConfig.from(variables, address).health().toString();
  }

  @Test
  void agentInTheSamePodIsWhereItListens() throws Exception {
    assertThat(health(Map.of(), "")).isEqualTo("http://127.0.0.1:8080");
  }

  @ParameterizedTest
  @CsvSource({
    ":9000,http://127.0.0.1:9000",
    "[::]:9000,http://[::1]:9000",
    "10.1.2.3:80,http://10.1.2.3:80"
  })
  void agentIsAskedWhereItListens(String address, String url) throws Exception {
    assertThat(health(Map.of("DROVER_HEALTH_ADDRESS", address), "")).isEqualTo(url);
  }

  @Test
  void optionWinsOverTheVariable() throws Exception {
    var off = Map.of("DROVER_HEALTH_ADDRESS", "off");

    assertThat(health(off, "http://agent:80/")).isEqualTo("http://agent:80/");
  }

  @ParameterizedTest
  @ValueSource(strings = {"off", "127.0.0.1:0"})
  void agentWithoutAPortCannotBeAsked(String address) {
    assertThatThrownBy(() -> health(Map.of("DROVER_HEALTH_ADDRESS", address), ""))
        .isInstanceOf(ConfigException.class)
        .hasMessageContaining("--address");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"agent:80", "https://agent", "http://agent/readyz", "http://a b", "http:"})
  void addressIsAnHttpUrl(String address) {
    assertThatThrownBy(() -> health(Map.of(), address))
        .isInstanceOf(ConfigException.class)
        .hasMessageContaining("expected http://host:port");
  }
}
