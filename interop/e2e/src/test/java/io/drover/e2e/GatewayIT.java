package io.drover.e2e;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.stream.Stream;
import javax.net.ssl.SSLSocket;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.TestInstance.Lifecycle;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/**
 * Work with kubectl while the server is told nothing of the API server, but only the agent's
 * gateway. Two agents of one cluster share what they tell.
 */
@Tag("interop")
@ExtendWith(WithControlPlane.class)
@TestInstance(Lifecycle.PER_CLASS)
final class GatewayIT implements ThroughKubectl {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final Map<String, String> ON = Map.of("DROVER_GATEWAY", "on");
  private static final Duration EVENT_LIMIT = Duration.ofSeconds(5);
  private static final Duration CLOSED_LIMIT = Duration.ofSeconds(10);

  /** For the first answer, for which all types are read. */
  private static final Duration EXPLORER_LIMIT = Duration.ofSeconds(60);

  private static final int SHARING = 50;

  private final List<Installation> installations = new ArrayList<>();

  @BeforeAll
  void install(ControlPlane plane) throws IOException, InterruptedException {
    installations.addAll(Installation.startAll(plane, "gateway", ON, Installation.NO_CHECKS));
  }

  @AfterAll
  void close(ControlPlane plane) throws IOException, InterruptedException {
    installations.forEach(Installation::close);
    plane.admin().run("-n", Import.NAMESPACE, "delete", "secret", AgentGateway.SECRET);
  }

  List<Installation> installations() {
    return installations;
  }

  @Override
  public ClusterUse use(Installation installation) throws IOException {
    return new ClusterUse(
        installation.plane(),
        installation.peer().kubectl(),
        installation.directory(),
        "gateway-" + installation.peer().remotedialer());
  }

  /** What is in the Secret, by its key. */
  private static String kept(Installation installation, String key)
      throws IOException, InterruptedException {
    var secret =
        installation
            .plane()
            .admin()
            .json("-n", Import.NAMESPACE, "get", "secret", AgentGateway.SECRET, "-o", "json");
    return new String(
        Base64.getDecoder().decode(secret.path("data").path(key).asText("")), ISO_8859_1);
  }

  @WithEachPeer
  void serverIsToldTheGatewayAndNothingElse(Installation installation) throws Exception {
    var told = installation.peer().cluster();

    assertThat(told.path("tokenSha256").asText())
        .isEqualTo(Payload.sha256(kept(installation, "token").getBytes(UTF_8)));
    assertThat(told.toString())
        .contains(AgentGateway.ADDRESS)
        .doesNotContain(installation.plane().address());
  }

  @WithEachPeer
  void usersAreWhoTheyAreAndMayWhatTheyMay(Installation installation) throws Exception {
    var kubectl = installation.peer().kubectl();

    assertThat(
            kubectl.json("auth", "whoami", "-o", "json").at("/status/userInfo/username").asText())
        .isEqualTo("e2e");
    assertThat(kubectl.run("auth", "can-i", "create", "pods").strip()).isEqualTo("yes");
    var refused =
        kubectl.outcome(new byte[0], "get", "configmap", "there-is-none", "-n", "default");
    assertThat(refused.stderr()).contains("configmaps \"there-is-none\" not found");
  }

  @WithEachPeer
  void watchSeesChangesAndEndsWithWhoWatches(Installation installation) throws Exception {
    var admin = installation.plane().admin();
    var namespace = "gateway-" + installation.peer().remotedialer().replace('.', '-');
    admin.run("create", "namespace", namespace);
    long before;
    try (var watch =
        installation
            .peer()
            .kubectl()
            .start("watch", "-n", namespace, "get", "resourcequotas", "--watch", "-o", "name")) {
      for (int change = 0; change < 3; change++) {
        var name = "change-" + change;
        admin.run("-n", namespace, "create", "quota", name);
        watch.awaitLine(name, EVENT_LIMIT, ("resourcequota/" + name)::equals);
      }
      before = watches(admin);
      assertThat(before).isPositive();
    }
    Await.that("the API server has a watch less", CLOSED_LIMIT, () -> watches(admin) < before);
  }

