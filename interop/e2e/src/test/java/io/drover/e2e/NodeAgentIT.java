package io.drover.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Queue;
import java.util.TreeMap;
import java.util.concurrent.LinkedBlockingQueue;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.TestInstance.Lifecycle;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Node agents as the chart sets them up, one process for each of three nodes. */
@Tag("interop")
@Order(12)
@TestInstance(Lifecycle.PER_CLASS)
@SuppressWarnings("NullAway.Init") // install() sets everything
final class NodeAgentIT {
  private static final int PORT = 8443;

  /** At any time, with a whole JDK; by the image's Java it is less, which PodsIT holds to 64. */
  private static final int MAX_RESIDENT_KIB = 72 * 1024;

  /** Of all node agents of a large cluster together. */
  private static final int NODES = 500;

  private static final int MAX_BYTES_A_SECOND = 20_000;
  private static final int ROUND_SECONDS = 300;

  /** That the cluster agent asks a node agent, as its own test has it. */
  private static final int ASK_BYTES = 2_900;

  private static final int PEERS = 3;

  /** Headers of IPv4 and of TCP with time stamps. */
  private static final int PACKET_BYTES = 52;

  /** As counted for one small question over TLS. */
  private static final int PACKETS = 15;

  /** For a connection over which nothing is said. */
  private static final int PACKETS_TO_PEER = 7;

  private static final Duration START = Duration.ofSeconds(30);
  private static final Duration STOP = Duration.ofSeconds(10);

  /** The first round is over, and the report that follows a change is written. */
  private static final Duration SEEN = Duration.ofSeconds(60);

  /** A lease of one who went without a word is over, all are asked, and the next look is done. */
  private static final Duration TOLD = Duration.ofMinutes(3);

  /** Of what a node agent has no use for. */
  private static final List<String> FOREIGN =
      List.of(
          "io.fabric8.",
          "org.java_websocket.",
          "org.bouncycastle.",
          "io.prometheus.",
          "picocli.",
          "com.fasterxml.jackson.databind.",
          "com.sun.org.apache.xerces.");

  private ControlPlane plane;
  private Peer peer;
  private Import imported;
  private List<JsonNode> chart;
  private Path directory;
  private Path identity;
  private String peers;
  private List<String> nodes;
  private final Map<String, RunningProcess> agents = new TreeMap<>();

  @BeforeAll
  void install() throws Exception {
    plane = ControlPlane.start();
    directory = Programs.directory("node-agent");
    peer = Peer.start(directory, Peer.VERSIONS.getFirst(), Installation.NO_CHECKS);
    imported = plane.apply(peer.manifest(), directory.resolve("pod"));
    plane.admin().run("apply", "-f", Programs.chart().resolve("crds").toString());
    plane.admin().run("wait", "--for=condition=Established", "crd", "clusterreports.drover.io");
    for (String name : List.of("node-b", "node-c")) {
      var file =
          Files.writeString(
              directory.resolve(name + ".json"),
              "{\"apiVersion\":\"v1\",\"kind\":\"Node\",\"metadata\":{\"name\":\"%s\"}}"
                  .formatted(name));
      plane.admin().run("create", "-f", file.toString());
    }
    nodes =
        List.of(
            plane
                .admin()
                .run("get", "nodes", "-o", "jsonpath={.items[*].metadata.name}")
                .strip()
                .split(" "));
    chart =
        Helm.objects(
            Helm.offline(directory)
                .outcome(
                    "template",
                    Helm.RELEASE,
                    Programs.chart().toString(),
                    "--set",
                    "nodeAgent.enabled=true,server.url=%s,server.token=%s,server.caChecksum=%s"
                        .formatted(peer.url(), Peer.TOKEN, peer.caChecksum()))
                .expect(0)
                .stdout());
    identity = identity();
    var addresses = new ArrayList<String>();
    for (int i = 0; i < nodes.size(); i++) {
      addresses.add(address(i) + ":" + PORT);
    }
    peers = String.join(",", addresses);
  }

  /** The next test's have the same addresses. */
  @AfterEach
  void closeAgents() {
    agents.values().forEach(RunningProcess::close);
    agents.clear();
  }

  @AfterAll
  void close() {
    if (peer != null) {
      peer.close();
    }
    if (plane != null) {
      plane.close();
    }
  }

  /** One of the loopback addresses, which no other run of these tests uses. */
  private static String address(int index) {
    long pid = ProcessHandle.current().pid();
    return "127.%d.%d.%d".formatted(100 + index, pid >> 8 & 0xff, pid & 0xff);
  }

