package io.drover.agent.report;

import java.time.Duration;
import java.util.random.RandomGenerator;

/**
 * When to look at the cluster for a report: some time after something has changed, and when the
 * last report has grown old. Waits for nothing itself: times are of {@link System#nanoTime}, and
 * handed in. One thread.
 */
final class Cadence {
  /** Changes come in swarms: what follows the first of them within this time goes with it. */
  static final Duration GATHER = Duration.ofSeconds(2);

  /** Between two reports, however much happens. */
  static final Duration MIN_INTERVAL = Duration.ofSeconds(30);

  /** Between two looks whether changes make a difference to the report: each costs CPU. */
  static final Duration LOOK_INTERVAL = Duration.ofSeconds(15);

  /** After which a report is sent though it says nothing new, less up to a tenth. */
  static final Duration RESEND = Duration.ofMinutes(5);

  private final RandomGenerator random;
  private boolean hasReported;
  private boolean hasChanged;
  private long oldAt;
  private long mayLookAt;

  /** The first report is due at once. */
  Cadence(RandomGenerator random) {
    this.random = random;
  }

  /** Something is different. */
  void changed(long now) {
    if (!hasChanged) {
      hasChanged = true;
      mayLookAt = later(mayLookAt, now + GATHER.toNanos());
    }
  }

  /** All that has changed was looked at, and made no difference. */
  void looked(long now) {
    hasChanged = false;
    mayLookAt = now + LOOK_INTERVAL.toNanos();
  }

  /** A report was made, of all that has changed. */
  void reported(long now) {
    hasChanged = false;
    oldAt = now + RESEND.toNanos() - random.nextLong(RESEND.toNanos() / 10);
    // The first may have been made before all was read.
    mayLookAt = now + (hasReported ? MIN_INTERVAL : Duration.ZERO).toNanos();
    hasReported = true;
  }

  /** Whether a report is due, with or without news. */
  boolean isOld(long now) {
    return !hasReported || now - oldAt >= 0;
  }

  /** Whether it is time to see if there is news. */
  boolean isLookDue(long now) {
    return hasChanged && now - mayLookAt >= 0;
  }

  /** Whether it is known that there is something to look at: further changes alter nothing. */
  boolean hasChanged() {
    return hasChanged;
  }

  /** When something is due after the first report, unless something changes before. */
  long dueAt() {
    return hasChanged && mayLookAt - oldAt < 0 ? mayLookAt : oldAt;
  }

  private static long later(long one, long other) {
    return one - other > 0 ? one : other;
  }
}
