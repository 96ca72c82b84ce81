package io.drover.agent.tunnel;

import io.drover.agent.reason.PastProblem;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;

/**
 * The last problems of a tunnel. One that lasts, or comes again before another does, is one, of the
 * time when it was last seen. Guarded by its owner's lock.
 */
final class PastProblems {
  /** So many are kept; then the oldest goes. */
  static final int LIMIT = 20;

  private final Deque<PastProblem> problems = new ArrayDeque<>();

  void add(PastProblem next) {
    var last = problems.peekLast();
    if (last != null && last.problem().reason() == next.problem().reason()) {
      problems.removeLast();
    } else if (problems.size() == LIMIT) {
      problems.removeFirst();
    }
    problems.addLast(next);
  }

  /** The newest last. */
  List<PastProblem> all() {
    return List.copyOf(problems);
  }
}
