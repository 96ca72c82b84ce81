package io.drover.agent.report;

import io.drover.agent.kube.Answer;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * What was put together from several answers. What is there can be relied on; what is not there is
 * not there for certain only if nothing is missing.
 *
 * @param missing why something may be lacking, the most important first
 */
record Partly<T>(List<T> items, List<Answer.Missing<?>> missing) {
  Partly {
    items = List.copyOf(items);
    missing = List.copyOf(missing);
  }

  boolean isWhole() {
    return missing.isEmpty();
  }

  /** Both together. */
  Partly<T> and(Partly<? extends T> other) {
    var all = new ArrayList<T>(items);
    all.addAll(other.items);
    var causes = new ArrayList<>(missing);
    causes.addAll(other.missing);
    return new Partly<>(all, causes);
  }

  /** The first cause, of whatever is asked for; empty if nothing is missing. */
  <U> Optional<Finding<U>> unknown() {
    return missing.stream().findFirst().map(Finding::<U>unknown);
  }

  static <T> Partly<T> of(List<T> items) {
    return new Partly<>(items, List.of());
  }

  static <T> Partly<T> of(Answer<? extends List<T>> answer) {
    return switch (answer) {
      case Answer.Found<? extends List<T>>(var items) -> of(items);
      case Answer.Missing<? extends List<T>> why -> new Partly<>(List.of(), List.of(why));
    };
  }
}
