package io.drover.agent.gateway;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;

import io.drover.agent.gateway.StrictUpstream.Asked;
import io.drover.agent.gateway.audit.Recorder;
import java.io.IOException;
import java.nio.channels.SocketChannel;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.function.Function;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Bytes in which one end may see another request than the other. Whatever the gateway makes of
 * them: what goes on is strictly what the RFC says, carries nobody's credentials but the agent's,
 * and is asked in the name of the user in whose name it came.
 */
@Timeout(60)
class SmugglingTest {
  private static final String SMUGGLED = "/smuggled";

  /** As long as those that are made. */
  private static final String TOKEN = "-opaque-token--opaque-token--opaque-token--";

  private static final String USER = "Impersonate-User: u\r\n";
  private static final Pattern STATUS = Pattern.compile("HTTP/1\\.1 (\\d{3}) ");

  /** What goes on. */
  enum Passed {
    NOTHING(0, 0),
    FIRST(1, 1),
    BOTH(2, 2),

    /** As much of it as is understood. */
    SOME(0, 2);

    private final int least;
    private final int most;

    Passed(int least, int most) {
      this.least = least;
      this.most = most;
    }

    List<String> targets(int count) {
      return List.of("/first", "/second").subList(0, Math.clamp(count, least, most));
    }
  }

  /**
   * One of them.
   *
   * @param bytes as text, with {@link #TOKEN} in the token's place
   * @param cut more would have to come: what is there is ended by who asks
   */
  record Case(String name, Passed passed, String bytes, boolean cut) {
    Case(String name, Passed passed, String bytes) {
      this(name, passed, bytes, false);
    }

    @Override
    public String toString() {
      return name.replace("\r", "\\r").replace("\n", "\\n").replaceAll("[^ -~]", "?");
    }
  }

  private static final String START = "Host: h\r\nAuthorization: Bearer " + TOKEN + "\r\n";

  private static String head(String line, String fields) {
    return line + " HTTP/1.1\r\n" + START + USER + fields + "\r\n";
  }

  /** In the agent's own name, if it were ever taken for a request. */
  private static final String INNER = "DELETE " + SMUGGLED + " HTTP/1.1\r\n" + START + "\r\n";

  /** To who reads chunks the body ends before it; to who reads a length it is within. */
  private static final String AFTER_CHUNKS = "0\r\n\r\n" + INNER;

  /** Behind which the connection ends. */
  private static final String SECOND = head("GET /second", "Connection: close\r\n");

  static Stream<Case> cases() {
    return Stream.of(
            codings(), lengths(), chunks(), lines(), fields(), connections(), names(), pipelines())
        .flatMap(Function.identity());
  }

  private static Stream<Case> codings() {
    var same = Stream.of("chunked", "CHUNKED", "Chunked", "\tchunked", "  chunked", "chunked ");
    var other =
        Stream.of(
            "xchunked",
            "chunkedx",
            "chunked, chunked",
            "identity",
            "identity, chunked",
            "chunked, identity",
            "gzip, chunked",
            "chunked;q=1",
            "chunked;",
            ",chunked",
            "chunked,",
            ", chunked,",
            "\"chunked\"",
            "'chunked'",
            "chun ked",
            "chunk",
            "",
            "\u000bchunked",
            "chunked\u000b",
            "chunked\u0000",
            "chunked\u00a0",
            "\u0085chunked",
            "ch\u00fcnked",
            "\r\n chunked",
            "\r\n\tchunked",
            "\n chunked",
            "x\r\n chunked",
            "chunked\r\nTransfer-Encoding: chunked",
            "chunked\r\nTransfer-Encoding: identity",
            "identity\r\nTransfer-Encoding: chunked");
    var names =
        Stream.of(
            "Transfer-Encoding : chunked",
            "Transfer-Encoding\t: chunked",
            " Transfer-Encoding: chunked",
            "\tTransfer-Encoding: chunked",
            "Transfer-Encoding\r\n: chunked",
            "Transfer\u0000-Encoding: chunked",
            "Transfer-Encoding\u0000: chunked",
            "Transfer-Encoding;: chunked");
    var asWell =
        Stream.of(
            "Transfer-Encoding:chunked",
            "transfer-encoding: chunked",
            "TRANSFER-ENCODING: chunked",
            "Transfer-Encoding: chunked\r",
            "X: x\nTransfer-Encoding: chunked",
            "X: x\r\r\nTransfer-Encoding: chunked");
    var refused = other.map(value -> "Transfer-Encoding: " + value);
    var taken =
        Stream.concat(same.map(value -> "Transfer-Encoding: " + value), asWell)
            .flatMap(field -> codings(field, Passed.NOTHING, Passed.BOTH));
    var unknown =
        Stream.concat(refused, names)
            .flatMap(field -> codings(field, Passed.NOTHING, Passed.NOTHING));
    // CR in a value is a space to whoever takes it.
    var none = codings("X: x\rTransfer-Encoding: chunked", Passed.BOTH, Passed.SOME);
    return Stream.of(taken, unknown, none).flatMap(Function.identity());
  }

