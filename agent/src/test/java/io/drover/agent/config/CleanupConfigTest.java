package io.drover.agent.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class CleanupConfigTest {
  /** All that Rancher's Job and the kubelet set. */
  private static final Map<String, String> JOB =
      Map.of(
          "CLUSTER_CLEANUP", "true",
          "SLEEP_FIRST", "true",
          "KUBERNETES_SERVICE_HOST", "10.43.0.1",
          "KUBERNETES_SERVICE_PORT", "443");

  @Test
  void jobsEnvironmentIsEnough() throws Exception {
    assertThat(CleanupConfig.from(JOB))
        .isEqualTo(
            new CleanupConfig(
                new KubeConfig.InCluster(
                    "10.43.0.1:443", Path.of("/var/run/secrets/kubernetes.io/serviceaccount")),
                false,
                true,
                new LogConfig(LogConfig.Level.INFO, LogConfig.Format.TEXT)));
  }

  @ParameterizedTest
  @ValueSource(strings = {"BINDING_CLEANUP", "AD_GUID_CLEANUP"})
  void otherModesAreRefusedWithTheRemedy(String mode) {
    var variables = new HashMap<>(JOB);
    variables.put(mode, "true");

    var refused = catchThrowableOfType(ConfigException.class, () -> CleanupConfig.from(variables));

    assertThat(refused.problems())
        .singleElement()
        .asString()
        .startsWith(mode + " is true, which drover-agent cannot do")
        .contains("Rancher's own cluster");
  }

  @Test
  void clusterMustBeNamed() {
    var refused =
        catchThrowableOfType(
            ConfigException.class, () -> CleanupConfig.from(Map.of("CLUSTER_CLEANUP", "true")));

    assertThat(refused.problems()).hasSize(2).allMatch(text -> text.contains("--kubeconfig"));
  }
}
