package io.drover.agent.report;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.tuple;

import io.drover.agent.kube.Answer;
import io.drover.agent.view.Amounts;
import io.drover.agent.view.Facts;
import io.drover.agent.view.Kinds;
import io.drover.agent.view.Pod;
import io.drover.proto.report.Cause;
import io.drover.proto.report.ClusterReport.Evidence;
import io.drover.proto.report.ClusterReport.Undetermined;
import io.drover.proto.report.Quantity;
import io.drover.proto.report.Resources;
import io.drover.proto.report.Resources.NodeResources;
import io.drover.proto.report.Resources.Usage;
import java.lang.management.ManagementFactory;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

class ResourceCollectorTest {
  private static final String LINUX = "'kubernetes.io/os':'linux'";
  private static final String WINDOWS = "'kubernetes.io/os':'windows'";
  private static final String CONTROL = "'node-role.kubernetes.io/control-plane':''";
  private static final String ETCD = "'node-role.kubernetes.io/etcd':''";
  private static final String WORKER = "'node-role.kubernetes.io/worker':''";
  private static final String CONTROL_TAINT =
      "taints:[{key:'node-role.kubernetes.io/control-plane',effect:'NoSchedule'}]";

  private final FakeView view = new FakeView();
  private final Findings findings = new Findings(FakeView.AT);

  private Resources collect() {
    return ResourceCollector.collect(view, findings, 10, FakeView.AT);
  }

  private static String node(String name, String labels, String spec) {
    return ("{metadata:{name:'%s',labels:{%s}},spec:{%s},status:{"
            + "capacity:{cpu:'4',memory:'8Gi',pods:'110','ephemeral-storage':'100Gi'},"
            + "allocatable:{cpu:'3800m',memory:'7Gi',pods:'110'}}}")
        .formatted(name, labels, spec);
  }

  private static String pod(String name, String node, String phase, String cpu, String memory) {
    return ("{metadata:{namespace:'n',name:'%s'},spec:{%scontainers:[{resources:{"
            + "requests:{cpu:'%s',memory:'%s'},limits:{memory:'%s'}}}]},status:{phase:'%s'}}")
        .formatted(
            name, node.isEmpty() ? "" : "nodeName:'" + node + "',", cpu, memory, memory, phase);
  }

  private static String text(@Nullable Map<String, Quantity> amounts) {
    return new TreeMap<>(Objects.requireNonNull(amounts)).toString();
  }

  @Test
  void amountsOfNodesAndPodsAreAddedUp() {
    view.with(Kinds.NODES, node("a", LINUX, ""), node("b", LINUX, ""))
        .with(
            Kinds.PODS,
            pod("1", "a", "Running", "500m", "1Gi"),
            pod("2", "a", "Running", "1", "512Mi"),
            pod("3", "b", "Pending", "100m", "64Mi"),
            pod("4", "", "Pending", "2", "1Gi"),
            pod("5", "b", "Succeeded", "50", "50Gi"),
            pod("6", "b", "Failed", "50", "50Gi"));

    var resources = collect();

    assertThat(resources.nodeCount()).isEqualTo(2);
    assertThat(text(resources.capacity()))
        .isEqualTo("{cpu=8, ephemeral-storage=200Gi, memory=16Gi, pods=220}");
    assertThat(text(resources.allocatable())).isEqualTo("{cpu=7600m, memory=14Gi, pods=220}");
    assertThat(text(resources.requested())).isEqualTo("{cpu=3600m, memory=2624Mi, pods=4}");
    assertThat(text(resources.limits())).isEqualTo("{memory=2624Mi}");
    assertThat(resources.podPhases())
        .isEqualTo(Map.of("Running", 2, "Pending", 2, "Succeeded", 1, "Failed", 1));
    assertThat(resources.nodes())
        .extracting(NodeResources::name)
        .as("most requested first")
        .containsExactly("a", "b");
    assertThat(text(Objects.requireNonNull(resources.nodes()).getFirst().requested()))
        .isEqualTo("{cpu=1500m, memory=1536Mi, pods=2}");
    assertThat(resources.nodesOmitted()).isZero();
    assertThat(findings.undetermined())
        .extracting(Undetermined::path)
        .containsExactly("resources.usage");
    assertThat(findings.evidence()).containsKeys("resources.nodeCount", "resources.requested");
  }

