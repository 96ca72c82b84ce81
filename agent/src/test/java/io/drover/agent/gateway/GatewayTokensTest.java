package io.drover.agent.gateway;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import io.drover.agent.gateway.ScriptedUpstream.Peer;
import io.drover.agent.gateway.audit.Recorder;
import io.drover.agent.gateway.standin.StandIns;
import io.drover.steve.http.FrontLimits;
import java.io.IOException;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import javax.net.ssl.SSLSocket;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** No token of the cluster gets to the server, and what it gets instead does what it needs. */
@Timeout(60)
class GatewayTokensTest {
  private static final String NAMESPACE = "cattle-impersonation-system";
  private static final String ACCOUNT = "system:serviceaccount:" + NAMESPACE + ":u";
  private static final String SECRETS = "/api/v1/namespaces/" + NAMESPACE + "/secrets";
  private static final String TYPE = "kubernetes.io/service-account-token";
  private static final Duration LONG = Duration.ofMinutes(1);
  private static final String JSON = "Content-Type: application/json";

  private final String real = jwt(ACCOUNT);
  private final List<SSLSocket> opened = new ArrayList<>();
  private final LinkedBlockingQueue<String> bodies = new LinkedBlockingQueue<>();
  private final PolicyGate policy = new PolicyGate(InstantSource.system());
  private ScriptedUpstream api;
  private GatewayIdentity identity;
  private GatewayIdentity.Told told;
  private Gateway gateway;

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

  private static String jwt(String subject) {
    return "e30."
        + Base64.getUrlEncoder()
            .withoutPadding()
            .encodeToString("{\"sub\":\"%s\"}".formatted(subject).getBytes(UTF_8))
        + ".c2ln";
  }

  private static String base64(String text) {
    return Base64.getEncoder().encodeToString(text.getBytes(UTF_8));
  }

  /** As the API server answers it. */
  private static String secret(String token) {
    return ("{\"kind\":\"Secret\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"t\",\"namespace\":\"%s\","
            + "\"annotations\":{\"kubernetes.io/service-account.name\":\"u\"}},"
            + "\"data\":{\"ca.crt\":\"Q0E=\",\"token\":\"%s\"},\"type\":\"%s\"}")
        .formatted(NAMESPACE, base64(token), TYPE);
  }

  private Peer open() throws IOException {
    var socket = GatewayClient.secured(gateway.connect(_ -> {}), told);
    opened.add(socket);
    return GatewayClient.peer(socket);
  }

  private static String request(String bearer, String line, String... fields) {
    return line
        + " HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer "
        + bearer
        + "\r\n"
        + (fields.length == 0 ? "" : String.join("\r\n", fields) + "\r\n")
        + "\r\n";
  }

  private record Reply(List<String> head, String body) {
    String status() {
      return head.getFirst().split(" ", 3)[1];
    }
  }

  private Reply ask(String line, String... fields) throws IOException {
    return askAs(told.token().value(), "", line, fields);
  }

  private Reply send(String body, String line, String... fields) throws IOException {
    var all = new ArrayList<>(List.of(fields));
    all.add("Content-Length: " + body.getBytes(UTF_8).length);
    return askAs(told.token().value(), body, line, all.toArray(String[]::new));
  }

  private Reply askAs(String bearer, String body, String line, String... fields)
      throws IOException {
    var peer = open();
    peer.say(request(bearer, line, fields) + body);
    var head = peer.head();
    if (head.getFirst().contains(" 100 ")) {
      head = peer.head();
    }
    var length = ScriptedUpstream.field(head, "Content-Length");
    return new Reply(
        head,
        length.isEmpty()
            ? chunks(peer)
            : new String(peer.in().readNBytes(Integer.parseInt(length)), UTF_8));
  }

  /** Until the last, or until the end. */
  private static String chunks(Peer peer) throws IOException {
    var text = new StringBuilder();
    for (var size = peer.line(); !size.isEmpty() && !size.equals("0"); size = peer.line()) {
      text.append(new String(peer.in().readNBytes(Integer.parseInt(size, 16)), UTF_8));
      peer.line();
    }
    return text.toString();
  }

