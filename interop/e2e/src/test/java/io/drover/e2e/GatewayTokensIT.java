package io.drover.e2e;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.BufferedInputStream;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.TestInstance.Lifecycle;
import org.junit.jupiter.api.extension.ExtendWith;

/**
 * The server makes accounts for its users, reads their tokens back and asks with them, as Rancher
 * does, and no token of the cluster gets to it. Everything that it hears is searched for them.
 */
@Tag("interop")
@ExtendWith(WithControlPlane.class)
@TestInstance(Lifecycle.PER_CLASS)
final class GatewayTokensIT {
  private static final String NAMESPACE = "cattle-impersonation-system";
  private static final String SECRETS = "/api/v1/namespaces/" + NAMESPACE + "/secrets";
  private static final String ACCOUNT = "cattle-impersonation-u-e2e";
  private static final String USER = "u-e2e";
  private static final String PREFIX = "drover-standin-";
  private static final String PROTOBUF = "application/vnd.kubernetes.protobuf";
  private static final Duration TOKEN_LIMIT = Duration.ofSeconds(20);
  private static final Duration HEAR = Duration.ofSeconds(1);

  private final List<Installation> installations = new ArrayList<>();
  private final Canaries canaries = new Canaries();
  private Kubectl admin;

  /** All that was answered at the server's end. */
  private final List<String> heard = new ArrayList<>();

  @BeforeAll
  void install(ControlPlane plane) throws IOException, InterruptedException {
    admin = plane.admin();
    admin.run("create", "namespace", NAMESPACE);
    admin.run("-n", NAMESPACE, "create", "serviceaccount", ACCOUNT);
    admin.run(
        "create",
        "clusterrole",
        ACCOUNT,
        "--verb=impersonate",
        "--resource=users",
        "--resource-name=" + USER);
    admin.run(
        "create",
        "clusterrolebinding",
        ACCOUNT,
        "--clusterrole=" + ACCOUNT,
        "--serviceaccount=" + NAMESPACE + ":" + ACCOUNT);
    installations.addAll(
        Installation.startAll(
            plane, "gateway-tokens", Map.of("DROVER_GATEWAY", "on"), Installation.NO_CHECKS));
    makeTokenSecret(NAMESPACE, ACCOUNT);
    makeTokenSecret(Import.NAMESPACE, "cattle");
    for (String key : List.of("ca.key", "stand-ins.key")) {
      canaries.add(key, data(admin, Import.NAMESPACE, AgentGateway.SECRET, key));
    }
    for (var installation : installations) {
      canaries.add(
          "own token, " + installation,
          Files.readString(installation.imported().serviceAccount().resolve("token")).strip());
    }
  }

  @AfterAll
  void close() throws IOException, InterruptedException {
    installations.forEach(Installation::close);
    admin.run("delete", "clusterrole,clusterrolebinding", ACCOUNT);
    admin.run("delete", "namespace", NAMESPACE, "--wait=false");
    admin.run("-n", Import.NAMESPACE, "delete", "secret", AgentGateway.SECRET, "cattle-e2e");
  }

  List<Installation> installations() {
    return installations;
  }

  /** Its token is made by the control plane. */
  private void makeTokenSecret(String namespace, String account)
      throws IOException, InterruptedException {
    var name = account + "-e2e";
    var manifest =
        """
        apiVersion: v1
        kind: Secret
        metadata:
          name: %s
          namespace: %s
          annotations: {kubernetes.io/service-account.name: %s}
        type: kubernetes.io/service-account-token
        """
            .formatted(name, namespace, account);
    admin.outcome(manifest.getBytes(UTF_8), "apply", "-f", "-").expect(0);
    var token =
        Await.until(
            "there is a token",
            TOKEN_LIMIT,
            () -> Optional.of(data(admin, namespace, name, "token")).filter(t -> !t.isEmpty()));
    canaries.add("token of " + account, token);
  }

  private String data(Kubectl kubectl, String namespace, String name, String key)
      throws IOException, InterruptedException {
    var secret = hear(kubectl, "-n", namespace, "get", "secret", name, "-o", "json");
    return token(secret.path("data").path(key));
  }

  private static String token(JsonNode data) {
    return new String(Base64.getDecoder().decode(data.asText("")), UTF_8);
  }

  /** What only the cluster's administrator sees is not searched. */
  private JsonNode hear(Kubectl kubectl, String... command)
      throws IOException, InterruptedException {
    var said = kubectl.json(command);
    if (!kubectl.equals(admin)) {
      heard.add(said.toString());
    }
    return said;
  }

  private void expectNoToken() {
    assertThat(heard).isNotEmpty();
    for (String said : heard) {
      assertThat(canaries.in(said)).as("%.300s", said).isEmpty();
    }
  }

