package io.drover.agent.report;

import io.drover.proto.report.Capabilities;
import io.drover.proto.report.ClusterReport;
import io.drover.proto.report.ClusterReport.Evidence;
import io.drover.proto.report.ClusterReport.Undetermined;
import io.drover.proto.report.Details;
import io.drover.proto.report.Health;
import io.drover.proto.report.Quantity;
import io.drover.proto.report.Resources;
import io.drover.proto.report.Resources.NodeResources;
import java.math.BigDecimal;
import java.math.RoundingMode;
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
  /** Narrower than this, columns would have no room: lines are then longer than asked. */
  static final int MIN_WIDTH = 60;

  private static final int LABEL_WIDTH = 18;
  private static final int MARK_WIDTH = 4;
  private static final String MARGIN = "  ";

  private enum Style {
    HEADING("\u001b[1m"),
    DIM("\u001b[2m"),
    GOOD("\u001b[32m"),
    BAD("\u001b[31m"),
    NONE("");

    private final String start;

    Style(String start) {
      this.start = start;
    }
  }

  private final ClusterReport report;
  private final boolean colour;
  private final int width;
  private final int valueWidth;
  private final StringBuilder out = new StringBuilder();

  private ReportTable(ClusterReport report, boolean colour, int width) {
    this.report = report;
    this.colour = colour;
    this.width = Math.max(MIN_WIDTH, width);
    // Two columns share what is left of the line, the value has the larger part.
    this.valueWidth = (this.width - MARK_WIDTH - LABEL_WIDTH) * 3 / 5;
  }

  /**
   * Renders a report.
   *
   * @param colour whether to use ANSI colours
   * @param width of a line, in characters; at least {@value #MIN_WIDTH}
   * @return lines, each with its end
   */
  public static String render(ClusterReport report, boolean colour, int width) {
    var table = new ReportTable(report, colour, width);
    table.cluster();
    table.health();
    table.resources();
    table.capabilities();
    return table.out.toString();
  }

  // Sections.

  private void cluster() {
    heading("Cluster");
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
  }

  private void health() {
    Health health = report.health();
    heading("Health");
    for (Health.Check check : health.checks()) {
      String took = check.latencyMs() == null ? "ok" : check.latencyMs() + " ms";
      line(
          mark(check.ok()), check.name(), check.message().isEmpty() ? took : check.message(), null);
    }
    for (Health.Condition condition : health.conditions()) {
      if (!condition.type().equals("Ready")) { // that is readyz, above
        condition(condition, health);
        troubles(condition.type(), health);
      }
    }
    for (Health.Tunnel tunnel : health.tunnels()) {
      line(
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

  private void condition(Health.Condition condition, Health health) {
    String summary = summary(condition.type(), health);
    String reason = spaced(condition.reason());
    line(
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
            trouble(
                node.name(),
                node.conditions().stream()
                    .map(one -> one.type() + "=" + one.status())
                    .collect(Collectors.joining(" ")));
          }
          more(health.nodes().omitted(), "nodes");
        }
      }
      case "SystemWorkloadsReady" -> {
        if (health.systemWorkloads() != null) {
          for (Health.WorkloadTrouble one : health.systemWorkloads().offenders()) {
            trouble(
                one.namespace() + "/" + one.name(),
                (one.kind().equals("Pod") ? "" : one.ready() + "/" + one.desired() + " ready ")
                    + one.reason());
          }
          more(health.systemWorkloads().omitted(), "workloads and pods");
        }
      }
      case "ApisAvailable" -> {
        if (health.unavailableApis() != null) {
          health.unavailableApis().forEach(api -> trouble(api.name(), api.reason()));
        }
      }
      case "CertificatesValid" -> {
        if (health.expiringCertificates() != null) {
          health
              .expiringCertificates()
              .forEach(one -> trouble(one.source(), "ends " + one.notAfter()));
        }
      }
      default -> {}
    }
  }

  private void resources() {
    Resources resources = report.resources();
    heading("Resources");
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
      blank();
      grid(
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
      blank();
      nodes(resources.nodes());
      more(resources.nodesOmitted() == null ? 0 : resources.nodesOmitted(), "nodes");
    }
  }

  private static String workers(@Nullable Integer count, String os) {
    return count == null || count == 0
        ? ""
        : ", " + count + " " + os + (count == 1 ? " worker" : " workers");
  }

  private void nodes(List<NodeResources> nodes) {
    grid(
        List.of("node", "cpu", "requested", "used", "memory", "requested", "used"),
        nodes.stream()
            .map(
                node ->
                    List.of(
                        printable(node.name()),
                        amount("cpu", node.allocatable()),
                        share("cpu", node.requested(), node.allocatable()),
                        share("cpu", node.usage(), node.allocatable()),
                        amount("memory", node.allocatable()),
                        share("memory", node.requested(), node.allocatable()),
                        share("memory", node.usage(), node.allocatable())))
            .toList());
  }

  private void capabilities() {
    Capabilities known = report.capabilities();
    Details details = report.details();
    heading("Capabilities");
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

  private void heading(String title) {
    if (!out.isEmpty()) {
      blank();
    }
    styled(Style.HEADING, title.toUpperCase(Locale.ROOT));
    out.append('\n');
  }

  private void blank() {
    out.append('\n');
  }

  private enum Mark {
    YES("✓", Style.GOOD),
    NO("✗", Style.BAD),
    /** Something that is not there; nobody has to worry. */
    WITHOUT("✗", Style.NONE),
    UNKNOWN("–", Style.DIM),
    NONE(" ", Style.NONE);

    private final String sign;
    private final Style style;

    Mark(String sign, Style style) {
      this.sign = sign;
      this.style = style;
    }
  }

  private static Mark mark(@Nullable Boolean value) {
    return value == null ? Mark.UNKNOWN : value ? Mark.YES : Mark.NO;
  }

  private void value(String label, String text) {
    line(Mark.NONE, label, text, null);
  }

  private <T> void value(String label, String path, @Nullable T value, Function<T, String> shown) {
    if (value == null) {
      unknown(label, path);
    } else {
      line(Mark.NONE, label, shown.apply(value), evidence(path));
    }
  }

  private void yesNo(String label, String path, @Nullable Boolean value, String text) {
    if (value == null) {
      unknown(label, path);
    } else {
      Mark mark = value ? Mark.YES : Mark.WITHOUT;
      line(mark, label, text.isEmpty() ? (value ? "yes" : "no") : text, evidence(path));
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
    line(
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

  /**
   * One line.
   *
   * @param aside in the last column; null: the text has the rest of the line
   */
  private void line(Mark mark, String label, String text, @Nullable String aside) {
    out.append(MARGIN);
    styled(mark.style, mark.sign);
    out.append(' ').append(padded(printable(label), LABEL_WIDTH));
    int rest = width - MARK_WIDTH - LABEL_WIDTH;
    Style style = mark == Mark.UNKNOWN ? Style.DIM : Style.NONE;
    if (aside == null || aside.isEmpty()) {
      styled(style, cut(printable(text), rest));
    } else {
      String shown = padded(printable(text), valueWidth);
      styled(style, shown);
      styled(Style.DIM, cut(printable(aside), rest - valueWidth));
    }
    end();
  }

  /** Below the line that counts it. */
  private void trouble(String what, String why) {
    out.append(MARGIN).append(MARGIN);
    int whatWidth = (width - MARK_WIDTH) / 2;
    out.append(padded(printable(what), whatWidth));
    styled(Style.BAD, cut(printable(why), width - MARK_WIDTH - whatWidth));
    end();
  }

  private void more(int omitted, String what) {
    if (omitted > 0) {
      out.append(MARGIN).append(MARGIN);
      styled(Style.DIM, "and " + omitted + " more " + what);
      end();
    }
  }

  private void end() {
    int end = out.length();
    while (end > 0 && out.charAt(end - 1) == ' ') {
      end--;
    }
    out.setLength(end);
    out.append('\n');
  }

  /** Columns as wide as they need; the first, of names, is cut if all do not fit. */
  private void grid(List<String> headings, List<List<String>> rows) {
    var widths = new ArrayList<Integer>();
    for (int column = 0; column < headings.size(); column++) {
      int widest = headings.get(column).length();
      for (List<String> row : rows) {
        widest = Math.max(widest, row.get(column).length());
      }
      widths.add(widest);
    }
    int others = widths.stream().skip(1).mapToInt(columnWidth -> columnWidth + 2).sum();
    widths.set(0, Math.min(widths.getFirst(), Math.max(8, width - MARK_WIDTH - others)));
    gridRow(headings, widths, Style.DIM);
    rows.forEach(row -> gridRow(row, widths, Style.NONE));
  }

  private void gridRow(List<String> cells, List<Integer> widths, Style style) {
    var line = new StringBuilder(padded(cells.getFirst(), widths.getFirst() + 1).stripTrailing());
    line.append(" ".repeat(widths.getFirst() - line.length()));
    for (int column = 1; column < cells.size(); column++) {
      line.append("  ").append(" ".repeat(widths.get(column) - cells.get(column).length()));
      line.append(cells.get(column));
    }
    out.append(MARGIN).append(MARGIN);
    styled(style, line.toString());
    end();
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
        amount(name, allocatable),
        withShare(name, requested, allocatable),
        withShare(name, limits, allocatable),
        withShare(name, used, allocatable));
  }

  // Amounts.

  private static String withShare(
      String name, @Nullable Map<String, Quantity> amounts, Map<String, Quantity> of) {
    if (amounts == null || !amounts.containsKey(name)) {
      return "–";
    }
    return amount(name, amounts) + " " + "%4s".formatted(share(name, amounts, of));
  }

  private static String share(
      String name, @Nullable Map<String, Quantity> amounts, Map<String, Quantity> of) {
    if (amounts == null || !amounts.containsKey(name) || !of.containsKey(name)) {
      return "–";
    }
    double there = of.get(name).doubleValue();
    return there <= 0 ? "–" : Math.round(100 * amounts.get(name).doubleValue() / there) + "%";
  }

  private static String amount(String name, @Nullable Map<String, Quantity> amounts) {
    Quantity amount = amounts == null ? null : amounts.get(name);
    return amount == null
        ? "–"
        : switch (name) {
          case "memory", "ephemeral-storage" -> bytes(amount.amount());
          case "cpu" -> plain(amount.amount(), 2);
          default -> amount.toString();
        };
  }

  /** In the largest binary unit of which there is one. */
  static String bytes(BigDecimal bytes) {
    var units = List.of("", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei");
    int unit = 0;
    var amount = bytes;
    while (unit < units.size() - 1 && amount.abs().compareTo(BigDecimal.valueOf(1024)) >= 0) {
      amount = amount.divide(BigDecimal.valueOf(1024));
      unit++;
    }
    return plain(amount, 1) + units.get(unit);
  }

  private static String plain(BigDecimal amount, int places) {
    var rounded = amount.setScale(places, RoundingMode.HALF_UP).stripTrailingZeros();
    return rounded.toPlainString();
  }

  // Text.

  private void styled(Style style, String text) {
    if (colour && style != Style.NONE && !text.isEmpty()) {
      out.append(style.start).append(text).append("\u001b[0m");
    } else {
      out.append(text);
    }
  }

  /** On one line, and without what a terminal would obey. */
  private static String printable(String text) {
    return text.codePoints()
        .map(point -> isPrintable(point) ? point : ' ')
        .collect(StringBuilder::new, StringBuilder::appendCodePoint, StringBuilder::append)
        .toString()
        .strip();
  }

  private static boolean isPrintable(int point) {
    return switch (Character.getType(point)) {
      case Character.CONTROL,
          Character.FORMAT, // turns the direction of what follows
          Character.SURROGATE,
          Character.UNASSIGNED,
          Character.LINE_SEPARATOR,
          Character.PARAGRAPH_SEPARATOR ->
          false;
      default -> true;
    };
  }

  private static String cut(String text, int width) {
    return text.length() <= width ? text : text.substring(0, width - 1).strip() + "…";
  }

  /** Cut or filled, with a space after it. */
  private static String padded(String text, int width) {
    String cut = cut(text, width - 1);
    return cut + " ".repeat(width - cut.length());
  }

  /** {@code AllReady} is {@code All ready}. */
  private static String spaced(String words) {
    return words.isEmpty()
        ? ""
        : words.charAt(0)
            + words.substring(1).replaceAll("(\\p{Lu})", " $1").toLowerCase(Locale.ROOT);
  }
}
