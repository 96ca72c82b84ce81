package io.drover.agent.gateway.policy;

import io.drover.steve.kube.Reach;
import java.time.Instant;
import java.util.Objects;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * A policy as it stands at one moment. Two that are equal decide alike, however much time is
 * between them. Immutable.
 */
public final class Standing {
  private final Policy policy;
  private final BreakGlass breakGlass;
  private final Instant now;

  Standing(Policy policy, BreakGlass breakGlass, Instant now) {
    this.policy = policy;
    this.breakGlass = breakGlass;
    this.now = now;
  }

  /** Says what becomes of a request. */
  public Decision decide(Requester requester, RequestInfo request) {
    return policy.decide(requester, request, breakGlass, now);
  }

  /** How far a verb reaches among the objects of a type. */
  public Reach reach(Requester requester, String verb, String group, String resource) {
    return isSuspended()
        ? Reach.ALL
        : PolicyReach.of(policy, requester, verb, group, resource, now);
  }

  /** By what rule, with its reason and whom to ask, somebody is denied anything; or empty. */
  public Optional<String> denial(Requester requester) {
    return isSuspended() ? Optional.empty() : policy.denial(requester, now);
  }

  private boolean isSuspended() {
    return breakGlass.isOn(now);
  }

  /** Null: there are none. */
  private @Nullable Boolean isWithinHours() {
    var hours = policy.hours();
    return hours == null ? null : hours.isWithin(now);
  }

  @Override
  public boolean equals(@Nullable Object other) {
    return other instanceof Standing standing
        && policy == standing.policy
        && isSuspended() == standing.isSuspended()
        && Objects.equals(isWithinHours(), standing.isWithinHours());
  }

  @Override
  public int hashCode() {
    return Objects.hash(System.identityHashCode(policy), isSuspended(), isWithinHours());
  }
}
