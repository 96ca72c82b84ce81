package io.drover.agent.report;

import io.drover.agent.kube.Answer;
import io.drover.agent.view.Amounts;
import io.drover.agent.view.ClusterView;
import io.drover.agent.view.Facts;
import io.drover.agent.view.Kinds;
import io.drover.agent.view.Node;
import io.drover.agent.view.Node.Taint;
import io.drover.agent.view.Pod;
import io.drover.proto.report.Cause;
import io.drover.proto.report.Quantity;
import io.drover.proto.report.Resources;
import io.drover.proto.report.Resources.NodeResources;
import io.drover.proto.report.Resources.Totals;
import io.drover.proto.report.Resources.Usage;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * How much there is in the cluster, and how much of it is spoken for.
 *
 * <p>Totals are over all nodes and all pods that have not ended, as the scheduler reckons.
 * Rancher's are over fewer nodes, and reckoned otherwise: they are in {@link Resources.Totals}.
 * Source of its rules: Rancher {@code pkg/controllers/management/clusterstats} and {@code
 * pkg/controllers/managementuser/nodesyncer}, v2.15.0.
 */
final class ResourceCollector {
  private static final String ROLE = "node-role.kubernetes.io/";
  private static final String OS = "kubernetes.io/os";

  /** Taints that keep a node out of Rancher's totals, unless it is a worker. */
  private static final Set<String> CONTROL_TAINTS =
      Set.of(ROLE + "controlplane", ROLE + "control-plane", ROLE + "etcd", ROLE + "master");

  /** What Rancher adds up. */
  private static final List<String> TOTALLED = List.of("cpu", "memory", "pods");

  private ResourceCollector() {}

  /**
   * Collects what is known of the resources, and notes evidence and causes.
   *
   * @param maxListed how many nodes are listed one by one
   * @param now the report's time: ages are of it
   */
  static Resources collect(ClusterView view, Findings findings, int maxListed, Instant now) {
    var facts = view.facts();
    var nodes = view.all(Kinds.NODES).map(ResourceCollector::byName);
    var pods = view.all(Kinds.PODS);
    var asked = pods.map(ResourceCollector::asked);
    var ledgers =
        nodes.map(all -> ledgers(all, asked.found().orElse(null), measured(facts), maxListed));

    var taker = new Taker(findings);
    return new Resources(
        taker.take("nodeCount", "nodes", nodes.map(List::size)),
        taker.take("linuxWorkerCount", "labels of nodes", nodes.map(all -> workers(all, "linux"))),
        taker.take(
            "windowsWorkerCount", "labels of nodes", nodes.map(all -> workers(all, "windows"))),
        taker.take("capacity", "nodes", nodes.map(all -> total(all, Node::capacity))),
        taker.take("allocatable", "nodes", nodes.map(all -> total(all, Node::allocatable))),
        taker.take("requested", "pods", asked.map(Asked::requests)),
        taker.take("limits", "pods", asked.map(Asked::limits)),
        taker.take(
            "schedulable",
            "nodes that take work, and their pods",
            nodes.map(all -> schedulable(all, asked.found().orElse(null)))),
        findings.take(
            "resources.usage",
            switch (nodes) {
              case Answer.Found<List<Node>>(var all) -> usage(all, facts, now);
              case Answer.Missing<List<Node>> missing -> Finding.unknown(missing);
            }),
        taker.take("podPhases", "pods", pods.map(ResourceCollector::phases)),
        taker.take("nodes", "nodes, and their pods", ledgers),
        nodes.map(all -> Math.max(0, all.size() - maxListed)).found().orElse(null));
  }

  private record Taker(Findings findings) {
    <T> @Nullable T take(String name, String source, Answer<T> answer) {
      return findings.take(
          "resources." + name,
          switch (answer) {
            case Answer.Found<T>(var value) -> Finding.certain(value, source);
            case Answer.Missing<T> missing -> Finding.unknown(missing);
          });
    }
  }

  /** In the order of their names, so that sums are written the same each time. */
  private static List<Node> byName(Collection<Node> nodes) {
    return nodes.stream().sorted(Comparator.comparing(Node::name)).toList();
  }

