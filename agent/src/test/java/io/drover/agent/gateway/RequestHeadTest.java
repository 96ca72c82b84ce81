package io.drover.agent.gateway;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.drover.steve.http.Fields;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class RequestHeadTest {
  /** {@code name: value}, separated by bars. */
  private static Fields fields(String text) {
    var fields = new Fields();
    for (String line : text.isEmpty() ? new String[0] : text.split("\\|", -1)) {
      int colon = line.indexOf(':');
      fields.add(line.substring(0, colon), line.substring(colon + 1).strip());
    }
    return fields;
  }

  private static String text(Fields fields) {
    return fields.all().stream()
        .map(field -> field.name() + ": " + field.value())
        .collect(Collectors.joining("|"));
  }

  private static RequestHead head(String method, String target, String fields)
      throws RefusedException {
    return RequestHead.of(
        method, target, fields(fields.isEmpty() ? "Host: h" : "Host: h|" + fields));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = ';',
      quoteCharacter = '"',
      value = {
        "Accept: a|Accept: b; Accept: a|Accept: b",
        "Authorization: Bearer x|User-Agent: k; User-Agent: k",
        "Impersonate-User: u|Impersonate-Group: g|Impersonate-Extra-a: b;"
            + " Impersonate-User: u|Impersonate-Group: g|Impersonate-Extra-a: b",
        "X-Remote-User: root|x-remote-GROUP: system:masters|X-Remote-Extra-a: b|Accept: a;"
            + " Accept: a",
        "Connection: keep-alive|Keep-Alive: 5|Accept: a; Accept: a",
        "Connection: close, TE|TE: trailers|Trailer: a|Accept: a; Accept: a",
        "Proxy-Authorization: x|Proxy-Connection: x|Accept: a; Accept: a",
        "Content-Length: 0|Content-Type: a/b; Content-Type: a/b",
        "Transfer-Encoding: chunked|Accept: a; Accept: a",
        "Expect: 100-continue|Content-Length: 1|Accept: a; Accept: a",
        "Upgrade: websocket|Accept: a; Accept: a",
        "Connection: Upgrade, HTTP2-Settings|Upgrade: h2c|HTTP2-Settings: x|Accept: a; Accept: a",
        "X-Forwarded-For: 1.2.3.4|Forwarded: for=x; X-Forwarded-For: 1.2.3.4|Forwarded: for=x",
        "Audit-ID: a|Via: 1.1 b; Audit-ID: a|Via: 1.1 b",
      })
  void passesOnWhatConcernsTheApiServer(String asked, String passed) throws Exception {
    assertThat(text(head("GET", "/api", asked).fields())).isEqualTo(passed);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "Connection: Impersonate-User|Impersonate-User: u",
        "Connection: close, authorization",
        "Connection: Content-Length|Content-Length: 5",
        "Connection: Host",
        "Connection: Accept",
        "Host: other",
        "Content-Length: 5|Content-Length: 5",
        "Content-Length: 5|Content-Length: 6",
        "Content-Length: 5, 5",
        "Content-Length: +5",
        "Content-Length: -1",
        "Content-Length: 0x5",
        "Content-Length:",
        "Content-Length: 99999999999999999999",
        "Content-Length: 5|Transfer-Encoding: chunked",
        "Transfer-Encoding: chunked|Transfer-Encoding: chunked",
        "Transfer-Encoding: gzip, chunked",
        "Transfer-Encoding: chunked, identity",
        "Transfer-Encoding: identity",
        "Transfer-Encoding: xchunked",
        "Transfer-Encoding:",
        "Bad Name: x",
        "Bad(Name: x",
        "Accept: a\rX-Remote-User: root",
        "Accept: a\nX-Remote-User: root",
        "Accept: a\u0000",
        "Accept: a\u007f",
        "Connection: Upgrade|Upgrade: websocket|Content-Length: 4",
        "Connection: Upgrade|Upgrade: SPDY/3.1|Transfer-Encoding: chunked",
      })
  void refusesWhatCouldMeanTwoThings(String asked) {
    assertThatThrownBy(() -> head("POST", "/api", asked))
        .isInstanceOfSatisfying(
            RefusedException.class, refused -> assertThat(refused.code()).isEqualTo(400));
  }

  @Test
  void refusesARequestWithoutHost() {
    assertThatThrownBy(() -> RequestHead.of("GET", "/api", new Fields()))
        .isInstanceOf(RefusedException.class);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"", "*", "api", "http://other/api", "/a b", "/a\t", "/a#b", "/\u00e4", "/a\u0000"})
  void refusesWhatIsNoPath(String target) {
    assertThatThrownBy(() -> head("GET", target, "")).isInstanceOf(RefusedException.class);
  }

  @ParameterizedTest
  @ValueSource(strings = {"/", "//a", "/a/../b", "/%2f?x=%00&y", "/a?b?c", "/a;b=c", "/a|b"})
  void leavesPathsAsTheyCome(String target) throws Exception {
    assertThat(head("GET", target, "").target()).isEqualTo(target);
  }

  @ParameterizedTest
  @CsvSource({"get,400", "G T,400", "TRACE,405", "CONNECT,405"})
  void refusesOtherMethods(String method, int code) {
    assertThatThrownBy(() -> head(method, "/api", ""))
        .isInstanceOfSatisfying(
            RefusedException.class, refused -> assertThat(refused.code()).isEqualTo(code));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = ';',
      value = {
        "Accept: a;0",
        "Content-Length: 0;0",
        "Content-Length: 17;17",
        "Transfer-Encoding: Chunked;-1"
      })
  void knowsHowLongTheBodyIs(String asked, long length) throws Exception {
    assertThat(head("POST", "/api", asked).length()).isEqualTo(length);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = ';',
      value = {
        "Connection: Upgrade|Upgrade: websocket;websocket",
        "Connection: keep-alive, upgrade|Upgrade: SPDY/3.1;SPDY/3.1",
        "Upgrade: websocket;''",
        "Connection: Upgrade;''",
        "Connection: Upgrade|Upgrade: h2c;''",
        "Connection: Upgrade|Upgrade: websocket, h2c;''",
        "Connection: Upgrade|Upgrade: websocket|Upgrade: h2c;''",
      })
  void changesToKnownProtocolsOnly(String asked, String upgrade) throws Exception {
    assertThat(head("GET", "/api", asked).upgrade()).isEqualTo(upgrade);
  }

  @Test
  void knowsWhoAsksInAnothersName() throws Exception {
    assertThat(head("GET", "/api", "IMPERSONATE-extra-x: y").impersonates()).isTrue();
    assertThat(head("GET", "/api", "X-Impersonate-User: y").impersonates()).isFalse();
  }

  @Test
  void knowsWhoHoldsTheBodyBack() throws Exception {
    assertThat(head("PUT", "/api", "Expect: 100-Continue|Content-Length: 3").awaitsContinue())
        .isTrue();
    assertThat(head("PUT", "/api", "Expect: 100-continue|Content-Length: 0").awaitsContinue())
        .isFalse();
    assertThatThrownBy(() -> head("PUT", "/api", "Expect: wonders|Content-Length: 3"))
        .isInstanceOfSatisfying(
            RefusedException.class, refused -> assertThat(refused.code()).isEqualTo(417));
  }

  @Test
  void answersAreFreedOfWhatIsTheConnections() {
    assertThat(
            text(
                RequestHead.answered(
                    fields(
                        "Connection: close, X-Odd|X-Odd: a|Keep-Alive: 5|"
                            + "Transfer-Encoding: chunked|Content-Length: 5|Date: d|"
                            + "Audit-Id: a|Warning: w|Warning: x"))))
        .isEqualTo("Date: d|Audit-Id: a|Warning: w|Warning: x");
  }

  @Test
  void refusalIsAStatusWhateverItsMessage() {
    assertThat(new RefusedException(403, "Forbidden", "a \"b\\\n").status())
        .isEqualTo(
            "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"metadata\":{},\"status\":\"Failure\","
                + "\"message\":\"a \\\"b\\\\ \",\"reason\":\"Forbidden\",\"code\":403}\n");
  }
}