  /** Asked for at once, on connections of their own to the gateway. */
  @WithEachPeer
  void watchesShareAConnectionToTheApiServer(Installation installation) throws Exception {
    var admin = installation.plane().admin();
    var namespace = "shared-" + installation.peer().remotedialer().replace('.', '-');
    admin.run("create", "namespace", namespace);
    var ca =
        Files.writeString(
            installation.directory().resolve("gateway-ca.crt"), kept(installation, "ca.crt"));
    var request =
        "GET /api/v1/namespaces/%s/resourcequotas?watch=true HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n\r\n"
            .formatted(namespace, kept(installation, "token"));
    var through = installation.peer().forward(Peer.CLUSTER, AgentGateway.ADDRESS);
    var trust = Https.trust(ca);
    int port = URI.create("https://" + installation.plane().address()).getPort();
    var agent = installation.agent().process();
    long others = watches(admin);
    long connections = agent.connectionsTo(port);
    var watches = new ArrayList<SSLSocket>();
    try {
      for (int i = 0; i < SHARING; i++) {
        watches.add(Https.connect(through, AgentGateway.HOST, trust));
      }
      for (var watch : watches) {
        watch.getOutputStream().write(request.getBytes(ISO_8859_1));
      }
      for (var watch : watches) {
        hear(watch, "\r\n\r\n");
      }
      assertThat(watches(admin)).isEqualTo(others + SHARING);
      assertThat(agent.connectionsTo(port))
          .as("one for all of them, and at most one that the agent itself needs meanwhile")
          .isLessThanOrEqualTo(connections + 2);
      admin.run("-n", namespace, "create", "quota", "seen-by-all");
      for (var watch : watches) {
        hear(watch, "seen-by-all");
      }
    } finally {
      for (var watch : watches) {
        watch.close();
      }
    }
    Await.that("the API server has none of them", CLOSED_LIMIT, () -> watches(admin) <= others);
  }

  private static void hear(SSLSocket watch, String text) throws IOException {
    var heard = new StringBuilder();
    byte[] piece = new byte[4_096];
    while (heard.indexOf(text) < 0) {
      int count = watch.getInputStream().read(piece);
      if (count < 0) {
        throw new EOFException("the watch has ended: " + heard);
      }
      heard.append(new String(piece, 0, count, ISO_8859_1));
    }
  }

  /** Of quotas in one namespace, which nobody else watches, as the API server counts them. */
  private static long watches(Kubectl admin) throws IOException, InterruptedException {
    return admin
        .run("get", "--raw=/metrics")
        .lines()
        .filter(line -> line.startsWith("apiserver_longrunning_requests{"))
        .filter(line -> line.contains("resource=\"resourcequotas\""))
        .filter(line -> line.contains("verb=\"WATCH\"") && line.contains("scope=\"namespace\""))
        .mapToLong(line -> (long) Double.parseDouble(line.substring(line.lastIndexOf(' ') + 1)))
        .sum();
  }

  /** A policy; what follows it belongs to its only rule. */
  private static String noSecrets(String user) {
    return """
        apiVersion: drover.io/v1alpha1
        kind: GatewayPolicy
        default: allow
        contact: the platform team
        rules:
        - name: no secrets here
          effect: deny
          subjects: [{kind: User, name: %s}]
          verbs: ["*"]
          apiGroups: [""]
          resources: [secrets]
        """
        .formatted(user);
  }

  /** In a namespace of its own, since both agents follow one policy. */
  @WithEachPeer
  void policyDecidesWhatComesThrough(Installation installation) throws Exception {
    var admin = installation.plane().admin();
    var kubectl = installation.peer().kubectl();
    var namespace = "policy-" + installation.peer().remotedialer().replace('.', '-');
    admin.run("create", "namespace", namespace);
    var policy = noSecrets("e2e") + "  namespaces: [" + namespace + "]\n";
    String[] ask = {"get", "secrets", "-n", namespace};
    kubectl.run(ask);
    admin.putConfigMap("drover-gateway-policy", "policy.yaml", policy);
    try {
      Await.that(
          "it is refused",
          EVENT_LIMIT,
          () ->
              kubectl
                  .outcome(new byte[0], ask)
                  .stderr()
                  .contains("by the gateway's policy, rule 1"));
      assertThat(kubectl.outcome(new byte[0], ask).stderr()).contains("ask the platform team");
      assertThat(kubectl.outcome(new byte[0], "get", "secrets", "-A").exitCode()).isNotZero();
      kubectl.run("get", "configmaps", "-n", namespace);
      kubectl.run("get", "secrets", "-n", "default");
    } finally {
      admin.run("-n", Import.NAMESPACE, "delete", "configmap", "drover-gateway-policy");
    }
    Await.that(
        "it is allowed again",
        EVENT_LIMIT,
        () -> kubectl.outcome(new byte[0], ask).exitCode() == 0);
  }

