package io.drover.steve.http;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.SocketChannel;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(60)
class HttpFrontTest {
  private static final Duration LONG = Duration.ofMinutes(1);
  private static final Duration SHORT = Duration.ofMillis(1);
  private static final FrontLimits LIMITS =
      new FrontLimits(4, 2, 2_000, 1_000, LONG, LONG, LONG, LONG);

  private final List<SocketChannel> opened = new ArrayList<>();
  private final LinkedBlockingQueue<Throwable> failures = new LinkedBlockingQueue<>();
  private HttpFront front = HttpFront.start("test", LIMITS, HttpFrontTest::echo);

  @AfterEach
  void stop() throws IOException {
    front.close();
    for (var channel : opened) {
      channel.close();
    }
  }

  /** Tells what it understood: method, path, a parameter, a field, and the body. */
  private static void echo(Request request, Answer answer) throws IOException {
    try (var out = answer.stream(200, new Fields().add("X-Test", "yes"))) {
      out.write(
          String.join(
                  "|",
                  request.method(),
                  request.path(),
                  request.query().first("q"),
                  request.fields().first("x-in"),
                  new String(request.body(), ISO_8859_1))
              .getBytes(ISO_8859_1));
    }
  }

  private void restart(FrontLimits limits, Handler handler) {
    front.close();
    front = HttpFront.start("test", limits, handler);
  }

  private SocketChannel open() throws IOException {
    var channel = front.connect(_ -> {});
    opened.add(channel);
    return channel;
  }

  private static void write(SocketChannel channel, String text) throws IOException {
    channel.write(ByteBuffer.wrap(text.getBytes(ISO_8859_1)));
  }

  private static BufferedReader reader(SocketChannel channel) {
    return new BufferedReader(new InputStreamReader(Channels.newInputStream(channel), ISO_8859_1));
  }

  private static String lines(String... lines) {
    return String.join("\r\n", lines);
  }

  /** What comes until the front closes. */
  private String all(String request) throws IOException {
    var channel = open();
    write(channel, request);
    return new String(Channels.newInputStream(channel).readAllBytes(), ISO_8859_1);
  }

  @Test
  void understandsARequest() throws Exception {
    assertThat(
            all(
                "PATCH /v1/%70ods/a?q=%7B1%7D+2 HTTP/1.1\r\nHost: h\r\nX-In: b\r\n"
                    + "Content-Length: 3\r\nConnection: close\r\n\r\nabc"))
        .startsWith("HTTP/1.1 200 ")
        .contains("\r\nX-Test: yes\r\n", "\r\nContent-Length: 30\r\n", "\r\nConnection: close\r\n")
        .endsWith("\r\n\r\nPATCH|/v1/%70ods/a|{1} 2|b|abc");
  }

  @Test
  void understandsChunks() throws Exception {
    assertThat(
            all(
                lines(
                    "POST / HTTP/1.1",
                    "Host: h",
                    "Transfer-Encoding: chunked",
                    "Connection: close",
                    "",
                    "2",
                    "ab",
                    "1",
                    "c",
                    "0",
                    "",
                    "")))
        .endsWith("|abc");
  }

  @Test
  void takesRequestAfterRequest() throws Exception {
    var one = "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\n";
    assertThat(all(one + "1" + one + "2" + "GET / HTTP/1.0\r\n\r\n"))
        .containsSubsequence("POST|/|||1", "POST|/|||2", "GET|/|||");
  }

  @Test
  void asksForABodyThatIsHeldBack() throws Exception {
    var channel = open();
    write(
        channel,
        lines(
            "PUT / HTTP/1.1",
            "Host: h",
            "Content-Length: 1",
            "Expect: 100-continue",
            "Connection: close",
            "",
            ""));
    var in = reader(channel);
    assertThat(in.readLine()).isEqualTo("HTTP/1.1 100 Continue");
    write(channel, "x");
    assertThat(in.lines()).last().isEqualTo("PUT|/|||x");
  }

