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
      String type = condition.path("type").asText();
      boolean isTrue = condition.path("status").asText().equals("True");
      if (type.equals("Ready")) {
        ready = isTrue;
      } else if (type.equals("PodScheduled") && !isTrue) {
        reason = condition.path("reason").asText();
        message = condition.path("message").asText();
      }
    }
    for (String containers : List.of("initContainerStatuses", "containerStatuses")) {
      for (JsonNode container : status.path(containers)) {
        JsonNode waiting = container.path("state").path("waiting");
        String waitingFor = waiting.path("reason").asText();
        if (!waitingFor.isEmpty()
            && !waitingFor.equals("PodInitializing")
            && !waitingFor.equals("ContainerCreating")) {
          reason = waitingFor;
          message = waiting.path("message").asText();
        }
      }
    }
    String owner = "";
    for (JsonNode reference : object.path("metadata").path("ownerReferences")) {
      if (reference.path("controller").asBoolean()) {
        owner = reference.path("kind").asText();
      }
    }
    return Optional.of(
        new Pod(
            Json.namespace(object).intern(),
            Json.name(object),
            spec.path("nodeName").asText().intern(),
            status.path("phase").asText().intern(),
            ready,
            !owner.isEmpty(),
            reason.intern(),
            Json.shortened(message),
            Amounts.of(spec),
            owner.equals("Node") ? Json.images(spec) : List.of()));
  }
}
