package io.drover.steve.http2;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.drover.steve.http.Fields;
import io.drover.steve.http.UpstreamConnection;
import java.io.DataInputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Beside a server whose every frame a test chooses; real ones are the gateway's tests' and e2e. */
@Timeout(30)
class Http2ConnectionTest {
  private static final Duration LIMIT = Duration.ofSeconds(20);
  private static final Fields HOST = new Fields().add("Host", "h:1");
  private static final byte[] OK = {(byte) 0x88};

  private record Sent(int type, int flags, int id, ByteBuffer bytes) {
    byte[] content() {
      byte[] content = new byte[bytes.capacity()];
      bytes.get(0, content);
      return content;
    }

    int number() {
      return bytes.getInt(0);
    }
  }

  private ServerSocket listener;
  private Socket near;
  private Socket far;
  private DataInputStream in;
  private OutputStream out;
  private @Nullable Http2Connection opened;

  @BeforeEach
  void connect() throws IOException {
    listener = new ServerSocket(0, 1, InetAddress.getLoopbackAddress());
    near = new Socket(listener.getInetAddress(), listener.getLocalPort());
    far = listener.accept();
    in = new DataInputStream(far.getInputStream());
    out = far.getOutputStream();
  }

  @AfterEach
  void close() throws IOException {
    if (opened != null) {
      opened.close();
    }
    near.close();
    far.close();
    listener.close();
  }

  private void say(int type, int flags, int id, byte[] content) throws IOException {
    out.write(
        ByteBuffer.allocate(Frame.HEAD_BYTES + content.length)
            .putInt((content.length << 8) | type)
            .put((byte) flags)
            .putInt(id)
            .put(content)
            .array());
  }

  private Sent hear() throws IOException {
    int first = in.readInt();
    int flags = in.readUnsignedByte();
    int id = in.readInt();
    return new Sent(first & 0xff, flags, id, ByteBuffer.wrap(in.readNBytes(first >>> 8)));
  }

  /** The next of that type. */
  private Sent hear(int type) throws IOException {
    for (var sent = hear(); ; sent = hear()) {
      if (sent.type() == type) {
        return sent;
      }
    }
  }

  private static byte[] setting(int which, int value) {
    return ByteBuffer.allocate(Frame.SETTING_BYTES).putShort((short) which).putInt(value).array();
  }

  private static byte[] number(int value) {
    return ByteBuffer.allocate(4).putInt(value).array();
  }

  /** A server that allows so many. */
  private void open(int streams, Duration silence) throws IOException {
    say(Frame.SETTINGS, 0, 0, setting(Frame.MAX_CONCURRENT_STREAMS, streams));
    opened = Http2Connection.open(near, "test", LIMIT, silence);
    assertThat(in.readNBytes(24)).asString(ISO_8859_1).startsWith("PRI * HTTP/2.0\r\n");
  }

  private void open() throws IOException {
    open(250, LIMIT);
  }

  private Http2Connection connection() {
    return Objects.requireNonNull(opened);
  }

  private Http2Stream get(String target) {
    return connection().get(target, HOST).orElseThrow();
  }

  private static byte[] text(String text) {
    byte[] bytes = text.getBytes(ISO_8859_1);
    return ByteBuffer.allocate(1 + bytes.length).put((byte) bytes.length).put(bytes).array();
  }

  private static byte[] fields(String... texts) {
    var all = ByteBuffer.allocate(4_096).put(OK);
    for (int i = 0; i < texts.length; i += 2) {
      all.put((byte) 0).put(text(texts[i])).put(text(texts[i + 1]));
    }
    return java.util.Arrays.copyOf(all.array(), all.position());
  }

  private void answer(int id, String... texts) throws IOException {
    say(Frame.HEADERS, Frame.END_HEADERS, id, fields(texts));
  }

  private void data(int id, boolean last, byte[] content) throws IOException {
    say(Frame.DATA, last ? Frame.END_STREAM : 0, id, content);
  }

  private static String read(UpstreamConnection.Head head) throws IOException {
    return new String(head.body().readAllBytes(), ISO_8859_1);
  }

