package io.drover.e2e;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpsConfigurator;
import com.sun.net.httpserver.HttpsServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/** What is recorded of kubectl's requests, by the owner's audit policy. */
@Tag("interop")
@ExtendWith(WithControlPlane.class)
final class GatewayAuditIT {
  private static final String NAMESPACE = "audit-bodies";
  private static final String CONFIG_MAP = "drover-gateway-audit";
  private static final String PASSWORD = "changeit";
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final Duration LIMIT = Duration.ofSeconds(20);

  /** Other requests as if there were none: other classes read what is recorded of theirs. */
  private static final String POLICY =
      """
      apiVersion: audit.k8s.io/v1
      kind: Policy
      omitManagedFields: true
      rules:
      - level: None
        namespaces: [%1$s]
        verbs: [list]
      - level: Request
        namespaces: [%1$s]
        verbs: [patch]
      - level: RequestResponse
        namespaces: [%1$s]
      - level: Metadata
      """
          .formatted(NAMESPACE);

  @TempDir private Path directory;

  @AfterAll
  static void close(ControlPlane plane) throws IOException, InterruptedException {
    plane
        .admin()
        .run("-n", Import.NAMESPACE, "delete", "secret", AgentGateway.SECRET, "--ignore-not-found");
  }

  private static Installation install(ControlPlane plane, String name, Map<String, String> more)
      throws IOException, InterruptedException {
    var all = new HashMap<>(more);
    all.put("DROVER_GATEWAY", "on");
    return Installation.start(plane, name, Peer.VERSIONS.getFirst(), all, Installation.NO_CHECKS);
  }

  /** In the namespace, in their order. */
  private static List<JsonNode> events(Path file) throws IOException {
    var events = new ArrayList<JsonNode>();
    for (String line : Files.readAllLines(file)) {
      var event = JSON.readTree(line);
      if (event.at("/objectRef/namespace").asText().equals(NAMESPACE)) {
        events.add(event);
      }
    }
    return events;
  }

  private static JsonNode event(Path file, String what, Predicate<JsonNode> wanted)
      throws IOException, InterruptedException {
    return Await.until(
        what, LIMIT, () -> events(file).stream().filter(wanted).reduce((_, last) -> last));
  }

  private static Predicate<JsonNode> is(String verb, String resource) {
    return event ->
        event.path("verb").asText().equals(verb)
            && event.at("/objectRef/resource").asText().equals(resource)
            && event.path("stage").asText().equals("ResponseComplete");
  }

  private static void create(Kubectl kubectl, String manifest)
      throws IOException, InterruptedException {
    kubectl
        .outcome(manifest.getBytes(UTF_8), "-n", NAMESPACE, "create", "--validate=false", "-f", "-")
        .expect(0);
  }

  private static String configMap(String name) {
    return """
        apiVersion: v1
        kind: ConfigMap
        metadata: {name: %s}
        data: {colour: green}
        """
        .formatted(name);
  }

  @Test
  void rulesSayWhoseBodiesAreRecorded(ControlPlane plane) throws Exception {
    var file = Files.createDirectories(Programs.directory("audit-bodies-log")).resolve("audit.log");
    var admin = plane.admin();
    admin.run("create", "namespace", NAMESPACE);
    try (var installation =
        install(plane, "audit-bodies", Map.of("DROVER_GATEWAY_AUDIT", file.toString()))) {
      var kubectl = installation.peer().kubectl();
      create(kubectl, configMap("before"));
      var before = event(file, "it is recorded", is("create", "configmaps"));
      assertThat(before.path("level").asText()).isEqualTo("Metadata");
      assertThat(before.has("requestObject")).isFalse();

      admin.putConfigMap(CONFIG_MAP, "policy.yaml", POLICY);
      awaitBodies(kubectl, file);
      changesHaveTheirBodies(kubectl, file);
      credentialsStayWhereTheyAre(kubectl, file);
      mistakesAreSaidAndChangeNothing(installation, file);
    } finally {
      admin.run("-n", Import.NAMESPACE, "delete", "configmap", CONFIG_MAP, "--ignore-not-found");
      admin.run("delete", "namespace", NAMESPACE, "--wait=false");
    }
  }

  private static void awaitBodies(Kubectl kubectl, Path file)
      throws IOException, InterruptedException {
    var attempts = new ArrayList<String>();
    Await.that(
        "the policy is in force",
        LIMIT,
        () -> {
          attempts.add("");
          create(kubectl, configMap("try-" + attempts.size()));
          return events(file).stream().anyMatch(event -> event.has("requestObject"));
        });
  }

  private static void changesHaveTheirBodies(Kubectl kubectl, Path file)
      throws IOException, InterruptedException {
    create(kubectl, configMap("one"));
    var created =
        event(
            file,
            "its creation",
            is("create", "configmaps")
                .and(event -> event.at("/requestObject/metadata/name").asText().equals("one")));
    assertThat(created.path("level").asText()).isEqualTo("RequestResponse");
    assertThat(created.at("/requestObject/data/colour").asText()).isEqualTo("green");
    var there = kubectl.json("-n", NAMESPACE, "get", "configmap", "one", "-o", "json");
    assertThat(created.path("responseObject")).isEqualTo(there);

    kubectl.run("-n", NAMESPACE, "label", "configmap", "one", "x=y");
    var patched = event(file, "its change", is("patch", "configmaps"));
    assertThat(patched.path("level").asText()).isEqualTo("Request");
    assertThat(patched.at("/requestObject/metadata/labels/x").asText()).isEqualTo("y");
    assertThat(patched.has("responseObject")).isFalse();

    kubectl.run("-n", NAMESPACE, "get", "configmaps");
    kubectl.run("-n", NAMESPACE, "delete", "configmap", "one");
    event(file, "its deletion", is("delete", "configmaps"));
    assertThat(events(file)).noneMatch(is("list", "configmaps"));
  }

