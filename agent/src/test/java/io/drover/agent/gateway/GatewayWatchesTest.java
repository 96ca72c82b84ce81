package io.drover.agent.gateway;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;

import io.drover.agent.gateway.ScriptedUpstream.Peer;
import io.drover.agent.gateway.audit.Recorder;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpServerRequest;
import io.vertx.core.http.HttpVersion;
import io.vertx.core.http.StreamResetException;
import java.io.IOException;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import javax.net.ssl.SSLSocket;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What goes on for long, and shares connections to an API server that speaks HTTP/2. */
@Timeout(60)
class GatewayWatchesTest {
  private static final String WATCH = "GET /api/v1/configmaps?watch=true";
  private static final String TOKENS = "GET /api/v1/secrets?watch=1";
  private static final int MANY = 50;
  private static final int CANCEL = 8;
  private static final int INTERNAL_ERROR = 2;

  private final List<SSLSocket> opened = new ArrayList<>();
  private final PolicyGate policy = new PolicyGate(InstantSource.system());
  private Http2Api api;
  private GatewayIdentity.Told told;
  private Gateway gateway;

  @BeforeEach
  void start() throws Exception {
    start(100, HttpVersion.HTTP_2, HttpVersion.HTTP_1_1);
  }

  private void start(int streams, HttpVersion... versions) throws Exception {
    api = new Http2Api(streams, versions);
    var identity = new GatewayIdentity((made, _) -> made.get(), InstantSource.system());
    told = identity.told();
    policy.none();
    gateway = Gateway.start(api, identity, policy, Recorder.counting(InstantSource.system()));
  }

  @AfterEach
  void stop() throws IOException {
    gateway.close();
    api.close();
    for (var socket : opened) {
      socket.close();
    }
  }

  private void restart(int streams, HttpVersion... versions) throws Exception {
    stop();
    start(streams, versions);
  }

  private Peer open() throws IOException {
    var socket = GatewayClient.secured(gateway.connect(_ -> {}), told);
    opened.add(socket);
    return GatewayClient.peer(socket);
  }

  private Peer ask(String line, String... fields) throws IOException {
    var peer = open();
    peer.say(
        line
            + " HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer "
            + told.token().value()
            + "\r\n"
            + String.join("", fields)
            + "\r\n");
    return peer;
  }

  private HttpServerRequest asked() throws InterruptedException {
    var request = api.asked.take();
    if (request.version() == HttpVersion.HTTP_1_1) {
      request.response().setChunked(true);
    }
    return request;
  }

  private static void tell(HttpServerRequest request, String event) {
    if (!request.response().headWritten()) {
      request.response().putHeader("Content-Type", "application/json");
    }
    request.response().write(event);
  }

  private static void hear(Peer peer, String event) throws IOException {
    assertThat(peer.line()).isEqualTo(Integer.toHexString(event.length()));
    assertThat(peer.line()).isEqualTo(event);
  }

  private static List<String> head(Peer peer) throws IOException {
    var head = peer.head();
    assertThat(head.getFirst()).isEqualTo("HTTP/1.1 200 OK");
    assertThat(ScriptedUpstream.field(head, "Transfer-Encoding")).isEqualTo("chunked");
    return head;
  }

  /** The target and the fields, as those on connections of their own. */
  @Test
  void requestIsPassedOnAsItIs() throws Exception {
    api.token = "real-2";
    var line = WATCH + "&labelSelector=a%3Db|c&%7e";
    var peer = ask(line, "Impersonate-User: u\r\n", "X-Remote-User: root\r\n", "Accept: a\r\n");
    var asked = asked();
    tell(asked, "one");

    assertThat(ScriptedUpstream.field(head(peer), "content-type")).isEqualTo("application/json");
    hear(peer, "one");
    assertThat(asked.version()).isEqualTo(HttpVersion.HTTP_2);
    assertThat(asked.uri()).isEqualTo(line.substring("GET ".length()));
    assertThat(asked.authority()).hasToString(api.url().getAuthority());
    assertThat(asked.headers().names())
        .extracting(name -> name.toLowerCase(java.util.Locale.ROOT))
        .contains("authorization", "impersonate-user", "accept", "via")
        .doesNotContain("x-remote-user", "user-agent", "connection", "te");
    assertThat(asked.getHeader("Authorization")).isEqualTo("Bearer real-2");
  }

  @Test
  void manyShareAConnectionAndEachHearsItsOwn() throws Exception {
    var peers = new ArrayList<Peer>();
    for (int i = 0; i < MANY; i++) {
      peers.add(ask(WATCH + "&n=" + i)); // at once: nobody has been answered yet
    }
    for (int i = 0; i < MANY; i++) {
      var asked = asked();
      tell(asked, "event of " + asked.getParam("n"));
    }
    for (int i = 0; i < MANY; i++) {
      head(peers.get(i));
      hear(peers.get(i), "event of " + i);
    }
    assertThat(api.connections).hasSize(1);
  }

