package io.drover.steve.live;

import io.drover.steve.state.Relationship;
import io.drover.steve.state.Summary;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Which objects of one type say by the annotations of an object set that they belong to another
 * object, of whichever type. Nothing is kept of an object that says nothing. Any thread.
 */
final class Applied implements AutoCloseable {
  private record Owner(String type, String id) {}

  private final AtomicInteger all;
  private final int max;

  // Guarded by this.
  private final Map<String, Owner> owners = new HashMap<>();
  private final Map<Owner, Map<String, Summary>> members = new HashMap<>();
  private boolean closed;

  /**
   * Knows nothing yet.
   *
   * @param all how many are kept of all types
   * @param max how many may be; one more is not told
   */
  Applied(AtomicInteger all, int max) {
    this.all = all;
    this.max = max;
  }

  /**
   * How an object is now, and what it belongs to.
   *
   * @param id of the object
   */
  synchronized void put(String id, Optional<Relationship> to, Summary summary) {
    remove(id);
    if (to.isEmpty() || closed) {
      return;
    }
    if (all.incrementAndGet() > max) {
      all.decrementAndGet();
      return;
    }
    var owner = new Owner(to.get().type(), to.get().id());
    owners.put(id, owner);
    members.computeIfAbsent(owner, _ -> new HashMap<>()).put(id, summary);
  }

  synchronized void remove(String id) {
    var owner = owners.remove(id);
    if (owner != null) {
      all.decrementAndGet();
      members.computeIfPresent(
          owner,
          (_, some) -> {
            some.remove(id);
            return some.isEmpty() ? null : some;
          });
    }
  }

  /** What belongs to an object: how each is, by its id and in the order of that. */
  synchronized Map<String, Summary> of(String type, String id) {
    var some = members.get(new Owner(type, id));
    return some == null ? Map.of() : new TreeMap<>(some);
  }

  /** Forgets all, and keeps nothing more. */
  @Override
  public synchronized void close() {
    closed = true;
    all.addAndGet(-owners.size());
    owners.clear();
    members.clear();
  }
}
