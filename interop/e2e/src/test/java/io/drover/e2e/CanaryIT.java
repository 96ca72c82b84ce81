package io.drover.e2e;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.net.InetAddress;
import java.net.Socket;
import java.net.URLEncoder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.zip.ZipFile;
import javax.net.ssl.SSLSocket;
import jdk.jfr.consumer.RecordingFile;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.TestInstance.Lifecycle;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.CleanupMode;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * No secret that the agent is given comes out of it: registration token, tokens of service
 * accounts, password of the proxy and our key there, key of a kubeconfig, token for reports. Nor
 * does what a browser shows and is shown through the Explorer. An agent at trace level works with
 * all of them, while it is well and while it is not, and all that it says is searched.
 */
@Tag("interop")
@Order(6)
@ExtendWith(WithControlPlane.class)
@TestInstance(Lifecycle.PER_CLASS)
final class CanaryIT {
  private static final Duration LIMIT = Duration.ofSeconds(60);
  private static final String HOST = "rancher.drover.invalid";
  private static final String POD = "canary";
  private static final String USER = "joe";
  private static final String PASSWORD = "ca+nary/proxy%password-4711=&";
  private static final String REPORT_TOKEN = "canary-report-token-0815-0815-0815";
  private static final String WRONG_TOKEN = "canary-wrong-registration-token-12345";
  private static final String KEY_PASSWORD = "canary-password-of-the-key-2718";
  private static final String SESSION = "token-canary:browser-session-3141592653";
  private static final String BROWSER_TOKEN = "canary-token-of-a-browser-1414213562";
  private static final String OBJECT = "canary-object";
  private static final String OBJECT_VALUE = "canary-value-of-a-secret-1618033988";
  private static final String VIEWER = "u-canary";
  private static final int KEY_PART = 64;

  /** Of a key of this curve in base64, behind what is the same in all of them. */
  private static final int EC_KEY_FROM = 48;

  private static final int EC_KEY_TO = 88;
  private static final ObjectMapper JSON = new ObjectMapper();

  // Not among the logs: the path of a UNIX socket must be short.
  @TempDir(cleanup = CleanupMode.ALWAYS)
  private static Path sockets;

  /** How the agent comes to the API server. */
  enum Way {
    POD,
    KUBECONFIG
  }

  private final Canaries canaries = new Canaries();
  private final AtomicBoolean proxyRefuses = new AtomicBoolean();
  private ControlPlane plane;
  private Path directory;
  private Peer peer;
  private Import imported;
  private Certificates certificates;

  @BeforeAll
  void start(ControlPlane controlPlane) throws Exception {
    plane = controlPlane;
    directory = Programs.directory("canary");
    peer = Peer.start(directory, Peer.VERSIONS.getFirst(), Installation.FREQUENT_CHECKS);
    imported = plane.apply(peer.manifest(), directory.resolve("pod"));
    certificates = new Certificates(directory);
    certificates.authority("root", "root", null);
    certificates.server("good", "root", "-1d", "san=dns:" + HOST);
    certificates.server("proxy", "root", "-1d", "san=ip:127.0.0.1");
    certificates.server("client", "root", "-1d");
    plane.admin().run("apply", "-f", Programs.chart().resolve("crds").toString());
    var pod =
        """
        apiVersion: v1
        kind: Pod
        metadata: {namespace: %s, name: %s}
        spec: {containers: [{name: agent, image: agent}]}
        """
            .formatted(Import.NAMESPACE, POD);
    Await.that(
        "the namespace's service account is there, and the pod",
        LIMIT,
        () -> plane.admin().outcome(pod.getBytes(UTF_8), "apply", "-f", "-").exitCode() == 0);
    plane
        .admin()
        .run(
            "-n",
            Import.NAMESPACE,
            "create",
            "secret",
            "generic",
            OBJECT,
            "--from-literal=value=" + OBJECT_VALUE);
    plane
        .admin()
        .run(
            "create",
            "clusterrolebinding",
            OBJECT,
            "--clusterrole=cluster-admin",
            "--user=" + VIEWER);

    canaries.add("registration token", Peer.TOKEN);
    canaries.add("wrong registration token", WRONG_TOKEN);
    canaries.add("proxy password", PASSWORD);
    canaries.add("proxy login", USER + ":" + PASSWORD);
    canaries.add("report token", REPORT_TOKEN);
    canaries.add("password of the proxy's key", KEY_PASSWORD);
    canaries.add("session of a browser", SESSION);
    canaries.add("token of a browser", BROWSER_TOKEN);
    canaries.add("value of a Secret", OBJECT_VALUE);
    canaries.add(
        "token of the pod", Files.readString(imported.serviceAccount().resolve("token"), UTF_8));
    addKey();
    addProxyKey();
  }

