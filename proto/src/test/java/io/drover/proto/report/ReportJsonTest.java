package io.drover.proto.report;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.drover.proto.report.ClusterReport.AgentIdentity;
import io.drover.proto.report.ClusterReport.Evidence;
import io.drover.proto.report.ClusterReport.Undetermined;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(60)
class ReportJsonTest {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final Instant AT = Instant.parse("2026-01-02T03:04:05.678Z");

  private static ObjectNode tree(String text) {
    try {
      return (ObjectNode) JSON.readTree(text);
    } catch (JsonProcessingException e) {
      throw new IllegalArgumentException(e);
    }
  }

  /** Of a cluster that does not answer. */
  private static ClusterReport unknown() {
    return new ClusterReport(
        "",
        new AgentIdentity("0.1.0", "a", 1, null),
        AT,
        new Health(null, List.of(), List.of(), List.of(), null, null, null, null, List.of()),
        null,
        null,
        new Resources(null, null, null, null, null, null, null, null, null, null, null, null),
        new Capabilities(
            Capabilities.LoadBalancerCapabilities.unknown(), null, null, null, null, null),
        new Details(
            null, null, null, null, null, null, null, null, null, null, null, null, null, null,
            null, null, null, Map.of()),
        null,
        new TreeMap<>(),
        List.of());
  }

  @Test
  void whatIsWrittenIsReadAgain() {
    var report = ReportJson.read(Samples.complete());

    assertThat(ReportJson.read(ReportJson.write(report))).isEqualTo(report);
    assertThat(tree(ReportJson.write(report))).isEqualTo(tree(Samples.complete()));
  }

  @Test
  void whatANodeAgentWritesIsReadAgain() {
    var snapshot =
        new NodeSnapshot(
            "node-1",
            "0.1.0",
            Instant.parse("2026-01-02T03:04:05Z"),
            List.of(
                new NodeSnapshot.Check("server", "https://r/ping", 12L, "", ""),
                new NodeSnapshot.Check("disk", "/", null, "DiskAlmostFull", "93 % used")),
            new NodeSnapshot.Facts(
                -2L,
                "6.12.0",
                List.of("10.43.0.10"),
                List.of(),
                1450,
                new NodeSnapshot.Pressure(0.5, 0, 99.25),
                new NodeSnapshot.Room(100, 7),
                null));

    assertThat(ReportJson.readNode(NodeJson.write(snapshot))).isEqualTo(snapshot);
    assertThat(NodeJson.write(snapshot))
        .startsWith("{\"kind\":\"NodeSnapshot\",\"schema\":1,\"node\":\"node-1\"")
        .doesNotContain("\n")
        .doesNotContain("usedPercent");
    var unknown =
        new NodeSnapshot(
            "node-1",
            "0.1.0",
            Instant.EPOCH,
            List.of(),
            new NodeSnapshot.Facts(null, null, null, null, null, null, null, null));
    assertThat(ReportJson.readNode(NodeJson.write(unknown))).isEqualTo(unknown);
    assertThatThrownBy(() -> ReportJson.readNode(Samples.complete()))
        .hasMessage("kind must be NodeSnapshot");
  }

  @Test
  void reportIsOneLine() {
    assertThat(ReportJson.write(ReportJson.read(Samples.complete()))).doesNotContain("\n");
  }

  @Test
  void kindAndSchemaComeFirst() {
    assertThat(ReportJson.write(unknown()))
        .startsWith("{\"kind\":\"ClusterReport\",\"schema\":1,\"clusterId\":\"\"");
  }

  @Test
  void absentStaysAbsent() {
    var report = unknown();

    JsonNode json = tree(ReportJson.write(report));

    assertThat(json.path("health").has("ready")).isFalse();
    assertThat(json.has("version")).isFalse();
    assertThat(json.path("resources").isEmpty()).isTrue();
    assertThat(json.path("capabilities").toString()).isEqualTo("{\"loadBalancerCapabilities\":{}}");
    assertThat(json.path("details").toString()).isEqualTo("{\"omitted\":{}}");
    assertThat(ReportJson.write(report)).doesNotContain("null");
    var read = ReportJson.read(ReportJson.write(report));
    assertThat(read.health().ready()).isNull();
    assertThat(read.resources().nodeCount()).isNull();
    assertThat(read.capabilities().ingressCapabilities()).isNull();
  }

