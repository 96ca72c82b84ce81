package io.drover.agent.gateway;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.drover.agent.config.AuditConfig;
import io.drover.agent.gateway.ScriptedUpstream.Peer;
import io.drover.agent.gateway.audit.AuditRules;
import io.drover.agent.gateway.audit.Reading;
import io.drover.agent.gateway.audit.Recorder;
import io.drover.agent.kube.ConfigMapWatch;
import io.drover.agent.reason.Reason;
import io.drover.agent.tls.KeptTrust;
import io.drover.agent.tls.ServerDialer;
import io.drover.agent.tls.ServerHttp;
import io.drover.steve.http.FrontLimits;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
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
import org.junit.jupiter.params.provider.ValueSource;

/** From a stream of the tunnel to the API server and back, over real sockets and real TLS. */
@Timeout(60)
class GatewayTest {
  private static final Duration LONG = Duration.ofMinutes(1);
  private static final int MIB = 1024 * 1024;

  private final List<SSLSocket> opened = new ArrayList<>();
  private ScriptedUpstream api;
  private final PolicyGate policy = new PolicyGate(InstantSource.system());
  private GatewayIdentity identity;
  private GatewayIdentity.Told told;
  private Gateway gateway;
  @TempDir private Path directory;

  @BeforeEach
  void start() throws IOException {
    api = new ScriptedUpstream();
    identity = new GatewayIdentity((made, _) -> made.get(), InstantSource.system());
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

  private Peer open() throws IOException {
    var socket = GatewayClient.secured(gateway.connect(_ -> {}), told);
    opened.add(socket);
    return GatewayClient.peer(socket);
  }

  private String request(String line, String... fields) {
    return line
        + " HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer "
        + told.token().value()
        + "\r\n"
        + (fields.length == 0 ? "" : String.join("\r\n", fields) + "\r\n")
        + "\r\n";
  }

  private static String text(Peer peer, int bytes) throws IOException {
    return new String(peer.in().readNBytes(bytes), ISO_8859_1);
  }

  private static String field(List<String> head, String name) {
    return ScriptedUpstream.field(head, name);
  }

  @Test
  void passesARequestOnWithOurOwnToken() throws Exception {
    var peer = open();
    peer.say(
        request("GET /api/%2e?x=%20&y", "Impersonate-User: u", "X-Remote-User: root", "Accept: a"));

    var answer = peer.head();
    assertThat(answer.getFirst()).isEqualTo("HTTP/1.1 200 OK");
    assertThat(field(answer, "Content-Length")).isEqualTo("2");
    assertThat(text(peer, 2)).isEqualTo("ok");
    var asked = api.heads.take();
    assertThat(asked.getFirst()).isEqualTo("GET /api/%2e?x=%20&y HTTP/1.1");
    assertThat(asked)
        .contains("Impersonate-User: u", "Accept: a", "Via: 1.1 drover-gateway")
        .noneMatch(line -> line.startsWith("X-Remote"))
        .noneMatch(line -> line.contains(told.token().value()));
    assertThat(field(asked, "Authorization")).isEqualTo("Bearer real-1");
    assertThat(field(asked, "Host")).isEqualTo(api.url().getAuthority());
  }

  @Test
  void usesConnectionsAgainAndTheTokenOfTheMoment() throws Exception {
    var peer = open();
    for (int i = 1; i <= 3; i++) {
      api.token = "real-" + i;
      peer.say(request("GET /api"));
      peer.head();
      assertThat(text(peer, 2)).isEqualTo("ok");
      assertThat(field(api.heads.take(), "Authorization")).isEqualTo("Bearer real-" + i);
    }
    assertThat(api.connections).hasValue(1);
  }

  @Test
  void asksAgainIfAnIdleConnectionHasEnded() throws Exception {
    var peer = open();
    peer.say(request("GET /api"));
    peer.head();
    text(peer, 2);
    api.hangUp();

    peer.say(request("GET /api"));

    assertThat(peer.head().getFirst()).isEqualTo("HTTP/1.1 200 OK");
    assertThat(api.connections).hasValue(2);
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "Authorization: Bearer no\r\n", "Authorization: Basic bm8=\r\n"})
  void refusesWhoeverHasNotTheTokenAndAsksNobody(String field) throws Exception {
    var peer = open();
    peer.say("GET /api HTTP/1.1\r\nHost: h\r\n" + field + "\r\n");

    var answer = peer.head();
    assertThat(answer.getFirst()).isEqualTo("HTTP/1.1 401 Unauthorized");
    assertThat(field(answer, "Content-Type")).isEqualTo("application/json");
    assertThat(text(peer, Integer.parseInt(field(answer, "Content-Length"))))
        .contains("\"kind\":\"Status\"", "\"code\":401");
    assertThat(peer.in().read()).as("the connection ends").isEqualTo(-1);
    assertThat(api.connections).hasValue(0);
  }

