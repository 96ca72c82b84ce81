package io.drover.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketException;
import java.net.SocketTimeoutException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.UnaryOperator;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import javax.net.ssl.SSLContext;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Everything that operators get wrong, once each, with an agent of its own: what it says is the
 * same at {@code /readyz}, in the metric and in the log, and it says it in time.
 */
@Tag("interop")
@Order(1)
@ExtendWith(WithControlPlane.class)
@Execution(ExecutionMode.CONCURRENT)
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
final class MisconfigurationIT {
  /**
   * What the agent needs is kept as a table, and is to be 15 s on a machine of its own. Waiting
   * ends later: beside other tests the CA alone may take 5 s, and a handshake without an answer
   * takes 10.
   */
  private static final Duration LIMIT = Duration.ofMinutes(1);

  /** Not a code: the agent has to connect. */
  private static final String CONNECTED = "connects";

  private static final String LOOPBACK = "127.0.0.1";
  private static final String NAMES = "san=ip:127.0.0.1,ip:0:0:0:0:0:0:0:1";
  private static final String UNKNOWN_HOST = "https://rancher.drover.invalid";
  private static final Pattern DOWN =
      Pattern.compile(".*tunnel down: tunnel=cluster reason=(\\w+):.*");
  private static final Pattern ROW = Pattern.compile("\\| (.+?) +\\| `?(\\w+)`? \\|");
  private static final String HEADING = "## Tried in every build";

  /** Puts a set-up out of order. */
  interface Fault {
    void prepare(Trial trial) throws Exception;
  }

  /**
   * One row of the page's table.
   *
   * @param code what the agent has to say, or {@link #CONNECTED}
   */
  record Case(String name, String code, Fault fault) {
    @Override
    public String toString() {
      return name + ": " + code;
    }
  }

  /** Record and handshake headers, version, random, no session, a cipher suite, no compression. */
  private static final byte[] SERVER_HELLO_OF_TLS_1_1 =
      HexFormat.of().parseHex("160302002a" + "02000026" + "0302" + "5a".repeat(32) + "00c00900");

  private static final int MOST_QUEUED = 16;
  private static final int QUEUED_MILLIS = 300;

  private final Map<String, String> measured = new ConcurrentSkipListMap<>();
  private ControlPlane plane;
  private Path directory;
  private Peer peer;
  private Import imported;
  private FixtureCluster bare;
  private Optional<NameServer> nameServer = Optional.empty();
  private Certificates certificates;
  private SSLContext good;
  private SSLContext peerTrust;
  private String rootPem;

  @BeforeAll
  void start(ControlPlane controlPlane) throws Exception {
    plane = controlPlane;
    directory = Programs.directory("misconfiguration");
    peer = Peer.start(directory, Peer.VERSIONS.getFirst());
    imported = plane.apply(peer.manifest(), directory.resolve("pod"));
    bare = FixtureCluster.start("hardened");
    certificates = new Certificates(directory);
    certificates.authority("root", "root", null);
    certificates.authority("other", "other", null);
    certificates.authority("successor", "root", null);
    certificates.authority("intermediate", "intermediate", "root");
    certificates.server("good", "root", "-1d", NAMES);
    certificates.server("expired", "root", "-31d", NAMES);
    certificates.server("early", "root", "+2H", NAMES);
    certificates.server("late", "root", "-30d-1H", NAMES);
    certificates.server("elsewhere", "root", "-1d", "san=dns:other.example.com");
    certificates.server(
        "below", "intermediate", "-1d", NAMES, "aia=caIssuers:uri:http://ca.example.com/ca.crt");
    certificates.server("self", null, "-1d", NAMES);
    good = certificates.present("good", 1);
    rootPem = certificates.pem("root");
    peerTrust = Https.trust(peer.caFile());
    try {
      nameServer = Optional.of(NameServer.start());
    } catch (SocketException e) {
      // No right to port 53: what needs it is skipped.
    }
  }

  @AfterAll
  void stop() throws IOException {
    var table =
        new StringBuilder(
            "| what is wrong | seconds from the start of the process, or of the event |\n|---|---|\n");
    measured.forEach((name, seconds) -> table.append("| %s | %s |%n".formatted(name, seconds)));
    Files.writeString(directory.resolve("misconfigurations.md"), table);
    nameServer.ifPresent(NameServer::close);
    bare.close();
    peer.close();
  }

