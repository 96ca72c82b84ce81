package io.drover.server.removal;

import io.drover.server.store.Condition.Status;

/**
 * How far a removal is: what condition {@code Removed} says.
 *
 * @param status never true: the record goes then
 * @param isCleanedUp whether the agent's end is all that is missing
 */
record Progress(Status status, String reason, String message, boolean isCleanedUp) {
  static Progress waiting(String reason, String message) {
    return new Progress(Status.UNKNOWN, reason, message, false);
  }

  static Progress failed(String reason, String message) {
    return new Progress(Status.FALSE, reason, message, false);
  }

  static Progress cleanedUp(String message) {
    return new Progress(Status.UNKNOWN, "AgentStops", message, true);
  }
}