  private JsonNode object(String kind, String name) {
    return chart.stream()
        .filter(object -> object.path("kind").asText().equals(kind))
        .filter(object -> object.at("/metadata/name").asText().equals(name))
        .findFirst()
        .orElseThrow();
  }

  /** As the kubelet would mount the chart's Secret. */
  private Path identity() throws IOException {
    var mounted = Files.createDirectories(directory.resolve("identity"));
    for (var entry : object("Secret", "drover-node-agent").path("data").properties()) {
      Files.write(
          mounted.resolve(entry.getKey()), Base64.getDecoder().decode(entry.getValue().asText()));
    }
    return mounted;
  }

  /** As its pod on this node would be started. */
  private RunningProcess start(String node, Map<String, String> more) throws Exception {
    var api = URI.create("https://" + plane.address());
    var environment = new HashMap<String, String>();
    for (var variable :
        object("DaemonSet", "drover-node-agent").at("/spec/template/spec/containers/0/env")) {
      environment.put(variable.path("name").asText(), variable.path("value").asText(node));
    }
    var account = Files.createDirectories(directory.resolve("kube-root-ca"));
    Files.write(account.resolve("ca.crt"), Files.readAllBytes(plane.caFile()));
    environment.put("DROVER_NODE_ADDRESS", address(nodes.indexOf(node)) + ":" + PORT);
    environment.put("DROVER_NODE_PEERS", peers);
    environment.put("DROVER_NODE_IDENTITY_DIR", identity.toString());
    environment.put("DROVER_SERVICE_ACCOUNT_DIR", account.toString());
    environment.put("KUBERNETES_SERVICE_HOST", api.getHost());
    environment.put("KUBERNETES_SERVICE_PORT", Integer.toString(api.getPort()));
    environment.putAll(more);
    environment.merge("DROVER_JAVA_OPTS", "@" + options(), (own, others) -> others + " " + own);
    var process = RunningProcess.start(node, directory, environment, List.of(Programs.agent()));
    agents.put(node, process);
    process.awaitLine("that it answers", START, line -> line.contains("node agent answers"));
    return process;
  }

  /** The file that the chart's command names. */
  private static Path options() {
    return Path.of(Programs.agent()).resolveSibling("../conf/node.options").normalize();
  }

  private Agent clusterAgent(String name) throws Exception {
    return Agent.start(
        name,
        Files.createDirectories(directory.resolve(name)),
        plane,
        imported,
        Map.of("DROVER_NODE_PEERS", peers, "DROVER_NODE_IDENTITY_DIR", identity.toString()));
  }

  private JsonNode reported() throws IOException, InterruptedException {
    return plane
        .admin()
        .json("-n", Import.NAMESPACE, "get", "clusterreport", "cluster", "-o", "json")
        .at("/report/nodes");
  }

