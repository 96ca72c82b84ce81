package io.drover.server;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.drover.proto.handshake.ConnectParams;
import io.drover.server.TestServer.NewCluster;
import java.io.BufferedInputStream;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.Random;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import javax.net.ssl.SSLSocket;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** kubectl's way: client, server, tunnel, agent, API server, all over real sockets. */
@Timeout(120)
class ClusterProxyTest {
  private static final int FIVE_MEBIBYTES = 5 * 1024 * 1024;

  /** As in {@code ApiConnections}. */
  private static final int MAX_IDLE = 8;

  @TempDir private Path directory;
  private final BlockingQueue<String> script = new LinkedBlockingQueue<>();
  private TestServer server;
  private FakeApiServer api;
  private NewCluster cluster;
  private DiallingAgent agent;
  private HttpClient http;

  @BeforeEach
  void start() throws Exception {
    server = TestServer.start(directory.resolve("server"));
    Files.createDirectory(directory.resolve("api"));
    api = FakeApiServer.start(directory.resolve("api"), this::answer);
    cluster = server.create("one");
    agent =
        DiallingAgent.start(
            server, cluster, new ConnectParams(api.address(), "sa-token", api.caPem));
    http =
        HttpClient.newBuilder().sslContext(server.tls).version(HttpClient.Version.HTTP_1_1).build();
  }

  @AfterEach
  void stop() throws Exception {
    http.shutdownNow();
    agent.close();
    api.close();
    server.close();
  }

  private void answer(FakeApiServer.Request request) throws IOException {
    var target = request.target();
    if (target.startsWith("/watch") || target.startsWith("/api/v1/watch/")) {
      request.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
      for (var event = take(); !event.isEmpty(); event = take()) {
        request.write(Integer.toHexString(event.length()) + "\r\n" + event + "\r\n");
      }
      request.write("0\r\n\r\n");
    } else if (target.startsWith("/readyz") || target.startsWith("/api")) {
      request.answer(200, "ok");
    } else if (target.startsWith("/error")) {
      request.answer(409, "{\"kind\":\"Status\",\"reason\":\"Conflict\"}");
    } else if (target.startsWith("/random")) {
      byte[] bytes = random();
      request.write("HTTP/1.1 200 OK\r\nContent-Length: " + bytes.length + "\r\n\r\n");
      request.out().write(bytes);
    } else if (target.startsWith("/flood")) {
      request.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
      byte[] bytes = new byte[64 * 1024];
      while (true) {
        request.write("10000\r\n");
        request.out().write(bytes);
        request.write("\r\n");
      }
    } else if (target.startsWith("/sha")) {
      request.answer(200, sha256(body(request)));
    } else if (target.startsWith("/early")) {
      request.write("HTTP/1.1 413 Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
      throw new IOException("closes without reading");
    } else if (target.startsWith("/fields/")) {
      var fields = "X-Many: y\r\n".repeat(number(target) - 1);
      request.write("HTTP/1.1 200 OK\r\n" + fields + "Content-Length: 0\r\n\r\n");
    } else if (target.startsWith("/thousands/")) {
      var fields = ("X-Long: " + "y".repeat(990) + "\r\n").repeat(number(target));
      request.write("HTTP/1.1 200 OK\r\n" + fields + "Content-Length: 0\r\n\r\n");
    } else if (target.startsWith("/interim/")) {
      request.write("HTTP/1.1 103 Early Hints\r\n\r\n".repeat(number(target)));
      request.answer(200, "at last");
    } else if (target.startsWith("/upgrade")) {
      request.write(
          "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: "
              + request.field("upgrade")
              + "\r\nX-Stream-Protocol-Version: v4.channel.k8s.io\r\n\r\nhello ");
      echoUpperCase(request);
    } else {
      request.answer(404, "not here");
    }
  }

  private static int number(String target) {
    return Integer.parseInt(target.substring(target.lastIndexOf('/') + 1));
  }

  private String take() throws IOException {
    try {
      return script.take();
    } catch (InterruptedException e) {
      throw new IOException(e);
    }
  }

  private static void echoUpperCase(FakeApiServer.Request request) throws IOException {
    byte[] bytes = new byte[8192];
    while (true) {
      int count = request.body().read(bytes);
      if (count < 0) {
        throw new IOException("end");
      }
      var text = new String(bytes, 0, count, ISO_8859_1);
      if (text.equals("quit")) {
        throw new IOException("asked to");
      }
      request.write(text.toUpperCase(Locale.ROOT));
    }
  }

  private static byte[] body(FakeApiServer.Request request) throws IOException {
    var length = request.field("content-length");
    if (!length.isEmpty()) {
      return request.body().readNBytes(Integer.parseInt(length));
    }
    var body = new ByteArrayOutputStream();
    while (true) {
      int size = Integer.parseInt(FakeApiServer.line(request.body()), 16);
      body.writeBytes(request.body().readNBytes(size));
      var _ = FakeApiServer.line(request.body());
      if (size == 0) {
        return body.toByteArray();
      }
    }
  }

  private static byte[] random() {
    byte[] bytes = new byte[FIVE_MEBIBYTES];
    new Random(5).nextBytes(bytes);
    return bytes;
  }

  private static String sha256(byte[] bytes) {
    try {
      return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes));
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
  }

