package io.drover.agent;

import io.drover.agent.config.NodeConfig;
import io.drover.agent.kube.Credentials;
import io.drover.agent.node.NodeAgent;
import io.drover.agent.retry.Backoff;
import io.drover.agent.rotate.Changes;
import io.drover.agent.rotate.Rotation;
import io.drover.agent.tls.ServerDialer;
import io.drover.agent.tls.ServerTrust;
import io.drover.agent.tunnel.DialLog;
import io.drover.agent.tunnel.DialPolicy;
import io.drover.agent.tunnel.Handshake;
import io.drover.agent.tunnel.TcpDialer;
import io.drover.agent.tunnel.Timer;
import io.drover.agent.tunnel.TunnelClient;
import io.drover.agent.tunnel.Watchdog;
import io.drover.proto.handshake.NodeParams;
import io.drover.proto.handshake.TunnelHeaders;
import java.io.IOException;
import java.nio.file.Files;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A node agent as servers up to Rancher 2.11 deploy one: with the registration token, and without
 * what our own node agents know each other by. It holds one tunnel by the node's name, through
 * which the server may reach the API server, and nothing else: never the Docker socket, for which
 * those servers ask on nodes of their own making. It does not register, which would make up a node
 * that Kubernetes does not know.
 */
final class NodeTunnel {
  private static final Logger log = LoggerFactory.getLogger(NodeTunnel.class);

  private final NodeConfig config;
  private final ServerTrust trust;

  private NodeTunnel(NodeConfig config, ServerTrust trust) {
    this.config = config;
    this.trust = trust;
  }

  /** Runs what of a node agent there is to run, until {@code stop} is tripped. */
  static void runNodeAgent(NodeConfig config, CountDownLatch stop)
      throws IOException, InterruptedException {
    boolean isRegistered = Files.exists(config.paths().credentials().resolve("token"));
    boolean isOurs = Files.exists(config.agents().identity());
    if (isRegistered && !isOurs) {
      run(config, stop);
    } else {
      NodeAgent.run(config, Version.text(), stop);
    }
  }

  private static void run(NodeConfig config, CountDownLatch stop)
      throws IOException, InterruptedException {
    log.info("node agent starts: version={} node={}", Version.text(), config.node());
    var dialer = ServerDialer.by(config.server().proxy(), config.paths());
    var handshakes =
        new NodeTunnel(config, new ServerTrust(config.server(), config.paths(), dialer));
    try (var watchdog = new Watchdog(System::nanoTime).start();
        var timer = Timer.system(watchdog);
        var _ =
            Rotation.start(
                List.of(new Rotation.Part("server-ca-news", handshakes::refreshTrust)),
                Changes.unknown(),
                System::nanoTime,
                new SecureRandom());
        var _ =
            TunnelClient.start(
                "node",
                dialer,
                handshakes::next,
                new TcpDialer(),
                new DialLog("node", timer),
                Duration.ZERO,
                timer,
                watchdog,
                new Backoff(new SecureRandom()))) {
      stop.await();
    }
    log.info("node agent stopped");
  }

  private void refreshTrust() throws IOException {
    trust.refresh(Credentials.read(config.paths().credentials()).url());
  }

  private Optional<Handshake> next() throws IOException {
    var credentials = Credentials.read(config.paths().credentials());
    return Optional.of(
        new Handshake(
            Handshake.endpoint(credentials.url(), TunnelHeaders.CONNECT_PATH),
            Map.of(
                TunnelHeaders.TOKEN, credentials.token().value(),
                TunnelHeaders.PARAMS, new NodeParams(config.node()).toHeader()),
            trust.context(),
            DialPolicy.apiServerAnd(config.apiServer(), List.of())));
  }
}
