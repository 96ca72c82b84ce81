package io.drover.agent.config;

import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;

/**
 * Where this user, and nobody else, asks the agent what is not for everybody.
 *
 * @param socket a UNIX socket; empty: nowhere
 */
public record ControlConfig(Optional<Path> socket) {

  static ControlConfig from(Environment env) {
    return new ControlConfig(env.parse(Setting.DROVER_LOG_SOCKET, ControlConfig::socket));
  }

  /**
   * Reads the environment variable alone, beside an agent.
   *
   * @throws ConfigException if it is of no use
   */
  public static ControlConfig from(Map<String, String> variables) throws ConfigException {
    var env = new Environment(variables);
    var config = from(env);
    env.check();
    return config;
  }

  private static Optional<Path> socket(String text) {
    return text.equals("off") ? Optional.empty() : Optional.of(Path.of(text));
  }
}
