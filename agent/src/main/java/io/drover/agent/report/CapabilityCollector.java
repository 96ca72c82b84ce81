package io.drover.agent.report;

import io.drover.agent.view.ClusterView;
import io.drover.proto.report.Capabilities;
import io.drover.proto.report.Capabilities.LoadBalancerCapabilities;
import io.drover.proto.report.Details;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * What the cluster can do. What is not determined is null, and noted in the findings with its
 * cause; a failure never becomes a no. Depends on nothing but the view, and asks nothing of the
 * cluster.
 */
final class CapabilityCollector {
  /** What was found out; {@code provider} is one of Rancher's ids. */
  record Collected(Capabilities capabilities, Details details, @Nullable String provider) {}

  /** Resources, as {@code group/plural}, of which a view has to know whether there is one. */
  static Set<String> counted() {
    return LoadBalancerRow.KNOWN.stream()
        .flatMap(row -> row.needs().stream().flatMap(List::stream))
        .map(LoadBalancerRow.Need::name)
        .collect(Collectors.toUnmodifiableSet());
  }

  /**
   * Looks at everything once.
   *
   * @param findings gets evidence and causes, by the path of the value
   * @param maxListed of each list in the details; {@code omitted} counts the rest
   */
  Collected collect(ClusterView view, Findings findings, int maxListed) {
    var seen = new Seen(view);
    var limit = new ListLimit(maxListed);
    var distributions = new DistributionDetector(seen, findings);
    Finding<String> distribution = distributions.id();
    var ingress = new IngressDetector(seen, findings, limit, distribution);
    var loadBalancer = new LoadBalancerDetector(seen, findings);
    var taint = new TaintDetector(seen);
    var nodePool = new NodePoolDetector(seen);
    var podSecurity = new PodSecurityDetector(seen, findings);
    var storage = new StorageDetector(seen, findings, limit);
    var api = new ApiDetector(seen, findings);

    var take = new Taking(findings, limit);
    LoadBalancerCapabilities balancing =
        findings.take("capabilities.loadBalancerCapabilities", loadBalancer.capabilities());
    var capabilities =
        new Capabilities(
            balancing != null ? balancing : LoadBalancerCapabilities.unknown(),
            limit.cutIfKnown(
                "ingressCapabilities",
                findings.take("capabilities.ingressCapabilities", ingress.capabilities())),
            findings.take("capabilities.nodePoolScalingSupported", nodePool.scaling()),
            findings.take("capabilities.nodePortRange", new NodePortDetector(seen).range()),
            findings.take("capabilities.taintSupport", taint.support()),
            findings.take("capabilities.pspEnabled", podSecurity.policies()));
    var details =
        new Details(
            take.one("distribution", distributions.distribution(distribution)),
            take.list("ingressControllers", ingress.ingressControllers()),
            take.one("gatewayApi", new GatewayDetector(seen, findings, limit).gatewayApi()),
            take.list("loadBalancers", loadBalancer.loadBalancers()),
            take.list("storageClasses", storage.storageClasses()),
            take.list("csiDrivers", storage.csiDrivers()),
            take.list("volumeSnapshotClasses", storage.snapshotClasses()),
            take.list("taints", taint.inUse()),
            take.list("nodePools", nodePool.pools()),
            take.one("clusterAutoscaler", nodePool.autoscaler()),
            take.one("metricsApis", new MetricsApiDetector(seen, findings).metricsApis()),
            take.one(
                "networkPolicy",
                new NetworkPolicyDetector(seen, findings, distribution).networkPolicy()),
            take.one("podSecurity", podSecurity.podSecurity()),
            take.one("aggregation", api.aggregation()),
            take.list("ipFamilies", new IpFamilyDetector(seen).families()),
            take.list("gpus", new GpuDetector(seen).gpus()),
            take.list("apis", api.wellKnown()),
            limit.omitted());
    return new Collected(
        capabilities, details, findings.take("provider", distributions.provider(distribution)));
  }

  /** Parts of the details, by their names there. */
  private record Taking(Findings findings, ListLimit limit) {
    <T> @Nullable T one(String name, Finding<T> finding) {
      return findings.take("details." + name, finding);
    }

    <T> @Nullable List<T> list(String name, Finding<List<T>> finding) {
      List<T> all = one(name, finding);
      return limit.cutIfKnown(name, all);
    }
  }
}