  /** A part of it, as it stands in the PEM, and as that stands in the kubeconfig. */
  private void addKey() throws IOException {
    var kubeconfig = JSON.readTree(plane.admin().kubeconfig().toFile());
    var data = kubeconfig.at("/users/0/user/client-key-data").asText();
    var pem = new String(Base64.getDecoder().decode(data), UTF_8);
    var line = pem.lines().filter(one -> one.length() == KEY_PART).skip(1).findFirst();
    canaries.add("key", line.orElseThrow());
  }

  /** Makes the files; a part of the key as it stands there, and of what the password opens. */
  private void addProxyKey() throws IOException, GeneralSecurityException {
    var pem = certificates.encryptedKey("client", KEY_PASSWORD);
    Files.writeString(directory.resolve("client.key"), pem);
    Files.writeString(directory.resolve("client.password"), KEY_PASSWORD + "\n");
    Files.writeString(directory.resolve("client.crt"), certificates.pem("client"));
    var authorities = Files.createDirectories(directory.resolve("authorities"));
    Files.writeString(authorities.resolve("root.pem"), certificates.pem("root"));
    var line = pem.lines().filter(one -> one.length() == KEY_PART).skip(1).findFirst();
    canaries.add("key for the proxy", line.orElseThrow());
    canaries.add(
        "key for the proxy, opened",
        Base64.getEncoder()
            .encodeToString(certificates.key("client"))
            .substring(EC_KEY_FROM, EC_KEY_TO));
  }

  @AfterAll
  void stop() throws IOException, InterruptedException {
    peer.close();
    plane
        .admin()
        .run("-n", Import.NAMESPACE, "delete", "pod", POD, "--ignore-not-found", "--wait=false");
    plane.admin().run("delete", "clusterrolebinding", OBJECT, "--ignore-not-found");
    plane.admin().run("-n", Import.NAMESPACE, "delete", "secret", OBJECT, "--ignore-not-found");
  }

  @ParameterizedTest
  @EnumSource
  void noSecretComesOutOfAnAgentThatIsWellOrNot(Way way) throws Exception {
    proxyRefuses.set(false);
    try (var trial = new Trial(directory.resolve(way.name()), plane, imported)) {
      // The agent of an earlier test may have been killed while it led: this one need not wait.
      plane
          .admin()
          .run("-n", Import.NAMESPACE, "delete", "lease", "drover-agent", "--ignore-not-found");
      var proxy = setUp(trial, way);
      var agent = trial.start();
      agent.awaitReady(Agent.READY_LIMIT);
      addServerToken();
      askExplorer();
      Await.that("a report is in the cluster", LIMIT, () -> report().path("items").size() == 1);
      Await.that(
          "the report's other way is tried",
          LIMIT,
          () -> agent.degraded().containsKey("reports to https"));
      agent.process().awaitLine("a message", LIMIT, line -> line.contains(" TRACE "));
      var well = said(trial, agent, "well");
      assertThat(well.get("log")).contains(" TRACE ", "tunnel up: tunnel=cluster");
      assertThat(well.get("status")).contains("connected for", "reports to https");
      expectNoSecret(well);

      proxyRefuses.set(true);
      proxy.cut();
      Await.that(
          "the reason is told",
          LIMIT,
          () ->
              agent.reason("cluster").equals("ProxyAuthRequired")
                  && events().contains("ProxyAuthRequired"));
      var proxyless = said(trial, agent, "proxyless");
      assertThat(proxyless.get("status")).contains("ProxyAuthRequired");
      assertThat(proxyless.get("check")).contains("ProxyAuthRequired");
      expectNoSecret(proxyless);

      trial.credential("token", WRONG_TOKEN);
      proxyRefuses.set(false);
      Await.that("the reason is told", LIMIT, () -> agent.reason("cluster").equals("TokenUnknown"));
      var unknown = said(trial, agent, "unknown");
      assertThat(unknown.get("status")).contains("TokenUnknown");
      assertThat(unknown.get("check")).contains("TokenUnknown");
      expectNoSecret(unknown);
    }
  }

