package io.drover.agent.tls;

import static io.drover.agent.reason.ReasonIs.reason;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.drover.agent.ClosedPort;
import io.drover.agent.config.ProxyConfig;
import io.drover.agent.reason.Failure;
import io.drover.agent.reason.Reason;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.URI;
import java.net.UnknownHostException;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import javax.net.ssl.SSLSocket;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(30)
class ServerDialerTest {
  private static final Duration LIMIT = ServerDialer.STANDARD_LIMIT;
  private static final Duration SHORT = Duration.ofMillis(300);

  private static TestCa ca;
  private static TestCa other;

  @BeforeAll
  static void makeCas() throws Exception {
    ca = TestCa.root("Drover Test Root");
    other = TestCa.root("Another Root");
  }

  @Test
  void speaksTlsToATrustedServer() throws Exception {
    try (var server = Listener.startTls(ca.issue("127.0.0.1").server(), ServerDialerTest::echo)) {
      var connection = dialer().dial(server.url("wss"), ca.trust(), LIMIT);

      assertEcho(connection.socket());
      assertThat(connection.socket()).isInstanceOf(SSLSocket.class);
      assertThat(((SSLSocket) connection.socket()).getApplicationProtocol()).isEmpty();
      assertThat(connection.raw().getTcpNoDelay()).isTrue();

      connection.raw().close();
      assertThatThrownBy(() -> connection.socket().getInputStream().read())
          .isInstanceOf(IOException.class);
    }
  }

  @Test
  void speaksPlainlyIfTheUrlSaysSo() throws Exception {
    try (var server = Listener.start(ServerDialerTest::echo)) {
      var connection = dialer().dial(server.url("ws"), ca.trust(), LIMIT);

      assertEcho(connection.socket());
      assertThat(connection.socket()).isSameAs(connection.raw());
      connection.raw().close();
    }
  }

  @Test
  void refusedConnectionIsSaidInGosWords() throws Exception {
    try (var closed = new ClosedPort()) {
      var url = URI.create("https://" + closed.address());

      assertThatThrownBy(() -> dialer().dial(url, ca.trust(), LIMIT))
          .isInstanceOf(IOException.class)
          .has(reason(Reason.CONNECT_REFUSED))
          .hasMessage("dial tcp " + closed.address() + ": connect: connection refused");
    }
  }

  @Test
  void unknownHostIsSaidInGosWords() {
    var dialer =
        dialer(
            host -> {
              throw new UnknownHostException(host);
            });

    assertThatThrownBy(
            () -> dialer.dial(URI.create("https://rancher.example.com"), ca.trust(), LIMIT))
        .has(reason(Reason.DNS_NOT_FOUND))
        .hasMessage("dial tcp: lookup rancher.example.com: no such host");
  }

  @Test
  void lookupIsBounded() {
    var never = new CountDownLatch(1);
    var dialer =
        dialer(
            host -> {
              try {
                never.await();
              } catch (InterruptedException _) {
                Thread.currentThread().interrupt();
              }
              throw new UnknownHostException(host);
            });

    assertThatThrownBy(() -> dialer.dial(URI.create("https://slow.example"), ca.trust(), SHORT))
        .has(reason(Reason.DNS_TIMEOUT))
        .hasMessage("dial tcp: lookup slow.example: i/o timeout");
    never.countDown();
  }

  @Test
  void looksTheNameUpForEachAttempt() throws Exception {
    var lookups = new ArrayList<String>();
    try (var server = Listener.start(ServerDialerTest::echo)) {
      var dialer =
          dialer(
              host -> {
                lookups.add(host);
                return new InetAddress[] {InetAddress.getLoopbackAddress()};
              });
      var url = URI.create("http://rancher.example.com:" + server.port());

      dialer.dial(url, ca.trust(), LIMIT).raw().close();
      dialer.dial(url, ca.trust(), LIMIT).raw().close();
    }

    assertThat(lookups).containsExactly("rancher.example.com", "rancher.example.com");
  }

  @Test
  void triesTheNextAddressIfOneDoesNotAnswer() throws Exception {
    try (var server = Listener.start(ServerDialerTest::echo)) {
      // Nobody listens at ::1 and 127.0.0.2 on this port.
      var dialer =
          dialer(
              _ ->
                  new InetAddress[] {
                    InetAddress.ofLiteral("::1"),
                    InetAddress.ofLiteral("127.0.0.2"),
                    InetAddress.ofLiteral("127.0.0.1")
                  });

      var connection =
          dialer.dial(URI.create("http://rancher:" + server.port()), ca.trust(), LIMIT);

      assertThat(connection.raw().getInetAddress().getHostAddress()).isEqualTo("127.0.0.1");
      connection.raw().close();
    }
  }

