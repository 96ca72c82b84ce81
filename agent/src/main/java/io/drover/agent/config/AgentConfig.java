package io.drover.agent.config;

import java.util.Map;

/** Everything that was set, each part for the package that needs it. */
public record AgentConfig(
    ServerConfig server,
    Paths paths,
    KubeConfig kube,
    TunnelConfig tunnel,
    HealthConfig health,
    ReportConfig report,
    DutyConfig duty,
    LogConfig log,
    Features features) {

  /**
   * Reads the environment variables in {@link Setting}; others are ignored, since Rancher sets
   * many.
   *
   * @throws ConfigException with every problem at once
   */
  public static AgentConfig from(Map<String, String> variables) throws ConfigException {
    var env = new Environment(variables);
    var server = ServerConfig.from(env);
    var paths = Paths.from(env);
    var config =
        new AgentConfig(
            server,
            paths,
            KubeConfig.from(env, paths),
            TunnelConfig.from(env),
            HealthConfig.from(env),
            ReportConfig.from(env),
            DutyConfig.from(env),
            LogConfig.from(env),
            Features.from(env));
    refuse(env, Setting.CLUSTER_CLEANUP, "use Rancher's own agent image for the cleanup job");
    refuse(env, Setting.BINDING_CLEANUP, "it belongs to Rancher's own cluster");
    refuse(env, Setting.AD_GUID_CLEANUP, "it belongs to Rancher's own cluster");
    env.check();
    return config;
  }

  private static void refuse(Environment env, Setting mode, String remedy) {
    if (env.isTrue(mode)) {
      env.problem(mode, "is true, which this version of drover-agent cannot do: " + remedy);
    }
  }
}
