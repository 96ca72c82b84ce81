package io.drover.agent.config;

import java.util.Arrays;
import java.util.EnumSet;
import java.util.Locale;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * The small things that are done beside the tunnels.
 *
 * @param duties those that are done
 * @param credentialName of the Secret with the credentials in use; empty: unknown, so that no
 *     Secret is unused
 * @param pullSecrets names of the image pull Secrets in use; empty: unknown, likewise
 * @param pod the agent's own; empty: it is no pod
 */
public record DutyConfig(
    Set<Duty> duties, String credentialName, Set<String> pullSecrets, String pod) {

  /** What there is to do. In the setting, names are in lower case and with dashes. */
  public enum Duty {
    NODE_ANNOTATIONS,
    NAMESPACE_LABELS,
    SCALE_AVAILABLE,
    UNUSED_CREDENTIALS,
    UNUSED_PULL_SECRETS,
    /** What keeps a tunnel down, as Events of the agent's own pod. */
    TUNNEL_EVENTS;

    /** The name by which it is set and logged. */
    public String text() {
      return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }
  }

  private static final String EXPECTED =
      "expected all, none, or a comma list of "
          + Arrays.stream(Duty.values()).map(Duty::text).collect(Collectors.joining(", "));

  public DutyConfig {
    duties = Set.copyOf(duties);
    pullSecrets = Set.copyOf(pullSecrets);
  }

  static DutyConfig from(Environment env) {
    return new DutyConfig(
        env.parse(Setting.DROVER_DUTIES, DutyConfig::duties),
        env.text(Setting.CATTLE_CREDENTIAL_NAME),
        names(env.text(Setting.CATTLE_AGENT_PULL_SECRETS)),
        env.text(Setting.HOSTNAME));
  }

  private static Set<Duty> duties(String text) {
    return switch (text) {
      case "all" -> EnumSet.allOf(Duty.class);
      case "none" -> EnumSet.noneOf(Duty.class);
      default -> names(text).stream().map(DutyConfig::duty).collect(Collectors.toSet());
    };
  }

  private static Duty duty(String name) {
    return Arrays.stream(Duty.values())
        .filter(duty -> duty.text().equals(name))
        .findFirst()
        .orElseThrow(() -> new IllegalArgumentException(EXPECTED));
  }

  static Set<String> names(String list) {
    return Arrays.stream(list.split(",", -1))
        .map(String::strip)
        .filter(name -> !name.isEmpty())
        .collect(Collectors.toSet());
  }
}
