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
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * What the packaged agent reports of each {@link FixtureCluster}, against {@code expected.yaml}
 * beside it: what was found out, and which values were not.
 */
@Tag("interop")
@Order(9)
final class GroundTruthIT {
  private static final ObjectMapper YAML = new ObjectMapper(new YAMLFactory());
  private static final ObjectMapper JSON = new ObjectMapper();

  private static Stream<String> names() throws IOException {
    return FixtureCluster.names().stream();
  }

  @ParameterizedTest
  @MethodSource("names")
  void reportsWhatIsTrue(String name) throws Exception {
    try (var cluster = FixtureCluster.start(name)) {
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