  @Test
  void refusesWhatThePolicyDeniesAndAsksNobody() throws Exception {
    policy.is(PolicyGateTest.NO_EXEC, "", "1");
    var peer = open();
    peer.say(
        request(
            "POST /api/v1/namespaces/shop/pods/web-0/exec?command=sh", "Impersonate-User: u-abc"));

    var answer = peer.head();
    assertThat(answer.getFirst()).isEqualTo("HTTP/1.1 403 Forbidden");
    assertThat(field(answer, "Content-Type")).isEqualTo("application/json");
    assertThat(text(peer, Integer.parseInt(field(answer, "Content-Length"))))
        .contains("\"kind\":\"Status\"", "User \\\"u-abc\\\" cannot create", "ask the team");
    assertThat(api.connections).hasValue(0);

    var other = open();
    other.say(request("GET /api/v1/namespaces/shop/pods/web-0", "Impersonate-User: u-abc"));
    assertThat(other.head().getFirst()).isEqualTo("HTTP/1.1 200 OK");
  }

  @Test
  void usersOwnTokensGoOnAsTheyAreAndInTheNameOfWhomTheySay() throws Exception {
    var claims = "{\"sub\":\"system:serviceaccount:cattle-impersonation-system:u\"}";
    var token =
        "e30."
            + java.util.Base64.getUrlEncoder()
                .withoutPadding()
                .encodeToString(claims.getBytes(ISO_8859_1))
            + ".c2ln";
    var start = "GET /api HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer " + token + "\r\n";
    var peer = open();
    peer.say(start + "\r\n");
    assertThat(peer.head().getFirst()).isEqualTo("HTTP/1.1 200 OK");
    assertThat(field(api.heads.take(), "Authorization")).isEqualTo("Bearer " + token);

    var other = open();
    other.say(start + "Impersonate-User: root\r\n\r\n");
    assertThat(other.head().getFirst()).isEqualTo("HTTP/1.1 200 OK");
    assertThat(api.heads.take())
        .as("whether it may the API server says")
        .contains("Authorization: Bearer " + token, "Impersonate-User: root");
  }

  @Test
  void answersOfTheApiServerStayAsTheyAre() throws Exception {
    api.script =
        (peer, _) ->
            peer.say(
                String.join(
                    "\r\n",
                    "HTTP/1.1 422 Unprocessable Entity",
                    "Audit-Id: a",
                    "Date: then",
                    "Warning: 299 - 'old'",
                    "Keep-Alive: 5",
                    "Content-Length: 7",
                    "",
                    "{'a':1}"));
    var peer = open();
    peer.say(request("GET /api"));

    var answer = peer.head();
    assertThat(answer.getFirst()).startsWith("HTTP/1.1 422 ");
    assertThat(answer)
        .contains("Audit-Id: a", "Date: then", "Warning: 299 - 'old'", "Content-Length: 7")
        .noneMatch(line -> line.startsWith("Keep-Alive"))
        .filteredOn(line -> line.startsWith("Date"))
        .hasSize(1);
    assertThat(text(peer, 7)).isEqualTo("{'a':1}");
  }

  /** Cut before its last field it would be asked in our own name. */
  @Test
  void requestThatIsCutOffIsNotPassedOn() throws Exception {
    var peer = open();
    var whole = request("DELETE /api/v1/namespaces/x", "Impersonate-User: u");
    peer.say(whole.substring(0, whole.indexOf("Impersonate")));
    opened.getFirst().shutdownOutput();

    assertThat(peer.in().readAllBytes()).asString(ISO_8859_1).doesNotContain(" 200 ");
    assertThat(api.connections).hasValue(0);
  }

  @Test
  void headHasItsLengthAndNoBody() throws Exception {
    api.script = (peer, _) -> peer.say("HTTP/1.1 200 OK\r\nContent-Length: 700\r\n\r\n");
    var peer = open();
    peer.say(request("HEAD /api"));
    assertThat(field(peer.head(), "Content-Length")).isEqualTo("700");
    peer.say(request("HEAD /api"));
    assertThat(field(peer.head(), "Content-Length")).isEqualTo("700");
  }

