package io.drover.agent.check;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import io.drover.agent.ClosedPort;
import io.drover.agent.config.CheckConfig;
import io.drover.agent.config.Secret;
import io.drover.agent.kube.ApiReader;
import io.drover.agent.kube.ClusterAccess;
import io.drover.agent.kube.TestApi;
import io.drover.agent.reason.Failure;
import io.drover.agent.reason.Reason;
import io.drover.agent.tls.Listener;
import io.drover.agent.tls.ServerDialer;
import io.drover.agent.tls.ServerTrust;
import io.drover.agent.tls.TestCa;
import io.drover.agent.tls.TestDialer;
import io.drover.proto.handshake.ConnectParams;
import java.io.IOException;
import java.net.InetAddress;
import java.net.Socket;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Set;
import javax.net.ssl.SSLContext;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(60)
class ChecksTest {
  private static final Instant NOW = Instant.parse("2026-11-27T12:00:00Z");
  private static final String DATE = "Fri, 27 Nov 2026 12:00:01 GMT";

  private static TestCa ca;

  @TempDir private Path directory;
  private final FakeTunnel tunnel = new FakeTunnel();
  private final List<StepResult> results = new ArrayList<>();
  private Path resolvConf;
  private @Nullable Cluster cluster;
  private @Nullable OwnGateway ownGateway;
  private @Nullable ServerDialer resolving;
  private int status = 200;
  private String date = DATE;
  private String proxy = "";
  private String explorer = "on";
  private String gateway = "off";
  private String checksum;

  @BeforeAll
  static void makeCa() throws Exception {
    ca = TestCa.root("Check Root");
  }

  @BeforeEach
  void prepare() throws Exception {
    resolvConf =
        Files.writeString(directory.resolve("resolv.conf"), "# x\nnameserver 10.43.0.10\n");
    checksum =
        HexFormat.of()
            .formatHex(MessageDigest.getInstance("SHA-256").digest(ca.pem().getBytes(UTF_8)));
  }

  private void serve(Socket socket) throws IOException {
    var head = new StringBuilder();
    while (!head.toString().endsWith("\r\n\r\n")) {
      int next = socket.getInputStream().read();
      if (next < 0) {
        return;
      }
      head.append((char) next);
    }
    boolean isPing = head.toString().startsWith("GET /ping ");
    String body =
        isPing ? "pong" : JsonNodeFactory.instance.objectNode().put("value", ca.pem()).toString();
    String answer =
        "HTTP/1.1 %d x\r\nDate: %s\r\nContent-Length: %d\r\n\r\n%s"
            .formatted(isPing ? status : 200, date, body.length(), body);
    socket.getOutputStream().write(answer.getBytes(ISO_8859_1));
    socket.getOutputStream().flush();
  }

  private boolean check(URI server, String token, boolean isLong) throws Exception {
    var variables = new HashMap<String, String>();
    variables.put("SSL_CERT_DIR", directory.resolve("none").toString());
    variables.put("HTTPS_PROXY", proxy);
    variables.put("DROVER_EXPLORER", explorer);
    variables.put("DROVER_GATEWAY", gateway);
    if (!checksum.isEmpty()) {
      variables.put("CATTLE_CA_CHECKSUM", checksum);
    }
    var config = CheckConfig.from(variables, server.toString(), new Secret(token));
    var dialer =
        resolving == null
            ? new ServerDialer(config.server().proxy(), ServerTrust.systemStore(config.paths()))
            : resolving;
    return new Checks(
            config,
            dialer,
            new ServerTrust(config.server(), config.paths(), dialer),
            cluster,
            ownGateway,
            tunnel,
            Clock.fixed(NOW, ZoneOffset.UTC),
            resolvConf,
            results::add)
        .run(isLong);
  }

  private boolean checkServer() throws Exception {
    return checkServer("token-1", false);
  }

  private boolean checkServer(String token, boolean isLong) throws Exception {
    try (var server = Listener.startTls(ca.issue("127.0.0.1").server(), this::serve)) {
      return check(server.url("https"), token, isLong);
    }
  }

  private StepResult result(String step) {
    return results.stream().filter(one -> one.step().equals(step)).findFirst().orElseThrow();
  }

  private Map<String, String> statuses() {
    var found = new HashMap<String, String>();
    results.forEach(result -> found.put(result.step(), result.status().mark()));
    return found;
  }

