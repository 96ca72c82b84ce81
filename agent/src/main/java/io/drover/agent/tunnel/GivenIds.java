package io.drover.agent.tunnel;

import java.util.List;
import java.util.TreeSet;

/**
 * The stream ids that a server has given out, as far as its Connects tell. It counts them up, but
 * one that is later can come earlier: a Go server numbers a stream first, and then waits for its
 * turn to write. Source: remotedialer {@code session.go}, {@code serverConnect}. For one thread at
 * a time.
 */
final class GivenIds {
  /**
   * Ids that are awaited; beyond that the lowest is not. A server writes as many in half a second.
   */
  static final int MAX_SKIPPED = 1_024;

  private final TreeSet<Long> skipped = new TreeSet<>();
  private long highest = 1; // a Go server begins with 2

  /** A Connect came. */
  void came(long id) {
    if (id <= highest) {
      skipped.remove(id);
      return;
    }
    for (long other = Math.max(highest + 1, id - MAX_SKIPPED); other < id; other++) {
      skipped.add(other);
    }
    while (skipped.size() > MAX_SKIPPED) {
      skipped.pollFirst();
    }
    highest = id;
  }

  /**
   * Those that others have overtaken, ascending. They are told once: who has not come until the
   * next time never will.
   */
  List<Long> takeSkipped() {
    var all = List.copyOf(skipped);
    skipped.clear();
    return all;
  }

  /** Adds so many that may be given out next. */
  void addNext(List<Long> ids, int count) {
    long last = Math.min(count, Long.MAX_VALUE - highest);
    for (int i = 1; i <= last; i++) {
      ids.add(highest + i);
    }
  }
}
