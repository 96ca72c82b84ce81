package io.drover.agent.config;

import java.net.URI;
import java.net.URISyntaxException;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * What is reported, and where to.
 *
 * @param enabled otherwise nothing is read and nothing written
 * @param url where reports go besides the cluster itself
 * @param token for that URL; empty: the registration token, if the URL is the server's own
 * @param trials what may be tried out
 */
public record ReportConfig(
    boolean enabled, Optional<URI> url, Optional<Secret> token, Set<Trial> trials) {

  /** Attempts without effect, for what nothing else tells. */
  public enum Trial {
    /** A Service that the API server must refuse, naming the range of node ports. */
    NODE_PORTS,
    /** A dry run of a taint. */
    TAINTS,
    /** A dry run of a namespace's label. */
    POD_SECURITY;

    /** As in the environment. */
    public String text() {
      return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }
  }

  public ReportConfig {
    trials = Set.copyOf(trials);
  }

  static ReportConfig from(Environment env) {
    String token = env.text(Setting.DROVER_REPORT_TOKEN);
    return new ReportConfig(
        env.isOn(Setting.DROVER_REPORTS),
        env.parse(Setting.DROVER_REPORT_URL, ReportConfig::url),
        token.isEmpty() ? Optional.empty() : Optional.of(new Secret(token)),
        env.parse(Setting.DROVER_TRIALS, ReportConfig::trials));
  }

  private static Optional<URI> url(String text) {
    if (text.isEmpty()) {
      return Optional.empty();
    }
    URI url;
    try {
      url = new URI(text);
    } catch (URISyntaxException e) {
      // Without the text, which its message quotes.
      throw new IllegalArgumentException("expected an https URL: " + e.getReason(), e);
    }
    if (!"https".equals(url.getScheme()) || url.getHost() == null || url.getUserInfo() != null) {
      throw new IllegalArgumentException(
          "expected an https URL without user, since a token goes with it");
    }
    return Optional.of(url);
  }

  private static Set<Trial> trials(String text) {
    return switch (text) {
      case "all" -> EnumSet.allOf(Trial.class);
      case "none" -> EnumSet.noneOf(Trial.class);
      default ->
          Arrays.stream(text.split(",", -1)).map(ReportConfig::trial).collect(Collectors.toSet());
    };
  }

  private static Trial trial(String text) {
    return Arrays.stream(Trial.values())
        .filter(trial -> trial.text().equals(text.strip()))
        .findFirst()
        .orElseThrow(
            () ->
                new IllegalArgumentException(
                    "expected all, none, or some of node-ports, taints, pod-security"));
  }
}
