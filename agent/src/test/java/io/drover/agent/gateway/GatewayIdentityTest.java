package io.drover.agent.gateway;

import static java.nio.charset.StandardCharsets.UTF_8;
import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.drover.agent.config.Secret;
import io.drover.agent.gateway.standin.StandIns;
import io.drover.steve.http.Fields;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.Socket;
import java.security.GeneralSecurityException;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Predicate;
import java.util.function.Supplier;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.TrustManager;
import javax.net.ssl.X509ExtendedTrustManager;
import org.junit.jupiter.api.Test;

class GatewayIdentityTest {
  /** A Secret that several replicas share, as {@code SharedSecret} keeps it. */
  private static final class Kept implements GatewayIdentity.Store {
    private Map<String, Secret> content = Map.of();
    private boolean away;

    @Override
    public Map<String, Secret> ensure(
        Supplier<Map<String, Secret>> made, Predicate<Map<String, Secret>> useful)
        throws IOException {
      if (away) {
        throw new IOException("away");
      }
      if (content.isEmpty() || !useful.test(content)) {
        content = made.get();
      }
      return content;
    }
  }

  private final Kept kept = new Kept();
  private Instant now = Instant.parse("2026-01-01T00:00:00Z");
  private final InstantSource clock = () -> now;

  private GatewayIdentity replica() {
    return new GatewayIdentity(kept, clock);
  }

  private static Fields bearer(String token) {
    return new Fields().add("Authorization", "Bearer " + token);
  }

  private static String jwt(String subject) {
    var claims = "{\"aud\":[\"x\"],\"sub\":\"%s\"}".formatted(subject);
    return "e30."
        + Base64.getUrlEncoder().withoutPadding().encodeToString(claims.getBytes(UTF_8))
        + ".c2ln";
  }

  @Test
  void replicasAndRestartsTellTheSame() throws Exception {
    var first = replica().told();

    assertThat(replica().told()).isEqualTo(first);
    assertThat(first.toString()).doesNotContain(first.token().value());
    assertThat(first.token().value()).hasSizeGreaterThanOrEqualTo(43);
  }

  @Test
  void whatIsKeptSaysHowLongItLasts() throws Exception {
    var told = replica().told();

    assertThat(GatewayIdentity.toldBy(kept.content)).isEqualTo(told);
    var end = GatewayIdentity.end(kept.content, now).orElseThrow();
    assertThat(end).isAfter(now);
    assertThat(GatewayIdentity.end(kept.content, end)).as("it would be renewed").isEmpty();
    var broken = new HashMap<>(kept.content);
    broken.remove(StandIns.KEY_NAME);
    assertThat(GatewayIdentity.end(broken, now)).isEmpty();
    assertThat(GatewayIdentity.end(Map.of(), now)).isEmpty();
  }

  @Test
  void secretThatIsLostIsPutBack() throws Exception {
    var replica = replica();
    var first = replica.told();
    kept.content = Map.of();

    assertThat(replica.told()).isEqualTo(first);
    assertThat(replica().told()).isEqualTo(first);
  }

  @Test
  void secretThatIsBrokenIsMadeAnew() throws Exception {
    var first = replica().told();
    var broken = new HashMap<>(kept.content);
    for (String key : broken.keySet().toArray(String[]::new)) {
      kept.content = new HashMap<>(broken);
      kept.content.put(key, new Secret("x"));

      if (key.equals(StandIns.KEY_NAME)) {
        assertThat(replica().told()).as("does not concern the server").isEqualTo(first);
        assertThat(StandIns.isKey(requireNonNull(kept.content.get(key)))).isTrue();
      } else {
        assertThat(replica().told()).as(key).isNotEqualTo(first);
      }
    }
    var other = new HashMap<>(broken);
    kept.content = Map.of();
    replica().told();
    other.put(Authorities.PRIVATE_KEY, kept.content.get(Authorities.PRIVATE_KEY));
    kept.content = other;
    assertThat(replica().told()).as("another's key").isNotEqualTo(first);
  }