  private static final String NOTHING_NEW =
      """
      apiVersion: drover.io/v1alpha1
      kind: GatewayPolicy
      default: allow
      rules:
      - name: nothing new
        effect: deny
        subjects: [{kind: User, name: e2e}]
        verbs: [create]
        apiGroups: ["*"]
        resources: ["*"]
      """;

  /** The control socket's path is short, and so it is not among what tests leave. */
  @Test
  void whoMayNotCreateGetsPastThatInNoWay(ControlPlane plane, @TempDir Path sockets)
      throws Exception {
    var admin = plane.admin();
    var more = new HashMap<>(ON);
    more.put("DROVER_LOG_SOCKET", sockets.resolve("s").toString());
    try (var installation =
        Installation.start(
            plane, "gateway-create", Peer.VERSIONS.getFirst(), more, Installation.NO_CHECKS)) {
      var kubectl = installation.peer().kubectl();
      var directory = installation.directory();
      String[] command = {"test", "e2e", "update", "services", "--name=a", "-n=default"};
      assertThat(policy(directory, more, command).stdout()).contains("none");
      kubectl.run("create", "configmap", "gateway-create", "--from-literal=a=b");
      admin.putConfigMap("drover-gateway-policy", "policy.yaml", NOTHING_NEW);
      try {
        Await.that(
            "it is refused",
            EVENT_LIMIT,
            () ->
                isDenied(
                    kubectl.outcome(new byte[0], "create", "namespace", "x", "--dry-run=server")));
        applyMakesNothing(kubectl, directory);
        assertThat(updatesThatMake(installation)).hasSizeGreaterThan(8);

        whatIsInForceIsSaid(admin, directory, more, command);
      } finally {
        admin.run("-n", Import.NAMESPACE, "delete", "configmap", "drover-gateway-policy");
      }
    }
  }

  private static String[] with(String[] command, String last) {
    return Stream.concat(Stream.of(command), Stream.of(last)).toArray(String[]::new);
  }

  private static boolean isDenied(Kubectl.Outcome outcome) {
    return outcome.stderr().contains("by the gateway's policy, rule 1 \"nothing new\"");
  }

  private static void applyMakesNothing(Kubectl kubectl, Path directory) throws Exception {
    var manifest =
        Files.writeString(
            directory.resolve("applied.yaml"),
            "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"gateway-create\"}}");
    var applied = kubectl.outcome(new byte[0], "apply", "--server-side", "-f", manifest.toString());
    assertThat(isDenied(applied)).as(applied.stderr()).isTrue();
    kubectl.run("label", "configmap", "gateway-create", "c=d"); // what is there can be changed
    kubectl.run("get", "configmap", "gateway-create", "-o", "name");
    kubectl.run(
        "patch", "configmap", "gateway-create", "--type=merge", "-p={\"data\":{\"a\":\"c\"}}");
  }

