package io.drover.server.health;

import io.drover.server.store.Condition;
import io.drover.server.store.Condition.Status;
import java.util.List;
import java.util.Optional;

/**
 * A cluster at one moment.
 *
 * @param conditions those that were looked at, in the order in which a cluster usually gets them
 * @param isRemoving whether somebody has asked to remove it
 */
public record ClusterHealth(List<Condition> conditions, boolean isRemoving) {
  public ClusterHealth {
    conditions = List.copyOf(conditions);
  }

  /** That condition, if it was looked at. */
  public Optional<Condition> condition(Condition.Type type) {
    return conditions.stream().filter(condition -> condition.type() == type).findFirst();
  }

  private boolean is(Condition.Type type) {
    return condition(type).filter(condition -> condition.status() == Status.TRUE).isPresent();
  }

  /**
   * {@code pending} before the first connect, then {@code active} or {@code unavailable}; {@code
   * removing} once somebody has asked for that.
   */
  public String state() {
    if (isRemoving) {
      return "removing";
    }
    if (!is(Condition.Type.PROVISIONED)) {
      return "pending";
    }
    return is(Condition.Type.CONNECTED) && is(Condition.Type.READY) ? "active" : "unavailable";
  }
}