  @Test
  void whatWorksFromOneNodeAndNotFromAnotherIsSeenAtOnce() throws Exception {
    var classes = directory.resolve("classes.log");
    var first = start(nodes.get(0), Map.of("DROVER_JAVA_OPTS", "-Xlog:class+load:file=" + classes));
    var cut = start(nodes.get(1), Map.of("CATTLE_SERVER", "https://127.0.0.1:1"));

    cut.awaitLine(
        "that the server is not reached",
        START,
        line -> line.contains("check=server") && line.contains("reason=ConnectRefused"));
    try (var agent = clusterAgent("some-wrong")) {
      var degraded =
          Await.until(
              "all nodes are asked",
              SEEN,
              () ->
                  Optional.of(agent.degraded()).filter(found -> found.containsKey("nodes: agent")));
      assertThat(degraded)
          .containsEntry(
              "nodes: server",
              "ConnectRefused: fails on 1 of 2 nodes: " + nodes.get(1) + " (ConnectRefused)")
          .containsEntry(
              "nodes: agent",
              "NodeAgentSilent: fails on 1 of 3 nodes: " + nodes.get(2) + " (NodeAgentSilent)");
      var report = reported();
      assertThat(report.path("answering").asInt()).isEqualTo(2);
      assertThat(check(report, "api-server").path("ok").asInt()).isEqualTo(2);
      assertThat(report.path("offenders").findValuesAsText("reason"))
          .contains("ConnectRefused", "NodeAgentSilent");
      // As a pod ends: the next one need not wait until the lead is found vacant.
      agent.process().terminate();
      agent.process().awaitExit(START);
    }
    cut.close();
    first.terminate();
    assertThat(first.awaitExit(STOP)).isZero();

    for (String node : nodes) {
      start(node, Map.of());
    }
    for (var agent : agents.values()) {
      Await.that("others that started later are reached", START, () -> isWell(agent));
    }
    try (var agent = clusterAgent("all-well")) {
      Await.that("all nodes are asked", SEEN, () -> reported().path("answering").asInt() == 3);
      assertThat(agent.degraded().keySet()).noneMatch(feature -> feature.startsWith("nodes"));
      var report = reported();
      assertThat(report.path("offenders")).isEmpty();
      for (String name :
          List.of("agent", "server", "clock", "api-server", "peer", "disk", "inodes")) {
        assertThat(check(report, name).path("ok").asInt()).as(report.toString()).isEqualTo(3);
      }
      for (String name : List.of("server", "api-server", "peer")) {
        assertThat(check(report, name).path("medianMs").isNumber()).as(report.toString()).isTrue();
      }
      assertThat(report.path("kernels")).hasSize(1);
      assertThat(report.path("mtus").properties()).hasSize(1);
      assertThat(report.path("figures").findValuesAsText("name"))
          .contains("disk-used", "inodes-used", "clock-offset");
    }

    for (var agent : agents.entrySet()) {
      long resident = agent.getValue().statusKib("VmRSS");
      long most = agent.getValue().statusKib("VmHWM");
      System.out.printf(
          "node agent on %s: %.1f MiB resident, %.1f at most%n",
          agent.getKey(), resident / 1024.0, most / 1024.0);
      assertThat(most).isLessThan(MAX_RESIDENT_KIB);
    }
    assertThat(Files.readAllLines(classes))
        .anyMatch(line -> line.contains("io.drover.agent.node.NodeProbes"))
        .noneMatch(line -> FOREIGN.stream().anyMatch(line::contains));
  }

  /** With what crosses the wire from the second look on, the first being one of many. */
  @Test
  void allOfALargeClusterTogetherTakeFewBytesASecond() throws Exception {
    var toServer = new LinkedBlockingQueue<Long>();
    var toApi = new LinkedBlockingQueue<Long>();
    try (var server = counting(peer.url(), toServer);
        var api = counting(URI.create("https://" + plane.address()), toApi)) {
      // No other node's agent answers, so it looks again soon.
      var agent =
          start(
              nodes.get(0),
              Map.of(
                  "CATTLE_SERVER",
                  "https://127.0.0.1:" + server.port(),
                  "KUBERNETES_SERVICE_HOST",
                  "127.0.0.1",
                  "KUBERNETES_SERVICE_PORT",
                  Integer.toString(api.port())));
      toServer.take(); // its CA
      long firstServer = toServer.take();
      long firstApi = toApi.take();
      long serverBytes = toServer.take();
      long apiBytes = toApi.take();

      // A registry answers as shortly as the server.
      long node =
          2 * serverBytes
              + apiBytes
              + ASK_BYTES
              + PACKET_BYTES * (4 * PACKETS + PEERS * PACKETS_TO_PEER);
      System.out.printf(
          "node agent: server %d bytes, then %d; API server %d, then %d; %d nodes %d bytes/s%n",
          firstServer, serverBytes, firstApi, apiBytes, NODES, node * NODES / ROUND_SECONDS);
      agent.close();
      assertThat(serverBytes).isLessThan(firstServer);
      assertThat(apiBytes).isLessThan(firstApi);
      assertThat(node * NODES / ROUND_SECONDS).isLessThan(MAX_BYTES_A_SECOND);
    }
  }

  /** With the environment and the mounts of Rancher's own manifest of that time. */
  private RunningProcess startOfOld(Peer server, Import pod) {
    var api = URI.create("https://" + plane.address());
    var environment =
        Map.of(
            "CATTLE_CLUSTER", "false",
            "CATTLE_K8S_MANAGED", "true",
            "CATTLE_NODE_NAME", nodes.get(1),
            "CATTLE_SERVER", server.url().toString(),
            "CATTLE_CA_CHECKSUM", server.caChecksum(),
            "DROVER_CREDENTIALS_DIR", pod.credentials().toString(),
            "DROVER_NODE_IDENTITY_DIR", directory.resolve("nothing").toString(),
            "KUBERNETES_SERVICE_HOST", api.getHost(),
            "KUBERNETES_SERVICE_PORT", Integer.toString(api.getPort()));
    return RunningProcess.start("old", directory, environment, List.of(Programs.agent()));
  }

