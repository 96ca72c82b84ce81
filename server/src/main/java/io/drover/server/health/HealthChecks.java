package io.drover.server.health;

import static java.nio.charset.StandardCharsets.US_ASCII;

import io.drover.server.health.Detection.Found;
import io.drover.server.proxy.ApiConnections;
import io.drover.server.store.Cluster;
import io.drover.server.store.Condition;
import io.drover.server.store.Condition.Status;
import io.drover.server.store.Conditions;
import io.drover.server.store.DatabaseException;
import io.drover.server.store.Duty;
import io.drover.server.store.RegistrationTokens;
import io.drover.server.store.Store;
import io.drover.server.tunnel.SessionKey;
import io.drover.server.tunnel.SessionKey.Tunnel;
import io.drover.server.tunnel.Tunnels;
import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.time.temporal.ChronoUnit;
import java.util.Collections;
import java.util.Comparator;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.ReentrantLock;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Checks every cluster once in each round, and at once when one of its sessions came or went. Each
 * cluster has its own thread for a check, so that none waits for another; the checks of a round
 * start one after the other, so that thousands do not come at the same moment. What has changed is
 * written down before it is told. Where several servers are one, each checks those that it looks
 * after ({@link Duty}), and all tell what is written down.
 */
public final class HealthChecks implements AutoCloseable {
  /** How long an agent may take for {@code /ping}. */
  static final Duration PING_LIMIT = Duration.ofSeconds(5);

  /** How long an API server may take for {@code /readyz}. */
  static final Duration READY_LIMIT = Duration.ofSeconds(10);

  /** The longest answer to that, in bytes. */
  static final int MAX_READY_BYTES = 64 * 1024;

  /** How long an agent is missing before a cause is looked for. */
  public static final Duration MISSING_AFTER = Duration.ofMinutes(2);

  /** How often a cluster that is ready is asked for what seldom changes. */
  static final Duration DETECT_EVERY = Duration.ofMinutes(5);

  /** Over how much of the time between two rounds a round's checks are spread. */
  static final double SPREAD = 2.0 / 3;

  /**
   * How long after the server's start an agent that was there before may take to come back, before
   * it is called disconnected: what ended its tunnels was ours. The same after another server's
   * end.
   */
  static final Duration RETURN_LIMIT = Duration.ofSeconds(30);

  /** How often it is read what other servers have found, at most. */
  static final Duration READ_EVERY = Duration.ofSeconds(1);

  private static final Logger log = LoggerFactory.getLogger(HealthChecks.class);

  private final Store store;
  private final RegistrationTokens tokens;
  private final Conditions conditions;
  private final Duty duty;
  private final Tunnels tunnels;
  private final ApiConnections connections;
  private final Detection detection;
  private final Refusals refusals;
  private final InstantSource clock;
  private final Duration interval;
  private final Map<String, Checked> checked = new ConcurrentHashMap<>();
  private final Latencies latencies = new Latencies();
  private final ReentrantLock reading = new ReentrantLock();
  // Guarded by reading.
  private Map<String, List<Condition>> written = Map.of();
  private long writtenNanos;

  private final Instant started;
  private final Thread ticker;
  private volatile @Nullable Duration lastRound;
  private volatile boolean stopping;

  /** One check of each cluster; its length is known when the last of them is over. */
  private final class Round {
    private final long begunNanos = System.nanoTime();
    private final AtomicInteger left;

    Round(int clusters) {
      left = new AtomicInteger(clusters);
    }

    void isOver() {
      if (left.decrementAndGet() == 0) {
        lastRound = Duration.ofNanos(System.nanoTime() - begunNanos);
      }
    }
  }

  /** One cluster's conditions and who works on them. */
  private static final class Checked {
    final ReentrantLock checking = new ReentrantLock();
    // Written by whoever holds the lock.
    volatile Map<Condition.Type, Condition> known;
    volatile Instant seen = Instant.EPOCH;
    volatile Instant detected = Instant.EPOCH;
    // Since when this server looks after it; null: it does not.
    volatile @Nullable Instant since;