  @Test
  void eventsComeAsTheyAreSaidAndTheWatchEndsWithWhoWatches() throws Exception {
    var more = new LinkedBlockingQueue<String>();
    var ended = new CountDownLatch(1);
    api.script =
        (peer, _) -> {
          peer.say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
          try {
            for (String event = more.take(); !event.isEmpty(); event = more.take()) {
              peer.say(Integer.toHexString(event.length()) + "\r\n" + event + "\r\n");
            }
            assertThat(peer.in().read()).isEqualTo(-1);
          } catch (IOException | InterruptedException _) {
            // Ended as well.
          }
          ended.countDown();
        };
    var peer = open();
    peer.say(request("GET /api?watch=1"));
    assertThat(peer.head().getFirst()).isEqualTo("HTTP/1.1 200 OK"); // before the first event
    for (String event : List.of("one", "another")) {
      more.add(event);
      assertThat(peer.line()).isEqualTo(Integer.toHexString(event.length()));
      assertThat(peer.line()).isEqualTo(event);
    }
    opened.getFirst().close();
    more.add("");

    assertThat(ended.await(30, TimeUnit.SECONDS)).isTrue();
  }

  /** Source: RFC 9112, 7.1.2: who takes chunks apart may leave them out. */
  @Test
  void trailersEndHereInBothDirections() throws Exception {
    api.script =
        (peer, _) -> {
          assertThat(peer.line()).isEqualTo("3");
          assertThat(peer.line()).isEqualTo("abc");
          assertThat(peer.line()).isEqualTo("0");
          assertThat(peer.line()).as("no trailer").isEmpty();
          peer.say(
              String.join(
                  "\r\n",
                  "HTTP/1.1 200 OK",
                  "Transfer-Encoding: chunked",
                  "Trailer: X-End",
                  "",
                  "2",
                  "ok",
                  "0",
                  "X-End: e",
                  "",
                  ""));
        };
    var peer = open();
    for (int i = 0; i < 2; i++) {
      peer.say(
          request("POST /api", "Transfer-Encoding: chunked", "Trailer: Impersonate-User")
              + "3\r\nabc\r\n0\r\nImpersonate-User: root\r\n\r\n");
      var answer = peer.head();
      assertThat(answer).noneMatch(line -> line.startsWith("Trailer"));
      assertThat(api.heads.take()).noneMatch(line -> line.startsWith("Trailer"));
      assertThat(field(answer, "Content-Length")).as("all of it had come").isEqualTo("2");
      assertThat(text(peer, 2)).isEqualTo("ok");
    }
    assertThat(api.connections).as("it can be used again").hasValue(1);
  }

