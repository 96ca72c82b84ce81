package io.drover.agent.config;

import java.util.Map;

/** What this process is to be, as the environment says; an image serves all of them. */
public sealed interface Mode permits CleanupConfig, Mode.Lasting {
  /** One that ends when it is asked to. */
  sealed interface Lasting extends Mode permits AgentConfig, NodeConfig {}

  /** What it logs. */
  LogConfig log();

  /**
   * Reads the environment variables in {@link Setting}; others are ignored, since Rancher sets
   * many.
   *
   * @throws ConfigException with every problem at once
   */
  static Mode from(Map<String, String> variables) throws ConfigException {
    var env = new Environment(variables);
    if (env.isTrue(Setting.CLUSTER_CLEANUP)) {
      return CleanupConfig.from(variables);
    }
    return env.text(Setting.CATTLE_CLUSTER).equals("false")
        ? NodeConfig.from(variables)
        : AgentConfig.from(variables);
  }
}
