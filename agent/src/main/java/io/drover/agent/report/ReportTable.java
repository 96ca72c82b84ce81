package io.drover.agent.report;

import io.drover.agent.terminal.Page;
import io.drover.agent.terminal.Page.Mark;
import io.drover.proto.report.Capabilities;
import io.drover.proto.report.ClusterReport;
import io.drover.proto.report.ClusterReport.Evidence;
import io.drover.proto.report.ClusterReport.Undetermined;
import io.drover.proto.report.Details;
import io.drover.proto.report.Health;
import io.drover.proto.report.NodeChecks;
import io.drover.proto.report.Quantity;
import io.drover.proto.report.Resources;
import io.drover.proto.report.Resources.NodeResources;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * A report for people at a terminal. Each line is one value: a mark (✓ yes, ✗ no, – not known), its
 * name, what it is, and in a last, dim column how certain it is and where it was read.
 *
 * <p>No line is longer than the width: what does not fit is cut, since the JSON has it all. Texts
 * from the cluster lose their control characters, so that none of them can drive the terminal.
 */
public final class ReportTable {
  private final ClusterReport report;
  private final Page page;

  private ReportTable(ClusterReport report, Page page) {
    this.report = report;
    this.page = page;
  }

  /**
   * Renders a report.
   *
   * @param colour whether to use ANSI colours
   * @param width of a line, in characters; at least {@value Page#MIN_WIDTH}
   * @return lines, each with its end
   */
  public static String render(ClusterReport report, boolean colour, int width) {
    var page = new Page(colour, width);
    var table = new ReportTable(report, page);
    table.cluster();
    table.health();
    table.fromNodes();
    table.resources();
    table.capabilities();
    return page.text();
  }

  // Sections.

  private void cluster() {
    page.heading("Cluster");
    if (!report.clusterId().isEmpty()) {
      value("Id", report.clusterId());
    }
    value(
        "Kubernetes",
        "version",
        report.version(),
        version -> version.gitVersion() + bracketed(version.platform()));
    value(
        "Distribution",
        "details.distribution",
        report.details().distribution(),
        distribution -> distribution.id() + bracketed(distribution.mode()));
    value("Observed", report.observedAt().toString());
    value("Agent", report.agent().version());
    var gateway = report.agent().gateway();
    if (gateway != null) {
      value("Gateway", "policy " + gateway.policy() + "; audit " + gateway.audit());
    }
  }

  private void health() {
    Health health = report.health();
    page.heading("Health");
    for (Health.Check check : health.checks()) {
      String took = check.latencyMs() == null ? "ok" : check.latencyMs() + " ms";
      page.line(
          mark(check.ok()), check.name(), check.message().isEmpty() ? took : check.message(), null);
    }
    for (Health.Condition condition : health.conditions()) {
      if (!condition.type().equals("Ready")) { // that is readyz, above
        condition(condition, health);
        troubles(condition.type(), health);
      }
    }
    for (Health.Tunnel tunnel : health.tunnels()) {
      page.line(
          mark(tunnel.connected()),
          "Tunnel " + tunnel.name(),
          (tunnel.connected() ? "connected since " : "down since ")
              + tunnel.since()
              + Stream.of(tunnel.reason(), tunnel.message())
                  .filter(text -> !text.isEmpty())
                  .map(text -> ", " + text)
                  .collect(Collectors.joining()),
          null);
    }
  }

  /** What works from which node; nothing where there are no node agents. */
  private void fromNodes() {
    var nodes = report.nodes();
    if (nodes == null) {
      return;
    }
    page.heading("From the nodes");
    for (NodeChecks.NodeCheck check : nodes.checks()) {
      String took =
          check.medianMs() == null || check.worstMs() == null
              ? ""
              : ", %d ms, at worst %d ms".formatted(check.medianMs(), check.worstMs());
      page.line(
          mark(check.failed() == 0),
          check.name(),
          "%d of %d nodes%s".formatted(check.ok(), check.ok() + check.failed(), took),
          null);
      nodes.offenders().stream()
          .filter(offender -> offender.check().equals(check.name()))
          .forEach(
              offender ->
                  page.trouble(
                      offender.node(), (offender.reason() + " " + offender.target()).strip()));
    }
    page.more(nodes.omitted(), "problems");
    for (NodeChecks.NodeFigure figure : nodes.figures()) {
      value(
          figure.name(),
          "%s, at worst %s at %s".formatted(figure.median(), figure.worst(), figure.worstNode()));
    }
  }

