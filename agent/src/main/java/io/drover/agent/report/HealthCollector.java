package io.drover.agent.report;

import io.drover.agent.kube.Answer;
import io.drover.agent.view.ApiService;
import io.drover.agent.view.ClusterView;
import io.drover.agent.view.Facts;
import io.drover.agent.view.Facts.SeenCertificate;
import io.drover.agent.view.Kinds;
import io.drover.agent.view.Node;
import io.drover.agent.view.Node.NodeCondition;
import io.drover.agent.view.Pod;
import io.drover.agent.view.Webhooks;
import io.drover.agent.view.Workload;
import io.drover.proto.report.Health;
import io.drover.proto.report.Health.Certificate;
import io.drover.proto.report.Health.Check;
import io.drover.proto.report.Health.ComponentCondition;
import io.drover.proto.report.Health.ComponentStatus;
import io.drover.proto.report.Health.Condition;
import io.drover.proto.report.Health.NodeTrouble;
import io.drover.proto.report.Health.Nodes;
import io.drover.proto.report.Health.UnavailableApi;
import io.drover.proto.report.Health.WorkloadTrouble;
import io.drover.proto.report.Health.Workloads;
import java.time.DateTimeException;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.List;
import java.util.function.Function;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * How the cluster is.
 *
 * <p>Each section is either known from all that it needs, or absent: pods in trouble among those
 * that happen to be readable would pass for all of them. Messages hold nothing that differs at each
 * look, such as how long ago: a report that says the same is to be the same.
 */
final class HealthCollector {
  /** Certificates that end within it are told of. */
  static final Duration SOON = Duration.ofDays(30);

  /** Conditions of a node that are not as they should be if they are True. */
  private static final List<String> BAD_IF_TRUE =
      List.of("NetworkUnavailable", "MemoryPressure", "DiskPressure", "PIDPressure");

  private HealthCollector() {}

  /**
   * Collects what is known of the health, and notes evidence and causes.
   *
   * @param tunnels the agent's own, as they are
   * @param maxListed how many are listed of each kind of trouble
   * @param now to which certificates are compared
   * @return conditions without times: whoever remembers the last ones knows when they changed
   */
  static Health collect(
      ClusterView view,
      Findings findings,
      List<Health.Tunnel> tunnels,
      int maxListed,
      Instant now) {
    Facts facts = view.facts();
    var readyz = ServerCheck.of("readyz", facts.readyz().text());
    var livez = ServerCheck.of("livez", facts.livez().text());
    var etcd = ServerCheck.etcd(facts.readyz().text());
    var nodes = known(view.all(Kinds.NODES).map(HealthCollector::nodes), "conditions of nodes");
    var workloads = known(workloads(view), "pods, deployments, daemonsets, statefulsets");
    var apis = known(view.all(Kinds.API_SERVICES).map(HealthCollector::unavailable), "apiservices");
    var webhooks =
        view.all(Kinds.VALIDATING_WEBHOOKS)
            .then(some -> view.all(Kinds.MUTATING_WEBHOOKS).map(more -> trusts(some, more)));
    var certificates = certificates(seen(view, webhooks), now);

    var conditions =
        List.of(
            condition("Ready", readyz, HealthCollector::ready),
            condition("NodesReady", nodes, HealthCollector::nodesReady),
            condition("SystemWorkloadsReady", workloads, HealthCollector::workloadsReady),
            condition("ApisAvailable", apis, HealthCollector::apisAvailable),
            condition("CertificatesValid", certificates, ends -> certificatesValid(ends, now)));

    ServerCheck ready = findings.take("health.ready", readyz);
    findings.take("health.checks.livez", livez);
    if (webhooks instanceof Answer.Missing<List<SeenCertificate>> missing) {
      findings.take("health.expiringCertificates.webhooks", Finding.unknown(missing));
    }
    ServerCheck store = findings.take("health.checks.etcd", etcd);
    return new Health(
        ready == null ? null : ready.ok(),
        conditions,
        List.of(
            check("readyz", readyz, latency(facts.readyz())),
            check("livez", livez, latency(facts.livez())),
            check("etcd", etcd, null)), // it was not asked itself
        store == null ? List.of() : List.of(component(store)),
        cut(findings.take("health.nodes", nodes), maxListed),
        cut(findings.take("health.systemWorkloads", workloads), maxListed),
        cut(findings.take("health.unavailableApis", apis), maxListed),
        cut(findings.take("health.expiringCertificates", certificates), maxListed),
        tunnels);
  }

