package io.drover.proto.report;

import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What the node agents found, added up over the nodes: which work from one node and not from
 * another. Only there if node agents are.
 *
 * @param answering nodes whose agent has answered lately
 * @param checks by name
 * @param offenders what does not work, and from which node; by node
 * @param omitted how many more there are
 * @param figures by name
 * @param kernels nodes by the release of their kernel
 * @param runtimes nodes by their container runtime, as Kubernetes knows it
 * @param nameServers nodes by what resolv.conf names in their pods
 * @param searchDomains likewise; null: by an agent that did not count them
 * @param mtus nodes by the MTU of the interface on the way to the server
 */
public record NodeChecks(
    int answering,
    List<NodeCheck> checks,
    List<NodeOffender> offenders,
    int omitted,
    List<NodeFigure> figures,
    Map<String, Integer> kernels,
    Map<String, Integer> runtimes,
    Map<String, Integer> nameServers,
    @Nullable Map<String, Integer> searchDomains,
    Map<String, Integer> mtus) {
  public NodeChecks {
    checks = List.copyOf(checks);
    offenders = List.copyOf(offenders);
    figures = List.copyOf(figures);
    kernels = ClusterReport.sorted(kernels);
    runtimes = ClusterReport.sorted(runtimes);
    nameServers = ClusterReport.sorted(nameServers);
    searchDomains = searchDomains == null ? null : ClusterReport.sorted(searchDomains);
    mtus = ClusterReport.sorted(mtus);
  }

  /**
   * A check over all nodes that made it.
   *
   * @param name as in {@link NodeSnapshot.Check}, or {@code agent}: that a node's agent answers
   * @param ok nodes from which it works
   * @param failed nodes from which it does not
   * @param medianMs over the nodes from which it works, in milliseconds
   */
  public record NodeCheck(
      String name, int ok, int failed, @Nullable Long medianMs, @Nullable Long worstMs) {}

  /** What does not work from a node; {@code reason} is a code. */
  public record NodeOffender(
      String node, String check, String target, String reason, String message) {}

  /**
   * A figure over all nodes.
   *
   * @param name {@code cpu-pressure}, {@code memory-pressure}, {@code io-pressure}, {@code
   *     disk-used}, {@code inodes-used}, all in percent; or {@code clock-offset}, in seconds
   * @param worstNode where it is {@code worst}
   */
  public record NodeFigure(String name, double median, double worst, String worstNode) {}

  /** The same without what differs at each reading. */
  NodeChecks withoutFigures() {
    return new NodeChecks(
        answering,
        checks.stream().map(c -> new NodeCheck(c.name(), c.ok(), c.failed(), null, null)).toList(),
        offenders,
        omitted,
        List.of(),
        kernels,
        runtimes,
        nameServers,
        searchDomains,
        mtus);
  }
}
