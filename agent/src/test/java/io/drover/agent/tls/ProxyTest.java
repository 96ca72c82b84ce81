package io.drover.agent.tls;

import static io.drover.agent.reason.ReasonIs.reason;
import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.drover.agent.ClosedPort;
import io.drover.agent.config.Paths;
import io.drover.agent.config.ProxyConfig;
import io.drover.agent.config.ProxyIdentity;
import io.drover.agent.config.ProxyServer;
import io.drover.agent.config.Secret;
import io.drover.agent.reason.Reason;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.URI;
import java.net.UnknownHostException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import javax.net.ssl.SSLSocket;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The server is known to the proxy only: its name does not resolve here. */
@Timeout(30)
class ProxyTest {
  private static final String NAME = "rancher.example.com";
  private static final Duration LIMIT = ServerDialer.STANDARD_LIMIT;
  private static final Duration SHORT = Duration.ofMillis(300);

  @TempDir private Path directory;
  private final Queue<String> seen = new ConcurrentLinkedQueue<>();
  private TestCa ca;
  private Listener server;

  @BeforeEach
  void startServer() throws Exception {
    ca = TestCa.root("Root");
    server = Listener.startTls(ca.issue(NAME).server(), ServerDialerTest::echo);
  }

  @AfterEach
  void stopServer() throws Exception {
    server.close();
  }

  @Test
  void connectLeadsToTheServer() throws Exception {
    try (var proxy = Listener.start(socket -> connectProxy(socket, "200 Connection established"))) {
      var connection = dial(ProxyServer.Kind.HTTP, proxy, "", "");

      ServerDialerTest.assertEcho(connection.socket());
      assertThat(seen)
          .containsExactly("CONNECT %1$s:%2$d HTTP/1.1|Host: %1$s:%2$d".formatted(NAME, port()));
      connection.raw().close();
    }
  }

  @Test
  void connectSendsBasicCredentials() throws Exception {
    try (var proxy = Listener.start(socket -> connectProxy(socket, "200 OK"))) {
      dial(ProxyServer.Kind.HTTP, proxy, "joe", "hunter2").raw().close();

      String login = Base64.getEncoder().encodeToString("joe:hunter2".getBytes(UTF_8));
      assertThat(seen.remove()).endsWith("|Proxy-Authorization: Basic " + login);
    }
  }

  @Test
  void proxyMayItselfSpeakTls() throws Exception {
    try (var proxy =
        Listener.startTls(
            ca.issue("127.0.0.1").server(), socket -> connectProxy(socket, "200 OK"))) {
      var connection = dial(ProxyServer.Kind.HTTPS, proxy, "", "");

      ServerDialerTest.assertEcho(connection.socket());
      connection.raw().close();
    }
  }

  /** Asks its clients who they are, and lets nobody else in. */
  private Listener proxyThatAsks() throws Exception {
    var own = ca.issue("127.0.0.1");
    var context =
        new CertificateAuthorities(List.of(ca.certificate()))
            .context(ServerCertificate.keyManagers(own.chain(), own.key().getPrivate()));
    return Listener.start(
        socket -> {
          var secured = (SSLSocket) context.getSocketFactory().createSocket(socket, null, 0, true);
          secured.setUseClientMode(false);
          secured.setNeedClientAuth(true);
          secured.startHandshake();
          seen.add(secured.getSession().getPeerPrincipal().getName());
          connectProxy(secured, "200 OK");
        });
  }

  private ServerDialer dialer(Listener proxy, Optional<ProxyIdentity> identity) throws IOException {
    return dialer(proxy.port(), identity);
  }

  private ServerDialer dialer(int port, Optional<ProxyIdentity> identity) throws IOException {
    Files.writeString(directory.resolve("ca.pem"), ca.pem());
    var via = new ProxyServer(ProxyServer.Kind.HTTPS, "127.0.0.1", port, "", new Secret(""));
    return ServerDialer.by(
        new ProxyConfig(Map.of("https", via), List.of(), identity),
        new Paths(directory, directory, List.of(directory)));
  }

