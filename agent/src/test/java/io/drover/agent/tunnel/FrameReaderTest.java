package io.drover.agent.tunnel;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.management.ThreadMXBean;
import io.drover.agent.tunnel.FrameReader.FrameException;
import java.io.ByteArrayOutputStream;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

@Timeout(60)
class FrameReaderTest {
  private static final int MIB = 1024 * 1024;

  /** Puts messages together again, and checks the flags of their pieces. */
  private static final class Recorder implements FrameReader.Sink {
    final List<String> events = new ArrayList<>();
    final List<byte[]> messages = new ArrayList<>();
    int pieces;
    private final ByteArrayOutputStream message = new ByteArrayOutputStream();
    private boolean inMessage;

    @Override
    public void piece(ByteBuffer bytes, boolean first, boolean last) {
      assertThat(first).isEqualTo(!inMessage);
      assertThat(bytes.remaining()).isLessThanOrEqualTo(FrameReader.MAX_PIECE_BYTES);
      if (!last) {
        assertThat(bytes.remaining()).isEqualTo(FrameReader.MAX_PIECE_BYTES);
      }
      pieces++;
      var copy = new byte[bytes.remaining()];
      bytes.get(copy);
      message.writeBytes(copy);
      inMessage = !last;
      if (last) {
        messages.add(message.toByteArray());
        events.add("message " + message.size());
        message.reset();
      }
    }

    @Override
    public void ping(ByteBuffer payload) {
      events.add("ping " + UTF_8.decode(payload));
    }

    @Override
    public void pong() {
      events.add("pong");
    }

    @Override
    public void close(int code, String reason) {
      events.add("close " + code + " " + reason);
    }
  }

  private final Recorder sink = new Recorder();
  private final FrameReader reader = new FrameReader(sink);

  private static byte[] frame(int firstByte, byte[] payload) {
    var out = ByteBuffer.allocate(10 + payload.length);
    out.put((byte) firstByte);
    if (payload.length < 126) {
      out.put((byte) payload.length);
    } else if (payload.length < 1 << 16) {
      out.put((byte) 126).putShort((short) payload.length);
    } else {
      out.put((byte) 127).putLong(payload.length);
    }
    out.put(payload).flip();
    var bytes = new byte[out.remaining()];
    out.get(bytes);
    return bytes;
  }

  private static byte[] random(int length, long seed) {
    var bytes = new byte[length];
    new Random(seed).nextBytes(bytes);
    return bytes;
  }

  private static byte[] hex(String hex) {
    return HexFormat.of().parseHex(hex);
  }

  private static byte[] join(byte[]... parts) {
    var all = new ByteArrayOutputStream();
    for (var part : parts) {
      all.writeBytes(part);
    }
    return all.toByteArray();
  }

  /** Every kind of frame, with control frames between fragments. */
  private static byte[] everything() {
    return join(
        frame(0x89, "hi".getBytes(UTF_8)),
        frame(0x02, random(30, 1)),
        frame(0x89, "between".getBytes(UTF_8)),
        frame(0x00, random(200, 2)),
        frame(0x00, new byte[0]),
        frame(0x8A, new byte[0]),
        frame(0x80, random(3, 3)),
        frame(0x82, new byte[0]),
        frame(0x82, random(126, 4)),
        frame(0x02, new byte[0]),
        frame(0x80, new byte[0]),
        frame(0x88, join(hex("03e8"), "bye".getBytes(UTF_8))));
  }

  private static void assertEverything(Recorder sink) {
    assertThat(sink.events)
        .containsExactly(
            "ping hi",
            "ping between",
            "pong",
            "message 233",
            "message 0",
            "message 126",
            "message 0",
            "close 1000 bye");
    assertThat(sink.messages.getFirst())
        .isEqualTo(join(random(30, 1), random(200, 2), random(3, 3)));
    assertThat(sink.messages.get(2)).isEqualTo(random(126, 4));
  }