  private @Nullable Reason reason(String step) {
    var problem = result(step).problem();
    return problem == null ? null : problem.reason();
  }

  @Test
  void everyStepOfALaptopPasses() throws Exception {
    assertThat(checkServer()).isTrue();

    assertThat(results.stream().map(StepResult::step))
        .containsExactly(
            "credentials",
            "resolv.conf",
            "proxy",
            "dns",
            "tcp",
            "ping",
            "clock",
            "ca-checksum",
            "tls",
            "api-server",
            "service-account",
            "rights",
            "gateway-secret",
            "gateway-policy",
            "gateway-audit",
            "headers",
            "token",
            "websocket",
            "frames",
            "idle");
    assertThat(statuses())
        .containsEntry("tls", "✓")
        .containsEntry("token", "✓")
        .containsEntry("frames", "✓")
        .containsEntry("api-server", "–")
        .containsEntry("idle", "–")
        .doesNotContainValue("✗")
        .doesNotContainValue("!");
    assertThat(result("resolv.conf").detail()).isEqualTo("nameserver 10.43.0.10");
    assertThat(result("proxy").detail()).contains("direct").contains("HTTPS_PROXY is not set");
    assertThat(result("dns").detail()).isEqualTo("127.0.0.1 is 127.0.0.1");
    assertThat(result("tcp").more()).singleElement().asString().startsWith("✓ 127.0.0.1");
    assertThat(result("clock").detail()).isEqualTo("as the server's");
    assertThat(result("tls").detail()).startsWith("TLSv1.3, no SNI");
    assertThat(result("tls").more())
        .contains("│   for 127.0.0.1", "╵   signed by CN=Check Root, which is trusted");
    assertThat(tunnel.frames).containsExactly(4096, 65536);
    assertThat(tunnel.closed).isEqualTo(1);
    assertThat(results.toString()).doesNotContain("token-1");
  }

  @Test
  void afterARefusedConnectionWhatNeedsItIsNotTried() throws Exception {
    try (var closed = new ClosedPort()) {
      assertThat(check(URI.create("https://" + closed.address()), "token-1", false)).isFalse();
    }

    assertThat(reason("tcp")).isEqualTo(Reason.CONNECT_REFUSED);
    for (String step :
        List.of("ping", "clock", "ca-checksum", "tls", "token", "websocket", "frames", "idle")) {
      assertThat(result(step).status()).as(step).isEqualTo(Status.SKIPPED);
      assertThat(result(step).detail()).as(step).isEqualTo("needs tcp, which failed");
    }
    assertThat(tunnel.opened).isZero();
  }

  @Test
  void nameWithoutAddressIsSaid() throws Exception {
    assertThat(check(URI.create("https://nowhere.invalid"), "token-1", false)).isFalse();

    assertThat(reason("dns")).isIn(Reason.DNS_NOT_FOUND, Reason.DNS_FAILED);
    assertThat(result("tcp").detail()).isEqualTo("needs dns, which failed");
  }

  @Test
  void addressThatDoesNotAnswerIsAWarningWhileAnotherDoes() throws Exception {
    var many = new InetAddress[Checks.MAX_ADDRESSES + 1];
    for (int i = 0; i < many.length; i++) {
      many[i] = InetAddress.getByAddress(new byte[] {127, 0, 0, (byte) (i + 1)});
    }
    resolving = TestDialer.resolvingTo(many);

    assertThat(checkServer()).isTrue();

    assertThat(result("dns").detail()).contains("127.0.0.1, 127.0.0.2").contains("127.0.0.9");
    assertThat(result("tcp").status()).isEqualTo(Status.WARNING);
    assertThat(result("tcp").detail()).endsWith("1 of 8 addresses");
    assertThat(result("tcp").more()).hasSize(8).element(1).asString().startsWith("✗ 127.0.0.2");
    assertThat(reason("tcp")).isEqualTo(Reason.CONNECT_REFUSED);
  }

  @Test
  void deadProxyIsToldFromADeadServer() throws Exception {
    try (var closed = new ClosedPort()) {
      proxy = "http://user:canary@" + closed.address();

      assertThat(check(URI.create("https://rancher.invalid"), "token-1", false)).isFalse();
    }

    assertThat(result("proxy").detail())
        .contains("by the proxy 127.0.0.1")
        .contains("HTTPS_PROXY, and no item of NO_PROXY matches");
    assertThat(reason("tcp")).isEqualTo(Reason.PROXY_UNREACHABLE);
    assertThat(results.toString()).doesNotContain("canary");
  }

