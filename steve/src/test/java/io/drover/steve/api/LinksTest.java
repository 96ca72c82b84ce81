package io.drover.steve.api;

import static org.assertj.core.api.Assertions.assertThat;

import io.drover.steve.http.Fields;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class LinksTest {
  @ParameterizedTest
  @CsvSource(
      nullValues = "-",
      value = {
        // Host, prefix, X-Forwarded-Proto, X-Forwarded-Host, X-API-Host: base
        "h,      -,            -,      -,       -,   http://h",
        "h:8443, /k8s/c,       https,  -,       -,   https://h:8443/k8s/c",
        "h,      /k8s/c/,      wss,    -,       -,   https://h/k8s/c",
        "h,      k8s/c,        ws,     -,       -,   http://h/k8s/c",
        "h,      /k8s/c,       gopher, -,       -,   gopher://h/k8s/c",
        "h,      https://o/p,  https,  -,       -,   https://h/https:/o/p",
        "h,      -,            https,  f:444,   -,   https://f:444",
        "h,      -,            https,  f; g,    -,   https://f",
        "h,      -,            https,  f,       a,   https://a",
      })
  void leadBackToWhereTheBrowserIs(
      String host, String prefix, String scheme, String forwarded, String api, String base) {
    var fields = new Fields().add("Host", host);
    add(fields, "X-API-URL-Prefix", prefix);
    add(fields, "X-Forwarded-Proto", scheme);
    add(fields, "X-Forwarded-Host", forwarded == null ? null : forwarded.replace(';', ','));
    add(fields, "X-API-Host", api);

    assertThat(Links.of(fields).base()).isEqualTo(base);
  }

  private static void add(
      Fields fields, String name, @org.jspecify.annotations.Nullable String value) {
    if (value != null) {
      fields.add(name, value);
    }
  }
}