  @Test
  void readsTheSameHoweverTheBytesAreSplitInTwo() throws FrameException {
    var bytes = everything();
    for (int split = 0; split <= bytes.length; split++) {
      var recorder = new Recorder();
      var splitReader = new FrameReader(recorder);

      splitReader.read(ByteBuffer.wrap(bytes, 0, split));
      splitReader.read(ByteBuffer.wrap(bytes, split, bytes.length - split));

      assertEverything(recorder);
    }
  }

  @Test
  void readsTheSameByteByByte() throws FrameException {
    for (byte b : everything()) {
      reader.read(ByteBuffer.wrap(new byte[] {b}));
    }

    assertEverything(sink);
  }

  @Test
  void joinsFragmentsOfOneByte() throws FrameException {
    var payload = random(3_000, 5);
    for (int i = 0; i < payload.length; i++) {
      boolean last = i == payload.length - 1;
      int firstByte = (last ? 0x80 : 0) | (i == 0 ? 2 : 0);
      reader.read(ByteBuffer.wrap(frame(firstByte, new byte[] {payload[i]})));
    }

    assertThat(sink.pieces).isEqualTo(1);
    assertThat(sink.messages).containsExactly(payload);
  }

  @Test
  void handsAFrameOf16MiBOnInPieces() throws FrameException {
    var payload = random(16 * MIB, 6);
    var in = ByteBuffer.wrap(frame(0x82, payload));

    // As a socket would deliver it: in parts that fit neither frame nor piece.
    while (in.hasRemaining()) {
      int length = Math.min(in.remaining(), 50_001);
      reader.read(in.slice(in.position(), length));
      in.position(in.position() + length);
    }

    assertThat(sink.messages).containsExactly(payload);
    assertThat(sink.pieces).isEqualTo(16 * MIB / FrameReader.MAX_PIECE_BYTES);
  }

  @Test
  void endsAMessageOfWholePiecesWithAnEmptyOneWhenTheEndComesLate() throws FrameException {
    reader.read(ByteBuffer.wrap(frame(0x02, random(FrameReader.MAX_PIECE_BYTES, 7))));
    assertThat(sink.pieces).isEqualTo(1);
    assertThat(sink.messages).isEmpty();

    reader.read(ByteBuffer.wrap(frame(0x80, new byte[0])));

    assertThat(sink.pieces).isEqualTo(2);
    assertThat(sink.messages).containsExactly(random(FrameReader.MAX_PIECE_BYTES, 7));
  }

  @Test
  void takesTheLargestMessage() throws FrameException {
    reader.read(ByteBuffer.wrap(hex("827f0000000004000000")));
    var part = ByteBuffer.allocate(MIB);
    for (int i = 0; i < 64; i++) {
      reader.read(part.clear());
    }

    assertThat(sink.events).containsExactly("message " + FrameReader.MAX_MESSAGE_BYTES);
  }

  @Test
  void allocatesNothingForALengthThatIsOnlyAnnounced() throws FrameException {
    var threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    var header = ByteBuffer.wrap(hex("827f0000000004000000"));
    var one = ByteBuffer.allocate(1);
    reader.read(ByteBuffer.wrap(frame(0x82, random(10, 8)))); // warm, so that classes are loaded
    long before = threads.getCurrentThreadAllocatedBytes();

    reader.read(header);
    long afterHeader = threads.getCurrentThreadAllocatedBytes();
    reader.read(one);
    long afterByte = threads.getCurrentThreadAllocatedBytes();

    assertThat(afterHeader - before).isLessThan(4 * 1024);
    assertThat(afterByte - afterHeader).isLessThan(2 * FrameReader.MAX_PIECE_BYTES);
  }

  @Test
  void keepsNothingOfEmptyFragmentsHoweverMany() throws FrameException {
    reader.read(ByteBuffer.wrap(frame(0x02, new byte[0])));
    var empty = frame(0x00, new byte[0]);
    for (int i = 0; i < 100_000; i++) {
      reader.read(ByteBuffer.wrap(empty));
    }

    assertThat(sink.pieces).isZero();
    reader.read(ByteBuffer.wrap(frame(0x80, new byte[] {7})));
    assertThat(sink.messages).containsExactly(new byte[] {7});
  }

