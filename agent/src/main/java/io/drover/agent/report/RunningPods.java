package io.drover.agent.report;

import io.drover.agent.view.Pod;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Pods that count: all but those that have ended. */
final class RunningPods {
  private static final Comparator<Pod> BY_NAME =
      Comparator.comparing(Pod::namespace).thenComparing(Pod::name);

  private RunningPods() {}

  /**
   * By their node; those that have none yet are under the empty name. Each node's are in the order
   * of their names, since the first of several amounts decides how a sum is written ({@code 1Gi} or
   * {@code 1073741824}), and a sum that did not change is to look the same.
   */
  static Map<String, List<Pod>> byNode(Collection<Pod> pods) {
    var byNode = new HashMap<String, List<Pod>>();
    for (Pod pod : pods) {
      if (!pod.hasEnded()) {
        byNode.computeIfAbsent(pod.node(), _ -> new ArrayList<>()).add(pod);
      }
    }
    byNode.values().forEach(list -> list.sort(BY_NAME));
    return byNode;
  }
}