  @Test
  void workersAreCountedAsRancherDoes() {
    view.with(
        Kinds.NODES,
        node("control", LINUX + "," + CONTROL, CONTROL_TAINT),
        node("control-untainted", LINUX + "," + CONTROL, ""),
        node("all-roles", LINUX + "," + CONTROL + "," + ETCD + "," + WORKER, CONTROL_TAINT),
        node("plain", LINUX, ""),
        node("cordoned", LINUX, "unschedulable:true"),
        node("windows", WINDOWS, "taints:[{key:'os',effect:'NoSchedule'}]"),
        node("without-os", "", ""));

    var resources = collect();

    assertThat(resources.nodeCount()).isEqualTo(7);
    assertThat(resources.linuxWorkerCount()).isEqualTo(2);
    assertThat(resources.windowsWorkerCount()).isEqualTo(1);
    // All but the tainted control plane and the cordoned one.
    assertThat(text(Objects.requireNonNull(resources.schedulable()).capacity()))
        .isEqualTo("{cpu=20, memory=40Gi, pods=550}");
    assertThat(text(resources.capacity())).startsWith("{cpu=28,");
  }

  @Test
  void rancherAddsUpByItsOwnRules() {
    view.with(Kinds.NODES, node("a", LINUX, ""), node("cordoned", LINUX, "unschedulable:true"))
        .with(
            Kinds.PODS,
            """
            {metadata: {namespace: 'n', name: 'p'}, status: {phase: 'Running'},
             spec: {nodeName: 'a', overhead: {cpu: '1'},
               containers: [{resources: {requests: {cpu: '1', 'nvidia.com/gpu': '1'}}}]}}
            """,
            pod("elsewhere", "cordoned", "Running", "1", "1Gi"),
            pod("nowhere", "", "Pending", "1", "1Gi"));

    var totals = Objects.requireNonNull(collect().schedulable());

    assertThat(text(totals.requested())).isEqualTo("{cpu=1, memory=0, pods=1}");
    assertThat(text(totals.limits())).isEqualTo("{cpu=0, memory=0, pods=0}");
  }

  @Test
  void nodesAreListedByTheirLargestShareAndTheRestCounted() {
    view.with(Kinds.NODES, node("a", LINUX, ""), node("b", LINUX, ""), node("c", LINUX, ""))
        .with(
            Kinds.PODS,
            pod("1", "b", "Running", "100m", "6Gi"),
            pod("2", "c", "Running", "1", "1Gi"));

    var resources = ResourceCollector.collect(view, findings, 2, FakeView.AT);

    assertThat(resources.nodes()).extracting(NodeResources::name).containsExactly("b", "c");
    assertThat(resources.nodesOmitted()).isEqualTo(1);
  }

  @Test
  void emptyNodeHasNoPods() {
    view.with(Kinds.NODES, node("a", LINUX, ""));

    assertThat(text(Objects.requireNonNull(collect().nodes()).getFirst().requested()))
        .isEqualTo("{pods=0}");
  }

  @Test
  void unknownPodsLeaveWhatTheyAskForUnknown() {
    view.with(Kinds.NODES, node("a", LINUX, "")).without(Kinds.PODS, Cause.FORBIDDEN);

    var resources = collect();

    assertThat(resources.nodeCount()).isEqualTo(1);
    assertThat(resources.requested()).isNull();
    assertThat(resources.limits()).isNull();
    assertThat(resources.podPhases()).isNull();
    assertThat(Objects.requireNonNull(resources.nodes()).getFirst().requested()).isNull();
    assertThat(Objects.requireNonNull(resources.schedulable()).requested()).isNull();
    assertThat(findings.undetermined())
        .extracting(Undetermined::path)
        .contains("resources.requested", "resources.limits", "resources.podPhases");
  }

