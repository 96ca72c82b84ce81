package io.drover.agent.inspect;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.URI;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(30)
class RunningAgentTest {
  private HttpServer server;

  @BeforeEach
  void listen() throws IOException {
    server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    server.start();
  }

  @AfterEach
  void stop() {
    server.stop(0);
  }

  private RunningAgent agent() {
    return new RunningAgent(URI.create("http://127.0.0.1:" + server.getAddress().getPort()));
  }

  private void serve(String path, int status, byte[] body) {
    server.createContext(
        path,
        exchange -> {
          try (exchange) {
            exchange.sendResponseHeaders(status, body.length);
            exchange.getResponseBody().write(body);
          }
        });
  }

  @Test
  void stateIsThatOfAnAgentThatIsNotReadyToo() throws Exception {
    serve("/readyz", 503, "{\"ready\":false,\"checks\":[]}".getBytes(UTF_8));

    try (var agent = agent()) {
      assertThat(agent.state().isReady()).isFalse();
    }
  }

  @Test
  void somethingElseIsNoAgent() {
    serve("/readyz", 200, "ok".getBytes(UTF_8));

    try (var agent = agent()) {
      assertThatThrownBy(agent::state)
          .isInstanceOf(IOException.class)
          .hasMessageContaining("is no agent (status 200)")
          .hasMessageContaining("--address");
    }
  }

  @Test
  void answerOverTheLimitIsNotRead() {
    serve("/readyz", 200, new byte[RunningAgent.MAX_BYTES + 1]);

    try (var agent = agent()) {
      assertThatThrownBy(agent::state)
          .isInstanceOf(IOException.class)
          .hasMessageContaining("does not answer: ");
    }
  }

  @Test
  void silenceEndsAtTheLimit() throws Exception {
    try (var silent = new ServerSocket(0, 1, InetAddress.getLoopbackAddress());
        var agent = new RunningAgent(URI.create("http://127.0.0.1:" + silent.getLocalPort()))) {
      assertThatThrownBy(agent::state)
          .isInstanceOf(IOException.class)
          .hasMessageContaining("does not answer within " + RunningAgent.LIMIT);
    }
  }
}
