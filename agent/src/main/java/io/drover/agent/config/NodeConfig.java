package io.drover.agent.config;

import java.net.URI;
import java.util.Map;
import java.util.Optional;

/**
 * What a node agent needs: no right in the cluster, and no credentials.
 *
 * @param node its name in Kubernetes
 * @param listen where it answers
 * @param agents itself and the others
 * @param apiServer {@code host:port}, an IPv6 host in brackets
 * @param registry such as {@code https://registry.example.org/v2/}
 */
public record NodeConfig(
    String node,
    Listen listen,
    NodeAgents agents,
    ServerConfig server,
    Paths paths,
    String apiServer,
    Optional<URI> registry,
    LogConfig log)
    implements Mode.Lasting {

  /**
   * An address to listen on.
   *
   * @param host without brackets
   * @param port 0: any free one
   */
  public record Listen(String host, int port) {
    private static final String EXPECTED = "expected host:port or :port";
    private static final String EVERYWHERE = "0.0.0.0";

    private static Listen parse(String text) {
      var parts = HostPort.split(text, EXPECTED);
      return new Listen(
          parts.host().isEmpty() ? EVERYWHERE : parts.host(), Numbers.port(parts.port(), EXPECTED));
    }
  }

  /**
   * Reads the environment variables in {@link Setting}.
   *
   * @throws ConfigException with every problem at once
   */
  public static NodeConfig from(Map<String, String> variables) throws ConfigException {
    var env = new Environment(variables);
    String node = env.text(Setting.CATTLE_NODE_NAME);
    if (node.isEmpty()) {
      env.problem(Setting.CATTLE_NODE_NAME, "is not set: set it to the name of this pod's node");
    }
    var config =
        new NodeConfig(
            node,
            env.parse(Setting.DROVER_NODE_ADDRESS, Listen::parse),
            NodeAgents.from(env),
            ServerConfig.from(env),
            Paths.from(env),
            apiServer(env),
            env.parse(Setting.DROVER_NODE_REGISTRY, NodeConfig::registry),
            LogConfig.from(env));
    AgentConfig.refuseOtherModes(env);
    env.check();
    return config;
  }

  private static String apiServer(Environment env) {
    String host = env.text(Setting.KUBERNETES_SERVICE_HOST);
    String port = env.text(Setting.KUBERNETES_SERVICE_PORT);
    if (host.isEmpty() || port.isEmpty()) {
      env.problem(
          Setting.KUBERNETES_SERVICE_HOST,
          "or KUBERNETES_SERVICE_PORT is not set: a node agent runs as a pod");
    }
    return HostPort.join(host, port);
  }

  private static Optional<URI> registry(String text) {
    if (text.isEmpty()) {
      return Optional.empty();
    }
    String expected = "expected a host or host:port, such as registry.example.org:5000";
    URI url;
    try {
      url = URI.create("https://" + text + "/v2/");
    } catch (IllegalArgumentException e) {
      throw new IllegalArgumentException(expected, e);
    }
    if (url.getHost() == null || !url.getPath().equals("/v2/") || url.getUserInfo() != null) {
      throw new IllegalArgumentException(expected);
    }
    return Optional.of(url);
  }
}
