package io.drover.agent.gateway.audit;

import java.time.Instant;
import java.time.InstantSource;
import java.util.Comparator;
import java.util.HashMap;
import java.util.Map;
import java.util.stream.Stream;

/**
 * Who asked most in the last hour: the minute that runs, and the {@value #MINUTES} less one before
 * it. Any thread.
 */
final class LastHour {
  static final int MINUTES = 60;

  private static final int SECONDS_A_MINUTE = 60;

  /** Users of one minute that are counted by name: those who ask first in it. */
  static final int PLACES = 64;

  /** What was asked in a minute, of those since 1970. */
  private static final class Minute {
    private final long number;
    private final Map<String, Long> counts = new HashMap<>();
    private long others;

    Minute(long number) {
      this.number = number;
    }

    void count(String name) {
      if (counts.size() < PLACES || counts.containsKey(name)) {
        counts.merge(name, 1L, Long::sum);
      } else {
        others++;
      }
    }
  }

  private final InstantSource clock;

  // Guarded by this. A minute is at its number's place, until another one takes that.
  private final Minute[] ring = new Minute[MINUTES];

  LastHour(InstantSource clock) {
    this.clock = clock;
    for (int place = 0; place < MINUTES; place++) {
      ring[place] = new Minute(Long.MIN_VALUE);
    }
  }

  private static long minute(Instant now) {
    return Math.floorDiv(now.getEpochSecond(), SECONDS_A_MINUTE);
  }

  /** One more request of somebody. */
  synchronized void count(String name) {
    long now = minute(clock.instant());
    int place = Math.floorMod(now, MINUTES);
    if (ring[place].number != now) {
      ring[place] = new Minute(now);
    }
    ring[place].count(TopUsers.shown(name));
  }

  /** The first of them, most requests first, and all others together. */
  synchronized Reading.Recent top(int most) {
    long now = minute(clock.instant());
    var counts = new HashMap<String, Long>();
    long all = 0;
    for (var minute : ring) {
      if (minute.number > now - MINUTES && minute.number <= now) {
        for (var entry : minute.counts.entrySet()) {
          counts.merge(entry.getKey(), entry.getValue(), Long::sum);
          all += entry.getValue();
        }
        all += minute.others;
      }
    }
    var users = first(counts, most).toList();
    long shown = users.stream().mapToLong(Reading.User::requests).sum();
    return new Reading.Recent(users, all - shown);
  }

  /** The first of a table, most requests first. */
  static Stream<Reading.User> first(Map<String, Long> counts, int most) {
    return counts.entrySet().stream()
        .map(entry -> new Reading.User(entry.getKey(), entry.getValue()))
        .sorted(
            Comparator.comparingLong(Reading.User::requests)
                .reversed()
                .thenComparing(Reading.User::name))
        .limit(most);
  }
}
