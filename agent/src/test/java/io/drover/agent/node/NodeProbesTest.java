package io.drover.agent.node;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.tuple;

import io.drover.agent.ClosedPort;
import io.drover.agent.TestClock;
import io.drover.agent.config.ConfigException;
import io.drover.agent.config.NodeConfig;
import io.drover.agent.tls.Listener;
import io.drover.agent.tls.ServerDialer;
import io.drover.agent.tls.ServerTrust;
import io.drover.agent.tls.TestCa;
import io.drover.proto.report.NodeSnapshot;
import io.drover.proto.report.NodeSnapshot.Check;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

@Timeout(60)
class NodeProbesTest {
  @TempDir private Path directory;
  private final TestClock clock = new TestClock(Instant.parse("2026-11-22T12:00:00.500Z"));
  private final List<Listener> open = new ArrayList<>();
  private TestCa ca;
  private volatile int serverStatus = 200;
  private volatile int apiStatus = 200;
  private volatile int registryStatus = 401;
  private volatile Instant serverTime = Instant.parse("2026-11-22T12:00:00Z");
  private final Map<String, String> settings = new HashMap<>();

  @BeforeEach
  void start() throws Exception {
    ca = TestCa.root("ours");
    Files.createDirectories(directory.resolve("certs"));
    Files.createDirectories(directory.resolve("account"));
    Files.writeString(directory.resolve("certs/ca.pem"), ca.pem());
    Files.writeString(directory.resolve("account/ca.crt"), ca.pem());
    settings.put("CATTLE_CLUSTER", "false");
    settings.put("CATTLE_NODE_NAME", "node-1");
    settings.put("CATTLE_SERVER", "https://127.0.0.1:" + answering(() -> serverStatus).port());
    settings.put("SSL_CERT_DIR", directory.resolve("certs").toString());
    settings.put("DROVER_SERVICE_ACCOUNT_DIR", directory.resolve("account").toString());
    settings.put("KUBERNETES_SERVICE_HOST", "127.0.0.1");
    settings.put("KUBERNETES_SERVICE_PORT", Integer.toString(answering(() -> apiStatus).port()));
    settings.put("DROVER_NODE_REGISTRY", "127.0.0.1:" + answering(() -> registryStatus).port());
  }

  @AfterEach
  void close() throws IOException {
    for (var listener : open) {
      listener.close();
    }
  }

  private interface Status {
    int now();
  }

  private Listener answering(Status status) throws Exception {
    var listener =
        Listener.startTls(ca.issue("127.0.0.1").server(), socket -> answer(socket, status.now()));
    open.add(listener);
    return listener;
  }

  private void answer(Socket socket, int status) throws IOException {
    var in = new BufferedReader(new InputStreamReader(socket.getInputStream(), ISO_8859_1));
    for (var line = in.readLine(); line != null && !line.isEmpty(); ) {
      line = in.readLine();
    }
    var date = DateTimeFormatter.RFC_1123_DATE_TIME.format(serverTime.atOffset(ZoneOffset.UTC));
    socket
        .getOutputStream()
        .write(
            "HTTP/1.1 %d X\r\nDate: %s\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n"
                .formatted(status, date)
                .getBytes(ISO_8859_1));
  }

  private NodeSnapshot look() throws ConfigException, InterruptedException {
    return probes().run();
  }

  private NodeProbes probes() throws ConfigException {
    var config = NodeConfig.from(settings);
    var dialer = new ServerDialer(config.server().proxy(), ServerTrust.systemStore(config.paths()));
    return new NodeProbes(
        config,
        "1.0",
        dialer,
        new ServerTrust(config.server(), config.paths(), dialer),
        new HostFacts(directory),
        clock);
  }

  private static Check check(NodeSnapshot snapshot, String name) {
    return snapshot.checks().stream()
        .filter(check -> check.name().equals(name))
        .findFirst()
        .orElseThrow(() -> new AssertionError(name + " in " + snapshot));
  }

  @Test
  void allIsWellWhereAllIsWell() throws Exception {
    var snapshot = look();

    assertThat(snapshot.node()).isEqualTo("node-1");
    assertThat(snapshot.checks())
        .extracting(Check::name)
        .contains("server", "clock", "api-server", "registry", "disk", "inodes")
        .doesNotContain("proxy", "dns", "peer");
    assertThat(snapshot.checks())
        .filteredOn(check -> !check.name().startsWith("disk"))
        .filteredOn(check -> !check.name().equals("inodes"))
        .allMatch(Check::ok);
    assertThat(check(snapshot, "server").latencyMs()).isNotNegative();
    assertThat(snapshot.facts().clockOffsetSeconds()).isZero();
    assertThat(snapshot.facts().mtu()).isEqualTo(65_536);
  }

  @ParameterizedTest
  @CsvSource({
    "server, 503, ServerUnavailable",
    "server, 404, NotRancher",
    "server, 302, Redirected",
    "api-server, 500, ApiServerError",
    "api-server, 401, ''",
    "registry, 502, ServerUnavailable",
    "registry, 404, NotRancher",
    "registry, 200, ''",
  })
  void answersAreJudged(String name, int status, String reason) throws Exception {
    switch (name) {
      case "server" -> serverStatus = status;
      case "api-server" -> apiStatus = status;
      default -> registryStatus = status;
    }

    assertThat(check(look(), name).reason()).isEqualTo(reason);
  }

