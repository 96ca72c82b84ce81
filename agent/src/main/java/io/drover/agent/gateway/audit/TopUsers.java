package io.drover.agent.gateway.audit;

import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Who asks most, in a table of fixed size: whoever is new takes the place, and the count, of the
 * one with the fewest requests (Metwally, Agrawal, El Abbadi: space saving). So a count may be too
 * high, by no more than a {@link #PLACES}th of all requests, and nobody who asks for more than that
 * is missing. Any thread.
 */
final class TopUsers {
  /** In the table. */
  static final int PLACES = 64;

  /** Of a name, in characters. */
  static final int MAX_NAME = 256;

  private final int places;
  private final Map<String, Long> counts = new HashMap<>(); // guarded by this

  TopUsers() {
    this(PLACES);
  }

  TopUsers(int places) {
    this.places = places;
  }

  /** One more request of somebody. */
  synchronized void count(String name) {
    String key = shown(name);
    Long before = counts.get(key);
    if (before == null && counts.size() >= places) {
      var least = counts.entrySet().stream().min(Map.Entry.comparingByValue()).orElseThrow();
      before = least.getValue();
      counts.remove(least.getKey());
    }
    counts.put(key, before == null ? 1 : before + 1);
  }

  /** The first of them, most requests first. */
  synchronized List<Reading.User> top(int most) {
    return LastHour.first(counts, most).toList();
  }

  /** A name, cut if it is longer than any that is meant for people. */
  static String shown(String name) {
    return name.length() > MAX_NAME ? name.substring(0, MAX_NAME) + "…" : name;
  }
}
