package io.drover.agent.health;

import io.drover.proto.report.Capabilities;
import io.drover.proto.report.Cause;
import io.drover.proto.report.ClusterReport;
import io.drover.proto.report.Health;
import io.drover.proto.report.Quantity;
import io.drover.proto.report.ReportJson;
import io.drover.proto.report.Resources;
import io.prometheus.metrics.core.metrics.CounterWithCallback;
import io.prometheus.metrics.core.metrics.GaugeWithCallback;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import java.util.EnumMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Function;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * The newest report's figures. What it does not know has no sample; and only the replica that leads
 * has any, so that they are not counted twice.
 */
final class ReportMetrics {
  private final PrometheusRegistry registry;
  private final Supplier<ReportReading> reading;

  ReportMetrics(PrometheusRegistry registry, Supplier<ReportReading> reading) {
    this.registry = registry;
    this.reading = reading;
  }

  void register() {
    ofReport("ready", "Whether the API server says that it is ready.", ReportMetrics::ready);
    ofReport("nodes", "Nodes by the state of their kubelet.", ReportMetrics::nodes, "state");
    amounts("capacity", "What all nodes have.", Resources::capacity);
    amounts("allocatable", "What all nodes have for pods.", Resources::allocatable);
    amounts("requested", "What pods ask for.", Resources::requested);
    amounts("limits", "What pods are limited to.", Resources::limits);
    amounts("usage", "What is in use.", ReportMetrics::usage);
    ofReport("pods", "Pods by phase.", ReportMetrics::pods, "phase");
    ofReport(
        "system_workloads_unready",
        "Workloads and pods of the system that are in trouble.",
        ReportMetrics::unreadyWorkloads);
    ofReport(
        "apis_unavailable", "Aggregated APIs that do not answer.", ReportMetrics::unavailableApis);
    ofReport(
        "certificate_expiry_timestamp_seconds",
        "When certificates end that end soon.",
        ReportMetrics::certificates,
        "source",
        "subject");
    ofReport(
        "capability", "Whether the cluster can do it.", ReportMetrics::capabilities, "capability");
    ofReport(
        "undetermined", "Values not determined, by cause.", ReportMetrics::undetermined, "cause");
    reports();
  }

  /** Takes a value and its labels. */
  private interface Samples {
    void sample(double value, String... labels);
  }

  private interface Reader {
    void read(ClusterReport report, Samples samples);
  }

  private void ofReport(String name, String help, Reader reader, String... labels) {
    GaugeWithCallback.builder()
        .name("drover_cluster_" + name)
        .help(help)
        .labelNames(labels)
        .callback(
            metric -> {
              ReportReading now = reading.get();
              if (now.leads() && now.last() != null) {
                reader.read(now.last(), metric::call);
              }
            })
        .register(registry);
  }

  private void amounts(
      String name, String help, Function<Resources, @Nullable Map<String, Quantity>> of) {
    ofReport(
        name,
        help,
        (report, samples) -> {
          Map<String, Quantity> amounts = of.apply(report.resources());
          if (amounts != null) {
            amounts.forEach(
                (resource, amount) ->
                    samples.sample(amount.doubleValue(), resource, unit(resource)));
          }
        },
        "resource",
        "unit");
  }

  /** As kube-state-metrics names them. */
  private static String unit(String resource) {
    return switch (resource) {
      case "cpu" -> "core";
      case "memory", "ephemeral-storage" -> "byte";
      default -> resource.startsWith("hugepages-") ? "byte" : "integer";
    };
  }

  private static @Nullable Map<String, Quantity> usage(Resources resources) {
    Resources.Usage usage = resources.usage();
    return usage == null ? null : Map.of("cpu", usage.cpu(), "memory", usage.memory());
  }

  private static void ready(ClusterReport report, Samples samples) {
    flag(report.health().ready(), samples);
  }

  private static void flag(@Nullable Boolean flag, Samples samples, String... labels) {
    if (flag != null) {
      samples.sample(flag ? 1 : 0, labels);
    }
  }

  private static void nodes(ClusterReport report, Samples samples) {
    Health.Nodes nodes = report.health().nodes();
    if (nodes != null) {
      samples.sample(nodes.ready(), "ready");
      samples.sample(nodes.notReady(), "not_ready");
      samples.sample(nodes.unknown(), "unknown");
    }
  }

