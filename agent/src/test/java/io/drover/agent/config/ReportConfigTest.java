package io.drover.agent.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.drover.agent.config.ReportConfig.Trial;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ReportConfigTest {
  @Test
  void everythingIsTriedAndReportsGoToTheClusterOnly() {
    assertThat(config(Map.of()))
        .isEqualTo(
            new ReportConfig(true, Optional.empty(), Optional.empty(), Set.of(Trial.values())));
  }

  @Test
  void emptyIsUnset() {
    assertThat(
            config(
                Map.of(
                    "DROVER_REPORTS", "",
                    "DROVER_REPORT_URL", "",
                    "DROVER_REPORT_TOKEN", "",
                    "DROVER_TRIALS", "")))
        .isEqualTo(config(Map.of()));
  }

  @Test
  void reportsMayBeOff() {
    assertThat(config(Map.of("DROVER_REPORTS", "off")).enabled()).isFalse();
    assertThat(config(Map.of("DROVER_REPORTS", "on")).enabled()).isTrue();
  }

  @Test
  void reportsMayGoToAUrlWithATokenOfItsOwn() {
    var config =
        config(
            Map.of(
                "DROVER_REPORT_URL", "https://reports.example.com:8443/v3/reports",
                "DROVER_REPORT_TOKEN", "s3cret"));

    assertThat(config.url()).contains(URI.create("https://reports.example.com:8443/v3/reports"));
    assertThat(config.token().orElseThrow().value()).isEqualTo("s3cret");
    assertThat(config.toString()).doesNotContain("s3cret");
  }

  @Test
  void trialsAreChosenByName() {
    assertThat(config(Map.of("DROVER_TRIALS", "all")).trials())
        .containsExactlyInAnyOrder(Trial.values());
    assertThat(config(Map.of("DROVER_TRIALS", "none")).trials()).isEmpty();
    assertThat(config(Map.of("DROVER_TRIALS", "taints, pod-security")).trials())
        .containsExactlyInAnyOrder(Trial.TAINTS, Trial.POD_SECURITY);
    assertThat(config(Map.of("DROVER_TRIALS", "node-ports,node-ports")).trials())
        .containsExactly(Trial.NODE_PORTS);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "DROVER_REPORTS|yes|expected on or off",
        "DROVER_REPORTS|ON|expected on or off",
        "DROVER_REPORT_URL|http://example.com|expected an https URL without user, since a token goes with it",
        "DROVER_REPORT_URL|example.com|expected an https URL without user, since a token goes with it",
        "DROVER_REPORT_URL|https:///reports|expected an https URL without user, since a token goes with it",
        "DROVER_REPORT_URL|https://exa mple.com|Illegal character in authority",
        "DROVER_TRIALS|tea|expected all, none, or some of node-ports, taints, pod-security",
        "DROVER_TRIALS|taints,|expected all, none, or some of node-ports, taints, pod-security",
        "DROVER_TRIALS|all,taints|expected all, none, or some of node-ports, taints, pod-security"
      })
  void badValueIsExplained(String name, String value, String remedy) {
    assertThat(problems(Map.of(name, value)))
        .singleElement()
        .asString()
        .startsWith(name + " is '" + value + "': ")
        .contains(remedy);
  }

  @Test
  void everyProblemIsNamedAtOnce() {
    assertThat(
            problems(
                Map.of(
                    "DROVER_REPORTS", "maybe",
                    "DROVER_REPORT_URL", "ftp://x",
                    "DROVER_TRIALS", "some")))
        .hasSize(3);
  }

  private static ReportConfig config(Map<String, String> variables) {
    var env = new Environment(variables);
    var config = ReportConfig.from(env);
    assertThat(problems(variables)).isEmpty();
    return config;
  }

  private static List<String> problems(Map<String, String> variables) {
    var env = new Environment(variables);
    ReportConfig.from(env);
    var found = catchThrowableOfType(ConfigException.class, env::check);
    return found == null ? List.of() : found.problems();
  }

  // The command.

  @TempDir private Path home;

  private Path ownKubeconfig() throws Exception {
    Files.createDirectories(home.resolve(".kube"));
    return Files.writeString(home.resolve(".kube/config"), "");
  }

  @Test
  void commandTakesTheUsersOwnKubeconfig() throws Exception {
    var own = ownKubeconfig();

    assertThat(ReportCommandConfig.from(Map.of("HOME", home.toString())).kube())
        .isEqualTo(new KubeConfig.Kubeconfig(own, ""));
  }

  @Test
  void kubeconfigThatIsNamedComesBeforeTheUsersOwn() throws Exception {
    ownKubeconfig();

    assertThat(
            ReportCommandConfig.from(Map.of("HOME", home.toString(), "KUBECONFIG", "/named"))
                .kube())
        .isEqualTo(new KubeConfig.Kubeconfig(Path.of("/named"), ""));
  }

  @Test
  void podComesBeforeTheUsersOwnKubeconfig() throws Exception {
    ownKubeconfig();

    assertThat(
            ReportCommandConfig.from(
                    Map.of(
                        "HOME", home.toString(),
                        "KUBERNETES_SERVICE_HOST", "10.43.0.1",
                        "KUBERNETES_SERVICE_PORT", "443"))
                .kube())
        .isInstanceOf(KubeConfig.InCluster.class);
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "/nowhere"})
  void commandWithoutAClusterSaysHowToNameOne(String someHome) {
    var found =
        catchThrowableOfType(
            ConfigException.class, () -> ReportCommandConfig.from(Map.of("HOME", someHome)));

    assertThat(found.problems())
        .hasSize(2)
        .allSatisfy(
            problem -> assertThat(problem).contains("is not set", "--kubeconfig or KUBECONFIG"));
  }
}