  Stream<Case> cases() {
    return Stream.of(
        // The slow ones first.
        new Case("the name server does not answer", "DnsTimeout", name("silent")),
        new Case("the firewall drops every packet", "ConnectTimeout", this::blackHole),
        new Case("the TLS handshake is swallowed", "TlsTimeout", listener(_ -> forEver())),
        new Case(
            "the server does not answer the handshake", "ServerSilent", rest((_, _) -> forEver())),
        new Case("a middlebox swallows the session", "TunnelSilent", this::swallowed),
        new Case("a middlebox cuts the session", "TunnelCut", this::cut),
        new Case("the name does not exist (NXDOMAIN)", "DnsNotFound", name("rancher")),
        new Case("the name server fails (SERVFAIL)", "DnsFailed", name("servfail")),
        new Case(
            "nothing listens at the port",
            "ConnectRefused",
            trial -> trial.server("https://127.0.0.1:" + closedPort())),
        new Case(
            "the proxy wants a password (407)",
            "ProxyAuthRequired",
            proxy("407 Proxy Authentication Required")),
        new Case("the proxy does not let us through (403)", "ProxyRefused", proxy("403 Forbidden")),
        new Case(
            "the proxy is dead",
            "ProxyUnreachable",
            trial -> {
              trial.server(UNKNOWN_HOST);
              trial.set("HTTPS_PROXY", "http://127.0.0.1:" + closedPort());
            }),
        new Case(
            "a proxy removes the websocket upgrade",
            "ProxyStripsUpgrade",
            forwarding(MisconfigurationIT::withoutUpgrade)),
        new Case(
            "what answers speaks HTTP, not TLS",
            "NotTls",
            listener(
                socket -> {
                  socket.getInputStream().read();
                  socket.getOutputStream().write(Front.answer("400 Bad Request", "", ""));
                  socket.getInputStream().transferTo(OutputStream.nullOutputStream());
                })),
        new Case(
            "the server offers TLS 1.1 only", "TlsVersion", listener(MisconfigurationIT::oldTls)),
        new Case("the certificate has expired", "TlsExpired", identity("expired", 1)),
        new Case("this node's clock is two hours ahead", "TlsExpired", identity("late", 1)),
        new Case("this node's clock is two hours behind", "TlsNotYetValid", identity("early", 1)),
        new Case("the certificate is for another name", "TlsWrongName", identity("elsewhere", 1)),
        new Case(
            "the intermediate certificate is missing", "TlsIncompleteChain", identity("below", 1)),
        new Case("the intermediate certificate is sent", CONNECTED, identity("below", 2)),
        new Case("the server's setting holds another CA", "TlsUnknownIssuer", cacerts("other")),
        new Case("the CA was replaced by one of its name", "TlsCaReplaced", cacerts("successor")),
        new Case(
            "the certificate is self-signed, and no CA is configured",
            "TlsUnknownIssuer",
            trial -> {
              identity("self", 1).prepare(trial);
              trial.set("CATTLE_CA_CHECKSUM", "");
              trial.set("STRICT_VERIFY", "false");
            }),
        new Case(
            "there is a checksum, and no CA at the server",
            "NoCaConfigured",
            trial -> {
              trial.front(good, LOOPBACK, "", this::forward);
              trial.checksum(rootPem);
            }),
        new Case(
            "the checksum is another CA's",
            "CaChecksumMismatch",
            trial -> {
              trial.front(good, LOOPBACK, rootPem, this::forward);
              trial.checksum(certificates.pem("other"));
            }),
        new Case(
            "the CA's setting ends with a newline",
            CONNECTED,
            trial -> trial.front(good, LOOPBACK, rootPem, this::forward)),
        new Case(
            "the CA's setting ends without a newline",
            CONNECTED,
            trial -> trial.front(good, LOOPBACK, rootPem.strip(), this::forward)),
        new Case(
            "the server has an IPv6 address only",
            CONNECTED,
            trial -> trial.front(good, "::1", rootPem, this::forward)),
        new Case(
            "the server's URL has a path",
            CONNECTED,
            trial -> trial.credential("url", peer.url() + "/rancher")),
        new Case(
            "the server redirects for good (301)",
            "Redirected",
            answer("301 Moved Permanently", "Location: https://new.example.com/\r\n", "")),
        new Case(
            "the server redirects to a login (302)",
            "Redirected",
            answer("302 Found", "Location: https://login.example.com/\r\n", "")),
        new Case(
            "a web page answers in place of the server",
            "HttpInsteadOfWebsocket",
            answer("200 OK", "Content-Type: text/html\r\n", "<html></html>")),
        new Case(
            "the load balancer has no server (502)",
            "ServerUnavailable",
            answer("502 Bad Gateway", "", "")),
        new Case(
            "the server is overloaded (429)",
            "TooManyRequests",
            answer("429 Too Many Requests", "Retry-After: 30\r\n", "")),
        new Case(
            "the headers are too large (431)",
            "HeaderTooLarge",
            answer("431 Request Header Fields Too Large", "", "")),
        new Case(
            "the headers are too large for nginx (400)",
            "HeaderTooLarge",
            answer("400 Bad Request", "", "<center>Request Header Or Cookie Too Large</center>")),
        new Case(
            "the server is starting (401)", "ServerStarting", answer("401 Unauthorized", "", "")),
        new Case(
            "the registration token was revoked",
            "TokenUnknown",
            trial -> trial.credential("token", "revoked-registration-token-0123456789")),
        new Case(
            "the token's file is empty",
            "CredentialsMissing",
            trial -> trial.credential("token", "")),
        new Case(
            "the server's URL has no scheme",
            "CredentialsInvalid",
            trial -> trial.credential("url", "rancher.example.com")),
        new Case(
            "the service account does not exist",
            "ServiceAccountMissing",
            trial -> trial.set("KUBECONFIG", bare.kubeconfig().toString())),
        new Case(
            "the service account lacks a right",
            "Forbidden",
            trial -> trial.set("KUBECONFIG", blind().toString())),
        new Case(
            "the API server cannot be reached",
            "ApiServerUnreachable",
            trial -> trial.set("KUBERNETES_SERVICE_PORT", Integer.toString(closedPort()))));
  }

