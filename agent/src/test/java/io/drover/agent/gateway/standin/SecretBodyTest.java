package io.drover.agent.gateway.standin;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Base64;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class SecretBodyTest {
  private static final String TYPE = "kubernetes.io/service-account-token";

  private final StandIns standIns = new StandIns(StandIns.newKey());
  private final String standIn = standIns.of("real".getBytes(UTF_8));

  private static String base64(String text) {
    return Base64.getEncoder().encodeToString(text.getBytes(UTF_8));
  }

  private String written(String json) throws Exception {
    return new String(standIns.body(json.getBytes(UTF_8)).withTokens(), UTF_8);
  }

  @Test
  void standInsBecomeTokensWhereTheyAreHiddenAgain() throws Exception {
    var json =
        "{ \"type\":\"%s\",\"data\":{\"a\":\"%s\",\"token\":\"%s\"},\"stringData\":{\"token\":\"%s\"}}";

    assertThat(written(json.formatted(TYPE, base64(standIn), base64(standIn), standIn)))
        .isEqualTo(json.formatted(TYPE, base64(standIn), base64("real"), "real"));
  }

  @ParameterizedTest
  @ValueSource(strings = {"Opaque", "", "kubernetes.io/service-account-tokens"})
  void elsewhereTheyStay(String type) throws Exception {
    var json = "{\"type\":\"%s\",\"data\":{\"token\":\"%s\"}}".formatted(type, base64(standIn));

    assertThat(written(json)).isEqualTo(json);
  }

  @Test
  void deeperOnesStayToo() throws Exception {
    var json =
        "{\"type\":\"%s\",\"items\":[{\"data\":{\"token\":\"%s\"}}],\"x\":{\"data\":{\"token\":\"%s\"}}}"
            .formatted(TYPE, base64(standIn), base64(standIn));

    assertThat(written(json)).isEqualTo(json);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "[]",
        "{",
        "apiVersion: v1",
        "{\"type\":\"a\",\"type\":\"b\"}",
        "{\"metadata\":{},\"metadata\":{\"name\":\"x\"}}",
        "{\"data\":{\"token\":\"a\",\"token\":\"b\"}}",
        "{} {}",
      })
  void whatCouldMeanTwoThingsIsRefused(String json) {
    assertThatThrownBy(() -> written(json)).isInstanceOf(SecretBody.UnreadableException.class);
  }

  @Test
  void itsNameIsRead() throws Exception {
    var json =
        "{\"spec\":{\"name\":\"a\"},\"metadata\":{\"labels\":{\"name\":\"b\"},\"n\\u0061me\":\"c\"}}";

    assertThat(standIns.body(json.getBytes(UTF_8)).name()).isEqualTo("c");
  }

  @Test
  void standInsAreFoundInAPatch() throws Exception {
    var patch = "[{\"op\":\"replace\",\"path\":\"/data/token\",\"value\":\"%s\"}]";

    assertThat(standIns.isIn(patch.formatted(base64(standIn)).getBytes(UTF_8))).isTrue();
    assertThat(standIns.isIn(patch.formatted(standIn).getBytes(UTF_8))).isTrue();
    assertThat(standIns.isIn(patch.formatted(standIn + "x").getBytes(UTF_8))).isFalse();
    assertThat(standIns.isIn(patch.formatted("YQ==").getBytes(UTF_8))).isFalse();
    assertThat(SecretBody.mayHaveStandIn(base64(standIn).getBytes(UTF_8))).isTrue();
    assertThat(SecretBody.mayHaveStandIn(standIn.getBytes(UTF_8))).isTrue();
    assertThat(SecretBody.mayHaveStandIn("drover-standing".getBytes(UTF_8))).isFalse();
  }
}