  private void condition(Health.Condition condition, Health health) {
    String summary = summary(condition.type(), health);
    String reason = spaced(condition.reason());
    page.line(
        switch (condition.status()) {
          case "True" -> Mark.YES;
          case "False" -> Mark.NO;
          default -> Mark.UNKNOWN;
        },
        switch (condition.type()) {
          case "NodesReady" -> "Nodes";
          case "SystemWorkloadsReady" -> "System workloads";
          case "ApisAvailable" -> "Aggregated APIs";
          case "CertificatesValid" -> "Certificates";
          default -> spaced(condition.type());
        },
        summary == null ? (condition.message().isEmpty() ? reason : condition.message()) : summary,
        null);
  }

  /** Shorter than the condition's message, since those in trouble follow; null: not known. */
  private static @Nullable String summary(String condition, Health health) {
    return switch (condition) {
      case "NodesReady" -> {
        var nodes = health.nodes();
        yield nodes == null
            ? null
            : nodes.ready()
                + " of "
                + (nodes.ready() + nodes.notReady() + nodes.unknown())
                + " ready";
      }
      case "SystemWorkloadsReady" -> {
        var workloads = health.systemWorkloads();
        yield workloads == null
            ? null
            : workloads.checked()
                + " looked at, "
                + troubled(workloads.offenders().size() + workloads.omitted(), "in trouble");
      }
      case "ApisAvailable" ->
          health.unavailableApis() == null
              ? null
              : troubled(health.unavailableApis().size(), "unavailable");
      case "CertificatesValid" ->
          health.expiringCertificates() == null
              ? null
              : troubled(health.expiringCertificates().size(), "expired or about to");
      default -> null;
    };
  }

  private static String troubled(int count, String how) {
    return (count == 0 ? "none" : Integer.toString(count)) + " " + how;
  }

  /** What a condition only counts; worst first. */
  private void troubles(String condition, Health health) {
    switch (condition) {
      case "NodesReady" -> {
        if (health.nodes() != null) {
          for (Health.NodeTrouble node : health.nodes().offenders()) {
            page.trouble(
                node.name(),
                node.conditions().stream()
                    .map(one -> one.type() + "=" + one.status())
                    .collect(Collectors.joining(" ")));
          }
          page.more(health.nodes().omitted(), "nodes");
        }
      }
      case "SystemWorkloadsReady" -> {
        if (health.systemWorkloads() != null) {
          for (Health.WorkloadTrouble one : health.systemWorkloads().offenders()) {
            page.trouble(
                one.namespace() + "/" + one.name(),
                (one.kind().equals("Pod") ? "" : one.ready() + "/" + one.desired() + " ready ")
                    + one.reason());
          }
          page.more(health.systemWorkloads().omitted(), "workloads and pods");
        }
      }
      case "ApisAvailable" -> {
        if (health.unavailableApis() != null) {
          health.unavailableApis().forEach(api -> page.trouble(api.name(), api.reason()));
        }
      }
      case "CertificatesValid" -> {
        if (health.expiringCertificates() != null) {
          health
              .expiringCertificates()
              .forEach(one -> page.trouble(one.source(), "ends " + one.notAfter()));
        }
      }
      default -> {}
    }
  }