  private static void pods(ClusterReport report, Samples samples) {
    Map<String, Integer> phases = report.resources().podPhases();
    if (phases != null) {
      phases.forEach((phase, pods) -> samples.sample(pods, phase));
    }
  }

  private static void unreadyWorkloads(ClusterReport report, Samples samples) {
    Health.Workloads workloads = report.health().systemWorkloads();
    if (workloads != null) {
      samples.sample(workloads.offenders().size() + workloads.omitted());
    }
  }

  private static void unavailableApis(ClusterReport report, Samples samples) {
    var apis = report.health().unavailableApis();
    if (apis != null) {
      samples.sample(apis.size());
    }
  }

  private static void certificates(ClusterReport report, Samples samples) {
    var certificates = report.health().expiringCertificates();
    if (certificates != null) {
      certificates.stream()
          // Two of the same name and place would be one sample given twice.
          .collect(
              Collectors.toMap(
                  one -> List.of(one.source(), one.subject()),
                  Health.Certificate::notAfter,
                  (one, other) -> one.isBefore(other) ? one : other))
          .forEach(
              (labels, end) ->
                  samples.sample(
                      (double) end.getEpochSecond(), labels.getFirst(), labels.getLast()));
    }
  }

  private static void capabilities(ClusterReport report, Samples samples) {
    Capabilities all = report.capabilities();
    flag(all.loadBalancerCapabilities().enabled(), samples, "load_balancer");
    flag(
        all.ingressCapabilities() == null ? null : !all.ingressCapabilities().isEmpty(),
        samples,
        "ingress");
    var classes = report.details().storageClasses();
    flag(
        classes == null ? null : classes.stream().anyMatch(one -> one.effectiveDefault()),
        samples,
        "default_storage_class");
    flag(all.taintSupport(), samples, "taints");
    flag(all.nodePoolScalingSupported(), samples, "node_pool_scaling");
    flag(all.pspEnabled(), samples, "pod_security_policy");
    var policy = report.details().networkPolicy();
    flag(policy == null ? null : policy.supported(), samples, "network_policy");
  }

  private static void undetermined(ClusterReport report, Samples samples) {
    var counts = new EnumMap<Cause, Integer>(Cause.class);
    report.undetermined().forEach(one -> counts.merge(one.cause(), 1, Integer::sum));
    counts.forEach(
        (cause, count) ->
            samples.sample(count, cause.name().toLowerCase(Locale.ROOT).replace('_', '-')));
  }

  private void reports() {
    GaugeWithCallback.builder()
        .name("drover_report_leader")
        .help("Whether this replica is the one that writes reports.")
        .callback(metric -> metric.call(reading.get().leads() ? 1 : 0))
        .register(registry);
    CounterWithCallback.builder()
        .name("drover_api_requests")
        .help("Requests to the API server for reports.")
        .callback(metric -> metric.call((double) reading.get().apiRequests()))
        .register(registry);
    plain("sequence", "Number of the newest report.", report -> report.agent().sequence());
    plain(
        "size_bytes",
        "Of the newest report, as JSON.",
        report -> ReportJson.write(report).length());
    GaugeWithCallback.builder()
        .name("drover_report_last_success_timestamp_seconds")
        .help("When a report was last taken.")
        .labelNames("sink")
        .callback(
            metric -> {
              for (ReportReading.Sink sink : leading()) {
                if (sink.lastSuccess() != null) {
                  metric.call((double) sink.lastSuccess().getEpochSecond(), sink.name());
                }
              }
            })
        .register(registry);
    CounterWithCallback.builder()
        .name("drover_report_failures")
        .help("Reports that were not taken.")
        .labelNames("sink")
        .callback(
            metric -> leading().forEach(sink -> metric.call((double) sink.failures(), sink.name())))
        .register(registry);
  }

  private List<ReportReading.Sink> leading() {
    ReportReading now = reading.get();
    return now.leads() ? now.sinks() : List.of();
  }

  private interface Figure {
    double of(ClusterReport report);
  }

  private void plain(String name, String help, Figure figure) {
    GaugeWithCallback.builder()
        .name("drover_report_" + name)
        .help(help)
        .callback(
            metric -> {
              ReportReading now = reading.get();
              if (now.leads() && now.last() != null) {
                metric.call(figure.of(now.last()));
              }
            })
        .register(registry);
  }
}
