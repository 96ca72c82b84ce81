package io.drover.agent;

import io.drover.agent.gateway.Gateway;
import io.drover.agent.gateway.audit.Reading;
import io.drover.agent.health.GatewayReading;
import io.drover.agent.health.TunnelReading;
import io.drover.agent.tunnel.TunnelClient;
import io.drover.proto.report.ClusterReport;
import io.drover.proto.report.Health;
import java.util.List;
import java.util.stream.Collectors;

/** What health, metrics and reports are told of parts that do not know them. */
final class Readings {
  private Readings() {}

  /** For {@code /readyz} and the metrics. */
  static TunnelReading tunnel(String name, TunnelClient tunnel) {
    var now = tunnel.reading();
    return new TunnelReading(
        name,
        !now.unwanted(),
        now.connected(),
        now.since(),
        now.problem(),
        now.last(),
        now.totals().sessions(),
        now.streamsOpen(),
        now.totals().streams(),
        now.totals().receivedBytes(),
        now.totals().sentBytes(),
        now.totals().dialFailures(),
        now.queuedBytes());
  }

  /** For {@code /readyz} and the metrics. */
  static GatewayReading gateway(Gateway gateway) {
    var now = gateway.reading();
    return new GatewayReading(
        gateway.policySummary(),
        now.requests().entrySet().stream()
            .map(
                entry ->
                    new GatewayReading.Requests(
                        entry.getKey().verb(),
                        entry.getKey().code(),
                        entry.getKey().subject(),
                        entry.getValue()))
            .toList(),
        now.refused(),
        now.boundsSeconds(),
        now.durations(),
        now.durationSeconds(),
        now.to(),
        now.block() ? "block" : "count",
        now.written(),
        now.lost(),
        users(now.users()),
        users(now.lastHour().users()),
        now.lastHour().others());
  }

  private static List<GatewayReading.User> users(List<Reading.User> users) {
    return users.stream()
        .map(user -> new GatewayReading.User(user.name(), user.requests()))
        .toList();
  }

  /** For the reports. */
  static ClusterReport.Gateway reported(Gateway gateway) {
    return new ClusterReport.Gateway(gateway.policySummary(), gateway.reading().to());
  }

  /** Its last problems, a line each, the newest last. */
  static String lastReasons(String name, TunnelClient tunnel) {
    return tunnel.reading().past().stream()
        .map(past -> "%s tunnel=%s reason=%s\n".formatted(past.at(), name, past.problem().text()))
        .collect(Collectors.joining());
  }

  /** For the reports. */
  static Health.Tunnel health(TunnelReading tunnel) {
    var problem = tunnel.problem();
    return new Health.Tunnel(
        tunnel.tunnel(),
        tunnel.connected(),
        tunnel.since(),
        problem == null ? "" : problem.reason().code(),
        problem == null ? "" : problem.message());
  }
}