    Checked(Map<Condition.Type, Condition> known) {
      this.known = known;
    }
  }

  /** Conditions as a check changes them. */
  private record Draft(Map<Condition.Type, Condition> conditions, Instant now) {
    static Draft of(Checked last, Instant now) {
      var conditions = new EnumMap<Condition.Type, Condition>(Condition.Type.class);
      conditions.putAll(last.known);
      return new Draft(conditions, now.truncatedTo(ChronoUnit.MILLIS));
    }

    void put(Condition.Type type, Status status, String reason, String message) {
      var old = conditions.get(type);
      conditions.put(
          type,
          old == null
              ? new Condition(type, status, reason, message, now, now)
              : old.with(status, reason, message, now));
    }

    void put(Condition.Type type, Found found) {
      put(type, found.status(), found.reason(), found.message());
    }

    void putIfAbsent(Condition.Type type, Status status, String reason, String message) {
      if (!conditions.containsKey(type)) {
        put(type, status, reason, message);
      }
    }

    Instant since(Condition.Type type) {
      var condition = conditions.get(type);
      return condition == null ? now : condition.lastTransition();
    }

    Status status(Condition.Type type) {
      var condition = conditions.get(type);
      return condition == null ? Status.UNKNOWN : condition.status();
    }
  }

  private HealthChecks(
      Store store,
      RegistrationTokens tokens,
      Conditions conditions,
      Duty duty,
      Tunnels tunnels,
      ApiConnections connections,
      Refusals refusals,
      InstantSource clock,
      Duration interval) {
    this.store = store;
    this.tokens = tokens;
    this.conditions = conditions;
    this.duty = duty;
    this.tunnels = tunnels;
    this.connections = connections;
    this.detection = new Detection(connections, store);
    this.refusals = refusals;
    this.clock = clock;
    this.interval = interval;
    this.started = clock.instant();
    this.ticker = Thread.ofVirtual().name("health").unstarted(this::run);
  }

  /** Starts to check. */
  public static HealthChecks start(
      Store store,
      RegistrationTokens tokens,
      Conditions conditions,
      Duty duty,
      Tunnels tunnels,
      ApiConnections connections,
      Refusals refusals,
      InstantSource clock,
      Duration interval) {
    var checks =
        new HealthChecks(
            store, tokens, conditions, duty, tunnels, connections, refusals, clock, interval);
    tunnels.onChange(key -> checks.startCheck(key.clusterId(), () -> {}));
    checks.ticker.start();
    return checks;
  }

  /** What the last check found; checks first if there was none. */
  public ClusterHealth of(Cluster cluster) {
    if (duty.isShared()) {
      return new ClusterHealth(known(cluster.id()), cluster.isRemoving());
    }
    var last = checked(cluster.id());
    if (last.known.isEmpty()) {
      check(cluster.id());
    }
    return new ClusterHealth(List.copyOf(last.known.values()), cluster.isRemoving());
  }

  /** What whichever server looks after it has written down. */
  private List<Condition> known(String clusterId) {
    var known = written().get(clusterId);
    if (known == null) {
      check(clusterId);
      known = conditions.of(clusterId);
    }
    return known.stream().sorted(Comparator.comparing(Condition::type)).toList();
  }

  private Map<String, List<Condition>> written() {
    reading.lock();
    try {
      long now = System.nanoTime();
      if (writtenNanos == 0 || now - writtenNanos >= READ_EVERY.toNanos()) {
        written = conditions.ofAll();
        writtenNanos = now;
      }
      return written;
    } finally {
      reading.unlock();
    }
  }

  private Checked checked(String clusterId) {
    var known = checked.get(clusterId);
    return known != null
        ? known
        : checked.computeIfAbsent(clusterId, _ -> new Checked(stored(clusterId)));
  }

  private Map<Condition.Type, Condition> stored(String clusterId) {
    var map = new EnumMap<Condition.Type, Condition>(Condition.Type.class);
    conditions.of(clusterId).forEach(condition -> map.put(condition.type(), condition));
    return Collections.unmodifiableMap(map);
  }

