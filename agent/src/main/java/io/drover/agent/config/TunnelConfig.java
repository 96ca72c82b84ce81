package io.drover.agent.config;

import java.time.Duration;
import java.util.List;

/**
 * What concerns the tunnels.
 *
 * @param drain how long open streams may go on when the agent stops
 * @param dialAllow what the server may dial besides the API server
 * @param gateway whether the server is told the agent's gateway, and not the API server
 */
public record TunnelConfig(Duration drain, List<DialRule> dialAllow, boolean gateway) {
  /** The longest {@code drain}: a pod that asks for more would not be given it. */
  public static final Duration MAX_DRAIN = Duration.ofMinutes(5);

  public TunnelConfig {
    dialAllow = List.copyOf(dialAllow);
  }

  static TunnelConfig from(Environment env) {
    return new TunnelConfig(
        env.seconds(Setting.DROVER_DRAIN_SECONDS, MAX_DRAIN),
        env.parse(Setting.DROVER_DIAL_ALLOW, DialRule::parseList),
        env.isOn(Setting.DROVER_GATEWAY));
  }
}