  @Test
  void resolvConfIsReadToItsLimit() throws Exception {
    Files.writeString(
        resolvConf, "#".repeat(Checks.MAX_RESOLV_CONF_BYTES) + "\nnameserver 10.43.0.10\n");

    checkServer();

    assertThat(result("resolv.conf").status()).isEqualTo(Status.WARNING);
  }

  @Test
  void wrongChecksumEndsBeforeTls() throws Exception {
    checksum = "0".repeat(64);

    assertThat(checkServer()).isFalse();

    assertThat(reason("ca-checksum")).isEqualTo(Reason.CA_CHECKSUM_MISMATCH);
    assertThat(result("tls").detail()).isEqualTo("needs ca-checksum, which failed");
    assertThat(tunnel.opened).isZero();
  }

  @Test
  void untrustedChainIsDrawnAllTheSame() throws Exception {
    checksum = "";

    assertThat(checkServer()).isFalse();

    assertThat(result("ca-checksum").status()).isEqualTo(Status.SKIPPED);
    assertThat(reason("tls")).isEqualTo(Reason.TLS_UNKNOWN_ISSUER);
    assertThat(result("tls").more())
        .contains("✗   signed by CN=Check Root, which is neither sent nor trusted here");
    assertThat(result("token").detail()).isEqualTo("needs tls, which failed");
  }

  @Test
  void clockThatIsOffIsAWarning() throws Exception {
    date = "Fri, 27 Nov 2026 10:00:00 GMT";

    assertThat(checkServer()).isTrue();

    assertThat(result("clock").status()).isEqualTo(Status.WARNING);
    assertThat(result("clock").detail()).isEqualTo("the server's is 7200 s behind");
  }

  @Test
  void clockIsFineUpToItsLimit() throws Exception {
    date = "Fri, 27 Nov 2026 12:01:00 GMT";
    checkServer();
    assertThat(result("clock").status()).isEqualTo(Status.PASSED);

    results.clear();
    date = "Fri, 27 Nov 2026 12:01:01 GMT";
    checkServer();
    assertThat(result("clock").status()).isEqualTo(Status.WARNING);
  }

  @Test
  void timeThatCannotBeReadIsNotGuessed() throws Exception {
    date = "yesterday";

    assertThat(checkServer()).isTrue();

    assertThat(result("clock").status()).isEqualTo(Status.SKIPPED);
  }

  @Test
  void pingThatFailsDoesNotEndTheCheck() throws Exception {
    status = 503;

    assertThat(checkServer()).isTrue();

    assertThat(result("ping").status()).isEqualTo(Status.WARNING);
    assertThat(reason("ping")).isEqualTo(Reason.SERVER_UNAVAILABLE);
    assertThat(result("websocket").status()).isEqualTo(Status.PASSED);
  }

  @Test
  void unknownTokenIsNotUsedForASession() throws Exception {
    tunnel.tokenFailure = new Failure(Reason.TOKEN_UNKNOWN, "cluster not found");

    assertThat(checkServer()).isFalse();

    assertThat(reason("token")).isEqualTo(Reason.TOKEN_UNKNOWN);
    assertThat(result("websocket").detail()).isEqualTo("needs token, which failed");
    assertThat(tunnel.opened).isZero();
  }

  @Test
  void withoutATokenNoneIsShown() throws Exception {
    assertThat(checkServer("", false)).isTrue();

    assertThat(statuses())
        .containsEntry("tls", "✓")
        .containsEntry("token", "–")
        .containsEntry("websocket", "–")
        .containsEntry("frames", "–");
    assertThat(tunnel.shown).isEmpty();
  }

  @Test
  void sessionIsClosedWhenAFrameIsLost() throws Exception {
    tunnel.frameFailure = new Failure(Reason.TUNNEL_SILENT, "no answer");

    assertThat(checkServer("token-1", true)).isFalse();

    assertThat(reason("frames")).isEqualTo(Reason.TUNNEL_SILENT);
    assertThat(result("idle").detail()).isEqualTo("needs frames, which failed");
    assertThat(tunnel.closed).isEqualTo(1);
  }

  @Test
  void sessionIsHeldForTwoMinutesIfAskedFor() throws Exception {
    assertThat(checkServer("token-1", true)).isTrue();

    assertThat(tunnel.held).containsExactly(Duration.ofMinutes(2));
    assertThat(result("idle").status()).isEqualTo(Status.PASSED);
  }

