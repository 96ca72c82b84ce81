package io.drover.agent.gateway.policy;

import java.time.DateTimeException;
import java.time.Duration;
import java.time.Instant;
import java.time.OffsetDateTime;

/**
 * Until when nothing is denied, because somebody who may write the policy's object has said so
 * there. What is not resolved is refused all the same.
 *
 * @param until {@link Instant#EPOCH}: it is not on
 */
public record BreakGlass(Instant until) {
  /** The annotation of the policy's object. */
  public static final String ANNOTATION = "drover.io/break-glass-until";

  /** From the moment on at which it is read. Whoever needs longer says so again. */
  public static final Duration MAX = Duration.ofHours(8);

  /** A time with its offset has fewer characters. */
  static final int MAX_TEXT = 64;

  private static final String EXPECTED =
      "write a time with its offset, at most "
          + MAX.toHours()
          + " h from now, such as 2026-11-28T20:00:00Z";

  /** Not on. */
  public static BreakGlass off() {
    return new BreakGlass(Instant.EPOCH);
  }

  /**
   * From the annotation's value. One that is over is off.
   *
   * @throws PolicyException if it is no such time, or too far away: then it must stay off
   */
  public static BreakGlass parse(String text, Instant now) throws PolicyException {
    Instant until;
    try {
      if (text.length() > MAX_TEXT) {
        throw new DateTimeException("too long");
      }
      until = OffsetDateTime.parse(text.strip()).toInstant();
    } catch (DateTimeException _) {
      throw new PolicyException(ANNOTATION + " is no time: " + EXPECTED);
    }
    if (until.isAfter(now.plus(MAX))) {
      throw new PolicyException(
          ANNOTATION + " is " + until + ", which is too far away: " + EXPECTED);
    }
    return until.isAfter(now) ? new BreakGlass(until) : off();
  }

  /** Whether nothing is denied at that moment. */
  public boolean isOn(Instant now) {
    return now.isBefore(until);
  }
}