  /** The agent's own token is another one every hour, and the connection stays. */
  @Test
  void everyWatchIsAskedForWithTheTokenOfItsMoment() throws Exception {
    for (var token : List.of("real-1", "real-2")) {
      api.token = token;
      ask(WATCH);
      assertThat(asked().getHeader("Authorization")).isEqualTo("Bearer " + token);
    }
    assertThat(api.connections).hasSize(1);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "GET /api/v1/pods?watch=1|HTTP_2",
        "GET /api/v1/watch/pods|HTTP_2",
        "GET /apis/apps/v1/namespaces/n/deployments?a=b&watch=true|HTTP_2",
        "GET /api/v1/namespaces/n/pods/p/log?follow=true&container=c|HTTP_2",
        "GET /api/v1/namespaces/n/pods/p/log?container=follow|HTTP_1_1",
        "GET /api/v1/namespaces/n/pods?watch=false|HTTP_1_1",
        "GET /api/v1/namespaces/watch/pods/watch|HTTP_1_1",
        "GET /version?watch=true|HTTP_1_1",
        "DELETE /api/v1/namespaces/n/pods/p?watch=true|HTTP_1_1"
      })
  void whatGoesOnForLongIsShared(String line, HttpVersion version) throws Exception {
    var peer = ask(line);
    var asked = asked();
    asked.response().end("{}");

    assertThat(peer.head().getFirst()).isEqualTo("HTTP/1.1 200 OK");
    assertThat(asked.version()).isEqualTo(version);
  }

  @Test
  void watchEndsThereWithWhoWatches() throws Exception {
    var peer = ask(WATCH);
    tell(asked(), "one");
    head(peer);
    hear(peer, "one");
    opened.getFirst().close();

    assertThat(api.ended.poll(30, TimeUnit.SECONDS))
        .isInstanceOfSatisfying(
            StreamResetException.class, reset -> assertThat(reset.getCode()).isEqualTo(CANCEL));
    var other = ask(WATCH);
    tell(asked(), "two");
    head(other);
    assertThat(api.connections).hasSize(1);
  }

  /** Before it has been answered. */
  @Test
  void requestEndsThereWithWhoAsks() throws Exception {
    ask(WATCH);
    asked();
    opened.getFirst().close();

    assertThat(api.ended.poll(30, TimeUnit.SECONDS)).isInstanceOf(StreamResetException.class);
  }

  @Test
  void endOfAWatchIsItsEnd() throws Exception {
    var peer = ask(WATCH);
    var asked = asked();
    tell(asked, "one");
    head(peer);
    hear(peer, "one");
    asked.response().end();

    assertThat(peer.line()).isEqualTo("0");
    assertThat(peer.line()).isEmpty();
    peer.say(WATCH + " HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer x\r\n\r\n");
    assertThat(peer.head().getFirst()).as("on the same connection").startsWith("HTTP/1.1 401 ");
  }

  @ParameterizedTest
  @ValueSource(strings = {"reset", "cut", "left and cut"})
  void cutIsNotTakenForTheEnd(String how) throws Exception {
    var peer = ask(WATCH);
    var asked = asked();
    tell(asked, "one");
    head(peer);
    hear(peer, "one");
    switch (how) {
      case "reset" -> asked.response().reset(INTERNAL_ERROR);
      case "cut" -> asked.connection().close();
      default -> {
        asked.connection().goAway(0);
        asked.connection().close();
      }
    }
    assertThat(peer.in().readAllBytes()).as("no last chunk").isEmpty();

    var again = ask(WATCH);
    tell(asked(), "two");
    head(again);
    hear(again, "two");
  }

  @Test
  void serverThatLeavesEndsItsWatchesAndIsAskedAnew() throws Exception {
    var peer = ask(WATCH);
    var old = asked();
    tell(old, "one");
    head(peer);
    hear(peer, "one");
    old.connection().goAway(0, Integer.MAX_VALUE);
    var round = old.connection().ping(Buffer.buffer(new byte[8]));
    round.toCompletionStage().toCompletableFuture().get(); // so that it has been heard of

    var other = ask(WATCH);
    tell(asked(), "two");
    head(other);
    assertThat(api.connections).hasSize(2);
    tell(old, "three");
    hear(peer, "three");
  }

  @Test
  void answersThatAreNoWatchAreAsTheyAre() throws Exception {
    var peer = ask(WATCH);
    asked()
        .response()
        .setStatusCode(410)
        .putHeader("Audit-Id", "a")
        .putHeader("Date", "then")
        .putHeader("Content-Length", "7")
        .putTrailer("X-Trailer", "t")
        .end("{'a':1}");

    var head = peer.head();
    assertThat(head.getFirst()).startsWith("HTTP/1.1 410 ");
    assertThat(ScriptedUpstream.field(head, "audit-id")).isEqualTo("a");
    assertThat(ScriptedUpstream.field(head, "content-length")).isEqualTo("7");
    assertThat(head)
        .filteredOn(line -> line.toLowerCase(java.util.Locale.ROOT).startsWith("date"))
        .containsExactly("date: then");
    assertThat(new String(peer.in().readNBytes(7), ISO_8859_1)).isEqualTo("{'a':1}");
  }

  @ParameterizedTest
  @ValueSource(ints = {401, 403, 429, 500, 503})
  void errorsOfTheApiServerStayItsOwn(int status) throws Exception {
    var peer = ask(WATCH);
    asked().response().setStatusCode(status).end("no");

    assertThat(peer.head().getFirst()).startsWith("HTTP/1.1 " + status);
    assertThat(new String(peer.in().readNBytes(2), ISO_8859_1)).isEqualTo("no");
  }

  /** He is sent no more than the buffers on the way hold, and the other one goes on. */
  @Test
  void whoDoesNotReadHoldsUpHisOwnWatchOnly() throws Exception {
    ask(WATCH + "&slow");
    var slow = asked();
    var quickPeer = ask(WATCH + "&quick");
    var quick = asked();
    tell(quick, "before");
    head(quickPeer);
    hear(quickPeer, "before");
    byte[] piece = new byte[16 * 1024];
    int pieces = 0;
    while (!slow.response().writeQueueFull()) {
      var written = slow.response().write(Buffer.buffer(piece)).toCompletionStage();
      pieces++;
      for (int turn = 0; turn < 100 && !written.toCompletableFuture().isDone(); turn++) {
        tell(quick, "event"); // a round of the other one, in which this one could be taken, too
        hear(quickPeer, "event");
      }
    }
    assertThat(pieces * piece.length).isLessThan(16 * 1024 * 1024);
    tell(quick, "after");
    hear(quickPeer, "after");
    assertThat(api.connections).hasSize(1);
  }

  @Test
  void bigWatchComesWhole() throws Exception {
    var peer = ask(WATCH);
    var asked = asked();
    var sent = Buffer.buffer(new byte[3 * 1024 * 1024]);
    asked.response().write(sent);
    asked.response().end();
    head(peer);
    int total = 0;
    for (int count = chunk(peer); count > 0; count = chunk(peer)) {
      total += count;
    }
    assertThat(total).isEqualTo(sent.length());
  }

  private static int chunk(Peer peer) throws IOException {
    int length = Integer.parseInt(peer.line(), 16);
    peer.in().readNBytes(length);
    peer.line();
    return length;
  }

  @Test
  void tokensDoNotLeaveInAWatchEither() throws Exception {
    var peer = ask(TOKENS);
    tell(
        asked(),
        "{\"type\":\"ADDED\",\"object\":{\"kind\":\"Secret\",\"apiVersion\":\"v1\",\"metadata\":"
            + "{\"name\":\"t\",\"annotations\":{\"kubernetes.io/service-account.name\":\"u\"}},"
            + "\"data\":{\"token\":\"c2VjcmV0\"},"
            + "\"type\":\"kubernetes.io/service-account-token\"}}\n");
    head(peer);
    int length = Integer.parseInt(peer.line(), 16);
    var event = new String(peer.in().readNBytes(length), ISO_8859_1);

    assertThat(event).contains("ADDED").doesNotContain("c2VjcmV0");
  }

  @Test
  void fullConnectionIsFollowedByAnotherAndTheLastByThoseOfTheirOwn() throws Exception {
    restart(2, HttpVersion.HTTP_2, HttpVersion.HTTP_1_1);
    var versions = new ArrayList<HttpVersion>();
    for (int i = 0; i <= 2 * SharedUpstream.MAX_CONNECTIONS; i++) {
      var peer = ask(WATCH);
      var asked = asked();
      versions.add(asked.version());
      tell(asked, "one");
      head(peer);
      assertThat(api.connections).hasSize(1 + i / 2);
    }
    assertThat(versions.subList(0, 2 * SharedUpstream.MAX_CONNECTIONS))
        .containsOnly(HttpVersion.HTTP_2);
    assertThat(versions.getLast()).isEqualTo(HttpVersion.HTTP_1_1);
  }

  @Test
  void serverWithoutHttp2IsAskedOnConnectionsOfTheirOwn() throws Exception {
    restart(100, HttpVersion.HTTP_1_1);
    for (int i = 1; i <= 3; i++) {
      var peer = ask(WATCH);
      var asked = asked();
      assertThat(asked.version()).isEqualTo(HttpVersion.HTTP_1_1);
      tell(asked, "one");
      head(peer);
      hear(peer, "one");
      assertThat(api.connections).as("that of the first try is used").hasSize(i);
    }
  }

  @Test
  void serverThatIsNotThereIsUnavailable() throws Exception {
    api.close();
    var peer = ask(WATCH);
    assertThat(peer.head().getFirst()).startsWith("HTTP/1.1 503 ");
  }
}
