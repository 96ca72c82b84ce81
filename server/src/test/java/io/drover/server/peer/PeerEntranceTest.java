package io.drover.server.peer;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.drover.proto.tunnel.Message.Close;
import io.drover.proto.tunnel.Message.Connect;
import io.drover.proto.tunnel.Message.Data;
import io.drover.server.RawConnection;
import io.drover.server.store.Database;
import io.drover.server.store.Hashes;
import io.drover.server.store.Replicas;
import io.drover.server.store.Replicas.Replica;
import io.drover.server.tunnel.RawAgent;
import io.drover.server.tunnel.TunnelHarness;
import java.io.IOException;
import java.net.URI;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.List;
import javax.net.SocketFactory;
import org.eclipse.jetty.server.Handler;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;
import org.eclipse.jetty.util.Callback;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The asked end of a stream, without TLS, in a session of an agent that the test speaks for. */
@Timeout(60)
@SuppressWarnings("NullAway.Init") // open() sets everything
class PeerEntranceTest {
  private static final int MAX_STREAMS = 2;
  private static final List<String> FIELDS =
      List.of(
          "Connection: Upgrade",
          "Upgrade: drover-stream",
          "X-Drover-Replica: r-other",
          "Authorization: Bearer shown");

  @TempDir private Path directory;
  private final Server jetty = new Server();
  private Database database;
  private TunnelHarness tunnels;
  private RawAgent agent;
  private PeerEntrance entrance;
  private URI url;

  @BeforeEach
  void open() throws Exception {
    database = Database.open(Database.fileIn(directory));
    var replicas = new Replicas(database);
    replicas.add(
        new Replica("r-other", URI.create("https://other"), "", Hashes.sha256("shown"), 0));
    tunnels = TunnelHarness.start();
    agent = tunnels.connect();
    entrance = new PeerEntrance(replicas, tunnels.sessions, MAX_STREAMS);
    var connector = new ServerConnector(jetty);
    connector.setHost("127.0.0.1");
    jetty.addConnector(connector);
    jetty.setHandler(
        new Handler.Abstract() {
          @Override
          public boolean handle(Request request, Response response, Callback callback) {
            entrance.handle(request, response, callback);
            return true;
          }
        });
    jetty.start();
    url = URI.create("http://127.0.0.1:" + connector.getLocalPort());
  }

  @AfterEach
  void close() throws Exception {
    agent.close();
    tunnels.close();
    jetty.stop();
    database.close();
  }

  private RawConnection ask() throws IOException {
    var path =
        PeerEntrance.SESSIONS
            + tunnels.session().id()
            + "?network=tcp&address="
            + "%5B::1%5D%3A443";
    return new RawConnection(SocketFactory.getDefault(), url, path, FIELDS);
  }

  @Test
  void bytesGoThroughAndTheEndIsTold() throws Exception {
    try (var asked = ask()) {
      assertThat(asked.head).startsWith("HTTP/1.1 101");
      assertThat(agent.receive()).isEqualTo(new Connect(2, "tcp", "[::1]:443"));
      asked.write("ask");
      assertThat(agent.receive()).isEqualTo(new Data(2, ByteBuffer.wrap("ask".getBytes(US_ASCII))));
      agent.send(new Data(2, ByteBuffer.wrap("yes".getBytes(US_ASCII))));
      agent.send(new Close(2, "read tcp: reset"));

      assertThat(asked.read(7)).isEqualTo("\0\0\0\3yes");
      assertThat(asked.read(23)).isEqualTo("\0\0\0\0\0\0\0\17read tcp: reset");
      assertThatThrownBy(() -> asked.read(1)).hasMessageContaining("ended");
    }
  }

  @Test
  void streamsHaveALimitAndGiveTheirPlaceBack() throws Exception {
    try (var _ = ask()) {
      try (var _ = ask();
          var third = ask()) {
        assertThat(third.head).startsWith("HTTP/1.1 503");
        assertThat(entrance.streamCount()).isEqualTo(MAX_STREAMS);
      }
      while (entrance.streamCount() == MAX_STREAMS) {
        Thread.onSpinWait();
      }

      try (var next = ask()) {
        assertThat(next.head).startsWith("HTTP/1.1 101");
      }
    }
  }

  @Test
  void streamsOfAServerThatIsGoneEnd() throws Exception {
    try (var asked = ask()) {
      assertThat(agent.receive()).isInstanceOf(Connect.class);

      entrance.forget("r-other");

      assertThat(agent.receive()).isEqualTo(new Close(2, "the other server is gone"));
      assertThat(asked.read(8)).startsWith("\0\0\0\0");
      while (entrance.streamCount() > 0) {
        Thread.onSpinWait();
      }
    }
  }

  @Test
  void targetThatNoMessageHoldsIsRefused() throws Exception {
    var path =
        PeerEntrance.SESSIONS
            + tunnels.session().id()
            + "?network=tcp&address="
            + "x".repeat(Connect.MAX_TARGET_BYTES);

    try (var asked = new RawConnection(SocketFactory.getDefault(), url, path, FIELDS)) {
      assertThat(asked.head).startsWith("HTTP/1.1 503");
    }
  }
}