  @Test
  void unknownNodesLeavePodsKnown() {
    view.without(Kinds.NODES, Cause.TIMEOUT).with(Kinds.PODS, pod("1", "a", "Running", "1", "1Gi"));

    var resources = collect();

    assertThat(resources.nodeCount()).isNull();
    assertThat(resources.linuxWorkerCount()).isNull();
    assertThat(resources.capacity()).isNull();
    assertThat(resources.schedulable()).isNull();
    assertThat(resources.nodes()).isNull();
    assertThat(resources.nodesOmitted()).isNull();
    assertThat(text(resources.requested())).isEqualTo("{cpu=1, memory=1Gi, pods=1}");
  }

  // Usage.

  private static Facts.NodeUsage usage(String node, @Nullable Instant measured) {
    return new Facts.NodeUsage(node, Quantity.parse("250m"), Quantity.parse("1Gi"), measured);
  }

  @Test
  void usageTellsHowManyNodesItIsOfAndHowOldItIs() {
    view.with(Kinds.NODES, node("a", LINUX, ""), node("b", LINUX, ""), node("c", LINUX, ""))
        .nodeMetrics(
            FakeView.found(
                List.of(
                    usage("a", FakeView.AT.minusSeconds(20)),
                    usage("b", FakeView.AT.minusSeconds(75)),
                    usage("gone", FakeView.AT.minusSeconds(9000)))));

    var resources = collect();

    assertThat(resources.usage())
        .isEqualTo(
            new Usage(Quantity.parse("500m"), Quantity.parse("2Gi"), "metrics.k8s.io", "2/3", 75));
    assertThat(Objects.requireNonNull(resources.nodes()).get(0).usage())
        .isEqualTo(Map.of("cpu", Quantity.parse("250m"), "memory", Quantity.parse("1Gi")));
    assertThat(resources.nodes().get(2).usage()).isNull();
  }

  @Test
  void usageWithoutTimeIsAsOldAsItsAnswer() {
    view.with(Kinds.NODES, node("a", LINUX, ""))
        .nodeMetrics(FakeView.found(List.of(usage("a", null))));

    var resources =
        ResourceCollector.collect(view, findings, 10, FakeView.AT.plus(Duration.ofMinutes(1)));

    assertThat(Objects.requireNonNull(resources.usage()).oldestAgeSeconds()).isEqualTo(60);
  }

  @Test
  void measurementFromTheFutureIsNew() {
    view.with(Kinds.NODES, node("a", LINUX, ""))
        .nodeMetrics(FakeView.found(List.of(usage("a", FakeView.AT.plusSeconds(30)))));

    assertThat(Objects.requireNonNull(collect().usage()).oldestAgeSeconds()).isZero();
  }

  @Test
  void metricsWithoutAnyNodeAreNoUsage() {
    view.with(Kinds.NODES, node("a", LINUX, "")).nodeMetrics(FakeView.found(List.of()));

    assertThat(collect().usage()).isNull();
    assertThat(findings.undetermined())
        .extracting(Undetermined::path, Undetermined::cause)
        .containsExactly(tuple("resources.usage", Cause.NO_EVIDENCE));
  }

  @Test
  void withoutMetricsTheKubeletsTell() {
    view.with(Kinds.NODES, node("a", LINUX, ""), node("b", LINUX, ""))
        .kubeletUsage(FakeView.found(List.of(usage("b", FakeView.AT))));

    var resources = collect();

    assertThat(resources.usage())
        .isEqualTo(new Usage(Quantity.parse("250m"), Quantity.parse("1Gi"), "kubelet", "1/2", 0));
    assertThat(Objects.requireNonNull(resources.nodes()).get(1).usage())
        .isEqualTo(Map.of("cpu", Quantity.parse("250m"), "memory", Quantity.parse("1Gi")));
    assertThat(findings.evidence().get("resources.usage"))
        .extracting(Evidence::source)
        .isEqualTo("kubelet");
  }

