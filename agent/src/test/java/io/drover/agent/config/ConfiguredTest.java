package io.drover.agent.config;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;

class ConfiguredTest {
  private static List<String> list(Map<String, String> variables, Set<Setting> options) {
    return Configured.list(variables, options).stream().map(Configured::text).toList();
  }

  @Test
  void everySettingIsThereWithWhereItComesFrom() {
    var lines =
        list(
            Map.of("KUBECONFIG", "/mine", "no_proxy", ".local", "STRICT_VERIFY", ""),
            Set.of(Setting.KUBECONFIG));

    assertThat(lines)
        .hasSize(Setting.values().length)
        .contains(
            "KUBECONFIG=/mine (option)\n",
            "NO_PROXY=.local (environment)\n",
            "STRICT_VERIFY=false (default)\n");
  }

  @Test
  void noSecretIsShown() {
    var lines =
        list(
            Map.of("https_proxy", "http://joe:hunter2@proxy:1", "DROVER_REPORT_TOKEN", "hunter2"),
            Set.of());

    assertThat(lines)
        .contains(
            "HTTPS_PROXY=http://***@proxy:1 (environment)\n",
            "DROVER_REPORT_TOKEN=*** (environment)\n")
        .noneMatch(line -> line.contains("hunter"));
  }
}