  /**
   * With a length before it, with one behind it, and alone.
   *
   * @param both what goes on if there is a length
   */
  private static Stream<Case> codings(String field, Passed both, Passed alone) {
    var length = "Content-Length: " + AFTER_CHUNKS.length() + "\r\n";
    return Stream.of(
        new Case(
            "length, and " + field, both, post(length + field + "\r\n") + AFTER_CHUNKS + SECOND),
        new Case(
            field + ", and length",
            both,
            post(field + "\r\nContent-Length: 5\r\n") + "0\r\n\r\n" + SECOND),
        new Case(field, alone, post(field + "\r\n") + "3\r\nabc\r\n0\r\n\r\n" + SECOND));
  }

  private static String post(String fields) {
    return head("POST /first", fields);
  }

  private static Stream<Case> lengths() {
    int length = AFTER_CHUNKS.length();
    return Stream.of(
            "+" + length,
            "-" + length,
            "-0",
            "0x" + Integer.toHexString(length),
            length + ", " + length,
            length + "," + length,
            "0, " + length,
            length + ", 0",
            length + ";",
            length + ".0",
            length + "e0",
            length + " 0",
            "0 " + length,
            length + "\u0000",
            "\u000b" + length,
            length + "\u00a0",
            "\"" + length + "\"",
            "",
            " ",
            "a",
            "\u00b2",
            length + "\r\nContent-Length: 0",
            "0\r\nContent-Length: " + length,
            length + "\r\nContent-Length: " + length,
            length + "\r\ncontent-length: 5",
            "\r\n " + length,
            length + "\r\n 0",
            "\n " + length,
            "9223372036854775807",
            "9223372036854775808",
            "18446744073709551616",
            "18446744073709551621",
            "340282366920938463463374607431768211461")
        .map(
            value ->
                new Case(
                    "Content-Length: " + value,
                    Passed.NOTHING,
                    post("Content-Length: " + value + "\r\n") + AFTER_CHUNKS));
  }