  @Test
  void sessionWithAProxyGoesOnUntilItIsForgotten() throws Exception {
    var own = ca.issue("127.0.0.1");
    try (var proxy = Listener.startTls(own.server(), socket -> connectProxy(socket, "200 OK"));
        var relay =
            new CountingRelay(
                new InetSocketAddress(InetAddress.getLoopbackAddress(), proxy.port()))) {
      var dialer = dialer(relay.port(), Optional.empty());
      long withCertificate = bytesOfAConnection(dialer, relay);
      long resumed = bytesOfAConnection(dialer, relay);
      assertThat(resumed).isLessThan(withCertificate);

      dialer.forgetSessions();
      assertThat(bytesOfAConnection(dialer, relay)).isGreaterThan(resumed);
    }
  }

  /** The way to the server behind it is as long each time: its session is never kept. */
  private long bytesOfAConnection(ServerDialer dialer, CountingRelay relay) throws Exception {
    var url = URI.create("https://" + NAME + ":" + port());
    var connection = dialer.dial(url, ca.trust(), LIMIT);
    ServerDialerTest.assertEcho(connection.socket());
    connection.raw().close();
    return relay.bytes();
  }

  private ProxyIdentity identity(String certificate, String key, String password)
      throws IOException {
    var files = Files.createDirectories(directory.resolve("own"));
    Optional<Path> passwordFile =
        password.isEmpty()
            ? Optional.empty()
            : Optional.of(Files.writeString(files.resolve("password"), password + "\n"));
    return new ProxyIdentity(
        Files.writeString(files.resolve("tls.crt"), certificate),
        Files.writeString(files.resolve("tls.key"), key),
        passwordFile);
  }

  @ParameterizedTest
  @ValueSource(strings = {"rsa", "ec"})
  void proxyIsShownWhoWeAreWhateverTheFormOfTheKey(String name) throws Exception {
    var certificate = TestCa.pem(ca.certify(TestKeys.pair(name), "agent"));
    var password = TestKeys.PASSWORD;
    try (var proxy = proxyThatAsks()) {
      for (String form :
          List.of("pkcs8", "traditional", "pkcs8-aes-256-cbc", "traditional-aes-256-cbc")) {
        var identity =
            identity(
                certificate, TestKeys.pem(name + "-" + form), form.contains("aes") ? password : "");
        var dialer = dialer(proxy, Optional.of(identity));
        var connection =
            dialer.dial(URI.create("https://" + NAME + ":" + port()), ca.trust(), LIMIT);

        ServerDialerTest.assertEcho(connection.socket());
        assertThat(seen.remove()).isEqualTo("CN=server"); // as TestCa calls all
        seen.clear();
        connection.raw().close();
      }
    }
  }

  @Test
  void proxyThatAsksLetsNobodyElseIn() throws Exception {
    try (var proxy = proxyThatAsks()) {
      var dialer = dialer(proxy, Optional.empty());

      assertThatThrownBy(
              () -> dialer.dial(URI.create("https://" + NAME + ":" + port()), ca.trust(), LIMIT))
          .isInstanceOf(IOException.class)
          .hasMessageStartingWith("proxy 127.0.0.1:" + proxy.port());
    }
  }

  @Test
  void newFilesAreShownAtTheNextConnection() throws Exception {
    var first = TestKeys.pair("ec");
    var second = TestKeys.pair("rsa");
    var key = TestKeys.pem("rsa-pkcs8");
    try (var proxy = proxyThatAsks()) {
      var files = identity(TestCa.pem(ca.certify(first, "agent")), key, "");
      var dialer = dialer(proxy, Optional.of(files));
      var url = URI.create("https://" + NAME + ":" + port());
      assertThatThrownBy(() -> dialer.dial(url, ca.trust(), LIMIT))
          .has(reason(Reason.CERTIFICATE_UNUSABLE))
          .hasMessageContaining("DROVER_PROXY_KEY_FILE " + files.key())
          .hasMessageContaining("not the key of the certificate in " + files.certificate());

      identity(TestCa.pem(ca.certify(second, "agent")), key, "");

      dialer.dial(url, ca.trust(), LIMIT).raw().close();
    }
  }

