package io.drover.agent.report;

import io.drover.agent.view.Node;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What speaks for a load balancer being installed, Services aside.
 *
 * @param strong it is at work, or would be if what it needs were there
 * @param weak it may be a leftover, or be there for another purpose
 */
record LoadBalancerEvidence(LoadBalancerRow row, List<String> strong, List<String> weak) {
  /** Set on nodes by the cloud controller, which also makes load balancers. */
  private static final String REGION = "topology.kubernetes.io/region";

  static LoadBalancerEvidence of(LoadBalancerRow row, Seen seen) {
    var strong = new ArrayList<String>();
    var weak = new ArrayList<String>();
    List<Node> nodes = seen.nodes().found().orElse(List.of());
    NodeArgsRule disabledBy = row.disabledBy();
    if (disabledBy != null) {
      var disabled = disabledBy.holds(nodes);
      if (disabled.orElse(false)) {
        return new LoadBalancerEvidence(row, List.of(), List.of());
      }
      disabled.ifPresent(
          _ -> strong.add("node annotation " + disabledBy.annotation() + ", not disabled"));
    }
    NodeArgsRule enabledBy = row.enabledBy();
    if (enabledBy != null && enabledBy.holds(nodes).orElse(false)) {
      strong.add("node annotation " + enabledBy.annotation());
    }
    WorkloadSign.certain(row.workloads(), seen.workloads()).stream()
        .limit(1)
        .forEach(workload -> strong.add(WorkloadSign.text(workload)));
    cloud(row, nodes, strong, weak);
    var possible = WorkloadSign.possible(row.workloads(), seen.workloads());
    possible.stream().limit(1).forEach(workload -> weak.add(WorkloadSign.text(workload)));
    if (!strong.isEmpty() || !possible.isEmpty() || !isLeftOver(row, seen)) {
      String service = served(row, seen);
      if (service != null) {
        boolean isAllThereIs = row.workloads().isEmpty();
        boolean works = row.needsMet(seen).found().orElse(!row.needs().isEmpty());
        // A network plugin's API is there on all of its clusters, used or not.
        if (!isAllThereIs || works) {
          (isAllThereIs ? strong : weak).add(service);
        }
      }
    }
    String restrictedBy = row.restrictedBy();
    if (!strong.isEmpty()
        && restrictedBy != null
        && nodes.stream().anyMatch(node -> node.labels().containsKey(restrictedBy))) {
      strong.add("only on nodes labelled " + restrictedBy);
    }
    return new LoadBalancerEvidence(row, List.copyOf(strong), List.copyOf(weak));
  }

  private static void cloud(
      LoadBalancerRow row, List<Node> nodes, List<String> strong, List<String> weak) {
    var own = nodes.stream().filter(row::isCloudOf).toList();
    if (own.isEmpty()) {
      return;
    }
    boolean isControlled = own.stream().anyMatch(node -> node.labels().containsKey(REGION));
    (isControlled ? strong : weak).add("provider id of node " + own.getFirst().name());
  }

  /** Whether a workload should be seen, and is not. */
  private static boolean isLeftOver(LoadBalancerRow row, Seen seen) {
    return !row.workloads().isEmpty() && seen.workloads().isWhole();
  }

  private static @Nullable String served(LoadBalancerRow row, Seen seen) {
    for (String group : row.apiGroups()) {
      if (seen.hasGroup(group).found().orElse(false)) {
        return "API group " + group;
      }
    }
    for (String configMap : row.configMaps()) {
      if (ClusterSigns.hasConfigMap(seen, configMap).found().orElse(false)) {
        return "ConfigMap " + configMap;
      }
    }
    return null;
  }
}
