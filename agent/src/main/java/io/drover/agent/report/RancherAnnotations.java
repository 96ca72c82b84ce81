package io.drover.agent.report;

import io.drover.agent.view.Amounts;
import io.drover.agent.view.Node;
import io.drover.agent.view.Pod;
import io.drover.proto.report.Quantity;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * The two annotations of each node that Rancher has its figures from, byte for byte as the stock
 * agent writes them. Source: Rancher {@code pkg/controllers/managementagent/podresources}, v2.15.0.
 *
 * <p>What pods of a node ask for is added up as {@link Amounts#rancherRequests} has it; {@code
 * pods} is their number. A node without pods has an empty list, also without {@code pods}: so does
 * the stock agent.
 */
final class RancherAnnotations {
  static final String REQUESTS = "management.cattle.io/pod-requests";
  static final String LIMITS = "management.cattle.io/pod-limits";

  private RancherAnnotations() {}

  /**
   * What is to be written.
   *
   * @return by the node's name, those of its two annotations that are not as they should be; nodes
   *     without any are not in it
   */
  static SortedMap<String, Map<String, String>> changes(
      Collection<Node> nodes, Collection<Pod> pods) {
    var podsByNode = RunningPods.byNode(pods);
    var changes = new TreeMap<String, Map<String, String>>();
    for (Node node : nodes) {
      var change = new HashMap<>(of(podsByNode.getOrDefault(node.name(), List.of())));
      change.entrySet().removeIf(e -> e.getValue().equals(node.annotations().get(e.getKey())));
      if (!change.isEmpty()) {
        changes.put(node.name(), Map.copyOf(change));
      }
    }
    return changes;
  }

  /** Both annotations of a node on which these pods, in this order, are. */
  private static Map<String, String> of(List<Pod> pods) {
    var requests = new TreeMap<String, Quantity>();
    var limits = new TreeMap<String, Quantity>();
    for (Pod pod : pods) {
      Amounts.add(requests, pod.amounts().rancherRequests());
      Amounts.add(limits, pod.amounts().rancherLimits());
    }
    if (!pods.isEmpty()) {
      requests.put("pods", Quantity.parse(Integer.toString(pods.size())));
    }
    return Map.of(REQUESTS, json(requests), LIMITS, json(limits));
  }

  /** Kubernetes allows no name of a resource, and no quantity, that would have to be escaped. */
  private static String json(SortedMap<String, Quantity> amounts) {
    var json = new StringBuilder("{");
    amounts.forEach(
        (name, amount) ->
            json.append(json.length() == 1 ? "\"" : ",\"")
                .append(name)
                .append("\":\"")
                .append(amount)
                .append('"'));
    return json.append('}').toString();
  }
}