  private static Stream<Case> chunks() {
    var good =
        Stream.of(
            "3\r\nabc\r\n0\r\n\r\n",
            "003\r\nabc\r\n000\r\n\r\n",
            "3;x\r\nabc\r\n0\r\n\r\n",
            "3;x=y\r\nabc\r\n0;z\r\n\r\n",
            "3;x=\"0\"\r\nabc\r\n0\r\n\r\n",
            "1\r\na\r\nA\r\n0123456789\r\n0\r\n\r\n",
            "a\r\n0\r\n\r\nGET /\r\n0\r\n\r\n",
            "3\r\nabc\r\n0\r\nTrailer-Of: x\r\n\r\n",
            "3\r\nabc\r\n0\r\nContent-Length: 5\r\n\r\n",
            "3\r\nabc\r\n0\r\nTransfer-Encoding: chunked\r\n\r\n",
            "3\r\nabc\r\n0\r\nImpersonate-User: root\r\n\r\n",
            "3\r\nabc\r\n0\r\nAuthorization: Bearer x\r\n\r\n");
    var odd =
        Stream.of(
            "+3\r\nabc\r\n0\r\n\r\n",
            "-3\r\nabc\r\n0\r\n\r\n",
            "0x3\r\nabc\r\n0\r\n\r\n",
            "3 \r\nabc\r\n0\r\n\r\n",
            " 3\r\nabc\r\n0\r\n\r\n",
            "3\t\r\nabc\r\n0\r\n\r\n",
            "3\nabc\n0\n\n",
            "3\r\nabc\n0\r\n\r\n",
            "3\r\nabc0\r\n\r\n",
            "3\r\nabcX\r\n0\r\n\r\n",
            "3\r\nab\r\n0\r\n\r\n",
            "3;\nabc\r\n0\r\n\r\n",
            "3;x=\"\r\n\"\r\nabc\r\n0\r\n\r\n",
            "3;\rabc\r\n0\r\n\r\n",
            "3\rabc\r\n0\r\n\r\n",
            "\r\n3\r\nabc\r\n0\r\n\r\n",
            "g\r\nabc\r\n0\r\n\r\n",
            "\r\n\r\n",
            "3,3\r\nabc\r\n0\r\n\r\n",
            "3\u0000\r\nabc\r\n0\r\n\r\n",
            "\u0663\r\nabc\r\n0\r\n\r\n",
            "10000000000000003\r\nabc\r\n0\r\n\r\n",
            "FFFFFFFFFFFFFFFF\r\nabc\r\n0\r\n\r\n",
            "3\r\nabc\r\n00x0\r\n\r\n",
            "3\r\nabc\r\n-0\r\n\r\n",
            "3\r\nabc\r\n0\r\n: x\r\n\r\n",
            "3\r\nabc\r\n0\r\nno trailer\r\n\r\n",
            "3\r\nabc\r\n0\r\n x: folded\r\n\r\n",
            "3\r\nabc\r\n0\n\n",
            "3\r\nabc\r\n0\r\n\n",
            "3\r\nabc\r\n0\r\n" + "x: y\r\n".repeat(300) + "\r\n");
    var endless =
        Stream.of(
            "7FFFFFFFFFFFFFFF\r\nabc\r\n0\r\n\r\n",
            "80000000\r\nabc\r\n0\r\n\r\n",
            "100000003\r\nabc\r\n0\r\n\r\n",
            "3\r\nabc\r\n",
            "3\r\nab",
            "3");
    return Stream.of(
            good.map(chunks -> chunked(chunks + SECOND, Passed.BOTH, false)),
            odd.map(chunks -> chunked(chunks + SECOND, Passed.SOME, false)),
            endless.map(chunks -> chunked(chunks, Passed.SOME, true)))
        .flatMap(Function.identity());
  }

  private static Case chunked(String chunks, Passed passed, boolean cut) {
    return new Case(
        "chunks: " + chunks.substring(0, Math.min(60, chunks.length())),
        passed,
        post("Transfer-Encoding: chunked\r\n") + chunks,
        cut);
  }

