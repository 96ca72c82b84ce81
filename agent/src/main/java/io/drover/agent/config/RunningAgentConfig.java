package io.drover.agent.config;

import java.net.URI;
import java.util.HashMap;
import java.util.Map;

/**
 * Where a running agent is asked.
 *
 * @param health where {@code /readyz} and {@code /metrics} are; {@code http}, without path
 */
public record RunningAgentConfig(URI health) {
  private static final String EXPECTED = "expected http://host:port";

  /**
   * Reads the environment variables in {@link Setting}: beside an agent they are its own.
   *
   * @param address URL on the command line, which wins; or empty
   * @throws ConfigException with every problem at once
   */
  public static RunningAgentConfig from(Map<String, String> variables, String address)
      throws ConfigException {
    var all = new HashMap<>(variables);
    if (!address.isEmpty()) {
      all.remove(Setting.DROVER_HEALTH_ADDRESS.name());
    }
    var env = new Environment(all);
    var health = HealthConfig.from(env);
    if (!health.enabled() || health.port() == 0) {
      env.problem(
          Setting.DROVER_HEALTH_ADDRESS,
          "says no port at which the agent could be asked: name it with --address");
    }
    String text =
        address.isEmpty()
            ? "http://" + HostPort.join(reachable(health.host()), Integer.toString(health.port()))
            : address;
    URI url = URI.create("http://127.0.0.1");
    try {
      url = url(text);
    } catch (IllegalArgumentException e) {
      env.problem("the agent's address is '" + text + "': " + e.getMessage());
    }
    env.check();
    return new RunningAgentConfig(url);
  }

  /** What listens everywhere is asked here. */
  private static String reachable(String host) {
    return switch (host) {
      case "0.0.0.0" -> "127.0.0.1";
      case "::" -> "::1";
      default -> host;
    };
  }

  private static URI url(String text) {
    URI url;
    try {
      url = URI.create(text);
    } catch (IllegalArgumentException e) {
      throw new IllegalArgumentException(EXPECTED, e);
    }
    boolean hasPath = url.getRawPath() != null && !url.getRawPath().matches("/?");
    if (!"http".equals(url.getScheme()) || url.getHost() == null || hasPath) {
      throw new IllegalArgumentException(EXPECTED);
    }
    return url;
  }
}
