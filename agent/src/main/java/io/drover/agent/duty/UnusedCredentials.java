package io.drover.agent.duty;

import io.drover.agent.kube.ClusterWriter;
import io.drover.agent.kube.ObjectMetadata;
import io.drover.agent.reason.Failure;
import io.drover.agent.reason.Reason;
import java.io.IOException;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.concurrent.atomic.AtomicBoolean;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Deletes the Secrets with credentials that the server has replaced, so that no tokens lie about.
 *
 * <p>Source: Rancher {@code pkg/agent/clean/credentials.go}, v2.15.0. That one once deleted the
 * credentials in use, because it did not know their name. Here nothing is deleted unless the name
 * is known and a Secret of that name exists.
 */
final class UnusedCredentials implements Duty {
  /** Between passes, and before the first. */
  static final Duration EVERY = Duration.ofHours(1);

  /** Younger ones may be on their way to a new pod. */
  static final Duration MIN_AGE = Duration.ofHours(1);

  /** A pass that has not ended then goes on in the next one. */
  static final Duration LIMIT = Duration.ofMinutes(1);

  static final String PREFIX = "cattle-credentials-";

  private static final Logger log = LoggerFactory.getLogger(UnusedCredentials.class);

  private final String used;
  private final ClusterWriter writer;
  private final Clock clock;
  private Instant due;

  /** {@code used} is the name of the Secret with the credentials in use; empty: unknown. */
  UnusedCredentials(String used, ClusterWriter writer, Clock clock) {
    this.used = used;
    this.writer = writer;
    this.clock = clock;
    this.due = clock.instant().plus(EVERY);
  }

  @Override
  public boolean pass() throws IOException, InterruptedException {
    Instant now = clock.instant();
    if (used.isEmpty() || now.isBefore(due)) {
      return false;
    }
    due = now.plus(EVERY);
    var usedExists = new AtomicBoolean();
    var unused = new ArrayList<ObjectMetadata>();
    writer.secrets(
        Duties.NAMESPACE,
        "",
        secret -> {
          if (secret.name().equals(used)) {
            usedExists.set(true);
          } else if (secret.name().startsWith(PREFIX) && isOld(secret, now)) {
            unused.add(secret);
          }
        });
    if (!unused.isEmpty() && !usedExists.get()) {
      throw new Failure(
          Reason.CREDENTIALS_MISSING,
          "secret %s/%s, which is said to be in use, does not exist: nothing is deleted"
              .formatted(Duties.NAMESPACE, used));
    }
    for (ObjectMetadata secret : unused) {
      if (clock.instant().isAfter(now.plus(LIMIT))) {
        break;
      }
      if (writer.deleteSecret(secret)) {
        log.info("unused credentials deleted: secret={}/{}", Duties.NAMESPACE, secret.name());
      }
    }
    return true;
  }

  private static boolean isOld(ObjectMetadata secret, Instant now) {
    return secret.created().map(created -> !created.plus(MIN_AGE).isAfter(now)).orElse(false);
  }
}