  private void resources() {
    Resources resources = report.resources();
    page.heading("Resources");
    value(
        "Nodes",
        "resources.nodeCount",
        resources.nodeCount(),
        count ->
            count
                + workers(resources.linuxWorkerCount(), "Linux")
                + workers(resources.windowsWorkerCount(), "Windows"));
    value(
        "Pods",
        "resources.podPhases",
        resources.podPhases(),
        phases ->
            phases.entrySet().stream()
                .map(phase -> phase.getValue() + " " + phase.getKey())
                .collect(Collectors.joining(", ")));
    value(
        "Usage",
        "resources.usage",
        resources.usage(),
        usage -> "of " + usage.coverage() + " nodes, up to " + usage.oldestAgeSeconds() + " s old");
    for (String path : List.of("resources.allocatable", "resources.requested")) {
      if (isUndetermined(path)) {
        unknown(path.substring("resources.".length()), path);
      }
    }
    var usage = resources.usage();
    if (resources.allocatable() != null) {
      page.blank();
      page.grid(
          List.of("", "allocatable", "requested", "limits", "used"),
          Stream.of("cpu", "memory", "pods", "ephemeral-storage")
              .filter(resources.allocatable()::containsKey)
              .map(
                  name ->
                      row(
                          name,
                          name,
                          resources.allocatable(),
                          resources.requested(),
                          resources.limits(),
                          usage == null
                              ? null
                              : Map.of("cpu", usage.cpu(), "memory", usage.memory())))
              .toList());
    }
    if (resources.nodes() != null && !resources.nodes().isEmpty()) {
      page.blank();
      nodes(resources.nodes());
      page.more(resources.nodesOmitted() == null ? 0 : resources.nodesOmitted(), "nodes");
    }
  }

  private static String workers(@Nullable Integer count, String os) {
    return count == null || count == 0
        ? ""
        : ", " + count + " " + os + (count == 1 ? " worker" : " workers");
  }

  private void nodes(List<NodeResources> nodes) {
    page.grid(
        List.of("node", "cpu", "requested", "used", "memory", "requested", "used"),
        nodes.stream()
            .map(
                node ->
                    List.of(
                        node.name(),
                        Figures.amount("cpu", node.allocatable()),
                        Figures.share("cpu", node.requested(), node.allocatable()),
                        Figures.share("cpu", node.usage(), node.allocatable()),
                        Figures.amount("memory", node.allocatable()),
                        Figures.share("memory", node.requested(), node.allocatable()),
                        Figures.share("memory", node.usage(), node.allocatable())))
            .toList());
  }

  private void capabilities() {
    Capabilities known = report.capabilities();
    Details details = report.details();
    page.heading("Capabilities");
    var loadBalancer = known.loadBalancerCapabilities();
    yesNo(
        "Load balancer",
        "capabilities.loadBalancerCapabilities.enabled",
        loadBalancer.enabled(),
        joined(
            loadBalancer.provider() == null ? List.of() : List.of(loadBalancer.provider()),
            loadBalancer.protocolsSupported()));
    list(
        "Ingress",
        "details.ingressControllers",
        details.ingressControllers(),
        controller -> controller.provider() + (controller.isDefault() ? " (default)" : ""));
    if (details.gatewayApi() == null) {
      unknown("Gateway API", "details.gatewayApi");
    } else {
      var gateway = details.gatewayApi();
      yesNo(
          "Gateway API",
          "details.gatewayApi",
          gateway.served(),
          joined(
              gateway.bundleVersion() == null ? List.of() : List.of(gateway.bundleVersion()),
              gateway.classes().stream().map(Details.GatewayClass::name).toList()));
    }
    yesNo(
        "Node pools scale",
        "capabilities.nodePoolScalingSupported",
        known.nodePoolScalingSupported(),
        pools(details.nodePools()));
    value("Node ports", "capabilities.nodePortRange", known.nodePortRange(), range -> range);
    yesNo("Taints", "capabilities.taintSupport", known.taintSupport(), "");
    yesNo("PodSecurityPolicy", "capabilities.pspEnabled", known.pspEnabled(), "");
    list(
        "Storage classes",
        "details.storageClasses",
        details.storageClasses(),
        type -> type.name() + (type.effectiveDefault() ? " (default)" : ""));
    list(
        "Snapshots",
        "details.volumeSnapshotClasses",
        details.volumeSnapshotClasses(),
        c -> c.name());
    metrics(details.metricsApis());
    if (details.networkPolicy() == null) {
      unknown("Network policies", "details.networkPolicy");
    } else {
      yesNo(
          "Network policies",
          "details.networkPolicy",
          details.networkPolicy().supported(),
          details.networkPolicy().provider() == null ? "" : details.networkPolicy().provider());
    }
    if (details.podSecurity() == null) {
      unknown("Pod security", "details.podSecurity");
    } else {
      yesNo(
          "Pod security",
          "details.podSecurity",
          details.podSecurity().admission(),
          String.join(", ", details.podSecurity().engines()));
    }
    yesNo("Autoscaler", "details.clusterAutoscaler", details.clusterAutoscaler(), "");
    list("GPUs", "details.gpus", details.gpus(), gpu -> gpu.allocatable() + " " + gpu.resource());
    list("IP families", "details.ipFamilies", details.ipFamilies(), family -> family);
    list("Add-ons", "details.apis", details.apis(), api -> api);
  }

