package io.drover.agent.kube;

import io.drover.agent.reason.Problem;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.extended.leaderelection.LeaderCallbacks;
import io.fabric8.kubernetes.client.extended.leaderelection.LeaderElectionConfig;
import io.fabric8.kubernetes.client.extended.leaderelection.LeaderElectorBuilder;
import io.fabric8.kubernetes.client.extended.leaderelection.resourcelock.LeaseLock;
import java.time.Clock;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Which of several replicas writes what all of them know: the one that holds a Lease. A hint only:
 * for a moment two may think so, and what they write must bear it.
 */
public final class Leadership implements AutoCloseable {
  /** After which a leader that has gone without a word is replaced. */
  static final Duration LEASE = Duration.ofSeconds(150);

  /** After which a leader that cannot renew gives up: more than the longest wait below. */
  static final Duration RENEW_LIMIT = Duration.ofSeconds(125);

  /**
   * Between renewals, of two requests each, and between looks at somebody else's; for those the
   * library waits up to 2.2 times as long. So no lead is vacant for longer than a report's period.
   */
  static final Duration RETRY = Duration.ofSeconds(55);

  /** How long a stopping leader may take to say so. */
  static final Duration RELEASE_LIMIT = Duration.ofSeconds(2);

  private static final Logger log = LoggerFactory.getLogger(Leadership.class);

  private final ExecutorService threads =
      Executors.newThreadPerTaskExecutor(Thread.ofVirtual().name("leader-", 0).factory());
  private final Runnable changed;
  private final WatchedLock lock;
  private final Thread thread;
  private volatile boolean leads;

  Leadership(
      KubernetesClient client, String namespace, String lease, String identity, Runnable changed) {
    this(client, namespace, lease, identity, RETRY, changed);
  }

  Leadership(
      KubernetesClient client,
      String namespace,
      String lease,
      String identity,
      Duration retry,
      Runnable changed) {
    this.changed = changed;
    this.lock = new WatchedLock(new LeaseLock(namespace, lease, identity), Clock.systemUTC());
    var config =
        new LeaderElectionConfig(
            lock,
            LEASE,
            RENEW_LIMIT,
            retry,
            new LeaderCallbacks(() -> leads(true), () -> leads(false), _ -> {}),
            true,
            lease);
    thread = Thread.ofVirtual().name("leader").start(() -> run(client, config));
  }

  /** Whether this replica leads, as far as it knows. Never blocks. */
  public boolean leads() {
    return leads;
  }

  /** Why the Lease cannot be had, such as for want of a right; empty: it can. Never blocks. */
  public Optional<Problem> problem() {
    return lock.problem();
  }

  private void leads(boolean now) {
    leads = now;
    log.info(now ? "leads the replicas" : "no longer leads the replicas");
    changed.run();
  }

  /** An election ends when leadership is lost; then the next begins. */
  private void run(KubernetesClient client, LeaderElectionConfig config) {
    while (!Thread.currentThread().isInterrupted()) {
      var election = new LeaderElectorBuilder(client, threads).withConfig(config).build().start();
      try {
        election.get();
      } catch (InterruptedException _) {
        election.cancel(true);
        return;
      } catch (ExecutionException | CompletionException | CancellationException e) {
        log.warn("election failed: reason={}", String.valueOf(e.getMessage()));
      }
      if (leads) {
        leads(false);
      }
    }
  }

  /**
   * Gives the lead up, so that another replica need not wait for it: the lease still names this
   * one, but for a second only.
   */
  @Override
  public void close() {
    long deadlineNanos = System.nanoTime() + RELEASE_LIMIT.toNanos();
    thread.interrupt();
    try {
      thread.join(RELEASE_LIMIT);
      threads.shutdown();
      // A lead that was won at this moment is given up there.
      if (!threads.awaitTermination(deadlineNanos - System.nanoTime(), TimeUnit.NANOSECONDS)) {
        log.debug("lease not released: limit={}", RELEASE_LIMIT);
      }
    } catch (InterruptedException e) {
      threads.shutdown();
      Thread.currentThread().interrupt();
    }
  }
}
