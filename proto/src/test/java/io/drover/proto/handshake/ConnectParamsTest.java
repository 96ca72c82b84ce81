package io.drover.proto.handshake;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Base64;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ConnectParamsTest {
  private static final ConnectParams PARAMS =
      new ConnectParams("[fd00::1]:443", "ey.secret", "-----BEGIN CERTIFICATE-----\n");

  @Test
  void headerIsBase64OfJsonWithTheCaInBase64Again() {
    var json = new String(Base64.getDecoder().decode(PARAMS.toHeader()), UTF_8);
    assertThat(json)
        .isEqualTo(
            "{\"cluster\":{\"address\":\"[fd00::1]:443\","
                + "\"caCert\":\"LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCg==\","
                + "\"token\":\"ey.secret\"}}");
  }

  @Test
  void readsItsOwnHeader() {
    assertThat(ConnectParams.fromHeader(PARAMS.toHeader())).isEqualTo(PARAMS);
  }

  @Test
  void neverPrintsTheToken() {
    assertThat(PARAMS.toString()).doesNotContain("secret").contains("[fd00::1]:443");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      textBlock =
          """
          {}                                             | missing node or cluster registration info
          {"cluster":{}}                                 | invalid input, address empty
          {"cluster":{"address":"a:1"}}                  | invalid input, token empty
          {"cluster":{"address":"a:1","token":"t"}}      | invalid input, caCert empty
          {"cluster":                                    | invalid JSON
          """)
  void saysWhatIsMissingInTheServersWords(String json, String problem) {
    var header = Base64.getEncoder().encodeToString(json.getBytes(UTF_8));
    assertThatThrownBy(() -> ConnectParams.fromHeader(header))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining(problem);
  }

  @Test
  void refusesWhatIsNotBase64() {
    assertThatThrownBy(() -> ConnectParams.fromHeader("%%%"))
        .isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> ConnectParams.fromHeader(""))
        .hasMessage("unexpected end of JSON input");
  }
}