  private void metrics(Details.@Nullable MetricsApis apis) {
    if (apis == null || apis.resource() == null) {
      unknown("Metrics", apis == null ? "details.metricsApis" : "details.metricsApis.resource");
      return;
    }
    yesNo(
        "Metrics",
        "details.metricsApis",
        apis.resource().state().equals("served"),
        apis.resource().state().equals("served")
            ? ""
            : joined(
                List.of(apis.resource().state()),
                apis.resource().message().isEmpty() ? null : List.of(apis.resource().message())));
  }

  private static String pools(@Nullable List<Details.NodePool> pools) {
    return pools == null
        ? ""
        : pools.stream()
            .map(pool -> pool.name() + " (" + pool.nodes() + ")")
            .collect(Collectors.joining(", "));
  }

  private static String joined(List<String> some, @Nullable List<String> more) {
    var all = new ArrayList<>(some);
    if (more != null) {
      all.addAll(more);
    }
    return String.join(", ", all);
  }

  private static String bracketed(@Nullable String text) {
    return text == null || text.isEmpty() ? "" : " (" + text + ")";
  }

  // Lines.

  private static Mark mark(@Nullable Boolean value) {
    return value == null ? Mark.UNKNOWN : value ? Mark.YES : Mark.NO;
  }

  private void value(String label, String text) {
    page.line(Mark.NONE, label, text, null);
  }

  private <T> void value(String label, String path, @Nullable T value, Function<T, String> shown) {
    if (value == null) {
      unknown(label, path);
    } else {
      page.line(Mark.NONE, label, shown.apply(value), evidence(path));
    }
  }

  private void yesNo(String label, String path, @Nullable Boolean value, String text) {
    if (value == null) {
      unknown(label, path);
    } else {
      Mark mark = value ? Mark.YES : Mark.WITHOUT;
      page.line(mark, label, text.isEmpty() ? (value ? "yes" : "no") : text, evidence(path));
    }
  }

  private <T> void list(
      String label, String path, @Nullable List<T> list, Function<T, String> shown) {
    if (list == null) {
      unknown(label, path);
    } else {
      yesNo(
          label,
          path,
          !list.isEmpty(),
          list.isEmpty() ? "none" : list.stream().map(shown).collect(Collectors.joining(", ")));
    }
  }

  /** The whole line is for the cause: there is no evidence. */
  private void unknown(String label, String path) {
    page.line(
        Mark.UNKNOWN,
        label,
        report.undetermined().stream()
            .filter(one -> one.path().equals(path))
            .findFirst()
            .map(one -> Words.plain(one.cause()) + ": " + one.detail())
            .orElse("not known"),
        null);
  }

  private boolean isUndetermined(String path) {
    return report.undetermined().stream().map(Undetermined::path).anyMatch(path::equals);
  }

  private String evidence(String path) {
    Evidence evidence = report.evidence().get(path);
    return evidence == null ? "" : Words.plain(evidence.confidence()) + ", " + evidence.source();
  }

  private static List<String> row(
      String label,
      String name,
      Map<String, Quantity> allocatable,
      @Nullable Map<String, Quantity> requested,
      @Nullable Map<String, Quantity> limits,
      @Nullable Map<String, Quantity> used) {
    return List.of(
        label,
        Figures.amount(name, allocatable),
        Figures.withShare(name, requested, allocatable),
        Figures.withShare(name, limits, allocatable),
        Figures.withShare(name, used, allocatable));
  }

  /** {@code AllReady} is {@code All ready}. */
  private static String spaced(String words) {
    return words.isEmpty()
        ? ""
        : words.charAt(0)
            + words.substring(1).replaceAll("(\\p{Lu})", " $1").toLowerCase(Locale.ROOT);
  }
}
