package io.drover.agent.duty;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.drover.agent.kube.Answer;
import io.drover.agent.view.ClusterView;
import io.drover.agent.view.Facts;
import io.drover.agent.view.Kind;
import io.drover.proto.report.Cause;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** A cluster that a test makes of objects as the API server writes them. */
final class FakeView implements ClusterView {
  private static final ObjectMapper JSON = new ObjectMapper();

  private final Map<Kind<?>, List<Object>> objects = new HashMap<>();
  private final Set<Kind<?>> forbidden = new HashSet<>();

  /** From now on the kind is known, though nothing of it may be there. */
  FakeView know(Kind<?> kind) {
    objects.putIfAbsent(kind, new ArrayList<>());
    return this;
  }

  /** From now on nobody may read the kind. */
  FakeView forbid(Kind<?> kind) {
    forbidden.add(kind);
    return this;
  }

  /** Adds an object; quotes are single. */
  FakeView add(Kind<?> kind, String json) {
    var known = objects.computeIfAbsent(kind, _ -> new ArrayList<>());
    try {
      kind.record().apply(JSON.readTree(json.replace('\'', '"'))).ifPresent(known::add);
    } catch (JsonProcessingException e) {
      throw new UncheckedIOException(e);
    }
    return this;
  }

  @Override
  @SuppressWarnings("unchecked") // what was put in under a kind is of that kind
  public <T> Answer<Collection<T>> all(Kind<T> kind) {
    if (forbidden.contains(kind)) {
      return new Answer.Missing<>(Cause.FORBIDDEN, "list " + kind + ": 403");
    }
    var found = objects.get(kind);
    return found == null
        ? new Answer.Missing<>(Cause.TIMEOUT, "not read yet")
        : new Answer.Found<>((Collection<T>) List.copyOf(found));
  }

  @Override
  public Facts facts() {
    throw new UnsupportedOperationException("no duty looks at facts");
  }
}
