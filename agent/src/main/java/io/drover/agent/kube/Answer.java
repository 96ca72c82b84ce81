package io.drover.agent.kube;

import io.drover.agent.reason.Failure;
import io.drover.agent.reason.Reason;
import io.drover.proto.report.Cause;
import java.util.Optional;
import java.util.function.Function;

/**
 * What the cluster answered, or why there is no answer. There is no third: nothing that failed can
 * be taken for an empty answer.
 */
public sealed interface Answer<T> {
  /** It answered. */
  record Found<T>(T value) implements Answer<T> {}

  /**
   * It did not.
   *
   * @param detail for people: what was asked, and what came back
   */
  record Missing<T>(Cause cause, String detail) implements Answer<T> {
    /** The same failure of something that follows from this. */
    public <U> Missing<U> of() {
      return new Missing<>(cause, detail);
    }

    /** The same for those who cannot go on without an answer. */
    public Failure failure() {
      return new Failure(reason(), detail);
    }

    /** The cause, as a code for operators. */
    public Reason reason() {
      return switch (cause) {
        case UNAUTHORIZED -> Reason.UNAUTHORIZED;
        case FORBIDDEN -> Reason.FORBIDDEN;
        case TIMEOUT, UNAVAILABLE -> Reason.API_SERVER_UNREACHABLE;
        case NOT_SERVED, UNREADABLE, NO_EVIDENCE, SWITCHED_OFF, OTHER -> Reason.API_SERVER_ERROR;
      };
    }
  }

  /** The value, if there is one. */
  default Optional<T> found() {
    return switch (this) {
      case Found<T>(var value) -> Optional.of(value);
      case Missing<T> _ -> Optional.empty();
    };
  }

  /** What follows from the value; a failure stays the same. */
  default <U> Answer<U> map(Function<? super T, ? extends U> next) {
    return switch (this) {
      case Found<T>(var value) -> new Found<>(next.apply(value));
      case Missing<T> missing -> missing.of();
    };
  }

  /** What is found out next, if this was found. */
  default <U> Answer<U> then(Function<? super T, Answer<U>> next) {
    return switch (this) {
      case Found<T>(var value) -> next.apply(value);
      case Missing<T> missing -> missing.of();
    };
  }
}
