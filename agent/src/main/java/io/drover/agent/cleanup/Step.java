package io.drover.agent.cleanup;

import io.drover.agent.kube.ApiObjects.Dependents;
import io.drover.agent.kube.ObjectMetadata;
import io.drover.agent.kube.Removal;
import io.drover.agent.kube.Resource;
import java.util.List;
import java.util.function.Predicate;

/** What is looked for, and what is done with it. */
sealed interface Step {
  /** Takes all finalizers off namespaces and deletes them; what is in them goes with them. */
  record DeleteNamespaces(Predicate<ObjectMetadata> which) implements Step {}

  /** Takes something off namespaces, which then stay. */
  record TidyNamespaces(Predicate<ObjectMetadata> which, Removal removal) implements Step {}

  /** Deletes objects outside of namespaces by name: without the right to look at them. */
  record DeleteNamed(Resource resource, List<String> names) implements Step {
    public DeleteNamed {
      names = List.copyOf(names);
    }
  }

  /**
   * Lists objects and deletes those that are meant.
   *
   * @param namespace empty: all of them
   * @param labelSelector empty: whatever their labels
   */
  record DeleteFound(
      Resource resource,
      String namespace,
      String labelSelector,
      Predicate<String> names,
      Dependents dependents)
      implements Step {}

  /** The same with several kinds: all are listed before the first object is deleted. */
  record DeleteTogether(List<DeleteFound> parts) implements Step {
    public DeleteTogether {
      parts = List.copyOf(parts);
    }
  }
}
