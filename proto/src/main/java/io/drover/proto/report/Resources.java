package io.drover.proto.report;

import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * How much there is, and how much of it is spoken for. Amounts are by Kubernetes' names of
 * resources: {@code cpu}, {@code memory}, {@code pods}, {@code ephemeral-storage}, ….
 *
 * @param nodeCount all nodes
 * @param linuxWorkerCount,windowsWorkerCount nodes that are workers and not cordoned, as Rancher
 *     counts them
 * @param capacity,allocatable of all nodes, whether or not they take work
 * @param requested,limits what the pods that have not ended ask for, as the scheduler reckons it,
 *     those without a node included; {@code pods} is their number
 * @param schedulable the same as Rancher reckons it: to be copied
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
    @Nullable Totals schedulable,
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
   * What Rancher has under the same names in the {@code status} of its Cluster: {@code cpu}, {@code
   * memory} and {@code pods}, over nodes that take work. Nodes that are cordoned are left out, and
   * those that are no workers and have a taint of the control plane or of etcd. What pods ask for
   * is reckoned as in Rancher's annotations of nodes: without overhead, sidecars as any other init
   * container.
   */
  public record Totals(
      Map<String, Quantity> capacity,
      Map<String, Quantity> allocatable,
      @Nullable Map<String, Quantity> requested,
      @Nullable Map<String, Quantity> limits) {
    public Totals {
      capacity = ClusterReport.sorted(capacity);
      allocatable = ClusterReport.sorted(allocatable);
      requested = copy(requested);
      limits = copy(limits);
    }
  }

  /**
   * What is in use.
   *
   * @param source {@code metrics.k8s.io} or {@code kubelet}
   * @param coverage nodes measured of nodes there, as {@code 3/3}
   * @param oldestAgeSeconds of the oldest measurement in it, when the report was made
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

  /** The same without what differs at each look. */
  Resources withoutTimes() {
    return new Resources(
        nodeCount,
        linuxWorkerCount,
        windowsWorkerCount,
        capacity,
        allocatable,
        requested,
        limits,
        schedulable,
        usage == null
            ? null
            : new Usage(usage.cpu(), usage.memory(), usage.source(), usage.coverage(), 0),
        podPhases,
        nodes,
        nodesOmitted);
  }

  private static <V> @Nullable Map<String, V> copy(@Nullable Map<String, V> map) {
    return map == null ? null : ClusterReport.sorted(map);
  }
}
