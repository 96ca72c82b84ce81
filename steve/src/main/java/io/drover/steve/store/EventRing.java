package io.drover.steve.store;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** The last events of a type, from which a watch goes on. Guarded by whoever has it. */
final class EventRing {
  /** Source: Rancher's setting {@code sql-cache-gc-keep-count}. */
  static final int MAX_EVENTS = 1000;

  private final ArrayDeque<Event> events = new ArrayDeque<>();

  /** What a client has seen who has seen nothing of these. */
  private long before;

  private long last;

  void restart(long resourceVersion) {
    events.clear();
    before = resourceVersion;
    last = resourceVersion;
  }

  void add(Event event) {
    if (events.size() == MAX_EVENTS) {
      before = events.removeFirst().resourceVersion();
    }
    events.addLast(event);
    last = event.resourceVersion();
  }

  long last() {
    return last;
  }

  /** Empty if it is not known what came behind that version. */
  Optional<List<Event>> since(long resourceVersion) {
    if (resourceVersion == last) {
      return Optional.of(List.of());
    }
    var after = new ArrayList<Event>();
    boolean found = resourceVersion == before;
    for (var event : events) {
      if (found) {
        after.add(event);
      }
      found |= event.resourceVersion() == resourceVersion;
    }
    return found ? Optional.of(List.copyOf(after)) : Optional.empty();
  }
}
