package io.drover.agent.retry;

import io.drover.agent.reason.Problem;
import io.drover.agent.reason.Reason;
import java.io.IOException;
import java.time.Duration;
import java.util.random.RandomGenerator;

/**
 * How long to wait before the next attempt, so that many agents do not come back all at once.
 *
 * <p>Every delay is uniform between zero and a bound ("full jitter"). The bound starts by {@link
 * Cause}, doubles with each failure up to the cap of the cause, and starts anew after a connection
 * that lasted {@link #STABLE}. For one thread at a time.
 */
public final class Backoff {
  /** The highest bound of all causes. */
  public static final Duration CAP = Duration.ofSeconds(60);

  /** A connection that lasted this long ends the series of failures. */
  public static final Duration STABLE = Duration.ofSeconds(60);

  /** The longest wait that a server may ask for. */
  public static final Duration MAX_RETRY_AFTER = Duration.ofMinutes(10);

  /** Why there must be another attempt. */
  public enum Cause {
    /**
     * The way to the server failed: name, route, reset, silence. Most likely only for us, and
     * another attempt costs the server next to nothing. With an attempt that is under way when the
     * way is there again, which may take 10 s, whoever waits for us does so for 20 s at most.
     */
    PATH(Duration.ofSeconds(5), Duration.ofSeconds(15)),

    /** The server ended the connection: a restart, so every other agent comes back now too. */
    SERVER_CLOSED(Duration.ofSeconds(20), CAP),

    /**
     * Somebody answered, and the answer is no good: it may be the server that starts, and it is the
     * same for every other agent. As for {@link #SERVER_CLOSED}.
     */
    REFUSED(Duration.ofSeconds(20), CAP);

    private final Duration first;
    private final Duration cap;

    Cause(Duration first, Duration cap) {
      this.first = first;
      this.cap = cap;
    }

    /** Of an attempt that failed for this reason. */
    static Cause of(Reason reason) {
      return switch (reason) {
        case TLS_VERSION,
            TLS_EXPIRED,
            TLS_NOT_YET_VALID,
            TLS_WRONG_NAME,
            TLS_INCOMPLETE_CHAIN,
            TLS_UNKNOWN_ISSUER,
            TLS_CA_REPLACED,
            HTTP_INSTEAD_OF_WEBSOCKET,
            NO_CA_CONFIGURED,
            CA_CHECKSUM_MISMATCH,
            CA_NOT_A_CERTIFICATE,
            NOT_RANCHER,
            REDIRECTED,
            HEADER_TOO_LARGE,
            TOO_MANY_REQUESTS,
            SERVER_UNAVAILABLE,
            SERVER_STARTING,
            TOKEN_UNKNOWN,
            PARAMETERS_REFUSED ->
            REFUSED;
        default -> PATH;
      };
    }

    /** The bound of the first delay. */
    Duration first() {
      return first;
    }

    /** The bound of all later ones. */
    Duration cap() {
      return cap;
    }
  }

  // Past this many doublings every bound is above the cap.
  private static final int MAX_DOUBLINGS = 6;

  private final RandomGenerator random;
  private int failures;

  public Backoff(RandomGenerator random) {
    this.random = random;
  }

  /** The delay after an attempt that failed so, by its reason and by what the server asked for. */
  public Duration next(IOException failure) {
    var asked = failure instanceof AskedToWait refusal ? refusal.retryAfter() : Duration.ZERO;
    return next(Cause.of(Problem.of(failure).reason()), asked);
  }

  /** The delay after one more failure. */
  public Duration next(Cause cause) {
    return next(cause, Duration.ZERO);
  }

  /**
   * The delay after one more failure, on top of what the server asked for.
   *
   * @param retryAfter the server's {@code Retry-After}; zero if there was none, and cut to {@link
   *     #MAX_RETRY_AFTER}. The jitter comes on top, since others were told the same.
   */
  public Duration next(Cause cause, Duration retryAfter) {
    Duration bound = cause.first().multipliedBy(1L << Math.min(failures, MAX_DOUBLINGS));
    failures++;
    return clamp(retryAfter, MAX_RETRY_AFTER).plus(jitter(clamp(bound, cause.cap())));
  }

  /** A connection was there for {@code uptime} before it failed. */
  public void succeeded(Duration uptime) {
    if (uptime.compareTo(STABLE) >= 0) {
      failures = 0;
    }
  }

  private Duration jitter(Duration bound) {
    return Duration.ofNanos(random.nextLong(bound.toNanos() + 1));
  }

  private static Duration clamp(Duration duration, Duration max) {
    if (duration.isNegative()) {
      return Duration.ZERO;
    }
    return duration.compareTo(max) > 0 ? max : duration;
  }
}
