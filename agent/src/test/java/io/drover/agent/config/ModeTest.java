package io.drover.agent.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import java.util.HashMap;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ModeTest {
  private static final Map<String, String> POD =
      Map.of(
          "CATTLE_SERVER", "https://rancher.example.com",
          "CATTLE_NODE_NAME", "node-1",
          "KUBERNETES_SERVICE_HOST", "fd00::1",
          "KUBERNETES_SERVICE_PORT", "443");

  private static Map<String, String> with(String name, String value) {
    var variables = new HashMap<>(POD);
    variables.put(name, value);
    return variables;
  }

  @Test
  void isTheClustersAgentUnlessSaidOtherwise() throws Exception {
    assertThat(Mode.from(POD)).isInstanceOf(AgentConfig.class);
  }

  @ParameterizedTest
  @CsvSource({
    "CLUSTER_CLEANUP, true, CleanupConfig",
    "CLUSTER_CLEANUP, TRUE, AgentConfig",
    "CLUSTER_CLEANUP, 1, AgentConfig",
    "CLUSTER_CLEANUP, '', AgentConfig",
    "CATTLE_CLUSTER, false, NodeConfig",
    "CATTLE_CLUSTER, true, AgentConfig",
    "CATTLE_CLUSTER, '', AgentConfig",
  })
  void isTakenByTheWord(String name, String value, String mode) throws Exception {
    assertThat(Mode.from(with(name, value)).getClass().getSimpleName()).isEqualTo(mode);
  }

  @Test
  void cleanUpGoesBeforeAll() throws Exception {
    var both = with("CLUSTER_CLEANUP", "true");
    both.put("CATTLE_CLUSTER", "false");

    assertThat(Mode.from(both)).isInstanceOf(CleanupConfig.class);
  }

  @Test
  void nodeAgentNamesEveryProblemAtOnce() {
    var wrong = with("CATTLE_CLUSTER", "false");
    wrong.remove("CATTLE_NODE_NAME");
    wrong.remove("KUBERNETES_SERVICE_PORT");
    wrong.put("DROVER_NODE_ADDRESS", "8443");
    wrong.put("DROVER_NODE_PEERS", "drover-node:8443,:1");
    wrong.put("DROVER_NODE_REGISTRY", "https://registry.example.org");

    var refused = catchThrowableOfType(ConfigException.class, () -> Mode.from(wrong));

    assertThat(refused.problems())
        .hasSize(5)
        .anyMatch(problem -> problem.startsWith("CATTLE_NODE_NAME is not set"))
        .anyMatch(problem -> problem.startsWith("KUBERNETES_SERVICE_HOST or "))
        .contains("DROVER_NODE_ADDRESS is '8443': expected host:port or :port")
        .anyMatch(problem -> problem.startsWith("DROVER_NODE_PEERS is 'drover-node:8443,:1'"))
        .anyMatch(problem -> problem.startsWith("DROVER_NODE_REGISTRY is 'https://"));
  }

  @Test
  void nodeAgentsSettingsAreRead() throws Exception {
    var variables = with("CATTLE_CLUSTER", "false");
    variables.put("DROVER_NODE_ADDRESS", ":0");
    variables.put("DROVER_NODE_PEERS", "drover-node:8443, [fd00::2]:1");
    variables.put("DROVER_NODE_REGISTRY", "registry.example.org:5000");

    var config = NodeConfig.from(variables);

    assertThat(config.apiServer()).isEqualTo("[fd00::1]:443");
    assertThat(config.listen()).isEqualTo(new NodeConfig.Listen("0.0.0.0", 0));
    assertThat(config.agents().addresses())
        .containsExactly(
            new NodeAgents.Address("drover-node", 8443), new NodeAgents.Address("fd00::2", 1));
    assertThat(config.registry()).hasToString("Optional[https://registry.example.org:5000/v2/]");
  }
}
