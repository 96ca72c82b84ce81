package io.drover.steve.state;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.time.Clock;
import java.util.List;

/** What is added to an object on its way to a page, and taken from it on its way back. */
public final class Computed {
  private static final List<String> OF_METADATA = List.of("fields", "relationships", "state");
  private static final List<String> OF_CONDITION =
      List.of("error", "lastUpdateTime", "transitioning");

  private Computed() {}

  /**
   * Says of each of {@code status.conditions} whether it is an error or a change, and since when.
   */
  public static void addToConditions(ObjectNode object, Clock clock) {
    for (var node : object.path("status").path("conditions")) {
      if (node instanceof ObjectNode condition) {
        var summary = Summary.of(Condition.of(condition), object, clock);
        condition.put("error", summary.error()).put("transitioning", summary.transitioning());
        if (condition.path("lastUpdateTime").asText("").isEmpty()) {
          condition.put("lastUpdateTime", condition.path("lastTransitionTime").asText(""));
        }
      }
    }
  }

  /** Takes out whatever was computed, so that the object can be written. */
  public static void strip(ObjectNode object) {
    if (object.get("metadata") instanceof ObjectNode metadata) {
      metadata.remove(OF_METADATA);
    }
    for (var node : object.path("status").path("conditions")) {
      if (node instanceof ObjectNode condition) {
        condition.remove(OF_CONDITION);
      }
    }
  }
}