  @ParameterizedTest
  @CsvSource({"60, ''", "61, ClockOff", "-60, ''", "-61, ClockOff", "7200, ClockOff"})
  void clockIsComparedWithTheServers(long ahead, String reason) throws Exception {
    serverTime = serverTime.plusSeconds(ahead);

    var snapshot = look();

    assertThat(snapshot.facts().clockOffsetSeconds()).isEqualTo(ahead);
    assertThat(check(snapshot, "clock").reason()).isEqualTo(reason);
  }

  @Test
  void whatIsAwayIsNamedAndKeepsNothingElseFromBeingTried() throws Exception {
    open.getFirst().close();

    var snapshot = look();

    assertThat(check(snapshot, "server").reason()).isEqualTo("ConnectRefused");
    assertThat(check(snapshot, "api-server").ok()).isTrue();
    assertThat(snapshot.facts().clockOffsetSeconds()).isNull();
  }

  @Test
  void certificatesAreVerified() throws Exception {
    Files.writeString(directory.resolve("account/ca.crt"), TestCa.root("another").pem());
    Files.writeString(directory.resolve("certs/ca.pem"), TestCa.root("another").pem());

    var snapshot = look();

    for (String name : List.of("server", "api-server", "registry")) {
      assertThat(check(snapshot, name).reason()).isEqualTo("TlsUnknownIssuer");
    }
  }

  @Test
  void missingCaOfTheApiServerIsSaid() throws Exception {
    Files.delete(directory.resolve("account/ca.crt"));

    assertThat(check(look(), "api-server").reason()).isEqualTo("NoCaConfigured");
  }

  @Test
  void caThatIsReplacedAfterAFailureIsReadAgain() throws Exception {
    var probes = probes();
    Files.writeString(directory.resolve("account/ca.crt"), TestCa.root("another").pem());
    assertThat(check(probes.run(), "api-server").ok()).isFalse();

    Files.writeString(directory.resolve("account/ca.crt"), ca.pem());
    assertThat(check(probes.run(), "api-server").ok()).isTrue();
  }

  @Test
  void namesAreLookedUpAndPeersConnectedTo() throws Exception {
    var peer = Listener.start(Listener::hold);
    open.add(peer);
    settings.put(
        "DROVER_NODE_PEERS", "no-such-host.invalid:8443,127.9.9.9:" + peer.port() + ",127.9.9.8:1");

    var snapshot = look();

    assertThat(check(snapshot, "dns").target()).isEqualTo("no-such-host.invalid");
    assertThat(check(snapshot, "dns").reason()).startsWith("Dns");
    assertThat(snapshot.checks())
        .filteredOn(check -> check.name().equals("peer"))
        .hasSize(2)
        .allMatch(check -> check.reason().equals("ConnectRefused"));
  }

  @Test
  void nameThatResolvesAndPeerThatAnswersAreWell() throws Exception {
    // Of 127.0.0.1, to which localhost leads, this node's own agent could be the one that answers.
    try (var peer = new ServerSocket(0, 1, InetAddress.getByName("127.9.9.7"))) {
      settings.put(
          "DROVER_NODE_PEERS", "localhost:%1$d,127.9.9.7:%1$d".formatted(peer.getLocalPort()));

      var snapshot = look();

      assertThat(snapshot.checks())
          .filteredOn(check -> Set.of("dns", "peer").contains(check.name()))
          .extracting(Check::name, Check::target, Check::reason)
          .containsExactly(
              tuple("dns", "localhost", ""), tuple("peer", "127.9.9.7:" + peer.getLocalPort(), ""));
      assertThat(check(snapshot, "dns").latencyMs()).isNotNegative();
      assertThat(check(snapshot, "peer").latencyMs()).isNotNegative();
    }
  }

  /** Java's own resolver says at once of this domain that it is not there. */
  @Test
  void namesOfTheNodeAgentsAreWaitedForWithinLimits() throws Exception {
    var waits = new ArrayList<Duration>();
    settings.put("DROVER_NODE_PEERS", "127.9.9.9:8443");
    probes().awaitNames(waits::add);
    assertThat(waits).isEmpty();

    settings.put("DROVER_NODE_PEERS", "no-such-host.invalid:8443");
    probes().awaitNames(waits::add);
    assertThat(waits).hasSize(NodeProbes.NAME_TRIES - 1).containsOnly(NodeProbes.NAME_AGAIN_AFTER);
  }

  @Test
  void proxyOnTheWayIsTriedByItself() throws Exception {
    try (var proxy = new ClosedPort()) {
      settings.put("CATTLE_SERVER", "https://10.255.255.1");
      settings.put("HTTPS_PROXY", "http://" + proxy.address());

      var snapshot = look();

      assertThat(check(snapshot, "proxy").reason()).isEqualTo("ConnectRefused");
      assertThat(check(snapshot, "server").reason()).isEqualTo("ProxyUnreachable");
    }
  }
}
