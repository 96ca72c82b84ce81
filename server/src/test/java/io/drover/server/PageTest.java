package io.drover.server;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.HashSet;
import java.util.List;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(60)
class PageTest {
  private static final Pattern LINK =
      Pattern.compile("(?:src|href)[=:] ?[\"'](/page/[^\"']+)[\"']");
  private static final Pattern IMPORT = Pattern.compile("from '\\./([^']+)'");

  @TempDir private Path directory;
  private TestServer server;
  private HttpClient http;

  @BeforeEach
  void start() throws Exception {
    server = TestServer.start(directory);
    http = HttpClient.newBuilder().sslContext(server.tls).build();
  }

  @AfterEach
  void stop() {
    http.shutdownNow();
    server.close();
  }

  private HttpResponse<String> send(String method, String path, String... fields) throws Exception {
    var request =
        HttpRequest.newBuilder(server.url.resolve(path)).method(method, BodyPublishers.noBody());
    if (fields.length > 0) {
      request.headers(fields);
    }
    return http.send(request.build(), BodyHandlers.ofString());
  }

  @Test
  void everyFileThatAnotherNamesIsThere() throws Exception {
    var seen = new HashSet<String>();
    var open = new ArrayDeque<>(List.of("/"));
    while (!open.isEmpty()) {
      var path = open.remove();
      if (!seen.add(path)) {
        continue;
      }
      var file = send("GET", path, "Accept", "text/html");
      assertThat(file.statusCode()).as(path).isEqualTo(200);
      LINK.matcher(file.body()).results().forEach(found -> open.add(found.group(1)));
      IMPORT.matcher(file.body()).results().forEach(found -> open.add("/page/" + found.group(1)));
    }
    assertThat(seen).contains("/page/main.js", "/page/chart.js", "/page/style.css");
  }

  @Test
  void nothingFromElsewhereAndNothingInline() throws Exception {
    var first = send("GET", "/", "Accept", "text/html,*/*;q=0.8");

    assertThat(first.headers().firstValue("Content-Type")).contains("text/html; charset=utf-8");
    assertThat(first.headers().firstValue("Content-Security-Policy").orElseThrow())
        .startsWith("default-src 'none'; script-src 'self'; style-src 'self'")
        .contains("frame-ancestors 'none'")
        .doesNotContain("unsafe");
    assertThat(first.body()).doesNotContain("http:").doesNotContain("style=");
  }

  @Test
  void programsGetJsonAtTheSamePlace() throws Exception {
    assertThat(TestServer.JSON.readTree(send("GET", "/").body()).path("type").asText())
        .isEqualTo("apiRoot");
  }

  @Test
  void whatIsKnownIsNotSentAgain() throws Exception {
    var tag = send("GET", "/page/main.js").headers().firstValue("ETag").orElseThrow();

    var again = send("GET", "/page/main.js", "If-None-Match", tag);
    assertThat(again.statusCode()).isEqualTo(304);
    assertThat(again.body()).isEmpty();
    assertThat(send("GET", "/page/main.js", "If-None-Match", "\"other\"").statusCode())
        .isEqualTo(200);
  }

  @Test
  void onlyFilesAndOnlyRead() throws Exception {
    assertThat(send("HEAD", "/page/main.js").body()).isEmpty();
    assertThat(send("POST", "/page/main.js").statusCode()).isEqualTo(405);
    for (var path :
        List.of("/page/", "/page/nothing.js", "/page/package-info.class", "/page/../logback.xml")) {
      assertThat(send("GET", path).statusCode()).as(path).isEqualTo(404);
    }
  }
}