  /** How long the last round took, from its start to the end of its last check. */
  public Optional<Duration> lastRound() {
    return Optional.ofNullable(lastRound);
  }

  /** When an agent was last asked for {@code /ping} and answered, since this server's start. */
  public Optional<Instant> lastPing(String clusterId) {
    return Optional.ofNullable(checked.get(clusterId))
        .map(last -> last.seen)
        .filter(seen -> seen.isAfter(Instant.EPOCH));
  }

  /** How long agents took for {@code /ping}. */
  public Latencies latencies() {
    return latencies;
  }

  /** Notes a condition that somebody else has found. Waits for a check that is under way. */
  public void note(
      String clusterId, Condition.Type type, Status status, String reason, String message) {
    if (store.cluster(clusterId).isEmpty()) {
      return;
    }
    var last = checked(clusterId);
    last.checking.lock();
    try {
      readAgain(clusterId, last);
      var next = Draft.of(last, clock.instant());
      next.put(type, status, reason, message);
      var _ = keep(clusterId, last, next);
    } finally {
      last.checking.unlock();
    }
  }

  /** Forgets a deleted cluster. */
  public void forget(String clusterId) {
    checked.remove(clusterId);
    latencies.forget(clusterId);
  }

  private void run() {
    try {
      while (true) {
        long begunNanos = System.nanoTime();
        try {
          startRound(mine(store.clusters()));
        } catch (DatabaseException e) {
          log.warn("clusters not checked: reason={}", e.getMessage());
        }
        sleepUntil(begunNanos + interval.toNanos());
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** Those that this server looks after; of the others, forgets that it did. */
  private List<Cluster> mine(List<Cluster> clusters) {
    var isMine = duty.mine();
    for (var cluster : clusters) {
      var last = checked.get(cluster.id());
      if (last != null && last.since != null && !isMine.test(cluster.id())) {
        startCheck(cluster.id(), () -> {});
      }
    }
    return clusters.stream().filter(cluster -> isMine.test(cluster.id())).toList();
  }

  private void startRound(List<Cluster> clusters) throws InterruptedException {
    var round = new Round(clusters.size());
    long stepNanos = (long) (interval.toNanos() * SPREAD / Math.max(1, clusters.size()));
    long nextNanos = round.begunNanos;
    for (var cluster : clusters) {
      sleepUntil(nextNanos);
      nextNanos += stepNanos;
      var last = checked.get(cluster.id());
      if (last != null && last.checking.isLocked()) {
        round.isOver(); // being checked now: a slow one shall not gather threads
      } else {
        startCheck(cluster.id(), round::isOver);
      }
    }
  }

  private static void sleepUntil(long nanos) throws InterruptedException {
    long leftNanos = nanos - System.nanoTime();
    if (leftNanos > 0) {
      Thread.sleep(Duration.ofNanos(leftNanos));
    }
  }

  private void startCheck(String clusterId, Runnable after) {
    Thread.ofVirtual()
        .name("health-" + clusterId)
        .start(
            () -> {
              try {
                check(clusterId);
              } catch (DatabaseException e) {
                log.warn("cluster not checked: cluster={} reason={}", clusterId, e.getMessage());
              } finally {
                after.run();
              }
            });
  }

  private void check(String clusterId) {
    if (stopping) {
      return; // tunnels end because the server does, which says nothing of the clusters
    }
    if (store.cluster(clusterId).isEmpty()) {
      return;
    }
    var last = checked(clusterId);
    last.checking.lock();
    try {
      var cluster = store.cluster(clusterId).orElse(null);
      if (cluster == null) {
        checked.remove(clusterId, last);
        return;
      }
      if (!takeOver(clusterId, last)) {
        return;
      }
      if (isAwaited(clusterId, last)) {
        return;
      }
      boolean wasReady = isReady(last);
      var next = Draft.of(last, clock.instant());
      if (cluster.isProvisioned()) {
        checkImported(cluster, last, next);
      } else {
        await(cluster, next);
      }
      if (stopping) {
        return;
      }
      if (isByWayOfOneThatIsGone(last, next)) {
        return;
      }
      if (!keep(clusterId, last, next)) {
        return;
      }
      // After that: it takes longer, and nobody should wait for it to see that a cluster is ready.
      if (isReady(last) && (!wasReady || !next.now().isBefore(last.detected.plus(DETECT_EVERY)))) {
        var more = Draft.of(last, clock.instant());
        detect(clusterId, more);
        last.detected = more.now();
        var _ = keep(clusterId, last, more);
      }
    } finally {
      last.checking.unlock();
    }
  }

  /** Sees what was written meanwhile; false if another server looks after the cluster. */
  private boolean takeOver(String clusterId, Checked last) {
    if (!duty.isShared()) {
      last.since = started;
      return true;
    }
    if (!duty.isMine(clusterId)) {
      last.since = null;
      last.seen = Instant.EPOCH;
      return false;
    }
    if (last.since == null) {
      last.since = clock.instant();
    }
    readAgain(clusterId, last);
    return true;
  }

  private void readAgain(String clusterId, Checked last) {
    if (duty.isShared()) {
      last.known = stored(clusterId);
    }
  }

  /** Whether the agent was there before this server took over, and may still come back. */
  private boolean mayComeBack(Checked last) {
    var connected = last.known.get(Condition.Type.CONNECTED);
    return connected != null
        && connected.status() == Status.TRUE
        && last.seen.equals(Instant.EPOCH)
        && last.since != null
        && clock.instant().isBefore(last.since.plus(RETURN_LIMIT));
  }

  /**
   * Whether a tunnel that the agent has not opened here yet was tried where it ended before: a
   * server that was killed is listed until the others have missed it for a while.
   */
  private boolean isByWayOfOneThatIsGone(Checked last, Draft next) {
    return duty.isShared()
        && mayComeBack(last)
        && next.status(Condition.Type.CONNECTED) == Status.FALSE;
  }

  /** The same, while a tunnel is missing. */
  private boolean isAwaited(String clusterId, Checked last) {
    return mayComeBack(last)
        && Stream.of(Tunnel.values())
            .anyMatch(tunnel -> !tunnels.isConnected(new SessionKey(tunnel, clusterId)));
  }

  private static boolean isReady(Checked last) {
    var ready = last.known.get(Condition.Type.READY);
    return ready != null && ready.status() == Status.TRUE;
  }

  /** False if another server looks after the cluster by now, which knows better. */
  private boolean keep(String clusterId, Checked last, Draft next) {
    var before = last.known;
    var changed =
        next.conditions().values().stream()
            .filter(condition -> !condition.equals(before.get(condition.type())))
            .toList();
    if (!conditions.save(clusterId, changed, duty)) {
      return false;
    }
    last.known = Collections.unmodifiableMap(next.conditions());
    boolean isNews =
        List.of(Condition.Type.CONNECTED, Condition.Type.READY).stream()
            .map(last.known::get)
            .anyMatch(
                now ->
                    now != null
                        && (before.get(now.type()) == null
                            || before.get(now.type()).status() != now.status()));
    if (isNews) {
      log.info("cluster health: cluster={} conditions={}", clusterId, summary(last.known));
    }
    return true;
  }

  private static String summary(Map<Condition.Type, Condition> conditions) {
    var text = new StringBuilder();
    for (var type : List.of(Condition.Type.CONNECTED, Condition.Type.READY)) {
      var condition = conditions.get(type);
      if (condition != null) {
        text.append(type.text()).append('=').append(condition.status().text()).append(' ');
        if (!condition.message().isEmpty()) {
          text.append('(').append(condition.message()).append(") ");
        }
      }
    }
    return text.toString().strip();
  }

  /** No agent has come yet. */
  private void await(Cluster cluster, Draft next) {
    next.putIfAbsent(
        Condition.Type.PENDING, Status.UNKNOWN, "", "waiting for full cluster configuration");
    next.putIfAbsent(Condition.Type.WAITING, Status.UNKNOWN, "", "Waiting for API to be available");
    if (next.now().isBefore(cluster.created().plus(MISSING_AFTER))) {
      next.put(
          Condition.Type.PROVISIONED,
          Status.UNKNOWN,
          "Pending",
          "waiting for the agent to connect");
    } else {
      var absence = explain(cluster, next.now());
      next.put(Condition.Type.PROVISIONED, Status.UNKNOWN, absence.reason(), absence.message());
    }
  }

  private Absence explain(Cluster cluster, Instant now) {
    return Absence.explain(
        cluster, store.contact(cluster.id()), tokens.list(cluster.id()), refusals, now);
  }

  private void checkImported(Cluster cluster, Checked last, Draft next) {
    next.put(Condition.Type.PENDING, Status.TRUE, "", "");
    next.put(Condition.Type.PROVISIONED, Status.TRUE, "", "");
    next.putIfAbsent(Condition.Type.WAITING, Status.UNKNOWN, "", "Waiting for API to be available");
    checkConnected(cluster, last, next);
    checkReady(cluster.id(), next);
    if (next.status(Condition.Type.READY) == Status.TRUE) {
      next.put(Condition.Type.WAITING, Status.TRUE, "", "");
    }
  }

  private void checkConnected(Cluster cluster, Checked last, Draft next) {
    try {
      long begunNanos = System.nanoTime();
      ping(cluster.id());
      latencies.put(cluster.id(), next.now(), Duration.ofNanos(System.nanoTime() - begunNanos));
      last.seen = next.now();
      next.put(Condition.Type.CONNECTED, Status.TRUE, "", "");
      return;
    } catch (IOException e) {
      if (next.status(Condition.Type.CONNECTED) != Status.FALSE) {
        next.put(
            Condition.Type.CONNECTED,
            Status.FALSE,
            Absence.DISCONNECTED,
            "ping failed: " + e.getMessage());
        if (last.seen.isAfter(Instant.EPOCH)) {
          store.lastSeen(cluster.id(), last.seen);
        }
        return;
      }
      if (next.now().isBefore(next.since(Condition.Type.CONNECTED).plus(MISSING_AFTER))) {
        next.put(
            Condition.Type.CONNECTED,
            Status.FALSE,
            Absence.DISCONNECTED,
            "ping failed: " + e.getMessage());
      } else if (!tunnels.isConnected(new SessionKey(Tunnel.STEVE, cluster.id()))) {
        var absence = explain(cluster, next.now());
        next.put(Condition.Type.CONNECTED, Status.FALSE, absence.reason(), absence.message());
      }
    }
  }

  private void checkReady(String clusterId, Draft next) {
    if (next.status(Condition.Type.CONNECTED) != Status.TRUE) {
      next.put(
          Condition.Type.READY,
          Status.FALSE,
          Absence.DISCONNECTED,
          "Cluster agent is not connected");
      return;
    }
    try {
      var said = connections.get(clusterId, "/readyz", READY_LIMIT, MAX_READY_BYTES);
      if (said.isFine()) {
        next.put(Condition.Type.READY, Status.TRUE, "", "");
      } else {
        next.put(Condition.Type.READY, Status.FALSE, "Error", "readyz answered " + said.status());
      }
    } catch (IOException e) {
      next.put(
          Condition.Type.READY,
          Status.FALSE,
          "Error",
          "Failed to communicate with API server: " + e.getMessage());
    }
  }

  private void detect(String clusterId, Draft next) {
    try {
      detection.version(clusterId);
    } catch (IOException e) {
      log.info("version not read: cluster={} reason={}", clusterId, e.getMessage());
    }
    next.put(Condition.Type.AGENT_DEPLOYED, detection.deployment(clusterId));
    next.put(Condition.Type.AGENT_TLS_STRICT_CHECK, detection.strictTls(clusterId));
  }

  /** Source: rancher {@code pkg/controllers/management/clusterconnected}. */
  private void ping(String clusterId) throws IOException {
    var session =
        tunnels
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
    stopping = true;
    ticker.interrupt();
  }
}
