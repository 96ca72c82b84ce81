package io.drover.server.removal;

import io.drover.server.health.HealthChecks;
import io.drover.server.proxy.ApiConnections;
import io.drover.server.store.Cluster;
import io.drover.server.store.ClusterSpec;
import io.drover.server.store.Condition;
import io.drover.server.store.Condition.Status;
import io.drover.server.store.DatabaseException;
import io.drover.server.store.Duty;
import io.drover.server.store.PendingRemovals;
import io.drover.server.store.Removal;
import io.drover.server.store.Reports;
import io.drover.server.store.Store;
import io.drover.server.tunnel.SessionKey;
import io.drover.server.tunnel.SessionKey.Tunnel;
import io.drover.server.tunnel.Tunnels;
import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Function;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Removes clusters. That of a connected one takes minutes: a Job in it takes the agent out, and
 * when the agent is gone, so is the record. Each of them is looked at in turn of time, in a thread
 * of its own, and picked up where it was when the server has started anew. Where several servers
 * are one, whichever looks after the cluster does that.
 */
public final class Removals implements AutoCloseable {
  /** After that a removal is said to have failed; what Kubernetes gives a Job for all its tries. */
  public static final Duration LIMIT = Duration.ofMinutes(30);

  /** How long an agent is away before it is taken for gone, if nothing else says so. */
  public static final Duration AWAY_LIMIT = Duration.ofMinutes(2);

  /** Between two looks: an agent goes seconds after the Job took its rights. */
  public static final Duration PACE = Duration.ofSeconds(2);

  /** How often it is noted that the agent is there. */
  static final Duration NOTE_EVERY = Duration.ofSeconds(30);

  /** What cleans up where no Job did. */
  public static final String COMMAND = "CLUSTER_CLEANUP=true drover-agent --kubeconfig FILE";

  private static final Logger log = LoggerFactory.getLogger(Removals.class);

  private final Store store;
  private final PendingRemovals pending;
  private final Reports reports;
  private final HealthChecks health;
  private final Duty duty;
  private final Tunnels tunnels;
  private final ApiConnections connections;
  private final Function<ClusterSpec, String> image;
  private final InstantSource clock;
  private final Duration pace;
  private final Instant started;

  /** Those at which somebody looks at this moment. */
  private final Set<String> looking = ConcurrentHashMap.newKeySet();

  /** Those of which was seen that the Job is done. */
  private final Set<String> cleanedUp = ConcurrentHashMap.newKeySet();

  private final Thread ticker;

  private Removals(
      Store store,
      PendingRemovals pending,
      Reports reports,
      HealthChecks health,
      Duty duty,
      Tunnels tunnels,
      ApiConnections connections,
      Function<ClusterSpec, String> image,
      InstantSource clock,
      Duration pace) {
    this.store = store;
    this.pending = pending;
    this.reports = reports;
    this.health = health;
    this.duty = duty;
    this.tunnels = tunnels;
    this.connections = connections;
    this.image = image;
    this.clock = clock;
    this.pace = pace;
    this.started = clock.instant();
    this.ticker = Thread.ofVirtual().name("removals").unstarted(this::run);
  }

  /**
   * Goes on with what was begun.
   *
   * @param image the agent's, as a cluster gets it
   * @param pace such as {@link #PACE}
   */
  public static Removals start(
      Store store,
      PendingRemovals pending,
      Reports reports,
      HealthChecks health,
      Duty duty,
      Tunnels tunnels,
      ApiConnections connections,
      Function<ClusterSpec, String> image,
      InstantSource clock,
      Duration pace) {
    var removals =
        new Removals(
            store, pending, reports, health, duty, tunnels, connections, image, clock, pace);
    removals.ticker.start();
    return removals;
  }

  /**
   * Removes a cluster: in a while if its agent is connected, else at once. Whoever asks twice gets
   * no second Job.
   *
   * @param force at once, whatever stays in the cluster
   * @return what stays in it; empty while it is under way
   */
  public Optional<String> remove(Cluster cluster, boolean force) {
    var known = pending.find(cluster.id());
    boolean isConnected = isConnected(cluster.id());
    if (!force && (known.isPresent() || isConnected)) {
      pending
          .begin(cluster.id())
          .filter(removal -> duty.isMine(removal.clusterId()))
          .ifPresent(removal -> startLook(removal.clusterId()));
      return Optional.empty();
    }
    forget(cluster.id());
    log.info("cluster removed without clean-up: cluster={} force={}", cluster.id(), force);
    return Optional.of(remains(cluster, known));
  }