  private HttpRequest.Builder request(String target) {
    return HttpRequest.newBuilder(server.url.resolve("/k8s/clusters/" + cluster.id() + target))
        .timeout(Duration.ofSeconds(60))
        .header("Authorization", "Bearer " + server.adminToken);
  }

  private HttpResponse<String> get(String target) throws Exception {
    return http.send(request(target).build(), BodyHandlers.ofString());
  }

  @Test
  void requestGoesOutAsTheAgentOnBehalfOfTheUser() throws Exception {
    var asked =
        request("/api/v1/namespaces/a%2Fb//pods?limit=5&x=%20")
            .header("Impersonate-User", "mallory")
            .header("Impersonate-Group", "root")
            .header("Impersonate-Extra-scopes", "all")
            .header("Accept", "application/json;as=Table")
            .build();

    var answer = http.send(asked, BodyHandlers.ofString());

    assertThat(answer.statusCode()).isEqualTo(200);
    assertThat(answer.body()).isEqualTo("ok");
    var seen = api.requests.take();
    assertThat(seen.target()).isEqualTo("/api/v1/namespaces/a%2Fb//pods?limit=5&x=%20");
    assertThat(seen.field("host")).isEqualTo(api.address());
    assertThat(seen.field("authorization")).isEqualTo("Bearer sa-token");
    assertThat(seen.field("impersonate-user")).isEqualTo("admin");
    assertThat(seen.field("impersonate-group"))
        .isEqualTo("system:authenticated,system:cattle:authenticated,system:masters");
    assertThat(seen.fields()).doesNotContainKey("impersonate-extra-scopes");
    assertThat(seen.field("accept")).isEqualTo("application/json;as=Table");
  }

  @Test
  void answersOfTheApiServerAreUntouched() throws Exception {
    var answer = get("/error");

    assertThat(answer.statusCode()).isEqualTo(409);
    assertThat(answer.body()).isEqualTo("{\"kind\":\"Status\",\"reason\":\"Conflict\"}");
  }

  @Test
  void connectionsAreKeptForTheNextRequest() throws Exception {
    assertThat(get("/api").statusCode()).isEqualTo(200);
    int before = api.connections.get();

    for (int i = 0; i < 5; i++) {
      assertThat(get("/api").statusCode()).isEqualTo(200);
    }

    // Health checks dial, too; five requests of their own would be five more.
    assertThat(api.connections.get() - before).isLessThan(5);
  }

  @Test
  void idleConnectionsHaveALimit() throws Exception {
    var watches = new ArrayList<CompletableFuture<HttpResponse<String>>>();
    for (int i = 0; i < MAX_IDLE + 3; i++) {
      watches.add(http.sendAsync(request("/watch").build(), BodyHandlers.ofString()));
      api.requests.take();
    }
    assertThat(api.openConnections()).isGreaterThanOrEqualTo(MAX_IDLE + 3);

    watches.forEach(_ -> script.add("")); // each comes to its end

    for (var watch : watches) {
      assertThat(watch.get(30, TimeUnit.SECONDS).statusCode()).isEqualTo(200);
    }
    // The health check's own comes and goes.
    TestServer.eventually("the rest is closed", () -> api.openConnections() <= MAX_IDLE + 1);
  }

