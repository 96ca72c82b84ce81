package io.drover.server.proxy;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayInputStream;
import java.io.EOFException;
import java.io.IOException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class AnswerInputTest {
  private static final String BEHIND = "x".repeat(100_000);

  private static AnswerInput input(String text) {
    return new AnswerInput(new ByteArrayInputStream(text.getBytes(US_ASCII)));
  }

  /** Of so many bytes, in lines of a thousand. */
  private static String head(int status, int bytes) {
    var head = new StringBuilder("HTTP/1.1 " + status + " OK\r\n");
    while (bytes - head.length() > 1_100) {
      head.append("X-Part: ").append("y".repeat(990)).append("\r\n");
    }
    head.append("X-Last: ");
    return head.append("y".repeat(bytes - head.length() - 4)).append("\r\n\r\n").toString();
  }

  @Test
  void headHasALimitAndWhatIsBehindItHasNone() throws Exception {
    var longest = input(head(200, AnswerInput.MAX_HEAD_BYTES) + BEHIND);

    assertThat(longest.head().getCode()).isEqualTo(200);
    assertThat(new String(longest.rest().readAllBytes(), US_ASCII)).isEqualTo(BEHIND);
    assertThatThrownBy(input(head(200, AnswerInput.MAX_HEAD_BYTES + 1) + BEHIND)::head)
        .isInstanceOf(IOException.class)
        .hasMessage("head of the answer too long: limit=" + AnswerInput.MAX_HEAD_BYTES);
  }

  @Test
  void eachHeadHasALimitOfItsOwn() throws Exception {
    var longest = head(103, AnswerInput.MAX_HEAD_BYTES);
    var input = input(longest + longest + head(200, AnswerInput.MAX_HEAD_BYTES));

    assertThat(input.head().getCode()).isEqualTo(103);
    assertThat(input.head().getCode()).isEqualTo(103);
    assertThat(input.head().getCode()).isEqualTo(200);
    assertThat(input.isEmpty()).isTrue();
  }

  @Test
  void headHasALimitOfFields() throws Exception {
    var fields = "X-Many: y\r\n".repeat(AnswerInput.MAX_FIELDS);

    assertThat(input("HTTP/1.1 200 OK\r\n" + fields + "\r\n").head().getHeaders())
        .hasSize(AnswerInput.MAX_FIELDS);
    assertThatThrownBy(input("HTTP/1.1 200 OK\r\n" + fields + "X: y\r\n\r\n")::head)
        .isInstanceOf(IOException.class)
        .hasMessage("Maximum header count exceeded");
  }

  /** A field that is missing could be the one that says how long the body is. */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "HTTP/1.1 200 OK",
        "HTTP/1.1 200 OK\r\n",
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain",
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
      })
  void headThatIsCutOffIsNone(String text) {
    assertThatThrownBy(input(text)::head).isInstanceOf(EOFException.class);
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "SSH-2.0-OpenSSH\r\n", "\r\n\r\n"})
  void whatIsNoAnswerInHttpIsRefused(String text) {
    assertThatThrownBy(input(text)::head).isInstanceOf(IOException.class);
  }
}
