package io.drover.agent.gateway;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class TokenPathTest {
  @ParameterizedTest
  @CsvSource({
    "GET,/api/v1/secrets",
    "GET,/api/v1/secrets/",
    "HEAD,/api/v1/secrets",
    "GET,/api/v1/secrets?watch=1&limit=500",
    "GET,/api/v1/watch/secrets",
    "GET,/api/v1/watch/namespaces/n/secrets",
    "GET,/api/v1/watch/namespaces/n/secrets/s",
    "GET,/api/v1/namespaces/n/secrets?fieldSelector=metadata.name=s",
    "GET,/api/v1/namespaces/n/secrets/s",
    "GET,/api/v1/namespaces/n/%73ecrets/s",
    "POST,/api/v1/namespaces/n/secrets",
    "PUT,/api/v1/namespaces/n/secrets/s",
    "PATCH,/api/v1/namespaces/n/secrets/s/status",
    "DELETE,/api/v1/namespaces/n/secrets/s",
    "DELETE,/api/v1/namespaces/n/secrets",
    "POST,/api/v1/namespaces/n/serviceaccounts/a/token",
  })
  void bringsTokens(String method, String target) throws Exception {
    assertThat(TokenPath.of(method, target)).isPresent();
  }

  @ParameterizedTest
  @CsvSource({
    "GET,/api/v1",
    "GET,/api/v1/pods",
    "GET,/api/v1/namespaces/secrets",
    "GET,/api/v1/namespaces/secrets/pods",
    "GET,/api/v1/namespaces/n/configmaps/secrets",
    "GET,/api/v1/namespaces/n/serviceaccounts/a",
    "GET,/apis/x.io/v1/secrets",
    "GET,/api/v1/namespaces/n/services/vault/proxy/v1/secrets",
    "GET,/api/%2e",
    "POST,/api/v1/namespaces/n/pods/p/exec?command=%ff",
  })
  void bringsNone(String method, String target) throws Exception {
    assertThat(TokenPath.of(method, target)).isEmpty();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "/api/v1//secrets",
        "//api/v1/secrets",
        "/api//v1/secrets",
        "/api/v1/./secrets",
        "/api/v1/pods/../secrets",
        "/api/v1/namespaces/n%2fsecrets",
        "/api%2fv1%2fsecrets",
        "/api/v1/Secrets",
        "/API/v1/secrets",
        "/api/v1/secrets?watch=1&watch=0",
        "/api/v1/secrets?Watch=1",
        "/api/v1/secrets?a;b",
        "/api/v1/namespaces/n/secrets/s%2f",
        "/api/v1/namespaces/n/secrets/s%zz",
        "/api/v1/namespaces/n/serviceaccounts/a//token",
        "/api/v1/namespaces/n/serviceaccounts/a%2ftoken",
        "/api/v1/watch/namespaces/n//secrets",
      })
  void whatMayBringTokensAndIsNotClearIsRefused(String target) {
    assertThatThrownBy(() -> TokenPath.of("GET", target))
        .isInstanceOf(RefusedException.class)
        .hasMessageContaining("may be for tokens");
  }
}