  /** As the server itself asks, past its proxy for users. */
  private RawHttp.Reply ask(Installation installation, String line, String accept)
      throws IOException, InterruptedException {
    var through = installation.peer().forward(Peer.CLUSTER, AgentGateway.ADDRESS);
    try (var socket =
        Https.connect(through, AgentGateway.HOST, Https.trust(authority(installation)))) {
      var token = data(admin, Import.NAMESPACE, AgentGateway.SECRET, "token");
      socket
          .getOutputStream()
          .write(
              "%s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nAccept: %s\r\nAccept-Encoding: gzip\r\n\r\n"
                  .formatted(line, token, accept)
                  .getBytes(ISO_8859_1));
      var reply = RawHttp.read(new BufferedInputStream(socket.getInputStream()));
      heard.add(reply.body());
      return reply;
    }
  }

  private Path authority(Installation installation) throws IOException, InterruptedException {
    return Files.writeString(
        installation.directory().resolve("gateway-ca.crt"),
        data(admin, Import.NAMESPACE, AgentGateway.SECRET, "ca.crt"));
  }

  /** At the gateway, with a token of the server's choice. */
  private Kubectl as(Installation installation, String token)
      throws IOException, InterruptedException {
    var to = installation.peer().forward(Peer.CLUSTER, AgentGateway.ADDRESS);
    var directory = Files.createDirectories(installation.directory().resolve("as-account"));
    var config =
        """
        apiVersion: v1
        kind: Config
        clusters: [{name: c, cluster: {server: "https://127.0.0.1:%d", tls-server-name: %s, certificate-authority: "%s"}}]
        users: [{name: u, user: {token: "%s"}}]
        contexts: [{name: c, context: {cluster: c, user: u}}]
        current-context: c
        """
            .formatted(to.getPort(), AgentGateway.HOST, authority(installation), token);
    return new Kubectl(Files.writeString(directory.resolve("kubeconfig.yaml"), config), directory);
  }

  /** As Rancher does for its user, whose account may ask in his name. */
  private void expectUser(Installation installation, String standIn)
      throws IOException, InterruptedException {
    var kubectl = as(installation, standIn);
    var said = hear(kubectl, "auth", "whoami", "--as", USER, "-o", "json");
    assertThat(said.at("/status/userInfo/username").asText()).isEqualTo(USER);
    var refused =
        kubectl.outcome(new byte[0], "get", "--raw=/api/v1/namespaces", "--as", "u-other");
    heard.add(refused.stderr());
    assertThat(refused.stderr()).contains("cannot impersonate resource \"users\"");
  }

  private void expectAccount(Installation installation, String standIn)
      throws IOException, InterruptedException {
    var said = hear(as(installation, standIn), "auth", "whoami", "-o", "json");
    assertThat(said.at("/status/userInfo/username").asText())
        .isEqualTo("system:serviceaccount:" + NAMESPACE + ":" + ACCOUNT);
  }

  @WithEachPeer
  void tokenIsReadBackAndAskedWith(Installation installation) throws Exception {
    var name = ACCOUNT + "-e2e";
    var kubectl = installation.peer().kubectl();
    var standIn = data(kubectl, NAMESPACE, name, "token");

    assertThat(standIn).startsWith(PREFIX);
    expectAccount(installation, standIn);
    for (var other : installations) {
      assertThat(data(other.peer().kubectl(), NAMESPACE, name, "token"))
          .as("every replica says the same")
          .isEqualTo(standIn);
      expectAccount(other, standIn);
    }
    expectUser(installation, standIn);
    var refused = as(installation, standIn + "A").outcome(new byte[0], "auth", "whoami");
    assertThat(refused.exitCode()).isNotZero();

    var base64 = Base64.getEncoder().encodeToString(standIn.getBytes(UTF_8));
    for (String line :
        List.of(
            "GET " + SECRETS + "/" + name,
            "GET " + SECRETS,
            "GET " + SECRETS + "?fieldSelector=metadata.name=" + name,
            "GET /api/v1/secrets",
            "GET /api/v1/secrets?watch=1&timeoutSeconds=1",
            "GET /api/v1/watch/namespaces/" + NAMESPACE + "/secrets/" + name + "?timeoutSeconds=1",
            "GET " + SECRETS + "?includeObject=Object")) {
      for (String accept :
          List.of(
              PROTOBUF + ",application/json",
              "application/json;as=Table;v=v1;g=meta.k8s.io,application/json")) {
        var reply = ask(installation, line, accept);
        assertThat(reply.status()).as(line).isEqualTo(200);
        if (!accept.contains("Table") || line.contains("includeObject")) {
          assertThat(reply.body()).as(line).contains(base64);
        }
      }
    }
    assertThat(ask(installation, "GET " + SECRETS, PROTOBUF).status()).isEqualTo(406);
    expectNoToken();
  }