  @Test
  void saysWhatItHasRoomFor() throws Exception {
    open();
    assertThat(hear().content())
        .isEqualTo(
            ByteBuffer.allocate(24)
                .put(setting(Frame.HEADER_TABLE_SIZE, 0))
                .put(setting(Frame.ENABLE_PUSH, 0))
                .put(setting(Frame.INITIAL_WINDOW_SIZE, Http2Stream.WINDOW))
                .put(setting(Frame.MAX_HEADER_LIST_SIZE, Http2Connection.MAX_FIELD_BYTES))
                .array());
    var room = hear();
    assertThat(room.type()).isEqualTo(Frame.WINDOW_UPDATE);
    assertThat(room.id()).isZero();
    assertThat(room.number()).isEqualTo(Http2Connection.WINDOW - Frame.FIRST_WINDOW);
    assertThat(hear(Frame.SETTINGS).flags()).isEqualTo(Frame.ACK);
  }

  @Test
  void asksForATargetAsItIs() throws Exception {
    open();
    connection().get("/a%2f?b=|&c", new Fields().add("Host", "h:1").add("Authorization", "B x"));
    var asked = hear(Frame.HEADERS);

    assertThat(asked.id()).isEqualTo(1);
    assertThat(asked.flags()).isEqualTo(Frame.END_STREAM | Frame.END_HEADERS);
    assertThat(FieldBlock.read(asked.content()).all())
        .extracting(field -> field.name() + "=" + field.value())
        .containsExactly(
            ":method=GET",
            ":scheme=http",
            ":authority=h:1",
            ":path=/a%2f?b=|&c",
            "authorization=B x");
  }

  @Test
  void longRequestComesInMoreThanOneFrame() throws Exception {
    open();
    get("/" + "x".repeat(40_000));

    var first = hear(Frame.HEADERS);
    assertThat(first.flags()).isEqualTo(Frame.END_STREAM);
    assertThat(hear().flags()).isZero();
    var last = hear();
    assertThat(last.type()).isEqualTo(Frame.CONTINUATION);
    assertThat(last.flags()).isEqualTo(Frame.END_HEADERS);
    assertThat(first.content()).hasSize(Frame.MAX_BYTES);
  }

  @Test
  void answersOfManyComeInAnyOrder() throws Exception {
    open();
    var one = get("/1");
    var two = get("/2");
    answer(3, "content-type", "t");
    data(3, false, "b".getBytes(ISO_8859_1));
    answer(1);
    data(1, true, "a".getBytes(ISO_8859_1));
    data(3, true, new byte[0]);

    assertThat(two.answer().fields().first("Content-Type")).isEqualTo("t");
    assertThat(read(two.answer())).isEqualTo("b");
    assertThat(one.answer().status()).isEqualTo(200);
    assertThat(read(one.answer())).isEqualTo("a");
  }

  @Test
  void interimAnswersPaddingPrioritiesAndTrailersAreNothingToTheReader() throws Exception {
    open();
    var stream = get("/");
    say(Frame.HEADERS, Frame.END_HEADERS, 1, HexFormat.of().parseHex("0803313033"));
    byte[] head = fields("a", "b");
    var padded = ByteBuffer.allocate(1 + 5 + head.length - 2 + 3);
    padded.put((byte) 3).putInt(0).put((byte) 7).put(head, 0, head.length - 2);
    say(Frame.HEADERS, Frame.PADDED | Frame.PRIORITY, 1, padded.array());
    say(Frame.CONTINUATION, Frame.END_HEADERS, 1, text("b"));
    say(Frame.DATA, Frame.PADDED, 1, new byte[] {2, 'x', 'y', 0, 0});
    say(99, 0, 1, new byte[7]);
    var trailers = HexFormat.of().parseHex("0001740176");
    say(Frame.HEADERS, Frame.END_HEADERS | Frame.END_STREAM, 1, trailers);

    assertThat(stream.answer().fields().all()).containsExactly(new Fields.Field("a", "b"));
    assertThat(read(stream.answer())).isEqualTo("xy");
  }

  /** The server may send no more than is read; the others go on. */
  @Test
  void whoDoesNotReadHoldsUpNobodyElse() throws Exception {
    open();
    var slow = get("/slow");
    var quick = get("/quick");
    answer(1);
    answer(3);
    byte[] half = new byte[Http2Stream.WINDOW / 2];
    data(1, false, half);
    data(1, false, half);
    data(3, false, half);
    var body = quick.answer().body();
    body.readNBytes(half.length);
    var room = hear(Frame.WINDOW_UPDATE);
    while (room.id() == 0) {
      room = hear(Frame.WINDOW_UPDATE);
    }
    assertThat(room.id()).as("the first one has none yet").isEqualTo(3);
    assertThat(room.number()).isEqualTo(half.length);
    assertThat(slow.waiting()).isEqualTo(Http2Stream.WINDOW);

    slow.answer().body().readNBytes(half.length);
    room = hear(Frame.WINDOW_UPDATE);
    assertThat(room.id()).isEqualTo(1);
    assertThat(room.number()).isEqualTo(half.length);
  }

