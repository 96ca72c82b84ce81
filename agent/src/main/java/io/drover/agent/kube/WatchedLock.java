package io.drover.agent.kube;

import io.drover.agent.reason.Problem;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.KubernetesClientException;
import io.fabric8.kubernetes.client.extended.leaderelection.resourcelock.LeaderElectionRecord;
import io.fabric8.kubernetes.client.extended.leaderelection.resourcelock.Lock;
import java.net.HttpURLConnection;
import java.time.Clock;
import java.util.EnumMap;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A Lease, and why it cannot be had. The library tells its log only, anew at each attempt, with the
 * whole stack; here a failure is logged when it begins, and known as long as it lasts.
 */
final class WatchedLock implements Lock {
  private static final Logger log = LoggerFactory.getLogger(WatchedLock.class);

  private enum Step {
    GET,
    CREATE,
    UPDATE
  }

  private final Lock lease;
  private final Clock clock;
  private final ReentrantLock lock = new ReentrantLock();

  // Guarded by lock.
  private final Map<Step, Problem> problems = new EnumMap<>(Step.class);

  WatchedLock(Lock lease, Clock clock) {
    this.lease = lease;
    this.clock = clock;
  }

  /**
   * Of the first step that failed the last time that it was tried, as long as there is need of it;
   * empty: all is well.
   */
  Optional<Problem> problem() {
    lock.lock();
    try {
      return problems.values().stream().findFirst();
    } finally {
      lock.unlock();
    }
  }

  @Override
  public @Nullable LeaderElectionRecord get(KubernetesClient client) {
    try {
      var record = lease.get(client);
      worked(Step.GET);
      if (record != null) {
        worked(Step.CREATE);
        if (isHeldByAnother(record)) {
          worked(Step.UPDATE);
        }
      }
      return record;
    } catch (KubernetesClientException e) {
      throw failed(Step.GET, e);
    }
  }

  /** Then there is nothing to do for us, and nothing that could go wrong. */
  private boolean isHeldByAnother(LeaderElectionRecord record) {
    String holder = record.getHolderIdentity();
    return holder != null
        && !holder.isEmpty()
        && !holder.equals(lease.identity())
        && record.getRenewTime() != null
        && record.getLeaseDuration() != null
        && clock
            .instant()
            .isBefore(record.getRenewTime().toInstant().plus(record.getLeaseDuration()));
  }

  @Override
  public void create(KubernetesClient client, LeaderElectionRecord record) {
    try {
      lease.create(client, record);
      worked(Step.CREATE);
    } catch (KubernetesClientException e) {
      throw failed(Step.CREATE, e);
    }
  }

  @Override
  public void update(KubernetesClient client, LeaderElectionRecord record) {
    try {
      lease.update(client, record);
      worked(Step.UPDATE);
    } catch (KubernetesClientException e) {
      throw failed(Step.UPDATE, e);
    }
  }

  private void worked(Step step) {
    boolean isNews;
    lock.lock();
    try {
      isNews = problems.remove(step) != null;
    } finally {
      lock.unlock();
    }
    if (isNews) {
      log.info("lease can be had again: lease={}", lease.describe());
    }
  }

  private KubernetesClientException failed(Step step, KubernetesClientException e) {
    if (e.getCode() == HttpURLConnection.HTTP_CONFLICT) {
      return e; // another replica was quicker
    }
    var problem = new Problem(Fabric8ClusterApi.code(e), Fabric8ClusterApi.reason(e));
    boolean isNews;
    lock.lock();
    try {
      isNews = problems.put(step, problem) == null;
    } finally {
      lock.unlock();
    }
    if (isNews) {
      log.warn("lease cannot be had: lease={} reason={}", lease.describe(), problem.text());
    }
    return e;
  }

  @Override
  public String identity() {
    return lease.identity();
  }

  @Override
  public String describe() {
    return lease.describe();
  }
}