  @WithEachPeer
  void watchShowsStandInsOnly(Installation installation) throws Exception {
    var account = "watched-" + installation.peer().remotedialer().replace('.', '-');
    admin.run("-n", NAMESPACE, "create", "serviceaccount", account);
    try (var watch =
        installation
            .peer()
            .kubectl()
            .start(
                "watch-secrets",
                "get",
                "secrets",
                "-n",
                NAMESPACE,
                "--watch",
                "-o",
                "jsonpath={.metadata.name} {.data.token}{\"\\n\"}")) {
      makeTokenSecret(NAMESPACE, account);
      var line =
          watch.awaitLine(
              "the token's event", TOKEN_LIMIT, said -> said.startsWith(account + "-e2e ZHJv"));
      heard.addAll(watch.lines());

      var standIn = new String(Base64.getDecoder().decode(line.split(" ", 2)[1]), UTF_8);
      assertThat(standIn).startsWith(PREFIX);
      assertThat(hear(as(installation, standIn), "auth", "whoami", "-o", "json").toString())
          .contains(NAMESPACE + ":" + account);
    }
    expectNoToken();
  }

  @WithEachPeer
  void tokenThatIsMadeOnRequestIsAStandInToo(Installation installation) throws Exception {
    var kubectl = installation.peer().kubectl();
    var standIn = kubectl.run("-n", NAMESPACE, "create", "token", ACCOUNT).strip();
    heard.add(standIn);

    assertThat(standIn).startsWith(PREFIX);
    expectAccount(installation, standIn);
    var other = kubectl.run("-n", "default", "create", "token", "default").strip();
    assertThat(other).startsWith(PREFIX);
    assertThat(hear(as(installation, other), "auth", "whoami", "-o", "json").toString())
        .contains("system:serviceaccount:default:default");
    expectNoToken();
  }

  @WithEachPeer
  void secretThatIsWrittenBackKeepsItsToken(Installation installation) throws Exception {
    var name = ACCOUNT + "-e2e";
    var kubectl = installation.peer().kubectl();
    var real = data(admin, NAMESPACE, name, "token");
    var secret = hear(kubectl, "-n", NAMESPACE, "get", "secret", name, "-o", "json").toString();
    var mark = "marked-" + installation.peer().remotedialer();
    var marked =
        secret.replaceFirst("\"annotations\":\\{", "\"annotations\":{\"%s\":\"\",".formatted(mark));

    kubectl.outcome(marked.getBytes(UTF_8), "replace", "-f", "-").expect(0);

    assertThat(data(admin, NAMESPACE, name, "token")).isEqualTo(real);
    assertThat(hear(kubectl, "-n", NAMESPACE, "get", "secret", name, "-o", "json").toString())
        .contains(mark);
    var applied = hear(kubectl, "-n", NAMESPACE, "get", "secret", name, "-o", "json").toString();
    kubectl.outcome(applied.getBytes(UTF_8), "apply", "-f", "-").expect(0);
    assertThat(data(admin, NAMESPACE, name, "token")).isEqualTo(real);
    hear(kubectl, "-n", NAMESPACE, "get", "secret", name, "-o", "json");
    expectNoToken();
  }

  @WithEachPeer
  void ownSecretIsNeitherShownNorChanged(Installation installation) throws Exception {
    var kubectl = installation.peer().kubectl();
    var shown =
        hear(kubectl, "-n", Import.NAMESPACE, "get", "secret", AgentGateway.SECRET, "-o", "json");

    assertThat(token(shown.at("/data/ca.crt"))).startsWith("-----BEGIN CERTIFICATE");
    for (String key : List.of("ca.key", "stand-ins.key", "token")) {
      assertThat(token(shown.path("data").path(key))).isEqualTo("withheld");
    }
    for (String[] command :
        List.of(
            new String[] {"delete", "secret", AgentGateway.SECRET},
            new String[] {"delete", "namespace", Import.NAMESPACE, "--wait=false"},
            deletion(installation, "/secrets"),
            deletion(installation, "/secrets?labelSelector=a%3Db"),
            deletion(installation, "/secrets?fieldSelector=metadata.name%3Ddrover-gateway"),
            deletion(installation, ""),
            new String[] {"patch", "secret", AgentGateway.SECRET, "-p", "{\"data\":{}}"},
            new String[] {"create", "secret", "generic", AgentGateway.SECRET})) {
      var all = new ArrayList<>(List.of("-n", Import.NAMESPACE));
      all.addAll(List.of(command));
      var refused = kubectl.outcome(new byte[0], all.toArray(String[]::new));
      heard.add(refused.stdout() + refused.stderr());
      assertThat(refused.stderr()).containsAnyOf("the gateway's own", "in application/json only");
    }
    heard.add(installation.peer().cluster().toString());
    heard.add(installation.peer().handshakes().toString());
    hear(kubectl, "get", "secrets", "-A", "-o", "json");
    expectNoToken();
  }

