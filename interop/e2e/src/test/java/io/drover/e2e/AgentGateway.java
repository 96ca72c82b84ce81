package io.drover.e2e;

/** What the agent's gateway is known by. */
final class AgentGateway {
  static final String HOST = "drover-gateway.internal";
  static final String ADDRESS = HOST + ":443";

  /** Its authority and its tokens. */
  static final String SECRET = "drover-gateway";

  private AgentGateway() {}
}