  @Test
  void moreThanIsAllowedIsNotTaken() throws Exception {
    open();
    var stream = get("/");
    answer(1);
    data(1, false, new byte[Http2Stream.WINDOW / 2]);
    data(1, false, new byte[Http2Stream.WINDOW / 2]);
    data(1, false, new byte[1]);

    assertThat(hear(Frame.RST_STREAM).id()).isEqualTo(1);
    assertThatThrownBy(() -> stream.answer().body().readAllBytes())
        .hasMessageContaining("more is sent than was allowed");
  }

  @Test
  void allOfThemTogetherMayHaveMoreThanTheConnectionsWindow() throws Exception {
    open();
    byte[] piece = new byte[Frame.MAX_BYTES];
    hear(Frame.SETTINGS);
    hear(Frame.SETTINGS);
    for (int i = 0; i < Http2Connection.WINDOW / 2 / piece.length; i++) {
      if (i % 2 == 0) {
        get("/");
        answer(i + 1);
      }
      data(1 + i / 2 * 2, false, piece);
    }
    assertThat(hear(Frame.WINDOW_UPDATE).number()).isEqualTo(Http2Connection.WINDOW / 2);
  }

  @Test
  void whoeverLeavesEndsItThereToo() throws Exception {
    open();
    var stream = get("/");
    answer(1);
    stream.answer();
    stream.close();

    var reset = hear(Frame.RST_STREAM);
    assertThat(reset.id()).isEqualTo(1);
    assertThat(reset.number()).isEqualTo(Frame.CANCEL);
    data(1, false, new byte[9]); // on its way already
    assertThatThrownBy(() -> stream.answer().body().read()).hasMessageContaining("not wanted");
    assertThat(connection().isOpen()).isTrue();
  }

  @Test
  void whoeverWaitsIsWokenWhenAnotherThreadLeaves() throws Exception {
    open();
    var stream = get("/");
    var waiting = new java.util.concurrent.FutureTask<>(stream::answer);
    Thread.ofVirtual().start(waiting);
    hear(Frame.HEADERS);
    stream.close();

    assertThatThrownBy(waiting::get).hasMessageContaining("not wanted");
  }

  @ParameterizedTest
  @ValueSource(strings = {"reset", "cut", "goaway and cut"})
  void cutIsNotTakenForTheEnd(String how) throws Exception {
    open();
    var stream = get("/");
    answer(1);
    data(1, false, "abc".getBytes(ISO_8859_1));
    switch (how) {
      case "reset" -> say(Frame.RST_STREAM, 0, 1, number(2));
      case "cut" -> far.close();
      default -> {
        say(Frame.GOAWAY, 0, 0, new byte[] {0, 0, 0, 1, 0, 0, 0, 0});
        far.close();
      }
    }
    var body = stream.answer().body();
    assertThat(body.readNBytes(3)).asString(ISO_8859_1).isEqualTo("abc");
    assertThatThrownBy(body::read).isInstanceOf(IOException.class);
  }

  @Test
  void serverThatLeavesEndsWhatItHasSeenAndTakesNothingNew() throws Exception {
    open();
    var seen = get("/1");
    var unseen = get("/2");
    say(Frame.GOAWAY, 0, 0, new byte[] {0, 0, 0, 1, 0, 0, 0, 0});

    assertThatThrownBy(unseen::answer).hasMessageContaining("no more requests");
    assertThat(connection().get("/3", HOST)).isEmpty();
    answer(1);
    data(1, true, "abc".getBytes(ISO_8859_1));
    assertThat(read(seen.answer())).isEqualTo("abc");
    hear(Frame.HEADERS);
    assertThat(in.readAllBytes()).as("it ends").isNotNull();
    assertThat(connection().isOpen()).isFalse();
  }

  @ParameterizedTest
  @CsvSource({"250,100", "100,100", "2,2", "0,0"})
  void askedAreNoMoreThanBothAllow(int server, int both) throws Exception {
    open(server, LIMIT);
    var streams = new ArrayList<Http2Stream>();
    for (int i = 0; i < both; i++) {
      streams.add(get("/"));
    }
    assertThat(connection().get("/", HOST)).isEmpty();
    if (both > 0) {
      streams.getFirst().close();
      assertThat(connection().get("/", HOST)).isPresent();
    }
  }

