package io.drover.agent.config;

/**
 * Rancher's pages of what is in the cluster.
 *
 * @param enabled otherwise only Rancher's checks are answered
 * @param masters whether a user may come as a member of {@code system:masters}
 */
public record ExplorerConfig(boolean enabled, boolean masters) {
  static ExplorerConfig from(Environment env) {
    return new ExplorerConfig(
        env.isOn(Setting.DROVER_EXPLORER), env.isTrue(Setting.DROVER_EXPLORER_MASTERS));
  }
}
