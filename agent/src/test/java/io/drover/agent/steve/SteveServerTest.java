package io.drover.agent.steve;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.SocketChannel;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(60)
class SteveServerTest {
  private static final int FLOOD = 300;

  private final List<SocketChannel> opened = new ArrayList<>();
  private SteveServer server = SteveServer.start();

  @AfterEach
  void stop() throws IOException {
    server.close();
    for (var channel : opened) {
      channel.close();
    }
  }

  private SocketChannel open() throws IOException {
    var channel = server.connect(_ -> {});
    opened.add(channel);
    return channel;
  }

  private static BufferedReader send(SocketChannel channel, String request) throws IOException {
    channel.write(ByteBuffer.wrap(request.getBytes(US_ASCII)));
    return new BufferedReader(new InputStreamReader(Channels.newInputStream(channel), US_ASCII));
  }

  private String ask(String method, String path) throws IOException {
    var in =
        send(
            open(),
            "%s %s HTTP/1.1\r\nHost: not-used:80\r\nConnection: close\r\n\r\n"
                .formatted(method, path));
    return String.join("\n", in.lines().toList());
  }

  @Test
  void answersPing() throws Exception {
    assertThat(ask("GET", "/ping"))
        .startsWith("HTTP/1.1 200 ")
        .contains("Content-Type: text/plain; charset=utf-8")
        .endsWith("\n\npong");
  }

  @ParameterizedTest
  @ValueSource(strings = {"/", "/v1", "/v1/namespaces?limit=1", "/k8s/clusters/local", "/pings"})
  void saysThatTheRestIsNotThere(String path) throws Exception {
    assertThat(ask("GET", path))
        .startsWith("HTTP/1.1 501 ")
        .contains("Content-Type: application/json")
        .contains("{\"type\":\"error\",\"status\":501,\"code\":\"NotImplemented\"");
  }

  @Test
  void answersHeadWithoutABody() throws Exception {
    assertThat(ask("HEAD", "/ping")).startsWith("HTTP/1.1 200 ").doesNotContain("pong");
    assertThat(ask("HEAD", "/v1")).startsWith("HTTP/1.1 501 ").doesNotContain("error");
  }

  @Test
  void readsPastTheBodyOfARequest() throws Exception {
    var in =
        send(
            open(),
            "POST /v1/secrets HTTP/1.1\r\nHost: h\r\nContent-Length: 100000\r\n\r\n"
                + "x".repeat(100_000)
                + "GET /ping HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    var lines = in.lines().toList();

    assertThat(lines.getFirst()).startsWith("HTTP/1.1 501 ");
    assertThat(lines.getLast()).isEqualTo("pong");
  }

  @Test
  void answersPingWhileNoAnswerOfTheExplorerComes() throws Exception {
    var never = new CountDownLatch(1);
    var waiting = new CountDownLatch(FLOOD);
    server.close();
    server =
        SteveServer.start(
            (_, _) -> {
              waiting.countDown();
              try {
                never.await();
              } catch (InterruptedException e) {
                throw new IOException("interrupted", e);
              }
            });
    for (int i = 0; i < FLOOD; i++) {
      send(open(), "GET /v1/pods HTTP/1.1\r\nHost: h\r\n\r\n");
    }
    waiting.await();

    assertThat(ask("GET", "/ping")).endsWith("pong");
  }
}
