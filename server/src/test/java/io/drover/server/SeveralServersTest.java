package io.drover.server;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.drover.proto.handshake.ConnectParams;
import io.drover.server.TestServer.NewCluster;
import io.drover.server.cert.CertificateFiles;
import io.drover.server.cert.ServerCertificate;
import io.drover.server.store.Condition;
import io.drover.server.store.Condition.Status;
import io.drover.server.store.Conditions;
import io.drover.server.store.Database;
import io.drover.server.store.Hashes;
import io.drover.server.store.RandomText;
import io.drover.server.store.Replicas;
import io.drover.server.store.Replicas.Held;
import io.drover.server.store.Replicas.Replica;
import io.drover.server.store.Replicas.Tunnel;
import io.drover.server.store.Store;
import io.drover.server.tunnel.RawAgent;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Two servers on one database: an agent is connected to one, the other one is asked. */
@Timeout(120)
@SuppressWarnings("NullAway.Init") // start() sets everything
class SeveralServersTest {
  private static final int FIVE_MEBIBYTES = 5 * 1024 * 1024;

  @TempDir private Path directory;
  private CertificateFiles files;
  private Path given;
  private TestServer one;
  private TestServer other;
  private FakeApiServer api;
  private NewCluster cluster;
  private HttpClient http;
  private Database database;
  private Replicas replicas;
  private volatile Duration ahead = Duration.ZERO;

  @BeforeEach
  void start() throws Exception {
    given = Files.createDirectory(directory.resolve("given"));
    var _ = ServerCertificate.open(given, List.of("127.0.0.1"));
    files =
        new CertificateFiles(
            given.resolve("server.pem"),
            given.resolve("server.key"),
            Optional.of(given.resolve("ca.pem")));
    one = server("one");
    other = server("other");
    database = Database.open(databaseUrl());
    replicas = new Replicas(database);
    api = FakeApiServer.start(Files.createDirectory(directory.resolve("api")), this::answer);
    cluster = one.create("prod");
    http = HttpClient.newBuilder().sslContext(one.tls).version(HttpClient.Version.HTTP_1_1).build();
  }

  @AfterEach
  void stop() throws Exception {
    http.shutdownNow();
    api.close();
    database.close();
    one.close();
    other.close();
  }

  /** On PostgreSQL it is the same: `ReplicasTest` and `ReplicasIT` see to that. */
  private String databaseUrl() {
    return Database.fileIn(directory);
  }

  private TestServer server(String name) throws Exception {
    return TestServer.startBeside(directory.resolve(name), databaseUrl(), files, this::now);
  }

  private Instant now() {
    return Instant.now().plus(ahead);
  }

  private ConnectParams params() {
    return new ConnectParams(api.address(), "sa-token", api.caPem);
  }

  private void answer(FakeApiServer.Request request) throws IOException {
    var target = request.target();
    if (target.startsWith("/random")) {
      byte[] bytes = random();
      request.write("HTTP/1.1 200 OK\r\nContent-Length: " + bytes.length + "\r\n\r\n");
      request.out().write(bytes);
    } else if (target.startsWith("/length")) {
      int length = Integer.parseInt(request.field("content-length"));
      request.answer(200, "" + request.body().readNBytes(length).length);
    } else if (target.startsWith("/upgrade")) {
      request.write(
          "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\nhello ");
      byte[] bytes = new byte[8192];
      for (int count = request.body().read(bytes); count >= 0; count = request.body().read(bytes)) {
        request.write(new String(bytes, 0, count, ISO_8859_1).toUpperCase(Locale.ROOT));
      }
    } else {
      request.answer(200, "ok");
    }
  }

  private static byte[] random() {
    byte[] bytes = new byte[FIVE_MEBIBYTES];
    new Random(5).nextBytes(bytes);
    return bytes;
  }

  private HttpRequest.Builder request(TestServer server, String target) {
    return HttpRequest.newBuilder(server.url.resolve("/k8s/clusters/" + cluster.id() + target))
        .timeout(Duration.ofSeconds(60))
        .header("Authorization", "Bearer " + server.adminToken);
  }

  private HttpResponse<byte[]> get(TestServer server, String target) throws Exception {
    return http.send(request(server, target).build(), BodyHandlers.ofByteArray());
  }

