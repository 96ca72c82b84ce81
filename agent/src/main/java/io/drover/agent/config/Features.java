package io.drover.agent.config;

import java.util.Set;

/**
 * Rancher's switches, as far as they concern us.
 *
 * @param provisioningPrebootstrap the cluster is still being built: no steve tunnel
 * @param connectOnly the cluster tunnel goes to the connect path at once, without registering
 */
public record Features(boolean provisioningPrebootstrap, boolean connectOnly) {
  /** Source: Go {@code strconv.ParseBool}. */
  private static final Set<String> TRUE = Set.of("1", "t", "T", "true", "TRUE", "True");

  static Features from(Environment env) {
    return new Features(
        isOn(env.text(Setting.CATTLE_FEATURES), "provisioningprebootstrap"),
        env.isTrue(Setting.CATTLE_AGENT_CONNECT));
  }

  /**
   * The last mention counts. Names that we do not know and items that we cannot read are skipped:
   * the server writes this list, and a newer one must not stop an older agent.
   */
  private static boolean isOn(String list, String name) {
    boolean on = false;
    for (String item : list.split(",", -1)) {
      int equals = item.indexOf('=');
      if (equals >= 0 && item.substring(0, equals).strip().equals(name)) {
        on = TRUE.contains(item.substring(equals + 1).strip());
      }
    }
    return on;
  }
}
