package io.drover.agent.report;

import io.drover.agent.kube.Answer;
import io.drover.agent.reason.Problem;
import io.drover.agent.reason.Reason;
import io.drover.agent.view.Node;
import io.drover.proto.report.NodeChecks;
import io.drover.proto.report.NodeChecks.NodeCheck;
import io.drover.proto.report.NodeChecks.NodeFigure;
import io.drover.proto.report.NodeChecks.NodeOffender;
import io.drover.proto.report.NodeSnapshot;
import io.drover.proto.report.NodeSnapshot.Facts;
import io.drover.proto.report.NodeSnapshot.Pressure;
import io.drover.proto.report.NodeSnapshot.Room;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** Adds up what the node agents found: what works from one node and not from another. */
final class NodeSummary {
  private static final String AGENT = "agent";

  private NodeSummary() {}

  /**
   * Of all answers.
   *
   * @param nodes as Kubernetes knows them; those without an answer are offenders
   * @param maxListed how many offenders are listed
   */
  static NodeChecks of(
      List<NodeSnapshot> snapshots, Answer<Collection<Node>> nodes, int maxListed) {
    var known = nodes.found().orElse(List.of());
    var silent = silent(snapshots, known);
    var offenders = new ArrayList<NodeOffender>();
    silent.forEach(
        node ->
            offenders.add(
                new NodeOffender(
                    node,
                    AGENT,
                    "",
                    Reason.NODE_AGENT_SILENT.code(),
                    Reason.NODE_AGENT_SILENT.sentence())));
    for (var snapshot : snapshots) {
      for (var check : snapshot.checks()) {
        if (!check.ok()) {
          offenders.add(
              new NodeOffender(
                  snapshot.node(), check.name(), check.target(), check.reason(), check.message()));
        }
      }
    }
    offenders.sort(Comparator.comparing(NodeOffender::node).thenComparing(NodeOffender::check));
    return new NodeChecks(
        snapshots.size(),
        checks(snapshots, silent),
        offenders.subList(0, Math.min(maxListed, offenders.size())),
        Math.max(0, offenders.size() - maxListed),
        figures(snapshots),
        count(snapshots, facts -> Optional.ofNullable(facts.kernel())),
        known.stream()
            .map(Node::containerRuntimeVersion)
            .filter(runtime -> !runtime.isEmpty())
            .collect(Collectors.toMap(Function.identity(), _ -> 1, Integer::sum)),
        count(
            snapshots,
            facts -> Optional.ofNullable(facts.nameServers()).map(all -> String.join(" ", all))),
        count(
            snapshots,
            facts -> Optional.ofNullable(facts.searchDomains()).map(all -> String.join(" ", all))),
        count(snapshots, facts -> Optional.ofNullable(facts.mtu()).map(String::valueOf)));
  }

  private static Set<String> silent(List<NodeSnapshot> snapshots, Collection<Node> nodes) {
    var silent = new TreeSet<String>();
    nodes.stream()
        .filter(node -> !node.operatingSystem().equals("windows"))
        .map(Node::name)
        .forEach(silent::add);
    snapshots.stream().map(NodeSnapshot::node).forEach(silent::remove);
    return silent;
  }

  private static List<NodeCheck> checks(List<NodeSnapshot> snapshots, Set<String> silent) {
    var all = new ArrayList<NodeCheck>();
    all.add(new NodeCheck(AGENT, snapshots.size(), silent.size(), null, null));
    snapshots.stream()
        .flatMap(snapshot -> snapshot.checks().stream())
        .map(NodeSnapshot.Check::name)
        .distinct()
        .sorted()
        .forEach(name -> all.add(check(name, snapshots)));
    return all;
  }