  /** The server by a proxy that wants a login, in front of the real one. */
  private Front setUp(Trial trial, Way way) throws Exception {
    var trust = Https.trust(peer.caFile());
    var front =
        trial.front(
            certificates.present("good", 1),
            "127.0.0.1",
            certificates.pem("root"),
            (socket, head) -> Front.forward(socket, head, peer.url(), trust, text -> text));
    var proxy =
        trial.own(
            Front.tls(
                certificates.presentAndAsk("proxy", "root"),
                "127.0.0.1",
                socket -> proxy((SSLSocket) socket, front.port())));
    trial.server("https://" + HOST);
    trial.set(
        "HTTPS_PROXY",
        "https://%s:%s@127.0.0.1:%d"
            .formatted(USER, URLEncoder.encode(PASSWORD, UTF_8), proxy.port()));
    trial.set("NO_PROXY", "");
    trial.set("SSL_CERT_DIR", directory.resolve("authorities").toString());
    trial.set("DROVER_PROXY_CERT_FILE", directory.resolve("client.crt").toString());
    trial.set("DROVER_PROXY_KEY_FILE", directory.resolve("client.key").toString());
    trial.set("DROVER_PROXY_KEY_PASSWORD_FILE", directory.resolve("client.password").toString());
    trial.set("DROVER_REPORTS", "on");
    trial.set("DROVER_REPORT_URL", "https://" + HOST + "/reports");
    trial.set("DROVER_REPORT_TOKEN", REPORT_TOKEN);
    trial.set("DROVER_DUTIES", "tunnel-events");
    trial.set("HOSTNAME", POD);
    trial.set("CATTLE_TRACE", "true");
    trial.set("DROVER_LOG_SOCKET", sockets.resolve(way + ".sock").toString());
    if (way == Way.KUBECONFIG) {
      trial.set("KUBECONFIG", plane.admin().kubeconfig().toString());
    }
    return proxy;
  }

  private void proxy(SSLSocket socket, int target) throws IOException {
    socket.setWantClientAuth(true);
    var head = Front.head(socket.getInputStream());
    // Fails if there is none.
    assertThat(socket.getSession().getPeerCertificates()).isNotEmpty();
    var login = Base64.getEncoder().encodeToString((USER + ":" + PASSWORD).getBytes(UTF_8));
    if (proxyRefuses.get() || !head.contains("Proxy-Authorization: Basic " + login + "\r\n")) {
      var challenge = "Proxy-Authenticate: Basic realm=\"canary\"\r\n";
      socket
          .getOutputStream()
          .write(
              // A proxy that is so kind as to tell what it was given.
              Front.answer(
                  "407 Proxy Authentication Required",
                  challenge + "X-Seen: " + login + "\r\n",
                  head));
      return;
    }
    socket.getOutputStream().write("HTTP/1.1 200 Connection established\r\n\r\n".getBytes(UTF_8));
    try (var onward = new Socket(InetAddress.getLoopbackAddress(), target)) {
      Front.relay(socket, onward);
    }
  }

  /** As a browser does whose user may read the Secret, with all that it has. */
  private void askExplorer() throws IOException, InterruptedException {
    var to = peer.forwardToSteve();
    var fields =
        List.of(
            Map.entry("Host", "h"),
            Map.entry("Impersonate-User", VIEWER),
            Map.entry("Cookie", "R_SESS=" + SESSION + "; CSRF=canary"),
            Map.entry("Authorization", "Bearer " + BROWSER_TOKEN));
    var schemas = RawHttp.send(to, "GET", "/v1/schemas", fields, new byte[0]);
    assertThat(schemas.status()).as(schemas.body()).isEqualTo(200);

    var secret = "/v1/secrets/" + Import.NAMESPACE + "/" + OBJECT;
    var shown = RawHttp.send(to, "GET", secret, fields, new byte[0]);
    assertThat(shown.status()).as(shown.body()).isEqualTo(200);
    assertThat(shown.body())
        .contains(Base64.getEncoder().encodeToString(OBJECT_VALUE.getBytes(UTF_8)));
  }

