package io.drover.server;

import io.drover.proto.report.Capabilities;
import io.drover.proto.report.Capabilities.IngressCapabilities;
import io.drover.proto.report.Capabilities.LoadBalancerCapabilities;
import io.drover.proto.report.ClusterReport;
import io.drover.proto.report.ClusterReport.AgentIdentity;
import io.drover.proto.report.ClusterReport.KubernetesVersion;
import io.drover.proto.report.Details;
import io.drover.proto.report.Health;
import io.drover.proto.report.Quantity;
import io.drover.proto.report.Resources;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** A report of a small cluster of which not much is known. */
public final class SampleReport {
  public static final Instant OBSERVED_AT = Instant.parse("2026-01-01T00:00:00Z");

  private SampleReport() {}

  public static ClusterReport of(String clusterId, String instance, long sequence) {
    return of(clusterId, instance, sequence, OBSERVED_AT);
  }

  public static ClusterReport of(
      String clusterId, String instance, long sequence, Instant observedAt) {
    return new ClusterReport(
        clusterId,
        new AgentIdentity("1.0", instance, sequence, null),
        observedAt,
        health(),
        new KubernetesVersion("1", "36", "v1.36.2+k3s1", "linux/amd64"),
        "k3s",
        resources(),
        new Capabilities(
            new LoadBalancerCapabilities(true, "ELB", List.of("TCP"), true),
            List.of(new IngressCapabilities("Nginx", false)),
            null,
            "30000-32767",
            true,
            null),
        details(),
        null,
        new TreeMap<>(),
        List.of());
  }

  private static Health health() {
    var condition = new Health.Condition("Ready", "True", "", "", OBSERVED_AT);
    return new Health(
        true, List.of(condition), List.of(), List.of(), null, null, null, null, List.of());
  }

  private static Resources resources() {
    return new Resources(
        3,
        3,
        0,
        amounts("12", "96Gi"),
        amounts("11", "90Gi"),
        amounts("2500m", "8Gi"),
        amounts("5", "16Gi"),
        null,
        null,
        null,
        null,
        null);
  }

  private static Map<String, Quantity> amounts(String cpu, String memory) {
    return Map.of("cpu", Quantity.parse(cpu), "memory", Quantity.parse(memory));
  }

  private static Details details() {
    return new Details(
        null, null, null, null, null, null, null, null, null, null, null, null, null, null, null,
        null, null, Map.of());
  }
}
