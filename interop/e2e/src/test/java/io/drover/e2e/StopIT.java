package io.drover.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.net.Socket;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.FieldSource;

/** SIGTERM. */
@Tag("interop")
@Order(5)
@ExtendWith(WithControlPlane.class)
final class StopIT {
  private static final int CHUNKS = 20;
  private static final int CHUNK_BYTES = 128 * 1024;
  private static final Duration BETWEEN_CHUNKS = Duration.ofMillis(100);
  private static final Duration LIMIT = Duration.ofSeconds(10);

  @SuppressWarnings("unused") // by name, in the annotations
  static final List<String> VERSIONS = Peer.VERSIONS;

  @ParameterizedTest
  @FieldSource("VERSIONS")
  void runningStreamsComeToTheirEnd(String remotedialer, ControlPlane plane) throws Exception {
    byte[] content = Payload.random(21, CHUNKS * CHUNK_BYTES);
    try (var installation =
            Installation.start(
                plane, "drain", remotedialer, Installation.ALLOW_LOCAL, Installation.NO_CHECKS);
        var slow =
            Target.serving(
                connection -> {
                  for (int chunk = 0; chunk < CHUNKS; chunk++) {
                    connection.getOutputStream().write(content, chunk * CHUNK_BYTES, CHUNK_BYTES);
                    Thread.sleep(BETWEEN_CHUNKS);
                  }
                })) {
      var peer = installation.peer();
      var forward = peer.forward(slow.address());
      try (var socket = new Socket(forward.getAddress(), forward.getPort())) {
        var in = socket.getInputStream();
        var sum = Payload.sha256();
        sum.update(in.readNBytes(CHUNK_BYTES));

        installation.agent().process().terminate();
        peer.awaitEvent(0, "session-closed", LIMIT, event -> isOf(event, Peer.STEVE));
        assertThat(peer.dial("tcp", "127.0.0.1:1").path("error").asText())
            .as("a new stream meanwhile")
            .contains("connection refused");

        sum.update(in.readAllBytes());
        assertThat(sum.digest()).isEqualTo(Payload.sha256().digest(content));
      }
      assertThat(installation.agent().process().awaitExit(LIMIT)).isZero();
      assertSaidGoodbye(peer);
    }
  }

  @ParameterizedTest
  @FieldSource("VERSIONS")
  void endlessStreamsAreCutAtTheLimit(String remotedialer, ControlPlane plane) throws Exception {
    var more = new HashMap<>(Installation.ALLOW_LOCAL);
    more.put("DROVER_DRAIN_SECONDS", "2");
    try (var installation =
            Installation.start(plane, "cut", remotedialer, more, Installation.NO_CHECKS);
        var echo = Target.echo();
        var live = Echo.open(installation.peer().forward(echo.address()), 1)) {
      live.awaitRound(LIMIT);
      long startNanos = System.nanoTime();

      installation.agent().process().terminate();

      assertThat(installation.agent().process().awaitExit(LIMIT)).isZero();
      assertThat(Duration.ofNanos(System.nanoTime() - startNanos))
          .isGreaterThan(Duration.ofSeconds(2));
      assertSaidGoodbye(installation.peer());
    }
  }

  /** The stock agent sends no close frame, and exits with 1. */
  private static void assertSaidGoodbye(Peer peer) throws InterruptedException {
    for (String key : List.of(Peer.CLUSTER, Peer.STEVE)) {
      var closed = peer.awaitEvent(0, "session-closed", LIMIT, event -> isOf(event, key));
      assertThat(closed.path("error").asText())
          .contains("close 1001")
          .contains("agent is shutting down");
    }
  }

  private static boolean isOf(JsonNode event, String key) {
    return event.path("key").asText().equals(key);
  }
}