  /** That the server is given: the agent reads it, or has it made. */
  private void addServerToken() throws IOException, InterruptedException {
    for (JsonNode secret :
        plane.admin().json("-n", Import.NAMESPACE, "get", "secrets", "-o", "json").path("items")) {
      var token = secret.at("/data/token").asText();
      if (secret.path("type").asText().equals("kubernetes.io/service-account-token")
          && !token.isEmpty()) {
        canaries.add(
            "token of " + secret.at("/metadata/name").asText(),
            new String(Base64.getDecoder().decode(token), UTF_8));
      }
    }
    assertThat(canaries.names()).anyMatch(name -> name.startsWith("token of cattle"));
  }

  private JsonNode report() throws IOException, InterruptedException {
    return plane.admin().json("-n", Import.NAMESPACE, "get", "clusterreports", "-o", "json");
  }

  private String events() throws IOException, InterruptedException {
    return plane.admin().run("-n", Import.NAMESPACE, "get", "events", "-o", "json");
  }

  /** Everything, by where it was said. */
  private Map<String, String> said(Trial trial, Agent agent, String name) throws Exception {
    var environment = new HashMap<>(trial.environment());
    environment.put("DROVER_HEALTH_ADDRESS", agent.health().getAuthority());
    var here = Files.createDirectories(trial.directory().resolve(name));
    var said = new LinkedHashMap<String, String>();
    said.put("status", run(here, environment, "status"));
    said.put("status --json", run(here, environment, "status", "--json"));
    said.put("check", run(here, environment, "check"));
    said.put("check --json", run(here, environment, "check", "--json"));
    said.putAll(diag(here, environment, name.equals("well")));
    said.put("/readyz", agent.page("/readyz"));
    said.put("/metrics", agent.page("/metrics"));
    said.put("events", events());
    said.put("report", report().toString());
    said.put("log", String.join("\n", agent.process().lines()));
    said.put("stderr", "(stderr)\n" + String.join("\n", agent.process().errorLines()));
    return said;
  }

  /** The files of the zip, and what is said meanwhile. */
  private static Map<String, String> diag(
      Path directory, Map<String, String> environment, boolean recorded)
      throws IOException, InterruptedException {
    var command = new ArrayList<>(List.of(Programs.agent(), "diag", "--output=-"));
    if (recorded) {
      command.add("--jfr");
    }
    var file = directory.resolve("diag.zip");
    var errors = directory.resolve("diag.err");
    var process =
        RunningProcess.prepare(directory, environment, command)
            .redirectOutput(file.toFile())
            .redirectError(errors.toFile())
            .start();
    assertThat(process.waitFor()).as(errors.toString()).isZero();
    var said = new LinkedHashMap<String, String>();
    try (var zip = new ZipFile(file.toFile())) {
      for (var entry : zip.stream().toList()) {
        byte[] bytes = zip.getInputStream(entry).readAllBytes();
        if (entry.getName().equals("recording.jfr")) {
          said.putAll(recording(Files.write(directory.resolve(entry.getName()), bytes)));
        } else {
          said.put("diag " + entry.getName(), new String(bytes, UTF_8));
        }
      }
    }
    said.remove("diag limits.txt"); // there is a control group of this version, or not
    said.remove("diag missing.txt");
    assertThat(said.containsKey("diag recording.jfr")).isEqualTo(recorded);
    assertThat(said.keySet())
        .filteredOn(name -> !name.contains("recording.jfr"))
        .containsExactlyInAnyOrder(
            "diag status.json",
            "diag status.txt",
            "diag metrics.txt",
            "diag configuration.txt",
            "diag reasons.txt",
            "diag report.json",
            "diag threads.txt",
            "diag check.jsonl");
    assertThat(said.get("diag threads.txt")).contains("cluster-reader", "TunnelClient.run");
    assertThat(said.get("diag configuration.txt"))
        .contains("DROVER_REPORT_TOKEN=*** (environment)", "HTTPS_PROXY=https://***@127.0.0.1:")
        .contains("STRICT_VERIFY=", "-XX:+UseSerialGC");
    said.put("diag stderr", Files.readString(errors, UTF_8));
    return said;
  }

