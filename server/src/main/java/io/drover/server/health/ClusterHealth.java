package io.drover.server.health;

import io.drover.server.health.Condition.Status;
import java.util.List;

/** All conditions of a cluster at one moment. */
public record ClusterHealth(Condition provisioned, Condition connected, Condition ready) {

  /** In the order in which a cluster usually gets them. */
  public List<Condition> conditions() {
    return List.of(provisioned, connected, ready);
  }

  /** {@code pending} before the first connect, then {@code active} or {@code unavailable}. */
  public String state() {
    if (provisioned.status() != Status.TRUE) {
      return "pending";
    }
    return connected.status() == Status.TRUE && ready.status() == Status.TRUE
        ? "active"
        : "unavailable";
  }
}
