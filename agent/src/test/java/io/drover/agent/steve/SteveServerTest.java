package io.drover.agent.steve;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(60)
class SteveServerTest {
  private final HttpClient http = HttpClient.newHttpClient();
  private SteveServer server;

  @BeforeEach
  void start() throws IOException {
    server = SteveServer.start();
  }

  @AfterEach
  void stop() {
    server.close();
    http.close();
  }

  private HttpRequest.Builder request(String path) {
    return HttpRequest.newBuilder(
            URI.create("http://127.0.0.1:" + server.address().getPort() + path))
        .timeout(Duration.ofSeconds(30));
  }

  private HttpResponse<String> send(HttpRequest.Builder request) throws Exception {
    return http.send(request.build(), BodyHandlers.ofString());
  }

  @Test
  void answersPing() throws Exception {
    var answer = send(request("/ping"));

    assertThat(answer.statusCode()).isEqualTo(200);
    assertThat(answer.body()).isEqualTo("pong");
    assertThat(answer.headers().firstValue("Content-Type")).hasValue("text/plain; charset=utf-8");
  }

  // As the server's health check does it: the address of the Connect is the host.
  @Test
  void answersPingByItsPathWhateverTheHost() throws Exception {
    try (var socket = new Socket(server.address().getAddress(), server.address().getPort())) {
      socket
          .getOutputStream()
          .write("GET /ping HTTP/1.1\r\nHost: not-used\r\n\r\n".getBytes(US_ASCII));

      var in = new BufferedReader(new InputStreamReader(socket.getInputStream(), US_ASCII));
      assertThat(in.readLine()).isEqualTo("HTTP/1.1 200 OK");
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"/", "/v1", "/v1/namespaces?limit=1", "/k8s/clusters/local", "/pings"})
  void saysThatTheRestIsNotThere(String path) throws Exception {
    var answer = send(request(path));

    assertThat(answer.statusCode()).isEqualTo(501);
    assertThat(answer.headers().firstValue("Content-Type")).hasValue("application/json");
    assertThat(answer.body())
        .startsWith("{\"type\":\"error\",\"status\":501,\"code\":\"NotImplemented\"");
  }

  @Test
  void answersHeadWithoutABody() throws Exception {
    assertThat(send(request("/ping").method("HEAD", BodyPublishers.noBody())))
        .satisfies(answer -> assertThat(answer.statusCode()).isEqualTo(200))
        .satisfies(answer -> assertThat(answer.body()).isEmpty());
    assertThat(send(request("/v1").method("HEAD", BodyPublishers.noBody())).statusCode())
        .isEqualTo(501);
  }

  @Test
  void readsPastTheBodyOfARequest() throws Exception {
    var body = BodyPublishers.ofByteArray(new byte[100_000]);

    assertThat(send(request("/v1/secrets").POST(body)).statusCode()).isEqualTo(501);
    assertThat(send(request("/ping")).statusCode()).isEqualTo(200);
  }

  @Test
  void answers64AtOnceWhileOthersSendNothing() throws Exception {
    var silent = new ArrayList<Socket>();
    for (int i = 0; i < 64; i++) {
      silent.add(new Socket(server.address().getAddress(), server.address().getPort()));
    }
    List<CompletableFuture<HttpResponse<String>>> answers = new ArrayList<>();
    for (int i = 0; i < 64; i++) {
      answers.add(http.sendAsync(request("/ping").build(), BodyHandlers.ofString()));
    }

    for (var answer : answers) {
      assertThat(answer.get().body()).isEqualTo("pong");
    }
    for (var socket : silent) {
      socket.close();
    }
  }
}
