package io.drover.agent.gateway;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;

import io.drover.agent.config.Secret;
import io.drover.agent.gateway.standin.StandIns;
import io.drover.agent.reason.Failure;
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
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Predicate;
import java.util.function.Supplier;
import java.util.regex.MatchResult;
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

  static final Duration CERTIFICATE_LIFE = Duration.ofDays(7);

  /** What is left of that when another one is made. */
  static final Duration CERTIFICATE_RENEWAL = Duration.ofDays(2);

  /** Of the token, at random. */
  static final int TOKEN_BYTES = 32;

  static final String TOKEN_KEY = "token";

  private static final Pattern TOKEN = Pattern.compile("[A-Za-z0-9_-]{43,}");
  private static final Pattern BEARER = Pattern.compile("(?i)bearer +(?<token>\\S+)");
  private static final Pattern JWT =
      Pattern.compile("[A-Za-z0-9_-]+\\.(?<claims>[A-Za-z0-9_-]+)\\.[A-Za-z0-9_-]+");

  /** As Kubernetes writes it in both kinds of its tokens; it escapes quotes in what others say. */
  private static final Pattern ACCOUNT =
      Pattern.compile(
          "\"sub\":\"(?<user>system:serviceaccount:(?<namespace>[^:\"\\\\]+):[^\"\\\\]+)\"");

  /** Where the server makes accounts for its users. */
  private static final String USERS = "cattle-impersonation-system";

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
   * @param authorities one or two, as PEM
   */
  public record Told(String authorities, Secret token) {}

  /**
   * What is in the Secret.
   *
   * @param standInKey outlives the rest: what the server has read goes on to mean something. Empty:
   *     there is none
   */
  private record Kept(Authorities authorities, Secret token, Secret standInKey) {
    Map<String, Secret> content() {
      var content = authorities.content();
      content.put(TOKEN_KEY, token);
      content.put(StandIns.KEY_NAME, standInKey);
      return content;
    }
  }

  /** All that follows from it. */
  private record Known(Kept kept, StandIns standIns, SSLContext context, Instant renewal) {
    Told told() {
      return new Told(kept.authorities().told(), kept.token());
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
      content = ensured();
    } catch (IOException e) {
      if (before == null) {
        throw e;
      }
      log.debug("identity not read again: reason={}", e.getMessage());
      return before.told();
    }
    return take(content).told();
  }

  /**
   * How long what is in the Secret lasts.
   *
   * @return empty: an agent would renew it, or make some of it anew
   */
  public static Optional<Instant> end(Map<String, Secret> content, Instant now) {
    return read(content)
        .filter(kept -> StandIns.isKey(kept.standInKey()) && kept.authorities().last(now))
        .map(kept -> kept.authorities().newest().end());
  }

  /**
   * What a server is told by what is in the Secret.
   *
   * @throws Failure if that is broken
   */
  public static Told toldBy(Map<String, Secret> content) throws Failure {
    return new Told(Authorities.read(content).told(), token(content));
  }

  /** What is in the Secret when this is over. */
  private Map<String, Secret> ensured() throws IOException {
    var there = new AtomicReference<@Nullable Kept>(); // broken or lost: nothing
    var standInKey = new AtomicReference<>(new Secret(""));
    return store.ensure(
        () -> made(there.get(), standInKey(standInKey.get())),
        content -> {
          var found = read(content).orElse(null);
          there.set(found);
          standInKey.set(standInKeyIn(content));
          return found != null
              && StandIns.isKey(found.standInKey())
              && found.authorities().last(clock.instant());
        });
  }

  private synchronized Known take(Map<String, Secret> content) throws Failure {
    var before = known;
    var kept = new Kept(Authorities.read(content), token(content), standInKeyIn(content));
    if (before != null
        && before.kept().token().equals(kept.token())
        && before.kept().standInKey().equals(kept.standInKey())
        && before.kept().authorities().told().equals(kept.authorities().told())) {
      return before;
    }
    var next = serving(kept, new StandIns(kept.standInKey()));
    known = next;
    log.info("gateway has its identity: until={}", kept.authorities().newest().end());
    return next;
  }

  private Known serving(Kept kept, StandIns standIns) {
    var now = clock.instant();
    var authorities = kept.authorities();
    var authority = authorities.signing(now);
    var to = earlier(now.plus(CERTIFICATE_LIFE), authority.end());
    // Of one that ends with its authority the next would end at the same time.
    var renewal = to.isBefore(authority.end()) ? to.minus(CERTIFICATE_RENEWAL) : Instant.MAX;
    return new Known(
        kept,
        standIns,
        authority.serve(Gateway.HOST, now.minus(Authorities.CLOCK_SKEW), to),
        now.isBefore(authorities.turn()) ? earlier(renewal, authorities.turn()) : renewal);
  }

  private static Instant earlier(Instant one, Instant other) {
    return one.isBefore(other) ? one : other;
  }

  /**
   * What to put into the Secret, whose content cannot stay.
   *
   * @param there it lasts no longer; null: broken or lost, and if we know it, it is put back
   */
  private Map<String, Secret> made(@Nullable Kept there, Secret standInKey) {
    var now = clock.instant();
    var before = there == null && known != null ? known.kept() : there;
    if (before == null) {
      byte[] random = new byte[TOKEN_BYTES];
      new SecureRandom().nextBytes(random);
      var token = new Secret(Base64.getUrlEncoder().withoutPadding().encodeToString(random));
      return new Kept(Authorities.make(now), token, standInKey).content();
    }
    var authorities = before.authorities();
    return new Kept(
            authorities.last(now) ? authorities : authorities.renewed(now),
            before.token(),
            standInKey)
        .content();
  }

  /**
   * That of the Secret if it is one, or else that which we know, or another.
   *
   * @param there empty if there is none
   */
  private Secret standInKey(Secret there) {
    var now = known;
    if (StandIns.isKey(there)) {
      return there;
    }
    return now != null ? now.kept().standInKey() : StandIns.newKey();
  }

  private static Optional<Kept> read(Map<String, Secret> content) {
    try {
      var token = token(content);
      if (TOKEN.matcher(token.value()).matches()) {
        return Optional.of(new Kept(Authorities.read(content), token, standInKeyIn(content)));
      }
      log.warn("secret {} is of no use and is replaced: reason=no token", SECRET);
    } catch (Failure e) {
      log.warn("secret {} is of no use and is replaced: reason={}", SECRET, e.getMessage());
    }
    return Optional.empty();
  }

  private static Secret token(Map<String, Secret> content) {
    return content.getOrDefault(TOKEN_KEY, new Secret(""));
  }

  private static Secret standInKeyIn(Map<String, Secret> content) {
    return content.getOrDefault(StandIns.KEY_NAME, new Secret(""));
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
      now = serving(now.kept(), now.standIns());
      known = now;
      log.debug("certificate renewed: renewal={}", now.renewal());
    }
    return now;
  }

  /**
   * What the server is given in place of tokens.
   *
   * @throws IOException before the server was told anything
   */
  StandIns standIns() throws IOException {
    var now = known;
    if (now == null) {
      throw new IOException("the gateway has no identity yet");
    }
    return now.standIns();
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
    return account(token);
  }

  private Optional<Caller> account(String token) {
    var now = known;
    if (now != null && StandIns.looksLike(token)) {
      // Of any account: the server may ask in anybody's name anyway.
      return now.standIns()
          .token(token)
          .flatMap(
              real ->
                  claims(real.value())
                      .map(claims -> new Caller.Account(real, claims.group("user"))));
    }
    // One that it knows from before there were stand-ins. It does no more than its stand-in.
    return claims(token)
        .filter(claims -> claims.group("namespace").equals(USERS))
        .map(claims -> new Caller.Account(new Secret(token), claims.group("user")));
  }

  /** Takes as long for a token that is nearly right as for any other of that length. */
  private boolean isOurs(String token) {
    var now = known;
    return now != null
        && MessageDigest.isEqual(
            now.kept().token().value().getBytes(ISO_8859_1), token.getBytes(ISO_8859_1));
  }

  /** Of which account it says it is. A hint, no proof: that is the API server's to look for. */
  private static Optional<MatchResult> claims(String token) {
    var jwt = JWT.matcher(token);
    if (!jwt.matches()) {
      return Optional.empty();
    }
    try {
      var claims = new String(Base64.getUrlDecoder().decode(jwt.group("claims")), UTF_8);
      var account = ACCOUNT.matcher(claims);
      return account.find() ? Optional.of(account.toMatchResult()) : Optional.empty();
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
