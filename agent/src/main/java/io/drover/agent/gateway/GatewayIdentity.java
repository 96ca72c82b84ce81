package io.drover.agent.gateway;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;

import io.drover.agent.config.Secret;
import io.drover.agent.reason.Failure;
import io.drover.agent.tls.SigningAuthority;
import io.drover.steve.http.Fields;
import java.io.IOException;
import java.security.MessageDigest;
import java.security.SecureRandom;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.Base64;
import java.util.Map;
import java.util.Optional;
import java.util.function.Predicate;
import java.util.function.Supplier;
import java.util.regex.Pattern;
import javax.net.ssl.SSLContext;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Who the gateway is to the server, and by what it knows the server: a certificate authority and an
 * opaque token, made once and kept in a Secret that all replicas share, so that a restart tells the
 * server nothing new. Certificates for single servers are made from it in memory. Any thread.
 */
public final class GatewayIdentity {
  /** Where both are kept. */
  public static final String SECRET = "drover-gateway";

  static final Duration AUTHORITY_LIFE = Duration.ofDays(365);

  /** What is left of that when another one is made, and told to the server. */
  static final Duration AUTHORITY_RENEWAL = Duration.ofDays(30);

  static final Duration CERTIFICATE_LIFE = Duration.ofDays(7);

  /** What is left of that when another one is made. */
  static final Duration CERTIFICATE_RENEWAL = Duration.ofDays(2);

  /** The server's clock may be behind by so much. */
  static final Duration CLOCK_SKEW = Duration.ofHours(1);

  /** Of the token, at random. */
  static final int TOKEN_BYTES = 32;

  static final String AUTHORITY_KEY = "ca.crt";
  static final String PRIVATE_KEY = "ca.key";
  static final String TOKEN_KEY = "token";

  private static final Pattern TOKEN = Pattern.compile("[A-Za-z0-9_-]{43,}");
  private static final Pattern BEARER = Pattern.compile("(?i)bearer +(?<token>\\S+)");
  private static final Pattern JWT =
      Pattern.compile("[A-Za-z0-9_-]+\\.(?<claims>[A-Za-z0-9_-]+)\\.[A-Za-z0-9_-]+");

  /** As Kubernetes writes it in both kinds of its tokens. */
  private static final Pattern USERS_ACCOUNT =
      Pattern.compile(
          "\"sub\":\"(?<user>system:serviceaccount:cattle-impersonation-system:[^\"\\\\]+)\"");

  private static final String TOKEN_PROTOCOL = "base64url.bearer.authorization.k8s.io.";
  private static final Logger log = LoggerFactory.getLogger(GatewayIdentity.class);

  /** Where the Secret is, as {@link io.drover.agent.kube.SharedSecret#ensure}. */
  @FunctionalInterface
  public interface Store {
    /** What is there, or what was made because nothing useful was. */
    Map<String, Secret> ensure(
        Supplier<Map<String, Secret>> made, Predicate<Map<String, Secret>> useful)
        throws IOException;
  }

  /**
   * What the server is told.
   *
   * @param authority as PEM
   */
  public record Told(String authority, Secret token) {}

  /** All that follows from what is in the Secret. */
  private record Known(
      SigningAuthority authority, Secret token, SSLContext context, Instant renewal) {
    Told told() {
      return new Told(authority.certificate(), token);
    }
  }

  private final Store store;
  private final InstantSource clock;

  // Written under this.
  private volatile @Nullable Known known;

  /** Reads nothing yet. */
  public GatewayIdentity(Store store, InstantSource clock) {
    this.store = store;
    this.clock = clock;
  }

  /**
   * What the server is to be told now: looked up anew, since another replica may have renewed it.
   * Blocks. Without an answer what is known goes on.
   *
   * @throws IOException if nothing is known yet, and the Secret can neither be read nor be made
   */
  public Told told() throws IOException {
    var before = known;
    Map<String, Secret> content;
    try {
      content = store.ensure(this::made, this::isUseful);
    } catch (IOException e) {
      if (before == null) {
        throw e;
      }
      log.debug("identity not read again: reason={}", e.getMessage());
      return before.told();
    }
    return take(content).told();
  }

  private synchronized Known take(Map<String, Secret> content) throws Failure {
    var before = known;
    var authority = authority(content);
    var token = value(content, TOKEN_KEY);
    if (before != null
        && before.token().equals(token)
        && before.authority().certificate().equals(authority.certificate())) {
      return before;
    }
    var next = serving(authority, token);
    known = next;
    log.info("gateway has its identity: until={}", authority.end());
    return next;
  }