  @Test
  void serverThatRefusesHasNoRoom() throws Exception {
    open();
    get("/");
    var refused = get("/");
    say(Frame.RST_STREAM, 0, 3, number(Frame.REFUSED_STREAM));

    assertThatThrownBy(refused::answer).hasMessageContaining("code=7");
    assertThat(connection().get("/", HOST)).isEmpty();
  }

  @ParameterizedTest
  @CsvSource({"2,abc,longer", "4,abc,shorter", "x,abc,ambiguous"})
  void lengthThatIsNotTrueIsNoWholeAnswer(String said, String body, String why) throws Exception {
    open();
    var stream = get("/");
    answer(1, "content-length", said);
    data(1, true, body.getBytes(ISO_8859_1));

    assertThatThrownBy(() -> stream.answer().body().readAllBytes()).hasMessageContaining(why);
    assertThat(connection().isOpen()).isTrue();
  }

  @Test
  void lengthOfAnAnswerIsKnownIfItIsSaid() throws Exception {
    open();
    var stream = get("/");
    answer(1, "content-length", "3");
    data(1, true, "abc".getBytes(ISO_8859_1));

    assertThat(stream.answer().length()).isEqualTo(3);
    assertThat(read(stream.answer())).isEqualTo("abc");
  }

  @Test
  void tooManyInterimAnswersAreNone() throws Exception {
    open();
    var stream = get("/");
    for (int i = 0; i <= Http2Stream.MAX_INTERIM; i++) {
      say(Frame.HEADERS, Frame.END_HEADERS, 1, HexFormat.of().parseHex("0803313033"));
    }
    assertThatThrownBy(stream::answer).hasMessageContaining("interim");
  }

  @Test
  void isThereWhenItIsAsked() throws Exception {
    open();
    say(Frame.PING, 0, 0, number(7));

    var answered = hear(Frame.PING);
    assertThat(answered.flags()).isEqualTo(Frame.ACK);
    assertThat(answered.number()).isEqualTo(7);
  }

  @Test
  void silentServerIsAskedAndThenGivenUp() throws Exception {
    open(1, Duration.ofMillis(50));
    var stream = get("/");

    assertThat(hear(Frame.PING).flags()).isZero();
    assertThatThrownBy(stream::answer).hasMessageContaining("silent");
  }

  @Test
  void endsIfNobodyUsesIt() throws Exception {
    open(1, Duration.ofMillis(50));
    in.readAllBytes();
    assertThat(connection().get("/", HOST)).isEmpty();
  }

  @Test
  void serverThatDoesNotBeginIsGivenUp() {
    assertThatThrownBy(() -> Http2Connection.open(near, "test", Duration.ofMillis(1)))
        .hasMessageContaining("does not begin");
    assertThat(near.isClosed()).isTrue();
  }

  static List<String> nonsense() {
    return List.of(
        "HTTP/1.1 400 Bad Request\r\n\r\n",
        "\0@\1\4\0\0\0\0\0", // a byte longer than it may be
        "\0\0\10\6\0\0\0\0\0\1\2\3\4\5\6\7\10"); // a ping at first
  }

  @ParameterizedTest
  @org.junit.jupiter.params.provider.MethodSource("nonsense")
  void whoDoesNotSpeakItIsGivenUp(String said) throws Exception {
    out.write(said.getBytes(ISO_8859_1));
    assertThatThrownBy(() -> Http2Connection.open(near, "test", LIMIT))
        .isInstanceOf(IOException.class);
  }

  @Test
  void fieldsHaveALimit() throws Exception {
    open();
    var stream = get("/");
    byte[] piece = new byte[Frame.MAX_BYTES];
    say(Frame.HEADERS, 0, 1, piece);
    for (int i = 1; i <= Http2Connection.MAX_FIELD_BYTES / piece.length; i++) {
      say(Frame.CONTINUATION, 0, 1, piece);
    }
    assertThatThrownBy(stream::answer)
        .hasMessageContaining("longer than " + Http2Connection.MAX_FIELD_BYTES);
  }

  @Test
  void closingEndsAll() throws Exception {
    open();
    var stream = get("/");
    connection().close();

    assertThatThrownBy(stream::answer).hasMessageContaining("the agent stops");
    assertThat(connection().get("/", HOST)).isEmpty();
  }
}