  @Test
  void missingResolvConfIsNoFailure() throws Exception {
    Files.delete(resolvConf);

    assertThat(checkServer()).isTrue();

    assertThat(result("resolv.conf").status()).isEqualTo(Status.SKIPPED);
  }

  @Test
  void resolvConfWithoutAServerIsAWarning() throws Exception {
    Files.writeString(resolvConf, "search example.com\n");

    checkServer();

    assertThat(result("resolv.conf").status()).isEqualTo(Status.WARNING);
  }

  // ---- with a cluster

  private static TestApi.Reply allows(String status) {
    return TestApi.reply(201, Map.of(), "{\"status\":{\"allowed\":%s}}".formatted(status));
  }

  private static TestApi api(String allowed) {
    var api = new TestApi();
    api.on("GET /version", TestApi.reply(200, Map.of(), "{\"gitVersion\":\"v1.34.1\"}"));
    api.on("POST /apis/authorization.k8s.io/v1/selfsubjectaccessreviews", allows(allowed));
    return api;
  }

  @Test
  void clusterIsAskedForVersionTokenAndRights() throws Exception {
    try (var api = api("true")) {
      cluster = new FakeCluster(api, "x".repeat(100));

      assertThat(checkServer()).isTrue();
    }
    assertThat(result("api-server").detail()).isEqualTo("v1.34.1 at 10.43.0.1:443");
    assertThat(result("rights").status()).isEqualTo(Status.PASSED);
    assertThat(result("headers").status()).isEqualTo(Status.PASSED);
    assertThat(tunnel.shown).singleElement().asString().matches("token-1 \\d{3}");
  }

  @Test
  void missingRightsOfTheTunnelFail() throws Exception {
    try (var api = api("false")) {
      cluster = new FakeCluster(api, "x");

      assertThat(checkServer()).isFalse();
    }
    assertThat(reason("rights")).isEqualTo(Reason.FORBIDDEN);
    assertThat(result("rights").more())
        .contains(
            "tunnel: get serviceaccounts/cattle in cattle-system",
            "tunnel: get /readyz",
            "leader: create leases.coordination.k8s.io in cattle-system",
            "kubelet-usage: get nodes/proxy",
            "explorer: impersonate users",
            "explorer: list *.*",
            "explorer: create pods/exec in cattle-system");
  }

  @Test
  void rightsOfAnExplorerThatIsOffAreNotAskedFor() throws Exception {
    explorer = "off";
    try (var api = api("false")) {
      cluster = new FakeCluster(api, "x");

      assertThat(checkServer()).isFalse();
    }
    assertThat(result("rights").more())
        .isNotEmpty()
        .noneMatch(right -> right.startsWith("explorer:") || right.startsWith("gateway:"));
  }

  @Test
  void rightsOfAGatewayAreAskedForIfThereIsOne() throws Exception {
    gateway = "on";
    try (var api = api("false")) {
      cluster = new FakeCluster(api, "x");

      assertThat(checkServer()).isFalse();
    }
    assertThat(result("rights").more())
        .contains("gateway: update secrets/drover-gateway in cattle-system");
  }

  /** What is found of a gateway. */
  private static class FakeGateway implements OwnGateway {
    private Status secret = Status.PASSED;

    @Override
    public Finding identity() {
      return new Finding(secret, "of the secret", List.of());
    }

    @Override
    public ConnectParams params() {
      return new ConnectParams("gateway:443", "opaque", "x".repeat(6000));
    }

    @Override
    public Finding policy() throws IOException {
      throw new Failure(Reason.CONFIGURATION_INVALID, "line 1: what is this");
    }

    @Override
    public Finding audit() {
      return Finding.skipped("it is off");
    }
  }

  @Test
  void aGatewayIsLookedAtInPlaceOfTheAccount() throws Exception {
    gateway = "on";
    var own = new FakeGateway();
    ownGateway = own;
    try (var api = api("true")) {
      cluster =
          new FakeCluster(api, "x") {
            @Override
            public ClusterAccess access() {
              throw new IllegalStateException("makes a token that nobody needs");
            }
          };

      assertThat(checkServer()).isFalse();
      assertThat(result("service-account").status()).isEqualTo(Status.SKIPPED);
      assertThat(result("gateway-secret").detail()).isEqualTo("of the secret");
      assertThat(reason("gateway-policy")).isEqualTo(Reason.CONFIGURATION_INVALID);
      assertThat(result("gateway-audit").detail()).isEqualTo("it is off");
      assertThat(result("headers").status()).isEqualTo(Status.WARNING); // of the gateway's size

      results.clear();
      own.secret = Status.WARNING;
      assertThat(checkServer()).isFalse();
      assertThat(result("headers").status()).isEqualTo(Status.SKIPPED);
    }
  }

