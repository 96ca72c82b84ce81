package io.drover.agent.control;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.ConnectException;
import java.net.SocketException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.SynchronousQueue;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(30)
class ControlSocketTest {
  private static final String FORM = "Content-Type: application/x-www-form-urlencoded\r\n";

  @TempDir private Path directory;
  private Path path;
  private volatile String level = "info";
  private final BlockingQueue<Duration> limits = new LinkedBlockingQueue<>();
  private final BlockingQueue<Boolean> timeIsOver = new SynchronousQueue<>();
  private ControlSocket socket;
  private volatile ControlOrder order = () -> {};
  private volatile ControlPage page = () -> new ByteArrayInputStream("a page".getBytes(ISO_8859_1));

  @BeforeEach
  void start() {
    path = directory.resolve("log.sock");
    socket = open(path);
  }

  @AfterEach
  void stop() {
    socket.close();
  }

  private ControlSocket open(Path where) {
    return ControlSocket.start(
        Optional.of(where),
        () -> level,
        this::change,
        Map.of(
            "/v1/page",
            () -> page.open(),
            "/v1/none",
            ControlSocketTest::none,
            ControlClient.THREADS,
            () -> ThreadDump.open(directory)),
        Map.of("/v1/page", () -> order.carryOut()),
        duration -> {
          limits.add(duration);
          timeIsOver.take();
        });
  }

  private static InputStream none() throws IOException {
    throw new IOException("none yet");
  }

  private void change(String name) {
    if (name.equals("loud") || name.isEmpty()) {
      throw new IllegalArgumentException("not a valid level: \"" + name + '"');
    }
    level = name;
  }

  @Test
  void tellsTheLevel() throws Exception {
    String answer = ask("GET /v1/loglevel HTTP/1.1\r\nHost: localhost\r\n\r\n");

    assertThat(answer.replace("\r\n", "\n"))
        .isEqualTo(
            """
            HTTP/1.1 200 OK
            Content-Type: text/plain; charset=utf-8
            Content-Length: 5
            Connection: close

            info
            """);
  }

  @Test
  void changesTheLevel() throws Exception {
    assertThat(post("x=y&level=debug")).startsWith("HTTP/1.1 200 OK\r\n").endsWith("\r\n\r\nOK\n");
    assertThat(level).isEqualTo("debug");

    assertThat(ask("POST /v1/loglevel?level=trace HTTP/1.1\r\n\r\n")).endsWith("\r\n\r\nOK\n");
    assertThat(level).isEqualTo("trace");
  }

  @Test
  void levelThatThereIsNotIsRefused() throws Exception {
    assertThat(post("level=l%6fud"))
        .startsWith("HTTP/1.1 500 Internal Server Error\r\n")
        .endsWith("\r\n\r\nFailed to parse loglevel: not a valid level: \"loud\"\n");
    assertThat(post("")).contains("Failed to parse loglevel: ");
    assertThat(post("level=%zz")).contains(" 500 ").contains("Failed to parse form: ");
    assertThat(level).isEqualTo("info");
  }

  @Test
  void requestMayComeInPieces() throws Exception {
    try (var client = connect()) {
      for (String piece :
          new String[] {"POST /v1/logl", "evel HTTP/1.1\r", "\nContent-Length: 11\r\n\r", "\nle"}) {
        write(client, piece);
      }
      write(client, "vel=debug");
      assertThat(read(client)).endsWith("OK\n");
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "GET / HTTP/1.1\r\n\r\n=404",
        "GET /v1/loglevels HTTP/1.1\r\n\r\n=404",
        "GET /debug/pprof HTTP/1.1\r\n\r\n=404",
        "PUT /v1/loglevel HTTP/1.1\r\n\r\n=405",
        "GET /v1/loglevel\r\n\r\n=400",
        "nonsense\r\n\r\n=400",
        "POST /v1/loglevel HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n=400",
        "POST /v1/loglevel HTTP/1.1\r\nContent-Length: -1\r\n\r\n=400",
        "POST /v1/loglevel HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n=400",
        "POST /v1/loglevel HTTP/1.1\r\nContent-Length: 8192\r\n\r\n=413",
      })
  void otherRequestsAreRefused(String requestAndStatus) throws Exception {
    int equals = requestAndStatus.lastIndexOf('=');

    assertThat(ask(requestAndStatus.substring(0, equals)))
        .startsWith("HTTP/1.1 " + requestAndStatus.substring(equals + 1) + " ");
  }

  @Test
  void headIsBounded() throws Exception {
    String head = "GET /v1/loglevel HTTP/1.1\r\nX: ";
    String filler = "x".repeat(ControlExchange.MAX_REQUEST_BYTES - head.length() - 4);

    assertThat(ask(head + filler + "\r\n\r\n")).startsWith("HTTP/1.1 200 ");
    assertThat(ask(head + filler + "xxxx")).startsWith("HTTP/1.1 431 ");
  }

  @Test
  void slowClientIsCutAndTheNextOneIsServed() throws Exception {
    try (var slow = connect()) {
      write(slow, "GET /v1");
      assertThat(limits.take()).isEqualTo(ControlSocket.LIMIT);
      timeIsOver.put(true);
      assertThat(isCut(slow)).isTrue();
    }
    assertThat(ask("GET /v1/loglevel HTTP/1.1\r\n\r\n")).endsWith("info\n");
  }

  @Test
  void pageEndsWithTheConnection() throws Exception {
    assertThat(ask("GET /v1/page?x=y HTTP/1.1\r\n\r\n").replace("\r\n", "\n"))
        .isEqualTo(
            """
            HTTP/1.1 200 OK
            Content-Type: text/plain; charset=utf-8
            Connection: close

            a page\
            """);
    assertThat(ask("POST /v1/none HTTP/1.1\r\n\r\n")).startsWith("HTTP/1.1 405 ");
    assertThat(ask("GET /v1/none HTTP/1.1\r\n\r\n"))
        .startsWith("HTTP/1.1 500 ")
        .endsWith("\r\n\r\nnone yet\n");
  }