  @Test
  void sendsALongAnswerInChunks() throws Exception {
    restart(
        LIMITS,
        (_, answer) -> {
          try (var out = answer.stream(200, new Fields())) {
            out.write("x".repeat(Answer.PIECE_BYTES + 1).getBytes(ISO_8859_1));
          }
        });
    var answer = all("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    assertThat(answer)
        .contains("\r\nTransfer-Encoding: chunked\r\n", "\r\n2000\r\nxxx")
        .endsWith("xxx\r\n1\r\nx\r\n0\r\n\r\n");
  }

  @Test
  void leavesHttpWhenItIsAsked() throws Exception {
    restart(
        LIMITS,
        (_, answer) -> {
          var other = answer.upgrade(new Fields().add("Upgrade", "echo"));
          other.out().write(other.in().readNBytes(3));
        });
    assertThat(all("GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\nabc"))
        .startsWith("HTTP/1.1 101 ")
        .endsWith("\r\n\r\nabc");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "nonsense\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: h\r\nContent-Length: -1\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: h\r\nContent-Length: +1\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: h\r\nX-A: b\r\n folded\r\n\r\n",
        "GET / HTTP/1.1\r\n\tHost: h\r\n\r\n",
      })
  void refusesWhatIsAmbiguous(String request) throws Exception {
    assertThat(all(request)).startsWith("HTTP/1.1 400 ").contains("Connection: close");
  }

  @ParameterizedTest
  @ValueSource(strings = {"HTTP/0.9", "HTTP/1.2", "HTTP/2.0", "HTTP/3.0"})
  void refusesOtherVersions(String version) throws Exception {
    assertThat(all("GET / " + version + "\r\nHost: h\r\n\r\n"))
        .startsWith("HTTP/1.1 505 ")
        .contains("Connection: close", "this is not HTTP/1.1, but " + version);
  }

  @Test
  void refusesAHeadThatIsTooLong() throws Exception {
    assertThat(all("GET / HTTP/1.1\r\nX-A: " + "a".repeat(LIMITS.headBytes()) + "\r\n\r\n"))
        .startsWith("HTTP/1.1 431 ");
    // Of many short lines too.
    assertThat(all("GET / HTTP/1.1\r\n" + "X-A: aaaaaaaaaa\r\n".repeat(1_000) + "\r\n"))
        .startsWith("HTTP/1.1 431 ");
  }

  @Test
  void doesNotReadABodyThatIsTooLong() throws Exception {
    restart(
        LIMITS,
        (request, answer) -> {
          try {
            request.body();
          } catch (Request.BodyTooLongException e) {
            failures.add(e);
            answer.send(413, new Fields(), new byte[0]);
          }
        });
    var head = "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10000\r\n\r\n";
    assertThat(all(head + "x".repeat(10_000))).startsWith("HTTP/1.1 413 ");
    assertThat(failures.take()).hasMessageContaining("1000 bytes");
  }

  @Test
  void saysThatAFaultIsOurs() throws Exception {
    restart(
        LIMITS,
        (_, _) -> {
          throw new IllegalStateException("planned by a test");
        });
    assertThat(all("GET / HTTP/1.1\r\nHost: h\r\n\r\n")).startsWith("HTTP/1.1 500 ");
  }

  @Test
  void doesNotLetAPartLookWhole() throws Exception {
    restart(
        LIMITS,
        (_, answer) -> {
          var out = answer.stream(200, new Fields());
          out.write("x".repeat(3 * Answer.PIECE_BYTES).getBytes(ISO_8859_1));
          throw new IOException("the rest cannot be had");
        });
    assertThat(all("GET / HTTP/1.1\r\nHost: h\r\n\r\n")).doesNotEndWith("0\r\n\r\n");
  }

