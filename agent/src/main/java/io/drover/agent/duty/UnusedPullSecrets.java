package io.drover.agent.duty;

import io.drover.agent.kube.ClusterWriter;
import io.drover.agent.kube.ObjectMetadata;
import java.io.IOException;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Optional;
import java.util.Set;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Deletes, once, the image pull Secrets that Rancher made for the agent and that it does not use
 * any more.
 *
 * <p>Source: Rancher {@code pkg/agent/clean/credentials.go}, v2.15.0. That one deletes all of them
 * if it is not told which are used; we then delete none, since an older server does not tell.
 */
final class UnusedPullSecrets implements Duty {
  /** After a failure. */
  static final Duration RETRY_AFTER = Duration.ofHours(1);

  static final String SELECTOR = "management.cattle.io/cattle-cluster-agent-pull-secret=true";

  private static final Logger log = LoggerFactory.getLogger(UnusedPullSecrets.class);

  private final Set<String> used;
  private final ClusterWriter writer;
  private final Clock clock;
  private Instant due;

  /** {@code used} are the names of those in use; empty: unknown. */
  UnusedPullSecrets(Set<String> used, ClusterWriter writer, Clock clock) {
    this.used = Set.copyOf(used);
    this.writer = writer;
    this.clock = clock;
    this.due = used.isEmpty() ? Instant.MAX : Instant.MIN;
  }

  @Override
  public boolean pass() throws IOException, InterruptedException {
    Instant now = clock.instant();
    if (now.isBefore(due)) {
      return false;
    }
    due = now.plus(RETRY_AFTER);
    var unused = new ArrayList<ObjectMetadata>();
    writer.secrets(
        Duties.NAMESPACE,
        SELECTOR,
        secret -> {
          if (!used.contains(secret.name())) {
            unused.add(secret);
          }
        });
    Optional<IOException> failure = Optional.empty();
    for (ObjectMetadata secret : unused) {
      try {
        if (writer.deleteSecret(secret)) {
          log.info("unused pull secret deleted: name={}/{}", Duties.NAMESPACE, secret.name());
        }
      } catch (IOException e) {
        failure = failure.or(() -> Optional.of(e));
      }
    }
    if (failure.isPresent()) {
      throw failure.get();
    }
    due = Instant.MAX;
    return true;
  }
}
