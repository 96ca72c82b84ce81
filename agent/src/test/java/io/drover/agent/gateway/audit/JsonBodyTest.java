package io.drover.agent.gateway.audit;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class JsonBodyTest {
  private static JsonBody of(String text) {
    return JsonBody.of(text.getBytes(UTF_8), false);
  }

  @Test
  void jsonIsWrittenOnOneLine() {
    for (var body :
        Map.of(
                "{ \"a\" :\n [1, 2.50, -7, true, null],\r\n \"ä\": \"\\u0041\\n\" }",
                "{\"a\":[1,2.50,-7,true,null],\"ä\":\"A\\n\"}",
                "[{\"op\": \"add\"}] ",
                "[{\"op\":\"add\"}]",
                "\"text\"",
                "\"text\"",
                " 5",
                "5",
                "{}",
                "{}")
            .entrySet()) {
      assertThat(of(body.getKey())).isEqualTo(new JsonBody(body.getValue(), ""));
    }
  }

  @Test
  void lineEndsAreGone() {
    assertThat(of("{\n\"a\":\r\n1}\n")).isEqualTo(new JsonBody("{\"a\":1}", ""));
    assertThat(of("{\"a\":12345678901234567890.123456789012345678901}").text())
        .isEqualTo("{\"a\":12345678901234567890.123456789012345678901}");
  }

  /** Of what size they are is for whoever reads them. */
  @ParameterizedTest
  @ValueSource(strings = {"1e99999999999", "-1E-99999999999", "1.0", "0.1e+5", "[1e400]"})
  void numbersStayAsTheyAre(String body) {
    assertThat(of(body).text()).isEqualTo(body);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{\"a\":1",
        "{\"a\":\"b",
        "{\"a\":1}{\"b\":2}",
        "{\"a\":1},",
        "{\"a\":1}\n{",
        "apiVersion: v1",
        "k8s\u0000\n",
        "{\"a\":NaN}",
      })
  void whatIsNoWholeJsonIsLeftOut(String body) {
    assertThat(of(body)).isEqualTo(JsonBody.NOT_JSON);
  }

  @Test
  void nestedTooDeepIsLeftOut() {
    assertThat(of("[".repeat(50_000))).isEqualTo(JsonBody.NOT_JSON);
  }

  @Test
  void whiteSpaceIsNothing() {
    assertThat(of(" \n")).isEqualTo(JsonBody.NOTHING);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{\"data\":{\"p\":\"c2VjcmV0\"},\"kind\":\"Secret\"}",
        "[{\"kind\":\"Secret\"}]",
        "{\"kind\":\"SecretList\",\"items\":[]}",
        "{\"kind\":\"TokenRequest\"}",
        "{\"kind\":\"TokenReview\"}",
        "{\"kind\":\"Kubeconfig\"}",
        "{\"kind\":\"List\",\"items\":[{\"kind\":\"ConfigMap\"},{\"data\":{},\"kind\":\"Secret\"}]}",
        "{\"kind\":\"x\",\"kind\":\"Secret\"}",
      })
  void objectsThatAreCredentialsAreLeftOut(String body) {
    assertThat(of(body)).isEqualTo(JsonBody.CREDENTIALS);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{\"spec\":{\"certificateRefs\":[{\"kind\":\"Secret\",\"name\":\"a\"}]}}",
        "{\"metadata\":{\"ownerReferences\":[{\"kind\":\"Secret\"}]}}",
        "{\"kind\":\"ConfigMap\",\"data\":{\"kind\":\"Secret\"}}",
      })
  void whatOnlyNamesThemIsNot(String body) {
    assertThat(of(body)).isEqualTo(new JsonBody(body, ""));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "secrets",
        "serviceaccounts/token",
        "tokenreviews",
        "tokens",
        "clusterregistrationtokens",
        "sealedsecrets",
        "kubeconfigs",
        "clustercredentials",
        "Passwords",
      })
  void typesThatAreCredentials(String type) {
    assertThat(JsonBody.isSecretive(type)).isTrue();
    assertThat(JsonBody.isSecretive("pods/log")).isFalse();
  }

  @Test
  void managedFieldsAreLeftOutOfTheObjectAndOfItemsOnly() {
    var body =
        "{\"metadata\":{\"name\":\"a\",\"managedFields\":[{\"f\":{}}],\"uid\":\"u\"},"
            + "\"spec\":{\"metadata\":{\"managedFields\":[1]}},"
            + "\"items\":[{\"metadata\":{\"managedFields\":5,\"name\":\"b\"}}]}";

    assertThat(of(body).text()).isEqualTo(body);
    assertThat(JsonBody.of(body.getBytes(UTF_8), true).text())
        .isEqualTo(
            "{\"metadata\":{\"name\":\"a\",\"uid\":\"u\"},"
                + "\"spec\":{\"metadata\":{\"managedFields\":[1]}},"
                + "\"items\":[{\"metadata\":{\"name\":\"b\"}}]}");
  }
}