  @Test
  void aSilentAddressHoldsUpNoOther() throws Exception {
    var hour = Duration.ofHours(1); // a share of it would be more than this test may take
    try (var server = Listener.start(ServerDialerTest::echo);
        var _ = SilentPort.open("127.0.0.2", server.port())) {
      var dialer =
          dialer(
              _ ->
                  new InetAddress[] {
                    InetAddress.ofLiteral("127.0.0.2"), InetAddress.ofLiteral("127.0.0.1")
                  });

      var connection = dialer.dial(URI.create("http://rancher:" + server.port()), ca.trust(), hour);

      assertThat(connection.raw().getInetAddress().getHostAddress()).isEqualTo("127.0.0.1");
      assertEcho(connection.socket());
      connection.raw().close();
    }
  }

  @Test
  void silentAddressesAreGivenUpAtTheLimitAndNamed() throws Exception {
    var refusingAddress = InetAddress.ofLiteral("127.0.0.3");
    try (var refusing = new Socket()) {
      // Bound, and not listening: or another program might have the port there, and listen. At
      // 127.0.0.1 it might even be that of one of its connections.
      refusing.bind(new InetSocketAddress(refusingAddress, 0));
      silentAddressIsGivenUp(refusing.getLocalPort(), refusingAddress);
    }
  }

  private void silentAddressIsGivenUp(int port, InetAddress refusing) throws Exception {
    try (var silent = SilentPort.open("127.0.0.2", port)) {
      var dialer = dialer(_ -> new InetAddress[] {InetAddress.ofLiteral("127.0.0.2"), refusing});
      var url = URI.create("http://rancher:" + silent.port());

      assertThatThrownBy(() -> dialer.dial(url, ca.trust(), SHORT))
          .has(reason(Reason.CONNECT_REFUSED))
          .hasMessage(
              "dial tcp 127.0.0.2:%1$d: i/o timeout;"
                  + " dial tcp 127.0.0.3:%1$d: connect: connection refused",
              silent.port());
    }
  }

  @Test
  void saysWhatBecameOfEachAddress() throws Exception {
    var dialer =
        dialer(
            _ ->
                new InetAddress[] {
                  InetAddress.ofLiteral("127.0.0.2"), InetAddress.ofLiteral("127.0.0.3")
                });

    try (var closed = new ClosedPort()) {
      var url = URI.create("http://rancher:" + closed.port());

      assertThatThrownBy(() -> dialer.dial(url, ca.trust(), LIMIT))
          .hasMessage(
              ("dial tcp 127.0.0.2:%1$d: connect: connection refused;"
                      + " dial tcp 127.0.0.3:%1$d: connect: connection refused")
                  .formatted(closed.port()));
    }
  }

  @Test
  void alternatesFamiliesAndStopsAtTheLimit() {
    var addresses = new ArrayList<InetAddress>();
    for (int i = 1; i <= 6; i++) {
      addresses.add(InetAddress.ofLiteral("fd00::" + i));
    }
    for (int i = 1; i <= 6; i++) {
      addresses.add(InetAddress.ofLiteral("10.0.0." + i));
    }

    var order = AddressDialer.alternate(addresses);

    assertThat(order)
        .hasSize(AddressDialer.MAX_ADDRESSES)
        .extracting(InetAddress::getHostAddress)
        .startsWith("fd00:0:0:0:0:0:0:1", "10.0.0.1", "fd00:0:0:0:0:0:0:2", "10.0.0.2");
  }

  @Test
  void silentServerIsGivenUpAtTheLimit() throws Exception {
    try (var server = Listener.start(Listener::hold)) {
      assertThatThrownBy(() -> dialer().dial(server.url("https"), ca.trust(), SHORT))
          .isInstanceOf(IOException.class)
          .has(reason(Reason.TLS_TIMEOUT))
          .hasMessage("tls handshake with 127.0.0.1:" + server.port() + ": i/o timeout");
      assertThat(server.accepted()).singleElement().satisfies(ServerDialerTest::seesEnd);
    }
  }

