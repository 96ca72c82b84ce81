package io.drover.agent.report;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.databind.JsonNode;
import io.drover.agent.kube.Answer;
import io.drover.agent.view.ClusterView;
import io.drover.agent.view.Kinds;
import io.drover.proto.report.ClusterReport;
import io.drover.proto.report.ClusterReport.AgentIdentity;
import io.drover.proto.report.ClusterReport.KubernetesVersion;
import io.drover.proto.report.Health;
import io.drover.proto.report.NodeSnapshot;
import io.drover.proto.report.ReportJson;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Makes a report of a view. A function: no clock, no request. */
final class Assembler {
  /** Of each list, as long as the report is not too long. */
  static final int MAX_LISTED = 64;

  private Assembler() {}

  /** With lists cut until it is no longer than {@link ReportJson#MAX_BYTES}. */
  static ClusterReport report(
      ClusterView view,
      String clusterId,
      AgentIdentity agent,
      List<Health.Tunnel> tunnels,
      Optional<List<NodeSnapshot>> snapshots,
      Instant now) {
    int listed = MAX_LISTED;
    ClusterReport report = report(view, clusterId, agent, tunnels, snapshots, now, listed);
    while (listed > 0 && size(report) > ReportJson.MAX_BYTES) {
      listed /= 2;
      report = report(view, clusterId, agent, tunnels, snapshots, now, listed);
    }
    return report;
  }

  /** In bytes of JSON. */
  static int size(ClusterReport report) {
    return ReportJson.write(report).getBytes(UTF_8).length;
  }

  /** With so many of each list. */
  static ClusterReport report(
      ClusterView view,
      String clusterId,
      AgentIdentity agent,
      List<Health.Tunnel> tunnels,
      Optional<List<NodeSnapshot>> snapshots,
      Instant now,
      int listed) {
    var findings = new Findings(now);
    var health = HealthCollector.collect(view, findings, tunnels, listed, now);
    var resources = ResourceCollector.collect(view, findings, listed, now);
    var collected = new CapabilityCollector().collect(view, findings, listed);
    @Nullable KubernetesVersion version = findings.take("version", version(view));
    return new ClusterReport(
        clusterId,
        agent,
        now,
        health,
        version,
        collected.provider(),
        resources,
        collected.capabilities(),
        collected.details(),
        snapshots.map(known -> NodeSummary.of(known, view.all(Kinds.NODES), listed)).orElse(null),
        findings.evidence(),
        findings.undetermined());
  }

  private static Finding<KubernetesVersion> version(ClusterView view) {
    return switch (view.facts().version()) {
      case Answer.Missing<JsonNode> missing -> Finding.unknown(missing);
      case Answer.Found<JsonNode>(var info) ->
          Finding.certain(
              new KubernetesVersion(
                  info.path("major").asText(),
                  info.path("minor").asText(),
                  info.path("gitVersion").asText(),
                  info.path("platform").isTextual() ? info.path("platform").asText() : null),
              "/version");
    };
  }
}
