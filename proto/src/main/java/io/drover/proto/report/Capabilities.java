package io.drover.proto.report;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Names and shapes are exactly those of {@code status.capabilities} of Rancher's {@code
 * management.cattle.io/v3} Cluster, so that a server can copy it as it is. Source: Rancher {@code
 * pkg/apis/management.cattle.io/v3/cluster_types.go}.
 *
 * @param loadBalancerCapabilities never null, as in Rancher; empty if not determined
 * @param nodePoolScalingSupported whether Rancher could scale node pools
 * @param nodePortRange {@code low-high}
 * @param taintSupport whether taints can be set and are honoured
 * @param pspEnabled whether PodSecurityPolicies are served
 */
public record Capabilities(
    LoadBalancerCapabilities loadBalancerCapabilities,
    @Nullable List<IngressCapabilities> ingressCapabilities,
    @Nullable Boolean nodePoolScalingSupported,
    @Nullable String nodePortRange,
    @Nullable Boolean taintSupport,
    @Nullable Boolean pspEnabled) {
  public Capabilities {
    ingressCapabilities = ingressCapabilities == null ? null : List.copyOf(ingressCapabilities);
  }

  /** Load balancers for Services, at layer 4. */
  public record LoadBalancerCapabilities(
      @Nullable Boolean enabled,
      @Nullable String provider,
      @Nullable List<String> protocolsSupported,
      @Nullable Boolean healthCheckSupported) {
    public LoadBalancerCapabilities {
      protocolsSupported = protocolsSupported == null ? null : List.copyOf(protocolsSupported);
    }

    /** Nothing is known. */
    public static LoadBalancerCapabilities unknown() {
      return new LoadBalancerCapabilities(null, null, null, null);
    }
  }

  /** One kind of ingress controller. */
  public record IngressCapabilities(
      @Nullable String ingressProvider, @Nullable Boolean customDefaultBackend) {}
}