  private static <T> Finding<T> known(Answer<T> answer, String source) {
    return switch (answer) {
      case Answer.Found<T>(var value) -> Finding.certain(value, source);
      case Answer.Missing<T> missing -> Finding.unknown(missing);
    };
  }

  private static <T> Condition condition(
      String type, Finding<T> finding, Function<T, Verdict> judge) {
    return switch (finding) {
      case Finding.Known<T>(var value, _, _) -> {
        Verdict verdict = judge.apply(value);
        yield new Condition(
            type, verdict.well() ? "True" : "False", verdict.reason(), verdict.message(), null);
      }
      case Finding.Unknown<T>(var cause, var detail) ->
          new Condition(type, "Unknown", Words.reason(cause), detail, null);
    };
  }

  private record Verdict(boolean well, String reason, String message) {}

  // The API server.

  private static Verdict ready(ServerCheck check) {
    return new Verdict(
        check.ok(), check.ok() ? "ApiServerReady" : "ApiServerNotReady", check.message());
  }

  private static @Nullable Long latency(Facts.Probe probe) {
    return probe.text().found().isPresent() ? probe.took().toMillis() : null;
  }

  private static Check check(String name, Finding<ServerCheck> finding, @Nullable Long latencyMs) {
    return switch (finding) {
      case Finding.Unknown<ServerCheck>(_, var detail) -> new Check(name, null, latencyMs, detail);
      case Finding.Known<ServerCheck>(var known, _, _) ->
          new Check(name, known.ok(), latencyMs, known.message());
    };
  }

  private static ComponentStatus component(ServerCheck etcd) {
    return new ComponentStatus(
        "etcd",
        List.of(
            etcd.ok()
                ? new ComponentCondition("Healthy", "True", "ok", "")
                : new ComponentCondition("Healthy", "False", "", etcd.message())));
  }

  // Nodes.

  /** All nodes in trouble, worst first. */
  private static Nodes nodes(Collection<Node> nodes) {
    int ready = 0;
    int notReady = 0;
    int unknown = 0;
    var offenders = new ArrayList<NodeTrouble>();
    for (Node node : nodes) {
      var trouble = new ArrayList<Condition>();
      NodeCondition readiness = node.conditions().get("Ready");
      switch (readiness == null ? "" : readiness.status()) {
        case "True" -> ready++;
        case "False" -> {
          notReady++;
          trouble.add(condition("Ready", readiness));
        }
        default -> {
          unknown++;
          trouble.add(condition("Ready", readiness));
        }
      }
      for (String type : BAD_IF_TRUE) {
        NodeCondition condition = node.conditions().get(type);
        if (condition != null && condition.status().equals("True")) {
          trouble.add(condition(type, condition));
        }
      }
      if (!trouble.isEmpty()) {
        offenders.add(new NodeTrouble(node.name(), trouble));
      }
    }
    offenders.sort(
        Comparator.comparing(HealthCollector::isReady)
            .thenComparingInt(node -> -node.conditions().size())
            .thenComparing(NodeTrouble::name));
    return new Nodes(ready, notReady, unknown, offenders, 0);
  }

  private static boolean isReady(NodeTrouble node) {
    return node.conditions().stream().noneMatch(condition -> condition.type().equals("Ready"));
  }

