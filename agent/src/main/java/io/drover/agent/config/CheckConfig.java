package io.drover.agent.config;

import java.net.URI;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;

/**
 * What {@code drover-agent check} needs.
 *
 * @param url of the server, if it was given on the command line: then no credentials are read
 * @param token registration token, likewise
 * @param gateway whether the agent is one
 * @param audit where a gateway records
 * @param control where the agent here is asked
 * @param kube empty: neither a pod nor a kubeconfig, so that nothing of the cluster is asked
 */
public record CheckConfig(
    ServerConfig server,
    Optional<URI> url,
    Optional<Secret> token,
    Paths paths,
    boolean gateway,
    AuditConfig audit,
    ControlConfig control,
    Optional<KubeConfig> kube,
    ReportConfig report,
    DutyConfig duty,
    ExplorerConfig explorer) {

  /**
   * Reads the environment variables in {@link Setting}.
   *
   * @param server URL on the command line, which wins over {@code CATTLE_SERVER}; or empty
   * @param token on the command line; or empty
   * @throws ConfigException with every problem at once
   */
  public static CheckConfig from(Map<String, String> variables, String server, Secret token)
      throws ConfigException {
    var all = new HashMap<>(variables);
    if (!server.isEmpty()) {
      all.put(Setting.CATTLE_SERVER.name(), server);
    }
    var env = new Environment(all);
    var paths = Paths.from(env);
    boolean hasCluster =
        !env.text(Setting.KUBERNETES_SERVICE_HOST).isEmpty()
            || !env.text(Setting.KUBECONFIG).isEmpty();
    var parsed = ServerConfig.from(env);
    var config =
        new CheckConfig(
            parsed,
            server.isEmpty() ? Optional.empty() : Optional.of(parsed.server()),
            token.isEmpty() ? Optional.empty() : Optional.of(token),
            paths,
            env.isOn(Setting.DROVER_GATEWAY),
            AuditConfig.from(env),
            ControlConfig.from(env),
            hasCluster ? Optional.of(KubeConfig.from(env, paths)) : Optional.empty(),
            ReportConfig.from(env),
            DutyConfig.from(env),
            ExplorerConfig.from(env));
    env.check();
    return config;
  }
}
