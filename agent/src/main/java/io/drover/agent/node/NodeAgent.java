package io.drover.agent.node;

import io.drover.agent.config.NodeConfig;
import io.drover.agent.retry.Sleeper;
import io.drover.agent.tls.ServerDialer;
import io.drover.agent.tls.ServerTrust;
import io.drover.proto.report.NodeJson;
import io.drover.proto.report.NodeSnapshot.Check;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.time.Clock;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The mode of a DaemonSet: looks, answers, and looks again, until it is to stop. */
public final class NodeAgent implements AutoCloseable {
  /** Between two looks while all is well. 500 nodes are to take less than 20 KB/s together. */
  static final Duration LOOK_EVERY = Duration.ofMinutes(5);

  /** While something is wrong, so that it is soon seen to be well again. */
  static final Duration LOOK_AGAIN_AFTER = Duration.ofSeconds(60);

  /** The same after the first look: others may have been starting, too. */
  static final Duration FIRST_LOOK_AGAIN_AFTER = Duration.ofSeconds(10);

  /** Waits differ by as much in either direction: nodes are not to look at the same time. */
  static final double SPREAD = 0.1;

  private static final Logger log = LoggerFactory.getLogger(NodeAgent.class);

  private final NodeConfig config;
  private final NodeProbes probes;
  private final ServerTrust trust;
  private final RandomGenerator random;
  private final Map<String, String> told = new HashMap<>(); // reason by check and target

  private boolean isWell;
  private int looks;
  private NodeIdentity identity;
  private NodeServer server;
  private volatile String latest = "";
  private volatile String toldCa = "";

  /** Answers from now on, but looks at nothing before it is told to. */
  NodeAgent(NodeConfig config, NodeProbes probes, ServerTrust trust, RandomGenerator random)
      throws IOException {
    this.config = config;
    this.probes = probes;
    this.trust = trust;
    this.random = random;
    this.identity = NodeIdentity.read(config.agents().identity());
    this.server = answer(identity);
  }

  private NodeServer answer(NodeIdentity with) throws IOException {
    return NodeServer.start(config.listen(), with, () -> latest, digest -> toldCa = digest);
  }

  /**
   * Runs until {@code stop} is tripped.
   *
   * @throws IOException if it cannot answer: port, certificate, key or token are not to be had
   */
  public static void run(NodeConfig config, String version, CountDownLatch stop)
      throws IOException, InterruptedException {
    log.info("node agent starts: version={} node={}", version, config.node());
    var dialer = ServerDialer.by(config.server().proxy(), config.paths());
    var trust = new ServerTrust(config.server(), config.paths(), dialer);
    var probes =
        new NodeProbes(
            config, version, dialer, trust, new HostFacts(Path.of("/")), Clock.systemUTC());
    try (var agent = new NodeAgent(config, probes, trust, new SecureRandom())) {
      log.info("node agent answers: address={}", agent.address());
      probes.awaitNames(Sleeper.REAL);
      do {
        agent.look();
        // What a look leaves behind would stay until the heap is full, and the next one is minutes
        // away.
        System.gc();
      } while (!stop.await(agent.pause().toMillis(), TimeUnit.MILLISECONDS));
    }
    log.info("node agent stopped");
  }

  /** Where it answers now. */
  InetSocketAddress address() {
    return server.address();
  }

  /** Looks once, and takes what is new: what has been mounted, and the server's CA. Blocks. */
  void look() throws InterruptedException {
    followServerCa();
    var snapshot = probes.run();
    latest = NodeJson.write(snapshot);
    looks++;
    isWell = snapshot.checks().stream().allMatch(Check::ok);
    snapshot.checks().forEach(this::tell);
    told.keySet().retainAll(snapshot.checks().stream().map(NodeAgent::what).toList());
    follow();
  }

  private Duration pause() {
    var base = isWell ? LOOK_EVERY : looks > 1 ? LOOK_AGAIN_AFTER : FIRST_LOOK_AGAIN_AFTER;
    return Duration.ofMillis((long) (base.toMillis() * random.nextDouble(1 - SPREAD, 1 + SPREAD)));
  }

  private static String what(Check check) {
    return check.name() + " " + check.target();
  }

  /** One line a change. */
  private void tell(Check check) {
    String what = what(check);
    @Nullable String before = check.ok() ? told.remove(what) : told.put(what, check.reason());
    if (check.ok() && before != null) {
      log.info("works again: check={} target={}", check.name(), check.target());
    } else if (!check.ok() && !check.reason().equals(before)) {
      log.warn(
          "does not work: check={} target={} reason={} ({})",
          check.name(),
          check.target(),
          check.reason(),
          check.message());
    }
  }

  /** What is mounted may have been replaced. What is of no use leaves all as it was. */
  private void follow() {
    try {
      var now = NodeIdentity.read(config.agents().identity());
      if (!now.equals(identity)) {
        var _ = now.context();
        server.close(); // since the next one wants its port
        server = answer(now);
        identity = now;
        log.info("certificate or token replaced");
      }
    } catch (IOException e) {
      log.warn("certificate or token not replaced: reason={}", e.getMessage());
    }
  }

  /**
   * The cluster agent asks for it every 60 s; of all nodes that would be too much, so that it tells
   * us when there is another. That is a reason to ask, and none to trust.
   */
  private void followServerCa() {
    if (trust.isRefreshDue(toldCa)) {
      try {
        trust.refresh(config.server().server());
      } catch (IOException e) {
        log.warn("server CA not taken: reason={}", e.getMessage());
      }
    }
  }

  @Override
  public void close() {
    server.close();
  }
}