  @ParameterizedTest
  @MethodSource("cases")
  void agentSaysWhatIsWrong(Case one) throws Exception {
    var own = directory.resolve(one.name().replaceAll("[^a-z0-9A-Z]+", "-"));
    try (var trial = new Trial(own, plane, imported)) {
      one.fault().prepare(trial);
      long startNanos = System.nanoTime();
      var agent = trial.start();
      try {
        if (trial.event().isPresent()) {
          agent.awaitReady(Agent.READY_LIMIT);
          trial.event().get().happen();
          startNanos = System.nanoTime();
        }
        await(agent, one);
      } catch (AssertionError e) {
        throw new AssertionError(e.getMessage() + "\n" + agent.process().tail(), e);
      }
      double seconds = (System.nanoTime() - startNanos) / 1e9;
      measured.put(one.toString(), "%.1f".formatted(seconds));
      assertThat(agent.process().lines().stream().map(MisconfigurationIT::code))
          .as("no other reason was given before")
          .allMatch(code -> code.isEmpty() || code.equals(one.code()));
    }
  }

  private static void await(Agent agent, Case one) throws InterruptedException {
    if (one.code().equals(CONNECTED)) {
      agent.awaitReady(LIMIT);
      return;
    }
    Await.that(
        one + ", at /readyz and in the metric",
        LIMIT,
        () ->
            agent.reason("cluster").equals(one.code())
                && agent.problem("cluster").equals(one.code()));
    agent.process().awaitLine(one + ", in the log", LIMIT, line -> code(line).equals(one.code()));
  }

  /** Empty if the line says nothing of the tunnel. */
  private static String code(String line) {
    var found = DOWN.matcher(line);
    return found.matches() ? found.group(1) : "";
  }

  @Test
  void settingWithoutSchemeEndsTheAgent() throws Exception {
    try (var trial = new Trial(directory.resolve("setting"), plane, imported)) {
      trial.set("CATTLE_SERVER", "rancher.example.com");
      var process = trial.launch();

      assertThat(process.awaitExit(LIMIT)).isEqualTo(2);
      process.awaitEnd(LIMIT);
      assertThat(Stream.concat(process.lines().stream(), process.errorLines().stream()))
          .anyMatch(line -> line.contains("ConfigurationInvalid"))
          .anyMatch(line -> line.contains("CATTLE_SERVER"));
    }
  }

  @Test
  void pageListsTheCases() throws IOException {
    var page = Files.readString(Programs.tree("docs/troubleshooting.md"));
    int start = page.indexOf(HEADING);
    assertThat(start).as(HEADING).isNotNegative();
    var listed = new ArrayList<String>();
    var rows = ROW.matcher(page.substring(start));
    rows.find(); // what the columns are
    while (rows.find()) {
      listed.add(rows.group(1).strip() + ": " + rows.group(2));
    }
    assertThat(listed).containsExactlyElementsOf(cases().map(Case::toString).sorted().toList());
  }