  @ParameterizedTest
  @CsvSource({
    "/fields/200, /fields/201, Maximum header count exceeded",
    "/thousands/60, /thousands/66, head of the answer too long: limit=65536",
    "/interim/10, /interim/11, too many interim answers: limit=10"
  })
  void headsOfAnswersHaveLimits(String most, String more, String problem) throws Exception {
    assertThat(get(most).statusCode()).isEqualTo(200);

    var refused = get(more);

    assertThat(refused.statusCode()).isEqualTo(503);
    assertThat(refused.body()).contains("\"kind\":\"Status\"").contains(problem);
  }

  @Test
  void requestWithoutOrWithAWrongTokenIs401() throws Exception {
    for (var token : List.of("", "Bearer ", "Bearer wrong", "Basic x")) {
      var asked =
          HttpRequest.newBuilder(server.url.resolve("/k8s/clusters/" + cluster.id() + "/api"))
              .header("Authorization", token)
              .build();
      var answer = http.send(asked, BodyHandlers.ofString());
      assertThat(answer.statusCode()).isEqualTo(401);
      assertThat(answer.body()).contains("\"kind\":\"Status\"");
    }
    assertThat(api.requests).isEmpty();
  }

  @Test
  void unknownClusterIs404AndAbsentAgent503AsStatus() throws Exception {
    var unknown =
        HttpRequest.newBuilder(server.url.resolve("/k8s/clusters/c-zzzzz/api"))
            .header("Authorization", "Bearer " + server.adminToken)
            .build();
    assertThat(http.send(unknown, BodyHandlers.ofString()).statusCode()).isEqualTo(404);
    var lonely = server.create("lonely");
    var asked =
        HttpRequest.newBuilder(server.url.resolve("/k8s/clusters/" + lonely.id() + "/api"))
            .header("Authorization", "Bearer " + server.adminToken)
            .build();

    var answer = http.send(asked, BodyHandlers.ofString());

    assertThat(answer.statusCode()).isEqualTo(503);
    var status = TestServer.JSON.readTree(answer.body());
    assertThat(status.path("kind").asText()).isEqualTo("Status");
    assertThat(status.path("reason").asText()).isEqualTo("ServiceUnavailable");
    assertThat(status.path("message").asText()).isEqualTo("cluster agent disconnected");
  }

  @Test
  void dialThatFailsIs503WithTheAgentsText() throws Exception {
    agent.close();
    api.close();
    var refusing =
        DiallingAgent.start(
            server, cluster, new ConnectParams(api.address(), "sa-token", api.caPem));
    try (refusing) {
      var answer = get("/api");

      assertThat(answer.statusCode()).isEqualTo(503);
      assertThat(answer.body()).contains("connect: connection refused");
    }
  }

  @Test
  void certificateOfAnotherAuthorityIs503() throws Exception {
    agent.close();
    var wrong =
        new ConnectParams(
            api.address(), "sa-token", Files.readString(server.directory.resolve("ca.pem")));
    try (var _ = DiallingAgent.start(server, cluster, wrong)) {
      var answer = get("/api");

      assertThat(answer.statusCode()).isEqualTo(503);
      assertThat(api.requests).isEmpty();
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "/watch?watch=true",
        "/watch?a=b&watch=True",
        "/watch?watch=t&a=b",
        "/watch?watch=00",
        "/watch?watch",
        "/watch?watch=&a=b",
        "/watch?follow=TRUE",
        "/api/v1/watch/pods",
      })
  void eventsOfAWatchArriveOneByOne(String target) throws Exception {
    var answer = http.send(request(target).build(), BodyHandlers.ofInputStream());
    assertThat(answer.headers().firstValue("Connection")).contains("close");
    try (var events = answer.body()) {
      for (var event : List.of("first\n", "second\n")) {
        script.add(event);
        assertThat(new String(events.readNBytes(event.length()), US_ASCII)).isEqualTo(event);
      }
      script.add("");
      assertThat(events.read()).isEqualTo(-1);
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "/api?watch=0",
        "/api?watch=False&a=b",
        "/api?follow=false",
        "/api?watches=1",
        "/api/v1/namespaces/watch/pods",
      })
  void connectionOfWhatIsNoWatchIsKept(String target) throws Exception {
    assertThat(get(target).headers().firstValue("Connection")).isEmpty();
  }

