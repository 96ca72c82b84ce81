package io.drover.agent.duty;

import io.drover.agent.kube.Answer;
import io.drover.agent.view.ClusterView;
import io.drover.agent.view.Kind;
import io.drover.proto.report.Cause;
import java.io.IOException;
import java.util.Collection;
import java.util.Optional;

/** What a duty goes by. */
final class Needed {
  private Needed() {}

  /**
   * All objects of a kind; empty if they are not known now, which may pass by itself.
   *
   * @throws IOException if there is no right to read them: a duty must not look done then
   */
  static <T> Optional<Collection<T>> all(ClusterView view, Kind<T> kind) throws IOException {
    return switch (view.all(kind)) {
      case Answer.Found<Collection<T>>(var objects) -> Optional.of(objects);
      case Answer.Missing<Collection<T>> missing -> {
        if (missing.cause() == Cause.FORBIDDEN) {
          throw missing.failure();
        }
        yield Optional.empty();
      }
    };
  }
}
