package io.drover.proto.report;

import java.time.Instant;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * How the cluster is.
 *
 * @param ready whether the API server says that it is ready
 * @param conditions in Kubernetes' standard form: {@code Ready}, {@code NodesReady}, {@code
 *     SystemWorkloadsReady}, {@code ApisAvailable}, {@code CertificatesValid}
 * @param checks the API server: itself, whether it lives, and its store
 * @param componentStatuses in Rancher's form
 * @param expiringCertificates within 30 days, or expired; soonest first
 */
public record Health(
    @Nullable Boolean ready,
    List<Condition> conditions,
    List<Check> checks,
    List<ComponentStatus> componentStatuses,
    @Nullable Nodes nodes,
    @Nullable Workloads systemWorkloads,
    @Nullable List<UnavailableApi> unavailableApis,
    @Nullable List<Certificate> expiringCertificates,
    List<Tunnel> tunnels) {
  public Health {
    conditions = List.copyOf(conditions);
    checks = List.copyOf(checks);
    componentStatuses = List.copyOf(componentStatuses);
    unavailableApis = unavailableApis == null ? null : List.copyOf(unavailableApis);
    expiringCertificates = expiringCertificates == null ? null : List.copyOf(expiringCertificates);
    tunnels = List.copyOf(tunnels);
  }

  /**
   * One statement.
   *
   * @param status {@code True}, {@code False} or {@code Unknown}
   * @param reason one word, empty if there is nothing to say
   * @param lastTransitionTime when {@code status} last changed, as far as known
   */
  public record Condition(
      String type,
      String status,
      String reason,
      String message,
      @Nullable Instant lastTransitionTime) {}

  /**
   * One question to the API server.
   *
   * @param ok null: not determined
   * @param latencyMs from the question to the whole answer, in milliseconds
   * @param message what failed, for people; empty if nothing did
   */
  public record Check(
      String name, @Nullable Boolean ok, @Nullable Long latencyMs, String message) {}

  /** As in Rancher's {@code status.componentStatuses}. */
  public record ComponentStatus(String name, List<ComponentCondition> conditions) {
    public ComponentStatus {
      conditions = List.copyOf(conditions);
    }
  }

  /** As in Rancher's {@code status.componentStatuses}. */
  public record ComponentCondition(String type, String status, String message, String error) {}

  /**
   * Nodes by their condition {@code Ready}.
   *
   * @param unknown whose kubelet does not report
   * @param offenders those that are not ready, under pressure, or without network; worst first
   * @param omitted how many more there are
   */
  public record Nodes(
      int ready, int notReady, int unknown, List<NodeTrouble> offenders, int omitted) {
    public Nodes {
      offenders = List.copyOf(offenders);
    }
  }

  /** A node, and those of its conditions that are not as they should be. */
  public record NodeTrouble(String name, List<Condition> conditions) {
    public NodeTrouble {
      conditions = List.copyOf(conditions);
    }
  }

  /**
   * What runs in {@code kube-system} and {@code cattle-*}.
   *
   * @param checked workloads and pods looked at
   * @param offenders those not ready, crash-looping or pending; worst first
   * @param omitted how many more there are
   */
  public record Workloads(int checked, List<WorkloadTrouble> offenders, int omitted) {
    public Workloads {
      offenders = List.copyOf(offenders);
    }
  }

  /**
   * A workload or pod of the system that is in trouble.
   *
   * @param kind {@code Deployment}, {@code DaemonSet}, {@code StatefulSet} or {@code Pod}
   * @param desired replicas; for a pod 1
   * @param reason Kubernetes' own word: {@code CrashLoopBackOff}, {@code Unschedulable}, …
   */
  public record WorkloadTrouble(
      String kind,
      String namespace,
      String name,
      int desired,
      int ready,
      String reason,
      String message) {}

  /** An aggregated API that does not answer. */
  public record UnavailableApi(String name, String reason, String message) {}

  /**
   * A certificate that ends soon.
   *
   * @param source where the agent saw it
   */
  public record Certificate(String source, String subject, Instant notAfter) {}

  /**
   * One of the agent's own tunnels.
   *
   * @param reason one word why it is not connected; empty if it is
   * @param since when {@code connected} last changed
   */
  public record Tunnel(
      String name, boolean connected, Instant since, String reason, String message) {}

  /** The same with other conditions. */
  public Health withConditions(List<Condition> others) {
    return new Health(
        ready,
        others,
        checks,
        componentStatuses,
        nodes,
        systemWorkloads,
        unavailableApis,
        expiringCertificates,
        tunnels);
  }

  /** The same without what differs at each reading. */
  Health withoutTimes() {
    return new Health(
        ready,
        conditions,
        checks.stream().map(c -> new Check(c.name(), c.ok(), null, c.message())).toList(),
        componentStatuses,
        nodes,
        systemWorkloads,
        unavailableApis,
        expiringCertificates,
        tunnels);
  }
}
