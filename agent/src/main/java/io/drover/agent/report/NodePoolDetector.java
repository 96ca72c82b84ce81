package io.drover.agent.report;

import static java.util.Comparator.comparingInt;

import io.drover.agent.kube.Answer;
import io.drover.agent.view.Node;
import io.drover.proto.report.Details.NodePool;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Pools of nodes, and whether the cluster scales them. */
final class NodePoolDetector {
  private static final String STATUS = "cluster-autoscaler-status";

  /** As the images of autoscalers are called, whoever builds them. */
  private static final List<String> AUTOSCALERS = List.of("cluster-autoscaler", "karpenter");

  private record KnownPool(String key, boolean isLabel, String kind) {
    static KnownPool of(KnownTable.Row row) {
      String label = row.optionalText("label");
      return new KnownPool(
          label != null ? label : row.text("annotation"), label != null, row.text("kind"));
    }

    @Nullable String poolOf(Node node) {
      return (isLabel ? node.labels() : node.annotations()).get(key);
    }
  }

  private static final List<KnownPool> KNOWN = KnownTable.read("node-pools", KnownPool::of);

  private record Pool(String kind, String name) {}

  private final Seen seen;

  NodePoolDetector(Seen seen) {
    this.seen = seen;
  }

  /**
   * In Rancher it means that Rancher can scale the nodes. It can only where it made them, and there
   * it needs no such report.
   */
  Finding<Boolean> scaling() {
    return Finding.certain(false, "imported cluster");
  }

  /** The largest first. A node may be in pools of several kinds. */
  Finding<List<NodePool>> pools() {
    return switch (seen.nodes()) {
      case Answer.Missing<List<Node>> missing -> Finding.unknown(missing);
      case Answer.Found<List<Node>>(var nodes) -> {
        var counts = new HashMap<Pool, Integer>();
        nodes.stream()
            .flatMap(node -> poolsOf(node).stream())
            .forEach(pool -> counts.merge(pool, 1, Integer::sum));
        var pools =
            counts.entrySet().stream()
                .map(e -> new NodePool(e.getKey().kind(), e.getKey().name(), e.getValue()))
                .sorted(
                    comparingInt(NodePool::nodes)
                        .reversed()
                        .thenComparing(NodePool::kind)
                        .thenComparing(NodePool::name))
                .toList();
        yield pools.isEmpty()
            ? Finding.likely(pools, "labels of nodes, none of them known")
            : Finding.certain(pools, "labels and annotations of nodes");
      }
    };
  }

  private static Set<Pool> poolsOf(Node node) {
    var pools = new HashSet<Pool>();
    for (KnownPool known : KNOWN) {
      String name = known.poolOf(node);
      if (name != null && !name.isEmpty()) {
        pools.add(new Pool(known.kind(), name));
      }
    }
    return pools;
  }

  Finding<Boolean> autoscaler() {
    Answer<Set<String>> configMaps = seen.facts().systemConfigMaps();
    if (configMaps.found().orElse(Set.of()).contains(STATUS)) {
      return Finding.certain(true, "ConfigMap kube-system/" + STATUS);
    }
    var workloads = seen.workloads();
    for (var workload : workloads.items()) {
      for (String image : workload.images()) {
        String path = Image.path(image);
        if (AUTOSCALERS.stream().anyMatch(path::contains)) {
          return Finding.likely(
              workload.ready() > 0, "workload " + workload.namespace() + "/" + workload.name());
        }
      }
    }
    if (configMaps instanceof Answer.Missing<Set<String>> missing) {
      return Finding.unknown(missing);
    }
    return workloads
        .<Boolean>unknown()
        .orElseGet(() -> Finding.likely(false, "neither its ConfigMap nor its workload is there"));
  }
}
