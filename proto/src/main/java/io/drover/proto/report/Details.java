package io.drover.proto.report;

import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What Rancher's capabilities have no room for. Lists that were cut carry the names of what is most
 * worth knowing first; {@code omitted} says, by the name of the list, how many more there were.
 *
 * @param ipFamilies of Services, the cluster's own first: {@code IPv4}, {@code IPv6}
 * @param apis groups of well-known add-ons that are served, such as {@code cert-manager.io}
 */
public record Details(
    @Nullable Distribution distribution,
    @Nullable List<IngressController> ingressControllers,
    @Nullable GatewayApi gatewayApi,
    @Nullable List<LoadBalancer> loadBalancers,
    @Nullable List<StorageClass> storageClasses,
    @Nullable List<CsiDriver> csiDrivers,
    @Nullable List<SnapshotClass> volumeSnapshotClasses,
    @Nullable List<TaintInUse> taints,
    @Nullable List<NodePool> nodePools,
    @Nullable Boolean clusterAutoscaler,
    @Nullable MetricsApis metricsApis,
    @Nullable NetworkPolicy networkPolicy,
    @Nullable PodSecurity podSecurity,
    @Nullable Aggregation aggregation,
    @Nullable List<String> ipFamilies,
    @Nullable List<Gpu> gpus,
    @Nullable List<String> apis,
    Map<String, Integer> omitted) {
  public Details {
    ingressControllers = copy(ingressControllers);
    loadBalancers = copy(loadBalancers);
    storageClasses = copy(storageClasses);
    csiDrivers = copy(csiDrivers);
    volumeSnapshotClasses = copy(volumeSnapshotClasses);
    taints = copy(taints);
    nodePools = copy(nodePools);
    ipFamilies = copy(ipFamilies);
    gpus = copy(gpus);
    apis = copy(apis);
    omitted = ClusterReport.sorted(omitted);
  }

  private static <T> @Nullable List<T> copy(@Nullable List<T> list) {
    return list == null ? null : List.copyOf(list);
  }

  /**
   * Who made it.
   *
   * @param id as in Rancher where Rancher has one, else the product's name
   * @param mode such as {@code autopilot}; null: the usual one
   */
  public record Distribution(String id, @Nullable String mode) {}

  /**
   * An ingress controller, with all the classes it serves.
   *
   * @param provider a short name; that of the controller if it is not a known one
   * @param controller as in {@code spec.controller}; empty where classes are annotations only
   * @param isDefault whether one of its classes is the default
   * @param running whether its workload is seen running; null: it has none to see, or unknown
   * @param used whether an Ingress of its classes has got an address
   */
  public record IngressController(
      String provider,
      String controller,
      List<String> classes,
      boolean isDefault,
      @Nullable Boolean running,
      @Nullable Boolean used) {
    public IngressController {
      classes = List.copyOf(classes);
    }
  }

  /**
   * The Gateway API.
   *
   * @param served whether its classes exist as an API
   * @param bundleVersion of the CRDs, such as {@code v1.2.0}
   * @param channel {@code standard} or {@code experimental}
   */
  public record GatewayApi(
      boolean served,
      @Nullable String bundleVersion,
      @Nullable String channel,
      List<GatewayClass> classes) {
    public GatewayApi {
      classes = List.copyOf(classes);
    }
  }

  /** A class of gateways; {@code accepted} null: its controller has not said. */
  public record GatewayClass(
      String name, String controller, String provider, @Nullable Boolean accepted) {}

  /**
   * What gives Services of type LoadBalancer their addresses.
   *
   * @param working whether a Service has got an address from it; null: none asks
   * @param sources what it was recognised by
   */
  public record LoadBalancer(
      String provider,
      @Nullable Boolean working,
      List<String> protocols,
      @Nullable Boolean healthCheck,
      Confidence confidence,
      List<String> sources) {
    public LoadBalancer {
      protocols = List.copyOf(protocols);
      sources = List.copyOf(sources);
    }
  }

  /**
   * A class of volumes.
   *
   * @param product of the provisioner, null if it is not a known one
   * @param isDefault annotated as the default
   * @param effectiveDefault the one that Kubernetes takes: the newest of the defaults
   * @param local volumes stay on their node
   * @param snapshotClasses of the same driver; null: not determined
   * @param nodesWithDriver on which its CSI driver is registered; null: no CSI driver, or not
   *     determined
   */
  public record StorageClass(
      String name,
      String provisioner,
      @Nullable String product,
      boolean isDefault,
      boolean effectiveDefault,
      @Nullable Boolean local,
      String reclaimPolicy,
      String volumeBindingMode,
      boolean allowVolumeExpansion,
      @Nullable List<String> snapshotClasses,
      @Nullable Integer nodesWithDriver) {
    public StorageClass {
      snapshotClasses = copy(snapshotClasses);
    }
  }

  /** A CSI driver; {@code nodes}: on how many it is registered, null if not determined. */
  public record CsiDriver(
      String name, @Nullable Integer nodes, boolean attachRequired, List<String> lifecycleModes) {
    public CsiDriver {
      lifecycleModes = List.copyOf(lifecycleModes);
    }
  }

  /** A class of snapshots. */
  public record SnapshotClass(
      String name, String driver, boolean isDefault, String deletionPolicy) {}

  /** A taint, and on how many nodes it is. */
  public record TaintInUse(String key, @Nullable String value, String effect, int nodes) {}

  /** Nodes of one pool. */
  public record NodePool(String kind, String name, int nodes) {}

  /** States of the three metrics APIs. */
  public record MetricsApis(
      @Nullable MetricsApi resource, @Nullable MetricsApi custom, @Nullable MetricsApi external) {}

  /**
   * One metrics API.
   *
   * @param state {@code served}, {@code notServed}, {@code broken}, {@code empty} or {@code
   *     outdated}
   */
  public record MetricsApi(String state, String message) {}

  /** Whether NetworkPolicies are enforced, and by what. */
  public record NetworkPolicy(
      @Nullable Boolean supported, @Nullable String provider, @Nullable Boolean adminPolicies) {}

  /**
   * How pods are restricted.
   *
   * @param admission whether Pod Security Admission is seen to act
   * @param namespacesByLevel by the label {@code pod-security.kubernetes.io/enforce}
   * @param engines other policy engines
   */
  public record PodSecurity(
      @Nullable Boolean admission,
      @Nullable Map<String, Integer> namespacesByLevel,
      List<String> engines) {
    public PodSecurity {
      namespacesByLevel =
          namespacesByLevel == null ? null : ClusterReport.sorted(namespacesByLevel);
      engines = List.copyOf(engines);
    }
  }

  /**
   * The aggregation layer.
   *
   * @param enabled whether aggregated APIs can work
   * @param apis how many are served by a Service
   */
  public record Aggregation(@Nullable Boolean enabled, int apis) {}

  /** Accelerators, added up over the nodes. */
  public record Gpu(String resource, String vendor, Quantity allocatable, int nodes) {}
}
