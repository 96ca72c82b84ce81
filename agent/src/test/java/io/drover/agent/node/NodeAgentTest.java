package io.drover.agent.node;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.drover.agent.TestClock;
import io.drover.agent.config.ConfigException;
import io.drover.agent.config.NodeConfig;
import io.drover.agent.tls.Listener;
import io.drover.agent.tls.ServerDialer;
import io.drover.agent.tls.ServerHttp;
import io.drover.agent.tls.ServerTrust;
import io.drover.agent.tls.TestCa;
import io.drover.proto.report.NodeSnapshot.Check;
import io.drover.proto.report.ReportJson;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.Socket;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.MessageDigest;
import java.time.Duration;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.Map;
import java.util.Random;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLSocket;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

@Timeout(60)
class NodeAgentTest {
  private static final Duration LIMIT = Duration.ofSeconds(20);

  @TempDir private Path directory;
  private Path mounted;
  private Path others;
  private NodeAgent agent;

  @BeforeEach
  void start() throws Exception {
    mounted = TestNodes.identity(directory.resolve("mounted"));
    others =
        TestNodes.identity(directory.resolve("others"), TestCa.root("others"), NodeIdentity.NAME);
    agent = agent(Map.of());
  }

  @AfterEach
  void close() {
    agent.close();
  }

  /** On a node from which nothing is reached, unless there are more settings. */
  private NodeAgent agent(Map<String, String> more) throws IOException, ConfigException {
    var settings =
        new HashMap<>(
            Map.of(
                "CATTLE_NODE_NAME", "node-1",
                "CATTLE_SERVER", "https://127.0.0.1:1",
                "DROVER_NODE_ADDRESS", "127.0.0.1:0",
                "DROVER_NODE_IDENTITY_DIR", mounted.toString(),
                "KUBERNETES_SERVICE_HOST", "127.0.0.1",
                "KUBERNETES_SERVICE_PORT", "1"));
    settings.putAll(more);
    var config = NodeConfig.from(settings);
    var dialer = ServerDialer.direct();
    var trust = new ServerTrust(config.server(), config.paths(), dialer);
    var probes =
        new NodeProbes(config, "1.0", dialer, trust, new HostFacts(directory), new TestClock());
    return new NodeAgent(config, probes, trust, new Random(1));
  }

  private ServerHttp.Answer ask(Path identity) throws IOException {
    return ask(identity, Map.of());
  }

  /** As the cluster agent asks, with the files of this directory. */
  private ServerHttp.Answer ask(Path identity, Map<String, String> more) throws IOException {
    var address = agent.address();
    var url =
        URI.create("https://" + NodeIdentity.NAME + ":" + address.getPort() + NodeServer.PATH);
    var headers = new HashMap<>(more);
    headers.put("Authorization", NodeIdentity.authorization(NodeIdentity.token(identity)));
    return new ServerHttp(ServerDialer.to(address.getAddress()))
        .send(
            "GET",
            url,
            ServerTrust.ofFile(identity.resolve(NodeIdentity.CA)),
            LIMIT,
            headers,
            new byte[0]);
  }

  /** What the last look at the server came to. */
  private String reason() throws IOException {
    return ReportJson.readNode(ask(mounted).body()).checks().stream()
        .filter(check -> check.name().equals("server"))
        .map(Check::reason)
        .findFirst()
        .orElseThrow();
  }

  private static String sha256(String text) throws Exception {
    return HexFormat.of()
        .formatHex(MessageDigest.getInstance("SHA-256").digest(text.getBytes(UTF_8)));
  }

  /** A server that may get another CA. */
  private static final class Rancher implements AutoCloseable {
    private final Listener listener = Listener.start(this::serve);
    private volatile SSLContext certificate;
    private volatile String cacerts;

    Rancher(TestCa ca) throws Exception {
      certificate = ca.issue("127.0.0.1").server();
      cacerts = ca.pem();
    }

    void serveBy(TestCa ca) throws Exception {
      certificate = ca.issue("127.0.0.1").server();
    }