  @Test
  void errorsNameTheSettingAndTheFile() throws Exception {
    var certificate = TestCa.pem(ca.certify(TestKeys.pair("ec"), "agent"));
    var encrypted = TestKeys.pem("ec-traditional-aes-256-cbc");
    assertIdentityFails(identity(certificate, encrypted, ""), "DROVER_PROXY_KEY_PASSWORD_FILE");
    assertIdentityFails(identity(certificate, encrypted, "wrong"), "does not open the key");
    assertIdentityFails(identity("", encrypted, "wrong"), "DROVER_PROXY_CERT_FILE");
    var files = identity(certificate, encrypted, "wrong");
    Files.delete(files.key());
    assertIdentityFails(files, "DROVER_PROXY_KEY_FILE " + files.key() + ": cannot be read");
  }

  private static void assertIdentityFails(ProxyIdentity files, String said) {
    assertThatThrownBy(() -> ClientCertificate.read(files))
        .has(reason(Reason.CERTIFICATE_UNUSABLE))
        .hasMessageContaining(said)
        .hasMessageNotContaining("wrong");
  }

  @Test
  void refusedCredentialsAreExplainedWithoutThem() throws Exception {
    try (var proxy =
        Listener.start(socket -> connectProxy(socket, "407 Proxy Authentication Required"))) {
      assertThatThrownBy(() -> dial(ProxyServer.Kind.HTTP, proxy, "joe", "hunter2"))
          .isInstanceOf(IOException.class)
          .hasMessage(
              "proxy 127.0.0.1:%d: it wants a user and a password, or others: put them in the"
                      .formatted(proxy.port())
                  + " proxy's URL");
    }
  }

  @Test
  void otherAnswersOfTheProxyAreShown() throws Exception {
    try (var proxy = Listener.start(socket -> connectProxy(socket, "503 No route"))) {
      assertThatThrownBy(() -> dial(ProxyServer.Kind.HTTP, proxy, "", ""))
          .has(reason(Reason.PROXY_REFUSED))
          .hasMessageContaining("it answers 'HTTP/1.1 503 No route' to CONNECT " + NAME);
    }
  }

  @Test
  void endlessAnswerOfTheProxyIsCut() throws Exception {
    byte[] endless = "X".repeat(ProxyHandshake.MAX_ANSWER_BYTES + 1).getBytes(ISO_8859_1);
    try (var proxy =
        Listener.start(
            socket -> {
              socket.getOutputStream().write(endless);
              Listener.hold(socket);
            })) {
      assertThatThrownBy(() -> dial(ProxyServer.Kind.HTTP, proxy, "", ""))
          .has(reason(Reason.PROXY_WRONG_PROTOCOL))
          .hasMessageContaining("over " + ProxyHandshake.MAX_ANSWER_BYTES + " bytes");
    }
  }

  @Test
  void silentProxyIsGivenUpAtTheLimit() throws Exception {
    try (var proxy = Listener.start(Listener::hold)) {
      assertThatThrownBy(() -> dial(ProxyServer.Kind.HTTP, proxy.port(), "", "", SHORT))
          .has(reason(Reason.PROXY_UNREACHABLE))
          .hasMessage("proxy 127.0.0.1:" + proxy.port() + ": i/o timeout");
    }
  }

  @Test
  void closedProxyIsNamed() throws Exception {
    try (var closed = new ClosedPort()) {
      int port = closed.port();

      assertThatThrownBy(() -> dial(ProxyServer.Kind.HTTP, port, "", "", LIMIT))
          .hasMessage(
              "proxy 127.0.0.1:%1$d: dial tcp 127.0.0.1:%1$d: connect: connection refused"
                  .formatted(port));
    }
  }

  @Test
  void socksLeadsToTheServerByName() throws Exception {
    try (var proxy = Listener.start(socket -> socksProxy(socket, 0, 0))) {
      var connection = dial(ProxyServer.Kind.SOCKS5, proxy, "", "");

      ServerDialerTest.assertEcho(connection.socket());
      assertThat(seen).containsExactly("methods [0]", "name " + NAME + ":" + port());
      connection.raw().close();
    }
  }