  /** A raw path is one of the server's. */
  private static String[] deletion(Installation installation, String what) {
    var cluster = installation.peer().clusterUrl().getPath();
    return new String[] {
      "delete", "--raw=" + cluster + "/api/v1/namespaces/" + Import.NAMESPACE + what
    };
  }

  private RawHttp.Reply explore(
      InetSocketAddress explorer, String user, String method, String path, String body)
      throws IOException {
    return explore(explorer, user, method, path, body, "application/json");
  }

  private RawHttp.Reply explore(
      InetSocketAddress explorer,
      String user,
      String method,
      String path,
      String body,
      String accept)
      throws IOException {
    var reply =
        RawHttp.send(
            explorer,
            method,
            path,
            List.of(
                Map.entry("Host", "h"),
                Map.entry("Impersonate-User", user),
                Map.entry("Accept", accept),
                Map.entry("Content-Type", "application/json")),
            body.getBytes(UTF_8));
    heard.add(reply.body());
    return reply;
  }

  /** A page that listens is told of a Secret that changes, and all that it hears is searched. */
  private void expectNews(InetSocketAddress explorer, String user, String name, String base64)
      throws Exception {
    var wanted = "{\"resourceType\":\"secret\",\"namespace\":\"" + NAMESPACE + "\"}";
    try (var page = TranscriptSocket.listen(explorer, user, wanted)) {
      var all = new ArrayList<String>();
      Await.that(
          "the page is told of it",
          TOKEN_LIMIT,
          () -> {
            var said = page.hear(HEAR).map(JsonNode::toString).orElse("");
            all.add(said);
            if (said.contains("resource.start")) {
              admin.run("-n", NAMESPACE, "annotate", "--overwrite", "secret", name, "told=" + user);
            }
            return said.contains("resource.change") && said.contains(base64);
          });
      heard.addAll(all);
    }
  }

  /** What comes by the other tunnel: pages, as a list and alone, read, listened to and written. */
  @WithEachPeer
  void explorerShowsStandInsToo(Installation installation) throws Exception {
    var user = "u-explorer-" + installation.peer().remotedialer().replace('.', '-');
    admin.run(
        "create", "clusterrolebinding", user, "--clusterrole=cluster-admin", "--user=" + user);
    var name = ACCOUNT + "-e2e";
    var real = data(admin, NAMESPACE, name, "token");
    var standIn = data(installation.peer().kubectl(), NAMESPACE, name, "token");
    var base64 = Base64.getEncoder().encodeToString(standIn.getBytes(UTF_8));
    var page = "/v1/secrets/" + NAMESPACE + "/" + name;
    var explorer = installation.peer().forwardToSteve();
    try {
      Await.that(
          "it is shown",
          TOKEN_LIMIT,
          () -> explore(explorer, user, "GET", page, "").status() == 200);
      for (String path :
          List.of(
              page,
              "/v1/secrets/" + NAMESPACE,
              "/v1/secrets",
              "/v1/secrets?exclude=metadata.managedFields&sort=metadata.name")) {
        var reply = explore(explorer, user, "GET", path, "");
        assertThat(reply.status()).as(path).isEqualTo(200);
        assertThat(reply.body()).as(path).contains(base64);
      }
      assertThat(explore(explorer, user, "GET", page, "", "application/yaml").body())
          .contains("token: " + base64);
      expectNews(explorer, user, name, base64);
      var shown = explore(explorer, user, "GET", page, "").body();
      var written = explore(explorer, user, "PUT", page, shown);
      assertThat(written.status()).as(written.body()).isEqualTo(200);
      assertThat(written.body()).contains(base64);
      assertThat(data(admin, NAMESPACE, name, "token")).isEqualTo(real);
      var own = "/v1/secrets/" + Import.NAMESPACE + "/drover-gateway";
      var kept = explore(explorer, user, "GET", own, "");
      assertThat(kept.body())
          .contains(Base64.getEncoder().encodeToString("withheld".getBytes(UTF_8)));
      assertThat(explore(explorer, user, "DELETE", own, "").status()).isEqualTo(403);
    } finally {
      admin.run("delete", "clusterrolebinding", user);
    }
    expectNoToken();
  }
}
