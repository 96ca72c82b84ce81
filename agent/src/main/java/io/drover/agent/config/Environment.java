package io.drover.agent.config;

import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;

/**
 * Typed reads of {@link Setting}s. A bad value is noted and its default used in its place, so that
 * {@link #check} can name every problem at once. Not for several threads.
 */
final class Environment {
  /** Also read by their names in lower case, as curl and Go do it. */
  private static final Set<Setting> IN_ANY_CASE =
      EnumSet.of(Setting.HTTPS_PROXY, Setting.HTTP_PROXY, Setting.NO_PROXY);

  private final Map<String, String> variables;
  private final List<String> problems = new ArrayList<>();

  Environment(Map<String, String> variables) {
    this.variables = Map.copyOf(variables);
  }

  /** The value as it is; the default if it is unset or empty. */
  String text(Setting setting) {
    return isSet(setting) ? given(setting) : setting.standard();
  }

  /** Whether there is a value other than an empty one. */
  boolean isSet(Setting setting) {
    return !given(setting).isEmpty();
  }

  private String given(Setting setting) {
    String value = variables.getOrDefault(setting.name(), "");
    return value.isEmpty() && IN_ANY_CASE.contains(setting)
        ? variables.getOrDefault(setting.name().toLowerCase(Locale.ROOT), "")
        : value;
  }

  /** Whether it is exactly {@code true}. Anything else is false, as it is for the stock agent. */
  boolean isTrue(Setting setting) {
    return text(setting).equals("true");
  }

  /** Whether it is {@code on}, and not {@code off}. */
  boolean isOn(Setting setting) {
    return parse(
        setting,
        text ->
            switch (text) {
              case "on" -> true;
              case "off" -> false;
              default -> throw new IllegalArgumentException("expected on or off");
            });
  }

  /**
   * Hands the value to {@code parser}, whose {@link IllegalArgumentException} says what is wrong
   * and what would be right.
   */
  <T> T parse(Setting setting, Function<String, T> parser) {
    String value = text(setting);
    try {
      return parser.apply(value);
    } catch (IllegalArgumentException e) {
      problem(setting, "is '" + setting.shown(value) + "': " + e.getMessage());
      return parser.apply(setting.standard());
    }
  }

  /** A directory, whether it is there or not; empty: {@code off}. */
  Optional<Path> directory(Setting setting) {
    return parse(
        setting,
        text -> {
          try {
            if (text.equals("off")) {
              return Optional.empty();
            } else if (text.startsWith("/")) {
              return Optional.of(Path.of(text));
            }
          } catch (InvalidPathException _) {
            // As below.
          }
          throw new IllegalArgumentException("expected off or /path/of/a/directory");
        });
  }

  /** Whole seconds from 0 to {@code limit}. */
  Duration seconds(Setting setting, Duration limit) {
    return parse(
        setting,
        value -> {
          String expected = "expected whole seconds from 0 to " + limit.toSeconds();
          long seconds = Numbers.parse(value, limit.toSeconds(), expected);
          return Duration.ofSeconds(seconds);
        });
  }

  /** Notes a problem: {@code what} follows the setting's name. */
  void problem(Setting setting, String what) {
    problem(setting.name() + " " + what);
  }

  /** Notes a problem of something that is no setting. */
  void problem(String what) {
    problems.add(what);
  }

  /** Ends the reading. */
  void check() throws ConfigException {
    if (!problems.isEmpty()) {
      throw new ConfigException(problems);
    }
  }
}