  private void answers(String type, String body) {
    api.script =
        (peer, head) -> {
          var length = ScriptedUpstream.field(head, "Content-Length");
          bodies.add(
              new String(
                  peer.in().readNBytes(length.isEmpty() ? 0 : Integer.parseInt(length)), UTF_8));
          peer.say(
              "HTTP/1.1 200 OK\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n%s"
                  .formatted(type, body.length(), body));
        };
  }

  private void answers(String body) {
    answers("application/json", body);
  }

  private String standIn() throws IOException {
    answers(secret(real));
    return tokenIn(ask("GET " + SECRETS + "/t").body());
  }

  private static String tokenIn(String secret) {
    var data = secret.replaceFirst(".*\"token\":\"", "").replaceFirst("\".*", "");
    return new String(Base64.getDecoder().decode(data), UTF_8);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "GET /api/v1/namespaces/cattle-impersonation-system/secrets/t|%s",
        "GET /api/v1/namespaces/n/secrets?fieldSelector=metadata.name=t|{'items':[%s]}",
        "GET /api/v1/secrets|{'kind':'SecretList','metadata':{},'items':[%s,{},%s]}",
        "GET /api/v1/secrets?watch=1|{'type':'ADDED','object':%s}",
        "GET /api/v1/watch/namespaces/n/secrets/t|{'type':'ADDED','object':%s}",
        "GET /api/v1/secrets?includeObject=Object|{'kind':'Table','rows':[{'object':%s}]}",
        "POST /api/v1/namespaces/n/secrets|%s",
        "PUT /api/v1/namespaces/n/secrets/t|%s",
        "PATCH /api/v1/namespaces/n/secrets/t|%s",
        "DELETE /api/v1/namespaces/n/secrets/t|%s",
        "DELETE /api/v1/namespaces/n/secrets|{'items':[%s]}",
      })
  void tokensAreAnsweredWithStandIns(String line, String shape) throws Exception {
    var json = shape.replace('\'', '"').replace("%s", secret(real));
    answers(json);

    var reply = ask(line, "Impersonate-User: someone");

    assertThat(reply.status()).isEqualTo("200");
    assertThat(reply.body()).doesNotContain(base64(real));
    var standIn = tokenIn(reply.body());
    assertThat(reply.body()).isEqualTo(json.replace(base64(real), base64(standIn)));
    assertThat(identity.standIns().token(standIn).orElseThrow().value()).isEqualTo(real);
  }

  @Test
  void newTokensAreAnsweredWithStandIns() throws Exception {
    answers("{\"kind\":\"TokenRequest\",\"status\":{\"token\":\"%s\"}}".formatted(real));

    var reply = send("{}", "POST /api/v1/namespaces/n/serviceaccounts/u/token", JSON);

    assertThat(reply.body())
        .startsWith("{\"kind\":\"TokenRequest\",\"status\":{\"token\":\"drover-standin-");
    assertThat(bodies.take()).isEqualTo("{}");
  }

  @Test
  void standInIsTheTokenToTheApiServer() throws Exception {
    var standIn = standIn();
    api.heads.clear();

    assertThat(askAs(standIn, "", "GET /api").status()).isEqualTo("200");

    assertThat(ScriptedUpstream.field(api.heads.take(), "Authorization"))
        .isEqualTo("Bearer " + real);
    assertThat(askAs(standIn, "", "GET /api", "Impersonate-User: u-1").status()).isEqualTo("200");
    assertThat(api.heads.take()).contains("Authorization: Bearer " + real, "Impersonate-User: u-1");
    assertThat(askAs(standIn + "A", "", "GET /api").status()).isEqualTo("401");
    assertThat(api.heads).isEmpty();
  }

  /** The server asks for a token of the account in whose name a user wants to ask. */
  @Test
  void standInOfAnotherAccountIsThatAccount() throws Exception {
    var other = jwt("system:serviceaccount:shop:robot");
    answers("{\"status\":{\"token\":\"%s\"}}".formatted(other));
    var said = send("{}", "POST /api/v1/namespaces/shop/serviceaccounts/robot/token").body();
    var standIn = said.replaceFirst(".*\"token\":\"", "").replaceFirst("\".*", "");
    policy.is(PolicyGateTest.NO_EXEC, "", "1");
    api.heads.clear();

    assertThat(askAs(standIn, "", "GET /api").status()).isEqualTo("200");
    assertThat(ScriptedUpstream.field(api.heads.take(), "Authorization"))
        .isEqualTo("Bearer " + other);
    var refused = askAs(standIn, "", "POST /api/v1/namespaces/n/pods/p/exec?command=sh");
    assertThat(refused.body()).contains("system:serviceaccount:shop:robot");
    assertThat(askAs(other, "", "GET /api").status()).as("the token itself").isEqualTo("401");
    assertThat(api.heads).isEmpty();
  }

  @Test
  void jsonIsAskedForAloneAndUncompressed() throws Exception {
    answers(secret(real));
    ask(
        "GET " + SECRETS,
        "Accept: application/vnd.kubernetes.protobuf,application/json;as=Table",
        "Accept-Encoding: gzip");

    assertThat(api.heads.take())
        .contains("Accept: application/json;as=Table")
        .noneMatch(line -> line.contains("protobuf") || line.startsWith("Accept-Encoding"));
    assertThat(ask("GET " + SECRETS, "Accept: application/cbor").status()).isEqualTo("406");
    assertThat(ask("GET " + SECRETS, "Connection: Upgrade", "Upgrade: websocket").status())
        .isEqualTo("400");
    assertThat(api.heads).isEmpty();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "application/vnd.kubernetes.protobuf",
        "text/html",
        "application/json\r\nContent-Encoding: gzip"
      })
  void answerThatCannotBeReadIsNotPassedOn(String type) throws Exception {
    answers(type, real);

    var reply = ask("GET " + SECRETS);

    assertThat(reply.status()).isEqualTo("502");
    assertThat(reply.body()).contains("\"kind\":\"Status\"").doesNotContain(real);
  }

  @Test
  void failureIsPassedOnAsItIs() throws Exception {
    api.script =
        (peer, _) ->
            peer.say("HTTP/1.1 429 x\r\nContent-Type: text/plain\r\nContent-Length: 4\r\n\r\nwait");

    var reply = ask("GET " + SECRETS);

    assertThat(reply.status()).isEqualTo("429");
    assertThat(reply.body()).isEqualTo("wait");
  }

  @Test
  void otherRequestsAreAsTheyWere() throws Exception {
    answers(secret(real));

    var reply = ask("GET /api/v1/configmaps", "Accept: application/cbor", "Accept-Encoding: gzip");

    assertThat(reply.body()).isEqualTo(secret(real));
    assertThat(api.heads.take()).contains("Accept: application/cbor", "Accept-Encoding: gzip");
  }

  @Test
  void eventsComeAsTheyAreSaid() throws Exception {
    var more = new LinkedBlockingQueue<String>();
    var ended = new CountDownLatch(1);
    api.script =
        (peer, _) -> {
          peer.say(
              "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n");
          try {
            for (var event = more.take(); !event.isEmpty(); event = more.take()) {
              peer.say(Integer.toHexString(event.length()) + "\r\n" + event + "\r\n");
            }
          } catch (InterruptedException _) {
            // Ended as well.
          }
          ended.countDown();
        };
    var peer = open();
    peer.say(request(told.token().value(), "GET " + SECRETS + "?watch=1"));
    assertThat(peer.head().getFirst()).contains("200");
    for (int i = 0; i < 3; i++) {
      var event = "{\"type\":\"ADDED\",\"object\":%s}\n".formatted(secret(real + i));
      more.add(event);
      int size = Integer.parseInt(peer.line(), 16);
      var said = new String(peer.in().readNBytes(size), UTF_8);
      assertThat(said).isEqualTo(event.replace(base64(real + i), base64(tokenIn(said.strip()))));
      peer.line();
    }
    more.add("");
    ended.await();
  }

  /** Cut in every place, so that a part of a token could get out. */
  @Test
  void answerThatIsCutOffLeavesIncompleteAndShowsNoPartOfAToken() throws Exception {
    var json = secret(real);
    int start = json.indexOf(base64(real));
    for (int length = start; length < json.length(); length += 7) {
      var part = json.substring(0, length);
      for (String framing :
          List.of(
              "Content-Length: " + json.length() + "\r\n\r\n" + part,
              "Transfer-Encoding: chunked\r\n\r\n"
                  + Integer.toHexString(length)
                  + "\r\n"
                  + part
                  + "\r\n0\r\n\r\n",
              "\r\n" + part)) {
        api.script =
            (peer, _) -> {
              peer.say("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n" + framing);
              throw new IOException("this end closes");
            };
        var peer = open();
        peer.say(request(told.token().value(), "GET " + SECRETS + "/t"));
        var said = new String(peer.in().readAllBytes(), ISO_8859_1);

        assertThat(said).doesNotContain("\r\n0\r\n").doesNotContain(base64(real).substring(0, 8));
        if (said.contains(" 200 ")) {
          assertThat(said).contains("Transfer-Encoding: chunked");
        }
      }
    }
  }

  @Test
  void bigListsPassInPiecesAndTheirTokensDoNot() throws Exception {
    var big = "x".repeat(1_500_000);
    api.script =
        (peer, _) -> {
          peer.say(
              "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n{\"items\":[");
          for (int i = 0; i < 20; i++) {
            peer.say(secret(real) + ",{\"metadata\":{},\"data\":{\"release\":\"" + big + "\"}},");
          }
          peer.say("{}]}");
          throw new IOException("this end closes");
        };

    var reply = ask("GET /api/v1/secrets");

    assertThat(reply.body()).hasSizeGreaterThan(30_000_000).endsWith("{}]}");
    assertThat(reply.body().contains(base64(real))).isFalse();
    assertThat(reply.body().split("ZHJvdmVyLXN0YW5kaW4t", -1)).hasSize(21);
  }

  @Test
  void standInThatIsWrittenBackIsItsToken() throws Exception {
    var standIn = standIn();
    bodies.clear();
    for (String line : List.of("PUT " + SECRETS + "/t", "POST " + SECRETS)) {
      for (String field :
          List.of(JSON, "Content-Type: application/json; charset=utf-8", "Expect: 100-continue")) {
        var reply = send(secret(standIn), line, field);

        assertThat(bodies.take()).isEqualTo(secret(real));
        assertThat(tokenIn(reply.body())).isEqualTo(standIn);
      }
    }
  }

  /** Where it would be answered as it is. */
  @Test
  void standInStaysOneInASecretOfAnotherType() throws Exception {
    var standIn = standIn();
    bodies.clear();
    var opaque = secret(standIn).replace(TYPE, "Opaque");
    var refused = send(opaque, "POST " + SECRETS, JSON);
    assertThat(refused.status()).as("it may not have been one").isEqualTo("422");
    assertThat(bodies).isEmpty();
    var plain = opaque.replace("service-account.name", "other");

    send(plain, "POST " + SECRETS, JSON);

    assertThat(bodies.take()).isEqualTo(plain);
  }

  @Test
  void standInIsNotWrittenWhereItsTypeIsNotKnown() throws Exception {
    var standIn = base64(standIn());
    api.heads.clear();
    bodies.clear();

    for (String patch :
        List.of(
            "{\"data\":{\"token\":\"%s\"}}",
            "{\"type\":\"" + TYPE + "\",\"data\":{\"token\":\"%s\"}}",
            "[{\"op\":\"add\",\"path\":\"/data/token\",\"value\":\"%s\"}]")) {
      var reply =
          send(
              patch.formatted(standIn),
              "PATCH " + SECRETS + "/t",
              "Content-Type: application/merge-patch+json");
      assertThat(reply.status()).isEqualTo("422");
      assertThat(reply.body()).contains("leave the token out");
    }
    assertThat(send("data: {token: %s}".formatted(standIn), "PATCH " + SECRETS + "/t").status())
        .isEqualTo("400");
    assertThat(
            send(secret("x") + standIn, "PUT " + SECRETS + "/t", "Content-Type: application/yaml")
                .status())
        .isEqualTo("415");
    assertThat(send("{\"type\":\"a\",\"type\":\"" + standIn + "\"}", "POST " + SECRETS).status())
        .isEqualTo("400");
    assertThat(api.heads).isEmpty();

    var other = "{\"metadata\":{\"annotations\":{\"a\":\"in %s\"}}}".formatted(standIn);
    assertThat(send(other, "PATCH " + SECRETS + "/t").status()).isEqualTo("200");
    assertThat(bodies.take()).isEqualTo(other);
  }

  /** Where it is answered as it is, be it for a dry run. */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "[{'op':'copy','from':'/data/token','path':'/data/x'}]",
        "[{'op':'move','from':'/data/token','path':'/metadata/annotations/x'}]",
        "[{'op':'copy','from':'','path':'/metadata/annotations/x'}]",
        "[{'op':'copy','from':'no slash/data/token','path':'/data/x'}]",
        " \t\r\n[{'op':'test','path':'/a','value':{'op':'add'}},{'from':'/data/token','op':'c\\u006fpy','path':'/data/x'}]",
      })
  void patchDoesNotTakeATokenElsewhere(String patch) throws Exception {
    for (String type : List.of("application/json-patch+json", "application/merge-patch+json")) {
      var reply =
          send(
              patch.replace('\'', '"'),
              "PATCH " + SECRETS + "/t?dryRun=All",
              "Content-Type: " + type);

      assertThat(reply.status()).isEqualTo("422");
      assertThat(reply.body()).contains("cannot copy or move");
    }
    assertThat(api.heads).isEmpty();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "[{'op':'add','op':'copy','from':'/data/token','path':'/data/x'}]",
        "[{'op':'copy','op':'add','from':'/data/token','path':'/data/x'}]",
        "[{'op':'add','path':'/data/x','value':'eA=='}",
      })
  void patchThatIsReadInTwoWaysIsRefused(String patch) throws Exception {
    assertThat(send(patch.replace('\'', '"'), "PATCH " + SECRETS + "/t").status()).isEqualTo("400");
    assertThat(api.heads).isEmpty();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "[{'op':'test','path':'/type','value':'a'},{'op':'add','path':'/data/x','value':'eA=='}]",
        "[{'op':'replace','path':'/data/x','value':{'op':'copy'}},{'op':'remove','path':'/data/y'}]",
        "{'metadata':{'annotations':{'op':'copy'}}}",
      })
  void patchThatWritesWhatItSaysGoesOn(String patch) throws Exception {
    answers(secret(real));
    var json = patch.replace('\'', '"');

    assertThat(send(json, "PATCH " + SECRETS + "/t").status()).isEqualTo("200");
    assertThat(bodies.take()).isEqualTo(json);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "PUT /api/v1/namespaces/cattle-system/secrets/drover-gateway|{}",
        "PATCH /api/v1/namespaces/cattle-system/secrets/drover-gateway|{}",
        "DELETE /api/v1/namespaces/cattle-system/secrets/drover-gateway|{}",
        "POST /api/v1/namespaces/cattle-system/secrets|{'metadata':{'name':'drover-gatewa\\u0079'}}",
        "DELETE /api/v1/namespaces/cattle-system/secrets|{}",
        "DELETE /api/v1/namespaces/cattle-system/secrets?labelSelector=a%3Db|{}",
        "DELETE /api/v1/namespaces/cattle-system/secrets?fieldSelector=metadata.name%3Dother|{}",
        "DELETE /api/v1/secrets?labelSelector=a%3Db|{}",
        "DELETE /api/v1/namespaces/cattle-system|{}",
        "DELETE /api/v1/namespaces/cattle-system?propagationPolicy=Foreground|{}",
        "DELETE /api/v1/namespaces|{}",
      })
  void ownSecretIsNotForTheServerToChange(String line, String body) throws Exception {
    var reply = send(body.replace('\'', '"'), line);

    assertThat(reply.status()).isEqualTo("403");
    assertThat(reply.body()).contains("secret drover-gateway is the gateway's own");
    assertThat(api.heads).isEmpty();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "/api/v1/namespaces/cattle-system/",
        "/api/v1//namespaces/cattle-system",
        "/api/v1/namespaces/x/../cattle-system",
        "/api/v1/namespaces/cattle%2Dsystem/",
        "/api/v1/namespaces%2fcattle-system",
        "/api/v1/namespaces/cattle-system;x",
      })
  void whatMayBeItsNamespaceIsNotDeleted(String path) throws Exception {
    assertThat(send("{}", "DELETE " + path).status()).isIn("400", "403");
    assertThat(api.heads).isEmpty();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "DELETE /api/v1/namespaces/shop",
        "DELETE /api/v1/namespaces/shop/secrets",
        "DELETE /api/v1/namespaces/cattle-system/secrets/other",
        "DELETE /api/v1/namespaces/cattle-system/configmaps",
        "PATCH /api/v1/namespaces/cattle-system",
      })
  void whatLeavesItGoesOn(String line) throws Exception {
    answers("{}");

    assertThat(send("{}", line).status()).isEqualTo("200");
  }

  @Test
  void othersBesideItAre() throws Exception {
    answers("{}");
    var body = "{\"metadata\":{\"name\":\"other\"},\"n\":1.50}";

    assertThat(send(body, "POST /api/v1/namespaces/cattle-system/secrets", JSON).status())
        .isEqualTo("200");
    assertThat(bodies.take()).isEqualTo(body);
    assertThat(
            send(
                    "k8s\0 drover-gateway ",
                    "POST /api/v1/namespaces/cattle-system/secrets",
                    "Content-Type: application/vnd.kubernetes.protobuf")
                .status())
        .as("it may be the gateway's own")
        .isEqualTo("415");
    assertThat(
            send(
                    "k8s\0 other ",
                    "POST /api/v1/namespaces/cattle-system/secrets",
                    "Content-Type: application/vnd.kubernetes.protobuf")
                .status())
        .isEqualTo("200");
    assertThat(
            send(
                    "k8s\0 drover-gateway ",
                    "POST /api/v1/namespaces/n/secrets",
                    "Content-Type: application/vnd.kubernetes.protobuf")
                .status())
        .isEqualTo("200");
  }

  @Test
  void bodiesHaveALimit() throws Exception {
    answers("{}");
    var most = "{\"a\":\"" + "x".repeat(SecretWrites.BODY_BYTES - 8) + "\"}";

    assertThat(send(most, "POST " + SECRETS, JSON).status()).isEqualTo("200");
    assertThat(bodies.take()).isEqualTo(most);
    assertThat(send("", "POST " + SECRETS).status()).as("none").isEqualTo("200");
    assertThat(ask("POST " + SECRETS, "Content-Length: " + (SecretWrites.BODY_BYTES + 1)).status())
        .isEqualTo("413");
    int size = SecretWrites.BODY_BYTES + 1;
    var peer = open();
    Thread.ofVirtual()
        .start(
            () -> {
              try {
                peer.say(
                    request(told.token().value(), "POST " + SECRETS, "Transfer-Encoding: chunked")
                        + Integer.toHexString(size)
                        + "\r\n"
                        + "x".repeat(size));
              } catch (IOException e) {
                throw new java.io.UncheckedIOException(e);
              }
            });
    assertThat(peer.head().getFirst()).contains(" 413 ");
  }

  /** Two that are held up, in the middle of their bodies. */
  @Test
  void bigBodiesWaitForTheirTurn() throws Exception {
    gateway.close();
    gateway =
        Gateway.start(
            api,
            identity,
            policy,
            Recorder.counting(InstantSource.system()),
            new FrontLimits(8, 8, 64_000, 1_000, LONG, LONG, LONG, LONG),
            new SecretWrites(Duration.ofMillis(1)));
    answers("{}");
    int size = SecretWrites.SMALL_BYTES + 1;
    var held = new ArrayList<Peer>();
    for (int i = 0; i < SecretWrites.BIG_AT_ONCE; i++) {
      var peer = open();
      peer.say(
          request(
              told.token().value(),
              "POST " + SECRETS,
              "Content-Length: " + size,
              "Expect: 100-continue"));
      assertThat(peer.head().getFirst()).as("its turn").contains(" 100 ");
      held.add(peer);
    }

    var refused = ask("POST " + SECRETS, "Content-Length: " + size, "Expect: 100-continue");
    assertThat(refused.status()).isEqualTo("429");
    assertThat(refused.body()).contains("TooManyRequests");
    assertThat(send("x".repeat(size - 1), "POST " + SECRETS).status())
        .as("a small one")
        .isEqualTo("200");

    for (var peer : held) {
      peer.say("x".repeat(size));
      assertThat(peer.head().getFirst()).contains(" 200 ");
    }
    for (int i = 0; i < 3 * SecretWrites.BIG_AT_ONCE; i++) {
      awaitTurns(size);
    }
  }

  /** Turns are given back, also of what is refused. */
  private void awaitTurns(int size) throws IOException {
    var line = "PUT " + SECRETS + "/t";
    var status = "429";
    while (status.equals("429")) { // the one before may not be over yet
      status = send("x".repeat(size), line, JSON).status();
    }
    assertThat(status).isEqualTo("200");
    do {
      status = send(StandIns.PREFIX + "x".repeat(size), line, JSON).status();
    } while (status.equals("429"));
    assertThat(status).isEqualTo("400");
  }
}