  /** A name that our own name server is asked for, through glibc. */
  private Fault name(String label) {
    return trial -> {
      Assumptions.assumeTrue(nameServer.isPresent(), "port 53 of loopback is not to be had");
      var file = trial.directory().resolve("resolv.conf");
      Files.writeString(file, "nameserver " + NameServer.ADDRESS + "\n");
      trial.server("https://" + label + ".drover.example");
      trial.command(
          List.of(
              "unshare",
              "--mount",
              "sh",
              "-c",
              "mount --bind \"$0\" /etc/resolv.conf && exec \"$1\"",
              file.toString(),
              Programs.agent()));
    };
  }

  /** A listener whose queue is full: the kernel drops the first packet of all who come. */
  private void blackHole(Trial trial) throws IOException {
    var full = trial.own(new ServerSocket(0, 1, InetAddress.ofLiteral(LOOPBACK)));
    for (int i = 0; i < MOST_QUEUED; i++) {
      var filler = trial.own(new Socket());
      try {
        filler.connect(full.getLocalSocketAddress(), QUEUED_MILLIS);
      } catch (SocketTimeoutException e) {
        trial.server("https://127.0.0.1:" + full.getLocalPort());
        return;
      }
    }
    throw new AssertionError("the queue is never full");
  }

  /** A server that never comes to speak TLS. */
  private static Fault listener(Front.Handler handler) {
    return trial -> trial.server("https://127.0.0.1:" + trial.own(Front.plain(handler)).port());
  }

  private static Fault proxy(String status) {
    return trial -> {
      var proxy =
          trial.own(
              Front.plain(
                  socket -> {
                    Front.head(socket.getInputStream());
                    socket.getOutputStream().write(Front.answer(status, "", ""));
                  }));
      trial.server(UNKNOWN_HOST);
      trial.set("HTTPS_PROXY", "http://127.0.0.1:" + proxy.port());
      trial.set("NO_PROXY", "");
    };
  }

  private Fault identity(String alias, int length) {
    return trial ->
        trial.front(certificates.present(alias, length), LOOPBACK, rootPem, this::forward);
  }

  private Fault cacerts(String authority) {
    return trial -> trial.front(good, LOOPBACK, certificates.pem(authority), this::forward);
  }

  private Fault rest(Trial.Rest rest) {
    return trial -> trial.front(good, LOOPBACK, rootPem, rest);
  }

  private Fault answer(String status, String headers, String body) {
    return rest((socket, _) -> socket.getOutputStream().write(Front.answer(status, headers, body)));
  }

  private Fault forwarding(UnaryOperator<String> change) {
    return rest((socket, head) -> Front.forward(socket, head, peer.url(), peerTrust, change));
  }

  private void forward(Socket socket, String head) throws IOException {
    Front.forward(socket, head, peer.url(), peerTrust, UnaryOperator.identity());
  }

  /** As a load balancer does that was not told of websockets. */
  private static String withoutUpgrade(String head) {
    return head.replaceAll("(?i)(Upgrade|Connection): [^\r]*\r\n", "");
  }

  private void swallowed(Trial trial) throws IOException {
    var swallows = new AtomicBoolean();
    relay(trial, swallows);
    trial.event(() -> swallows.set(true));
  }

  private void cut(Trial trial) throws IOException {
    var swallows = new AtomicBoolean();
    var relay = relay(trial, swallows);
    trial.event(
        () -> {
          swallows.set(true); // so that no new session hides the reason
          relay.cut();
        });
  }

  private Front relay(Trial trial, AtomicBoolean swallows) throws IOException {
    var relay =
        trial.own(
            Front.plain(
                socket -> {
                  try (var onward = new Socket(peer.url().getHost(), peer.url().getPort())) {
                    Front.relay(socket, onward, swallows::get);
                  }
                }));
    trial.server("https://127.0.0.1:" + relay.port());
    return relay;
  }

  /** Picks TLS 1.1, as a server does that knows nothing newer, and waits for what is said to it. */
  private static void oldTls(Socket socket) throws IOException {
    socket.getInputStream().read();
    socket.getOutputStream().write(SERVER_HELLO_OF_TLS_1_1);
    socket.getInputStream().transferTo(OutputStream.nullOutputStream());
  }

  private Path blind() throws IOException, InterruptedException {
    return bare.kubeconfigOf(Import.NAMESPACE, "blind");
  }

  private static int closedPort() throws IOException {
    try (var socket = new ServerSocket(0, 1, InetAddress.ofLiteral(LOOPBACK))) {
      return socket.getLocalPort();
    }
  }

  private static void forEver() throws InterruptedException {
    new CountDownLatch(1).await();
  }
}
