package io.drover.agent;

import io.drover.agent.config.AgentConfig;
import io.drover.agent.duty.LogLevelSocket;
import io.drover.agent.health.HealthServer;
import io.drover.agent.health.TunnelReading;
import io.drover.agent.kube.AggregationSecret;
import io.drover.agent.kube.ClusterApi;
import io.drover.agent.kube.Credentials;
import io.drover.agent.kube.Fabric8ClusterApi;
import io.drover.agent.log.Logging;
import io.drover.agent.retry.Backoff;
import io.drover.agent.retry.Sleeper;
import io.drover.agent.steve.SteveServer;
import io.drover.agent.tls.ServerDialer;
import io.drover.agent.tls.ServerTrust;
import io.drover.agent.tunnel.DialPolicy;
import io.drover.agent.tunnel.Handshake;
import io.drover.agent.tunnel.TcpDialer;
import io.drover.agent.tunnel.Timer;
import io.drover.agent.tunnel.TunnelClient;
import io.drover.agent.tunnel.TunnelClient.Handshakes;
import io.drover.proto.handshake.ConnectParams;
import io.drover.proto.handshake.TunnelHeaders;
import java.io.IOException;
import java.net.StandardSocketOptions;
import java.net.URI;
import java.nio.channels.SocketChannel;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Opens every part in order, waits for the signal to stop, and closes them in reverse. */
final class Agent {
  /** How often we look whether a Rancher has been installed beside us or removed. */
  static final Duration RANCHER_CHECK_EVERY = Duration.ofSeconds(60);

  private static final Logger log = LoggerFactory.getLogger(Agent.class);

  private final AgentConfig config;
  private final ClusterApi kube;
  private final ServerTrust trust;
  private final ServerDialer serverDialer;

  private Agent(AgentConfig config, ClusterApi kube, ServerTrust trust, ServerDialer serverDialer) {
    this.config = config;
    this.kube = kube;
    this.trust = trust;
    this.serverDialer = serverDialer;
  }

  /**
   * Runs until {@code stop} is tripped.
   *
   * @throws IOException if a part cannot be opened; what may pass by itself is tried for ever
   *     instead
   */
  static void run(AgentConfig config, CountDownLatch stop)
      throws IOException, InterruptedException {
    log.info("agent starts: version={} server={}", Version.text(), config.server().server());
    var serverDialer =
        new ServerDialer(config.server().proxy(), ServerTrust.systemStore(config.paths()));
    var trust = new ServerTrust(config.server(), config.paths(), serverDialer);
    try (var kube = Fabric8ClusterApi.open(config.kube())) {
      new Agent(config, kube, trust, serverDialer).run(stop);
    }
    log.info("agent stopped");
  }

  private void run(CountDownLatch stop) throws IOException, InterruptedException {
    Thread.ofVirtual().name("first-contact").start(this::sayWhetherServerAnswers);
    try (var _ =
            LogLevelSocket.start(
                config.duty().logSocket(), Logging::level, Logging::changeLevel, Sleeper.REAL);
        var timer = Timer.system();
        var steve = SteveServer.start();
        var tunnels = new Tunnels(timer, steve);
        var _ =
            HealthServer.start(
                config.health(), Version.text(), List.of(tunnels::cluster, tunnels::steve))) {
      while (!stop.await(RANCHER_CHECK_EVERY.toSeconds(), TimeUnit.SECONDS)) {
        tunnels.giveWayToRancher();
      }
    }
  }

  /** The stock agent ends here if there is no answer; we say so and go on trying. */
  private void sayWhetherServerAnswers() {
    try {
      trust.ping();
      log.info("server is accessible: url={}/ping", config.server().server());
    } catch (IOException e) {
      log.warn("server is not accessible yet: reason={}", e.getMessage());
    }
  }

  /** The two tunnels, which drain at the same time when they close. */
  private final class Tunnels implements AutoCloseable {
    private final TunnelClient cluster;
    private final TunnelClient steve;

