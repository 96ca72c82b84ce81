package io.drover.agent.gateway.policy;

import java.util.Locale;

/** What a rule does with a request that it covers. */
public enum Effect {
  ALLOW("allows"),
  DENY("denies");

  private final String verb;

  Effect(String verb) {
    this.verb = verb;
  }

  /** What a rule does, for people. */
  String verb() {
    return verb;
  }

  /** As in a policy. */
  public String text() {
    return name().toLowerCase(Locale.ROOT);
  }
}