  @Test
  void orderIsCarriedOutOrItIsSaidWhyNot() throws Exception {
    order = () -> level = "ordered";
    assertThat(ask("POST /v1/page HTTP/1.1\r\n\r\n")).startsWith("HTTP/1.1 200 ");
    assertThat(level).isEqualTo("ordered");

    order =
        () -> {
          throw new IOException("not now");
        };
    assertThat(ask("POST /v1/page HTTP/1.1\r\n\r\n"))
        .startsWith("HTTP/1.1 500 ")
        .endsWith("\r\n\r\nnot now\n");
    assertThat(ask("GET /v1/page HTTP/1.1\r\n\r\n")).endsWith("\r\n\r\na page");
  }

  @Test
  void pageIsCutAtTheLimit() throws Exception {
    page = () -> InputStream.nullInputStream();
    int head = ask("GET /v1/page HTTP/1.1\r\n\r\n").length();
    byte[] tooMuch = new byte[ControlExchange.MAX_PAGE_BYTES + 1];
    page = () -> new ByteArrayInputStream(tooMuch);

    assertThat(ask("GET /v1/page HTTP/1.1\r\n\r\n")).hasSize(head + ControlExchange.MAX_PAGE_BYTES);
  }

  @Test
  void threadsAreAllOfThemAndLeaveNoFile() throws Exception {
    var stop = new CountDownLatch(1);
    var platform = Thread.ofPlatform().name("a-platform-thread").start(() -> await(stop));
    var virtual = Thread.ofVirtual().name("a-virtual-thread").start(() -> await(stop));

    var dump = ask("GET /v1/threads HTTP/1.1\r\n\r\n");

    stop.countDown();
    platform.join();
    virtual.join();
    assertThat(dump).contains("a-platform-thread", "a-virtual-thread", "ControlSocketTest.await");
    assertThat(directory).isDirectoryNotContaining("glob:**/threads*");
  }

  private static void await(CountDownLatch latch) {
    try {
      latch.await();
    } catch (InterruptedException _) {
      // The test is over.
    }
  }

  @Test
  void clientThatGoesAwayDoesNoHarm() throws Exception {
    connect().close();

    assertThat(ask("GET /v1/loglevel HTTP/1.1\r\n\r\n")).endsWith("info\n");
  }

  @Test
  void onlyThisUserMayConnect() throws Exception {
    assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(path)))
        .isEqualTo("rw-------");
    try (var files = Files.list(directory)) {
      assertThat(files).containsExactly(path);
    }
  }

  @Test
  void fileGoesWhenItCloses() throws Exception {
    socket.close();

    assertThat(path).doesNotExist();
  }

  @Test
  void socketOfAnAgentThatWasKilledIsReplaced() throws Exception {
    socket.close();
    try (var dead = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
      dead.bind(UnixDomainSocketAddress.of(path));
    }
    assertThat(Files.exists(path)).isTrue();

    socket = open(path);

    assertThat(ask("GET /v1/loglevel HTTP/1.1\r\n\r\n")).endsWith("info\n");
  }

  @Test
  void socketOfAnotherAgentIsLeftToIt() throws Exception {
    open(path).close();

    assertThat(ask("GET /v1/loglevel HTTP/1.1\r\n\r\n")).endsWith("info\n");
  }

  @Test
  void socketThatTookThePlaceOfOursStays() throws Exception {
    Files.delete(path);
    try (var other = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
      other.bind(UnixDomainSocketAddress.of(path));

      socket.close();

      assertThat(Files.exists(path)).isTrue();
    }
  }

  @Test
  void fileThatIsNoSocketStays() throws Exception {
    Path file = Files.writeString(directory.resolve("file"), "mine");

    open(file).close();

    assertThat(file).hasContent("mine");
  }

  @Test
  void pathThatCannotBeIsNoReasonToFail() throws Exception {
    open(directory.resolve("none/log.sock")).close();
    open(directory.resolve("x".repeat(200))).close();

    try (var files = Files.list(directory)) {
      assertThat(files).containsExactly(path);
    }
  }

  @Test
  void nothingListensIfItIsOff() throws Exception {
    socket.close();

    ControlSocket.start(Optional.empty(), () -> level, this::change, Map.of(), Map.of(), _ -> {})
        .close();

    assertThat(directory).isEmptyDirectory();
  }

  private String post(String form) throws IOException {
    return ask(
        "POST /v1/loglevel HTTP/1.1\r\n"
            + FORM
            + "content-length: "
            + form.length()
            + "\r\n\r\n"
            + form);
  }

  private String ask(String request) throws IOException {
    try (var client = connect()) {
      write(client, request);
      return read(client);
    }
  }

  private SocketChannel connect() throws IOException {
    try {
      return SocketChannel.open(UnixDomainSocketAddress.of(path));
    } catch (ConnectException e) {
      throw new AssertionError("nobody listens", e);
    }
  }

  private static void write(SocketChannel client, String text) throws IOException {
    client.write(ByteBuffer.wrap(text.getBytes(ISO_8859_1)));
  }

  /** A socket that is closed before all was read from it resets the connection. */
  private static boolean isCut(SocketChannel client) throws IOException {
    try {
      return read(client).isEmpty();
    } catch (SocketException _) {
      return true;
    }
  }

  private static String read(SocketChannel client) throws IOException {
    return new String(Channels.newInputStream(client).readAllBytes(), ISO_8859_1);
  }
}