  private static Stream<Case> lines() {
    var refused =
        Stream.of(
            "GET /first",
            "GET /first HTTP/1.1 HTTP/1.1",
            "GET /first x HTTP/1.1",
            "GET h/first HTTP/1.1",
            "GET * HTTP/1.1",
            "OPTIONS * HTTP/1.1",
            "CONNECT h:443 HTTP/1.1",
            "TRACE /first HTTP/1.1",
            "PRI * HTTP/2.0",
            "GET /first HTTP/2.0",
            "GET /first HTTP/0.9",
            "GET /first HTTP/3",
            "GET /first HTTP/11",
            "GET /first HTTP/1.1x",
            "GET /first http/1.1",
            "GET /first HTTQ/1.1",
            "get /first HTTP/1.1",
            "G\u0000ET /first HTTP/1.1",
            "G\tET /first HTTP/1.1",
            "GET\u000b/first HTTP/1.1",
            "GET /fi\u0000rst HTTP/1.1",
            "GET /fi\u000brst HTTP/1.1",
            "GET /fi\u0085rst HTTP/1.1",
            "GET /fi\u00fcrst HTTP/1.1",
            "GET /fi\rrst HTTP/1.1",
            "GET /first HTTP/1.1\r\n : x",
            "/first GET HTTP/1.1",
            "X".repeat(21) + " /first HTTP/1.1",
            "GET /" + "x".repeat(70_000) + " HTTP/1.1");
    var plain =
        Stream.of(
            "GET /first HTTP/1.1",
            "GET http://other/first HTTP/1.1",
            "GET https://other/first HTTP/1.1",
            "GET /first#" + SMUGGLED + " HTTP/1.1",
            "\r\nGET /first HTTP/1.1",
            "\nGET /first HTTP/1.1",
            "GET  /first HTTP/1.1",
            "GET /first  HTTP/1.1",
            "GET\t/first\tHTTP/1.1",
            " GET /first HTTP/1.1",
            "GET /first HTTP/1.1 ");
    return Stream.concat(
        refused.map(line -> line(line, Passed.NOTHING)),
        plain.map(line -> line(line, Passed.SOME)));
  }

  private static Case line(String line, Passed passed) {
    return new Case(
        "line: " + line.substring(0, Math.min(40, line.length())),
        passed,
        line + "\r\n" + START + USER + "\r\n" + SECOND);
  }

  /** Behind those that everybody has. */
  private static Stream<Case> fields() {
    var refused =
        Stream.of(
            "Host: other",
            "host:",
            "Authorization: Bearer " + TOKEN,
            "Authorization: Basic eDp5",
            "Impersonate-User: root",
            "impersonate-user: root",
            "IMPERSONATE-USER: u",
            "Impersonate-User:",
            "Impersonate-User : root",
            "Impersonate-User\t: root",
            "Impersonate-User\u0000: root",
            " Impersonate-User: root",
            ": x",
            "no field",
            "A\u0000: x",
            "A(: x",
            "A: x\u000b",
            "A: x\n\tX-Remote-User: root",
            "A: x\r\n X-Remote-User: root",
            "A: x\r\n\tX-Remote-User: root",
            "A: x\r\n ",
            "A: x\u007f",
            "Expect: 100-continue, x",
            "Expect: x",
            "Expect: 100-continue\r\nExpect: 100-continue",
            "Sec-WebSocket-Protocol: base64url.bearer.authorization.k8s.io.eA",
            "X: " + "x".repeat(70_000));
    var plain =
        Stream.of(
            "X-Remote-User: root",
            "x-remote-user: root",
            "X-REMOTE-USER: root",
            "X-Remote-Group: system:masters",
            "X-Remote-Extra-Scopes: all",
            "X-Remote-Uid: 0",
            "A: x\nX-Remote-User: root",
            "A: x\rX-Remote-User: root",
            "A: x\r\rX-Remote-User: root",
            "A: x\u0000",
            "Proxy-Authorization: Basic eDp5",
            "Proxy-Connection: keep-alive",
            "Keep-Alive: timeout=5",
            "TE: trailers",
            "TE: chunked",
            "Trailer: Impersonate-User",
            "Upgrade: h2c\r\nHTTP2-Settings: AAA",
            "X-HTTP-Method-Override: DELETE",
            "X-Original-URL: /smuggled",
            "X-Rewrite-URL: /smuggled",
            "Content_Length: 5",
            "Transfer_Encoding: chunked",
            "X-Forwarded-Host: evil");
    return Stream.concat(
        refused.map(field -> field(field, Passed.NOTHING)),
        plain.map(field -> field(field, Passed.BOTH)));
  }