  /**
   * Asks the API server itself about every type that it has, and the gateway whether it takes an
   * update for one that may make it. Nothing is made, since all of it is a dry run.
   *
   * @return types that an update makes
   */
  private static List<String> updatesThatMake(Installation installation) throws Exception {
    var admin = installation.plane().admin();
    var kubectl = installation.peer().kubectl();
    var cluster = installation.peer().clusterUrl().getPath(); // a raw path is one of the server's
    var custom =
        Stream.of(admin.run("get", "crds", "-o", "jsonpath={.items[*].spec.group}").split(" ", -1))
            .filter(group -> !group.isBlank())
            .toList();
    var making = new ArrayList<String>();
    var faults = new ArrayList<String>();
    int asked = 0;
    for (String version : versions(admin)) {
      for (JsonNode type : admin.json("get", "--raw=" + version).path("resources")) {
        String resource = type.path("name").asText();
        boolean isUpdated =
            type.path("verbs").valueStream().anyMatch(verb -> verb.asText().equals("update"));
        if (!isUpdated || resource.endsWith("/proxy")) {
          continue; // a proxy is what is behind it
        }
        asked++;
        var parts = version.split("/", -1); // empty, api or apis, …
        var group = parts[1].equals("api") ? "" : parts[2];
        var body =
            Files.writeString(installation.directory().resolve("put.json"), object(type, version));
        String path =
            version
                + (type.path("namespaced").asBoolean() ? "/namespaces/default/" : "/")
                + resource.replaceFirst("(/|$)", "/nobody-knows-it$1")
                + "?dryRun=All";
        String[] put = {"replace", "-f", body.toString(), "--raw"};
        boolean makes =
            !admin.outcome(new byte[0], with(put, path)).stderr().contains("(NotFound)");
        boolean denied = isDenied(kubectl.outcome(new byte[0], with(put, cluster + path)));
        boolean mayBeAnothers = custom.contains(group) && !resource.matches(".*/(?!status).*");
        if (denied != (makes || mayBeAnothers)) {
          faults.add(path + ": makes=" + makes + " denied=" + denied);
        }
        if (makes) {
          making.add(resource);
        }
      }
    }
    assertThat(faults).isEmpty();
    assertThat(asked).isGreaterThan(60);
    assertThat(making).contains("services", "services/status", "leases", "clusterroles");
    return making;
  }

  private static List<String> versions(Kubectl admin) throws Exception {
    var versions = new ArrayList<>(List.of("/api/v1"));
    for (JsonNode group : admin.json("get", "--raw=/apis").path("groups")) {
      for (JsonNode version : group.path("versions")) {
        versions.add("/apis/" + version.path("groupVersion").asText());
      }
    }
    return versions;
  }

  private static String object(JsonNode type, String version) {
    var object = JSON.createObjectNode().put("kind", type.path("kind").asText());
    String own = version.replaceFirst("^/apis?/", "");
    object.put(
        "apiVersion",
        type.has("version")
            ? (type.path("group").asText("").isEmpty() ? "" : type.path("group").asText() + "/")
                + type.path("version").asText()
            : own);
    var metadata = object.putObject("metadata").put("name", "nobody-knows-it");
    if (type.path("namespaced").asBoolean()) {
      metadata.put("namespace", "default");
    }
    return object.toString();
  }

  /** In the agent's own words, beside it. */
  private static void whatIsInForceIsSaid(
      Kubectl admin, Path directory, Map<String, String> environment, String[] command)
      throws Exception {
    var denied = policy(directory, environment, command);
    assertThat(denied.exitCode()).as(denied.stderr()).isEqualTo(1);
    assertThat(denied.stdout()).contains("in force", "RULES ABOUT CREATE", "nothing new");
    String revision =
        admin.run(
            "-n",
            Import.NAMESPACE,
            "get",
            "configmap",
            "drover-gateway-policy",
            "-o",
            "jsonpath={.metadata.resourceVersion}");
    assertThat(denied.stdout()).contains("revision " + revision + " of the ConfigMap");

    admin.run(
        "-n",
        Import.NAMESPACE,
        "patch",
        "configmap",
        "drover-gateway-policy",
        "-p={\"data\":{\"policy.yaml\":\"default: maybe\"}}");
    Await.that(
        "the last good one is said to stay",
        EVENT_LIMIT,
        () -> {
          var kept = policy(directory, environment, command).stdout();
          return kept.contains("revision " + revision + " of the ConfigMap")
              && kept.contains("the last good one stays in force")
              && kept.contains("nothing new");
        });
  }

  private static Kubectl.Outcome policy(
      Path directory, Map<String, String> environment, String... arguments)
      throws IOException, InterruptedException {
    var command = new ArrayList<>(List.of(Programs.agent(), "policy"));
    command.addAll(List.of(arguments));
    var stderr = directory.resolve("policy.err");
    var process =
        RunningProcess.prepare(directory, environment, command)
            .redirectError(stderr.toFile())
            .start();
    var stdout = new String(process.getInputStream().readAllBytes(), UTF_8);
    return new Kubectl.Outcome(command, process.waitFor(), stdout, Files.readString(stderr));
  }