  @Test
  void socksLogsIn() throws Exception {
    try (var proxy = Listener.start(socket -> socksProxy(socket, 2, 0))) {
      dial(ProxyServer.Kind.SOCKS5, proxy, "joe", "hunter2").raw().close();

      assertThat(seen)
          .containsExactly("methods [0, 2]", "joe/hunter2", "name " + NAME + ":" + port());
    }
  }

  @Test
  void socksThatWantsALoginIsExplained() throws Exception {
    try (var proxy = Listener.start(socket -> socksProxy(socket, 0xFF, 0))) {
      assertThatThrownBy(() -> dial(ProxyServer.Kind.SOCKS5, proxy, "", ""))
          .has(reason(Reason.PROXY_AUTH_REQUIRED))
          .hasMessageEndingWith("it wants a user and a password: put them in the proxy's URL");
    }
  }

  @Test
  void socksRefusalIsExplained() throws Exception {
    try (var proxy = Listener.start(socket -> socksProxy(socket, 0, 2))) {
      assertThatThrownBy(() -> dial(ProxyServer.Kind.SOCKS5, proxy, "", ""))
          .hasMessageEndingWith(
              "it answers 'connection not allowed by ruleset' for " + NAME + ":" + port());
    }
  }

  private int port() {
    return server.port();
  }

  private ServerConnection dial(ProxyServer.Kind kind, Listener proxy, String user, String password)
      throws IOException {
    return dial(kind, proxy.port(), user, password, LIMIT);
  }

  private ServerConnection dial(
      ProxyServer.Kind kind, int proxyPort, String user, String password, Duration limit)
      throws IOException {
    var via = new ProxyServer(kind, "127.0.0.1", proxyPort, user, new Secret(password));
    var dialer =
        new ServerDialer(
            new ProxyConfig(Map.of("https", via), List.of()),
            ca::trust,
            host -> {
              if (host.equals(NAME)) {
                throw new UnknownHostException(host);
              }
              return new InetAddress[] {InetAddress.ofLiteral(host)};
            });
    return dialer.dial(URI.create("https://" + NAME + ":" + port()), ca.trust(), limit);
  }

  private void connectProxy(Socket socket, String status) throws Exception {
    var in = socket.getInputStream();
    var head = new ByteArrayOutputStream();
    while (!head.toString(ISO_8859_1).endsWith("\r\n\r\n")) {
      head.write(in.read());
    }
    seen.add(head.toString(ISO_8859_1).strip().replace("\r\n", "|"));
    var answer = "HTTP/1.1 " + status + "\r\nVia: test\r\n\r\n";
    socket.getOutputStream().write(answer.getBytes(ISO_8859_1));
    socket.getOutputStream().flush();
    if (status.startsWith("2")) {
      join(socket);
    }
  }

  private void socksProxy(Socket socket, int method, int reply) throws Exception {
    var in = socket.getInputStream();
    var out = socket.getOutputStream();
    in.readNBytes(1);
    var methods = in.readNBytes(in.read());
    seen.add("methods " + java.util.Arrays.toString(methods));
    out.write(new byte[] {5, (byte) method});
    if (method == 2) {
      in.readNBytes(1);
      String user = new String(in.readNBytes(in.read()), UTF_8);
      seen.add(user + "/" + new String(in.readNBytes(in.read()), UTF_8));
      out.write(new byte[] {1, 0});
    } else if (method != 0) {
      return;
    }
    in.readNBytes(3);
    String kind = in.read() == 3 ? "name " : "address ";
    String name = new String(in.readNBytes(in.read()), UTF_8);
    seen.add(kind + name + ":" + (in.read() << 8 | in.read()));
    out.write(new byte[] {5, (byte) reply, 0, 1, 0, 0, 0, 0, 0, 0});
    if (reply == 0) {
      join(socket);
    }
  }

  private void join(Socket client) throws Exception {
    try (var target = new Socket(InetAddress.getLoopbackAddress(), port())) {
      Thread.ofVirtual()
          .start(
              () -> {
                try {
                  target.getInputStream().transferTo(client.getOutputStream());
                } catch (IOException _) {
                  // The test is over.
                }
              });
      client.getInputStream().transferTo(target.getOutputStream());
    }
  }
}