  @Test
  void whatIsNotTriedOfAGatewaySaysWhy() throws Exception {
    assertThat(checkServer()).isTrue();
    gateway = "on";
    var before = List.copyOf(results);
    results.clear();
    assertThat(checkServer()).isTrue();

    for (String step : List.of("gateway-secret", "gateway-policy", "gateway-audit")) {
      assertThat(before.stream().filter(one -> one.step().equals(step)).findFirst().orElseThrow())
          .satisfies(
              one -> assertThat(one.status()).isEqualTo(Status.SKIPPED),
              one -> assertThat(one.detail()).isEqualTo("the gateway is off"));
      assertThat(result(step).detail()).isEqualTo("neither a pod nor --kubeconfig");
    }
  }

  @Test
  void apiServerThatIsAwayIsOneFailure() throws Exception {
    try (var api = new TestApi()) {
      cluster =
          new FakeCluster(api, "x") {
            @Override
            public void requireReachable() throws IOException {
              throw new Failure(Reason.API_SERVER_UNREACHABLE, "refused");
            }
          };

      assertThat(checkServer()).isFalse();
    }
    assertThat(reason("api-server")).isEqualTo(Reason.API_SERVER_UNREACHABLE);
    assertThat(result("rights").detail()).isEqualTo("needs api-server, which failed");
    assertThat(result("websocket").status()).isEqualTo(Status.PASSED);
  }

  @Test
  void largeHeadersAreAWarning() throws Exception {
    try (var api = api("true")) {
      cluster = new FakeCluster(api, "x".repeat(Checks.HEADER_LIMIT_BYTES));

      assertThat(checkServer()).isTrue();
    }
    assertThat(result("headers").status()).isEqualTo(Status.WARNING);
  }

  @Test
  void listOfRightsIsTheCharts() throws Exception {
    var yaml = new YAMLMapper();
    try (var ours = Rights.class.getResourceAsStream("rights.yaml")) {
      assertThat(yaml.readTree(ours))
          .isEqualTo(yaml.readTree(Path.of("../charts/drover/rights.yaml").toFile()));
    }
    assertThat(Rights.of(Set.of("tunnel"), "cattle-system"))
        .filteredOn(Rights.Access::needed)
        .allMatch(right -> right.namespace().equals("cattle-system"))
        .isNotEmpty();
  }

  /** Says what it was asked for. */
  private static final class FakeTunnel implements Tunnel {
    final List<String> shown = new ArrayList<>();
    final List<Integer> frames = new ArrayList<>();
    final List<Duration> held = new ArrayList<>();
    int opened;
    int closed;
    @Nullable IOException tokenFailure;
    @Nullable IOException frameFailure;

    @Override
    public void showToken(URI server, Secret token, int parameterBytes, SSLContext trust)
        throws IOException {
      shown.add(token.value() + " " + parameterBytes);
      if (tokenFailure != null) {
        throw tokenFailure;
      }
    }

    @Override
    public Session open(URI server, Secret token, SSLContext trust) {
      opened++;
      return new Session() {
        @Override
        public void sendFrame(int bytes) throws IOException {
          frames.add(bytes);
          if (frameFailure != null) {
            throw frameFailure;
          }
        }

        @Override
        public void hold(Duration duration) {
          held.add(duration);
        }

        @Override
        public void close() {
          closed++;
        }
      };
    }
  }

  private static class FakeCluster implements Cluster {
    private final TestApi api;
    private final String caCert;

    FakeCluster(TestApi api, String caCert) {
      this.api = api;
      this.caCert = caCert;
    }

    @Override
    public Login login() {
      throw new IllegalStateException("given on the command line");
    }

    @Override
    public String address() {
      return "10.43.0.1:443";
    }

    @Override
    public void requireReachable() throws IOException {}

    @Override
    public ClusterAccess access() {
      return new ClusterAccess(address(), new Secret("account-token"), caCert);
    }

    @Override
    public ApiReader reader() {
      return api.reader();
    }
  }
}
