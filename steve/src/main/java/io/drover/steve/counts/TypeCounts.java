package io.drover.steve.counts;

import io.drover.steve.query.Scope;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * The objects of one type, of which nothing is kept but a hash of the name, the namespace and two
 * marks: 40 bytes each at most. Safe for many threads.
 */
public final class TypeCounts {
  private static final int FIRST_SLOTS = 16;

  /** Of what stands in {@link #objects}: the lower bits are marks, the others the namespace. */
  private static final int ERROR = 1;

  private static final int CHANGING = 2;
  private static final int MARK_BITS = 2;

  // Guarded by this.
  /** Open addressing by the name's hash; 0 is free. Between a third and two thirds are in use. */
  private long[] hashes = new long[FIRST_SLOTS];

  private int[] objects = new int[FIRST_SLOTS];
  private int size;

  /** Namespaces by number, in the order in which they were met; the empty one is number 0. */
  private final Map<String, Integer> numbers = new HashMap<>(Map.of("", 0));

  private final List<Count.States> totals = new ArrayList<>(List.of(Count.States.NONE));

  /** An object is there, for the first time or again. */
  public synchronized void put(
      String namespace, String name, boolean error, boolean transitioning) {
    if (3 * (size + 1) > 2 * hashes.length) {
      grow();
    }
    long hash = hash(namespace, name);
    int slot = slot(hash);
    if (hashes[slot] == hash) {
      add(objects[slot], -1);
    } else {
      hashes[slot] = hash;
      size++;
    }
    int marks = (error ? ERROR : 0) | (transitioning ? CHANGING : 0);
    objects[slot] = number(namespace) << MARK_BITS | marks;
    add(objects[slot], 1);
  }

  public synchronized void remove(String namespace, String name) {
    int slot = slot(hash(namespace, name));
    if (hashes[slot] == 0) {
      return;
    }
    add(objects[slot], -1);
    size--;
    // What was put behind it, since its own place was taken, moves up.
    int mask = hashes.length - 1;
    int hole = slot;
    for (int next = (hole + 1) & mask; hashes[next] != 0; next = (next + 1) & mask) {
      int home = (int) hashes[next] & mask;
      if (((next - home) & mask) >= ((next - hole) & mask)) {
        hashes[hole] = hashes[next];
        objects[hole] = objects[next];
        hole = next;
      }
    }
    hashes[hole] = 0;
  }

  public synchronized void clear() {
    hashes = new long[FIRST_SLOTS];
    objects = new int[FIRST_SLOTS];
    size = 0;
    totals.replaceAll(_ -> Count.States.NONE);
  }

  public synchronized int size() {
    return size;
  }

  /** How much memory the objects take, besides a little for each namespace. */
  synchronized long bytes() {
    return (long) hashes.length * (Long.BYTES + Integer.BYTES);
  }

  /** How many there are of those that a user may see. */
  public synchronized Count count(Scope scope) {
    var byNamespace = new HashMap<String, Count.States>();
    var all = Count.States.NONE;
    for (var entry : numbers.entrySet()) {
      var namespace = entry.getKey();
      var states = scope.hasAll(namespace) ? totals.get(entry.getValue()) : Count.States.NONE;
      if (!scope.hasAll(namespace)) {
        for (var name : scope.names(namespace)) {
          int slot = slot(hash(namespace, name));
          if (hashes[slot] != 0) {
            states = plus(states, objects[slot], 1);
          }
        }
      }
      all = sum(all, states);
      // One that has become empty stays, for those who have seen its objects.
      if (!namespace.isEmpty() && (states.count() > 0 || scope.hasAll(namespace))) {
        byNamespace.put(namespace, states);
      }
    }
    return new Count(all, byNamespace);
  }

  private static Count.States sum(Count.States a, Count.States b) {
    return new Count.States(
        a.count() + b.count(),
        a.errors() + b.errors(),
        a.transitioning() + b.transitioning(),
        a.inProgress() + b.inProgress());
  }

  private void add(int object, int number) {
    int namespace = object >> MARK_BITS;
    totals.set(namespace, plus(totals.get(namespace), object, number));
  }

  private static Count.States plus(Count.States states, int object, int number) {
    return states.plus(number, (object & ERROR) != 0, (object & CHANGING) != 0);
  }

  private int number(String namespace) {
    return numbers.computeIfAbsent(
        namespace,
        _ -> {
          totals.add(Count.States.NONE);
          return totals.size() - 1;
        });
  }

  /** Where a hash is, or would be. */
  private int slot(long hash) {
    int mask = hashes.length - 1;
    int slot = (int) hash & mask;
    while (hashes[slot] != 0 && hashes[slot] != hash) {
      slot = (slot + 1) & mask;
    }
    return slot;
  }

  private void grow() {
    var oldHashes = hashes;
    var oldObjects = objects;
    hashes = new long[2 * oldHashes.length];
    objects = new int[2 * oldHashes.length];
    for (int i = 0; i < oldHashes.length; i++) {
      if (oldHashes[i] != 0) {
        int slot = slot(oldHashes[i]);
        hashes[slot] = oldHashes[i];
        objects[slot] = oldObjects[i];
      }
    }
  }

  /** FNV-1a. Two of 100,000 names have the same in one of 4 billion clusters. */
  private static long hash(String namespace, String name) {
    long hash = hash(0xcbf29ce484222325L, namespace);
    hash = hash((hash ^ '/') * 0x100000001b3L, name);
    return hash == 0 ? 1 : hash;
  }

  private static long hash(long hash, String text) {
    for (int i = 0; i < text.length(); i++) {
      hash = (hash ^ text.charAt(i)) * 0x100000001b3L;
    }
    return hash;
  }
}