  private static String remains(Cluster cluster, Optional<Removal> known) {
    var what =
        "namespace cattle-system with the agent in it, its cluster roles, and its notes on"
            + " namespaces and nodes";
    if (!cluster.isProvisioned()) {
      return "no agent ever connected; if the manifest was applied, these stay in the cluster: "
          + what;
    }
    var job =
        known
            .filter(Removal::isJobMade)
            .map(removal -> "; Job default/" + removal.job() + " is there and may still remove it")
            .orElse("");
    return "these stay in the cluster: " + what + job;
  }

  private boolean isConnected(String clusterId) {
    return Stream.of(Tunnel.values())
        .anyMatch(tunnel -> tunnels.isConnected(new SessionKey(tunnel, clusterId)));
  }

  private void forget(String clusterId) {
    store.deleteCluster(clusterId); // tokens, members, samples and the removal go with it
    reports.forget(clusterId);
    tunnels.end(clusterId);
    health.forget(clusterId);
    cleanedUp.remove(clusterId);
  }

  private void run() {
    try {
      while (true) {
        try {
          var isMine = duty.mine();
          pending.all().stream().map(Removal::clusterId).filter(isMine).forEach(this::startLook);
        } catch (DatabaseException e) {
          log.warn("removals not looked at: reason={}", e.getMessage());
        }
        Thread.sleep(pace);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private void startLook(String clusterId) {
    if (!looking.add(clusterId)) {
      return;
    }
    Thread.ofVirtual()
        .name("removal-" + clusterId)
        .start(
            () -> {
              try {
                look(clusterId);
              } catch (DatabaseException e) {
                log.warn("removal not looked at: cluster={} reason={}", clusterId, e.getMessage());
              } finally {
                looking.remove(clusterId);
              }
            });
  }

  private void look(String clusterId) {
    var cluster = store.cluster(clusterId);
    var removal = pending.find(clusterId);
    if (cluster.isEmpty() || removal.isEmpty()) {
      return;
    }
    var now = clock.instant();
    Progress progress;
    if (isConnected(clusterId)) {
      if (now.isAfter(removal.get().agentSeen().plus(NOTE_EVERY))) {
        pending.agentSeen(clusterId, now);
      }
      progress = goOn(cluster.get(), removal.get());
    } else if (isGone(removal.get(), now)) {
      forget(clusterId);
      log.info("cluster removed: cluster={} name={}", clusterId, cluster.get().name());
      return;
    } else {
      progress = withoutAgent(removal.get());
    }
    tell(removal.get(), now, progress);
  }

  private Progress goOn(Cluster cluster, Removal removal) {
    var job = new CleanupJob(connections, cluster.id(), removal.job());
    boolean isMade = removal.isJobMade();
    try {
      if (!isMade) {
        job.make(image.apply(cluster.spec()));
        pending.jobMade(cluster.id());
        isMade = true;
        log.info("clean-up Job made: cluster={} job={}", cluster.id(), removal.job());
      }
      var progress = job.look();
      if (progress.isCleanedUp()) {
        cleanedUp.add(cluster.id());
      } else {
        cleanedUp.remove(cluster.id());
      }
      return progress;
    } catch (IOException e) {
      return isMade
          ? Progress.waiting(
              "JobNotSeen",
              "waiting for Job default/" + removal.job() + ", not seen: " + e.getMessage())
          : Progress.waiting("JobNotMade", "the clean-up Job is not made yet: " + e.getMessage());
    }
  }

  private boolean isGone(Removal removal, Instant now) {
    if (!removal.isJobMade()) {
      return false;
    }
    // Of a server that has just started, agents are still on their way back.
    var seen = removal.agentSeen().isAfter(started) ? removal.agentSeen() : started;
    return cleanedUp.contains(removal.clusterId()) || !now.isBefore(seen.plus(AWAY_LIMIT));
  }

  private static Progress withoutAgent(Removal removal) {
    return removal.isJobMade()
        ? Progress.waiting(
            "AgentAway",
            "the agent is not connected any more; if it stays away for "
                + AWAY_LIMIT.toMinutes()
                + " min, it is gone")
        : Progress.waiting(
            "AgentAway",
            "the agent left before the clean-up Job was made; it is made when the agent is back");
  }

  private void tell(Removal removal, Instant now, Progress progress) {
    boolean isLate =
        progress.status() == Status.UNKNOWN && !now.isBefore(removal.asked().plus(LIMIT));
    var told =
        isLate
            ? Progress.failed(
                "TimedOut", "not done in " + LIMIT.toMinutes() + " min: " + progress.message())
            : progress;
    health.note(
        removal.clusterId(), Condition.Type.REMOVED, told.status(), told.reason(), told.message());
  }

  /** Stops; looks that are under way end by themselves. */
  @Override
  public void close() {
    ticker.interrupt();
  }
}
