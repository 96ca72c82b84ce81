package io.drover.agent.health;

import io.prometheus.metrics.core.metrics.CounterWithCallback;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import io.prometheus.metrics.model.snapshots.ClassicHistogramBuckets;
import io.prometheus.metrics.model.snapshots.HistogramSnapshot;
import java.util.ArrayList;
import java.util.function.Supplier;
import java.util.function.ToDoubleFunction;

/** What came through the gateway. Users have no label: there is no end of them. */
final class GatewayMetrics {
  private final PrometheusRegistry registry;
  private final Supplier<GatewayReading> reading;

  GatewayMetrics(PrometheusRegistry registry, Supplier<GatewayReading> reading) {
    this.registry = registry;
    this.reading = reading;
  }

  void register() {
    CounterWithCallback.builder()
        .name("drover_gateway_requests")
        .help("Requests that were answered, by the gateway or by the API server.")
        .labelNames("verb", "code", "subject")
        .callback(
            metric ->
                reading
                    .get()
                    .requests()
                    .forEach(
                        one ->
                            metric.call(
                                (double) one.count(), one.verb(), one.code(), one.subject())))
        .register(registry);
    CounterWithCallback.builder()
        .name("drover_gateway_refused")
        .help("Requests that the gateway itself has refused, by what.")
        .labelNames("by")
        .callback(metric -> reading.get().refused().forEach((by, count) -> metric.call(count, by)))
        .register(registry);
    plain("audit_events", "Events that were written.", GatewayReading::auditEvents);
    plain("audit_lost", "Events that were not written.", GatewayReading::auditLost);
    registry.register(this::durations);
  }

  private void plain(String name, String help, ToDoubleFunction<GatewayReading> value) {
    CounterWithCallback.builder()
        .name("drover_gateway_" + name)
        .help(help)
        .callback(metric -> metric.call(value.applyAsDouble(reading.get())))
        .register(registry);
  }

  private HistogramSnapshot durations() {
    var now = reading.get();
    var bounds = new ArrayList<Double>(now.boundsSeconds());
    bounds.add(Double.POSITIVE_INFINITY);
    return HistogramSnapshot.builder()
        .name("drover_gateway_request_duration_seconds")
        .help("From a request's head to the end of its answer; not of watches and the like.")
        .dataPoint(
            HistogramSnapshot.HistogramDataPointSnapshot.builder()
                .classicHistogramBuckets(ClassicHistogramBuckets.of(bounds, now.durations()))
                .sum(now.durationSeconds())
                .build())
        .build();
  }
}
