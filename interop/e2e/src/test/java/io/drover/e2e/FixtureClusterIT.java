package io.drover.e2e;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Whether the clusters to detect are what their files say. */
@Tag("interop")
@Order(8)
final class FixtureClusterIT {
  private static Stream<String> names() throws IOException {
    return FixtureCluster.names().stream();
  }

  @ParameterizedTest
  @MethodSource("names")
  void everyObjectIsThereWithItsStatus(String name) throws Exception {
    try (var cluster = FixtureCluster.start(name)) {
      var expected = cluster.expected();
      var actual = cluster.actual();

      assertThat(actual).hasSameSizeAs(expected);
      var differences = new ArrayList<String>();
      for (int i = 0; i < expected.size(); i++) {
        var metadata = expected.get(i).path("metadata");
        var where =
            "%s %s/%s"
                .formatted(
                    expected.get(i).path("kind").asText(),
                    metadata.path("namespace").asText(),
                    metadata.path("name").asText());
        compare(where, expected.get(i), actual.get(i), differences);
      }
      assertThat(differences).isEmpty();
    }
  }

  @Test
  void autopilotRefusesTaintsWhichOthersTake() throws Exception {
    try (var autopilot = FixtureCluster.start("gke-autopilot");
        var standard = FixtureCluster.start("gke")) {
      assertThat(autopilot.taintable()).isFalse();
      assertThat(standard.taintable()).isTrue();
    }
  }

  @Test
  void metricsAreServedWhereTheyAreAndBrokenWhereTheyAreBroken() throws Exception {
    try (var served = FixtureCluster.start("k3s");
        var broken = FixtureCluster.start("two-defaults")) {
      assertThat(served.admin().run("top", "nodes")).contains("server-0").contains("412m");
      assertThat(metrics(broken).stderr()).contains("ServiceUnavailable");
    }
  }

  private static Kubectl.Outcome metrics(FixtureCluster cluster)
      throws IOException, InterruptedException {
    return cluster
        .admin()
        .outcome(new byte[0], "get", "--raw", "/apis/metrics.k8s.io/v1beta1/nodes")
        .expect(1);
  }

  @Test
  void theNodePortRangeIsTheOneSaid() throws Exception {
    try (var cluster = FixtureCluster.start("bare-metal-metallb")) {
      var service =
          """
          {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "probe"},
           "spec": {"type": "NodePort", "ports": [{"port": 80, "nodePort": 1}]}}
          """;
      var outcome = cluster.admin().outcome(service.getBytes(UTF_8), "create", "-f", "-").expect(1);
      assertThat(outcome.stderr()).contains("30000-30100");
    }
  }

  @Test
  void theBlindAccountSeesDiscoveryAndNothingElse() throws Exception {
    try (var cluster = FixtureCluster.start("hardened")) {
      var kubeconfig = cluster.kubeconfigOf("cattle-system", "blind");
      var blind = new Kubectl(kubeconfig, Files.createDirectories(Programs.directory("blind")));

      assertThat(blind.run("auth", "whoami")).contains("system:serviceaccount:cattle-system:blind");
      assertThat(blind.run("get", "--raw", "/apis")).contains("networking.k8s.io");
      for (var what : List.of("nodes", "services", "ingressclasses", "storageclasses")) {
        assertThat(blind.outcome(new byte[0], "get", what, "-A").expect(1).stderr())
            .contains("Forbidden");
      }
    }
  }

  /** Whatever is expected has to be there; the API server adds defaults. */
  private static void compare(
      String where, JsonNode expected, JsonNode actual, List<String> differences) {
    if (expected.isObject()) {
      expected
          .properties()
          .forEach(
              field ->
                  compare(
                      where + " " + field.getKey(),
                      field.getValue(),
                      actual.path(field.getKey()),
                      differences));
    } else if (expected.isArray() && expected.size() == actual.size()) {
      for (int i = 0; i < expected.size(); i++) {
        compare(where + " " + i, expected.path(i), actual.path(i), differences);
      }
    } else if (!expected.equals(actual)) {
      differences.add("%s: %s instead of %s".formatted(where, actual, expected));
    }
  }
}
