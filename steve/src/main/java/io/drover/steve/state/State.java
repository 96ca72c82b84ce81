package io.drover.steve.state;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.time.Clock;
import java.util.Locale;

/** An object's {@code metadata.state}: its summary, under the name that the pages show. */
public record State(String name, boolean error, boolean transitioning, String message) {
  /** Which cell of a pod's row is its status: Name, Ready, Status, ... */
  private static final int POD_STATUS_CELL = 2;

  /**
   * Reads the object and, of a pod, its {@code metadata.fields}: what kubectl prints as its status
   * is more exact than any summary.
   */
  public static State of(ObjectNode object, Clock clock) {
    var summary = Summary.of(object, clock);
    return new State(
        name(object, summary), summary.error(), summary.transitioning(), summary.message());
  }

  private static String name(ObjectNode object, Summary summary) {
    var isPod =
        object.path("kind").asText("").equals("Pod")
            && object.path("apiVersion").asText("").equals("v1");
    var status = object.path("metadata").path("fields").path(POD_STATUS_CELL).asText("");
    return isPod && !status.isEmpty()
        ? status.substring(0, 1).toLowerCase(Locale.ROOT) + status.substring(1)
        : summary.state();
  }

  public ObjectNode json() {
    return JsonNodeFactory.instance
        .objectNode()
        .put("error", error)
        .put("message", message)
        .put("name", name)
        .put("transitioning", transitioning);
  }
}
