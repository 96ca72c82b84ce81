package io.drover.agent.config;

import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * Rancher's pages of what is in the cluster.
 *
 * @param enabled otherwise only Rancher's checks are answered
 * @param masters whether a user may come as a member of {@code system:masters}
 * @param features Rancher's list, one of which says how the pages ask
 * @param serverVersion Rancher's, on which that depends too; empty: a new one
 * @param shellImage of the pods of kubectl shells; empty: there are none
 * @param pullSecrets names of the Secrets to pull it with, in cattle-system
 * @param directory of files for what pages look at; empty: that is in memory
 */
public record ExplorerConfig(
    boolean enabled,
    boolean masters,
    String features,
    String serverVersion,
    String shellImage,
    List<String> pullSecrets,
    Optional<Path> directory) {
  public ExplorerConfig {
    pullSecrets = List.copyOf(pullSecrets);
  }

  static ExplorerConfig from(Environment env) {
    return new ExplorerConfig(
        env.isOn(Setting.DROVER_EXPLORER),
        env.isTrue(Setting.DROVER_EXPLORER_MASTERS),
        env.text(Setting.CATTLE_FEATURES),
        env.text(Setting.CATTLE_SERVER_VERSION),
        image(
            env.text(Setting.CATTLE_SHELL_IMAGE), env.text(Setting.CATTLE_SYSTEM_DEFAULT_REGISTRY)),
        List.copyOf(DutyConfig.names(env.text(Setting.CATTLE_AGENT_PULL_SECRETS))),
        env.directory(Setting.DROVER_EXPLORER_DIR));
  }

  /** What stands before the first slash of an image is a registry if it looks like a host. */
  private static String image(String image, String registry) {
    if (image.equals("off")) {
      return "";
    }
    int slash = image.indexOf('/');
    boolean hasRegistry =
        image.startsWith(registry + "/")
            || (slash > 0 && image.substring(0, slash).matches("localhost|.*[.:].*"));
    return registry.isEmpty() || hasRegistry ? image : registry + "/" + image;
  }
}
