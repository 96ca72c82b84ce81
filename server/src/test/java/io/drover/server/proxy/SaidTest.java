package io.drover.server.proxy;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import org.junit.jupiter.api.Test;

class SaidTest {
  private static Said refusal(String message) {
    return new Said(403, "{\"kind\":\"Status\",\"message\":\"" + message + "\"}");
  }

  @Test
  void problemIsTheStatusAndKubernetesWordsOnOneLine() {
    assertThat(refusal("no such\\n\\t right ").problem()).isEqualTo("status 403: no such right");
  }

  @Test
  void problemIsTheStatusAloneWhereThereAreNoWords() {
    assertThat(new Said(502, "<html>").problem()).isEqualTo("status 502");
    assertThat(new Said(502, "").problem()).isEqualTo("status 502");
    assertThat(refusal("").problem()).isEqualTo("status 403");
  }

  @Test
  void wordsOfSomebodyElseAreCutAtTheLimit() {
    var longest = "x".repeat(Said.MAX_TEXT);

    assertThat(refusal(longest).problem()).isEqualTo("status 403: " + longest);
    assertThat(refusal(longest + "y").problem()).isEqualTo("status 403: " + longest + "...");
  }

  @Test
  void whatIsNotJsonIsNotQuoted() {
    assertThatThrownBy(() -> new Said(200, "password").json())
        .isInstanceOf(IOException.class)
        .hasMessage("the API server's answer is not JSON");
  }
}