  @ParameterizedTest
  @ValueSource(strings = {"/watch?watch=1", "/watch?watch=True", "/api/v1/watch/pods"})
  void watchEndsAtTheApiServerWhenItsClientHasGone(String target) throws Exception {
    assertThat(get("/api").statusCode()).isEqualTo(200);
    var answer = http.send(request(target).build(), BodyHandlers.ofInputStream());
    script.add("event\n");
    assertThat(answer.body().readNBytes(6)).hasSize(6);
    var open = server.get("/v3/clusters/" + cluster.id());
    assertThat(open.path("id").asText()).isEqualTo(cluster.id());

    answer.body().close(); // nothing is written from now on

    var gone = new CountDownLatch(1);
    for (int i = 0; i < 100 && agent.dialled() > 1; i++) {
      var _ = gone.await(50, TimeUnit.MILLISECONDS);
    }
    assertThat(agent.dialled()).isLessThanOrEqualTo(1); // the kept one
  }

  @Test
  void fiveMebibytesDown() throws Exception {
    var answer = http.send(request("/random").build(), BodyHandlers.ofByteArray());

    assertThat(sha256(answer.body())).isEqualTo(sha256(random()));
  }

  @Test
  void fiveMebibytesUpWithKnownAndUnknownLength() throws Exception {
    var known = request("/sha").POST(BodyPublishers.ofByteArray(random())).build();
    var chunked =
        request("/sha")
            .POST(BodyPublishers.ofInputStream(() -> new ByteArrayInputStream(random())))
            .build();

    assertThat(http.send(known, BodyHandlers.ofString()).body()).isEqualTo(sha256(random()));
    assertThat(http.send(chunked, BodyHandlers.ofString()).body()).isEqualTo(sha256(random()));
  }

  @Test
  void bodyIsAskedForWhenTheClientExpects100() throws Exception {
    var asked = request("/sha").expectContinue(true).POST(BodyPublishers.ofString("body")).build();

    var answer = http.send(asked, BodyHandlers.ofString());

    assertThat(answer.body()).isEqualTo(sha256("body".getBytes(US_ASCII)));
    assertThat(api.requests.take().fields()).doesNotContainKey("expect");
  }

  @Test
  void stalledReaderDoesNotStopOthers() throws Exception {
    var stalled = http.send(request("/flood").build(), BodyHandlers.ofInputStream());
    try (var _ = stalled.body()) {
      assertThat(stalled.statusCode()).isEqualTo(200);
      var waiting = new CountDownLatch(1);
      for (int i = 0; i < 400 && !agent.hasPaused(); i++) {
        var _ = waiting.await(25, TimeUnit.MILLISECONDS);
      }
      assertThat(agent.hasPaused()).isTrue();

      var answer = http.send(request("/random").build(), BodyHandlers.ofByteArray());

      assertThat(sha256(answer.body())).isEqualTo(sha256(random()));
    }
  }

  @Test
  void upgradeCarriesBytesBothWaysUntilTheServerEnds() throws Exception {
    for (var protocol : List.of("SPDY/3.1", "websocket")) {
      try (var socket = upgrade(protocol)) {
        var in = new BufferedInputStream(socket.getInputStream());
        var head = head(in);
        assertThat(head.getFirst()).startsWith("HTTP/1.1 101 ");
        assertThat(head)
            .contains(
                "Upgrade: " + protocol,
                "Connection: Upgrade",
                "X-Stream-Protocol-Version: v4.channel.k8s.io");
        assertThat(text(in, 6)).isEqualTo("hello ");

        for (var word : List.of("one", "two", "three")) {
          socket.getOutputStream().write(word.getBytes(US_ASCII));
          assertThat(text(in, word.length())).isEqualTo(word.toUpperCase(Locale.ROOT));
        }

        socket.getOutputStream().write("quit".getBytes(US_ASCII));
        assertThat(in.read()).isEqualTo(-1);
      }
    }
  }

