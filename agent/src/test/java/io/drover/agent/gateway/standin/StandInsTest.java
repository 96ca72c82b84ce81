package io.drover.agent.gateway.standin;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import io.drover.agent.config.Secret;
import java.util.Base64;
import java.util.HashSet;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class StandInsTest {
  private final Secret key = StandIns.newKey();
  private final StandIns standIns = new StandIns(key);

  private static byte[] token(int bytes) {
    return "a".repeat(bytes).getBytes(ISO_8859_1);
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 15, 16, 17, 1_000, StandIns.MAX_TOKEN_BYTES})
  void meansItsTokenToWhoeverHasTheKey(int bytes) {
    var standIn = standIns.of(token(bytes));

    assertThat(standIns.token(standIn)).contains(new Secret("a".repeat(bytes)));
    assertThat(new StandIns(key).token(standIn)).as("a restart, or a replica").isPresent();
    assertThat(new StandIns(StandIns.newKey()).token(standIn)).isEmpty();
    assertThat(new StandIns(key).of(token(bytes)))
        .as("no change where there is none")
        .isEqualTo(standIn);
  }

  @Test
  void longerOnesMeanNothing() {
    assertThat(standIns.token(standIns.of(token(StandIns.MAX_TOKEN_BYTES + 1)))).isEmpty();
    assertThat(standIns.token(standIns.of(token(0)))).isEmpty();
  }

  @Test
  void isATextThatABearerMayBeAndShowsNothing() {
    var standIn = standIns.of(token(1_000));

    assertThat(standIn).matches("[A-Za-z0-9_-]+").startsWith(StandIns.PREFIX);
    assertThat(Base64.getEncoder().encodeToString(standIn.getBytes(UTF_8)))
        .startsWith(Base64.getEncoder().encodeToString(StandIns.PREFIX.getBytes(UTF_8)));
    var seen = new HashSet<String>();
    for (int last = 0; last < 256; last++) {
      byte[] token = token(64);
      token[63] = (byte) last;
      assertThat(seen.add(standIns.of(token).substring(StandIns.PREFIX.length(), 40))).isTrue();
    }
  }

  @Test
  void oneThatWasChangedMeansNothing() {
    var standIn = standIns.of(token(100));
    int start = StandIns.PREFIX.length();
    byte[] sealed = Base64.getUrlDecoder().decode(standIn.substring(start));
    var random = new Random(1);
    for (int i = 0; i < sealed.length; i++) {
      byte[] changed = sealed.clone();
      changed[i] ^= (byte) (1 + random.nextInt(255));
      assertThat(standIns.token(text(changed))).as("byte %d", i).isEmpty();
    }
    for (int length = 0; length < sealed.length; length++) {
      assertThat(standIns.token(text(java.util.Arrays.copyOf(sealed, length)))).isEmpty();
    }
    assertThat(standIns.token(standIn.substring(1))).isEmpty();
    assertThat(standIns.token(standIn + "*")).isEmpty();
    assertThat(standIns.token("")).isEmpty();
  }

  private static String text(byte[] sealed) {
    return StandIns.PREFIX + Base64.getUrlEncoder().withoutPadding().encodeToString(sealed);
  }

  @Test
  void keysAreKnownByTheirForm() {
    assertThat(StandIns.isKey(key)).isTrue();
    assertThat(StandIns.isKey(new Secret(""))).isFalse();
    assertThat(StandIns.isKey(new Secret(key.value().substring(1)))).isFalse();
    assertThat(StandIns.isKey(new Secret(key.value() + "\n"))).isFalse();
  }

  @Test
  void theKeysNameAndOurSecretsAreWhatTheIdentityHas() {
    assertThat(TokensOut.OWN).isEqualTo(io.drover.agent.gateway.GatewayIdentity.SECRET);
    assertThat(TokensOut.NAMESPACE).isEqualTo(io.drover.agent.kube.Fabric8ClusterApi.NAMESPACE);
  }
}
