package io.drover.agent.config;

import java.util.List;
import java.util.Map;

/** Everything that was set, each part for the package that needs it. */
public record AgentConfig(
    ServerConfig server,
    Paths paths,
    KubeConfig kube,
    TunnelConfig tunnel,
    AuditConfig audit,
    ExplorerConfig explorer,
    HealthConfig health,
    ReportConfig report,
    DutyConfig duty,
    ControlConfig control,
    NodeAgents nodeAgents,
    LogConfig log,
    Features features)
    implements Mode.Lasting {

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
            AuditConfig.from(env),
            ExplorerConfig.from(env),
            HealthConfig.from(env),
            ReportConfig.from(env),
            DutyConfig.from(env),
            ControlConfig.from(env),
            NodeAgents.from(env),
            LogConfig.from(env),
            Features.from(env));
    refuseOtherModes(env);
    env.check();
    return config;
  }

  /** The stock agent's modes that we do not have: to start as an agent instead would be wrong. */
  static void refuseOtherModes(Environment env) {
    for (Setting mode : List.of(Setting.BINDING_CLEANUP, Setting.AD_GUID_CLEANUP)) {
      if (env.isTrue(mode)) {
        env.problem(
            mode,
            "is true, which drover-agent cannot do: it repairs Rancher's own cluster, so run it"
                + " there with Rancher's agent image");
      }
    }
  }
}