  @Test
  void refusesFragmentsThatTogetherAreTooMuch() throws FrameException {
    var fragment = frame(0x00, new byte[MIB]);
    reader.read(ByteBuffer.wrap(frame(0x02, new byte[MIB])));
    for (int i = 1; i < 64; i++) {
      reader.read(ByteBuffer.wrap(fragment));
    }
    assertThat(sink.messages).isEmpty();

    assertThatThrownBy(() -> reader.read(ByteBuffer.wrap(frame(0x00, new byte[1]))))
        .isInstanceOfSatisfying(FrameException.class, e -> assertThat(e.code()).isEqualTo(1009));
  }

  @ParameterizedTest(name = "{0}")
  @CsvSource({
    "text frame,                 1003, 8100",
    "text fragment,              1003, 0100",
    "RSV1,                       1002, c200",
    "RSV2,                       1002, a200",
    "RSV3,                       1002, 9200",
    "masked,                     1002, 828037fa213d",
    "masked ping,                1002, 898037fa213d",
    "opcode 3,                   1002, 8300",
    "opcode 7,                   1002, 8700",
    "opcode 11,                  1002, 8b00",
    "opcode 15,                  1002, 8f00",
    "ping of 126 bytes,          1002, 897e007e",
    "fragmented ping,            1002, 0900",
    "fragmented close,           1002, 0800",
    "continuation of nothing,    1002, 8000",
    "message inside a message,   1002, 0201ff8200",
    "one byte over the limit,    1009, 827f0000000004000001",
    "2^62 - 1 bytes,             1009, 827f3fffffffffffffff",
    "a length with the sign bit, 1009, 827f8000000000000000",
    "too long in continuation,   1009, 0201ff807f0000000004000000"
  })
  void refusesWhatBreaksTheProtocol(String what, int code, String hex) {
    assertThatThrownBy(() -> reader.read(ByteBuffer.wrap(hex(hex))))
        .as(what)
        .isInstanceOfSatisfying(FrameException.class, e -> assertThat(e.code()).isEqualTo(code));
    assertThat(sink.messages).isEmpty();
  }

  @ParameterizedTest
  @CsvSource({"8800, 1005", "880203e9, 1001", "8802ffff, 65535"})
  void readsCloseCodesAsTheyAre(String hex, int code) throws FrameException {
    reader.read(ByteBuffer.wrap(hex(hex)));

    assertThat(sink.events).containsExactly("close " + code + " ");
  }

  @Test
  void keepsPingPayloadsApart() throws FrameException {
    var payloads = new ArrayList<ByteBuffer>();
    var pings =
        new FrameReader(
            new FrameReader.Sink() {
              @Override
              public void piece(ByteBuffer bytes, boolean first, boolean last) {}

              @Override
              public void ping(ByteBuffer payload) {
                payloads.add(payload);
              }

              @Override
              public void pong() {}

              @Override
              public void close(int code, String reason) {}
            });

    pings.read(ByteBuffer.wrap(join(frame(0x89, random(125, 1)), frame(0x89, random(125, 2)))));

    assertThat(payloads)
        .containsExactly(ByteBuffer.wrap(random(125, 1)), ByteBuffer.wrap(random(125, 2)));
  }

  // 200,000 inputs, half of them with a sound beginning; with guidance: FrameFuzzTest.
  @Test
  void h16TakesAnyBytesInAnyPortions() {
    var random = new Random(16);
    for (int i = 0; i < 200_000; i++) {
      var bytes = new byte[2 + random.nextInt(40)];
      random.nextBytes(bytes);
      if (random.nextBoolean()) {
        bytes[0] = (byte) (random.nextBoolean() ? 0x82 : 0x02);
        bytes[1] = (byte) random.nextInt(bytes.length);
      }
      FrameFuzzTest.check(bytes);
    }
  }
}
