package io.drover.agent.view;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.List;
import java.util.Optional;

/**
 * A pod, of which there are many: kept small.
 *
 * @param node empty: not scheduled
 * @param reason why a container does not run, or the pod is not scheduled; empty if all is well
 * @param images of a pod that its node runs by itself (a static pod); empty for all others
 */
public record Pod(
    String namespace,
    String name,
    String node,
    String phase,
    boolean ready,
    boolean controlled,
    String reason,
    String message,
    Amounts amounts,
    List<String> images) {

  /** Whether it still counts for its node. */
  public boolean hasEnded() {
    return phase.equals("Succeeded") || phase.equals("Failed");
  }

  static Optional<Pod> of(JsonNode object) {
    JsonNode spec = object.path("spec");
    JsonNode status = object.path("status");
    boolean ready = false;
    String reason = "";
    String message = "";
    for (JsonNode condition : status.path("conditions")) {
      String type = Json.text(condition.path("type"));
      boolean isTrue = Json.text(condition.path("status")).equals("True");
      if (type.equals("Ready")) {
        ready = isTrue;
      } else if (type.equals("PodScheduled") && !isTrue) {
        reason = Json.text(condition.path("reason"));
        message = Json.text(condition.path("message"));
      }
    }
    for (String containers : List.of("initContainerStatuses", "containerStatuses")) {
      for (JsonNode container : status.path(containers)) {
        JsonNode waiting = container.path("state").path("waiting");
        String waitingFor = Json.text(waiting.path("reason"));
        if (!waitingFor.isEmpty()
            && !waitingFor.equals("PodInitializing")
            && !waitingFor.equals("ContainerCreating")) {
          reason = waitingFor;
          message = Json.text(waiting.path("message"));
        }
      }
    }
    String owner = "";
    for (JsonNode reference : object.path("metadata").path("ownerReferences")) {
      if (reference.path("controller").asBoolean()) {
        owner = Json.text(reference.path("kind"));
      }
    }
    return Optional.of(
        new Pod(
            Json.namespace(object).intern(),
            Json.name(object),
            Json.text(spec.path("nodeName")).intern(),
            Json.text(status.path("phase")).intern(),
            ready,
            !owner.isEmpty(),
            reason.intern(),
            Json.shortened(message),
            Amounts.of(spec),
            owner.equals("Node") ? Json.images(spec) : List.of()));
  }
}