  @Test
  void answersOneRequestEachBeyondItsConnections() throws Exception {
    for (int i = 0; i < LIMITS.connections(); i++) {
      open();
    }

    assertThat(all("GET /a HTTP/1.1\r\nHost: h\r\n\r\n"))
        .contains("Connection: close")
        .endsWith("GET|/a|||");
  }

  @Test
  void refusesWhatIsBeyondAll() throws Exception {
    for (int i = 0; i < LIMITS.connections() + LIMITS.spare(); i++) {
      open();
    }

    assertThatThrownBy(this::open).hasMessageContaining("too many connections: limit=4");
  }

  @Test
  void aThousandSocketsAreRefusedWithoutHarm() throws Exception {
    restart(FrontLimits.STANDARD, HttpFrontTest::echo);
    int refused = 0;
    for (int i = 0; i < 1_000; i++) {
      try {
        open();
      } catch (IOException _) {
        refused++;
      }
    }

    assertThat(refused)
        .isEqualTo(1_000 - FrontLimits.STANDARD.connections() - FrontLimits.STANDARD.spare());
    write(opened.getFirst(), "GET /still HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    assertThat(reader(opened.getFirst()).lines()).last().isEqualTo("GET|/still|||");
  }

  @Test
  void closesAConnectionThatIsIdle() throws Exception {
    restart(new FrontLimits(4, 2, 2_000, 1_000, SHORT, LONG, LONG, LONG), HttpFrontTest::echo);

    assertThat(reader(open()).readLine()).isNull();
  }

  @Test
  void closesAConnectionWhoseHeadDoesNotEnd() throws Exception {
    restart(new FrontLimits(4, 2, 2_000, 1_000, LONG, SHORT, LONG, LONG), HttpFrontTest::echo);
    var channel = open();
    write(channel, "GET / HT");

    assertThat(reader(channel).readLine()).isNull();
  }

  @Test
  void closesAConnectionWhoseBodyDoesNotCome() throws Exception {
    restart(new FrontLimits(4, 2, 2_000, 1_000, LONG, LONG, SHORT, LONG), HttpFrontTest::echo);
    var channel = open();
    write(channel, "POST / HTTP/1.1\r\nHost: h\r\nUpgrade: x\r\nContent-Length: 5\r\n\r\nabc");

    assertThat(reader(channel).readLine()).isNull();
  }

  @Test
  void closesAConnectionWhosePeerDoesNotRead() throws Exception {
    restart(
        new FrontLimits(4, 2, 2_000, 1_000, LONG, LONG, SHORT, LONG),
        (_, answer) -> {
          try (var out = answer.stream(200, new Fields())) {
            byte[] much = new byte[1 << 20];
            while (true) {
              out.write(much);
            }
          } catch (IOException e) {
            failures.add(e);
            throw e;
          }
        });
    write(open(), "GET / HTTP/1.1\r\nHost: h\r\n\r\n");

    assertThat(failures.take()).isInstanceOf(IOException.class);
  }

  /** Its last fields may say in whose name it is asked. */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "GET / HTTP/1.1",
        "GET / HTTP/1.1\r\n",
        "GET / HTTP/1.1\r\nHost: h",
        "GET / HTTP/1.1\r\nHost: h\r\n",
        "GET / HTTP/1.1\r\nHost: h\r\nX-In: b\r"
      })
  void doesNotAnswerARequestWhoseHeadIsCutOff(String cut) throws Exception {
    var channel = open();
    write(channel, cut);
    channel.shutdownOutput();

    assertThat(new String(Channels.newInputStream(channel).readAllBytes(), ISO_8859_1))
        .doesNotContain("GET|");
  }

  @Test
  void noticesAPeerThatLeavesBeforeItIsAnswered() throws Exception {
    var gone = new CountDownLatch(1);
    restart(
        LIMITS,
        (request, answer) -> {
          request.whenGone(gone::countDown);
          try {
            gone.await();
          } catch (InterruptedException e) {
            throw new IOException(e);
          }
          answer.send(200, new Fields(), new byte[0]);
        });
    var channel = open();
    write(channel, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    channel.close();

    assertThat(gone.await(30, TimeUnit.SECONDS)).isTrue();
  }

  @Test
  void whatComesWhileAPeerIsAnsweredIsTheNextRequest() throws Exception {
    var waiting = new CountDownLatch(1);
    var go = new CountDownLatch(1);
    restart(
        LIMITS,
        (request, answer) -> {
          if (request.path().equals("/first")) {
            request.whenGone(() -> failures.add(new IOException("gone")));
            waiting.countDown();
            try {
              go.await();
            } catch (InterruptedException e) {
              throw new IOException(e);
            }
          }
          echo(request, answer);
        });
    var channel = open();
    write(channel, "GET /first HTTP/1.1\r\nHost: h\r\n\r\n");
    waiting.await();
    write(channel, "GET /second HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    go.countDown();

    assertThat(new String(Channels.newInputStream(channel).readAllBytes(), ISO_8859_1))
        .containsSubsequence("GET|/first|||", "GET|/second|||");
    assertThat(failures).isEmpty();
  }

  @Test
  void closesWithAConnectionWhatBelongsToIt() throws Exception {
    var closed = new CountDownLatch(1);
    restart(
        new FrontLimits(4, 2, 2_000, 1_000, LONG, LONG, LONG, SHORT),
        (request, answer) -> {
          request.closeToo(closed::countDown);
          try {
            closed.await();
          } catch (InterruptedException e) {
            throw new IOException(e);
          }
          throw new IOException("at the limit of an exchange");
        });
    var channel = open();
    write(channel, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");

    assertThat(reader(channel).readLine()).isNull();
    closed.await(); // a moment later
  }

  @Test
  void answersOfAKnownLengthAreNotCutIntoChunks() throws Exception {
    restart(
        LIMITS,
        (request, answer) -> {
          try (var out = answer.stream(200, new Fields(), 20_000)) {
            out.write(new byte[request.path().equals("/short") ? 19_999 : 20_000]);
          }
        });
    var channel = open();
    write(channel, "GET / HTTP/1.1\r\nHost: h\r\n\r\nGET /short HTTP/1.1\r\nHost: h\r\n\r\n");
    var said = new String(Channels.newInputStream(channel).readAllBytes(), ISO_8859_1);

    assertThat(said).containsSubsequence("Content-Length: 20000\r\n", "Content-Length: 20000\r\n");
    assertThat(said).doesNotContain("chunked");
    assertThat(said.chars().filter(c -> c == 0)).hasSize(39_999);
  }

  @Test
  void dateOfAnotherServerStays() throws Exception {
    restart(LIMITS, (_, answer) -> answer.sendHead(304, new Fields().add("Date", "then")));

    assertThat(all("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"))
        .isEqualTo("HTTP/1.1 304 -\r\nDate: then\r\nConnection: close\r\n\r\n");
  }

  @Test
  void letsNobodyElseIn() throws Exception {
    var strangers = new ArrayList<SocketChannel>();
    var pair =
        SocketPair.open(
            opened::add,
            port -> {
              try {
                strangers.add(SocketChannel.open(port));
              } catch (IOException e) {
                failures.add(e);
              }
            });

    write(pair.far(), "x");
    assertThat(pair.near().read(ByteBuffer.allocate(1))).isEqualTo(1);
    try (InputStream stranger = Channels.newInputStream(strangers.getFirst())) {
      assertThat(stranger.read()).isEqualTo(-1);
    }
    pair.near().close();
  }

  @Test
  void isNotReachedByManyStrangers() {
    assertThatThrownBy(
            () ->
                SocketPair.open(
                    _ -> {},
                    port -> {
                      try {
                        for (int i = 0; i <= SocketPair.MAX_STRANGERS; i++) {
                          opened.add(SocketChannel.open(port));
                        }
                      } catch (IOException e) {
                        failures.add(e);
                      }
                    }))
        .hasMessageContaining("another process");
  }
}
