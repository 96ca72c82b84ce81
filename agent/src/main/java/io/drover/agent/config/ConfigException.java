package io.drover.agent.config;

import java.util.List;

/** The operator must change something before this process can work; waiting does not help. */
public final class ConfigException extends Exception {
  private static final long serialVersionUID = 1L;

  private final List<String> problems;

  /** Each problem is a sentence that names the setting and what to do about it. */
  public ConfigException(List<String> problems) {
    super(String.join("; ", problems));
    this.problems = List.copyOf(problems);
  }

  /** Every problem, in the order of the settings' table. */
  public List<String> problems() {
    return problems;
  }
}
