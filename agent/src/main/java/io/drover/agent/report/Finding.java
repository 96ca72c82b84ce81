package io.drover.agent.report;

import io.drover.agent.kube.Answer;
import io.drover.proto.report.Cause;
import io.drover.proto.report.Confidence;

/**
 * What was found out about one value, or why it was not: no value is ever guessed from a failure.
 */
sealed interface Finding<T> {
  /**
   * It is known.
   *
   * @param source where it was read, for people
   */
  record Known<T>(T value, String source, Confidence confidence) implements Finding<T> {}

  /**
   * It is not.
   *
   * @param detail for people: what was asked, and what came back
   */
  record Unknown<T>(Cause cause, String detail) implements Finding<T> {}

  static <T> Finding<T> certain(T value, String source) {
    return new Known<>(value, source, Confidence.CERTAIN);
  }

  static <T> Finding<T> likely(T value, String source) {
    return new Known<>(value, source, Confidence.LIKELY);
  }

  static <T> Finding<T> assumed(T value, String source) {
    return new Known<>(value, source, Confidence.ASSUMED);
  }

  /** All was read, and nothing in it tells. */
  static <T> Finding<T> noEvidence(String detail) {
    return new Unknown<>(Cause.NO_EVIDENCE, detail);
  }

  static <T> Finding<T> unknown(Answer.Missing<?> missing) {
    return new Unknown<>(missing.cause(), missing.detail());
  }
}
