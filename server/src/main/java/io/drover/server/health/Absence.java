package io.drover.server.health;

import io.drover.server.store.Cluster;
import io.drover.server.store.Contact;
import io.drover.server.store.RegistrationToken;
import io.drover.server.store.RegistrationToken.State;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.Optional;

/**
 * Why an agent is missing, as far as its server can see.
 *
 * @param reason one word
 * @param message with what to do about it
 */
record Absence(String reason, String message) {
  static final String TOKEN_EXPIRED = "TokenExpired";
  static final String TOKEN_REVOKED = "TokenRevoked";
  static final String TLS_FAILED = "TLSHandshakeFailed";
  static final String NEVER_CONTACTED = "NeverContacted";
  static final String DISCONNECTED = "Disconnected";

  private static final String REMEDY = "; make a new registration token and apply its manifest";

  /**
   * The first cause that there is a sign of.
   *
   * @param tokens the cluster's
   */
  static Absence explain(
      Cluster cluster,
      Contact contact,
      List<RegistrationToken> tokens,
      Refusals refusals,
      Instant now) {
    var since = contact.last().orElse(cluster.created());
    return refusals
        .ofToken(cluster.id())
        .filter(refused -> !refused.at().isBefore(since))
        .map(refused -> ofToken(refused, now))
        .or(() -> ofHandshake(contact, refusals, since))
        .or(() -> ofLastContact(contact, tokens, now))
        .orElseGet(() -> neverContacted(cluster, contact, tokens, now));
  }

  private static Absence ofToken(Refusals.OfToken refused, Instant now) {
    var token = refused.token();
    var shown = "the agent came at " + text(refused.at()) + " with a registration token that ";
    return token.state(now) == State.REVOKED
        ? new Absence(TOKEN_REVOKED, shown + "was revoked at " + text(token.revoked()) + REMEDY)
        : new Absence(TOKEN_EXPIRED, shown + "expired at " + text(token.graceExpires()) + REMEDY);
  }

  /** From where the agent came before; from anywhere, if it never came. */
  private static Optional<Absence> ofHandshake(Contact contact, Refusals refusals, Instant since) {
    var failed =
        contact.last().isPresent()
            ? refusals.ofHandshake(contact.address())
            : refusals.ofHandshake();
    return failed
        .filter(handshake -> !handshake.at().isBefore(since))
        .map(
            handshake ->
                new Absence(
                    TLS_FAILED,
                    "a TLS handshake from %s failed at %s: %s; does the agent trust this server's CA?"
                        .formatted(handshake.address(), text(handshake.at()), handshake.reason())));
  }

  private static Optional<Absence> ofLastContact(
      Contact contact, List<RegistrationToken> tokens, Instant now) {
    return contact
        .last()
        .map(
            last ->
                new Absence(
                    DISCONNECTED,
                    "Cluster agent is not connected: last contact at "
                        + text(last)
                        + (contact.address().isEmpty() ? "" : " from " + contact.address())
                        + (isAnyTaken(tokens, now)
                            ? ""
                            : "; no registration token of the cluster is taken any more"
                                + REMEDY)));
  }

  private static Absence neverContacted(
      Cluster cluster, Contact contact, List<RegistrationToken> tokens, Instant now) {
    if (!tokens.isEmpty() && !isAnyTaken(tokens, now)) {
      return new Absence(
          TOKEN_EXPIRED,
          "no agent came before the cluster's registration tokens expired or were revoked"
              + REMEDY);
    }
    return new Absence(
        NEVER_CONTACTED,
        "no agent has contacted this server since the cluster was made at "
            + text(cluster.created())
            + contact
                .manifestFetched()
                .map(
                    fetched ->
                        "; its manifest was fetched at "
                            + text(fetched)
                            + ": is it applied, and can its pods reach this server?")
                .orElse("; nor has anybody fetched its manifest: run the registration command"));
  }

  private static boolean isAnyTaken(List<RegistrationToken> tokens, Instant now) {
    return tokens.stream().anyMatch(token -> token.isTaken(now));
  }

  private static String text(Optional<Instant> instant) {
    return instant.map(Absence::text).orElse("an unknown time");
  }

  private static String text(Instant instant) {
    return instant.truncatedTo(ChronoUnit.SECONDS).toString();
  }
}