  @Test
  void emptyIsNotAbsent() {
    var report =
        ReportJson.read(
            ReportJson.write(unknown())
                .replace("{\"omitted\":{}}", "{\"storageClasses\":[],\"omitted\":{}}"));

    assertThat(report.details().storageClasses()).isEmpty();
    assertThat(ReportJson.write(report)).contains("\"storageClasses\":[]");
  }

  @Test
  void timesAreWholeSeconds() {
    assertThat(ReportJson.write(unknown())).contains("\"observedAt\":\"2026-01-02T03:04:05Z\"");
  }

  @Test
  void fieldsOfNewerAgentsAreSkipped() {
    var json = tree(Samples.complete());
    json.put("mood", "good");
    json.withObject("/health").putObject("weather").putArray("rain").add(1);
    json.withObject("/resources/usage").putNull("disk");

    assertThat(ReportJson.read(json.toString())).isEqualTo(ReportJson.read(Samples.complete()));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "{}|kind must be ClusterReport",
        "[]|kind must be ClusterReport",
        "``|kind must be ClusterReport",
        "null|kind must be ClusterReport",
        "{\"kind\":\"Node\",\"schema\":1}|kind must be ClusterReport",
        "{\"kind\":\"ClusterReport\",\"schema\":2}|schema must be 1, not 2",
        "{\"kind\":\"ClusterReport\"}|schema must be 1",
        "{\"kind\":|no ClusterReport: Unexpected end-of-input",
        "{\"kind\":\"ClusterReport\",\"schema\":1}|no ClusterReport: Missing required creator property 'clusterId'",
        "{\"kind\":\"ClusterReport\",\"schema\":1} {}|no ClusterReport: Trailing token",
      })
  void whatIsNoReportIsRefusedWithItsReason(String text, String reason) {
    assertThatThrownBy(() -> ReportJson.read(text))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageStartingWith(reason);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "/observedAt",
        "/agent",
        "/agent/sequence",
        "/health",
        "/health/conditions",
        "/health/nodes/ready",
        "/resources",
        "/capabilities/loadBalancerCapabilities",
        "/details/omitted",
        "/evidence",
        "/undetermined"
      })
  void whatHasToBeThereCannotBeLeftOut(String path) {
    var json = tree(Samples.complete());
    int end = path.lastIndexOf('/');
    String name = path.substring(end + 1);
    ((ObjectNode) json.at(path.substring(0, end))).remove(name);

    assertThatThrownBy(() -> ReportJson.read(json.toString()))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("'" + name + "'");
  }

  @Test
  void nullIsNotAbsent() {
    var json = tree(Samples.complete());
    json.putNull("health");

    assertThatThrownBy(() -> ReportJson.read(json.toString()))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("health");
  }

  @ParameterizedTest
  @CsvSource({
    "2026-01-02T03:04:05Z, yesterday, not a time",
    "16303772Ki, much, not a quantity",
    "16303772Ki, 1e1000000000, not a quantity",
  })
  void wrongValueIsRefused(String good, String bad, String reason) {
    assertThatThrownBy(
            () ->
                ReportJson.read(Samples.complete().replace("\"" + good + "\"", "\"" + bad + "\"")))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining(reason)
        .hasMessageContaining(bad);
  }

  @Test
  void wordsOfEnumsAreInLowerCaseWithHyphens() {
    var report = ReportJson.read(Samples.complete().replace("\"forbidden\"", "\"no-evidence\""));

    assertThat(report.undetermined().getFirst().cause()).isEqualTo(Cause.NO_EVIDENCE);
    assertThat(ReportJson.write(report)).contains("\"cause\":\"no-evidence\"");
  }

  @Test
  void wordsOfNewerAgentsAreReadAsTheLeastThatTheySay() {
    var report =
        ReportJson.read(
            Samples.complete()
                .replace("\"forbidden\"", "\"over-quota\"")
                .replace("\"certain\"", "\"beyond-doubt\""));

    assertThat(report.undetermined()).extracting(Undetermined::cause).contains(Cause.OTHER);
    assertThat(report.evidence().values())
        .extracting(Evidence::confidence)
        .contains(Confidence.ASSUMED)
        .doesNotContain(Confidence.CERTAIN);
    assertThat(ReportJson.write(report)).contains("\"cause\":\"other\"");
  }

  @ParameterizedTest
  @CsvSource({"/undetermined/0, cause", "/evidence/version, confidence"})
  void wordIsAText(String path, String name) {
    var json = tree(Samples.complete());
    ((ObjectNode) json.at(path)).put(name, 1);

    assertThatThrownBy(() -> ReportJson.read(json.toString()))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("not a word");
  }

  // Hostile input.

  @Test
  void deepNestingIsRefused() {
    for (String deep : List.of("[".repeat(30_000), "{\"a\":".repeat(10_000))) {
      assertThatThrownBy(() -> ReportJson.read("{\"kind\":\"ClusterReport\",\"x\":" + deep))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("nesting depth");
    }
  }

  @Test
  void reportThatIsTooLongIsRefused() {
    String report = ReportJson.write(unknown());

    String full = report + " ".repeat(ReportJson.MAX_BYTES - report.length());
    assertThat(ReportJson.read(full)).isNotNull();
    assertThatThrownBy(() -> ReportJson.read(full + " "))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("no ClusterReport: longer than 65536 bytes");
  }

  @Test
  void longNumberIsRefused() {
    assertThatThrownBy(
            () ->
                ReportJson.read(
                    "{\"kind\":\"ClusterReport\",\"schema\":" + "9".repeat(60_000) + "}"))
        .isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void everyPrefixIsRefused() {
    String report = ReportJson.write(unknown());
    for (int length = 0; length < report.length(); length++) {
      String prefix = report.substring(0, length);
      assertThatThrownBy(() -> ReportJson.read(prefix))
          .as(prefix)
          .isInstanceOf(IllegalArgumentException.class);
    }
  }

  /** Whatever stands in place of a value: a report, or refused; no other error. */
  @Test
  void wrongTypeIsRefused() {
    var wrong =
        List.of(
            JSON.createObjectNode(),
            JSON.createArrayNode().add(1),
            JSON.getNodeFactory().textNode("x"),
            JSON.getNodeFactory().numberNode(-1),
            JSON.getNodeFactory().booleanNode(true),
            JSON.getNodeFactory().nullNode());
    int refused = 0;
    var sample = tree(Samples.complete());
    for (String path : paths(sample)) {
      for (JsonNode value : wrong) {
        var json = sample.deepCopy();
        int end = path.lastIndexOf('/');
        var name = path.substring(end + 1).replace("~1", "/").replace("~0", "~");
        ((ObjectNode) json.at(path.substring(0, end))).set(name, value);
        try {
          ReportJson.read(json.toString());
        } catch (IllegalArgumentException e) {
          assertThat(e.getMessage())
              .containsPattern("^(no ClusterReport|kind must be|schema must be)");
          refused++;
        }
      }
    }
    assertThat(refused).isGreaterThan(500);
  }

  private static List<String> paths(JsonNode node) {
    var paths = new ArrayList<String>();
    paths(node, "", paths);
    return paths;
  }

  private static void paths(JsonNode node, String path, List<String> into) {
    if (node.isObject()) {
      node.properties()
          .forEach(
              field -> {
                String own = path + "/" + field.getKey().replace("~", "~0").replace("/", "~1");
                into.add(own);
                paths(field.getValue(), own, into);
              });
    }
    for (int i = 0; node.isArray() && i < node.size(); i++) {
      paths(node.get(i), path + "/" + i, into);
    }
  }

  // The same state.

  @Test
  void reportSaysTheSameWhoeverMakesItAndWhenever() {
    var json = tree(Samples.complete());
    json.withObject("/agent").put("sequence", 43).put("instance", "other");
    json.put("observedAt", AT.plus(Duration.ofHours(1)).toString());
    ((ObjectNode) json.at("/health/checks/0")).put("latencyMs", 99);
    json.withObject("/resources/usage").put("oldestAgeSeconds", 7);

    assertThat(ReportJson.read(json.toString()).saysTheSameAs(ReportJson.read(Samples.complete())))
        .isTrue();
  }

  @ParameterizedTest
  @CsvSource({
    "/health/nodes, ready, 1",
    "/resources/requested, cpu, 9",
    "/capabilities, taintSupport, false",
    "/details/distribution, id, eks",
    "/undetermined/0, detail, x"
  })
  void reportThatDiffersSaysSomethingElse(String path, String name, String value) {
    var json = tree(Samples.complete());
    ((ObjectNode) json.at(path)).put(name, value);

    assertThat(ReportJson.read(json.toString()).saysTheSameAs(ReportJson.read(Samples.complete())))
        .isFalse();
  }
}
