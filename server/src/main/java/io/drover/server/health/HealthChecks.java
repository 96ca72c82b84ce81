package io.drover.server.health;

import static java.nio.charset.StandardCharsets.US_ASCII;

import io.drover.server.health.Condition.Status;
import io.drover.server.proxy.ApiConnections;
import io.drover.server.store.Cluster;
import io.drover.server.store.Store;
import io.drover.server.tunnel.SessionKey;
import io.drover.server.tunnel.SessionKey.Tunnel;
import io.drover.server.tunnel.Sessions;
import java.io.IOException;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.locks.ReentrantLock;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Checks every cluster in turn of time, and at once when one of its sessions came or went. Each
 * cluster has its own thread for a check, so that none waits for another.
 */
public final class HealthChecks implements AutoCloseable {
  /** How long an agent may take for {@code /ping}. */
  static final Duration PING_LIMIT = Duration.ofSeconds(5);

  /** How long an API server may take for {@code /readyz}. */
  static final Duration READY_LIMIT = Duration.ofSeconds(10);

  private static final Logger log = LoggerFactory.getLogger(HealthChecks.class);

  private final Store store;
  private final Sessions sessions;
  private final ApiConnections connections;
  private final Duration interval;
  private final Map<String, Checked> checked = new ConcurrentHashMap<>();
  private final Thread ticker;

  /** One cluster's conditions and who works on them. */
  private static final class Checked {
    final ReentrantLock checking = new ReentrantLock();
    volatile Condition connected = Condition.unknown(Condition.Type.CONNECTED);
    volatile Condition ready = Condition.unknown(Condition.Type.READY);
  }

  private HealthChecks(
      Store store, Sessions sessions, ApiConnections connections, Duration interval) {
    this.store = store;
    this.sessions = sessions;
    this.connections = connections;
    this.interval = interval;
    this.ticker = Thread.ofVirtual().name("health").unstarted(this::run);
  }

  /** Starts to check. */
  public static HealthChecks start(
      Store store, Sessions sessions, ApiConnections connections, Duration interval) {
    var checks = new HealthChecks(store, sessions, connections, interval);
    sessions.onChange(key -> checks.startCheck(key.clusterId()));
    checks.ticker.start();
    return checks;
  }

  /** What the last check found. */
  public ClusterHealth of(Cluster cluster) {
    var last = checked.computeIfAbsent(cluster.id(), _ -> new Checked());
    var provisioned =
        cluster.isProvisioned()
            ? new Condition(Condition.Type.PROVISIONED, Status.TRUE, "", "", cluster.created())
            : new Condition(
                Condition.Type.PROVISIONED,
                Status.UNKNOWN,
                "Pending",
                "waiting for the agent to connect",
                cluster.created());
    return new ClusterHealth(provisioned, last.connected, last.ready);
  }

  /** Forgets a deleted cluster. */
  public void forget(String clusterId) {
    checked.remove(clusterId);
  }

  private void run() {
    try {
      while (true) {
        store.clusters().forEach(cluster -> startCheck(cluster.id()));
        Thread.sleep(interval);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private void startCheck(String clusterId) {
    Thread.ofVirtual().name("health-" + clusterId).start(() -> check(clusterId));
  }

  private void check(String clusterId) {
    if (store.cluster(clusterId).filter(Cluster::isProvisioned).isEmpty()) {
      return;
    }
    var last = checked.computeIfAbsent(clusterId, _ -> new Checked());
    last.checking.lock();
    try {
      var before = last.connected.status() + "/" + last.ready.status();
      checkConnected(clusterId, last);
      checkReady(clusterId, last);
      var after = last.connected.status() + "/" + last.ready.status();
      if (!before.equals(after)) {
        log.info(
            "cluster health: cluster={} connected={} ready={} reason={}",
            clusterId,
            last.connected.status().text(),
            last.ready.status().text(),
            last.connected.message().isEmpty() ? last.ready.message() : last.connected.message());
      }
    } finally {
      last.checking.unlock();
    }
  }

  private void checkConnected(String clusterId, Checked last) {
    try {
      ping(clusterId);
      last.connected = last.connected.with(Status.TRUE, "", "");
    } catch (IOException e) {
      last.connected =
          last.connected.with(Status.FALSE, "Disconnected", "ping failed: " + e.getMessage());
    }
  }

  private void checkReady(String clusterId, Checked last) {
    if (last.connected.status() != Status.TRUE) {
      last.ready = last.ready.with(Status.FALSE, "Disconnected", "Cluster agent is not connected");
      return;
    }
    try {
      int status = connections.get(clusterId, "/readyz", READY_LIMIT);
      last.ready =
          status / 100 == 2
              ? last.ready.with(Status.TRUE, "", "")
              : last.ready.with(Status.FALSE, "Error", "readyz answered " + status);
    } catch (IOException e) {
      last.ready =
          last.ready.with(
              Status.FALSE, "Error", "Failed to communicate with API server: " + e.getMessage());
    }
  }

  /** Source: rancher {@code pkg/controllers/management/clusterconnected}. */
  private void ping(String clusterId) throws IOException {
    var session =
        sessions
            .newest(new SessionKey(Tunnel.STEVE, clusterId))
            .orElseThrow(() -> new IOException("no steve session"));
    try (var stream = session.open("tcp", "not-used:80");
        var _ = stream.abortAfter(PING_LIMIT, "no answer in " + PING_LIMIT.toSeconds() + " s")) {
      var out = stream.output();
      out.write(
          String.join(
                  "\r\n",
                  "GET /ping HTTP/1.1",
                  "Host: not-used",
                  "User-Agent: drover-server",
                  "Connection: close",
                  "",
                  "")
              .getBytes(US_ASCII));
      out.flush();
      var line = new String(stream.input().readNBytes("HTTP/1.1 200".length()), US_ASCII);
      if (!line.matches("HTTP/1\\.[01] 200")) {
        throw new IOException("answer was " + line);
      }
    }
  }

  /** Stops; checks that are running end by themselves. */
  @Override
  public void close() {
    ticker.interrupt();
  }
}
