package io.drover.agent.health;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.drover.agent.reason.Problem;
import io.prometheus.metrics.core.metrics.CounterWithCallback;
import io.prometheus.metrics.core.metrics.GaugeWithCallback;
import io.prometheus.metrics.core.metrics.Info;
import io.prometheus.metrics.expositionformats.PrometheusTextFormatWriter;
import io.prometheus.metrics.instrumentation.jvm.JvmBufferPoolMetrics;
import io.prometheus.metrics.instrumentation.jvm.JvmGarbageCollectorMetrics;
import io.prometheus.metrics.instrumentation.jvm.JvmMemoryMetrics;
import io.prometheus.metrics.instrumentation.jvm.JvmRuntimeInfoMetric;
import io.prometheus.metrics.instrumentation.jvm.ProcessMetrics;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.util.List;
import java.util.SortedMap;
import java.util.function.Supplier;
import java.util.function.ToDoubleFunction;
import org.jspecify.annotations.Nullable;

/** The figures, read when they are asked for: nothing is counted here. */
final class Metrics {
  private static final String TUNNEL = "tunnel";

  private final PrometheusRegistry registry = new PrometheusRegistry();
  private final List<Supplier<TunnelReading>> tunnels;

  /** Without reports if {@code reports} is null, and the same with the gateway. */
  Metrics(
      String version,
      List<Supplier<TunnelReading>> tunnels,
      Supplier<? extends SortedMap<String, Problem>> degraded,
      @Nullable Supplier<ReportReading> reports,
      @Nullable Supplier<GatewayReading> gateway) {
    this.tunnels = List.copyOf(tunnels);
    Info.builder()
        .name("drover_build_info")
        .help("The agent's version.")
        .labelNames("version")
        .register(registry)
        .setLabelValues(version);
    gauge("connected", "Whether a session is open (1) or not (0).", t -> t.connected() ? 1 : 0);
    gauge(
        "last_change_timestamp_seconds",
        "When the tunnel was last connected or lost.",
        t -> t.since().toEpochMilli() / 1e3);
    gauge("open_streams", "Connections in the tunnel now.", TunnelReading::streamsOpen);
    gauge(
        "queued_bytes",
        "Received and not yet written to their targets.",
        TunnelReading::queuedBytes);
    counter("sessions", "Sessions opened.", TunnelReading::sessions);
    counter("streams", "Connections opened in the tunnel.", TunnelReading::streamsTotal);
    counter("received_bytes", "Payload from the server.", TunnelReading::bytesReceived);
    counter("sent_bytes", "Payload to the server.", TunnelReading::bytesSent);
    counter("dial_failures", "Targets refused or not reached.", TunnelReading::dialFailures);
    GaugeWithCallback.builder()
        .name("drover_tunnel_problem")
        .help("Why the tunnel has no session: 1 for the reason's code, nothing while it has one.")
        .labelNames(TUNNEL, "reason")
        .callback(
            metric ->
                read(
                    (reading, tunnel) -> {
                      var problem = reading.problem();
                      if (problem != null) {
                        metric.call(1, tunnel, problem.reason().code());
                      }
                    }))
        .register(registry);
    GaugeWithCallback.builder()
        .name("drover_feature_problem")
        .help("Why a feature does not work: 1 for the reason's code, nothing while it works.")
        .labelNames("feature", "reason")
        .callback(
            metric ->
                degraded
                    .get()
                    .forEach(
                        (feature, problem) -> metric.call(1, feature, problem.reason().code())))
        .register(registry);
    if (reports != null) {
      new ReportMetrics(registry, reports).register();
    }
    if (gateway != null) {
      new GatewayMetrics(registry, gateway).register();
    }
    // Not the threads' metrics: they look for deadlocks at each reading.
    JvmBufferPoolMetrics.builder().register(registry);
    JvmGarbageCollectorMetrics.builder().register(registry);
    JvmMemoryMetrics.builder().register(registry);
    JvmRuntimeInfoMetric.builder().register(registry);
    ProcessMetrics.builder().register(registry);
  }

  private void gauge(String name, String help, ToDoubleFunction<TunnelReading> value) {
    GaugeWithCallback.builder()
        .name("drover_tunnel_" + name)
        .help(help)
        .labelNames(TUNNEL)
        .callback(
            metric -> read((reading, tunnel) -> metric.call(value.applyAsDouble(reading), tunnel)))
        .register(registry);
  }

  /** The library adds {@code _total} to the name. */
  private void counter(String name, String help, ToDoubleFunction<TunnelReading> value) {
    CounterWithCallback.builder()
        .name("drover_tunnel_" + name)
        .help(help)
        .labelNames(TUNNEL)
        .callback(
            metric -> read((reading, tunnel) -> metric.call(value.applyAsDouble(reading), tunnel)))
        .register(registry);
  }

  private interface Reader {
    void read(TunnelReading reading, String tunnel);
  }

  private void read(Reader reader) {
    for (Supplier<TunnelReading> tunnel : tunnels) {
      TunnelReading reading = tunnel.get();
      reader.read(reading, reading.tunnel());
    }
  }

  /** In Prometheus' text format, {@link PrometheusTextFormatWriter#CONTENT_TYPE}. */
  String text() throws IOException {
    var text = new ByteArrayOutputStream();
    PrometheusTextFormatWriter.create().write(text, registry.scrape());
    return text.toString(UTF_8);
  }
}