  @Test
  void standInsOutliveAuthorityAndToken() throws Exception {
    var replica = replica();
    replica.told();
    var key = requireNonNull(kept.content.get(StandIns.KEY_NAME));
    assertThat(StandIns.isKey(key)).isTrue();

    now = now.plus(Authorities.LIFE);
    replica.told();
    assertThat(kept.content).containsEntry(StandIns.KEY_NAME, key);

    kept.content = new HashMap<>(Map.of(StandIns.KEY_NAME, key));
    replica().told();
    assertThat(kept.content).containsEntry(StandIns.KEY_NAME, key);
  }

  @Test
  void anotherKeyIsTakenFromTheSecret() throws Exception {
    var replica = replica();
    replica.told();
    var before = replica.standIns();
    replica.told();
    assertThat(replica.standIns()).isSameAs(before);
    kept.content = new HashMap<>(kept.content);
    kept.content.put(StandIns.KEY_NAME, StandIns.newKey());

    replica.told();

    assertThat(replica.standIns()).isNotSameAs(before);
    assertThatThrownBy(replica()::standIns).hasMessageContaining("no identity yet");
  }

  /**
   * Whoever knows only what the server was told at first is met by what he knows, until the turn.
   */
  @Test
  void nextAuthorityIsToldBeforeItSigns() throws Exception {
    var replica = replica();
    var first = replica.told();
    now = now.plus(Authorities.LIFE).minus(Authorities.RENEWAL).minusSeconds(2);
    assertThat(replica.told()).isEqualTo(first);

    now = now.plusSeconds(3);
    var other = replica(); // one that has just begun
    var second = other.told();
    assertThat(second.token()).isEqualTo(first.token());
    assertThat(second.authorities())
        .startsWith(first.authorities())
        .isNotEqualTo(first.authorities());
    assertThat(replica.told()).as("told once").isEqualTo(second);
    var next = second.authorities().substring(first.authorities().length());

    now = now.plus(Authorities.OVERLAP).minusSeconds(2);
    for (var each : List.of(replica, other, replica())) {
      assertThat(each.told()).isEqualTo(second);
      assertThat(signer(each)).isEqualTo(first.authorities());
    }
    now = now.plusSeconds(2);
    for (var each : List.of(replica, other, replica())) {
      assertThat(each.told()).as("nothing new").isEqualTo(second);
      assertThat(signer(each)).isEqualTo(next);
    }

    now = now.plus(Authorities.LIFE).minus(Authorities.RENEWAL);
    assertThat(replica.told().authorities())
        .startsWith(next)
        .hasSize(second.authorities().length());
  }

  /** Else the last of its certificates would end while somebody is looking at them. */
  @Test
  void authorityThatIsNearlyOverSignsForHalfOfWhatIsLeft() throws Exception {
    var first = replica().told();
    now = now.plus(Authorities.LIFE).minus(Duration.ofDays(1));
    var replica = replica();
    var second = replica.told();
    var next = second.authorities().substring(first.authorities().length());

    now = now.plus(Duration.ofHours(12)).minusSeconds(1);
    for (var each : List.of(replica, replica())) {
      assertThat(signer(each)).isEqualTo(first.authorities());
    }
    now = now.plusSeconds(1);
    for (var each : List.of(replica, replica())) {
      assertThat(signer(each)).isEqualTo(next);
      assertThat(each.told()).isEqualTo(second);
    }
  }

  /** Nothing would be won, and each connection would cost a key. */
  @Test
  void certificateThatEndsWithItsAuthorityIsNotRenewed() throws Exception {
    replica().told();
    now = now.plus(Authorities.LIFE).minus(Duration.ofHours(4));
    var replica = replica();
    replica.told();
    var last = replica.context();

    now = now.plus(Duration.ofHours(2)).minusSeconds(1);
    assertThat(replica.context()).isSameAs(last);

    now = now.plusSeconds(1);
    var next = replica.context();
    assertThat(next).isNotSameAs(last);
    assertThat(replica.context()).isSameAs(next);
  }

