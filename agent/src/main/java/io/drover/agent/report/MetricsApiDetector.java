package io.drover.agent.report;

import static java.util.Comparator.comparing;

import io.drover.agent.kube.Answer;
import io.drover.agent.view.ApiService;
import io.drover.agent.view.Facts.NodeUsage;
import io.drover.agent.view.Kinds;
import io.drover.proto.report.Cause;
import io.drover.proto.report.Confidence;
import io.drover.proto.report.Details.MetricsApi;
import io.drover.proto.report.Details.MetricsApis;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** The three metrics APIs: there, not there, or there and of no use. */
final class MetricsApiDetector {
  private static final String PATH = "details.metricsApis";

  /** metrics-server measures every 15 s by itself, others up to once a minute. */
  static final Duration OUTDATED_AFTER = Duration.ofMinutes(5);

  private final Seen seen;
  private final Findings findings;
  private final Answer<List<ApiService>> apis;

  MetricsApiDetector(Seen seen, Findings findings) {
    this.seen = seen;
    this.findings = findings;
    apis = seen.all(Kinds.API_SERVICES, comparing(ApiService::name));
  }

  Finding<MetricsApis> metricsApis() {
    var resource = resource();
    var custom = state("custom.metrics.k8s.io");
    var external = state("external.metrics.k8s.io");
    if (resource instanceof Finding.Unknown<MetricsApi>(var cause, var detail)
        && custom instanceof Finding.Unknown<MetricsApi>
        && external instanceof Finding.Unknown<MetricsApi>) {
      return new Finding.Unknown<>(cause, detail);
    }
    return new Finding.Known<>(
        new MetricsApis(
            known("resource", resource), known("custom", custom), known("external", external)),
        "discovery, " + Kinds.API_SERVICES + " and metrics.k8s.io",
        apis.found().isPresent() ? Confidence.CERTAIN : Confidence.LIKELY);
  }

  private @Nullable MetricsApi known(String name, Finding<MetricsApi> finding) {
    return switch (finding) {
      case Finding.Known<MetricsApi>(var api, var _, var _) -> api;
      case Finding.Unknown<MetricsApi> unknown -> findings.take(PATH + "." + name, unknown);
    };
  }

  private Finding<MetricsApi> resource() {
    var state = state("metrics.k8s.io");
    if (!(state instanceof Finding.Known<MetricsApi>(var api, var _, var _))
        || !api.state().equals("served")) {
      return state;
    }
    return switch (seen.facts().nodeMetrics()) {
      case Answer.Found<List<NodeUsage>>(var usages) -> measured(usages);
      // It is registered as available, and yet says that it is not, while the API server answers:
      // its own server is at fault.
      case Answer.Missing<List<NodeUsage>>(var cause, var detail)
          when (cause == Cause.NOT_SERVED || cause == Cause.UNAVAILABLE)
              && seen.facts().readyz().text().found().isPresent() ->
          Finding.likely(new MetricsApi("broken", detail), "metrics.k8s.io");
      case Answer.Missing<List<NodeUsage>> missing -> Finding.unknown(missing);
    };
  }

  private Finding<MetricsApi> measured(List<NodeUsage> usages) {
    if (usages.isEmpty()) {
      return Finding.certain(new MetricsApi("empty", "no node is measured"), "metrics.k8s.io");
    }
    Instant newest =
        usages.stream()
            .map(NodeUsage::measured)
            .filter(Objects::nonNull)
            .max(Instant::compareTo)
            .orElse(null);
    return newest != null && newest.isBefore(seen.facts().at().minus(OUTDATED_AFTER))
        ? Finding.certain(
            new MetricsApi("outdated", "last measured at " + newest), "metrics.k8s.io")
        : Finding.certain(new MetricsApi("served", ""), "metrics.k8s.io");
  }

  /** By its registration; where that cannot be read, by discovery. */
  private Finding<MetricsApi> state(String group) {
    return switch (apis) {
      case Answer.Found<List<ApiService>>(var all) -> {
        var versions = all.stream().filter(api -> groupOf(api).equals(group)).toList();
        yield Finding.certain(registered(versions), Kinds.API_SERVICES.toString());
      }
      case Answer.Missing<List<ApiService>> missing ->
          switch (seen.hasGroup(group)) {
            case Answer.Found<Boolean>(var served) ->
                Finding.likely(new MetricsApi(served ? "served" : "notServed", ""), "discovery");
            case Answer.Missing<Boolean>(var cause, var detail) when cause == Cause.UNAVAILABLE ->
                seen.facts().discovery().found().isPresent()
                    ? Finding.likely(new MetricsApi("broken", detail), "discovery")
                    : Finding.unknown(missing);
            case Answer.Missing<Boolean> _ -> Finding.unknown(missing);
          };
    };
  }

  private static String groupOf(ApiService api) {
    return api.name().substring(api.name().indexOf('.') + 1);
  }

  private static MetricsApi registered(List<ApiService> versions) {
    if (versions.isEmpty()) {
      return new MetricsApi("notServed", "");
    }
    for (ApiService version : versions) {
      if (version.available().equals("True")) {
        return new MetricsApi("served", "");
      }
    }
    ApiService first = versions.getFirst();
    return new MetricsApi("broken", first.reason() + ": " + first.message());
  }
}