    private void serve(Socket raw) throws IOException {
      var socket = (SSLSocket) certificate.getSocketFactory().createSocket(raw, null, 0, true);
      socket.setUseClientMode(false);
      var in = new BufferedReader(new InputStreamReader(socket.getInputStream(), UTF_8));
      for (var line = in.readLine(); line != null && !line.isEmpty(); line = in.readLine()) {
        // The next one.
      }
      var json = "{\"value\":\"" + cacerts.replace("\n", "\\n") + "\"}";
      var head = "HTTP/1.1 200 OK\r\nContent-Length: " + json.length() + "\r\n\r\n";
      socket.getOutputStream().write((head + json).getBytes(UTF_8));
    }

    @Override
    public void close() throws IOException {
      listener.close();
    }
  }

  private static Map<String, String> trusting(Rancher rancher, TestCa ca) throws Exception {
    return Map.of(
        "CATTLE_SERVER", rancher.listener.url("https").toString(),
        "CATTLE_CA_CHECKSUM", sha256(ca.pem()),
        "STRICT_VERIFY", "true");
  }

  @ParameterizedTest
  @CsvSource({"true, ''", "false, TlsUnknownIssuer"})
  void anotherCaOfTheServerIsTakenFromItWhenTheClusterAgentTellsOfOne(boolean told, String reason)
      throws Exception {
    var first = TestCa.root("First CA");
    var next = TestCa.root("Next CA");
    agent.close();
    try (var rancher = new Rancher(first)) {
      agent = agent(trusting(rancher, first));
      agent.look();
      assertThat(reason()).isEmpty();

      rancher.cacerts = next.pem();
      if (told) {
        ask(mounted, Map.of(NodeServer.SERVER_CA, sha256(next.pem())));
      }
      agent.look();
      assertThat(reason()).isEmpty();

      rancher.serveBy(next);
      agent.look();
      assertThat(reason()).isEqualTo(reason);
    }
  }

  /** What is told is no reason to trust. */
  @Test
  void caThatNobodyButTheClusterAgentKnowsChangesNothing() throws Exception {
    var first = TestCa.root("First CA");
    var stranger = TestCa.root("Stranger");
    agent.close();
    try (var rancher = new Rancher(first)) {
      agent = agent(trusting(rancher, first));
      agent.look();
      rancher.cacerts = stranger.pem();
      rancher.serveBy(stranger);
      ask(mounted, Map.of(NodeServer.SERVER_CA, sha256(stranger.pem())));

      agent.look();
      assertThat(reason()).isEqualTo("TlsUnknownIssuer");

      rancher.serveBy(first);
      rancher.cacerts = first.pem();
      agent.look();
      assertThat(reason()).isEmpty();
    }
  }

  @Test
  void tellsWhatItHasFound() throws Exception {
    assertThat(ask(mounted).status()).isEqualTo(503);

    agent.look();

    var snapshot = ReportJson.readNode(ask(mounted).body());
    assertThat(snapshot.node()).isEqualTo("node-1");
    assertThat(snapshot.checks())
        .filteredOn(check -> check.name().equals("server"))
        .singleElement()
        .matches(check -> check.reason().equals("ConnectRefused"));
  }

  @Test
  void takesWhatIsMountedAnewAtTheNextLook() throws Exception {
    for (String name : new String[] {"tls.crt", "tls.key", "ca.crt"}) {
      Files.copy(others.resolve(name), mounted.resolve(name + ".new"));
      Files.move(
          mounted.resolve(name + ".new"),
          mounted.resolve(name),
          StandardCopyOption.REPLACE_EXISTING);
    }
    TestNodes.write(mounted, "token", "another");
    TestNodes.write(others, "token", "another");

    agent.look();

    assertThat(ask(others).status()).isEqualTo(200);
  }

  @ParameterizedTest
  @CsvSource({"tls.crt, no certificate", "tls.key, no key", "token, ''"})
  void whatIsOfNoUseLeavesAllAsItWas(String name, String text) throws Exception {
    var before = Files.createDirectories(directory.resolve("before"));
    for (String copied : new String[] {"ca.crt", "token"}) {
      Files.copy(mounted.resolve(copied), before.resolve(copied));
    }
    TestNodes.write(mounted, name, text);

    agent.look();

    assertThat(ask(before).status()).isEqualTo(200);
    assertThatThrownBy(() -> ask(others)).isInstanceOf(IOException.class);
  }
}