  private String condition(TestServer server, String type) {
    try {
      for (var found : server.get("/v3/clusters/" + cluster.id()).path("conditions")) {
        if (found.path("type").asText().equals(type)) {
          return found.path("status").asText();
        }
      }
      return "";
    } catch (IOException | InterruptedException e) {
      throw new AssertionError(e);
    }
  }

  private void awaitActive() throws InterruptedException {
    for (var server : List.of(one, other)) {
      TestServer.eventually("ready", () -> condition(server, "Ready").equals("True"));
    }
  }

  /** What was ever said of it since the agent had both of its tunnels, oldest first. */
  private String connected() throws Exception {
    var said = new ArrayList<String>();
    for (var change : other.get("/v3/clusters/" + cluster.id() + "/timeline").path("data")) {
      if (change.path("type").asText().equals("Connected")) {
        said.add(change.path("status").asText());
      }
    }
    return String.join(" ", said)
        .replaceFirst("^(False )*True", "True")
        .replaceAll("(False|True)( \\1)+", "$1"); // said once more in other words
  }

  @Test
  void requestReachesTheClusterByWayOfTheServerThatHasItsTunnel() throws Exception {
    try (var _ = DiallingAgent.start(one, cluster, params())) {
      awaitActive();

      assertThat(get(other, "/random").body()).isEqualTo(random());
      var asked = request(other, "/length").POST(BodyPublishers.ofByteArray(random())).build();
      assertThat(http.send(asked, BodyHandlers.ofString()).body()).isEqualTo("" + FIVE_MEBIBYTES);
      assertThat(get(one, "/api").statusCode()).isEqualTo(200);
      assertThat(connected()).isEqualTo("True");
    }
  }

  @Test
  void upgradedConnectionsGoThatWay() throws Exception {
    try (var _ = DiallingAgent.start(one, cluster, params())) {
      awaitActive();
      var path = "/k8s/clusters/" + cluster.id() + "/upgrade";
      var fields =
          List.of("Authorization: Bearer " + other.adminToken, "Connection: Upgrade", "Upgrade: x");

      try (var raw = new RawConnection(other.tls.getSocketFactory(), other.url, path, fields)) {
        assertThat(raw.head).startsWith("HTTP/1.1 101");
        assertThat(raw.read("hello ".length())).isEqualTo("hello ");
        raw.write("shout");
        assertThat(raw.read("SHOUT".length())).isEqualTo("SHOUT");
      }
    }
  }

  @Test
  void tunnelsMayEndAtDifferentServers() throws Exception {
    try (var agent = DiallingAgent.start(one, other, cluster, params())) {
      awaitActive();

      assertThat(get(other, "/api").statusCode()).isEqualTo(200);
      assertThat(get(one, "/v1/pods").body()).asString(ISO_8859_1).isEqualTo("pong");
      assertThat(agent.toSteve.take()).contains("GET /v1/pods");
      assertThat(connected()).isEqualTo("True");
    }
  }

  @Test
  void whyADialFailsIsToldByTheOtherServerToo() throws Exception {
    api.close();
    try (var _ = DiallingAgent.start(one, cluster, params())) {
      TestServer.eventually("connected", () -> condition(other, "Connected").equals("True"));

      var answer = get(other, "/api");

      assertThat(answer.statusCode()).isEqualTo(503);
      assertThat(answer.body()).asString(ISO_8859_1).contains("connect: connection refused");
    }
  }

  @Test
  void agentThatIsNowhereIsDisconnectedAtBoth() throws Exception {
    try (var _ = DiallingAgent.start(one, cluster, params())) {
      awaitActive();
    }

    for (var server : List.of(one, other)) {
      TestServer.eventually("away", () -> condition(server, "Connected").equals("False"));
      var answer = get(server, "/api");
      assertThat(answer.statusCode()).isEqualTo(503);
      assertThat(answer.body())
          .asString(ISO_8859_1)
          .contains("\"message\":\"cluster agent disconnected\"");
    }
    assertThat(connected()).isEqualTo("True False");
  }