  private Known serving(SigningAuthority authority, Secret token) {
    var now = clock.instant();
    var end = now.plus(CERTIFICATE_LIFE);
    var to = end.isAfter(authority.end()) ? authority.end() : end;
    return new Known(
        authority,
        token,
        authority.serve(Gateway.HOST, now.minus(CLOCK_SKEW), to),
        to.minus(CERTIFICATE_RENEWAL));
  }

  /** What we know if it has only been lost; otherwise something new. */
  private Map<String, Secret> made() {
    var before = known;
    var now = clock.instant();
    if (before != null && lasts(before.authority())) {
      return content(before.authority(), before.token());
    }
    byte[] random = new byte[TOKEN_BYTES];
    new SecureRandom().nextBytes(random);
    return content(
        SigningAuthority.make(SECRET, now.minus(CLOCK_SKEW), now.plus(AUTHORITY_LIFE)),
        new Secret(Base64.getUrlEncoder().withoutPadding().encodeToString(random)));
  }

  private static Map<String, Secret> content(SigningAuthority authority, Secret token) {
    return Map.of(
        AUTHORITY_KEY,
        new Secret(authority.certificate()),
        PRIVATE_KEY,
        authority.key(),
        TOKEN_KEY,
        token);
  }

  private boolean isUseful(Map<String, Secret> content) {
    try {
      return lasts(authority(content))
          && TOKEN.matcher(value(content, TOKEN_KEY).value()).matches();
    } catch (Failure e) {
      log.warn("secret {} is of no use and is replaced: reason={}", SECRET, e.getMessage());
      return false;
    }
  }

  private boolean lasts(SigningAuthority authority) {
    return authority.end().isAfter(clock.instant().plus(AUTHORITY_RENEWAL));
  }

  private static SigningAuthority authority(Map<String, Secret> content) throws Failure {
    return SigningAuthority.read(
        value(content, AUTHORITY_KEY).value(), value(content, PRIVATE_KEY));
  }

  private static Secret value(Map<String, Secret> content, String key) {
    return content.getOrDefault(key, new Secret(""));
  }

  /**
   * With what to meet the server.
   *
   * @throws IOException before the server was told anything
   */
  SSLContext context() throws IOException {
    var now = known;
    if (now == null) {
      throw new IOException("the gateway has no identity yet");
    }
    return clock.instant().isBefore(now.renewal()) ? now.context() : renewed().context();
  }

  private synchronized Known renewed() {
    var now = known;
    if (now == null) {
      throw new IllegalStateException("nothing to renew");
    }
    if (!clock.instant().isBefore(now.renewal())) {
      now = serving(now.authority(), now.token());
      known = now;
      log.debug("certificate renewed: renewal={}", now.renewal());
    }
    return now;
  }

  /** Who asks, by the one token that a request may carry; empty: nobody that we know. */
  Optional<Caller> caller(Fields fields) {
    var given = fields.every("Authorization");
    if (given.size() != 1 || carriesTokenElsewhere(fields)) {
      return Optional.empty();
    }
    var bearer = BEARER.matcher(given.getFirst());
    if (!bearer.matches()) {
      return Optional.empty();
    }
    var token = bearer.group("token");
    if (isOurs(token)) {
      return Optional.of(new Caller.Server());
    }
    return usersAccount(token).map(user -> new Caller.Account(new Secret(token), user));
  }

  /** Takes as long for a token that is nearly right as for any other of that length. */
  private boolean isOurs(String token) {
    var now = known;
    return now != null
        && MessageDigest.isEqual(
            now.token().value().getBytes(ISO_8859_1), token.getBytes(ISO_8859_1));
  }

  /** A hint, no proof: that is the API server's to look for. */
  private static Optional<String> usersAccount(String token) {
    var jwt = JWT.matcher(token);
    if (!jwt.matches()) {
      return Optional.empty();
    }
    try {
      var claims = new String(Base64.getUrlDecoder().decode(jwt.group("claims")), UTF_8);
      var account = USERS_ACCOUNT.matcher(claims);
      return account.find() ? Optional.of(account.group("user")) : Optional.empty();
    } catch (IllegalArgumentException _) {
      return Optional.empty();
    }
  }

  /** Browsers' websockets have another place for it, which the API server looks at too. */
  private static boolean carriesTokenElsewhere(Fields fields) {
    return fields.every("Sec-WebSocket-Protocol").stream()
        .anyMatch(value -> value.contains(TOKEN_PROTOCOL));
  }
}