  @Test
  void upgradeEndsAtTheApiServerWhenTheClientEnds() throws Exception {
    int before = agent.dialled();
    try (var socket = upgrade("SPDY/3.1")) {
      var in = new BufferedInputStream(socket.getInputStream());
      assertThat(head(in).getFirst()).startsWith("HTTP/1.1 101 ");
    }

    var gone = new CountDownLatch(1);
    for (int i = 0; i < 100 && agent.dialled() > before; i++) {
      var _ = gone.await(50, TimeUnit.MILLISECONDS);
    }
    assertThat(agent.dialled()).isLessThanOrEqualTo(before + 1); // a health check may run
  }

  @Test
  void upgradeThatIsRefusedIsAnOrdinaryAnswer() throws Exception {
    try (var socket = upgrade("SPDY/3.1", "/nowhere")) {
      var in = new BufferedInputStream(socket.getInputStream());
      assertThat(head(in).getFirst()).startsWith("HTTP/1.1 404 ");
      assertThat(text(in, 8)).isEqualTo("not here");
    }
  }

  private SSLSocket upgrade(String protocol) throws IOException {
    return upgrade(protocol, "/upgrade");
  }

  private SSLSocket upgrade(String protocol, String target) throws IOException {
    var socket =
        (SSLSocket)
            server.tls.getSocketFactory().createSocket(server.url.getHost(), server.url.getPort());
    socket.setSoTimeout(20_000);
    var head =
        "POST /k8s/clusters/%s%s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n"
            .formatted(cluster.id(), target, server.adminToken);
    var rest = "Connection: Upgrade\r\nUpgrade: " + protocol + "\r\nContent-Length: 0\r\n\r\n";
    socket.getOutputStream().write((head + rest).getBytes(US_ASCII));
    return socket;
  }

  private static List<String> head(InputStream in) throws IOException {
    var lines = new ArrayList<String>();
    for (var line = FakeApiServer.line(in); !line.isEmpty(); line = FakeApiServer.line(in)) {
      lines.add(line);
    }
    return lines;
  }

  private static String text(InputStream in, int bytes) throws IOException {
    return new String(in.readNBytes(bytes), US_ASCII);
  }

  @Test
  void answerBeforeTheEndOfTheBodyIsDelivered() throws Exception {
    var asked =
        request("/early").expectContinue(true).POST(BodyPublishers.ofByteArray(random())).build();

    try {
      assertThat(http.send(asked, BodyHandlers.ofString()).statusCode()).isIn(413, 503);
    } catch (IOException e) {
      // The JDK's client gives up when it cannot send the body, without reading the answer.
    }
    assertThat(get("/api").statusCode()).isEqualTo(200);
  }

  @Test
  void lostSessionEndsRunningRequestsAtOnce() throws Exception {
    var answer = http.send(request("/watch?watch=true").build(), BodyHandlers.ofInputStream());
    script.add("event\n");
    assertThat(answer.body().readNBytes(6)).hasSize(6);

    agent.close();

    assertThatThrownBy(() -> answer.body().readAllBytes()).isInstanceOf(IOException.class);
    assertThat(get("/api").statusCode()).isEqualTo(503);
  }

  @Test
  void clusterBecomesActiveAndUnavailableAgain() throws Exception {
    awaitState("active");
    assertThat(conditions()).contains("Provisioned=True", "Connected=True", "Ready=True");

    agent.close();

    awaitState("unavailable");
    assertThat(conditions())
        .contains("Provisioned=True", "Connected=False Disconnected", "Ready=False Disconnected");
  }

  private List<String> conditions() throws Exception {
    return server
        .get("/v3/clusters/" + cluster.id())
        .path("conditions")
        .valueStream()
        .map(
            condition ->
                (condition.path("type").asText()
                        + "="
                        + condition.path("status").asText()
                        + " "
                        + condition.path("reason").asText())
                    .strip())
        .toList();
  }

  private void awaitState(String state) throws Exception {
    var never = new CountDownLatch(1);
    for (int i = 0; i < 200; i++) {
      if (server.get("/v3/clusters/" + cluster.id()).path("state").asText().equals(state)) {
        return;
      }
      var _ = never.await(50, TimeUnit.MILLISECONDS);
    }
    throw new AssertionError("never " + state);
  }
}