  @Test
  void authorityThatEndedWhileNobodyWasThereSignsNoMore() throws Exception {
    var first = replica().told();
    now = now.plus(Authorities.LIFE).plusSeconds(1);
    var replica = replica();
    var second = replica.told();

    assertThat(second.token()).isEqualTo(first.token());
    assertThat(first.authorities() + signer(replica)).isEqualTo(second.authorities());
  }

  /** Which of those that are told has signed what the server is met with; as PEM. */
  private String signer(GatewayIdentity replica) throws Exception {
    var told = replica.told().authorities();
    int second = told.indexOf("-----BEGIN", 1);
    var each =
        second < 0 ? List.of(told) : List.of(told.substring(0, second), told.substring(second));
    var leaf = presented(replica.context());
    var signers = each.stream().filter(authority -> isSignedBy(leaf, authority)).toList();
    assertThat(signers).hasSize(1);
    return signers.getFirst();
  }

  private static boolean isSignedBy(X509Certificate leaf, String authority) {
    try {
      var pem = new ByteArrayInputStream(authority.getBytes(UTF_8));
      leaf.verify(CertificateFactory.getInstance("X.509").generateCertificate(pem).getPublicKey());
      return true;
    } catch (GeneralSecurityException _) {
      return false;
    }
  }

  /** In a handshake, in which nobody looks at the time: the clock here is not that of others. */
  private static X509Certificate presented(SSLContext context) throws Exception {
    var seen = new AtomicReference<X509Certificate>();
    var client = SSLContext.getInstance("TLS");
    client.init(null, new TrustManager[] {new Anybody(seen)}, null);
    var loopback = InetAddress.getLoopbackAddress();
    try (var listener = context.getServerSocketFactory().createServerSocket(0, 1, loopback);
        var near =
            (SSLSocket) client.getSocketFactory().createSocket(loopback, listener.getLocalPort());
        var far = (SSLSocket) listener.accept()) {
      var answering =
          Thread.ofVirtual()
              .start(
                  () -> {
                    try {
                      far.startHandshake();
                    } catch (IOException e) {
                      throw new UncheckedIOException(e);
                    }
                  });
      near.startHandshake();
      answering.join();
    }
    return seen.get();
  }

  /** Trusts whoever comes, and keeps his certificate. */
  private static final class Anybody extends X509ExtendedTrustManager {
    private final AtomicReference<X509Certificate> seen;

    Anybody(AtomicReference<X509Certificate> seen) {
      this.seen = seen;
    }

    @Override
    public void checkServerTrusted(X509Certificate[] chain, String type) {
      seen.set(chain[0]);
    }

    @Override
    public void checkServerTrusted(X509Certificate[] chain, String type, Socket socket) {
      seen.set(chain[0]);
    }

    @Override
    public void checkServerTrusted(X509Certificate[] chain, String type, SSLEngine engine) {
      seen.set(chain[0]);
    }

    @Override
    public void checkClientTrusted(X509Certificate[] chain, String type) {}

    @Override
    public void checkClientTrusted(X509Certificate[] chain, String type, Socket socket) {}

    @Override
    public void checkClientTrusted(X509Certificate[] chain, String type, SSLEngine engine) {}

    @Override
    public X509Certificate[] getAcceptedIssuers() {
      return new X509Certificate[0];
    }
  }

  @Test
  void certificateIsRenewedBeforeItsEnd() throws Exception {
    var replica = replica();
    replica.told();
    var first = replica.context();
    now =
        now.plus(GatewayIdentity.CERTIFICATE_LIFE)
            .minus(GatewayIdentity.CERTIFICATE_RENEWAL)
            .minusSeconds(1);
    assertThat(replica.context()).isSameAs(first);

    now = now.plusSeconds(1);

    var second = replica.context();
    assertThat(second).isNotSameAs(first);
    assertThat(replica.context()).isSameAs(second);
  }

