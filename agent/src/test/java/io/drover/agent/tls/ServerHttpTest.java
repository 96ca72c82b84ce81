package io.drover.agent.tls;

import static io.drover.agent.reason.ReasonIs.reason;
import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.drover.agent.config.ProxyConfig;
import io.drover.agent.reason.Reason;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.URI;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import javax.net.ssl.SSLContext;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(30)
class ServerHttpTest {
  private static final Duration LIMIT = Duration.ofSeconds(10);
  private static final Duration SHORT = Duration.ofMillis(300);

  private final List<String> request = new ArrayList<>();

  @Test
  void asksPlainlyAndForOneAnswerOnly() throws Exception {
    try (var server = answering("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")) {
      var url = URI.create(server.url("http") + "/v3/settings/cacerts?a=%20b");

      var answer = http().get(url, SSLContext.getDefault(), LIMIT);

      assertThat(answer).isEqualTo(new ServerHttp.Answer(200, "", "", "", "hi"));
      assertThat(request)
          .contains(
              "GET /v3/settings/cacerts?a=%20b HTTP/1.1",
              "Host: 127.0.0.1:" + server.port(), "Connection: close");
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;x=y\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n",
        "HTTP/1.1 200\r\ncontent-length:5\r\n\r\nhello and more",
        "HTTP/1.0 200 OK\nServer: old\n\nhello",
      })
  void readsEveryKindOfBody(String response) throws Exception {
    assertThat(get(response).body()).isEqualTo("hello");
  }

  @Test
  void longestBodyIsRead() throws Exception {
    String body = "x".repeat(ServerHttp.MAX_BODY_BYTES);

    assertThat(get("HTTP/1.1 200 OK\r\n\r\n" + body).body()).isEqualTo(body);
    assertThatThrownBy(() -> get("HTTP/1.1 200 OK\r\n\r\n" + body + "x"))
        .hasMessageContaining("over " + ServerHttp.MAX_BODY_BYTES);
  }

  @Test
  void declaredLengthIsCheckedBeforeAnythingIsRead() {
    assertThatThrownBy(() -> get("HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n"))
        .hasMessageContaining("over " + ServerHttp.MAX_BODY_BYTES);
    assertThatThrownBy(
            () -> get("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffff\r\n"))
        .hasMessageContaining("over " + ServerHttp.MAX_BODY_BYTES);
  }

  @Test
  void headersAreBounded() {
    String header = "X: " + "x".repeat(ServerHttp.MAX_HEAD_BYTES / 2) + "\r\n";

    assertThatThrownBy(() -> get("HTTP/1.1 200 OK\r\n" + header + header + "\r\n"))
        .hasMessageContaining("headers are over");
    assertThatThrownBy(() -> get("HTTP/1.1 200 OK\r\n" + "x".repeat(ServerHttp.MAX_HEAD_BYTES + 1)))
        .hasMessageContaining("line of the answer is over");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "SSH-2.0-OpenSSH\r\n",
        "HTTP/2 200\r\n\r\n",
        "HTTP/1.1 xyz\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhi",
        "HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nhi",
        "HTTP/1.1 200 OK\r\nContent-Length: five\r\n\r\nhi",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhi",
      })
  void anythingElseIsAnError(String response) {
    assertThatThrownBy(() -> get(response)).isInstanceOf(IOException.class);
  }

  @Test
  void stalledAnswerIsGivenUpAtTheLimit() throws Exception {
    try (var server = Listener.start(Listener::hold)) {
      assertThatThrownBy(() -> http().get(server.url("http"), SSLContext.getDefault(), SHORT))
          .has(reason(Reason.SERVER_SILENT))
          .hasMessage("i/o timeout");
    }
  }

  @Test
  void trickledAnswerIsGivenUpAtTheLimit() throws Exception {
    var release = new CountDownLatch(1);
    try (var server =
        Listener.start(
            socket -> {
              while (!release.await(20, TimeUnit.MILLISECONDS)) {
                socket.getOutputStream().write('H');
              }
            })) {
      assertThatThrownBy(() -> http().get(server.url("http"), SSLContext.getDefault(), SHORT))
          .has(reason(Reason.SERVER_SILENT))
          .hasMessage("i/o timeout");
      release.countDown();
    }
  }

  private ServerHttp.Answer get(String response) throws Exception {
    try (var server = answering(response)) {
      return http().get(server.url("http"), SSLContext.getDefault(), LIMIT);
    }
  }

  private Listener answering(String response) throws IOException {
    return Listener.start(
        socket -> {
          var in = new BufferedReader(new InputStreamReader(socket.getInputStream(), ISO_8859_1));
          for (String line = in.readLine(); !line.isEmpty(); line = in.readLine()) {
            request.add(line);
          }
          socket.getOutputStream().write(response.getBytes(ISO_8859_1));
          socket.shutdownOutput();
          Listener.hold(socket);
        });
  }

  private static ServerHttp http() throws Exception {
    return new ServerHttp(new ServerDialer(ProxyConfig.NONE, SSLContext.getDefault()));
  }
}