  @Test
  void agentOfAServerThatStopsIsAwaitedAtTheOther() throws Exception {
    try (var _ = DiallingAgent.start(one, cluster, params())) {
      awaitActive();
      one.close();
    }

    try (var _ = DiallingAgent.start(other, cluster, params())) {
      TestServer.eventually(
          "looked after by the other one",
          () -> {
            try {
              return other
                  .get("/v3/clusters/" + cluster.id() + "/tunnels")
                  .path("latencies")
                  .has(0);
            } catch (IOException | InterruptedException e) {
              throw new AssertionError(e);
            }
          });
      assertThat(get(other, "/api").statusCode()).isEqualTo(200);
      assertThat(connected()).as("never called disconnected").isEqualTo("True");
    }
    one = server("one");
  }

  /** One that was killed, with the agent's tunnels: the others have not missed it yet. */
  private Replica killed() {
    new Store(database, this::now).connected(cluster.id(), api.address());
    var dead = new Replica("r-0", URI.create("https://127.0.0.1:1"), "", "", 0);
    replicas.add(dead);
    var _ = replicas.hold("r-0", List.of(new Held(cluster.id(), "STEVE", Set.of("s"))));
    var up = new Condition(Condition.Type.CONNECTED, Status.TRUE, "", "", now(), now());
    assertThat(new Conditions(database).save(cluster.id(), List.of(up), replicas.dutyOf("r-0")))
        .isTrue();
    return dead;
  }

  @Test
  void agentOfADeadServerHasTimeToComeBackBeforeItIsCalledDisconnected() throws Exception {
    var dead = killed();
    var died = now();

    assertThat(replicas.removeDead(dead)).isTrue();

    awaitDisconnectedAfter(died);
  }

  @Test
  void tunnelThatIsStillListedAtADeadServerIsNoEndOfTheAgent() throws Exception {
    var _ = killed();
    TestServer.eventually(
        "known to the other one",
        () -> {
          try {
            return new String(get(other, "/v1/schemas").body(), ISO_8859_1).contains("r-0");
          } catch (Exception e) {
            throw new AssertionError(e);
          }
        });
    var back = now();

    try (var _ = other.connectCluster(cluster, params())) {
      awaitDisconnectedAfter(back);
    }
  }

  private void awaitDisconnectedAfter(Instant begun) throws InterruptedException {
    TestServer.eventually(
        "disconnected",
        () -> {
          ahead = ahead.plusMillis(200);
          return condition(other, "Connected").equals("False");
        });
    var last =
        new Conditions(database)
            .changes(cluster.id()).stream()
                .filter(change -> change.type() == Condition.Type.CONNECTED)
                .map(Conditions.Change::changed)
                .toList()
                .getLast();
    assertThat(last).isAfterOrEqualTo(begun.plusSeconds(30).truncatedTo(ChronoUnit.MILLIS));
  }

  @Test
  void removalThatOneIsAskedForIsDoneOnceByTheOther() throws Exception {
    var objects = new ConcurrentHashMap<String, ObjectNode>();
    var written = new LinkedBlockingQueue<String>();
    api.ofTheServer =
        request -> {
          var length = request.field("content-length");
          var body = request.body().readNBytes(length.isEmpty() ? 0 : Integer.parseInt(length));
          if (request.method().equals("POST")) {
            var object = (ObjectNode) TestServer.JSON.readTree(body);
            var name = object.at("/metadata/name").asText();
            object.withObject("/metadata").put("uid", "uid-of-" + name);
            objects.put(request.target() + "/" + name, object);
            written.add(object.path("kind").asText());
          }
          var found = objects.get(request.target());
          request.answer(request.method().equals("GET") && found == null ? 404 : 200, "" + found);
        };
    try (var _ = DiallingAgent.start(one, cluster, params())) {
      awaitActive();
      try (var running = RunningServer.of(other.directory)) {
        assertThat(running.delete("/v3/clusters/" + cluster.id()).path("state").asText())
            .isEqualTo("removing");
      }
      TestServer.eventually("Job", () -> written.contains("Job"));
      TestServer.eventually("told", () -> condition(other, "Removed").equals("Unknown"));
      objects.forEach(
          (_, object) ->
              object
                  .putObject("status")
                  .putArray("conditions")
                  .addObject()
                  .put("type", "Complete")
                  .put("status", "True"));
      TestServer.eventually("waits for the agent", () -> removed().equals("AgentStops"));
    }

    TestServer.eventually("gone", () -> new Store(database, this::now).clusters().isEmpty());
    assertThat(written).containsOnlyOnce("Job");
  }

