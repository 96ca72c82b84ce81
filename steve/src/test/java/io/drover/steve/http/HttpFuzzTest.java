package io.drover.steve.http;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;

import com.code_intelligence.jazzer.junit.FuzzTest;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Random;
import java.util.Set;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/**
 * Whatever comes on a connection, in whatever portions: answers that are whole, and none that says
 * that we are at fault. {@code -Dfuzz.inputs=10000000} for more of our own making, {@code
 * -Dfuzz.seed=…} for others, {@code JAZZER_FUZZ=1} for what a search finds.
 */
class HttpFuzzTest {
  private static final long INPUTS = Long.getLong("fuzz.inputs", 50_000);
  private static final long SEED = Long.getLong("fuzz.seed", 1);
  private static final int MAX_WORDS = 30;
  private static final Duration LONG = Duration.ofHours(1);
  private static final FrontLimits LIMITS = new FrontLimits(1, 1, 2_000, 5, LONG, LONG, LONG, LONG);

  private static final List<String> WORDS =
      List.of(
          "GET ",
          "POST ",
          "HEAD ",
          "FOO ",
          "/v1/pods",
          "/v1/%zz",
          "?q=%0d%0aX-Bad:%20y",
          "&q=b;c",
          "http://h:1/x",
          "*",
          " HTTP/1.1",
          " HTTP/1.0",
          " HTTP/2.0",
          " HTTP/9.99999999999",
          "\r\n",
          "\n",
          "\r",
          "\r\n\r\n",
          "Host: h\r\n",
          "Content-Length: 5\r\n",
          "Content-Length: 6\r\n",
          "Content-Length: 99999999999999999999\r\n",
          "Content-Length: 999999999999999999\r\n",
          "Content-Length: -1\r\n",
          "Transfer-Encoding: chunked\r\n",
          "Transfer-Encoding: gzip, chunked\r\n",
          "Expect: 100-continue\r\n",
          "Connection: close\r\n",
          "Connection: Upgrade\r\nUpgrade: x\r\n",
          " folded\r\n",
          "X-In: a\r\n",
          ": ",
          "=",
          "abcde",
          "5\r\nabcde\r\n",
          "5;x=y\r\nabcde\r\n",
          "ffffffffffffffff\r\n",
          "-1\r\n",
          "0\r\n\r\n",
          "0\r\nX-Trailer: b\r\n\r\n",
          "\0",
          "\t",
          "\u00e9",
          "a".repeat(700),
          "X-A: b\r\n".repeat(90));

  private static final String WHOLE =
      "POST /v1/pods?q=a HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nabcde";
  private static final String CHUNKS =
      String.join(
          "\r\n",
          "POST /v1/pods HTTP/1.1",
          "Host: h",
          "Transfer-Encoding: chunked",
          "",
          "5",
          "abcde",
          "0",
          "",
          "");

  /** What the handler says, and what the front does. */
  private static final Set<Integer> STATUS = Set.of(100, 200, 400, 413, 431, 505);

  private static final Set<String> FIELDS =
      Set.of("content-length", "content-type", "connection", "date", "transfer-encoding", "x-echo");

  private static final Pattern HEAD =
      Pattern.compile("HTTP/1\\.1 (\\d{3}) [^\r\n]*\r\n((?:[^\r\n]+\r\n)*)\r\n");
  private static final Pattern LENGTH = Pattern.compile("(?i)content-length: (\\d+)\r\n");

  @FuzzTest(maxDuration = "30s")
  void anyBytesAreAnswered(byte @Nullable [] bytes) {
    if (bytes != null && bytes.length > 0) {
      check(bytes, 1 + (bytes[0] & 0x3F), new HashSet<>());
    }
  }

  @Test
  void anyWordsAreAnswered() {
    var random = new Random(SEED);
    var seen = new HashSet<Integer>();
    for (long i = 0; i < INPUTS; i++) {
      check(input(random), 1 + random.nextInt(500), seen);
    }
    assertThat(seen).as("every kind of answer").containsExactlyInAnyOrderElementsOf(STATUS);
    System.out.println("http: inputs=" + INPUTS + " seed=" + SEED);
  }

  /** Words by chance; or a request that is in order but for a few places. */
  private static byte[] input(Random random) {
    if (random.nextInt(4) == 0) {
      var text = new StringBuilder();
      for (int words = 1 + random.nextInt(MAX_WORDS); words > 0; words--) {
        text.append(WORDS.get(random.nextInt(WORDS.size())));
      }
      return text.toString().getBytes(ISO_8859_1);
    }
    var bytes = new ByteArrayOutputStream();
    for (int requests = 1 + random.nextInt(3); requests > 0; requests--) {
      bytes.writeBytes(changed(random, random.nextBoolean() ? WHOLE : CHUNKS));
    }
    return bytes.toByteArray();
  }

  private static byte[] changed(Random random, String request) {
    var text = new StringBuilder(request);
    for (int changes = random.nextInt(4); changes > 0 && !text.isEmpty(); changes--) {
      int at = random.nextInt(text.length());
      switch (random.nextInt(4)) {
        case 0 -> text.setCharAt(at, (char) random.nextInt(256));
        case 1 -> text.deleteCharAt(at);
        case 2 -> text.setLength(at);
        default -> text.insert(at, WORDS.get(random.nextInt(WORDS.size())));
      }
    }
    return text.toString().getBytes(ISO_8859_1);
  }

  private static void answer(Request request, Answer answer) throws IOException {
    byte[] body;
    try {
      body = request.body();
    } catch (Request.BodyTooLongException _) {
      answer.send(413, new Fields(), new byte[0]);
      return;
    }
    answer.send(200, new Fields().add("X-Echo", request.query().first("q")), body);
  }

  private static void check(byte[] bytes, int portion, Set<Integer> seen) {
    var channel = new MemoryChannel(bytes, portion);
    new HttpConnection(channel, LIMITS, HttpFuzzTest::answer, false, System::nanoTime).run();
    String wrong = wrong(new String(channel.received(), ISO_8859_1), seen);
    if (channel.isOpen() || !wrong.isEmpty()) {
      throw new AssertionError(wrong + ": " + new String(bytes, ISO_8859_1));
    }
  }

  /** Empty if nothing is. */
  private static String wrong(String answers, Set<Integer> seen) {
    int from = 0;
    while (from < answers.length()) {
      var head = HEAD.matcher(answers).region(from, answers.length());
      if (!head.lookingAt()) {
        return "no head at " + from + " of " + answers;
      }
      int status = Integer.parseInt(head.group(1));
      if (!STATUS.contains(status)) {
        return "status " + status;
      }
      seen.add(status);
      for (String line : head.group(2).split("\r\n", -1)) {
        String name = line.split(":", -1)[0].toLowerCase(Locale.ROOT);
        if (!name.isEmpty() && !FIELDS.contains(name)) {
          return "a field that is not ours: " + line;
        }
      }
      from = head.end();
      var length = LENGTH.matcher(head.group(2));
      if (length.find() && !answers.startsWith("HTTP/1.1", from)) { // otherwise it was a HEAD's
        from = Math.min(answers.length(), from + Integer.parseInt(length.group(1)));
      }
    }
    return "";
  }
}
