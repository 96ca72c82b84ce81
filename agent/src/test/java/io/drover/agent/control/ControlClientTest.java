package io.drover.agent.control;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.drover.agent.retry.Sleeper;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.SynchronousQueue;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(30)
class ControlClientTest {
  @TempDir private Path directory;

  private Path socket() {
    return directory.resolve("sock");
  }

  private ControlClient client() {
    return new ControlClient(socket(), Sleeper.REAL);
  }

  private ControlSocket serve(ControlPage page) {
    return ControlSocket.start(
        Optional.of(socket()),
        () -> "info",
        _ -> {},
        Map.of(ControlClient.REPORT, page),
        Map.of(ControlClient.REPORT, () -> page.open().close()),
        Sleeper.REAL);
  }

  @Test
  void pageIsReadToItsEnd() throws Exception {
    var text = "ä line\n".repeat(50_000);
    try (var _ = serve(() -> new ByteArrayInputStream(text.getBytes(UTF_8)));
        var page = client().open(ControlClient.REPORT)) {
      assertThat(new String(page.readAllBytes(), UTF_8)).isEqualTo(text);
    }
  }

  @Test
  void whyThereIsNoPageIsSaid() {
    try (var _ =
        serve(
            () -> {
              throw new IOException("there is no report yet");
            })) {
      assertThatThrownBy(() -> client().open(ControlClient.REPORT))
          .isInstanceOf(IOException.class)
          .hasMessage("there is no report yet (HTTP/1.1 500 Internal Server Error)");
      assertThatThrownBy(() -> client().order(ControlClient.REPORT))
          .hasMessage("there is no report yet (HTTP/1.1 500 Internal Server Error)");
      assertThatThrownBy(() -> client().open(ControlClient.THREADS))
          .isInstanceOf(IOException.class)
          .hasMessageContaining("(HTTP/1.1 404 Not Found)");
    }
  }

  @Test
  void nobodyListens() {
    assertThatThrownBy(() -> client().open(ControlClient.REPORT))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("no agent of this user listens at " + socket())
        .hasMessageContaining("DROVER_LOG_SOCKET");
    assertThatThrownBy(
            () ->
                new ControlClient(directory.resolve("x".repeat(200)), Sleeper.REAL)
                    .open(ControlClient.REPORT))
        .isInstanceOf(IOException.class);
  }

  @Test
  void agentThatStopsInTheMiddleIsLeftAtTheLimit() throws Exception {
    BlockingQueue<Duration> limits = new LinkedBlockingQueue<>();
    BlockingQueue<Boolean> timeIsOver = new SynchronousQueue<>();
    Sleeper sleeper =
        duration -> {
          limits.add(duration);
          timeIsOver.take();
        };
    try (var server = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
      server.bind(UnixDomainSocketAddress.of(socket()));
      var answering =
          Thread.ofVirtual()
              .start(
                  () -> {
                    try {
                      var peer = server.accept();
                      peer.write(ByteBuffer.wrap("HTTP/1.1 200 OK\r\n\r\na".getBytes(UTF_8)));
                    } catch (IOException e) {
                      throw new IllegalStateException(e);
                    }
                  });
      try (var page = new ControlClient(socket(), sleeper).open(ControlClient.REPORT)) {
        assertThat(page.read()).isEqualTo('a');
        assertThat(limits.take()).isEqualTo(ControlClient.LIMIT);
        timeIsOver.put(true);

        assertThatThrownBy(page::read).isInstanceOf(IOException.class);
      }
      answering.join();
    }
  }

  @Test
  void headIsBounded() throws Exception {
    try (var server = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
      server.bind(UnixDomainSocketAddress.of(socket()));
      var answering =
          Thread.ofVirtual()
              .start(
                  () -> {
                    try {
                      server
                          .accept()
                          .write(ByteBuffer.wrap(new byte[ControlClient.MAX_TEXT_BYTES + 1]));
                    } catch (IOException e) {
                      throw new IllegalStateException(e);
                    }
                  });
      assertThatThrownBy(() -> client().open(ControlClient.REPORT))
          .isInstanceOf(IOException.class)
          .hasMessage("what answers is no agent");
      answering.join();
    }
  }
}
