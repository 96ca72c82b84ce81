package io.drover.agent.gateway.policy;

import java.time.DayOfWeek;
import java.time.Instant;
import java.time.ZoneId;
import java.util.Set;

/**
 * When people work.
 *
 * @param from minute of the day, by the clocks of the zone
 * @param to minute of the day at which it is over; at most 1440, which is midnight
 */
record BusinessHours(ZoneId zone, Set<DayOfWeek> days, int from, int to) {
  static final int MINUTES_PER_HOUR = 60;
  static final int MINUTES_PER_DAY = 24 * MINUTES_PER_HOUR;

  BusinessHours {
    days = Set.copyOf(days);
    if (from < 0 || from >= to || to > MINUTES_PER_DAY) {
      throw new IllegalArgumentException("hours begin before they end");
    }
  }

  boolean isWithin(Instant now) {
    var there = now.atZone(zone);
    int minute = there.getHour() * MINUTES_PER_HOUR + there.getMinute();
    return days.contains(there.getDayOfWeek()) && from <= minute && minute < to;
  }

  String text() {
    return "%02d:%02d to %02d:%02d %s"
        .formatted(
            from / MINUTES_PER_HOUR,
            from % MINUTES_PER_HOUR,
            to / MINUTES_PER_HOUR,
            to % MINUTES_PER_HOUR,
            zone.getId());
  }
}