  @Test
  void serverThatTricklesIsGivenUpAtTheLimit() throws Exception {
    var release = new CountDownLatch(1);
    try (var server =
        Listener.start(
            socket -> {
              // The start of a TLS record that is announced as 16 KiB.
              socket.getOutputStream().write(new byte[] {22, 3, 3, 64, 0});
              while (!release.await(20, java.util.concurrent.TimeUnit.MILLISECONDS)) {
                socket.getOutputStream().write(2);
              }
            })) {
      assertThatThrownBy(() -> dialer().dial(server.url("https"), ca.trust(), SHORT))
          .hasMessageEndingWith("i/o timeout");
      release.countDown();
    }
  }

  @Test
  void plainServerBehindAnHttpsUrlIsExplained() throws Exception {
    try (var server =
        Listener.start(
            socket -> {
              socket.getOutputStream().write("HTTP/1.1 400 Bad Request\r\n\r\n".getBytes(UTF_8));
              Listener.hold(socket);
            })) {
      assertThatThrownBy(() -> dialer().dial(server.url("https"), ca.trust(), LIMIT))
          .isInstanceOf(IOException.class)
          .has(reason(Reason.NOT_TLS))
          .hasMessageStartingWith("tls handshake with 127.0.0.1:" + server.port() + ": ");
    }
  }

  @Test
  void addressWithoutARouteIsExplained() {
    // To a broadcast address there is no way for TCP, on any machine.
    assertThatThrownBy(
            () -> dialer().dial(URI.create("https://127.255.255.255"), ca.trust(), LIMIT))
        .isInstanceOf(Failure.class)
        .has(reason(Reason.NO_ROUTE))
        .hasMessage("dial tcp 127.255.255.255:443: connect: network is unreachable");
  }

  @ParameterizedTest
  @ValueSource(strings = {"it hangs up", "it refuses"})
  void tlsThatDoesNotComeAboutIsExplained(String what) throws Exception {
    try (var server =
        Listener.start(
            socket -> {
              var _ = socket.getInputStream().read(new byte[100]); // of the hello
              if (what.equals("it refuses")) {
                // A fatal alert: handshake_failure.
                socket.getOutputStream().write(new byte[] {21, 3, 3, 0, 2, 2, 40});
                Listener.hold(socket);
              }
            })) {
      assertThatThrownBy(() -> dialer().dial(server.url("https"), ca.trust(), LIMIT))
          .isInstanceOf(Failure.class)
          .has(reason(Reason.TLS_FAILED))
          .hasMessageStartingWith("tls handshake with 127.0.0.1:" + server.port() + ": ");
    }
  }

  @Test
  void unknownIssuerIsExplained() throws Exception {
    assertRefused(other.issue("127.0.0.1"))
        .has(reason(Reason.TLS_UNKNOWN_ISSUER))
        .hasMessageContaining("certificate #1 of 1 (subject CN=server)")
        .hasMessageContaining("is signed by 'CN=Another Root', which is not trusted here")
        .hasMessageContaining("cacerts");
  }

  @Test
  void missingIntermediateIsExplained() throws Exception {
    var whole = ca.intermediate("Middle").issue("127.0.0.1");

    assertRefused(new TestCa.Identity(whole.key(), whole.chain().subList(0, 1)))
        .hasMessageContaining("is signed by 'CN=Middle'")
        .hasMessageContaining("send all intermediate certificates");
  }

  @Test
  void wholeChainIsTrusted() throws Exception {
    var identity = ca.intermediate("Middle").issue("127.0.0.1");
    try (var server = Listener.startTls(identity.server(), ServerDialerTest::echo)) {
      var connection = dialer().dial(server.url("https"), ca.trust(), LIMIT);

      assertEcho(connection.socket());
      connection.raw().close();
    }
  }

  @Test
  void certificatesInTheWrongOrderAreExplained() throws Exception {
    var whole = other.intermediate("Middle").issue("127.0.0.1");

    assertRefused(
            new TestCa.Identity(
                whole.key(), List.of(whole.chain().getFirst(), other.certificate())))
        .has(reason(Reason.TLS_INCOMPLETE_CHAIN))
        .hasMessageContaining("certificate #2 of 2 (subject CN=Another Root)")
        .hasMessageContaining("did not sign the one before it (issuer CN=Middle)");
  }

