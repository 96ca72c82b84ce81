package io.drover.agent.kube;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.drover.agent.reason.Reason;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.KubernetesClientBuilder;
import io.fabric8.kubernetes.client.KubernetesClientException;
import io.fabric8.kubernetes.client.extended.leaderelection.resourcelock.LeaderElectionRecord;
import io.fabric8.kubernetes.client.extended.leaderelection.resourcelock.Lock;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.ZonedDateTime;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class WatchedLockTest {
  private static final Instant NOW = Instant.parse("2026-01-01T00:00:00Z");
  private static final Duration TERM = Duration.ofSeconds(15);

  /** What is held, and what the API server says to whoever wants it. */
  private static final class ScriptedLease implements Lock {
    private @Nullable LeaderElectionRecord record;
    private int refusal;

    private void refuse() {
      if (refusal > 0) {
        throw new KubernetesClientException("no", refusal, null);
      }
    }

    @Override
    public @Nullable LeaderElectionRecord get(KubernetesClient client) {
      return record;
    }

    @Override
    public void create(KubernetesClient client, LeaderElectionRecord wanted) {
      refuse();
    }

    @Override
    public void update(KubernetesClient client, LeaderElectionRecord wanted) {
      refuse();
    }

    @Override
    public String identity() {
      return "me";
    }

    @Override
    public String describe() {
      return "lease";
    }
  }

  private final ScriptedLease lease = new ScriptedLease();
  private final WatchedLock lock = new WatchedLock(lease, Clock.fixed(NOW, ZoneOffset.UTC));
  private final KubernetesClient client = new KubernetesClientBuilder().build();

  @AfterEach
  void close() {
    client.close();
  }

  private static LeaderElectionRecord heldBy(String holder, Instant renewed) {
    ZonedDateTime time = renewed.atZone(ZoneOffset.UTC);
    return new LeaderElectionRecord(holder, TERM, time, time, 1);
  }

  private void failToUpdate() {
    lease.refusal = 403;
    assertThatThrownBy(() -> lock.update(client, heldBy("me", NOW)))
        .isInstanceOf(KubernetesClientException.class);
    assertThat(lock.problem().orElseThrow().reason()).isEqualTo(Reason.FORBIDDEN);
  }

  @Test
  void aLeaseThatAnotherHasMadeNeedsNotBeMade() {
    lease.refusal = 500;
    assertThatThrownBy(() -> lock.create(client, heldBy("me", NOW)))
        .isInstanceOf(KubernetesClientException.class);
    assertThat(lock.problem()).isPresent();

    lease.record = heldBy("other", NOW);
    lock.get(client);

    assertThat(lock.problem()).isEmpty();
  }

  @Test
  void aLeaseThatAnotherHoldsNeedsNotBeUpdated() {
    failToUpdate();

    lease.record = heldBy("other", NOW.minus(TERM).plusMillis(1));
    lock.get(client);

    assertThat(lock.problem()).isEmpty();
  }

  @Test
  void whatWouldHaveToBeUpdatedIsAProblemStill() {
    failToUpdate();

    lease.record = heldBy("other", NOW.minus(TERM)); // it has gone
    lock.get(client);
    assertThat(lock.problem()).isPresent();

    lease.record = heldBy("me", NOW);
    lock.get(client);
    assertThat(lock.problem()).isPresent();

    lease.record = heldBy("", NOW); // given back
    lock.get(client);
    assertThat(lock.problem()).isPresent();
  }
}