  /** What does not come through the gateway, but by the other tunnel. */
  @WithEachPeer
  void policyHoldsForTheExplorerToo(Installation installation) throws Exception {
    var admin = installation.plane().admin();
    var user = "u-policy-" + installation.peer().remotedialer().replace('.', '-');
    admin.run(
        "create", "clusterrolebinding", user, "--clusterrole=cluster-admin", "--user=" + user);
    var policy = noSecrets(user);
    var explorer = installation.peer().forwardToSteve();
    Await.that(
        "it is shown", EXPLORER_LIMIT, () -> ask(explorer, user, "/v1/secrets").status() == 200);
    admin.putConfigMap("drover-gateway-policy", "policy.yaml", policy);
    try {
      Await.that(
          "it is refused", CLOSED_LIMIT, () -> ask(explorer, user, "/v1/secrets").status() == 403);
      for (String path : List.of("/v1/secrets", "/v1/secrets/default", "/v1/secrets/default/x")) {
        assertThat(ask(explorer, user, path)).satisfies(GatewayIT::isDeniedByThePolicy);
      }
      var counts = VectorCase.JSON.readTree(ask(explorer, user, "/v1/counts").body());
      assertThat(counts.at("/data/0/counts").has("configmap")).isTrue();
      assertThat(counts.at("/data/0/counts").has("secret")).isFalse();
      assertThat(ask(explorer, user, "/v1/schemas/secret").status()).isEqualTo(404);
      assertThat(ask(explorer, "e2e", "/v1/secrets").status()).isNotEqualTo(403);
      // In it the policy would not hold.
      var cluster = "/v1/management.cattle.io.clusters/local";
      var local = VectorCase.JSON.readTree(ask(explorer, user, cluster).body());
      assertThat(local.path("id").asText()).isEqualTo("local");
      assertThat(local.path("links").has("shell")).isFalse();
    } finally {
      admin.run("-n", Import.NAMESPACE, "delete", "configmap", "drover-gateway-policy");
    }
    Await.that(
        "it is shown again",
        CLOSED_LIMIT,
        () -> ask(explorer, user, "/v1/secrets").status() == 200);
  }

  private static RawHttp.Reply ask(InetSocketAddress explorer, String user, String path)
      throws IOException {
    return RawHttp.send(
        explorer,
        "GET",
        path,
        List.of(Map.entry("Host", "h"), Map.entry("Impersonate-User", user)),
        new byte[0]);
  }

  private static void isDeniedByThePolicy(RawHttp.Reply reply) {
    assertThat(reply.status()).isEqualTo(403);
    assertThat(reply.body())
        .contains(
            "by the gateway's policy, rule 1 \\\"no secrets here\\\"", "ask the platform team");
  }

  /** A body of 900 KiB, which is sent while the API server reads it. */
  @WithEachPeer
  void bigObjectsComeAndGoAsTheyAre(Installation installation) throws Exception {
    var name = "big-" + installation.peer().remotedialer().replace('.', '-');
    var content = Base64.getEncoder().encodeToString(Payload.random(7, 675 * 1024));
    var manifest =
        Files.writeString(
            installation.directory().resolve("big.yaml"),
            """
            apiVersion: v1
            kind: ConfigMap
            metadata: {name: %s, namespace: default}
            data: {content: %s}
            """
                .formatted(name, content));
    var kubectl = installation.peer().kubectl();

    kubectl.run("create", "-f", manifest.toString());
    var back = kubectl.run("get", "configmap", name, "-o", "jsonpath={.data.content}");

    assertThat(Payload.sha256(back.getBytes(UTF_8)))
        .isEqualTo(Payload.sha256(content.getBytes(UTF_8)));
  }

  @WithEachPeer
  void apiServerItselfIsNotToBeDialled(Installation installation) throws Exception {
    var said = installation.peer().dial("tcp", installation.plane().address());

    assertThat(said.path("error").asText()).contains("connect not allowed");
  }

