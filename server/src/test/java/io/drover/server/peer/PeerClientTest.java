package io.drover.server.peer;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.drover.server.cert.ServerCertificate;
import io.drover.server.proxy.AnswerInput;
import io.drover.server.store.Database;
import io.drover.server.store.Replicas;
import io.drover.server.store.Replicas.Replica;
import io.drover.server.store.Secret;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What is made of servers that are no good. */
@Timeout(60)
@SuppressWarnings("NullAway.Init") // open() sets everything
class PeerClientTest {
  @TempDir private Path directory;
  private Database database;
  private Replicas replicas;
  private ServerCertificate certificate;

  @BeforeEach
  void open() throws Exception {
    database = Database.open(Database.fileIn(directory));
    replicas = new Replicas(database);
    certificate = certificate("its-own");
  }

  @AfterEach
  void close() {
    database.close();
  }

  private ServerCertificate certificate(String name) throws Exception {
    // Not the name that it is reached by.
    return ServerCertificate.open(
        Files.createDirectory(directory.resolve(name)), List.of("elsewhere.test"));
  }

  private ServerSocket listen() throws Exception {
    var keys = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
    keys.init(certificate.keyStore(), new char[0]);
    var context = SSLContext.getInstance("TLS");
    context.init(keys.getKeyManagers(), null, null);
    return context
        .getServerSocketFactory()
        .createServerSocket(0, 10, InetAddress.getLoopbackAddress());
  }

  private PeerClient client(ServerSocket listener, Duration limit) {
    replicas.add(
        new Replica(
            "r-other",
            URI.create("https://127.0.0.1:" + listener.getLocalPort()),
            certificate.pem(),
            "hash",
            0));
    return new PeerClient("r-me", new Secret("token"), replicas, limit);
  }

  /** Takes one connection and says something, or nothing. */
  private static void answer(ServerSocket listener, String text) {
    Thread.ofVirtual()
        .start(
            () -> {
              try (Socket socket = listener.accept()) {
                socket.getOutputStream().write(text.getBytes(US_ASCII));
                socket.getInputStream().transferTo(OutputStream.nullOutputStream());
              } catch (IOException e) {
                // The client went away.
              }
            });
  }

  @Test
  void serverThatSaysNothingIsNotWaitedForLongerThanTheLimit() throws Exception {
    try (var listener = listen();
        var client = client(listener, Duration.ofMillis(300))) {
      answer(listener, "");

      assertThatThrownBy(() -> client.params("r-other", "s"))
          .isInstanceOf(IOException.class)
          .hasMessageContaining("server r-other at https://127.0.0.1:")
          .hasMessageContaining("no answer in time");
    }
  }

  @Test
  void headOfAnAnswerHasALimit() throws Exception {
    try (var listener = listen();
        var client = client(listener, PeerClient.CONNECT_LIMIT)) {
      answer(listener, "HTTP/1.1 200 OK\r\nX: " + "x".repeat(AnswerInput.MAX_HEAD_BYTES));

      assertThatThrownBy(() -> client.params("r-other", "s"))
          .hasMessageContaining("head of the answer too long: limit=" + AnswerInput.MAX_HEAD_BYTES);
    }
  }

  @Test
  void serverThatShowsAnotherCertificateIsNotToldTheToken() throws Exception {
    try (var listener = listen()) {
      certificate = certificate("another");
      try (var client = client(listener, PeerClient.CONNECT_LIMIT)) {
        answer(listener, "HTTP/1.1 200 OK\r\n\r\n");

        assertThatThrownBy(() -> client.params("r-other", "s")).hasMessageContaining("PKIX");
      }
    }
  }

  @Test
  void serverThatIsNotThereAnyMoreHasNoSessions() throws Exception {
    try (var listener = listen();
        var client = client(listener, PeerClient.CONNECT_LIMIT)) {
      replicas.remove("r-other");

      assertThatThrownBy(() -> client.open("r-other", "s", "tcp", "a:1"))
          .isInstanceOf(PeerClient.UnknownSessionException.class);
    }
  }
}