  /** As bytes, in which texts stand as they are, and as its reader shows it. */
  private static Map<String, String> recording(Path file) throws IOException {
    var events = RecordingFile.readAllEvents(file);
    assertThat(events)
        .extracting(event -> event.getEventType().getName())
        .contains("jdk.CPULoad", "jdk.ResidentSetSize")
        .doesNotContain(
            "jdk.InitialEnvironmentVariable",
            "jdk.InitialSystemProperty",
            "jdk.JVMInformation",
            "jdk.SystemProcess",
            "jdk.JavaExceptionThrow");
    return Map.of(
        "diag recording.jfr", Files.readString(file, ISO_8859_1),
        "diag recording.jfr as text", events.toString());
  }

  /** What it prints, and how it ends. */
  private static String run(Path directory, Map<String, String> environment, String... arguments)
      throws IOException, InterruptedException {
    var command = new ArrayList<>(List.of(Programs.agent()));
    command.addAll(List.of(arguments));
    var process =
        RunningProcess.prepare(directory, environment, command).redirectErrorStream(true).start();
    var text = new String(process.getInputStream().readAllBytes(), UTF_8);
    return text + "exit code " + process.waitFor() + "\n";
  }

  private void expectNoSecret(Map<String, String> said) {
    // What is no secret is found by the same search, so that it is no wonder that the rest is not.
    var known = new Canaries();
    known.add("host", HOST);
    for (String where :
        List.of("check", "check --json", "log", "diag check.jsonl", "diag configuration.txt")) {
      assertThat(known.in(said.getOrDefault(where, ""))).as(where).isNotEmpty();
    }
    said.forEach(
        (where, text) -> {
          assertThat(text).as(where).isNotBlank();
          assertThat(canaries.in(text)).as(where).isEmpty();
        });
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "HTTPS_PROXY=ftp://joe:%s@proxy",
        "HTTP_PROXY=http://joe:%s@proxy:port",
        "CATTLE_SERVER=https://joe:%s@rancher",
        "CATTLE_SERVER=joe:%s@rancher",
        "DROVER_REPORT_URL=http://joe:%s@rancher",
        "DROVER_REPORT_URL=https://joe:%s@rancher",
      })
  void noSecretIsInTheMessageAboutIt(String wrong) throws Exception {
    var here = directory.resolve("wrong-" + wrong.replaceAll("\\W", "-"));
    try (var trial = new Trial(here, plane, imported)) {
      var variable = wrong.substring(0, wrong.indexOf('='));
      var environment = new HashMap<>(trial.environment());
      environment.put(variable, wrong.substring(wrong.indexOf('=') + 1).formatted(PASSWORD));

      for (String command : List.of("run", "check", "report")) {
        var said = run(trial.directory(), environment, command);

        assertThat(canaries.in(said)).as(said).isEmpty();
        if (!command.equals("report")) {
          assertThat(said).contains(variable).endsWith("exit code 2\n");
        }
      }
    }
  }

  @Test
  void whatIsSearchedForWouldBeFound() {
    canaries
        .forms()
        .forEach(
            (name, forms) -> {
              assertThat(forms).as(name).hasSizeGreaterThan(6);
              for (String form : forms) {
                assertThat(canaries.in("before" + form + "after")).as(form).contains(name);
              }
            });
    for (int before = 0; before < 4; before++) {
      var text = "x".repeat(before) + Peer.TOKEN + "y".repeat(before);
      var base64 = Base64.getEncoder().encodeToString(text.getBytes(UTF_8));
      assertThat(canaries.in(base64)).contains("registration token");
    }
    assertThat(canaries.in("a text without any of them")).isEmpty();
  }
}