  @WithEachPeer
  void onlyTheOpaqueTokenOpensTheDoor(Installation installation) throws Exception {
    var token = kept(installation, "token");

    assertThat(ask(installation, token, "").status()).isEqualTo(200);
    assertThat(ask(installation, token + "x", "")).satisfies(GatewayIT::isUnauthorized);
    assertThat(ask(installation, token.substring(1), "")).satisfies(GatewayIT::isUnauthorized);
    assertThat(ask(installation, installation.plane().token(), ""))
        .as("a token of the cluster, but of none of the server's accounts")
        .satisfies(GatewayIT::isUnauthorized);
    assertThat(ask(installation, token, "Connection: Impersonate-User\r\n").status())
        .isEqualTo(400);
    assertThat(
            ask(installation, token, "X-Remote-User: root\r\nX-Remote-Group: system:masters\r\n"))
        .satisfies(reply -> assertThat(reply.status()).isEqualTo(200));
  }

  private static void isUnauthorized(RawHttp.Reply reply) {
    assertThat(reply.status()).isEqualTo(401);
    assertThat(reply.body()).contains("\"kind\":\"Status\"", "\"reason\":\"Unauthorized\"");
  }

  /** Past the server's proxy, through its tunnel. */
  private static RawHttp.Reply ask(Installation installation, String token, String fields)
      throws IOException, InterruptedException {
    var ca =
        Files.writeString(
            installation.directory().resolve("gateway-ca.crt"), kept(installation, "ca.crt"));
    var through = installation.peer().forward(Peer.CLUSTER, AgentGateway.ADDRESS);
    try (var socket = Https.connect(through, AgentGateway.HOST, Https.trust(ca))) {
      var request =
          "GET /api/v1/namespaces/default HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n%s\r\n"
              .formatted(token, fields);
      socket.getOutputStream().write(request.getBytes(ISO_8859_1));
      return RawHttp.read(new BufferedInputStream(socket.getInputStream()));
    }
  }

  /** Each event has one of the API server's by the same id, which says the same. */
  @Test
  void requestsAreRecordedAsTheApiServerRecordsThem(ControlPlane plane) throws Exception {
    var file =
        Files.createDirectories(Programs.directory("gateway-audit-log")).resolve("audit.log");
    var more = new HashMap<>(ON);
    more.put("DROVER_GATEWAY_AUDIT", file.toString());
    var admin = plane.admin();
    String in = "--namespace=" + ControlPlane.AUDITED;
    admin.run("create", "namespace", ControlPlane.AUDITED);
    try (var installation =
        Installation.start(
            plane, "gateway-audit", Peer.VERSIONS.getFirst(), more, Installation.NO_CHECKS)) {
      var kubectl = installation.peer().kubectl();
      kubectl.run(in, "create", "configmap", "one", "--from-literal=a=b");
      kubectl.run(in, "get", "configmaps");
      kubectl.run(in, "get", "configmap", "one");
      kubectl.run(in, "label", "configmap", "one", "x=y");
      kubectl.outcome(new byte[0], in, "get", "deployment", "there-is-none").expect(1);
      kubectl.run(in, "create", "deployment", "two", "--image=x", "--replicas=0");
      kubectl.run(in, "scale", "deployment", "two", "--replicas=0");
      kubectl.run(in, "delete", "configmap", "one");
      try (var watch =
          kubectl.start("watch", in, "get", "resourcequotas", "--watch", "-o", "name")) {
        admin.run(in, "create", "quota", "three");
        watch.awaitLine("the quota", EVENT_LIMIT, "resourcequota/three"::equals);
        // That may have been in the list; who leaves before the watch has begun hears of no
        // beginning.
        Await.that(
            "the watch has begun",
            CLOSED_LIMIT,
            () -> ours(file).keySet().stream().anyMatch(key -> key.contains("Started watch")));
      }

      Await.that(
          "both have written all",
          CLOSED_LIMIT,
          () -> {
            var ours = ours(file);
            return ours.keySet().equals(theirs(plane).keySet())
                && ours.keySet().stream().anyMatch(key -> key.contains("Complete watch"));
          });
      var theirs = theirs(plane);
      ours(file)
          .forEach((key, event) -> assertSame(event, Objects.requireNonNull(theirs.get(key))));
      assertThat(ours(file).values())
          .extracting(event -> event.path("verb").asText())
          .contains("create", "list", "get", "patch", "delete", "watch");
      assertThat(installation.agent().page("/readyz"))
          .contains("\"gateway\":{\"policy\":\"none\",\"audit\":{\"to\":\"" + file);
      assertThat(installation.agent().page("/metrics"))
          .contains("drover_gateway_requests_total{code=\"201\",subject=\"user\",verb=\"create\"}")
          .contains("drover_gateway_audit_lost_total 0.0");
    }
  }

