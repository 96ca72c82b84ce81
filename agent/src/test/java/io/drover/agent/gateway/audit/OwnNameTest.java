package io.drover.agent.gateway.audit;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import io.drover.agent.config.Secret;
import java.util.Base64;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class OwnNameTest {
  private final OwnName name = new OwnName();

  private static Secret token(String claims) {
    return new Secret(
        "e30."
            + Base64.getUrlEncoder().withoutPadding().encodeToString(claims.getBytes(UTF_8))
            + ".c2ln");
  }

  @Test
  void isWhatTheTokenSays() {
    var first = token("{\"aud\":[\"x\"],\"a\":{\"sub\":\"no\"},\"sub\":\"one\",\"z\":1}");
    assertThat(name.of(first)).isEqualTo("one");
    assertThat(name.of(first)).isEqualTo("one");
    assertThat(name.of(token("{\"sub\":\"two\"}"))).isEqualTo("two");
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "[]", "{}", "{\"sub\":1}", "{\"sub\"", "x"})
  void isEmptyIfItSaysNothing(String claims) {
    assertThat(name.of(token(claims))).isEmpty();
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "opaque", "a.b", "a.!.c", "a.b.c"})
  void isEmptyIfItIsNone(String token) {
    assertThat(name.of(new Secret(token))).isEmpty();
  }
}
