package io.drover.agent.report;

import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/** Cuts lists, and counts what it cut off. One thread, one report. */
final class ListLimit {
  private final int limit;
  private final SortedMap<String, Integer> omitted = new TreeMap<>();

  ListLimit(int limit) {
    this.limit = limit;
  }

  /** The beginning of a list; lists of one name are counted together. */
  <T> List<T> cut(String name, List<T> list) {
    if (list.size() <= limit) {
      return list;
    }
    omitted.merge(name, list.size() - limit, Integer::sum);
    return list.subList(0, limit);
  }

  /** The same of a list that may not be known. */
  <T> @Nullable List<T> cutIfKnown(String name, @Nullable List<T> list) {
    return list == null ? null : cut(name, list);
  }

  SortedMap<String, Integer> omitted() {
    return omitted;
  }
}
