package io.drover.proto.report;

import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * How much there is, and how much of it is spoken for. Amounts are by Kubernetes' names of
 * resources: {@code cpu}, {@code memory}, {@code pods}, {@code ephemeral-storage}, ….
 *
 * @param requested what the pods that have not ended ask for, as the scheduler reckons it; {@code
 *     pods} is their number
 * @param podPhases number of pods by phase
 * @param nodes those with the most of their CPU or memory requested first
 * @param nodesOmitted how many more there are
 */
public record Resources(
    @Nullable Integer nodeCount,
    @Nullable Integer linuxWorkerCount,
    @Nullable Integer windowsWorkerCount,
    @Nullable Map<String, Quantity> capacity,
    @Nullable Map<String, Quantity> allocatable,
    @Nullable Map<String, Quantity> requested,
    @Nullable Map<String, Quantity> limits,
    @Nullable Usage usage,
    @Nullable Map<String, Integer> podPhases,
    @Nullable List<NodeResources> nodes,
    @Nullable Integer nodesOmitted) {
  public Resources {
    capacity = copy(capacity);
    allocatable = copy(allocatable);
    requested = copy(requested);
    limits = copy(limits);
    podPhases = copy(podPhases);
    nodes = nodes == null ? null : List.copyOf(nodes);
  }

  /**
   * What is in use.
   *
   * @param source {@code metrics.k8s.io} or {@code kubelet}
   * @param coverage nodes measured of nodes there, as {@code 3/3}
   * @param oldestAgeSeconds of the oldest measurement in it, when it was read
   */
  public record Usage(
      Quantity cpu, Quantity memory, String source, String coverage, long oldestAgeSeconds) {}

  /** The same of one node. Usage is CPU and memory. */
  public record NodeResources(
      String name,
      Map<String, Quantity> capacity,
      Map<String, Quantity> allocatable,
      @Nullable Map<String, Quantity> requested,
      @Nullable Map<String, Quantity> limits,
      @Nullable Map<String, Quantity> usage) {
    public NodeResources {
      capacity = ClusterReport.sorted(capacity);
      allocatable = ClusterReport.sorted(allocatable);
      requested = copy(requested);
      limits = copy(limits);
      usage = copy(usage);
    }
  }

  private static <V> @Nullable Map<String, V> copy(@Nullable Map<String, V> map) {
    return map == null ? null : ClusterReport.sorted(map);
  }
}