  private static Condition condition(String type, @Nullable NodeCondition condition) {
    return condition == null
        ? new Condition(type, "Unknown", "", "", null)
        : new Condition(
            type,
            condition.status().isEmpty() ? "Unknown" : condition.status(),
            condition.reason(),
            condition.message(),
            instant(condition.since()));
  }

  private static @Nullable Instant instant(String text) {
    try {
      return text.isEmpty() ? null : Instant.parse(text);
    } catch (DateTimeException _) {
      return null; // what the API server writes can be read
    }
  }

  private static Verdict nodesReady(Nodes nodes) {
    int all = nodes.ready() + nodes.notReady() + nodes.unknown();
    if (all == 0) {
      return new Verdict(false, "NoNodes", "there are no nodes");
    }
    String message = nodes.ready() + " of " + all + " nodes are ready";
    String named = Words.some(nodes.offenders().stream().map(NodeTrouble::name).toList());
    if (nodes.ready() < all) {
      return new Verdict(false, "NodesNotReady", message + ", in trouble: " + named);
    }
    return nodes.offenders().isEmpty()
        ? new Verdict(true, "AllReady", message)
        : new Verdict(true, "NodesInTrouble", message + ", in trouble: " + named);
  }

  private static @Nullable Nodes cut(@Nullable Nodes nodes, int max) {
    return nodes == null
        ? null
        : new Nodes(
            nodes.ready(),
            nodes.notReady(),
            nodes.unknown(),
            first(nodes.offenders(), max),
            Math.max(0, nodes.offenders().size() - max));
  }

  // What runs in the system's namespaces.

  /** All in trouble, worst first. */
  private static Answer<Workloads> workloads(ClusterView view) {
    return view.all(Kinds.PODS)
        .then(
            pods ->
                view.all(Kinds.DEPLOYMENTS)
                    .then(
                        deployments ->
                            view.all(Kinds.DAEMON_SETS)
                                .then(
                                    daemonSets ->
                                        view.all(Kinds.STATEFUL_SETS)
                                            .map(
                                                statefulSets ->
                                                    workloads(
                                                        pods,
                                                        List.of(
                                                            deployments,
                                                            daemonSets,
                                                            statefulSets))))));
  }

  private static Workloads workloads(
      Collection<Pod> pods, List<Collection<Workload>> allWorkloads) {
    int checked = 0;
    var offenders = new ArrayList<WorkloadTrouble>();
    for (Collection<Workload> workloads : allWorkloads) {
      for (Workload workload : workloads) {
        if (isOfSystem(workload.namespace())) {
          checked++;
          if (workload.ready() < workload.desired()) {
            offenders.add(
                new WorkloadTrouble(
                    workload.kind(),
                    workload.namespace(),
                    workload.name(),
                    workload.desired(),
                    workload.ready(),
                    workload.reason(),
                    workload.message()));
          }
        }
      }
    }
    for (Pod pod : pods) {
      if (isOfSystem(pod.namespace()) && !pod.hasEnded()) {
        checked++;
        // Without a reason it is about to start, or its workload tells.
        if (!pod.ready() && !pod.reason().isEmpty()) {
          offenders.add(
              new WorkloadTrouble(
                  "Pod", pod.namespace(), pod.name(), 1, 0, pod.reason(), pod.message()));
        }
      }
    }
    offenders.sort(
        Comparator.comparing((WorkloadTrouble trouble) -> trouble.ready() > 0)
            .thenComparing(trouble -> trouble.kind().equals("Pod"))
            .thenComparingInt(trouble -> trouble.ready() - trouble.desired())
            .thenComparing(WorkloadTrouble::namespace)
            .thenComparing(WorkloadTrouble::name)
            .thenComparing(WorkloadTrouble::kind));
    return new Workloads(checked, offenders, 0);
  }

  private static boolean isOfSystem(String namespace) {
    return namespace.equals("kube-system") || namespace.startsWith("cattle-");
  }

