package io.drover.agent.config;

/**
 * Rancher's pages of what is in the cluster.
 *
 * @param enabled otherwise only Rancher's checks are answered
 * @param masters whether a user may come as a member of {@code system:masters}
 * @param features Rancher's list, one of which says how the pages ask
 * @param serverVersion Rancher's, on which that depends too; empty: a new one
 */
public record ExplorerConfig(
    boolean enabled, boolean masters, String features, String serverVersion) {
  static ExplorerConfig from(Environment env) {
    return new ExplorerConfig(
        env.isOn(Setting.DROVER_EXPLORER),
        env.isTrue(Setting.DROVER_EXPLORER_MASTERS),
        env.text(Setting.CATTLE_FEATURES),
        env.text(Setting.CATTLE_SERVER_VERSION));
  }
}
