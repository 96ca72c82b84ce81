package io.drover.agent.gateway.policy;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Locale;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class RequestInfoTest {
  private static RequestInfo of(String method, String target) {
    return RequestInfo.of(method, target);
  }

  /** In the order verb, group/version, namespace, resource, name. */
  private static String text(RequestInfo info) {
    return switch (info) {
      case RequestInfo.Resource it ->
          String.join(
              " ",
              it.verb(),
              it.group() + "/" + it.version(),
              it.namespace().isEmpty() ? "-" : it.namespace(),
              it.combined(),
              it.name().isEmpty() ? "-" : it.name());
      case RequestInfo.NonResource it -> it.verb() + " " + it.path();
      case RequestInfo.Unresolved it -> "refused: " + it.reason();
    };
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "GET | /api/v1/namespaces/shop/pods/web-0 | get /v1 shop pods web-0",
        "HEAD | /api/v1/namespaces/shop/pods/web-0 | get /v1 shop pods web-0",
        "GET | /api/v1/namespaces/shop/pods | list /v1 shop pods -",
        "GET | /api/v1/namespaces/shop/pods/ | list /v1 shop pods -",
        "HEAD | /api/v1/namespaces/shop/pods | list /v1 shop pods -",
        "GET | /api/v1/pods | list /v1 - pods -",
        "GET | /api/v1/pods?watch=1 | watch /v1 - pods -",
        "GET | /api/v1/pods?watch=true | watch /v1 - pods -",
        "GET | /api/v1/pods?watch | watch /v1 - pods -",
        "GET | /api/v1/pods?watch= | watch /v1 - pods -",
        "GET | /api/v1/pods?watch=no | watch /v1 - pods -",
        "GET | /api/v1/pods?w%61tch=1 | watch /v1 - pods -",
        "GET | /api/v1/pods?watch=FALSE | list /v1 - pods -",
        "GET | /api/v1/pods?watch=0&limit=500 | list /v1 - pods -",
        "GET | /api/v1/pods?fieldSelector=metadata.name%3Dweb-0 | list /v1 - pods web-0",
        "GET | /api/v1/pods?fieldSelector=metadata.name==web-0&watch=1 | watch /v1 - pods web-0",
        "GET | /api/v1/pods?fieldSelector=metadata.name!=web-0 | list /v1 - pods -",
        "GET | /api/v1/pods?fieldSelector=spec.nodeName%3Dn1,metadata.name%3Dw | list /v1 - pods w",
        "GET | /api/v1/pods?fieldSelector= | list /v1 - pods -",
        "GET | /api/v1/namespaces/shop/pods/web-0?watch=1 | get /v1 shop pods web-0",
        "GET | /api/v1/watch/pods | watch /v1 - pods -",
        "POST | /api/v1/watch/pods | watch /v1 - pods -",
        "GET | /api/v1/watch/namespaces/shop/pods/web-0 | watch /v1 shop pods web-0",
        "GET | /api/v1/proxy/namespaces/shop/pods/web-0/x | proxy /v1 shop pods web-0",
        "POST | /api/v1/namespaces/shop/pods | create /v1 shop pods -",
        "PUT | /api/v1/namespaces/shop/pods/web-0 | update /v1 shop pods web-0",
        "PATCH | /apis/apps/v1/namespaces/shop/deployments/w/scale | patch apps/v1 shop deployments/scale w",
        "DELETE | /api/v1/namespaces/shop/pods/web-0 | delete /v1 shop pods web-0",
        "DELETE | /api/v1/namespaces/shop/pods | deletecollection /v1 shop pods -",
        "DELETE | /api/v1/pods?fieldSelector=metadata.name=x | deletecollection /v1 - pods -",
        "POST | /api/v1/namespaces/shop/pods/web-0/exec?command=sh&command=-c | create /v1 shop pods/exec web-0",
        "GET | /api/v1/namespaces/shop/pods/web-0/exec?command=sh&stdin=true | get /v1 shop pods/exec web-0",
        "GET | /api/v1/namespaces/shop/pods/web-0/log?follow=true | get /v1 shop pods/log web-0",
        "GET | /api/v1/namespaces | list /v1 - namespaces -",
        "POST | /api/v1/namespaces | create /v1 - namespaces -",
        "GET | /api/v1/namespaces/shop | get /v1 shop namespaces shop",
        "PUT | /api/v1/namespaces/shop/finalize | update /v1 shop namespaces/finalize shop",
        "PUT | /api/v1/namespaces/shop/status | update /v1 shop namespaces/status shop",
        "GET | /api/v1/nodes/n1/proxy/metrics | get /v1 - nodes/proxy n1",
        "POST | /api/v1/nodes/n1/proxy/run/a/b/c | create /v1 - nodes/proxy n1",
        "GET | /api/v1/namespaces/m/services/http:graf:80/proxy/d/A%2Fb//c?q=a;b | get /v1 m services/proxy http:graf:80",
        "GET | /api/v1/namespaces/m/services/graf/proxy/%C3%BC | get /v1 m services/proxy graf",
        "GET | /apis/custom.metrics.k8s.io/v1beta1/namespaces/a/pods/*/http_requests | get custom.metrics.k8s.io/v1beta1 a pods/http_requests *",
        "GET | /apis/rbac.authorization.k8s.io/v1/clusterroles/system:node | get rbac.authorization.k8s.io/v1 - clusterroles system:node",
        "GET | /apis/rbac.authorization.k8s.io/v1/clusterroles/system%3Anode | get rbac.authorization.k8s.io/v1 - clusterroles system:node",
        "GET | /%61pi/v1/%70ods | list /v1 - pods -",
        "POST | /apis/authorization.k8s.io/v1/selfsubjectaccessreviews | create authorization.k8s.io/v1 - selfsubjectaccessreviews -",
        "GET | / | get /",
        "GET | /api | get /api",
        "GET | /api/v1 | get /api/v1",
        "GET | /api/v1/ | get /api/v1/",
        "GET | /apis | get /apis",
        "GET | /apis/apps | get /apis/apps",
        "GET | /apis/apps/v1 | get /apis/apps/v1",
        "GET | /apis/apps/v1?timeout=32s | get /apis/apps/v1",
        "GET | /openapi/v3/apis/apps/v1?hash=AB | get /openapi/v3/apis/apps/v1",
        "GET | /.well-known/openid-configuration | get /.well-known/openid-configuration",
        "HEAD | /healthz | head /healthz",
        "GET | /livez/ping?verbose | get /livez/ping",
        "OPTIONS | /version | options /version",
        "POST | /version | post /version",
      })
  void resolvesAsTheApiServerDoes(String method, String target, String expected) {
    assertThat(text(of(method, target))).isEqualTo(expected);
    assertThat(text(of(method, target))).isEqualTo(ApiServerModel.text(method, target));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "api/v1/pods",
        "*",
        "http://host/api/v1/pods",
        "//api/v1/pods",
        "/api//v1/pods",
        "/api/v1//pods",
        "/api/v1/pods//",
        "/api/v1/namespaces//pods",
        "/api/v1/namespaces/shop/pods//exec",
        "/version//",
        "/./api/v1/pods",
        "/api/v1/../v1/pods",
        "/api/v1/pods/..",
        "/api/v1/pods/.",
        "/api/v1/pods/%2e%2e",
        "/api/v1/pods/%2E",
        "/api/v1/namespaces/shop/services/w/proxy/../../secrets",
        "/api/v1/namespaces/shop/services/w/proxy/%2e%2e/x",
        "/api/v1/namespaces/shop/services/w/proxy/a%2f..%2fb",
        "/api/v1/namespaces/shop/services/w/proxy/a%5cb",
        "/api/v1/namespaces/shop/services/w/proxy/a%00b",
        "/api/v1/namespaces/shop/services/w/proxy/%ff",
        "/api/v1/namespaces/shop/services/w/proxy%2f",
        "/api/v1/namespaces/shop/pods/web%2fexec",
        "/api/v1/namespaces/shop%2fpods",
        "/api%2fv1/pods",
        "/api/v1%2Fpods",
        "/api/v1/pods%00",
        "/api/v1/pods%0a",
        "/api/v1/pods%7f",
        "/api/v1/pods/%c0%af",
        "/api/v1/pods/%ed%a0%80",
        "/api/v1/pods/%",
        "/api/v1/pods/%2",
        "/api/v1/pods/%zz",
        "/api/v1/pods/a%252fb",
        "/api/v1/pods;a=b",
        "/api/v1/pods/web;x",
        "/api/v1/pods/web%3bx",
        "/api/v1/pods/web%3Fx",
        "/api/v1/pods/web#x",
        "/api/v1/pods/web%23x",
        "/api/v1/pods/a b",
        "/api/v1/pods/ü",
        "/api/v1/pods/%C3%BC",
        "/api/v1/pods\\x",
        "/api/v1/pods%5cx",
        "/API/v1/pods",
        "/Api/v1/pods",
        "/api/V1/pods",
        "/api/v1/Pods",
        "/api/v1/namespaces/Shop/pods",
        "/api/v1/namespaces/shop/pods/web/Exec",
        "/api/v1/*",
        "/api/v1/watch",
        "/api/v1/proxy/",
        "/apis/apps/v1/watch",
        "/api/v1/pods?watch=1&watch=0",
        "/api/v1/pods?watch=0&%77atch=1",
        "/api/v1/pods?Watch=1",
        "/api/v1/pods?watch=1;x",
        "/api/v1/pods?a=b;watch=1",
        "/api/v1/pods?watch=%zz",
        "/api/v1/pods?%",
        "/api/v1/pods?watch=fal%C5%BFe",
        "/api/v1/pods?watch=%ff",
        "/api/v1/pods?watch=+0",
        "/api/v1/pods?limit=ten",
        "/api/v1/pods?limit=",
        "/api/v1/pods?timeoutSeconds=1e3",
        "/api/v1/pods?fieldSelector=metadata.name",
        "/api/v1/pods?fieldSelector=metadata.name=a&fieldSelector=metadata.name=b",
        "/api/v1/pods?fieldselector=metadata.name=a",
        "/api/v1/pods?fieldSelector=metadata.name=a,metadata.name=b",
        "/api/v1/pods?fieldSelector=metadata.name=a=b",
        "/api/v1/pods?fieldSelector=metadata.name=a%5C,b",
        "/api/v1/pods?fieldSelector=metadata.Name=a",
        "/api/v1/pods?fieldSelector=metadata.name+=a",
        "/api/v1/pods?fieldSelector=metadata.name=..",
        "/api/v1/pods?fieldSelector=metadata.name=a%2Fb",
        "/api/v1/pods?fieldSelector=metadata.name=a&labelSelector=a%7Cb",
        "/api/v1/pods?a b",
        "/api/v1/pods?a#b",
        "/api/v1/pods?ü",
      })
  void refusesWhatTwoReadersCouldTakeForTwoThings(String target) {
    var info = of("GET", target);

    assertThat(info).isInstanceOf(RequestInfo.Unresolved.class);
    assertThat(text(info)).matches("refused: [a-z][\\x20-\\x7e]+");
  }

  /**
   * Requests, and what the API server's own RequestInfoFactory made of them: v0.36.2, recorded. It
   * holds the model to the real one; and what is resolved here is resolved in the same way.
   */
  @Test
  void recordedRequestsAreResolvedAsTheyWereOrRefused() throws Exception {
    List<String> lines;
    try (var in = RequestInfoTest.class.getResourceAsStream("request-info.tsv")) {
      lines = new String(Objects.requireNonNull(in).readAllBytes(), UTF_8).lines().toList();
    }
    int resolved = 0;
    for (String line : lines) {
      String[] parts = line.split("\t", -1);
      assertThat(ApiServerModel.text(parts[0], parts[1])).as(line).isEqualTo(parts[2]);
      var info = of(parts[0], parts[1]);
      if (!(info instanceof RequestInfo.Unresolved)) {
        assertThat(text(info)).as(line).isEqualTo(parts[2]);
        resolved++;
      }
    }
    assertThat(lines).hasSizeGreaterThan(1000);
    assertThat(resolved).isGreaterThan(250);
  }

  @ParameterizedTest
  @ValueSource(strings = {"get", "Get", "CONNECT", "TRACE", "PROPFIND", "", " GET", "GET\n"})
  void refusesMethodsThatKubernetesDoesNotHave(String method) {
    assertThat(of(method, "/version")).isInstanceOf(RequestInfo.Unresolved.class);
    assertThat(of(method, "/api/v1/pods")).isInstanceOf(RequestInfo.Unresolved.class);
  }

  @Test
  void resourcesHaveNoOptions() {
    assertThat(of("OPTIONS", "/api/v1/pods")).isInstanceOf(RequestInfo.Unresolved.class);
  }

  @Test
  void theLongestPathIsResolvedAndALongerOneIsNot() {
    String start = "/api/v1/namespaces/shop/services/web/proxy/";
    String longest = start + "x".repeat(RequestInfo.MAX_PATH - start.length());

    assertThat(of("GET", longest)).isInstanceOf(RequestInfo.Resource.class);
    assertThat(text(of("GET", longest + "x"))).contains("longer than 8192");
  }

  @Test
  void theLongestQueryIsResolvedAndALongerOneIsNot() {
    String longest = "x=".concat("x".repeat(RequestInfo.MAX_QUERY - 2));

    assertThat(of("GET", "/api/v1/pods?" + longest)).isInstanceOf(RequestInfo.Resource.class);
    assertThat(text(of("GET", "/api/v1/pods?" + longest + "x"))).contains("longer than 65536");
  }

  /** Go forgets a query of more than 10,000 parameters, and with it that this is a watch. */
  @Test
  void manyParametersAreResolvedAndMoreAreNot() {
    String most = "a&".repeat(ListQuery.MAX_PARAMETERS - 1) + "watch=1";

    assertThat(text(of("GET", "/api/v1/pods?" + most))).startsWith("watch");
    assertThat(text(of("GET", "/api/v1/pods?a&" + most))).contains("more than 1000");
  }

  @Test
  void everyVerbIsKnownToPolicies() {
    for (String method : new String[] {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"}) {
      for (String path : new String[] {"/api/v1/pods", "/api/v1/pods/x", "/api/v1/watch/pods"}) {
        assertThat(of(method, path))
            .isInstanceOfSatisfying(
                RequestInfo.Resource.class,
                info -> assertThat(Verbs.RESOURCE).contains(info.verb()));
      }
      assertThat(Verbs.NON_RESOURCE).contains(method.toLowerCase(Locale.ROOT));
    }
  }
}
