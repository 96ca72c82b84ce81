package io.drover.agent.gateway.policy;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Bounded: some seconds. What is resolved at all is resolved as the API server does. */
class RequestPathFuzzTest {
  private static final int CASES = 200_000;

  private static final List<String> PIECES =
      List.of(
          "/",
          "/",
          "/",
          "/",
          "//",
          "%2f",
          "%2F",
          "%2e",
          "..",
          ".",
          "%5c",
          "\\",
          ";",
          "%3b",
          "%00",
          "%ff",
          "%c3%bc",
          "%",
          "%2",
          "%zz",
          "api",
          "api",
          "apis",
          "apis",
          "v1",
          "apps",
          "API",
          "namespaces",
          "shop",
          "pods",
          "secrets",
          "web",
          "exec",
          "proxy",
          "watch",
          "status",
          "finalize",
          "version",
          "%70ods",
          "?",
          "?",
          "&",
          "=",
          "watch=1",
          "watch=0",
          "%77atch=1",
          "fieldSelector=metadata.name%3Dweb",
          "fieldSelector=metadata.name!=web",
          "limit=1",
          "limit=x",
          "a",
          "Z",
          " ",
          "+",
          ":",
          "*",
          "#",
          "\n",
          "ü",
          "~",
          "_",
          "%25",
          "%252f");

  private static final List<String> METHODS =
      List.of("GET", "GET", "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "get", "X");

  private static final List<String> STARTS =
      List.of(
          "",
          "/",
          "/api/v1/namespaces/shop/pods",
          "/api/v1/namespaces/shop/pods/web",
          "/api/v1/namespaces/shop/services/web/proxy/",
          "/apis/apps/v1/deployments",
          "/api/v1/pods?",
          "/api/v1/secrets?fieldSelector=metadata.name",
          "/version");

  @Test
  void whatIsResolvedIsResolvedAsTheApiServerDoes() {
    var random = new Random(20261128);
    int resolved = 0;
    for (int i = 0; i < CASES; i++) {
      var target = new StringBuilder(STARTS.get(random.nextInt(STARTS.size())));
      int pieces = random.nextInt(9);
      for (int piece = 0; piece < pieces; piece++) {
        target.append(PIECES.get(random.nextInt(PIECES.size())));
      }
      if (random.nextInt(4) == 0 && !target.isEmpty()) {
        target.setCharAt(random.nextInt(target.length()), (char) random.nextInt(0x100));
      }
      if (check(METHODS.get(random.nextInt(METHODS.size())), target.toString())) {
        resolved++;
      }
    }
    assertThat(resolved).isGreaterThan(CASES / 20); // so that it has said something
  }

  @Test
  void bytesAtRandomDoNotThrow() {
    var random = new Random(7);
    for (int i = 0; i < CASES / 10; i++) {
      byte[] bytes = new byte[random.nextInt(64)];
      random.nextBytes(bytes);
      check("GET", "/" + new String(bytes, StandardCharsets.ISO_8859_1));
    }
  }

  /** Whether it is resolved. */
  private static boolean check(String method, String target) {
    var info = RequestInfo.of(method, target);
    var model = ApiServerModel.info(method, target);
    switch (info) {
      case RequestInfo.Unresolved _ -> {
        return false;
      }
      case RequestInfo.NonResource url ->
          assertThat(url.verb() + " " + url.path())
              .as(method + " " + target)
              .isEqualTo(model.map(ApiServerModel::text).orElse("refused"));
      case RequestInfo.Resource it ->
          assertThat(model)
              .as(method + " " + target)
              .hasValueSatisfying(
                  expected ->
                      assertThat(
                              List.of(
                                  it.verb(),
                                  it.group(),
                                  it.version(),
                                  it.namespace(),
                                  it.resource(),
                                  it.subresource(),
                                  it.name()))
                          .as(method + " " + target)
                          .containsExactly(
                              expected.verb(),
                              expected.group().orElse("no resource"),
                              expected.version(),
                              expected.namespace(),
                              expected.resource(),
                              expected.subresource(),
                              expected.name()));
    }
    return true;
  }
}
