package io.drover.e2e;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Collections;
import java.util.Deque;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.Random;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * Everything that an agent works with is replaced while users work, and nobody notices. How much of
 * it: {@code -Ddrover.rotation.rounds=20 -Ddrover.rotation.streams=100}. The order is by chance:
 * {@code -Ddrover.rotation.seed=} repeats one.
 */
@Tag("interop")
@Beside
@Order(5)
@Timeout(value = 90, unit = TimeUnit.MINUTES) // a round takes two, most of which is waiting
final class RotationIT {
  private static final int ROUNDS = Integer.getInteger("drover.rotation.rounds", 1);
  private static final int STREAMS = Integer.getInteger("drover.rotation.streams", 20);
  private static final long SEED = Long.getLong("drover.rotation.seed", System.nanoTime());

  /** Until the server works with what is new. */
  private static final Duration IN_USE = Duration.ofSeconds(60);

  /** The same of what the agent is told of, far below the 50 s after which it looks by itself. */
  private static final Duration AT_ONCE = Duration.ofSeconds(10);

  private static final Duration ANSWER_LIMIT = Duration.ofSeconds(10);

  /** What an idle connection of the server may take to go, and the agent's goodbye. */
  private static final Duration LEFT = Duration.ofSeconds(30);

  private static final Duration BETWEEN_REQUESTS = Duration.ofMillis(20);
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final String ACCOUNT = "cattle";
  private static final String ROOT_CA = "kube-root-ca.crt";
  private static final String EXPLORER_USER = "u-rotation";

  private enum Material {
    TOKEN,
    SERVICE_ACCOUNT_TOKEN,
    KUBE_CA,
    SERVER_CA,
    SERVER_URL
  }

  /** Live streams through the tunnel, and requests as users make them. */
  private static final class Load implements AutoCloseable {
    private final Target echo;
    private final Queue<String> failures = new ConcurrentLinkedQueue<>();
    private final AtomicInteger answered = new AtomicInteger();
    private final long startNanos = System.nanoTime();
    private final List<HttpClient> clients = new ArrayList<>();
    private volatile HttpClient client;
    private volatile URI cluster;
    private volatile boolean over;
    private List<Echo> streams;

    Load(Target echo, Peer peer) throws IOException, InterruptedException {
      this.echo = echo;
      this.client = trust(peer.caFile());
      this.cluster = peer.clusterUrl();
      this.streams = open(peer);
      Thread.ofVirtual().name("asking").start(this::run);
    }

    private List<Echo> open(Peer peer) throws IOException, InterruptedException {
      var forward = peer.forward(echo.address());
      var opened = new ArrayList<Echo>();
      for (int seed = 0; seed < STREAMS; seed++) {
        opened.add(Echo.open(forward, seed));
      }
      return opened;
    }

    HttpClient trust(Path authorities) throws IOException {
      client = Https.trusting(authorities, HttpClient.Version.HTTP_1_1);
      clients.add(client);
      return client;
    }

    /** New streams and requests go there; returns the streams that are left behind. */
    List<Echo> moveTo(Peer peer) throws IOException, InterruptedException {
      var left = streams;
      streams = open(peer);
      cluster = peer.clusterUrl();
      return left;
    }

