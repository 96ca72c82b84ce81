package io.drover.agent.inspect;

import com.fasterxml.jackson.databind.JsonNode;

/**
 * An agent at one moment.
 *
 * @param json what {@code /readyz} said, as {@code docs/status.md} has it
 */
public record AgentState(JsonNode json) {

  /** Whether both tunnels are as they should be. */
  public boolean isReady() {
    return json.path("ready").asBoolean();
  }

  /** One line of JSON. */
  public String text() {
    return json.toString();
  }
}
