package io.drover.e2e;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.dataformat.yaml.YAMLFactory;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.TestInstance.Lifecycle;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.params.AfterParameterizedClassInvocation;
import org.junit.jupiter.params.BeforeParameterizedClassInvocation;
import org.junit.jupiter.params.Parameter;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Each {@link FixtureCluster}: whether it is what its files say, and what the packaged agent
 * reports of it, against {@code expected.yaml} beside them.
 */
@Tag("interop")
@Beside
@Order(9)
@ParameterizedClass(name = "{0}")
@MethodSource("names")
@TestInstance(Lifecycle.PER_CLASS)
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
@SuppressWarnings("NullAway.Init") // start() sets everything
final class GroundTruthIT {
  private static final ObjectMapper YAML = new ObjectMapper(new YAMLFactory());
  private static final ObjectMapper JSON = new ObjectMapper();

  @Parameter private String name;
  private FixtureCluster cluster;

  static Stream<String> names() throws IOException {
    return FixtureCluster.names().stream();
  }

  @BeforeParameterizedClassInvocation
  void start(String fixture) throws Exception {
    cluster = FixtureCluster.start(fixture);
  }

  @AfterParameterizedClassInvocation
  void close() throws Exception {
    if (cluster != null) {
      cluster.close();
    }
  }

  @Test
  @Order(1)
  void everyObjectIsThereWithItsStatus() throws Exception {
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

  /** What is no object. */
  @Test
  @Order(2)
  void itBehavesAsItShould() throws Exception {
    assertThat(cluster.taintable()).isEqualTo(!name.equals("gke-autopilot"));
    switch (name) {
      case "k3s" ->
          assertThat(cluster.admin().run("top", "nodes")).contains("server-0").contains("412m");
      case "two-defaults" ->
          assertThat(refusal(cluster.admin(), "get", "--raw=/apis/metrics.k8s.io/v1beta1/nodes"))
              .contains("ServiceUnavailable");
      case "bare-metal-metallb" ->
          assertThat(
                  refusal(
                      cluster.admin(),
                      "create",
                      "service",
                      "nodeport",
                      "probe",
                      "--tcp=80",
                      "--node-port=1"))
              .contains("30000-30100");
      case "hardened" -> {
        var blind =
            new Kubectl(
                cluster.kubeconfigOf("cattle-system", "blind"),
                Files.createDirectories(Programs.directory("blind")));
        assertThat(blind.run("auth", "whoami"))
            .contains("system:serviceaccount:cattle-system:blind");
        assertThat(blind.run("get", "--raw", "/apis")).contains("networking.k8s.io");
        for (var what : List.of("nodes", "services", "ingressclasses", "storageclasses")) {
          assertThat(refusal(blind, "get", what, "-A")).contains("Forbidden");
        }
      }
      default -> {} // nothing that the objects do not tell
    }
  }

  private static String refusal(Kubectl kubectl, String... arguments)
      throws IOException, InterruptedException {
    return kubectl.outcome(new byte[0], arguments).expect(1).stderr();
  }

  @Test
  @Order(3)
  void reportSaysWhatIsTrue() throws Exception {
    Path as =
        name.equals("hardened")
            ? cluster.kubeconfigOf("cattle-system", "blind")
            : cluster.kubeconfig();

    Path directory = Programs.directory("report-" + name);
    String found = YAML.writeValueAsString(essence(report(as, directory)));

    // To be compared by hand when a cluster is new.
    Files.writeString(directory.resolve("found.yaml"), found);
    JsonNode truth = YAML.readTree(cluster.fixture().resolve("expected.yaml").toFile());
    assertThat(found).isEqualTo(YAML.writeValueAsString(truth));
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

  private static JsonNode report(Path kubeconfig, Path directory)
      throws IOException, InterruptedException {
    Files.createDirectories(directory);
    var process =
        RunningProcess.prepare(
                directory,
                Map.of(),
                List.of(
                    Programs.agent(), "report", "--json", "--trials", "--kubeconfig=" + kubeconfig))
            .redirectError(directory.resolve("stderr").toFile())
            .start();
    String text = new String(process.getInputStream().readAllBytes(), UTF_8);
    assertThat(process.waitFor()).as(directory.toString()).isZero();
    Files.writeString(directory.resolve("report.json"), text);
    return JSON.readTree(text);
  }

  /** Without times, latencies and what is the same everywhere. */
  private static ObjectNode essence(JsonNode report) {
    ObjectNode essence = YAML.createObjectNode();
    essence.put("provider", report.path("provider").asText("absent"));
    essence.set("capabilities", report.path("capabilities"));
    essence.set("details", report.path("details"));
    var health = essence.putObject("health");
    for (var condition : report.path("health").path("conditions")) {
      health.put(condition.path("type").asText(), condition.path("status").asText());
    }
    var resources = (ObjectNode) report.path("resources");
    resources.remove(List.of("nodes", "usage", "schedulable"));
    essence.set("resources", resources);
    var paths = new TreeSet<String>();
    for (var one : report.path("undetermined")) {
      paths.add(one.path("path").asText() + " " + one.path("cause").asText());
    }
    var undetermined = essence.putArray("undetermined");
    paths.forEach(undetermined::add);
    return essence;
  }
}
