package io.drover.e2e;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * The real Helm, and the chart.
 *
 * @param cluster whose kubeconfig and directory it uses
 * @param major its version
 */
record Helm(Kubectl cluster, int major) {
  private static final int NEWEST = 4;
  static final String RELEASE = "drover";

  private static final YAMLMapper YAML = new YAMLMapper();

  /** The newest. */
  Helm(Kubectl cluster) {
    this(cluster, NEWEST);
  }

  /** One that reaches no cluster. */
  static Helm offline(Path directory) throws IOException {
    return new Helm(new Kubectl(Path.of("/nowhere"), Files.createDirectories(directory)));
  }

  /** Runs a command with the chart's namespace to its end, whatever that is. */
  Kubectl.Outcome outcome(String... arguments) throws IOException, InterruptedException {
    var command = new ArrayList<String>();
    command.add(Programs.helm(major));
    command.addAll(List.of(arguments));
    command.add("--namespace=" + Import.NAMESPACE);
    return cluster.outcome(new byte[0], command);
  }

  /** The chart as it is rendered. */
  String template(Path values) throws IOException, InterruptedException {
    return outcome("template", RELEASE, Programs.chart().toString(), "--values=" + values)
        .expect(0)
        .stdout();
  }

  /** The objects of some YAML documents. */
  static List<JsonNode> objects(String documents) throws IOException {
    try (var found = YAML.readerFor(JsonNode.class).<JsonNode>readValues(documents)) {
      return found.readAll().stream().filter(JsonNode::isObject).toList();
    }
  }

  /** One YAML file. */
  static JsonNode yaml(Path file) throws IOException {
    return YAML.readTree(Files.readString(file, UTF_8));
  }
}