  private static Map<String, JsonNode> ours(Path file) throws IOException {
    var events = new TreeMap<String, JsonNode>();
    for (String line : Files.readAllLines(file)) {
      var event = JSON.readTree(line);
      if (event.at("/objectRef/namespace").asText().equals(ControlPlane.AUDITED)) {
        events.put(key(event), event);
      }
    }
    return events;
  }

  /** What came by the gateway, that is in the agent's name and from kubectl. */
  private static Map<String, JsonNode> theirs(ControlPlane plane) throws IOException {
    var events = new TreeMap<String, JsonNode>();
    for (var event : plane.audited()) {
      if (event.at("/user/username").asText().equals("system:serviceaccount:cattle-system:cattle")
          && event.path("userAgent").asText().startsWith("kubectl")) {
        events.put(key(event), event);
      }
    }
    return events;
  }

  private static String key(JsonNode event) {
    return event.path("auditID").asText()
        + " "
        + event.path("stage").asText()
        + " "
        + event.path("verb").asText();
  }

  private static void assertSame(JsonNode ours, JsonNode theirs) {
    for (String path :
        List.of(
            "/kind",
            "/apiVersion",
            "/level",
            "/requestURI",
            "/user/username",
            "/impersonatedUser/username",
            "/userAgent",
            "/responseStatus/code")) {
      assertThat(ours.at(path)).as("%s of %s", path, theirs).isEqualTo(theirs.at(path));
    }
    for (String path : List.of("/user/groups", "/impersonatedUser/groups")) {
      assertThat(texts(ours.at(path)))
          .as("%s of %s", path, theirs)
          .containsExactlyInAnyOrderElementsOf(texts(theirs.at(path)));
    }
    var sources = texts(ours.at("/sourceIPs"));
    assertThat(texts(theirs.at("/sourceIPs"))) // and that of the agent itself
        .as("%s", theirs)
        .hasSizeGreaterThanOrEqualTo(sources.size())
        .containsAll(sources);
    var object = (ObjectNode) theirs.path("objectRef").deepCopy();
    object.remove(List.of("uid", "resourceVersion"));
    if (!ours.path("objectRef").has("name")) {
      object.remove("name"); // which the API server takes from the body
    }
    assertThat(ours.path("objectRef")).isEqualTo(object);
  }

  private static List<String> texts(JsonNode list) {
    var texts = new ArrayList<String>();
    list.forEach(one -> texts.add(one.asText()));
    return texts;
  }

  /** Neither is what it has to do with the cluster's own token. */
  @Test
  void restartTellsTheServerNothingNew(ControlPlane plane) throws Exception {
    try (var installation =
        Installation.start(
            plane, "gateway-restart", Peer.VERSIONS.getFirst(), ON, Installation.NO_CHECKS)) {
      var peer = installation.peer();
      var told = peer.cluster();
      installation.agent().close();
      var token = plane.admin().run("-n", Import.NAMESPACE, "create", "token", "cattle").strip();
      Files.writeString(installation.imported().serviceAccount().resolve("token"), token);

      try (var again =
          Agent.start(
              "agent-again", installation.directory(), plane, installation.imported(), ON)) {
        again.awaitReady(Agent.READY_LIMIT);
        assertThat(peer.cluster().path("tokenSha256")).isEqualTo(told.path("tokenSha256"));
        assertThat(peer.cluster().path("caCert")).isEqualTo(told.path("caCert"));
        assertThat(peer.kubectl().run("get", "namespace", "default", "-o", "name"))
            .isEqualTo("namespace/default\n");

        int handshakes = peer.handshakes().size();
        var other = plane.admin().run("-n", Import.NAMESPACE, "create", "token", "cattle").strip();
        Files.writeString(installation.imported().serviceAccount().resolve("token"), other);
        assertThat(peer.kubectl().run("get", "namespace", "default", "-o", "name"))
            .isEqualTo("namespace/default\n");
        assertThat(peer.handshakes()).hasSize(handshakes);
      }
    }
  }
}
