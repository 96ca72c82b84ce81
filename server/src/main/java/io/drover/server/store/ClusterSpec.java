package io.drover.server.store;

import java.util.List;

/**
 * What whoever makes a cluster may choose. What was not chosen is empty.
 *
 * @param name unique
 * @param privateRegistryUrl where all images come from, without {@code https://} and slash
 * @param agentImageOverride the agent's image, in place of the server's
 * @param privateCa further authorities that the agent trusts, as PEM
 * @param agentEnvVars more variables for the agent
 */
public record ClusterSpec(
    String name,
    String privateRegistryUrl,
    String agentImageOverride,
    String privateCa,
    List<EnvVar> agentEnvVars) {
  public ClusterSpec {
    agentEnvVars = List.copyOf(agentEnvVars);
  }

  /** Nothing chosen but the name. */
  public static ClusterSpec named(String name) {
    return new ClusterSpec(name, "", "", "", List.of());
  }
}
