package io.drover.agent.config;

/**
 * Where health and metrics are served.
 *
 * @param enabled otherwise nothing listens, and the rest has no meaning
 * @param host address to listen on, without brackets
 * @param port 0: any free one
 */
public record HealthConfig(boolean enabled, String host, int port) {
  private static final String EXPECTED = "expected host:port, :port or off";
  private static final String EVERYWHERE = "0.0.0.0";

  static HealthConfig from(Environment env) {
    return env.parse(Setting.DROVER_HEALTH_ADDRESS, HealthConfig::parse);
  }

  private static HealthConfig parse(String text) {
    if (text.equals("off")) {
      return new HealthConfig(false, EVERYWHERE, 0);
    }
    var parts = HostPort.split(text, EXPECTED);
    String host = parts.host().isEmpty() ? EVERYWHERE : parts.host();
    return new HealthConfig(true, host, Numbers.port(parts.port(), EXPECTED));
  }
}
