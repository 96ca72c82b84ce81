package io.drover.agent.gateway.policy;

import java.util.List;

/** A text is no policy. Each problem has the line, the field, and what to do about it. */
public final class PolicyException extends Exception {
  private static final long serialVersionUID = 1L;

  private final List<String> problems;

  PolicyException(List<String> problems) {
    super(String.join("; ", problems));
    this.problems = List.copyOf(problems);
  }

  PolicyException(String problem) {
    this(List.of(problem));
  }

  /** In the order of the text; not empty. */
  public List<String> problems() {
    return problems;
  }
}
