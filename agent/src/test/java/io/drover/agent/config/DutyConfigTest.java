package io.drover.agent.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.drover.agent.config.DutyConfig.Duty;
import java.util.Map;
import org.junit.jupiter.api.Test;

class DutyConfigTest {
  @Test
  void everythingIsDoneButNothingIsKnownToBeUsed() {
    var config = config(Map.of());

    assertThat(config.duties()).containsExactlyInAnyOrder(Duty.values());
    assertThat(config.credentialName()).isEmpty();
    assertThat(config.pullSecrets()).isEmpty();
  }

  @Test
  void dutiesAreChosenByName() {
    assertThat(config(Map.of("DROVER_DUTIES", "node-annotations, unused-pull-secrets")).duties())
        .containsExactlyInAnyOrder(Duty.NODE_ANNOTATIONS, Duty.UNUSED_PULL_SECRETS);
    assertThat(config(Map.of("DROVER_DUTIES", "none")).duties()).isEmpty();
    assertThat(config(Map.of("DROVER_DUTIES", "all")).duties()).hasSize(Duty.values().length);
  }

  @Test
  void dutyThatThereIsNotIsExplained() {
    var env = new Environment(Map.of("DROVER_DUTIES", "node-annotations,tea"));
    DutyConfig.from(env);

    assertThatThrownBy(env::check)
        .hasMessage(
            "DROVER_DUTIES is 'node-annotations,tea': expected all, none, or a comma list of"
                + " node-annotations, namespace-labels, scale-available, unused-credentials,"
                + " unused-pull-secrets, tunnel-events");
  }

  @Test
  void pullSecretsAreAList() {
    assertThat(config(Map.of("CATTLE_AGENT_PULL_SECRETS", "a, b,,")).pullSecrets())
        .containsExactlyInAnyOrder("a", "b");
  }

  private static DutyConfig config(Map<String, String> variables) {
    return DutyConfig.from(new Environment(variables));
  }
}
