package io.drover.steve.query;

import java.time.Duration;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** How Kubernetes writes how long something has been: two units at most, {@code 3h38m}. */
final class Ages {
  private static final Pattern AGE =
      Pattern.compile(
          "(?:(\\d{1,4})y)?(?:(\\d{1,6})d)?(?:(\\d{1,4})h)?(?:(\\d{1,4})m)?(?:(\\d{1,4})s)?");

  private Ages() {}

  static String text(Duration age) {
    long seconds = age.toSeconds();
    long minutes = age.toMinutes();
    long hours = age.toHours();
    long days = age.toDays();
    if (seconds < -1) {
      return "<invalid>";
    }
    if (seconds < 120) {
      return Math.max(0, seconds) + "s";
    }
    if (minutes < 10) {
      return minutes + "m" + unlessNone(seconds % 60, "s");
    }
    if (minutes < 180) {
      return minutes + "m";
    }
    if (hours < 8) {
      return hours + "h" + unlessNone(minutes % 60, "m");
    }
    if (hours < 48) {
      return hours + "h";
    }
    if (days < 8) {
      return days + "d" + unlessNone(hours % 24, "h");
    }
    if (days < 2 * 365) {
      return days + "d";
    }
    return days / 365 + "y" + (days < 8 * 365 ? unlessNone(days % 365, "d") : "");
  }

  private static String unlessNone(long count, String unit) {
    return count == 0 ? "" : count + unit;
  }

  /** Null if the text is no age. */
  static @Nullable Duration parse(String text) {
    var age = AGE.matcher(text);
    if (text.isEmpty() || !age.matches()) {
      return null;
    }
    return Duration.ofDays(365 * count(age.group(1)) + count(age.group(2)))
        .plusHours(count(age.group(3)))
        .plusMinutes(count(age.group(4)))
        .plusSeconds(count(age.group(5)));
  }

  private static long count(@Nullable String digits) {
    return digits == null ? 0 : Long.parseLong(digits);
  }
}
