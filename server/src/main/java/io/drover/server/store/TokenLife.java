package io.drover.server.store;

import java.time.Duration;

/**
 * How long a registration token is good. Source: rancher v2.15 {@code
 * pkg/controllers/dashboard/clusterregistrationtoken}, with its settings' defaults.
 *
 * @param ttl zero: for ever
 * @param grace how long it is taken after that
 */
public record TokenLife(Duration ttl, Duration grace) {
  /** {@code crt-default-ttl-minutes}: 43200. */
  public static final Duration DEFAULT_TTL = Duration.ofDays(30);

  /** {@code crt-default-grace-period-minutes}: 180. */
  public static final Duration DEFAULT_GRACE = Duration.ofHours(3);

  /** Shorter ones are as long as this. */
  public static final Duration MIN_TTL = Duration.ofMinutes(30);

  /** Shorter ones are as long as this. */
  public static final Duration MIN_GRACE = Duration.ofMinutes(10);

  /** As Rancher mends it: at least the minimum, and a grace below the TTL or else 80 % of it. */
  public TokenLife {
    if (!ttl.isPositive()) {
      ttl = Duration.ZERO;
      grace = Duration.ZERO;
    } else {
      ttl = longer(ttl, MIN_TTL);
      grace = longer(grace, MIN_GRACE);
      if (grace.compareTo(ttl) >= 0) {
        grace = ttl.multipliedBy(8).dividedBy(10);
      }
    }
  }

  /** Unless somebody wants another. */
  public static TokenLife standard() {
    return new TokenLife(DEFAULT_TTL, DEFAULT_GRACE);
  }

  private static Duration longer(Duration one, Duration other) {
    return one.compareTo(other) >= 0 ? one : other;
  }
}
