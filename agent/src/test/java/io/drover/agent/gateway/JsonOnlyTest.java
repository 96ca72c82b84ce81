package io.drover.agent.gateway;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.drover.steve.http.Fields;
import java.io.IOException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class JsonOnlyTest {
  private static RequestHead asking(String... accepted) throws IOException {
    var fields = new Fields().add("Host", "h").add("Accept-Encoding", "gzip").add("X-A", "b");
    for (String accept : accepted) {
      fields.add("accept", accept);
    }
    return RequestHead.of("GET", "/api/v1/secrets", fields);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '"',
      value = {
        "application/json|application/json",
        "application/vnd.kubernetes.protobuf,application/json|application/json",
        "application/vnd.kubernetes.protobuf, */*|application/json",
        "application/*;q=0.5|application/json;q=0.5",
        "application/json;as=Table;v=v1;g=meta.k8s.io,application/json|application/json;as=Table;v=v1;g=meta.k8s.io,application/json",
        "application/cbor;as=Table, APPLICATION/JSON;stream=watch|APPLICATION/JSON;stream=watch",
        "\"\"|application/json",
        "\" , \"|application/json",
      })
  void asksForJsonAlone(String asked, String kept) throws Exception {
    var fields = JsonOnly.of(asking(asked)).fields();

    assertThat(fields.every("Accept")).containsExactly(kept);
    assertThat(fields.has("Accept-Encoding")).isFalse();
    assertThat(fields.first("X-A")).isEqualTo("b");
  }

  @Test
  void asksForItWhereNothingIsSaidOrMuch() throws Exception {
    assertThat(JsonOnly.of(asking()).fields().every("Accept")).containsExactly("application/json");
    assertThat(JsonOnly.of(asking("text/html", "*/*", "application/json")).fields().every("Accept"))
        .containsExactly("application/json,application/json");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "application/vnd.kubernetes.protobuf",
        "application/vnd.kubernetes.protobuf;stream=watch, application/cbor",
        "application/yaml",
        "text/*",
        "application/jsonx",
      })
  void refusesWhatCannotBeRead(String asked) throws Exception {
    var head = asking(asked);
    assertThatThrownBy(() -> JsonOnly.of(head))
        .isInstanceOfSatisfying(
            RefusedException.class, refusal -> assertThat(refusal.code()).isEqualTo(406));
  }
}