    private void run() {
      try {
        while (!over) {
          Thread.ofVirtual().start(this::ask);
          Thread.sleep(BETWEEN_REQUESTS);
        }
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
    }

    private void ask() {
      var request =
          HttpRequest.newBuilder(URI.create(cluster + "/api/v1/namespaces/default"))
              .header("Authorization", "Bearer " + Peer.userToken())
              .timeout(ANSWER_LIMIT)
              .build();
      try {
        var answer = client.send(request, BodyHandlers.ofString());
        if (answer.statusCode() == 200) {
          answered.incrementAndGet();
        } else {
          failures.add(answer.statusCode() + " " + answer.body());
        }
      } catch (IOException e) {
        failures.add(e.toString());
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
    }

    /** Nothing has failed, and all streams answer. */
    void check() throws InterruptedException {
      assertThat(failures).as("failed requests").isEmpty();
      alive(streams);
    }

    /** Half of the requests that were due at least: this machine may have more to do. */
    void checkRate() {
      long due = Duration.ofNanos(System.nanoTime() - startNanos).dividedBy(BETWEEN_REQUESTS);
      assertThat(answered)
          .as("answers, where %d were due", due)
          .hasValueGreaterThan((int) (due / 2));
    }

    private static void alive(List<Echo> streams) throws InterruptedException {
      for (var stream : streams) {
        assertThat(stream.failure()).isEmpty();
        stream.awaitRound(ANSWER_LIMIT);
      }
    }

    @Override
    public void close() {
      over = true;
      streams.forEach(Echo::close);
      clients.forEach(HttpClient::shutdownNow);
    }
  }

  private final Map<Material, List<Duration>> times = new EnumMap<>(Material.class);
  private ControlPlane plane;
  private List<Peer> peers;
  private Peer peer;
  private Path directory;
  private Certificates certificates;
  private Volume credentials;
  private Agent agent;
  private Load load;
  private String token = Peer.TOKEN;
  private String tokenSecret;
  private Path serverCa;
  private int changes;
  private int moves;

  private final Deque<AutoCloseable> open = new ArrayDeque<>();

  private <T extends AutoCloseable> T closeLater(T one) {
    open.push(one);
    return one;
  }

  @BeforeEach
  void install() throws Exception {
    directory = Programs.directory("rotation");
    certificates = new Certificates(directory.resolve("certificates"));
    plane = closeLater(ControlPlane.startBare("rotation-cluster"));
    peer = closeLater(start("first", Peer.VERSIONS.getFirst()));
    peers = List.of(peer, closeLater(startLike(peer)));
    serverCa = peer.caFile();
    var imported = plane.apply(peer.manifest(), directory.resolve("pod"));
    credentials = Volume.mount(imported.credentials(), directory.resolve("volume"));
    writeRootCa(Files.readString(plane.caFile()));
    tokenSecret = next("cattle-token");
    makeTokenSecret();
    // Not the role `view`, which has no rules where no controller aggregates them.
    admin("create", "clusterrole", "rotation", "--verb=get,list", "--resource=configmaps");
    admin(
        "create",
        "clusterrolebinding",
        "rotation",
        "--clusterrole=rotation",
        "--user=" + EXPLORER_USER);
    var mounted =
        new Import(imported.environment(), credentials.directory(), imported.serviceAccount());
    agent = closeLater(Agent.start("agent", directory, plane, mounted, Installation.ALLOW_LOCAL));
    agent.awaitReady(Agent.READY_LIMIT);
    load = closeLater(new Load(closeLater(Target.echo()), peer));
  }

  @AfterEach
  void close() throws Exception {
    while (!open.isEmpty()) {
      open.pop().close();
    }
    System.out.printf("rotation: seed=%d rounds=%d streams=%d%n", SEED, ROUNDS, STREAMS);
    times.forEach(
        (material, all) -> System.out.printf("rotation: %s in use after %s%n", material, all));
  }

  @Test
  void everythingIsReplacedWithoutACut() throws Exception {
    load.check();
    explorerAnswers();
    sameValueMakesNoConnection();
    wrongTokenCostsNothing();
    rotate();
    wrongAccessIsNotTold(); // last: of the looks that changes bring forward it takes the most
    load.checkRate();
  }

  private Peer start(String name, String remotedialer) throws IOException, InterruptedException {
    return Peer.start(
        directory.resolve(name),
        remotedialer,
        "--ping-interval=1h",
        "--health-interval=1h",
        "--idle-limit=1s");
  }

  /** Another server with the same CA, on the other version of the library. */
  private Peer startLike(Peer first) throws IOException, InterruptedException {
    var from = first.caFile().getParent();
    var to = Files.createDirectories(directory.resolve("second").resolve("peer"));
    try (var files = Files.list(from)) {
      for (var file : files.toList()) {
        Files.copy(file, to.resolve(file.getFileName()));
      }
    }
    return start("second", Peer.VERSIONS.getLast());
  }

  private void rotate() throws Exception {
    var order = new ArrayList<Material>();
    for (int round = 0; round < ROUNDS; round++) {
      Collections.addAll(order, Material.values());
    }
    Collections.shuffle(order, new Random(SEED));
    for (var material : order) {
      int before = handshakes();
      int expected =
          switch (material) {
            case TOKEN -> token();
            case SERVICE_ACCOUNT_TOKEN -> serviceAccountToken();
            case KUBE_CA -> kubeCa();
            case SERVER_CA -> serverCa();
            case SERVER_URL -> serverUrl();
          };
      load.check();
      explorerAnswers();
      assertThat(handshakes() - before).as("handshakes for " + material).isEqualTo(expected);
      assertThat(agent.degraded().keySet()).noneMatch(feature -> feature.endsWith("-news"));
      assertThat(agent.process().isAlive()).isTrue();
      assertThat(agent.sessions()).as("sessions that carry streams").isEqualTo(1 + moves);
    }
  }

  /** By the server that the agent is at. */
  private void explorerAnswers() throws IOException, InterruptedException {
    var reply =
        RawHttp.send(
            peer.forwardToSteve(),
            "GET",
            "/v1/configmaps?limit=1",
            List.of(Map.entry("Host", "h"), Map.entry("Impersonate-User", EXPLORER_USER)),
            new byte[0]);
    assertThat(reply.status()).as(reply.body()).isEqualTo(200);
    var list = JSON.readTree(reply.body());
    assertThat(list.path("resourceType").asText()).isEqualTo("configmap");
    assertThat(list.path("data")).isNotEmpty();
  }

  private int handshakes() throws IOException, InterruptedException {
    int count = 0;
    for (var one : peers) {
      count += one.handshakes().size();
    }
    return count;
  }

  private void inUse(Material material, Await.Condition condition) throws InterruptedException {
    long startNanos = System.nanoTime();
    var limit =
        switch (material) {
          case SERVICE_ACCOUNT_TOKEN, KUBE_CA -> AT_ONCE;
          case TOKEN, SERVER_CA, SERVER_URL -> IN_USE;
        };
    Await.that(material + " is in use", limit, condition);
    times
        .computeIfAbsent(material, _ -> new ArrayList<>())
        .add(Duration.ofMillis((System.nanoTime() - startNanos) / 1_000_000));
  }

  private String next(String name) {
    return "%s-%03d".formatted(name, ++changes);
  }

  // ---- what is no change, and what is wrong

  /** The next change's handshakes are counted: had there been one for this, it came before. */
  private void sameValueMakesNoConnection() throws Exception {
    int before = handshakes();
    credentials.put("token", token);
    credentials.put("url", credentials.get("url"));
    int expected = token();
    assertThat(handshakes() - before).isEqualTo(expected);
    load.check();
  }

  private void wrongTokenCostsNothing() throws Exception {
    credentials.put("token", next("wrong-token"));
    isSaid("TokenUnknown");
    assertThat(agent.reason("cluster")).as("the tunnel is up").isEmpty();
    load.check();
    credentials.put("token", token);
    isSaidNoMore();
    load.check();
  }

  /** What the API server itself disproves; the server goes on with what it knows. */
  private void wrongAccessIsNotTold() throws Exception {
    int before = handshakes();
    var known = told();

    var unrelated = next("unrelated-ca");
    certificates.authority(unrelated, unrelated, null);
    writeRootCa(certificates.pem(unrelated));
    isSaid("ClusterCaWrong");
    assertThat(told()).isEqualTo(known);
    load.check();
    int expected = kubeCa();
    isSaidNoMore();

    known = told();
    putToken(next("wrong-service-account-token"));
    isSaid("Unauthorized");
    assertThat(told()).isEqualTo(known);
    load.check();
    expected += serviceAccountToken();
    isSaidNoMore();

    assertThat(handshakes() - before).isEqualTo(expected);
    load.check();
  }

  /** What the server knows of the API server; of the token its checksum. */
  private List<String> told() throws IOException, InterruptedException {
    var cluster = peer.cluster();
    return Stream.of("address", "tokenSha256", "caCert")
        .map(field -> cluster.path(field).asText())
        .toList();
  }

  private void isSaid(String code) throws InterruptedException {
    Await.that(
        code + " is said",
        IN_USE,
        () -> agent.degraded().getOrDefault("cluster-tunnel-news", "").contains(code));
  }

  private void isSaidNoMore() throws InterruptedException {
    Await.that(
        "it is over",
        IN_USE,
        () -> agent.degraded().keySet().stream().noneMatch(name -> name.endsWith("-news")));
  }

  // ---- each of them; returns how many handshakes that makes

  private int token() throws Exception {
    var former = token;
    token = next("rotated-registration-token");
    for (var one : peers) {
      one.addToken(token);
    }
    credentials.put("token", token);
    inUse(
        Material.TOKEN,
        () ->
            opened("X-API-Tunnel-Token", token)
                && opened("Authorization", "Bearer stv-cluster-" + token));
    for (var one : peers) {
      one.removeToken(former);
    }
    return 2;
  }

  private boolean opened(String header, String value) throws IOException, InterruptedException {
    return StreamSupport.stream(peer.handshakes().spliterator(), false)
        .filter(handshake -> handshake.path("status").asInt() == 101)
        .flatMap(handshake -> StreamSupport.stream(handshake.path("headers").spliterator(), false))
        .anyMatch(
            one ->
                one.path(0).asText().equalsIgnoreCase(header)
                    && one.path(1).asText().equals(value));
  }

  private int serviceAccountToken() throws Exception {
    var former = tokenSecret;
    tokenSecret = next("cattle-token");
    var made = makeTokenSecret();
    inUse(
        Material.SERVICE_ACCOUNT_TOKEN,
        () ->
            peer.cluster()
                .path("tokenSha256")
                .asText()
                .equals(Payload.sha256(made.getBytes(UTF_8))));
    admin("delete", "secret", former); // and its token with it
    return 1;
  }

  /** Makes a Secret with a token of its own, and refers to it; returns the token. */
  private String makeTokenSecret() throws IOException, InterruptedException {
    var secret =
        """
        apiVersion: v1
        kind: Secret
        type: kubernetes.io/service-account-token
        metadata:
          name: %s
          labels: {cattle.io/service-account.name: %s}
          annotations: {kubernetes.io/service-account.name: %s}
        """
            .formatted(tokenSecret, ACCOUNT, ACCOUNT);
    plane
        .admin()
        .outcome(secret.getBytes(UTF_8), "-n", Import.NAMESPACE, "create", "-f", "-")
        .expect(0);
    var made =
        admin(
                "create",
                "token",
                ACCOUNT,
                "--duration=24h",
                "--bound-object-kind=Secret",
                "--bound-object-name=" + tokenSecret)
            .strip();
    putToken(made);
    admin(
        "annotate",
        "--overwrite",
        "serviceaccount",
        ACCOUNT,
        "rancher.io/service-account.secret-ref=" + Import.NAMESPACE + "/" + tokenSecret);
    return made;
  }

  private void putToken(String text) throws IOException, InterruptedException {
    admin("patch", "secret", tokenSecret, "-p", "{\"stringData\":{\"token\":\"" + text + "\"}}");
  }

  private int kubeCa() throws Exception {
    var another = next("kube-ca");
    certificates.authority(another, another, null);
    var both = Files.readString(plane.caFile()) + certificates.pem(another);
    writeRootCa(both);
    inUse(
        Material.KUBE_CA,
        () ->
            peer.cluster()
                .path("caCert")
                .asText()
                .equals(Base64.getEncoder().encodeToString(both.getBytes(UTF_8))));
    return 1;
  }

  private void writeRootCa(String pem) throws IOException, InterruptedException {
    var map = JSON.createObjectNode();
    map.put("apiVersion", "v1").put("kind", "ConfigMap");
    map.putObject("metadata").put("name", ROOT_CA);
    map.putObject("data").put("ca.crt", pem);
    plane
        .admin()
        .outcome(map.toString().getBytes(UTF_8), "-n", Import.NAMESPACE, "apply", "-f", "-")
        .expect(0);
  }

  private int serverCa() throws Exception {
    var next = directory.resolve(next("server-ca"));
    int before = handshakes();
    Path file = serverCa;
    for (var one : peers) {
      file = one.announceCa(next);
    }
    load.trust(
        Files.writeString(
            directory.resolve(next("authorities")),
            Files.readString(serverCa) + Files.readString(file)));
    inUse(Material.SERVER_CA, () -> handshakes() == before + 2);
    for (var one : peers) {
      one.serveByCa(next);
    }
    serverCa = file;
    inUse(Material.SERVER_CA, () -> handshakes() == before + 4);
    return 4;
  }

  private int serverUrl() throws Exception {
    var former = peer;
    var there = peers.getFirst() == former ? peers.getLast() : peers.getFirst();
    credentials.put("url", there.url().toString());
    inUse(
        Material.SERVER_URL,
        () -> there.sessions(Peer.CLUSTER).size() == 1 && there.sessions(Peer.STEVE).size() == 1);
    peer = there;
    moves++;
    var left = load.moveTo(there);
    Load.alive(left);
    load.check();

    left.forEach(Echo::close);
    assertThat(left).allMatch(stream -> stream.failure().isEmpty());
    Await.that(
        "the former server is left",
        LEFT,
        () -> former.sessions(Peer.CLUSTER).isEmpty() && former.sessions(Peer.STEVE).isEmpty());
    return 2;
  }

  private String admin(String... arguments) throws IOException, InterruptedException {
    var all = new ArrayList<>(List.of("-n", Import.NAMESPACE));
    all.addAll(List.of(arguments));
    return plane.admin().run(all.toArray(String[]::new));
  }
}
