package io.drover.server.health;

import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/**
 * How long each cluster's agent took for {@code /ping}: the slowest of each minute, for a day,
 * since this server has started. 3 KB a cluster, in memory. Any thread.
 */
public final class Latencies {
  /** How far back. */
  static final int MINUTES = 24 * 60;

  private final Map<String, Ring> rings = new ConcurrentHashMap<>();

  /**
   * The slowest answer of a minute.
   *
   * @param milliseconds at most {@link Short#MAX_VALUE}, which no check waits for
   */
  public record Latency(Instant minute, int milliseconds) {}

  /** A place for each minute of a day; {@link #newest} says which day each is of. */
  private static final class Ring {
    final short[] slowest = new short[MINUTES];
    long newest;

    Ring(long minute) {
      newest = minute;
      Arrays.fill(slowest, (short) -1);
    }

    synchronized void put(long minute, short milliseconds) {
      if (minute <= newest - MINUTES) {
        return; // the clock was set back
      }
      for (long next = Math.max(newest + 1, minute - MINUTES + 1); next <= minute; next++) {
        slowest[(int) (next % MINUTES)] = -1;
      }
      newest = Math.max(newest, minute);
      int place = (int) (minute % MINUTES);
      slowest[place] = (short) Math.max(slowest[place], milliseconds);
    }

    synchronized List<Latency> since(long first) {
      var found = new ArrayList<Latency>();
      for (long minute = Math.max(first, newest - MINUTES + 1); minute <= newest; minute++) {
        short milliseconds = slowest[(int) (minute % MINUTES)];
        if (milliseconds >= 0) {
          found.add(new Latency(Instant.ofEpochSecond(minute * 60), milliseconds));
        }
      }
      return found;
    }
  }

  /** One answer. */
  void put(String clusterId, Instant when, Duration took) {
    long minute = minute(when);
    rings
        .computeIfAbsent(clusterId, _ -> new Ring(minute))
        .put(minute, (short) Math.clamp(took.toMillis(), 0, Short.MAX_VALUE));
  }

  /** Those of a cluster in the day before a moment, oldest first; no entry where none answered. */
  public List<Latency> of(String clusterId, Instant now) {
    var ring = rings.get(clusterId);
    return ring == null ? List.of() : ring.since(minute(now) - MINUTES + 1);
  }

  private static long minute(Instant when) {
    return Math.floorDiv(when.getEpochSecond(), 60);
  }

  /** Forgets a deleted cluster. */
  void forget(String clusterId) {
    rings.remove(clusterId);
  }
}