  @Test
  void whereNobodyTellsBothReasonsAreGiven() {
    view.with(Kinds.NODES, node("a", LINUX, ""))
        .nodeMetrics(new Answer.Missing<>(Cause.NOT_SERVED, "metrics.k8s.io is not served"))
        .kubeletUsage(new Answer.Missing<>(Cause.FORBIDDEN, "GET /a: 403"));

    assertThat(collect().usage()).isNull();
    assertThat(findings.undetermined())
        .containsExactly(
            new Undetermined(
                "resources.usage", Cause.FORBIDDEN, "metrics.k8s.io is not served; GET /a: 403"));
  }

  @Test
  void silentClusterIsUnknownThroughout() {
    var resources =
        ResourceCollector.collect(FakeView.silent(Cause.UNAVAILABLE), findings, 10, FakeView.AT);

    assertThat(resources)
        .isEqualTo(
            new Resources(null, null, null, null, null, null, null, null, null, null, null, null));
    assertThat(findings.undetermined()).hasSize(11);
    assertThat(findings.evidence()).isEmpty();
  }

  // Many.

  @Test
  void sumsAreWrittenTheSameInAnyOrder() {
    var pods =
        List.of(
            pod("1", "a", "Running", "1", "1Gi"),
            pod("2", "a", "Running", "500m", "1000M"),
            pod("3", "b", "Running", "0.1", "1024"),
            pod("4", "", "Running", "1e3", "1e9"));
    var expected = collectShuffled(pods, 0);
    for (int seed = 1; seed < 20; seed++) {
      assertThat(collectShuffled(pods, seed)).isEqualTo(expected);
    }
  }

  private static Resources collectShuffled(List<String> pods, int seed) {
    var random = new Random(seed);
    var shuffledPods = new ArrayList<>(pods);
    Collections.shuffle(shuffledPods, random);
    var nodes = new ArrayList<>(List.of(node("a", LINUX, ""), node("b", LINUX, "")));
    Collections.shuffle(nodes, random);
    var view =
        new FakeView()
            .with(Kinds.NODES, nodes.toArray(String[]::new))
            .with(Kinds.PODS, shuffledPods.toArray(String[]::new));
    return ResourceCollector.collect(view, new Findings(FakeView.AT), 10, FakeView.AT);
  }

  /** Measured: 45 ms of CPU once warm; the limit is that of a machine with much else to do. */
  @Test
  void thousandNodesWithThirtyThousandPodsAreQuick() {
    var view = large();
    var threads = ManagementFactory.getThreadMXBean();
    long best = Long.MAX_VALUE;
    for (int i = 0; i < 20; i++) {
      long start = threads.getCurrentThreadCpuTime();
      var resources = ResourceCollector.collect(view, new Findings(FakeView.AT), 20, FakeView.AT);
      best = Math.min(best, threads.getCurrentThreadCpuTime() - start);
      assertThat(resources.nodesOmitted()).isEqualTo(980);
    }
    assertThat(Duration.ofNanos(best)).isLessThan(Duration.ofMillis(150));
  }

  private static FakeView large() {
    var view = new FakeView();
    for (int i = 0; i < 1000; i++) {
      view.with(Kinds.NODES, node("node-" + i, LINUX, ""));
    }
    var amounts = new ArrayList<Amounts>();
    for (int i = 1; i <= 50; i++) {
      var requests =
          Map.of("cpu", Quantity.parse(10 * i + "m"), "memory", Quantity.parse(16 * i + "Mi"));
      var limits = Map.of("memory", Quantity.parse(32 * i + "Mi"));
      amounts.add(new Amounts(requests, limits, requests, limits));
    }
    var pods = new Pod[30_000];
    for (int i = 0; i < pods.length; i++) {
      pods[i] =
          new Pod(
              "namespace-" + i % 300,
              "workload-" + (i * 7919) % 30_000,
              "node-" + i % 1000,
              "Running",
              true,
              true,
              "",
              "",
              amounts.get(i % amounts.size()),
              List.of());
    }
    return view.with(Kinds.PODS, pods);
  }
}
