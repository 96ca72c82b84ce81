package io.drover.agent.config;

import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;

/**
 * A setting as it is, for people.
 *
 * @param shown its value, as far as it is no secret
 */
public record Configured(Setting setting, String shown, Source source) {

  /** Where a value comes from; the later wins. */
  public enum Source {
    DEFAULT,
    ENVIRONMENT,
    OPTION
  }

  /**
   * All settings, in their order.
   *
   * @param variables the environment, with the options in it
   * @param options those that were set by option
   */
  public static List<Configured> list(Map<String, String> variables, Set<Setting> options) {
    var env = new Environment(variables);
    return Arrays.stream(Setting.values())
        .map(
            setting ->
                new Configured(
                    setting, setting.shown(env.text(setting)), source(env, setting, options)))
        .toList();
  }

  private static Source source(Environment env, Setting setting, Set<Setting> options) {
    if (options.contains(setting)) {
      return Source.OPTION;
    }
    return env.isSet(setting) ? Source.ENVIRONMENT : Source.DEFAULT;
  }

  /** One line, with its end. */
  public String text() {
    return "%s=%s (%s)%n".formatted(setting, shown, source.name().toLowerCase(Locale.ROOT));
  }
}