  private static Verdict workloadsReady(Workloads workloads) {
    String checked = workloads.checked() + " workloads and pods looked at";
    if (workloads.offenders().isEmpty()) {
      return new Verdict(true, "AllReady", checked);
    }
    var names =
        workloads.offenders().stream()
            .map(trouble -> trouble.namespace() + "/" + trouble.name())
            .toList();
    return new Verdict(false, "WorkloadsNotReady", checked + ", in trouble: " + Words.some(names));
  }

  private static @Nullable Workloads cut(@Nullable Workloads workloads, int max) {
    return workloads == null
        ? null
        : new Workloads(
            workloads.checked(),
            first(workloads.offenders(), max),
            Math.max(0, workloads.offenders().size() - max));
  }

  // Aggregated APIs.

  private static List<UnavailableApi> unavailable(Collection<ApiService> apis) {
    return apis.stream()
        .filter(api -> api.available().equals("False") || api.available().equals("Unknown"))
        .map(api -> new UnavailableApi(api.name(), api.reason(), api.message()))
        .sorted(Comparator.comparing(UnavailableApi::name))
        .toList();
  }

  private static Verdict apisAvailable(List<UnavailableApi> unavailable) {
    return unavailable.isEmpty()
        ? new Verdict(true, "AllAvailable", "")
        : new Verdict(
            false,
            "ApisUnavailable",
            "unavailable: " + Words.some(unavailable.stream().map(UnavailableApi::name).toList()));
  }

  // Certificates.

  private static List<SeenCertificate> trusts(
      Collection<Webhooks> validating, Collection<Webhooks> mutating) {
    return Stream.concat(validating.stream(), mutating.stream())
        .flatMap(webhooks -> webhooks.trusts().stream())
        .toList();
  }

  private static List<SeenCertificate> seen(
      ClusterView view, Answer<List<SeenCertificate>> webhooks) {
    var seen = new ArrayList<>(view.facts().certificates());
    seen.addAll(webhooks.found().orElse(List.of()));
    for (ApiService api : view.all(Kinds.API_SERVICES).found().orElse(List.of())) {
      api.trusts().ifPresent(seen::add);
    }
    return seen;
  }

  private static Finding<List<Certificate>> certificates(List<SeenCertificate> seen, Instant now) {
    if (seen.isEmpty()) {
      return Finding.noEvidence("no certificate was seen");
    }
    Instant soon = now.plus(SOON);
    return Finding.certain(
        seen.stream()
            .filter(certificate -> !certificate.notAfter().isAfter(soon))
            .map(
                certificate ->
                    new Certificate(
                        certificate.source(), certificate.subject(), certificate.notAfter()))
            .distinct()
            .sorted(
                Comparator.comparing(Certificate::notAfter)
                    .thenComparing(Certificate::source)
                    .thenComparing(Certificate::subject))
            .toList(),
        seen.size() + " certificates seen");
  }

  private static Verdict certificatesValid(List<Certificate> ending, Instant now) {
    if (ending.isEmpty()) {
      return new Verdict(true, "AllValid", "");
    }
    var expired = ending.stream().filter(one -> !one.notAfter().isAfter(now)).toList();
    return expired.isEmpty()
        ? new Verdict(true, "ExpireSoon", "expire soon: " + named(ending))
        : new Verdict(false, "Expired", "expired: " + named(expired));
  }

  private static String named(List<Certificate> certificates) {
    return Words.some(
        certificates.stream()
            .map(
                one ->
                    one.source() + " (" + LocalDate.ofInstant(one.notAfter(), ZoneOffset.UTC) + ")")
            .toList());
  }

  private static <T> @Nullable List<T> cut(@Nullable List<T> list, int max) {
    return list == null ? null : first(list, max);
  }

  private static <T> List<T> first(List<T> list, int max) {
    return list.subList(0, Math.min(max, list.size()));
  }
}
