package io.drover.steve.http;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.Socket;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class UpstreamConnectionTest {
  private final ByteArrayOutputStream sent = new ByteArrayOutputStream();

  /** To a server that has said this already, and then nothing more. */
  private UpstreamConnection after(String said) throws IOException {
    var in = new ByteArrayInputStream(said.getBytes(ISO_8859_1));
    return new UpstreamConnection(
        new Socket() {
          @Override
          public InputStream getInputStream() {
            return in;
          }

          @Override
          public OutputStream getOutputStream() {
            return sent;
          }
        });
  }

  private static String body(UpstreamConnection.Head head) throws IOException {
    return new String(head.body().readAllBytes(), ISO_8859_1);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = ';',
      value = {
        "GET;0;''",
        "POST;0;Content-Length: 0|",
        "PUT;3;Content-Length: 3|",
        "PATCH;-1;Transfer-Encoding: chunked|"
      })
  void saysHowLongABodyIs(String method, long length, String framing) throws Exception {
    var out = after("").ask(method, "/a", new Fields().add("A", "b\r\nC: d"), length);
    out.flush();

    assertThat(sent.toString(ISO_8859_1))
        .isEqualTo(
            method + " /a HTTP/1.1\r\nA: b  C: d\r\n" + framing.replace("|", "\r\n") + "\r\n");
  }

  @Test
  void bodiesAreAsLongAsWasSaid() throws Exception {
    var out = after("").ask("PUT", "/", new Fields(), 3);
    out.write(new byte[2]);
    assertThatThrownBy(out::close).hasMessageContaining("shorter");
    assertThatThrownBy(() -> out.write(new byte[2])).hasMessageContaining("longer");
  }

  @Test
  void chunksHaveAnEnd() throws Exception {
    var out = after("").ask("PUT", "/", new Fields(), UpstreamConnection.UNKNOWN);
    out.write("abc".getBytes(ISO_8859_1));
    out.write(new byte[0]);
    out.close();

    assertThat(sent.toString(ISO_8859_1)).endsWith("\r\n\r\n3\r\nabc\r\n0\r\n\r\n");
  }

  @Test
  void readsAnswerAfterAnswer() throws Exception {
    var connection =
        after(
            "HTTP/1.1 103 Early\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab"
                + "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nc\r\n0\r\n\r\n"
                + "HTTP/1.1 204 N\r\nContent-Length: 5\r\n\r\n"
                + "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"
                + "HTTP/1.1 404 N\r\nConnection: close\r\n\r\nrest");
    assertThat(body(connection.answer("GET"))).isEqualTo("ab");
    var chunked = connection.answer("GET");
    assertThat(chunked.length()).isEqualTo(UpstreamConnection.UNKNOWN);
    assertThat(body(chunked)).isEqualTo("c");
    assertThat(body(connection.answer("GET"))).isEmpty();
    assertThat(connection.answer("HEAD").length()).isZero();
    var last = connection.answer("GET");
    assertThat(last.reusable()).isFalse();
    assertThat(body(last)).isEqualTo("rest");
    assertThatThrownBy(() -> connection.answer("GET")).isInstanceOf(IOException.class);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nab",
        "HTTP/1.1 200 OK\r\nContent-Length: +2\r\n\r\nab",
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\nab",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nab",
        "nothing of the kind\r\n\r\n",
        "HTTP/1.1 200 OK\r\nA: b",
        ""
      })
  void refusesWhatIsNotClear(String said) {
    assertThatThrownBy(() -> after(said).answer("GET")).isInstanceOf(IOException.class);
  }

  @Test
  void hasLimits() {
    var interim = "HTTP/1.1 103 E\r\n\r\n".repeat(UpstreamConnection.MAX_INTERIM + 1);
    assertThatThrownBy(() -> after(interim + "HTTP/1.1 200 OK\r\n\r\n").answer("GET"))
        .hasMessageContaining("too many interim answers");
    var fields = "A: b\r\n".repeat(UpstreamConnection.MAX_FIELDS + 1);
    assertThatThrownBy(() -> after("HTTP/1.1 200 OK\r\n" + fields + "\r\n").answer("GET"))
        .isInstanceOf(IOException.class);
    var line = "A: " + "b".repeat(UpstreamConnection.HEAD_BYTES) + "\r\n";
    assertThatThrownBy(() -> after("HTTP/1.1 200 OK\r\n" + line + "\r\n").answer("GET"))
        .isInstanceOf(IOException.class);
  }

  @Test
  void headHasALimitAndTheBodyHasNone() throws Exception {
    var body = "x".repeat(2 * UpstreamConnection.HEAD_BYTES);
    var longest = after(head(UpstreamConnection.HEAD_BYTES) + body).answer("GET");

    assertThat(body(longest)).isEqualTo(body);
    assertThatThrownBy(() -> after(head(UpstreamConnection.HEAD_BYTES + 1)).answer("GET"))
        .hasMessage("head of the answer too long: limit=" + UpstreamConnection.HEAD_BYTES);
  }

  /** Of so many bytes, in lines of a thousand. */
  private static String head(int bytes) {
    var head = new StringBuilder("HTTP/1.1 200 OK\r\n");
    while (bytes - head.length() > 1_100) {
      head.append("X-Part: ").append("y".repeat(990)).append("\r\n");
    }
    head.append("X-Last: ");
    return head.append("y".repeat(bytes - head.length() - 4)).append("\r\n\r\n").toString();
  }

  /** So that whoever copies an answer does not send what it has before the rest of the same. */
  @Test
  void whatWaitsInTheSocketWaitsToo() throws Exception {
    var body = "x".repeat(40_000);
    var connection =
        after("HTTP/1.1 200 OK\r\nContent-Length: " + body.length() + "\r\n\r\n" + body);

    var head = connection.answer("GET");
    assertThat(connection.waiting()).isEqualTo(body.length());
    assertThat(head.body().readNBytes(30_000)).hasSize(30_000);
    assertThat(connection.waiting()).isEqualTo(10_000);
    assertThat(body(head)).isEqualTo(body.substring(30_000));
    assertThat(connection.waiting()).isZero();
  }
}