  static List<String> versions() {
    return Peer.VERSIONS;
  }

  @ParameterizedTest
  @MethodSource("versions")
  void aServerOfOldHasATunnelToEachNode(String remotedialer) throws Exception {
    var here = Files.createDirectories(directory.resolve("old-" + remotedialer));
    String key = Peer.CLUSTER + ":" + nodes.get(1);
    try (var server = Peer.start(here, remotedialer, Installation.NO_CHECKS);
        var agent = startOfOld(server, plane.apply(server.manifest(), here.resolve("pod")))) {
      Await.that("its tunnel is up", START, () -> server.sessions(key).size() == 1);

      assertThat(versionThrough(server.forward(key, plane.address()))).contains("gitVersion");
      for (var refused :
          List.of(
              server.dial(key, "unix", "/var/run/docker.sock"),
              server.dial(key, "tcp", server.url().getAuthority()))) {
        assertThat(refused.path("error").asText()).contains("connect not allowed");
      }
      assertThat(server.sessions(key)).as("after the refusals").hasSize(1);

      agent.terminate();
      assertThat(agent.awaitExit(STOP)).isZero();
      Await.that("its tunnel is closed", START, () -> server.sessions(key).isEmpty());
    }
  }

  /** What the API server says of itself to whoever has a right to it. */
  private String versionThrough(InetSocketAddress forward)
      throws IOException, InterruptedException {
    try (var client = Https.trusting(plane.caFile(), HttpClient.Version.HTTP_1_1)) {
      var request =
          HttpRequest.newBuilder(URI.create("https://" + Peer.address(forward) + "/version"))
              .header("Authorization", "Bearer " + plane.token())
              .timeout(START)
              .build();
      var answer = client.send(request, BodyHandlers.ofString());
      assertThat(answer.statusCode()).isEqualTo(200);
      return answer.body();
    }
  }

  /** The cluster agent sees it first, and tells the nodes when it asks them. */
  @Test
  void anotherCaOfTheServerIsTakenWithoutARestart() throws Exception {
    var here = Files.createDirectories(directory.resolve("another-ca"));
    try (var server = Peer.start(here, Peer.VERSIONS.getFirst(), Installation.NO_CHECKS)) {
      var pod = plane.apply(server.manifest(), here.resolve("pod"));
      // No other node's agent answers, so it looks again soon.
      var node =
          start(
              nodes.get(0),
              Map.of(
                  "CATTLE_SERVER",
                  server.url().toString(),
                  "CATTLE_CA_CHECKSUM",
                  server.caChecksum()));
      try (var old = startOfOld(server, pod)) {
        for (var agent : List.of(node, old)) {
          agent.awaitLine("its CA", START, line -> line.contains("server CA verified"));
        }

        server.announceCa(here.resolve("next"));
        try (var cluster =
            Agent.start(
                "next",
                Files.createDirectories(here.resolve("next-agent")),
                plane,
                pod,
                Map.of(
                    "CATTLE_CA_CHECKSUM", server.caChecksum(),
                    "DROVER_NODE_PEERS", peers,
                    "DROVER_NODE_IDENTITY_DIR", identity.toString()))) {
          for (var agent : List.of(node, old)) {
            agent.awaitLine("the next CA", TOLD, line -> line.contains("server CA changed"));
          }
          // As a pod ends: the next one need not wait until the lead is found vacant.
          cluster.process().terminate();
          cluster.process().awaitExit(START);
        }
      }
    }
  }

  private static Front counting(URI to, Queue<Long> bytes) throws IOException {
    return Front.plain(
        socket -> {
          try (var onward = new Socket(to.getHost(), to.getPort())) {
            bytes.add(Front.relay(socket, onward));
          }
        });
  }

  /** All that it once could not reach is reached. */
  private static boolean isWell(RunningProcess agent) {
    return count(agent, "does not work:") == count(agent, "works again:")
        && count(agent, "server CA verified") > 0;
  }

  private static long count(RunningProcess agent, String text) {
    return agent.lines().stream().filter(line -> line.contains(text)).count();
  }

  private static JsonNode check(JsonNode report, String name) {
    for (JsonNode check : report.path("checks")) {
      if (check.path("name").asText().equals(name)) {
        return check;
      }
    }
    throw new AssertionError(name + " is no check of " + report);
  }
}
