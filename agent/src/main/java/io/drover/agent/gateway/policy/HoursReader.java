package io.drover.agent.gateway.policy;

import java.time.DateTimeException;
import java.time.DayOfWeek;
import java.time.ZoneId;
import java.util.EnumSet;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;

/** Reads a policy's {@code businessHours}. */
final class HoursReader {
  private static final Pattern TIME = Pattern.compile("([01][0-9]|2[0-4]):([0-5][0-9])");
  private static final int ABBREVIATED = 3;

  private HoursReader() {}

  /** Empty if anything is wrong with it, which is noted then. */
  static Optional<BusinessHours> read(YamlNode node, Problems problems) {
    return FieldReader.of("businessHours", node, Set.of("timeZone", "days", "from", "to"), problems)
        .flatMap(HoursReader::read);
  }

  private static Optional<BusinessHours> read(FieldReader fields) {
    var zone = zone(fields);
    var days = days(fields);
    int from = minutes(fields, "from");
    int to = minutes(fields, "to");
    if (from >= 0 && to >= 0 && from >= to) {
      fields.problem("to", "is not after from: hours over midnight are none; use 24:00 at most");
      return Optional.empty();
    }
    return zone.isEmpty() || days.isEmpty() || from < 0 || to < 0
        ? Optional.empty()
        : Optional.of(new BusinessHours(zone.get(), days, from, to));
  }

  private static Optional<ZoneId> zone(FieldReader fields) {
    String remedy = "write one such as Europe/Berlin";
    String text = fields.require("timeZone", remedy);
    try {
      return text.isEmpty() ? Optional.empty() : Optional.of(ZoneId.of(text));
    } catch (DateTimeException _) {
      fields.problem("timeZone", Problems.quoted(text) + " is not known: " + remedy);
      return Optional.empty();
    }
  }

  private static Set<DayOfWeek> days(FieldReader fields) {
    var all = EnumSet.noneOf(DayOfWeek.class);
    if (!fields.has("days")) {
      fields.problem("days", "is missing: write [Mon, Tue, Wed, Thu, Fri]");
    }
    for (var item : fields.items("days")) {
      var found =
          EnumSet.allOf(DayOfWeek.class).stream()
              .filter(day -> abbreviated(day).equals(item.text()))
              .findFirst();
      if (found.isEmpty()) {
        fields.itemProblem("days", item, "is no day: write Mon, Tue, Wed, Thu, Fri, Sat or Sun");
      } else {
        all.add(found.get());
      }
    }
    return all;
  }

  private static String abbreviated(DayOfWeek day) {
    return day.name().charAt(0) + day.name().substring(1, ABBREVIATED).toLowerCase(Locale.ROOT);
  }

  /** Of the day; -1 if it is none, which is noted then. */
  private static int minutes(FieldReader fields, String field) {
    String remedy = "write it as in \"08:00\", 24:00 at most";
    String text = fields.require(field, remedy);
    var time = TIME.matcher(text);
    if (time.matches()) {
      int minutes =
          Integer.parseInt(time.group(1)) * BusinessHours.MINUTES_PER_HOUR
              + Integer.parseInt(time.group(2));
      if (minutes <= BusinessHours.MINUTES_PER_DAY) {
        return minutes;
      }
    }
    if (!text.isEmpty()) {
      fields.problem(field, Problems.quoted(text) + " is no time: " + remedy);
    }
    return -1;
  }
}
