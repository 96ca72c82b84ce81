package io.drover.server.store;

import java.time.Instant;
import java.util.Optional;

/**
 * What an agent of one cluster shows to be let in; the text itself is not kept. A cluster may have
 * several.
 *
 * @param id {@code crt-} and five characters
 * @param expires when another one should be in use; empty: never
 * @param graceExpires until when it is still taken
 * @param revoked when somebody made it worthless
 */
public record RegistrationToken(
    String id,
    String clusterId,
    Instant created,
    Optional<Instant> expires,
    Optional<Instant> graceExpires,
    Optional<Instant> revoked) {

  /** What it is worth. */
  public enum State {
    /** It is taken. */
    ACTIVE,
    /** It has expired and is taken a little longer. */
    GRACE,
    /** It is not taken any more. */
    EXPIRED,
    /** Nor is this. */
    REVOKED
  }

  /** What it is worth at that time. */
  public State state(Instant now) {
    if (revoked.isPresent()) {
      return State.REVOKED;
    } else if (expires.filter(end -> !now.isBefore(end)).isEmpty()) {
      return State.ACTIVE;
    }
    return graceExpires.filter(now::isBefore).isPresent() ? State.GRACE : State.EXPIRED;
  }

  /** Whether an agent that shows it is let in. */
  public boolean isTaken(Instant now) {
    return switch (state(now)) {
      case ACTIVE, GRACE -> true;
      case EXPIRED, REVOKED -> false;
    };
  }
}
