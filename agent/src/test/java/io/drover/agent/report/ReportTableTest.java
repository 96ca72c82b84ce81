package io.drover.agent.report;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import io.drover.agent.terminal.Page;
import io.drover.proto.report.Capabilities;
import io.drover.proto.report.Cause;
import io.drover.proto.report.ClusterReport;
import io.drover.proto.report.ReportJson;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ReportTableTest {
  private static String resource(String name) {
    try (var in = Objects.requireNonNull(ReportTableTest.class.getResourceAsStream(name), name)) {
      return new String(in.readAllBytes(), UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static ClusterReport report() {
    return ReportJson.read(resource("report.json"));
  }

  private static String line(String table, String label) {
    return table
        .lines()
        .filter(line -> line.strip().startsWith(label) || line.strip().startsWith("– " + label))
        .findFirst()
        .orElseThrow(() -> new AssertionError(label + " in\n" + table));
  }

  /** To be looked at, whenever it changes: it is what people see. */
  @ParameterizedTest
  @ValueSource(ints = {80, 120})
  void reportReadsAsRecorded(int width) throws IOException {
    String table = ReportTable.render(report(), false, width);

    String name = "report-" + width + ".txt";
    String recorded = System.getProperty("drover.record");
    if (recorded != null) {
      Files.writeString(Path.of(recorded, name), table);
    }
    assertThat(table).isEqualTo(resource(name));
  }

  @Test
  void whatWorksFromWhichNodeIsShownWhereThereAreNodeAgents() {
    var nodes =
        """
        {"nodes":{"answering":2,"checks":[
          {"name":"dns","ok":2,"failed":0,"medianMs":3,"worstMs":7},
          {"name":"server","ok":1,"failed":1}],
         "offenders":[{"node":"b","check":"server","target":"https://r/ping","reason":"ConnectRefused","message":"m"}],
         "omitted":2,"figures":[{"name":"disk-used","median":41.5,"worst":88.0,"worstNode":"a"}],
         "kernels":{},"runtimes":{},"nameServers":{},"mtus":{}},
        """;
    var report = ReportJson.read(resource("report.json").replaceFirst("\\{", nodes));
    String table = ReportTable.render(report, false, 100);

    assertThat(ReportTable.render(report(), false, 100)).doesNotContain("FROM THE NODES");
    assertThat(table)
        .contains("FROM THE NODES", "ConnectRefused https://r/ping", "2 more problems");
    assertThat(line(table, "✓ dns")).contains("2 of 2 nodes, 3 ms, at worst 7 ms");
    assertThat(line(table, "✗ server")).contains("1 of 2 nodes");
    assertThat(line(table, "disk-used")).contains("41.5, at worst 88.0 at a");
  }

  @ParameterizedTest
  @ValueSource(ints = {60, 72, 80, 100, 200})
  void noLineIsLongerThanTheWidth(int width) {
    assertThat(ReportTable.render(report(), false, width).lines())
        .allSatisfy(line -> assertThat(line).hasSizeLessThanOrEqualTo(width));
  }

  @Test
  void narrowTerminalGetsLinesThatAreTooLong() {
    assertThat(ReportTable.render(report(), false, 1))
        .isEqualTo(ReportTable.render(report(), false, Page.MIN_WIDTH));
  }

  @Test
  void colourIsOnlyUsedIfAskedFor() {
    String plain = ReportTable.render(report(), false, 80);
    String coloured = ReportTable.render(report(), true, 80);

    assertThat(plain).doesNotContain("\u001b");
    assertThat(coloured).contains("\u001b[32m✓\u001b[0m").contains("\u001b[31m✗\u001b[0m");
    // Spaces that end a line may be within what is dim.
    assertThat(coloured.replaceAll("\u001b\\[[0-9]+m", "").replaceAll(" +\n", "\n"))
        .isEqualTo(plain);
  }

  @Test
  void unknownShowsItsCause() {
    String table = ReportTable.render(report(), false, 80);

    assertThat(line(table, "Node pools scale"))
        .isEqualTo("  – Node pools scale  no evidence: no node has a label of a pool");
    assertThat(line(table, "Autoscaler")).contains("forbidden: GET /apis/apps/v1/deployments: 403");
  }

  @Test
  void clusterOfWhichNothingIsKnownHasATableToo() {
    var view = FakeView.silent(Cause.FORBIDDEN);
    var findings = new Findings(FakeView.AT);
    var known = report();
    var health = HealthCollector.collect(view, findings, List.of(), 10, FakeView.AT);
    var resources = ResourceCollector.collect(view, findings, 10, FakeView.AT);
    var report =
        new ClusterReport(
            "",
            known.agent(),
            FakeView.AT,
            health,
            null,
            null,
            resources,
            new Capabilities(
                Capabilities.LoadBalancerCapabilities.unknown(), null, null, null, null, null),
            ReportJson.read(
                    resource("report.json")
                        .replaceAll(
                            "(?s)\"details\": \\{.*?\"omitted\": \\{\\}",
                            "\"details\": {\"omitted\": {}"))
                .details(),
            null,
            findings.evidence(),
            findings.undetermined());

    String table = ReportTable.render(report, false, 80);

    assertThat(table).doesNotContain("✓").doesNotContain("✗").doesNotContain("null");
    assertThat(line(table, "readyz")).contains("asked in vain: FORBIDDEN");
    assertThat(line(table, "Nodes")).contains("asked in vain: FORBIDDEN");
  }

  @Test
  void textFromTheClusterCannotDriveTheTerminal() {
    var hostile =
        ReportJson.read(
            resource("report.json")
                .replace("no evidence", "x")
                .replace(
                    "no node has a label of a pool",
                    "\\u001b[2Ja\\r\\nb\\u202ec\\u009b31m\\u0007"));

    String table = ReportTable.render(hostile, false, 80);

    assertThat(table.replace("\n", "").codePoints())
        .noneMatch(
            point ->
                Character.getType(point) == Character.CONTROL
                    || Character.getType(point) == Character.FORMAT);
    assertThat(line(table, "Node pools scale")).endsWith("[2Ja  b c 31m");
  }
}
