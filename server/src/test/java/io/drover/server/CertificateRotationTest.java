package io.drover.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.drover.server.cert.CertificateFiles;
import io.drover.server.cert.ServerCertificate;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.InstantSource;
import java.util.List;
import java.util.Optional;
import javax.net.ssl.SSLHandshakeException;
import javax.net.ssl.SSLSocket;
import org.eclipse.jetty.util.ssl.SslContextFactory;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A certificate from elsewhere, and what happens when its files change under a running server. */
@Timeout(60)
class CertificateRotationTest {
  @TempDir private Path directory;
  private Path given;
  private CertificateFiles files;

  @BeforeEach
  void issue() throws Exception {
    given = Files.createDirectories(directory.resolve("given"));
    files =
        new CertificateFiles(
            given.resolve("server.pem"),
            given.resolve("server.key"),
            Optional.of(given.resolve("ca.pem")));
    var _ = ServerCertificate.open(given, List.of("127.0.0.1"));
  }

  private TestServer start() throws Exception {
    return TestServer.start(directory.resolve("data"), InstantSource.system(), Optional.of(files));
  }

  private static SSLSocket connect(TestServer server) throws IOException {
    var socket =
        (SSLSocket) server.tls.getSocketFactory().createSocket("127.0.0.1", server.url.getPort());
    socket.setSoTimeout(30_000);
    socket.startHandshake();
    return socket;
  }

  private static byte[] leaf(SSLSocket socket) throws Exception {
    return socket.getSession().getPeerCertificates()[0].getEncoded();
  }

  private static String ask(SSLSocket socket) throws IOException {
    socket
        .getOutputStream()
        .write("GET /ping HTTP/1.1\r\nHost: a\r\n\r\n".getBytes(StandardCharsets.US_ASCII));
    return new String(socket.getInputStream().readNBytes(15), StandardCharsets.US_ASCII);
  }

  @Test
  void renewedCertificateIsShownToWhoComesNextAndNobodyIsCutOff() throws Exception {
    try (var server = start();
        var old = connect(server)) {
      byte[] first = leaf(old);
      Files.delete(files.chain());
      var _ = ServerCertificate.open(given, List.of("127.0.0.1"));
      try (var before = connect(server)) {
        assertThat(leaf(before)).isEqualTo(first);
      }

      server.readCertificateAgain();

      try (var next = connect(server)) {
        assertThat(leaf(next)).isNotEqualTo(first);
        assertThat(ask(next)).isEqualTo("HTTP/1.1 200 OK");
      }
      assertThat(ask(old)).isEqualTo("HTTP/1.1 200 OK");
    }
  }

  @Test
  void wrongFilesLeaveTheLastGoodOneInUse() throws Exception {
    try (var server = start()) {
      byte[] first;
      try (var socket = connect(server)) {
        first = leaf(socket);
      }
      for (var text :
          List.of("no key", "-----BEGIN PRIVATE KEY-----\nAAA!\n-----END PRIVATE KEY-----\n")) {
        Files.writeString(files.key(), text);

        server.readCertificateAgain();
        try (var socket = connect(server)) {
          assertThat(leaf(socket)).isEqualTo(first);
        }
      }

      Files.delete(files.key());
      Files.delete(files.chain());
      server.readCertificateAgain();
      var _ = ServerCertificate.open(given, List.of("127.0.0.1"));
      server.readCertificateAgain();
      try (var socket = connect(server)) {
        assertThat(leaf(socket)).isNotEqualTo(first);
      }
    }
  }

  /** A parser's, of files that nobody has thought of. */
  @Test
  void faultThatNobodyHasForeseenDoesNotEndTheLook() throws Exception {
    var first = ServerCertificate.read(files);
    ShownCertificate.Source failing =
        () -> {
          throw new IllegalStateException("unforeseen");
        };
    try (var shown = ShownCertificate.show(first, failing, new SslContextFactory.Server())) {
      shown.readAgain();

      assertThat(shown.current()).isEqualTo(first);
    }
  }

  @Test
  void newAuthorityIsInTheNextManifestAndKubeconfig() throws Exception {
    try (var server = start()) {
      var before = server.get("/v3/settings/cacerts").path("value").asText();
      assertThat(before).isEqualTo(Files.readString(given.resolve("ca.pem")).strip());
      var both = before + "\n" + before + "\n";
      Files.writeString(given.resolve("ca.pem"), both);

      server.readCertificateAgain();

      assertThat(server.get("/v3/settings/cacerts").path("value").asText()).isEqualTo(both.strip());
      assertThat(directory.resolve("data").resolve("ca.pem")).doesNotExist();
    }
  }

  @Test
  void withoutAnAuthorityOnlyThoseThatEverybodyTrustsCount() throws Exception {
    files = new CertificateFiles(files.chain(), files.key(), Optional.empty());

    try (var server = start()) {
      assertThat(server.directory.resolve("tls-ca.pem")).isEmptyFile();
      assertThatThrownBy(() -> server.get("/v3/clusters"))
          .isInstanceOf(SSLHandshakeException.class);
    }
  }

  @Test
  void ownCertificateIsRenewedButItsAuthorityIsNeverMadeAnew() throws Exception {
    var data = directory.resolve("data");
    try (var server = TestServer.start(data)) {
      byte[] first;
      try (var socket = connect(server)) {
        first = leaf(socket);
      }
      Files.delete(data.resolve("server.pem")); // as one near its end
      server.readCertificateAgain();
      byte[] second;
      try (var socket = connect(server)) {
        second = leaf(socket);
      }
      assertThat(second).isNotEqualTo(first);

      Files.delete(data.resolve("ca.pem"));
      server.readCertificateAgain();
      try (var socket = connect(server)) {
        assertThat(leaf(socket)).isEqualTo(second);
      }
      assertThat(data.resolve("ca.pem")).doesNotExist();
    }
  }
}