  @Test
  void replacedCaIsExplained() throws Exception {
    assertRefused(TestCa.root("Drover Test Root").issue("127.0.0.1"))
        .has(reason(Reason.TLS_CA_REPLACED))
        .hasMessageContaining("names a CA that is trusted (CN=Drover Test Root)")
        .hasMessageContaining("apply the manifest again");
  }

  @Test
  void expiredCertificateIsExplained() throws Exception {
    Instant end = Instant.now().truncatedTo(ChronoUnit.SECONDS).minusSeconds(60);

    assertRefused(ca.issue(end.minusSeconds(60), end, "127.0.0.1"))
        .has(reason(Reason.TLS_EXPIRED))
        .hasMessageContaining("expired at " + end)
        .hasMessageContaining("clock");
  }

  @Test
  void certificateFromTheFutureIsExplained() throws Exception {
    Instant start = Instant.now().truncatedTo(ChronoUnit.SECONDS).plusSeconds(3600);

    assertRefused(ca.issue(start, start.plusSeconds(60), "127.0.0.1"))
        .has(reason(Reason.TLS_NOT_YET_VALID))
        .hasMessageContaining("is not valid before " + start);
  }

  @Test
  void certificateThatIsNotForServersIsNotCalledAWrongName() throws Exception {
    assertRefused(ca.issueForClients("127.0.0.1"))
        .has(reason(Reason.TLS_FAILED))
        .hasMessageContaining("certificate #1 of 1 (subject CN=client) is refused: ")
        .hasMessageContaining("xtended key usage");
  }

  @Test
  void wrongNameIsExplained() throws Exception {
    assertRefused(ca.issue("rancher.example.com", "10.0.0.1"))
        .hasMessageContaining(
            "is for rancher.example.com, 10.0.0.1, not for '127.0.0.1': add that name")
        .has(reason(Reason.TLS_WRONG_NAME))
        .hasMessageContaining("Subject Alternative Names");
  }

  @Test
  void missingNamesAreExplained() throws Exception {
    assertRefused(ca.issue()).hasMessageContaining("is for no DNS name or IP address");
  }

  @Test
  void noCaAtAllIsExplained() throws Exception {
    var nobody = new CertificateAuthorities(List.of()).context();
    try (var server = Listener.startTls(ca.issue("127.0.0.1").server(), ServerDialerTest::echo)) {
      assertThatThrownBy(() -> dialer().dial(server.url("https"), nobody, LIMIT))
          .isInstanceOf(IOException.class);
    }
  }

  @Test
  void otherSchemesAreRefused() {
    assertThatThrownBy(() -> dialer().dial(URI.create("ftp://rancher"), ca.trust(), LIMIT))
        .has(reason(Reason.CREDENTIALS_INVALID))
        .hasMessage("not a server's URL: ftp://rancher");
    assertThatThrownBy(() -> dialer().dial(URI.create("/path"), ca.trust(), LIMIT))
        .isInstanceOf(IOException.class);
  }

  private static org.assertj.core.api.AbstractThrowableAssert<?, ? extends Throwable> assertRefused(
      TestCa.Identity identity) throws Exception {
    try (var server = Listener.startTls(identity.server(), ServerDialerTest::echo)) {
      var refused =
          assertThatThrownBy(() -> dialer().dial(server.url("https"), ca.trust(), LIMIT))
              .isInstanceOf(Failure.class)
              .hasMessageStartingWith("tls handshake with 127.0.0.1:" + server.port() + ": ");
      assertThat(server.accepted()).singleElement().satisfies(ServerDialerTest::seesEnd);
      return refused;
    }
  }

  /** The client has closed its end. */
  private static void seesEnd(Socket accepted) throws Exception {
    try {
      while (accepted.getInputStream().read() >= 0) {
        // What was still on its way.
      }
    } catch (IOException _) {
      // Closed by the service at the same time, or reset: as good.
    }
  }

  static ServerDialer dialer() {
    return dialer(InetAddress::getAllByName);
  }

  private static ServerDialer dialer(AddressDialer.Resolver resolver) {
    return new ServerDialer(ProxyConfig.NONE, ca::trust, resolver);
  }

  static void echo(Socket socket) throws IOException {
    socket.getInputStream().transferTo(socket.getOutputStream());
  }

  static void assertEcho(Socket socket) throws IOException {
    byte[] hello = "hello".getBytes(UTF_8);
    socket.getOutputStream().write(hello);
    socket.getOutputStream().flush();
    assertThat(socket.getInputStream().readNBytes(hello.length)).isEqualTo(hello);
  }
}
