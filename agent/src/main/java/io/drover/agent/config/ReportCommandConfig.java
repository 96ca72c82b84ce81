package io.drover.agent.config;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;

/**
 * What {@code drover-agent report} needs: far less than the agent.
 *
 * @param kube as for the agent; outside a pod also the user's own kubeconfig
 * @param nodes as for the agent: none, unless the command runs beside it
 */
public record ReportCommandConfig(KubeConfig kube, ReportConfig report, NodeAgents nodes) {
  private static final Path STANDARD = Path.of(".kube", "config");

  /**
   * Reads the environment variables in {@link Setting}.
   *
   * @throws ConfigException with every problem at once
   */
  public static ReportCommandConfig from(Map<String, String> variables) throws ConfigException {
    var all = new HashMap<>(variables);
    Path own = Path.of(variables.getOrDefault("HOME", "")).resolve(STANDARD);
    boolean isPod = !variables.getOrDefault(Setting.KUBERNETES_SERVICE_HOST.name(), "").isEmpty();
    boolean isNamed = !variables.getOrDefault(Setting.KUBECONFIG.name(), "").isEmpty();
    if (!isPod && !isNamed && Files.isReadable(own)) {
      all.put(Setting.KUBECONFIG.name(), own.toString());
    }
    var env = new Environment(all);
    var config =
        new ReportCommandConfig(
            KubeConfig.from(env, Paths.from(env)), ReportConfig.from(env), NodeAgents.from(env));
    env.check();
    return config;
  }
}