  private static Case field(String field, Passed passed) {
    return new Case(
        "field: " + field.substring(0, Math.min(60, field.length())),
        passed,
        head("GET /first", field + "\r\n") + SECOND);
  }

  /** What is named there would be taken away. */
  private static Stream<Case> connections() {
    return Stream.of(
            "Impersonate-User",
            "impersonate-user",
            "close, Impersonate-User",
            "Impersonate-User, close",
            "keep-alive,Impersonate-User",
            "keep-alive,\tImpersonate-User",
            ",Impersonate-User,",
            "\"Impersonate-User\"",
            "Impersonate-User;x",
            "Impersonate-User x",
            "close\r\nConnection: Impersonate-User",
            "close\r\n Impersonate-User",
            "Authorization",
            "Host",
            "Content-Length",
            "Impersonate-Group",
            "Accept",
            "Via",
            "\u00a0Impersonate-User",
            "Upgrade, Impersonate-User")
        .map(
            value ->
                new Case(
                    "Connection: " + value,
                    Passed.NOTHING,
                    head("GET /first", "Connection: " + value + "\r\n") + SECOND));
  }

  /** In whose name: cut off, or asked in none. */
  private static Stream<Case> names() {
    var cut = head("DELETE /first", "");
    return Stream.concat(
        IntStream.of(1, 10, 30, cut.indexOf(USER), cut.indexOf(USER) + 5, cut.length() - 4)
            .mapToObj(at -> new Case("cut at " + at, Passed.NOTHING, cut.substring(0, at), true)),
        IntStream.of(2, 3)
            .mapToObj(
                at ->
                    new Case(
                        "cut behind its fields: " + at,
                        Passed.NOTHING,
                        cut.substring(0, cut.length() - at),
                        true)));
  }

  private static Stream<Case> pipelines() {
    var upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\n";
    return Stream.of(
        new Case("two at once", Passed.BOTH, head("GET /first", "") + SECOND),
        new Case(
            "a body, and another", Passed.BOTH, post("Content-Length: 3\r\n") + "abc" + SECOND),
        new Case(
            "a body that is a request",
            Passed.BOTH,
            post("Content-Length: " + INNER.length() + "\r\n") + INNER + SECOND),
        new Case(
            "a body one byte short",
            Passed.SOME,
            post("Content-Length: " + (INNER.length() + 1) + "\r\n") + INNER,
            true),
        new Case("a GET with a body", Passed.BOTH, get("Content-Length: 3\r\n") + "abc" + SECOND),
        new Case(
            "a GET with a request in it",
            Passed.BOTH,
            get("Content-Length: " + INNER.length() + "\r\n") + INNER + SECOND),
        new Case("an upgrade, and another", Passed.BOTH, get(upgrade) + SECOND),
        new Case(
            "an upgrade with a body",
            Passed.NOTHING,
            get(upgrade + "Content-Length: " + INNER.length() + "\r\n") + INNER),
        new Case(
            "an upgrade in chunks",
            Passed.NOTHING,
            get(upgrade + "Transfer-Encoding: chunked\r\n") + AFTER_CHUNKS),
        new Case("two upgrades", Passed.BOTH, get(upgrade + "Upgrade: h2c\r\n") + SECOND),
        new Case(
            "a body that is held back, and comes at once",
            Passed.BOTH,
            post("Expect: 100-continue\r\nContent-Length: 3\r\n") + "abc" + SECOND),
        new Case(
            "a body that is held back, and is a request",
            Passed.BOTH,
            post("Expect: 100-continue\r\nContent-Length: " + INNER.length() + "\r\n")
                + INNER
                + SECOND),
        new Case("to be closed, and another", Passed.FIRST, get("Connection: close\r\n") + SECOND),
        new Case(
            "a preface of HTTP/2",
            Passed.NOTHING,
            "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\u0000\u0000\u0000\u0004\u0000" + SECOND),
        new Case("TLS in it", Passed.NOTHING, "\u0016\u0003\u0001\u0002\u0000\u0001" + SECOND),
        new Case("nothing understood, and another", Passed.NOTHING, "x\r\n\r\n" + SECOND));
  }