  private static void credentialsStayWhereTheyAre(Kubectl kubectl, Path file)
      throws IOException, InterruptedException {
    var value = Base64.getEncoder().encodeToString("a canary of gold".getBytes(UTF_8));
    create(
        kubectl,
        """
        apiVersion: v1
        kind: Secret
        metadata: {name: one}
        data: {password: %s}
        """
            .formatted(value));
    kubectl.run("-n", NAMESPACE, "get", "secret", "one", "-o", "json");
    var token = kubectl.run("-n", NAMESPACE, "create", "token", "default").strip();
    for (var wanted :
        List.of(is("create", "secrets"), is("get", "secrets"), is("create", "serviceaccounts"))) {
      var event = event(file, "it is recorded", wanted);
      assertThat(event.path("level").asText()).isEqualTo("Metadata");
      assertThat(event.path("annotations").path("gateway.drover.io/bodies").asText())
          .isEqualTo("left out: there are credentials in it");
    }
    assertThat(token).isNotEmpty();
    assertThat(Files.readString(file)).doesNotContain(value, token);
  }

  private void mistakesAreSaidAndChangeNothing(Installation installation, Path file)
      throws IOException, InterruptedException {
    var kubectl = installation.peer().kubectl();
    installation
        .plane()
        .admin()
        .putConfigMap(CONFIG_MAP, "policy.yaml", POLICY.replace("RequestResponse", "Everything"));
    Await.that(
        "it is said",
        LIMIT,
        () ->
            installation
                .agent()
                .degraded()
                .getOrDefault("gateway", "")
                .contains("rule 3: level: \"Everything\" is no level"));
    create(kubectl, configMap("last"));
    event(
        file,
        "the last good one is in force",
        event -> event.at("/responseObject/metadata/name").asText().equals("last"));
  }

  /** What is posted, with what token. */
  private record Posted(String token, JsonNode list) {}

  @Test
  void anEndpointIsShownTheTokenOfTheMoment(ControlPlane plane) throws Exception {
    var posted = new ConcurrentLinkedQueue<Posted>();
    var token = Files.writeString(directory.resolve("token"), "first.token\n");
    var authorities = Files.createDirectories(directory.resolve("authorities"));
    var server = HttpsServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    server.setHttpsConfigurator(new HttpsConfigurator(known(authorities.resolve("ca.pem"))));
    server.setExecutor(Executors.newVirtualThreadPerTaskExecutor());
    server.createContext("/", exchange -> posted.add(take(exchange)));
    server.start();
    var url = "https://127.0.0.1:%d/audit".formatted(server.getAddress().getPort());
    try (var installation =
        install(
            plane,
            "audit-endpoint",
            Map.of(
                "DROVER_GATEWAY_AUDIT", url,
                "DROVER_GATEWAY_AUDIT_TOKEN_FILE", token.toString(),
                "SSL_CERT_DIR", authorities.toString()))) {
      for (String expected : List.of("first.token", "second.token")) {
        Files.writeString(token, expected);
        installation
            .peer()
            .kubectl()
            .run("get", "configmaps", "--field-selector=metadata.name=" + expected);
        Await.that(
            "it is posted with " + expected,
            LIMIT,
            () ->
                posted.stream()
                    .filter(one -> one.token().equals("Bearer " + expected))
                    .anyMatch(
                        one -> one.list().toString().contains("metadata.name%3D" + expected)));
      }
      assertThat(installation.agent().process().tail()).doesNotContain("first.token");
      assertThat(installation.agent().page("/readyz")).doesNotContain("second.token");
    } finally {
      server.stop(0);
    }
  }

  private static Posted take(HttpExchange exchange) throws IOException {
    try (exchange) {
      var list = JSON.readTree(exchange.getRequestBody().readAllBytes());
      exchange.sendResponseHeaders(200, -1);
      return new Posted(
          String.valueOf(exchange.getRequestHeaders().getFirst("Authorization")), list);
    }
  }

  /** A server that is known by what is put into a file. */
  private SSLContext known(Path authority) throws Exception {
    var store = directory.resolve("server.p12");
    keytool(
        "-genkeypair",
        "-alias=a",
        "-keyalg=EC",
        "-dname=CN=audit",
        "-ext=san=ip:127.0.0.1",
        "-ext=bc=ca:true",
        "-keystore=" + store);
    keytool("-exportcert", "-rfc", "-alias=a", "-keystore=" + store, "-file=" + authority);
    var keys = KeyStore.getInstance(store.toFile(), PASSWORD.toCharArray());
    var factory = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
    factory.init(keys, PASSWORD.toCharArray());
    var context = SSLContext.getInstance("TLS");
    context.init(factory.getKeyManagers(), null, null);
    return context;
  }

  private static void keytool(String... options) throws IOException, InterruptedException {
    var command = new ArrayList<String>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "keytool").toString());
    for (String option : options) {
      int value = option.indexOf('=');
      command.add(value < 0 ? option : option.substring(0, value));
      if (value >= 0) {
        command.add(option.substring(value + 1));
      }
    }
    command.addAll(List.of("-storepass", PASSWORD));
    var process = new ProcessBuilder(command).inheritIO().start();
    assertThat(process.waitFor(LIMIT.toSeconds(), TimeUnit.SECONDS)).isTrue();
    assertThat(process.exitValue()).isZero();
  }
}
