package io.drover.server.api;

import io.drover.proto.report.Quantity;
import io.drover.server.health.HealthChecks;
import io.drover.server.store.Cluster;
import io.drover.server.store.Condition;
import io.drover.server.store.Reports;
import io.drover.server.store.Store;
import io.drover.server.store.StoredReport;
import io.drover.server.tunnel.SessionKey;
import io.drover.server.tunnel.SessionKey.Tunnel;
import io.drover.server.tunnel.Sessions;
import io.prometheus.metrics.expositionformats.PrometheusTextFormatWriter;
import io.prometheus.metrics.model.snapshots.CounterSnapshot;
import io.prometheus.metrics.model.snapshots.CounterSnapshot.CounterDataPointSnapshot;
import io.prometheus.metrics.model.snapshots.GaugeSnapshot;
import io.prometheus.metrics.model.snapshots.GaugeSnapshot.GaugeDataPointSnapshot;
import io.prometheus.metrics.model.snapshots.Labels;
import io.prometheus.metrics.model.snapshots.MetricSnapshots;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.time.InstantSource;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.eclipse.jetty.http.HttpHeader;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.util.Callback;
import org.jspecify.annotations.Nullable;

/** {@code /metrics}: all clusters, as Prometheus reads it. */
public final class FleetMetrics {
  private final Store store;
  private final Reports reports;
  private final HealthChecks health;
  private final Sessions sessions;
  private final InstantSource clock;

  /** Of the clusters of {@code store}. */
  public FleetMetrics(
      Store store, Reports reports, HealthChecks health, Sessions sessions, InstantSource clock) {
    this.store = store;
    this.reports = reports;
    this.health = health;
    this.sessions = sessions;
    this.clock = clock;
  }

  /** Where they are, for administrators. */
  public List<Route> routes(Principals principals) {
    return List.of(
        Route.at(
            "/metrics",
            principals.known(
                (_, response, callback, who, _) -> {
                  Access.requireAdminsView(who);
                  write(response, callback);
                })));
  }

  /** Answers with a reading of this moment. */
  private void write(Response response, Callback callback) throws IOException {
    var writer = PrometheusTextFormatWriter.create();
    var out = new ByteArrayOutputStream();
    writer.write(out, snapshots());
    response.setStatus(200);
    response.getHeaders().put(HttpHeader.CONTENT_TYPE, writer.getContentType());
    response.write(true, ByteBuffer.wrap(out.toByteArray()), callback);
  }

  private MetricSnapshots snapshots() {
    var gauges = new Gauges();
    var missed =
        CounterSnapshot.builder()
            .name("drover_cluster_reports_missed")
            .help("Reports that an agent made and that never arrived.");
    health
        .lastRound()
        .ifPresent(
            length ->
                gauges.put(
                    "drover_health_round_seconds",
                    "How long the last whole round of health checks of all clusters took.",
                    Labels.EMPTY,
                    length.toMillis() / 1000.0));
    var newest = reports.newestOfAll();
    for (var cluster : store.clusters()) {
      cluster(cluster, gauges);
      var report = newest.get(cluster.id());
      if (report != null) {
        report(cluster, report, gauges);
        missed.dataPoint(
            CounterDataPointSnapshot.builder()
                .labels(labels(cluster))
                .value((double) report.missed())
                .build());
      }
    }
    var all = gauges.build();
    all.metricSnapshot(missed.build());
    return all.build();
  }

  private static Labels labels(Cluster cluster) {
    return Labels.of("cluster", cluster.id(), "name", cluster.name());
  }

  private void cluster(Cluster cluster, Gauges gauges) {
    var labels = labels(cluster);
    var now = health.of(cluster);
    for (var state : new String[] {"active", "pending", "unavailable", "removing"}) {
      gauges.put(
          "drover_cluster_state",
          "1 for the state that a cluster is in.",
          labels.merge(Labels.of("state", state)),
          now.state().equals(state) ? 1 : 0);
    }
    for (var condition : now.conditions()) {
      gauges.put(
          "drover_cluster_condition",
          "1 if a condition is true, 0 if it is false, -1 if it is not known.",
          labels.merge(Labels.of("type", condition.type().text())),
          value(condition.status()));
    }
    health
        .lastPing(cluster.id())
        .ifPresent(
            last ->
                gauges.put(
                    "drover_cluster_ping_age_seconds",
                    "How long ago an agent last answered /ping.",
                    labels,
                    Math.max(0, Duration.between(last, clock.instant()).toMillis() / 1000.0)));
    for (var tunnel : Tunnel.values()) {
      gauges.put(
          "drover_cluster_connected",
          "Whether an agent has a session of that tunnel with this server.",
          labels.merge(Labels.of("tunnel", tunnel.name().toLowerCase(Locale.ROOT))),
          sessions.newest(new SessionKey(tunnel, cluster.id())).isPresent() ? 1 : 0);
    }
  }

  private static int value(Condition.Status status) {
    return switch (status) {
      case TRUE -> 1;
      case FALSE -> 0;
      case UNKNOWN -> -1;
    };
  }

  private void report(Cluster cluster, StoredReport stored, Gauges gauges) {
    var labels = labels(cluster);
    var report = stored.report();
    gauges.put(
        "drover_cluster_info",
        "What an agent reports of its cluster.",
        labels.merge(
            Labels.of(
                "version",
                report.version() == null ? "" : report.version().gitVersion(),
                "provider",
                report.provider() == null ? "" : report.provider(),
                "agent_version",
                report.agent().version())),
        1);
    gauges.put(
        "drover_cluster_report_age_seconds",
        "How old the newest report is.",
        labels,
        Math.max(0, Duration.between(stored.receivedAt(), clock.instant()).toMillis() / 1000.0));
    var resources = report.resources();
    if (resources.nodeCount() != null) {
      gauges.put("drover_cluster_nodes", "Nodes.", labels, resources.nodeCount());
    }
    amounts(labels, "allocatable", resources.allocatable(), gauges);
    amounts(labels, "requested", resources.requested(), gauges);
    if (resources.usage() != null) {
      amounts(
          labels,
          "used",
          Map.of("cpu", resources.usage().cpu(), "memory", resources.usage().memory()),
          gauges);
    }
  }

  private static void amounts(
      Labels labels, String kind, @Nullable Map<String, Quantity> amounts, Gauges gauges) {
    if (amounts == null) {
      return;
    }
    var ofKind = labels.merge(Labels.of("kind", kind));
    var units = Map.of("cpu", "cpu_cores", "memory", "memory_bytes", "pods", "pods");
    units.forEach(
        (resource, unit) -> {
          var quantity = amounts.get(resource);
          if (quantity != null) {
            gauges.put(
                "drover_cluster_" + unit,
                "What a cluster's nodes have, and what of it is requested or used.",
                ofKind,
                quantity.doubleValue());
          }
        });
  }

  /** Gauges as they are found, by name. */
  private static final class Gauges {
    private final Map<String, GaugeSnapshot.Builder> byName = new LinkedHashMap<>();

    void put(String name, String help, Labels labels, double value) {
      byName
          .computeIfAbsent(name, _ -> GaugeSnapshot.builder().name(name).help(help))
          .dataPoint(GaugeDataPointSnapshot.builder().labels(labels).value(value).build());
    }

    MetricSnapshots.Builder build() {
      var builder = MetricSnapshots.builder();
      byName.values().forEach(gauge -> builder.metricSnapshot(gauge.build()));
      return builder;
    }
  }
}