  /** What some pods ask for: as the scheduler reckons it, and as Rancher does. */
  private record Sums(
      Map<String, Quantity> requests,
      Map<String, Quantity> limits,
      Map<String, Quantity> rancherRequests,
      Map<String, Quantity> rancherLimits) {
    static Sums of(List<Pod> pods) {
      var requests = sum(pods, Amounts::requests);
      var limits = sum(pods, Amounts::limits);
      // Both ways are one for most pods, and then for most nodes.
      boolean same =
          pods.stream()
              .map(Pod::amounts)
              .allMatch(
                  amounts ->
                      amounts.requests().equals(amounts.rancherRequests())
                          && amounts.limits().equals(amounts.rancherLimits()));
      var rancherRequests = same ? requests : sum(pods, Amounts::rancherRequests);
      var rancherLimits = same ? limits : sum(pods, Amounts::rancherLimits);
      Quantity count = Quantity.parse(Integer.toString(pods.size()));
      requests.put("pods", count);
      rancherRequests.put("pods", count);
      return new Sums(requests, limits, rancherRequests, rancherLimits);
    }

    private static Map<String, Quantity> sum(
        List<Pod> pods, Function<Amounts, Map<String, Quantity>> of) {
      var sum = new HashMap<String, Quantity>();
      pods.forEach(pod -> Amounts.add(sum, of.apply(pod.amounts())));
      return sum;
    }
  }

  /**
   * What pods ask for.
   *
   * @param byNode those without a node are not in it
   * @param requests,limits of all
   */
  private record Asked(
      Map<String, Sums> byNode, Map<String, Quantity> requests, Map<String, Quantity> limits) {
    private static final Sums NOTHING = Sums.of(List.of());

    Sums of(Node node) {
      return byNode.getOrDefault(node.name(), NOTHING);
    }
  }

  private static Asked asked(Collection<Pod> pods) {
    // In the order of their names, as nodes are.
    var byNode = new TreeMap<String, Sums>();
    RunningPods.byNode(pods).forEach((node, list) -> byNode.put(node, Sums.of(list)));
    var requests = new HashMap<>(Asked.NOTHING.requests());
    var limits = new HashMap<String, Quantity>();
    for (Sums sums : byNode.values()) {
      Amounts.add(requests, sums.requests());
      Amounts.add(limits, sums.limits());
    }
    byNode.remove("");
    return new Asked(byNode, requests, limits);
  }

  private static Map<String, Quantity> total(
      List<Node> nodes, Function<Node, Map<String, Quantity>> of) {
    var total = new HashMap<String, Quantity>();
    nodes.forEach(node -> Amounts.add(total, of.apply(node)));
    return total;
  }

  private static Map<String, Integer> phases(Collection<Pod> pods) {
    var phases = new TreeMap<String, Integer>();
    for (Pod pod : pods) {
      phases.merge(pod.phase().isEmpty() ? "Unknown" : pod.phase(), 1, Integer::sum);
    }
    return phases;
  }

  // Rancher's rules.

  private static boolean isWorker(Node node) {
    var labels = node.labels();
    return labels.containsKey(ROLE + "worker")
        || !(labels.containsKey(ROLE + "etcd")
            || labels.containsKey(ROLE + "controlplane")
            || labels.containsKey(ROLE + "control-plane"));
  }

  private static boolean takesWork(Node node) {
    return !node.unschedulable()
        && (isWorker(node) || node.taints().stream().noneMatch(ResourceCollector::keepsWorkOff));
  }

  private static boolean keepsWorkOff(Taint taint) {
    return CONTROL_TAINTS.contains(taint.key())
        && (taint.effect().equals("NoSchedule") || taint.effect().equals("NoExecute"));
  }

  private static int workers(List<Node> nodes, String os) {
    int workers = 0;
    for (Node node : nodes) {
      if (isWorker(node) && takesWork(node) && os.equals(node.labels().get(OS))) {
        workers++;
      }
    }
    return workers;
  }

  private static Totals schedulable(List<Node> nodes, @Nullable Asked asked) {
    var taking = nodes.stream().filter(ResourceCollector::takesWork).toList();
    Map<String, Quantity> requests = null;
    Map<String, Quantity> limits = null;
    if (asked != null) {
      requests = nothing();
      limits = nothing();
      for (Node node : taking) {
        addTotalled(requests, asked.of(node).rancherRequests());
        addTotalled(limits, asked.of(node).rancherLimits());
      }
    }
    var capacity = nothing();
    var allocatable = nothing();
    for (Node node : taking) {
      addTotalled(capacity, node.capacity());
      addTotalled(allocatable, node.allocatable());
    }
    return new Totals(capacity, allocatable, requests, limits);
  }

