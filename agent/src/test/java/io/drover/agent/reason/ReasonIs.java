package io.drover.agent.reason;

import org.assertj.core.api.Condition;

/** {@code assertThatThrownBy(...).has(reason(Reason.TLS_EXPIRED))}. */
public final class ReasonIs {
  private ReasonIs() {}

  public static Condition<Throwable> reason(Reason expected) {
    return new Condition<>(
        failure -> Problem.of(failure).reason() == expected, "reason %s", expected);
  }
}