  @Test
  void partOfAnAnswerIsNotTakenForTheWhole() throws Exception {
    api.script =
        (peer, _) -> {
          peer.say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
          api.hangUp();
        };
    var peer = open();
    peer.say(request("GET /api"));
    peer.head();
    var rest = new String(peer.in().readAllBytes(), ISO_8859_1);

    assertThat(rest).startsWith("3\r\nabc\r\n").doesNotContain("\r\n0\r\n");
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 40_000, Exchange.SMALL_BODY_BYTES + 1, 3 * MIB})
  void bodiesGoBothWaysWhole(int bytes) throws Exception {
    echoBodies();
    var body = body(bytes);
    var peer = open();
    var writer = send(peer.out(), request("PUT /api", "Content-Length: " + bytes), body);
    var answer = peer.head();
    assertThat(field(answer, "Content-Length")).isEqualTo(Integer.toString(bytes));
    assertThat(peer.in().readNBytes(bytes)).isEqualTo(body);
    writer.join();
  }

  /** Connections lend each other arrays; also those that end in the middle. */
  @Test
  void answersOfManyAtOnceAreEachTheirOwn() throws Exception {
    api.script =
        (peer, head) -> {
          String sign = head.getFirst().substring("GET /".length(), "GET /a".length());
          peer.say("HTTP/1.1 200 OK\r\nContent-Length: " + MIB + "\r\n\r\n");
          var random = new java.util.Random(sign.charAt(0));
          for (int left = MIB; left > 0; ) {
            int count = Math.min(left, 1 + random.nextInt(20_000));
            peer.say(sign.repeat(count));
            left -= count;
          }
        };
    var failed = new LinkedBlockingQueue<Throwable>();
    var readers = new ArrayList<Thread>();
    for (char sign = 'a'; sign < 'i'; sign++) {
      String own = String.valueOf(sign);
      for (boolean leaves : new boolean[] {false, true, false}) {
        var peer = open();
        var socket = opened.getLast();
        readers.add(
            Thread.ofVirtual()
                .start(
                    () -> {
                      try {
                        peer.say(request("GET /" + own));
                        peer.head();
                        int bytes = leaves ? 100_000 : MIB;
                        assertThat(text(peer, bytes)).isEqualTo(own.repeat(bytes));
                        if (leaves) {
                          socket.close();
                        }
                      } catch (IOException | AssertionError e) {
                        failed.add(e);
                      }
                    }));
      }
    }
    for (var reader : readers) {
      reader.join();
    }
    assertThat(failed).isEmpty();
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1, Exchange.SMALL_BODY_BYTES, Exchange.SMALL_BODY_BYTES + 1})
  void bothConnectionsGoOnBehindABody(int bytes) throws Exception {
    api.script =
        (peer, _) -> {
          assertThat(peer.in().readNBytes(bytes)).hasSize(bytes);
          peer.say("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        };
    var peer = open();
    for (int round = 0; round < 3; round++) {
      peer.say(request("PUT /api", "Content-Length: " + bytes) + "x".repeat(bytes));
      peer.head();
      assertThat(text(peer, 2)).isEqualTo("ok");
    }
    assertThat(api.connections).hasValue(1);
  }

  /** Comes back as it comes. */
  private void echoBodies() {
    api.script =
        (peer, head) -> {
          int length = Integer.parseInt(field(head, "Content-Length"));
          peer.say("HTTP/1.1 200 OK\r\nContent-Length: " + length + "\r\n\r\n");
          byte[] piece = new byte[8192];
          for (int left = length; left > 0; ) {
            int count = peer.in().read(piece, 0, Math.min(left, piece.length));
            if (count < 0) {
              return;
            }
            peer.out().write(piece, 0, count);
            left -= count;
          }
          peer.out().flush();
        };
  }

  private static byte[] body(int bytes) {
    byte[] body = new byte[bytes];
    new java.util.Random(bytes).nextBytes(body);
    return body;
  }

  private static Thread send(OutputStream out, String head, byte[] body) {
    return Thread.ofVirtual()
        .start(
            () -> {
              try {
                out.write(head.getBytes(ISO_8859_1));
                out.write(body);
                out.flush();
              } catch (IOException e) {
                throw new java.io.UncheckedIOException(e);
              }
            });
  }

  @Test
  void chunksOfARequestArePassedOnBeforeItsEnd() throws Exception {
    api.script =
        (peer, head) -> {
          assertThat(field(head, "Transfer-Encoding")).isEqualTo("chunked");
          assertThat(List.of(peer.line(), peer.line())).containsExactly("3", "abc");
          peer.say("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n");
          peer.say("abc");
        };
    var peer = open();
    peer.say(request("POST /api", "Transfer-Encoding: chunked") + "3\r\nabc\r\n");
    peer.head();
    assertThat(text(peer, 3)).isEqualTo("abc"); // while the request is not at its end
  }

  @Test
  void bodyThatIsHeldBackIsAskedForIfTheApiServerWantsIt() throws Exception {
    api.script =
        (peer, head) -> {
          assertThat(field(head, "Expect")).isEqualTo("100-continue");
          peer.say("HTTP/1.1 100 Continue\r\n\r\n");
          peer.say(
              "HTTP/1.1 201 Created\r\nContent-Length: 3\r\n\r\n"
                  + new String(peer.in().readNBytes(3), ISO_8859_1));
        };
    var peer = open();
    peer.say(request("POST /api", "Content-Length: 3", "Expect: 100-continue"));
    assertThat(peer.head()).containsExactly("HTTP/1.1 100 Continue");
    peer.say("xyz");
    assertThat(peer.head().getFirst()).isEqualTo("HTTP/1.1 201 Created");
    assertThat(text(peer, 3)).isEqualTo("xyz");
  }

  @Test
  void bodyThatIsHeldBackIsNotAskedForInVain() throws Exception {
    api.script = (peer, _) -> peer.say("HTTP/1.1 409 Conflict\r\nContent-Length: 1\r\n\r\nn");
    var peer = open();
    peer.say(request("POST /api", "Content-Length: 3", "Expect: 100-continue"));
    assertThat(peer.head()).contains("HTTP/1.1 409 Conflict", "Connection: close");
    assertThat(new String(peer.in().readAllBytes(), ISO_8859_1)).isEqualTo("n");
  }

  @Test
  void answerThatComesBeforeTheBodyIsThereEndsTheConnection() throws Exception {
    api.script = (peer, _) -> peer.say("HTTP/1.1 413 No\r\nContent-Length: 1\r\n\r\nn");
    var peer = open();
    peer.say(request("POST /api", "Content-Length: 10000000") + "abc");
    assertThat(peer.head()).contains("Connection: close");
    assertThat(new String(peer.in().readAllBytes(), ISO_8859_1)).isEqualTo("n");
  }

  @Test
  void changesTheProtocolAndPassesBytesBothWays() throws Exception {
    api.script =
        (peer, head) -> {
          assertThat(field(head, "Upgrade")).isEqualTo("SPDY/3.1");
          assertThat(field(head, "Connection")).isEqualTo("Upgrade");
          peer.say(
              "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n"
                  + "X-Stream-Protocol-Version: v4\r\n\r\nhello");
          for (int b = peer.in().read(); b >= 0; b = peer.in().read()) {
            peer.out().write(b + 1);
            if (b == 'z') {
              throw new IOException("this end closes");
            }
          }
        };
    var peer = open();
    peer.say(request("POST /exec", "Connection: Upgrade", "Upgrade: SPDY/3.1") + "ab");
    assertThat(peer.head())
        .contains(
            "HTTP/1.1 101 Switching Protocols",
            "Upgrade: SPDY/3.1",
            "Connection: Upgrade",
            "X-Stream-Protocol-Version: v4");
    assertThat(text(peer, 7)).isEqualTo("hellobc");
    peer.say("z");
    assertThat(new String(peer.in().readAllBytes(), ISO_8859_1)).as("until its end").isEqualTo("{");
  }

  @Test
  void endOfAnUpgradedConnectionIsPassedOn() throws Exception {
    var ended = new CountDownLatch(1);
    api.script =
        (peer, _) -> {
          peer.say("HTTP/1.1 101 S\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
          try {
            assertThat(peer.in().read()).isEqualTo(-1);
          } catch (IOException _) {
            // Ended as well.
          }
          ended.countDown();
        };
    var peer = open();
    peer.say(request("GET /exec", "Connection: Upgrade", "Upgrade: websocket"));
    peer.head();
    opened.getFirst().close();

    assertThat(ended.await(30, TimeUnit.SECONDS)).isTrue();
  }

  @Test
  void refusedUpgradeIsAnAnswerLikeOthers() throws Exception {
    api.script = (peer, _) -> peer.say("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno");
    var peer = open();
    peer.say(request("GET /exec", "Connection: Upgrade", "Upgrade: websocket"));
    assertThat(peer.head().getFirst()).isEqualTo("HTTP/1.1 403 Forbidden");
    assertThat(text(peer, 2)).isEqualTo("no");
    peer.say(request("GET /exec"));
    assertThat(peer.head().getFirst()).isEqualTo("HTTP/1.1 403 Forbidden");
  }

  @Test
  void slowReaderHoldsUpItselfAndNotTheApiServersMemoryOrOurs() throws Exception {
    var written = new LinkedBlockingQueue<Integer>();
    api.script =
        (peer, _) -> {
          peer.say("HTTP/1.1 200 OK\r\nContent-Length: " + 64 * MIB + "\r\n\r\n");
          byte[] piece = new byte[MIB];
          for (int i = 0; i < 64; i++) {
            peer.out().write(piece);
            written.add(i);
          }
        };
    var slow = open();
    slow.say(request("GET /big"));
    slow.head();
    assertThat(written.poll(2, TimeUnit.SECONDS)).isNotNull();
    api.script = (peer, _) -> peer.say("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    var quick = open();
    quick.say(request("GET /api"));

    assertThat(quick.head().getFirst()).isEqualTo("HTTP/1.1 200 OK");
    assertThat(written).as("MiB that found room in sockets").hasSizeLessThan(40);
    assertThat(slow.in().skip(64L * MIB)).isPositive();
  }

  @Test
  void apiServerThatIsAwayIsSaidToBe() throws Exception {
    api.close();
    var peer = open();
    peer.say(request("GET /api"));

    var answer = peer.head();
    assertThat(answer.getFirst()).isEqualTo("HTTP/1.1 503 Service Unavailable");
    assertThat(text(peer, Integer.parseInt(field(answer, "Content-Length"))))
        .contains("\"reason\":\"ServiceUnavailable\"");
  }

  @Test
  void whoeverSpeaksNoTlsIsAnsweredNothing() throws Exception {
    try (var far = gateway.connect(_ -> {})) {
      far.write(java.nio.ByteBuffer.wrap(request("GET /api").getBytes(ISO_8859_1)));
      var said =
          new String(java.nio.channels.Channels.newInputStream(far).readAllBytes(), ISO_8859_1);
      assertThat(said).doesNotContain("HTTP");
    }
    assertThat(api.connections).hasValue(0);
  }

  /** From now on there is a file with what came through, when the gateway is closed. */
  private Path record(boolean block) throws IOException {
    return record(block, AuditRules.none());
  }

  private Path record(boolean block, AuditRules rules) throws IOException {
    return record(block, rules, Optional.empty());
  }

  private Path record(boolean block, AuditRules rules, Optional<Path> recordings)
      throws IOException {
    gateway.close();
    var file = directory.resolve("audit.log");
    var recorder =
        Recorder.start(
            new AuditConfig(new AuditConfig.Target.File(file), block, recordings),
            new ServerHttp(ServerDialer.direct()),
            KeptTrust.ofFile(directory.resolve("none")),
            rules,
            InstantSource.system());
    gateway = Gateway.start(api, identity, policy, recorder);
    return file;
  }

  private static String text(String event, String name) {
    var found = java.util.regex.Pattern.compile("\"" + name + "\":\"?([^\",}]*)").matcher(event);
    return found.find() ? found.group(1) : "";
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void whatComesThroughIsRecorded(boolean block) throws Exception {
    policy.is(PolicyGateTest.NO_EXEC, "", "1");
    var file = record(block);
    var peer = open();
    peer.say(
        request(
            "GET /api/v1/namespaces/shop/pods/web-0",
            "Impersonate-User: u-abc",
            "Audit-ID: mine",
            "X-Forwarded-For: 10.0.0.1, x, 10.0.0.2"));
    peer.head();
    text(peer, 2);
    peer.say(
        request(
            "POST /api/v1/namespaces/shop/pods/web-0/exec?command=sh", "Impersonate-User: u-abc"));
    assertThat(peer.head().getFirst()).isEqualTo("HTTP/1.1 403 Forbidden");
    open().say("GET /version HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer no\r\n\r\n");
    open().say(request("GET /api", "Impersonate-User: a", "Impersonate-User: b"));
    open().say(request("GET /api", "Connection: Impersonate-User"));
    for (var socket : opened.subList(1, opened.size())) {
      socket.getInputStream().readAllBytes();
    }
    gateway.close();
    assertThat(gateway.reading().refused())
        .isEqualTo(java.util.Map.of("policy", 1L, "token", 1L, "malformed", 2L));
    assertThat(gateway.reading().users()).contains(new Reading.User("u-abc", 2));

    var asked = api.heads.take();
    var events = Files.readAllLines(file);
    assertThat(asked).filteredOn(line -> line.startsWith("Audit-ID")).hasSize(1);
    assertThat(field(asked, "Audit-ID")).isEqualTo(text(events.getFirst(), "auditID"));
    assertThat(events.getFirst()).contains("\"sourceIPs\":[\"10.0.0.1\",\"10.0.0.2\"]");
    var said =
        events.stream()
            .map(
                event ->
                    String.join(
                        " ",
                        text(event, "stage"),
                        text(event, "verb"),
                        text(event, "requestURI"),
                        text(event, "code"),
                        text(event, "gateway.drover.io/decision")))
            .toList();
    assertThat(said.subList(0, 2))
        .containsExactly(
            "ResponseComplete get /api/v1/namespaces/shop/pods/web-0 200 allow",
            "ResponseComplete create /api/v1/namespaces/shop/pods/web-0/exec?command=sh 403 forbid");
    assertThat(said.subList(2, said.size()))
        .containsExactlyInAnyOrder(
            "ResponseComplete get /version 401 forbid",
            "ResponseComplete get /api 400 forbid",
            "ResponseComplete get /api 400 forbid");
    assertThat(String.join("\n", events)).doesNotContain(told.token().value(), "real-1");
  }

  private static AuditRules rules(String rule) {
    var rules = AuditRules.unknown();
    var text = "apiVersion: audit.k8s.io/v1\nkind: Policy\nrules: [" + rule + "]\n";
    rules.told(
        java.util.Optional.of(
            new ConfigMapWatch.Content(
                java.util.Map.of("policy.yaml", text), java.util.Map.of(), "1")));
    return rules;
  }

  @ParameterizedTest
  @ValueSource(ints = {20, Exchange.SMALL_BODY_BYTES + 1})
  void bodiesAreRecordedAsTheyGoOn(int bytes) throws Exception {
    var file = record(false, rules("{level: RequestResponse}"));
    var body = "\"" + "x".repeat(bytes - 2) + "\"";
    api.script =
        (peer, _) -> {
          assertThat(peer.in().readNBytes(bytes)).asString(ISO_8859_1).isEqualTo(body);
          peer.say(
              String.join(
                  "\r\n",
                  "HTTP/1.1 201 Created",
                  "Content-Type: application/json",
                  "Content-Length: 7",
                  "",
                  "{\"a\":1}"));
        };
    var peer = open();
    peer.say(
        request(
                "POST /api/v1/namespaces/shop/configmaps",
                "Content-Type: application/json",
                "Content-Length: " + bytes)
            + body);
    assertThat(peer.head().getFirst()).isEqualTo("HTTP/1.1 201 Created");
    assertThat(text(peer, 7)).isEqualTo("{\"a\":1}");
    gateway.close();

    assertThat(Files.readAllLines(file))
        .singleElement()
        .asString()
        .contains("\"requestObject\":" + body + ",\"responseObject\":{\"a\":1},");
  }

  @Test
  void nothingGoesOnBeforeItIsKnownWhatIsToBeRecorded() throws Exception {
    var file = record(false, AuditRules.unknown());
    var peer = open();
    peer.say(request("GET /api"));

    assertThat(peer.head().getFirst()).isEqualTo("HTTP/1.1 503 Service Unavailable");
    assertThat(api.connections).hasValue(0);
    gateway.close();
    assertThat(Files.readAllLines(file)).hasSize(1);
  }

  @Test
  void upgradeIsRecordedWhenItBeginsAndWhenItEnds() throws Exception {
    policy.is(PolicyGateTest.NO_EXEC, java.time.Instant.now().plusSeconds(600).toString(), "1");
    var file = record(false);
    api.script =
        (peer, _) ->
            peer.say(
                String.join(
                    "\r\n",
                    "HTTP/1.1 101 Switching Protocols",
                    "Connection: Upgrade",
                    "Upgrade: SPDY/3.1",
                    "",
                    ""));
    var peer = open();
    peer.say(
        request(
            "POST /api/v1/namespaces/shop/pods/web-0/exec?command=sh",
            "Connection: Upgrade",
            "Upgrade: SPDY/3.1"));
    assertThat(peer.head().getFirst()).startsWith("HTTP/1.1 101 ");
    gateway.close();

    assertThat(Files.readAllLines(file))
        .extracting(event -> text(event, "stage") + " " + text(event, "code"))
        .containsExactly("ResponseStarted 101", "ResponseComplete 101");
    assertThat(Files.readString(file))
        .contains("\"gateway.drover.io/break-glass\":\"let through, although it is denied by");
  }

  /** A websocket of which the API server speaks, and says all there is to say. */
  private void answerExec(String protocol, String shown) {
    api.script =
        (peer, _) ->
            peer.say(
                String.join(
                    "\r\n",
                    "HTTP/1.1 101 Switching Protocols",
                    "Connection: Upgrade",
                    "Upgrade: websocket",
                    "Sec-WebSocket-Protocol: " + protocol,
                    "",
                    shown));
  }

  private String exec() {
    return request(
        "GET /api/v1/namespaces/shop/pods/web-0/exec?command=sh&command=-c%20x",
        "Impersonate-User: u-abc",
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Protocol: v5.channel.k8s.io");
  }

  @Test
  void whatIsShownInASessionIsRecordedAndPassesAsItIs() throws Exception {
    var recordings = Files.createDirectory(directory.resolve("recordings"));
    var file = record(false, AuditRules.none(), Optional.of(recordings));
    String shown = "\u0082\u0006\u0001hello";
    answerExec("v5.channel.k8s.io", shown);
    var peer = open();
    peer.say(exec());
    peer.head();
    assertThat(text(peer, shown.length())).isEqualTo(shown);
    gateway.close();

    var last = Files.readAllLines(file).getLast();
    var name = text(last, "gateway.drover.io/recording");
    assertThat(name).contains(text(last, "auditID")).endsWith(".cast");
    assertThat(Files.readAllLines(recordings.resolve(name)))
        .satisfiesExactly(
            head ->
                assertThat(head)
                    .startsWith("{\"version\":2,\"width\":80,\"height\":24,")
                    .contains("\"title\":\"u-abc: shop/web-0 exec\"", "\"command\":\"sh -c x\""),
            event -> assertThat(event).endsWith(",\"o\",\"hello\"]"));
  }

  @Test
  void sessionThatCannotBeRecordedIsRefusedBeforeTheApiServerHearsOfIt() throws Exception {
    var file = record(false, AuditRules.none(), Optional.of(directory.resolve("none")));
    var peer = open();
    peer.say(exec());
    assertThat(peer.head().getFirst()).isEqualTo("HTTP/1.1 503 Service Unavailable");
    assertThat(api.connections).hasValue(0);
    assertThat(gateway.problem().orElseThrow().text()).contains("no such directory");

    var odd = open();
    odd.say(exec().replace("/pods/web-0", "//pods/web-0"));
    assertThat(odd.head().getFirst()).as("perhaps one").startsWith("HTTP/1.1 503 ");
    var other = open();
    other.say(request("GET /api"));
    assertThat(other.head().getFirst()).isEqualTo("HTTP/1.1 200 OK");
    gateway.close();
    assertThat(Files.readString(file)).contains("this session is to be recorded, and cannot be");
  }

  @Test
  void sessionEndsWhereItCannotBeRead() throws Exception {
    var recordings = Files.createDirectory(directory.resolve("recordings"));
    var file = record(false, AuditRules.none(), Optional.of(recordings));
    answerExec("v5.channel.k8s.io", "\u00ff\u0000nonsense");
    var peer = open();
    peer.say(exec());
    peer.head();
    peer.in().readAllBytes();
    gateway.close();

    assertThat(Files.readAllLines(file).getLast())
        .contains("\"gateway.drover.io/recording-cut-short\":\"a websocket frame of an unknown");
  }

  @Test
  void sessionInAProtocolThatIsNotKnownIsRefused() throws Exception {
    var recordings = Files.createDirectory(directory.resolve("recordings"));
    record(false, AuditRules.none(), Optional.of(recordings));
    answerExec("v9.channel.k8s.io", "");
    var peer = open();
    peer.say(exec());
    assertThat(peer.head().getFirst()).isEqualTo("HTTP/1.1 503 Service Unavailable");
  }

  @Test
  void troubleOfTheRecordIsSaidWhileRequestsGoOn() throws Exception {
    var file = record(false);
    Files.createDirectory(file);
    var peer = open();
    peer.say(request("GET /api"));

    assertThat(peer.head().getFirst()).isEqualTo("HTTP/1.1 200 OK");
    while (gateway.problem().isEmpty()) {
      Thread.onSpinWait();
    }
    assertThat(gateway.problem().orElseThrow().reason()).isEqualTo(Reason.AUDIT_NOT_WRITTEN);
  }

  @Test
  void limitsAreKept() throws Exception {
    gateway.close();
    var limits = new FrontLimits(1, 1, 2_000, 1_000, LONG, Duration.ofMillis(1), LONG, LONG);
    gateway =
        Gateway.start(api, identity, policy, Recorder.counting(InstantSource.system()), limits);
    try (var silent = gateway.connect(_ -> {})) {
      gateway.connect(_ -> {}).close();
      assertThat(java.nio.channels.Channels.newInputStream(silent).read())
          .as("no TLS within its time")
          .isEqualTo(-1);
    }
  }

  @Test
  void tooManyAreRefused() throws Exception {
    gateway.close();
    gateway =
        Gateway.start(
            api,
            identity,
            policy,
            Recorder.counting(InstantSource.system()),
            new FrontLimits(1, 1, 2_000, 1_000, LONG, LONG, LONG, LONG));
    try (var _ = gateway.connect(_ -> {});
        var _ = gateway.connect(_ -> {})) {
      assertThatThrownBy(() -> gateway.connect(_ -> {}))
          .isInstanceOf(IOException.class)
          .hasMessageContaining("too many connections");
    }
  }

  @Test
  void connectionsFollowFromDescriptors() {
    assertThat(Gateway.connections(1_048_576)).isEqualTo(Gateway.CONNECTIONS);
    assertThat(Gateway.connections(4_096)).isEqualTo((4_096 - 1_408) / 3 - 64);
    assertThat(Gateway.connections(64)).isEqualTo(64);
  }
}