  /** Rancher writes all three, also if they are zero. */
  private static Map<String, Quantity> nothing() {
    var amounts = new HashMap<String, Quantity>();
    TOTALLED.forEach(name -> amounts.put(name, Quantity.ZERO));
    return amounts;
  }

  private static void addTotalled(Map<String, Quantity> into, Map<String, Quantity> more) {
    for (String name : TOTALLED) {
      Quantity amount = more.get(name);
      if (amount != null) {
        into.merge(name, amount, Quantity::plus);
      }
    }
  }

  // Usage.

  private static Finding<Usage> usage(List<Node> nodes, Facts facts, Instant now) {
    if (facts.nodeMetrics() instanceof Answer.Found<List<Facts.NodeUsage>>(var measured)) {
      return usage(nodes, "metrics.k8s.io", measured, facts, now);
    }
    if (facts.kubeletUsage() instanceof Answer.Found<List<Facts.NodeUsage>>(var measured)) {
      return usage(nodes, "kubelet", measured, facts, now);
    }
    var metrics = (Answer.Missing<List<Facts.NodeUsage>>) facts.nodeMetrics();
    var kubelets = (Answer.Missing<List<Facts.NodeUsage>>) facts.kubeletUsage();
    // Of two reasons the one for which there is a remedy at hand.
    var cause = kubelets.cause() == Cause.FORBIDDEN ? kubelets.cause() : metrics.cause();
    return new Finding.Unknown<>(cause, metrics.detail() + "; " + kubelets.detail());
  }

  private static List<Facts.NodeUsage> measured(Facts facts) {
    return facts.nodeMetrics().found().or(facts.kubeletUsage()::found).orElse(List.of());
  }

  private static Finding<Usage> usage(
      List<Node> nodes, String source, List<Facts.NodeUsage> measured, Facts facts, Instant now) {
    var byNode = usageByNode(measured);
    var cpu = Quantity.ZERO;
    var memory = Quantity.ZERO;
    int covered = 0;
    Instant oldest = now;
    for (Node node : nodes) {
      var usage = byNode.get(node.name());
      if (usage != null) {
        cpu = cpu.plus(usage.cpu());
        memory = memory.plus(usage.memory());
        covered++;
        // Without a time of its own it is as old as the answer it was in.
        var at = Objects.requireNonNullElse(usage.measured(), facts.at());
        oldest = at.isBefore(oldest) ? at : oldest;
      }
    }
    return covered == 0
        ? Finding.noEvidence(source + " has no measurement of any node")
        : Finding.certain(
            new Usage(
                cpu,
                memory,
                source,
                covered + "/" + nodes.size(),
                Duration.between(oldest, now).toSeconds()),
            source);
  }

  private static Map<String, Facts.NodeUsage> usageByNode(List<Facts.NodeUsage> measured) {
    var byNode = new HashMap<String, Facts.NodeUsage>();
    measured.forEach(usage -> byNode.put(usage.node(), usage));
    return byNode;
  }

  // Node by node.

  private record Share(Node node, double requested) {}

  private static List<NodeResources> ledgers(
      List<Node> nodes, @Nullable Asked asked, List<Facts.NodeUsage> measured, int maxListed) {
    var usage = usageByNode(measured);
    var shares = new ArrayList<Share>();
    for (Node node : nodes) {
      shares.add(new Share(node, asked == null ? 0 : share(node, asked.of(node))));
    }
    shares.sort(Comparator.comparingDouble(Share::requested).reversed());
    return shares.stream()
        .limit(maxListed)
        .map(Share::node)
        .map(
            node -> {
              var sums = asked == null ? null : asked.of(node);
              var used = usage.get(node.name());
              return new NodeResources(
                  node.name(),
                  node.capacity(),
                  node.allocatable(),
                  sums == null ? null : sums.requests(),
                  sums == null ? null : sums.limits(),
                  used == null ? null : Map.of("cpu", used.cpu(), "memory", used.memory()));
            })
        .toList();
  }

  /** The larger of the shares of CPU and memory that are requested. */
  private static double share(Node node, Sums sums) {
    double largest = 0;
    for (String name : List.of("cpu", "memory")) {
      double there = node.allocatable().getOrDefault(name, Quantity.ZERO).doubleValue();
      if (there > 0) {
        double requested = sums.requests().getOrDefault(name, Quantity.ZERO).doubleValue();
        largest = Math.max(largest, requested / there);
      }
    }
    return largest;
  }
}