  private static String get(String fields) {
    return head("GET /first", fields);
  }

  private StrictUpstream api;
  private Gateway gateway;
  private GatewayIdentity.Told told;

  @BeforeEach
  void start() throws IOException {
    api = new StrictUpstream();
    var identity = new GatewayIdentity((made, _) -> made.get(), InstantSource.system());
    told = identity.told();
    var policy = new PolicyGate(InstantSource.system());
    policy.none();
    gateway = Gateway.start(api, identity, policy, Recorder.counting(InstantSource.system()));
  }

  @AfterEach
  void stop() throws IOException {
    gateway.close();
    api.close();
  }

  @Test
  void thereAreEnoughOfThem() {
    assertThat(cases()).hasSizeGreaterThanOrEqualTo(200);
    assertThat(cases().map(Case::name)).doesNotHaveDuplicates();
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("cases")
  void onlyWhatTheRfcSaysGoesOn(Case one) throws Exception {
    check(one, false);
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("cases")
  void theSameInPieces(Case one) throws Exception {
    check(one, true);
  }

  private void check(Case one, boolean pieces) throws Exception {
    assertThat(told.token().value()).hasSameSizeAs(TOKEN);
    var answers = say(one, pieces);
    var asked = new ArrayList<Asked>();
    api.asked.drainTo(asked);

    assertThat(api.violations).isEmpty();
    assertThat(asked.stream().map(Asked::target).toList())
        .as("answers: %s", answers)
        .isEqualTo(one.passed().targets(asked.size()));
    for (var each : asked) {
      assertThat(StrictUpstream.values(each.fields(), "impersonate-user")).containsExactly("u");
      assertThat(StrictUpstream.values(each.fields(), "authorization"))
          .containsExactly("Bearer real");
      assertThat(StrictUpstream.values(each.fields(), "host")).hasSize(1);
      assertThat(each.fields())
          .noneMatch(field -> field.regionMatches(true, 0, "x-remote-", 0, 9))
          .noneMatch(field -> field.contains(told.token().value()));
    }
    assertThat(answers.stream().filter("200"::equals).count())
        .as("each is answered by its own answer")
        .isEqualTo(asked.stream().filter(Asked::whole).count());
    if (one.passed() == Passed.NOTHING) { // or nothing, if there is nobody left to tell
      assertThat(answers).allMatch(status -> status.startsWith("4") || status.startsWith("50"));
    }
  }

  /** Returns the status of each answer. */
  private List<String> say(Case one, boolean pieces) throws IOException {
    SocketChannel far = gateway.connect(_ -> {});
    try (var socket = GatewayClient.secured(far, told)) {
      byte[] all = one.bytes().replace(TOKEN, told.token().value()).getBytes(ISO_8859_1);
      var random = new Random(all.length);
      try {
        for (int from = 0; from < all.length; ) {
          int count = pieces ? Math.min(1 + random.nextInt(40), all.length - from) : all.length;
          socket.getOutputStream().write(all, from, count);
          from += count;
        }
        if (one.cut()) {
          socket.shutdownOutput();
        }
      } catch (IOException _) {
        // It has had enough, and has said so.
      }
      var statuses = new ArrayList<String>();
      var text = new String(socket.getInputStream().readAllBytes(), ISO_8859_1);
      for (var found = STATUS.matcher(text); found.find(); ) {
        statuses.add(found.group(1));
      }
      statuses.remove("100");
      return statuses;
    }
  }
}
