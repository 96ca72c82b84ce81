package io.drover.agent.gateway;

import io.drover.agent.config.Secret;
import io.drover.agent.reason.Failure;
import io.drover.agent.tls.SigningAuthority;
import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The authority that the server is told, and the one before it: the server has to know the next one
 * before anything is signed by it. Both are told for as long as the newer one lasts, so that the
 * server is told once in an authority's life.
 */
record Authorities(@Nullable SigningAuthority previous, SigningAuthority newest) {
  static final Duration LIFE = Duration.ofDays(365);

  /** What is left of that when another one is made, and told to the server. */
  static final Duration RENEWAL = Duration.ofDays(30);

  /**
   * For so long a new one is known before it signs, or for half of what is left of the previous
   * one, if that is less: every replica looks within a minute, and whoever connects is told at
   * once.
   */
  static final Duration OVERLAP = Duration.ofDays(7);

  /** The server's clock may be behind by so much. */
  static final Duration CLOCK_SKEW = Duration.ofHours(1);

  static final String CERTIFICATE_KEY = "ca.crt";
  static final String PRIVATE_KEY = "ca.key";
  static final String PREVIOUS_CERTIFICATE_KEY = "previous-ca.crt";
  static final String PREVIOUS_PRIVATE_KEY = "previous-ca.key";

  /** The first one. */
  static Authorities make(Instant now) {
    return new Authorities(null, authority(now));
  }

  /** With another one, for which the newest makes room. */
  Authorities renewed(Instant now) {
    return new Authorities(newest, authority(now));
  }

  private static SigningAuthority authority(Instant now) {
    return SigningAuthority.make(GatewayIdentity.SECRET, now.minus(CLOCK_SKEW), now.plus(LIFE));
  }

  /**
   * Reads what {@link #content} gave.
   *
   * @throws Failure if something is missing or broken, or does not belong together
   */
  static Authorities read(Map<String, Secret> content) throws Failure {
    var newest = read(content, CERTIFICATE_KEY, PRIVATE_KEY);
    return content.containsKey(PREVIOUS_CERTIFICATE_KEY)
        ? new Authorities(read(content, PREVIOUS_CERTIFICATE_KEY, PREVIOUS_PRIVATE_KEY), newest)
        : new Authorities(null, newest);
  }

  private static SigningAuthority read(Map<String, Secret> content, String certificate, String key)
      throws Failure {
    return SigningAuthority.read(
        content.getOrDefault(certificate, new Secret("")).value(),
        content.getOrDefault(key, new Secret("")));
  }

  /** As it is kept in the Secret. */
  Map<String, Secret> content() {
    var content = new HashMap<String, Secret>();
    content.put(CERTIFICATE_KEY, new Secret(newest.certificate()));
    content.put(PRIVATE_KEY, newest.key());
    if (previous != null) {
      content.put(PREVIOUS_CERTIFICATE_KEY, new Secret(previous.certificate()));
      content.put(PREVIOUS_PRIVATE_KEY, previous.key());
    }
    return content;
  }

  /** What the server is told: the same before and after the newer one begins to sign. As PEM. */
  String told() {
    return previous == null ? newest.certificate() : previous.certificate() + newest.certificate();
  }

  /** Whether it is not yet time for another one. */
  boolean last(Instant now) {
    return newest.end().isAfter(now.plus(RENEWAL));
  }

  /**
   * When the newest begins to sign. Well before the end of the previous one: what that has signed
   * last has to be good for whoever is just connecting, and for a server whose clock is ahead.
   */
  Instant turn() {
    if (previous == null) {
      return Instant.MIN;
    }
    var made = newest.begin().plus(CLOCK_SKEW);
    var half = Duration.between(made, previous.end()).dividedBy(2);
    return made.plus(half.compareTo(OVERLAP) < 0 ? half : OVERLAP);
  }

  /** By whom the server is met at that time. */
  SigningAuthority signing(Instant now) {
    return previous == null || !now.isBefore(turn()) ? newest : previous;
  }
}