  /** A node from which several things of this name are tried counts once, as does its worst. */
  private static NodeCheck check(String name, List<NodeSnapshot> snapshots) {
    int ok = 0;
    int failed = 0;
    var latencies = new ArrayList<Double>();
    for (var snapshot : snapshots) {
      var own = snapshot.checks().stream().filter(check -> check.name().equals(name)).toList();
      if (own.isEmpty()) {
        continue;
      }
      if (own.stream().allMatch(NodeSnapshot.Check::ok)) {
        ok++;
        own.stream()
            .map(NodeSnapshot.Check::latencyMs)
            .filter(Objects::nonNull)
            .mapToDouble(Long::doubleValue)
            .max()
            .ifPresent(latencies::add);
      } else {
        failed++;
      }
    }
    latencies.sort(Comparator.naturalOrder());
    return latencies.isEmpty()
        ? new NodeCheck(name, ok, failed, null, null)
        : new NodeCheck(
            name, ok, failed, Math.round(median(latencies)), Math.round(latencies.getLast()));
  }

  private static double median(List<Double> sorted) {
    return sorted.get((sorted.size() - 1) / 2);
  }

  private static List<NodeFigure> figures(List<NodeSnapshot> snapshots) {
    return Stream.of(
            figure("cpu-pressure", snapshots, facts -> pressure(facts).map(Pressure::cpu)),
            figure("memory-pressure", snapshots, facts -> pressure(facts).map(Pressure::memory)),
            figure("io-pressure", snapshots, facts -> pressure(facts).map(Pressure::io)),
            figure("disk-used", snapshots, facts -> used(facts.disk())),
            figure("inodes-used", snapshots, facts -> used(facts.inodes())),
            figure(
                "clock-offset",
                snapshots,
                facts -> Optional.ofNullable(facts.clockOffsetSeconds()).map(Long::doubleValue)))
        .flatMap(Optional::stream)
        .toList();
  }

  private static Optional<Double> used(@Nullable Room room) {
    return Optional.ofNullable(room).map(Room::usedPercent);
  }

  private static Optional<Pressure> pressure(Facts facts) {
    return Optional.ofNullable(facts.pressure());
  }

  /** Worst: furthest from 0. */
  private static Optional<NodeFigure> figure(
      String name, List<NodeSnapshot> snapshots, Function<Facts, Optional<Double>> value) {
    var values = new ArrayList<Double>();
    Optional<NodeSnapshot> worst = Optional.empty();
    double most = 0;
    for (var snapshot : snapshots) {
      var found = value.apply(snapshot.facts());
      if (found.isPresent()) {
        values.add(found.get());
        if (worst.isEmpty() || Math.abs(found.get()) > Math.abs(most)) {
          worst = Optional.of(snapshot);
          most = found.get();
        }
      }
    }
    values.sort(Comparator.naturalOrder());
    double highest = most;
    return worst.map(
        node -> new NodeFigure(name, tenths(median(values)), tenths(highest), node.node()));
  }

  private static double tenths(double value) {
    return Math.round(value * 10) / 10.0;
  }

  private static Map<String, Integer> count(
      List<NodeSnapshot> snapshots, Function<Facts, Optional<String>> value) {
    var counts = new TreeMap<String, Integer>();
    snapshots.forEach(
        snapshot ->
            value.apply(snapshot.facts()).ifPresent(found -> counts.merge(found, 1, Integer::sum)));
    return counts;
  }

  /**
   * By check, from how many nodes it does not work, and from which; the code is that of the first.
   */
  static SortedMap<String, Problem> problems(NodeChecks nodes) {
    var problems = new TreeMap<String, Problem>();
    for (NodeCheck check : nodes.checks()) {
      if (check.failed() > 0) {
        var named = new HashSet<String>();
        var offenders =
            nodes.offenders().stream()
                .filter(offender -> offender.check().equals(check.name()))
                .toList();
        var from =
            offenders.stream()
                .filter(offender -> named.add(offender.node()))
                .map(offender -> offender.node() + " (" + offender.reason() + ")")
                .toList();
        problems.put(
            "nodes: " + check.name(),
            new Problem(
                offenders.stream()
                    .findFirst()
                    .flatMap(offender -> Reason.ofCode(offender.reason()))
                    .orElse(Reason.OTHER),
                "fails on %d of %d nodes: %s"
                    .formatted(check.failed(), check.failed() + check.ok(), Words.some(from))));
      }
    }
    return problems;
  }
}
