package io.drover.steve.kube;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ApiRequestTest {
  @ParameterizedTest
  @ValueSource(strings = {"a/b", "/", "a%2Fb", "%", ".", "..", "a\n/b"})
  void whatCannotBeANameIsNoPartOfAPath(String name) {
    assertThatThrownBy(() -> ApiRequest.segment(name)).isInstanceOf(Refusal.class);
  }

  @Test
  void otherNamesAre() throws Exception {
    assertThat(ApiRequest.segment("")).isEmpty();
    assertThat(ApiRequest.segment("...")).isEqualTo("...");
    assertThat(ApiRequest.segment("system:node a?b+#")).isEqualTo("system%3Anode%20a%3Fb%2B%23");
  }
}