    Tunnels(Timer timer, SteveServer steveServer) {
      var drain = config.tunnel().drain();
      cluster =
          TunnelClient.start(
              "cluster",
              serverDialer,
              new ClusterHandshakes(),
              new TcpDialer(),
              drain,
              timer,
              new Backoff(new SecureRandom()));
      steve =
          TunnelClient.start(
              "steve",
              serverDialer,
              new SteveHandshakes(),
              (_, _, dial) -> {
                var channel = SocketChannel.open();
                dial.opening(channel);
                channel.setOption(StandardSocketOptions.TCP_NODELAY, true);
                channel.connect(steveServer.address());
                return channel;
              },
              drain,
              timer,
              new Backoff(new SecureRandom()));
    }

    TunnelReading cluster() {
      return reading("cluster", cluster);
    }

    TunnelReading steve() {
      return reading("steve", steve);
    }

    private static TunnelReading reading(String name, TunnelClient tunnel) {
      var now = tunnel.reading();
      return new TunnelReading(
          name,
          !now.unwanted(),
          now.connected(),
          now.since(),
          now.reason(),
          now.totals().sessions(),
          now.streamsOpen(),
          now.totals().streams(),
          now.totals().receivedBytes(),
          now.totals().sentBytes(),
          now.totals().dialFailures(),
          now.queuedBytes());
    }

    /** Two agents' steve tunnels for one cluster: the older would win, whatever it can do. */
    void giveWayToRancher() {
      if (steve.reading().connected() && !wantsSteveTunnel()) {
        steve.disconnect("Rancher is installed in this cluster");
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
  }

  private boolean wantsSteveTunnel() {
    if (config.features().provisioningPrebootstrap()) {
      return false;
    }
    try {
      return !kube.rancherServiceExists();
    } catch (IOException e) {
      // The server's check must be answered even while the API server is away.
      log.debug("cannot tell whether Rancher is installed here: reason={}", e.getMessage());
      return true;
    }
  }

  private static URI endpoint(URI server, String path) {
    // Always TLS, and at the root of the host, as the stock agent does it.
    return URI.create("wss://" + server.getRawAuthority() + path);
  }

  private final class ClusterHandshakes implements Handshakes {
    private volatile boolean registered = config.features().connectOnly();

    @Override
    public Optional<Handshake> next() throws IOException, InterruptedException {
      var credentials = Credentials.read(config.paths().credentials());
      var access = kube.access();
      var params = new ConnectParams(access.address(), access.token().value(), access.caCert());
      var path = registered ? TunnelHeaders.CONNECT_PATH : TunnelHeaders.REGISTER_PATH;
      return Optional.of(
          new Handshake(
              endpoint(credentials.url(), path),
              Map.of(
                  TunnelHeaders.TOKEN, credentials.token().value(),
                  TunnelHeaders.PARAMS, params.toHeader()),
              trust.context(),
              DialPolicy.apiServerAnd(access.address(), config.tunnel().dialAllow())));
    }

    @Override
    public void accepted() {
      registered = true;
      try {
        var credentials = Credentials.read(config.paths().credentials());
        kube.write(
            new AggregationSecret(
                credentials.url(),
                credentials.token(),
                config.server().caChecksum(),
                trust.caBundle().orElse(""),
                trust.isStrictlyTrusted(credentials.url())));
      } catch (IOException e) {
        log.warn("aggregation secret not written: reason={}", e.getMessage());
      }
    }
  }

  private final class SteveHandshakes implements Handshakes {
    @Override
    public Optional<Handshake> next() throws IOException {
      if (!wantsSteveTunnel()) {
        return Optional.empty();
      }
      var credentials = Credentials.read(config.paths().credentials());
      return Optional.of(
          new Handshake(
              endpoint(credentials.url(), TunnelHeaders.CONNECT_PATH),
              Map.of(
                  TunnelHeaders.AUTHORIZATION,
                  TunnelHeaders.steveAuthorization(credentials.token().value())),
              trust.context(),
              DialPolicy.everything()));
    }
  }
}
