package io.drover.agent;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.drover.agent.gateway.Gateway;
import io.drover.agent.health.TunnelReading;
import io.drover.agent.reason.Problem;
import io.drover.agent.reason.Reason;
import io.drover.agent.retry.Backoff;
import io.drover.agent.rotate.Rotation;
import io.drover.agent.steve.SteveServer;
import io.drover.agent.tunnel.DialAudit;
import io.drover.agent.tunnel.DialLog;
import io.drover.agent.tunnel.Dialer;
import io.drover.agent.tunnel.TcpDialer;
import io.drover.agent.tunnel.Timer;
import io.drover.agent.tunnel.TunnelClient;
import io.drover.agent.tunnel.Watchdog;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.security.SecureRandom;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** The two tunnels, which drain at the same time when they close. */
final class Tunnels implements AutoCloseable {
  private final AgentContext context;
  private final TunnelClient cluster;
  private final TunnelClient steve;

  Tunnels(
      AgentContext context,
      Timer timer,
      Watchdog watchdog,
      SteveServer steveServer,
      @Nullable Gateway gateway) {
    this.context = context;
    var serverDialer = context.serverDialer();
    var drain = context.config().tunnel().drain();
    cluster =
        TunnelClient.start(
            "cluster",
            serverDialer,
            new ClusterHandshakes(context, gateway),
            gateway == null ? new TcpDialer() : dialerTo(gateway, new TcpDialer()),
            new DialLog("cluster", timer),
            drain,
            timer,
            watchdog,
            new Backoff(new SecureRandom()));
    steve =
        TunnelClient.start(
            "steve",
            serverDialer,
            new SteveHandshakes(context),
            dialerTo(steveServer),
            DialAudit.none(),
            drain,
            timer,
            watchdog,
            new Backoff(new SecureRandom()));
  }

  List<Rotation.Part> rotating() {
    return List.of(
        new Rotation.Part("server-ca-news", this::refreshTrust),
        new Rotation.Part("cluster-tunnel-news", cluster::renew),
        new Rotation.Part("steve-tunnel-news", steve::renew));
  }

  /** Not while the server is away, which the tunnel says itself. */
  private void refreshTrust() throws IOException {
    if (cluster.reading().connected()) {
      context.trust().refresh(context.credentials().url());
    }
  }

  TunnelReading cluster() {
    return Readings.tunnel("cluster", cluster);
  }

  TunnelReading steve() {
    return Readings.tunnel("steve", steve);
  }

  Map<String, Optional<Problem>> problems() {
    return Map.of(
        "cluster", Optional.ofNullable(cluster.reading().problem()),
        "steve", Optional.ofNullable(steve.reading().problem()));
  }

  InputStream reasons() {
    var text = Readings.lastReasons("cluster", cluster) + Readings.lastReasons("steve", steve);
    return new ByteArrayInputStream(
        (text.isEmpty() ? "none since the agent started\n" : text).getBytes(UTF_8));
  }

  /** Two agents' steve tunnels for one cluster: the older would win, whatever it can do. */
  void giveWayToRancher() {
    if (steve.reading().connected()) {
      steve.disconnect(new Problem(Reason.NOT_WANTED, "Rancher is installed in this cluster"));
    }
  }

  @Override
  public void close() {
    var other = Thread.ofVirtual().name("steve-close").start(steve::close);
    cluster.close();
    try {
      other.join();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** Whatever is to be dialled: it is always this. */
  static Dialer dialerTo(SteveServer steveServer) {
    return (_, _, dial) -> steveServer.connect(dial::opening);
  }

  /** To the gateway what is meant for it, and to others all else. */
  static Dialer dialerTo(Gateway gateway, Dialer others) {
    return (network, address, dial) ->
        address.equals(Gateway.ADDRESS)
            ? gateway.connect(dial::opening)
            : others.dial(network, address, dial);
  }
}