  private String removed() {
    return new Conditions(database)
        .of(cluster.id()).stream()
            .filter(condition -> condition.type() == Condition.Type.REMOVED)
            .map(Condition::reason)
            .findFirst()
            .orElse("");
  }

  @Test
  void clusterThatOneServerForgetsIsEndedAtTheOther() throws Exception {
    try (var agent = one.connectSteve(cluster)) {
      TestServer.eventually("its session is noted", () -> !replicas.tunnels().isEmpty());
      try (var running = RunningServer.of(other.directory)) {
        var _ = running.delete("/v3/clusters/" + cluster.id() + "?force=true");
      }

      RawAgent.Frame frame;
      do {
        frame = agent.read();
      } while (frame.opcode() != RawAgent.CLOSE);
      assertThat(frame.code()).isEqualTo(1001);
    }
  }

  @Test
  void newCertificateIsTrustedAtOnce() throws Exception {
    try (var _ = DiallingAgent.start(one, cluster, params())) {
      awaitActive();
      Files.delete(files.chain());
      var _ = ServerCertificate.open(given, List.of("127.0.0.1"));

      one.readCertificateAgain();
      api.cutConnections(); // so that none is kept

      assertThat(get(other, "/api").statusCode()).isEqualTo(200);
      assertThat(get(other, "/random").body()).isEqualTo(random());
    }
  }

  @Test
  void whoHasSignedInAtOneIsKnownAtTheOther() throws Exception {
    var password = Files.readString(one.directory.resolve(Server.FIRST_PASSWORD_FILE)).strip();
    assertThat(other.directory.resolve(Server.FIRST_PASSWORD_FILE)).doesNotExist();
    var reply =
        one.send(
            http,
            "POST",
            "/v3-public/localProviders/local?action=login",
            TestServer.JSON
                .createObjectNode()
                .put("username", "admin")
                .put("password", password)
                .toString());
    var cookies =
        reply.headers().allValues("Set-Cookie").stream()
            .map(cookie -> cookie.substring(0, cookie.indexOf(';')))
            .collect(Collectors.joining("; "));

    var me = other.send(http, "GET", "/v3/users?me=true", "", "Cookie", cookies);

    assertThat(me.statusCode()).isEqualTo(200);
    assertThat(me.body()).contains("\"username\":\"admin\"");
  }

  @Test
  void onlyOtherServersAreLetInAndOnlyToSessionsThatEndThere() throws Exception {
    try (var _ = DiallingAgent.start(one, cluster, params())) {
      awaitActive();
      var token = RandomText.token();
      replicas.add(
          new Replica("r-test", URI.create("https://127.0.0.1:1"), "", Hashes.sha256(token), 0));
      var session =
          replicas.tunnels(cluster.id(), "CLUSTER").stream()
              .map(Tunnel::sessionId)
              .findFirst()
              .orElseThrow();
      var path = "/v3/peers/sessions/" + session;

      assertThat(peer(one, path, "r-test", token).statusCode()).isEqualTo(200);
      assertThat(peer(one, path, "r-test", token + "x").statusCode()).isEqualTo(401);
      assertThat(peer(one, path, "r-test", Hashes.sha256(token)).statusCode()).isEqualTo(401);
      assertThat(peer(one, path, "r-none", token).statusCode()).isEqualTo(401);
      assertThat(peer(one, path, "r-test", one.adminToken).statusCode()).isEqualTo(401);
      assertThat(peer(one, path + "x", "r-test", token).statusCode()).isEqualTo(404);
      assertThat(peer(other, path, "r-test", token).statusCode())
          .as("nothing is passed on twice")
          .isEqualTo(404);
    }
  }

  private HttpResponse<String> peer(TestServer server, String path, String id, String token)
      throws Exception {
    return server.send(
        http, "GET", path, "", "X-Drover-Replica", id, "Authorization", "Bearer " + token);
  }
}