  @Test
  void goesOnWithoutTheApiServerOnceItKnows() throws Exception {
    var replica = replica();
    var first = replica.told();
    kept.away = true;

    assertThat(replica.told()).isEqualTo(first);
    var late = replica();
    assertThatThrownBy(late::told).hasMessage("away");
    assertThatThrownBy(late::context).hasMessageContaining("no identity yet");
  }

  @Test
  void knowsTheServerByItsToken() throws Exception {
    var replica = replica();
    String token = replica.told().token().value();

    assertThat(replica.caller(bearer(token))).contains(new Caller.Server());
    assertThat(replica.caller(new Fields().add("authorization", "bearer  " + token)))
        .contains(new Caller.Server());
    assertThat(replica.caller(bearer(token.substring(1)))).isEmpty();
    assertThat(replica.caller(bearer(token + "A"))).isEmpty();
    assertThat(replica.caller(bearer("A".repeat(token.length())))).isEmpty();
    assertThat(replica.caller(bearer(""))).isEmpty();
    assertThat(replica.caller(new Fields())).isEmpty();
    assertThat(replica.caller(new Fields().add("Authorization", "Basic " + token))).isEmpty();
    assertThat(replica.caller(bearer(token).add("Authorization", "Bearer " + token))).isEmpty();
    assertThat(replica().caller(bearer(""))).as("before there is a token").isEmpty();
  }

  @Test
  void takesTokensOfTheServersOwnAccountsOnly() throws Exception {
    var replica = replica();
    replica.told();
    var user = "system:serviceaccount:cattle-impersonation-system:user-1";
    var users = jwt(user);

    assertThat(replica.caller(bearer(users))).contains(new Caller.Account(new Secret(users), user));
    assertThat(replica.caller(bearer(jwt("system:serviceaccount:cattle-system:cattle")))).isEmpty();
    var cattle = "system:serviceaccount:cattle-system:cattle";
    var odd = jwt("x\\\",\\\"sub\\\":\\\"" + user);
    assertThat(replica.caller(bearer(odd))).as("somebody's text in it").isEmpty();
    var standIns = new StandIns(requireNonNull(kept.content.get(StandIns.KEY_NAME)));
    for (String account : new String[] {user, cattle}) {
      var token = jwt(account);
      assertThat(replica.caller(bearer(standIns.of(token.getBytes(UTF_8)))))
          .contains(new Caller.Account(new Secret(token), account));
    }
    assertThat(replica.caller(bearer(standIns.of("no JWT".getBytes(UTF_8))))).isEmpty();
    assertThat(replica.caller(bearer(standIns.of(jwt("root").getBytes(UTF_8))))).isEmpty();
    assertThat(replica.caller(bearer("a.b"))).isEmpty();
    assertThat(replica.caller(bearer("a.*.c"))).isEmpty();
    assertThat(replica.caller(bearer("a.b.c.d"))).isEmpty();
  }

  @Test
  void takesNoTokenFromAnotherPlace() throws Exception {
    var replica = replica();
    String token = replica.told().token().value();
    var fields =
        bearer(token)
            .add(
                "Sec-WebSocket-Protocol",
                "v4.channel.k8s.io, base64url.bearer.authorization.k8s.io.eA");

    assertThat(replica.caller(fields)).isEmpty();
  }

  @Test
  void lifeOfACertificateIsShorterThanTheRestOfItsAuthority() {
    assertThat(Authorities.RENEWAL)
        .isGreaterThan(Authorities.OVERLAP.plus(GatewayIdentity.CERTIFICATE_LIFE));
    assertThat(GatewayIdentity.CERTIFICATE_RENEWAL)
        .isGreaterThan(Duration.ofDays(1))
        .isLessThan(GatewayIdentity.CERTIFICATE_LIFE);
  }
}
