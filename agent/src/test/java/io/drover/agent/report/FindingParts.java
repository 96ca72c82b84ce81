package io.drover.agent.report;

import io.drover.proto.report.Cause;
import io.drover.proto.report.Confidence;

/** What a test asks of a finding. */
final class FindingParts {
  private FindingParts() {}

  static <T> T value(Finding<T> finding) {
    return known(finding).value();
  }

  static Confidence confidence(Finding<?> finding) {
    return known(finding).confidence();
  }

  static String source(Finding<?> finding) {
    return known(finding).source();
  }

  private static <T> Finding.Known<T> known(Finding<T> finding) {
    return switch (finding) {
      case Finding.Known<T> known -> known;
      case Finding.Unknown<T> unknown -> throw new AssertionError("not known: " + unknown);
    };
  }

  static Cause cause(Finding<?> finding) {
    return switch (finding) {
      case Finding.Known<?> known -> throw new AssertionError("known: " + known);
      case Finding.Unknown<?>(var cause, var _) -> cause;
    };
  }
}
