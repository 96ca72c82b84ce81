package io.drover.agent.config;

import java.util.Map;

/**
 * What the clean-up needs: far less than the agent.
 *
 * @param dryRun nothing is changed, only said
 * @param sleepFirst the server gets time to end its side
 */
public record CleanupConfig(KubeConfig kube, boolean dryRun, boolean sleepFirst, LogConfig log)
    implements Mode {

  /**
   * Reads the environment variables in {@link Setting}.
   *
   * @throws ConfigException with every problem at once
   */
  public static CleanupConfig from(Map<String, String> variables) throws ConfigException {
    var env = new Environment(variables);
    var config =
        new CleanupConfig(
            KubeConfig.from(env, Paths.from(env)),
            env.isTrue(Setting.DRY_RUN),
            env.isTrue(Setting.SLEEP_FIRST),
            LogConfig.from(env));
    AgentConfig.refuseOtherModes(env);
    env.check();
    return config;
  }
}
