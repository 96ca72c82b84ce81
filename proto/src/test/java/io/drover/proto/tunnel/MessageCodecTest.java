package io.drover.proto.tunnel;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.drover.proto.tunnel.Message.AddClient;
import io.drover.proto.tunnel.Message.Close;
import io.drover.proto.tunnel.Message.Connect;
import io.drover.proto.tunnel.Message.Data;
import io.drover.proto.tunnel.Message.Malformed;
import io.drover.proto.tunnel.Message.Pause;
import io.drover.proto.tunnel.Message.RemoveClient;
import io.drover.proto.tunnel.Message.Resume;
import io.drover.proto.tunnel.Message.SyncConnections;
import io.drover.proto.tunnel.Message.Unknown;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Random;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class MessageCodecTest {
  /** One golden frame: recorded from the Go library or confirmed by its parser. */
  record Vector(
      String name,
      String hex,
      long streamId,
      long type,
      String payloadHex,
      boolean valid,
      boolean header) {
    byte[] payload() {
      return HexFormat.of().parseHex(payloadHex);
    }

    @Override
    public String toString() {
      return name;
    }
  }

  static Stream<Vector> vectors() throws IOException {
    var vectors = new ArrayList<Vector>();
    try (var in = MessageCodecTest.class.getResourceAsStream("/remotedialer-vectors.json")) {
      for (JsonNode node : new ObjectMapper().readTree(in)) {
        vectors.add(
            new Vector(
                node.get("name").asText(),
                node.get("hex").asText(),
                node.path("connId").asLong(),
                node.path("type").asLong(),
                node.path("payloadHex").asText(""),
                node.get("valid").asBoolean(),
                !node.path("type").isNull() && !node.path("payloadHex").isNull()));
      }
    }
    return vectors.stream();
  }

  @Test
  void allVectorsAreThere() throws IOException {
    assertThat(vectors()).hasSize(73);
  }

  // F1, F2: what the Go parser accepts is the same message here; what ends a Go session is refused,
  // as a whole or, with a sound header, on its stream.
  @ParameterizedTest
  @MethodSource("vectors")
  void agreesWithTheGoLibrary(Vector vector) throws IOException {
    var bytes = ByteBuffer.wrap(hex(vector.hex()));
    if (!vector.valid() && !vector.header()) {
      assertThatThrownBy(() -> MessageCodec.decode(bytes)).isInstanceOf(ProtocolException.class);
      return;
    }
    var message = MessageCodec.decode(bytes);
    assertThat(bytes.position()).as("input is left as it was").isZero();
    if (!vector.valid()) {
      assertThat(message).isInstanceOf(Malformed.class);
      return;
    }
    var text = new String(vector.payload(), UTF_8);
    switch (message) {
      case Data(var streamId, var payload) -> {
        assertThat(vector.type()).isEqualTo(1);
        assertThat(streamId).isEqualTo(vector.streamId());
        assertThat(payload).isEqualTo(ByteBuffer.wrap(vector.payload()));
      }
      case Connect(var streamId, var network, var address) -> {
        assertThat(vector.type()).isEqualTo(2);
        assertThat(streamId).isEqualTo(vector.streamId());
        assertThat(network + "/" + address).isEqualTo(text);
        assertThat(network).doesNotContain("/");
      }
      case Close(var streamId, var reason) -> {
        assertThat(vector.type()).isEqualTo(3);
        assertThat(streamId).isEqualTo(vector.streamId());
        assertThat(reason).isEqualTo(text.substring(0, Math.min(100, text.length())));
      }
      case AddClient(var key, var session) -> {
        assertThat(vector.type()).isEqualTo(4);
        assertThat(key + "/" + session).isEqualTo(text);
      }
      case RemoveClient(var key, var session) -> {
        assertThat(vector.type()).isEqualTo(5);
        assertThat(key + "/" + session).isEqualTo(text);
      }
      case Pause(var streamId) -> {
        assertThat(vector.type()).isEqualTo(6);
        assertThat(streamId).isEqualTo(vector.streamId());
      }
      case Resume(var streamId) -> {
        assertThat(vector.type()).isEqualTo(7);
        assertThat(streamId).isEqualTo(vector.streamId());
      }
      case SyncConnections sync -> {
        assertThat(vector.type()).isEqualTo(8);
        assertThat(payloadOf(MessageCodec.encode(sync))).isEqualTo(vector.payload());
      }
      case Unknown(var type) -> {
        assertThat(type).isEqualTo(vector.type());
        assertThat(type < 1 || type > 8).isTrue();
      }
      case Malformed malformed ->
          // A Go receiver would dial the cut address; the only vector that we refuse and it
          // accepts.
          assertThat(vector.name())
              .isEqualTo("connect-267-bytes-truncated")
              .as(malformed.problem());
    }
  }

  // F6
  @ParameterizedTest
  @ValueSource(
      longs = {
        0,
        1,
        -1,
        63,
        64,
        -64,
        -65,
        8191,
        8192,
        1L << 31,
        1L << 32,
        (1L << 32) + 1,
        Long.MAX_VALUE,
        Long.MIN_VALUE
      })
  void readsBackWhatItWrote(long streamId) throws IOException {
    var payload = ByteBuffer.wrap(new byte[] {1, 2, 3});
    for (var message :
        List.of(
            new Data(streamId, payload),
            new Data(streamId, ByteBuffer.allocate(0)),
            new Connect(streamId, "tcp", "[fd00::1]:6443"),
            new Close(streamId, "EOF"),
            new Close(streamId, ""),
            new Pause(streamId),
            new Resume(streamId),
            new AddClient("c-abc", streamId),
            new RemoveClient("c-abc", streamId),
            new SyncConnections(List.of(streamId, 7L)))) {
      var bytes = MessageCodec.encode(message);
      assertThat(bytes.remaining()).isEqualTo(MessageCodec.sizeBytes(message));
      assertThat(MessageCodec.decode(bytes)).isEqualTo(message);
    }
  }

  // F8
  @Test
  void dataCarriesTheDeadlineThatEveryParserDemands() {
    var bytes = MessageCodec.encode(new Data(2, ByteBuffer.wrap("hello".getBytes(UTF_8))));
    assertThat(bytes).isEqualTo(ByteBuffer.wrap(hex("000402b0ea0168656c6c6f")));
  }

  // F7: random bytes do not find a type cast to int, a boundary does.
  @ParameterizedTest
  @ValueSource(longs = {0, 9, -1, (1L << 32) + 1, (1L << 32) + 2, Long.MAX_VALUE})
  void unknownTypesAreReadPast(long type) throws IOException {
    assertThat(MessageCodec.decode(header(type, 1 << 20))).isEqualTo(new Unknown(type));
  }

  // F10
  @ParameterizedTest
  @ValueSource(ints = {267, 1024, 100_000})
  void targetsThatThePeerWouldCutAreRefused(int bytes) throws IOException {
    var message = MessageCodec.decode(connect("tcp/" + "h".repeat(bytes - 4)));
    assertThat(message).isEqualTo(new Malformed(2, 2, "address too long"));
  }

  @ParameterizedTest
  @ValueSource(strings = {"c/\u0663", "c/1\u0661", "c/\uff11", "c/\ud835\udfd9"})
  void sessionKeysAreOfAsciiDigits(String client) throws IOException {
    byte[] text = client.getBytes(UTF_8);
    var addClient = ByteBuffer.allocate(3 + text.length).put(new byte[] {0, 0, 8}).put(text).flip();

    var message = MessageCodec.decode(addClient);

    assertThat(message).isEqualTo(new Malformed(0, 4, "not clientKey/sessionKey"));
  }

  // F11
  @Test
  void targetsThatThePeerWouldCutAreNotSent() {
    var connect = new Connect(2, "tcp", "h".repeat(263));
    assertThatThrownBy(() -> MessageCodec.encode(connect))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("267");
  }

  // F12
  @ParameterizedTest
  @ValueSource(ints = {0, 3, 4, 100, 101, 1 << 20})
  void reasonsAreCutAtAHundredBytes(int bytes) throws IOException {
    var close = (Close) MessageCodec.decode(error("E".repeat(bytes)));
    assertThat(close.reason()).hasSize(Math.min(bytes, 100));
    assertThat(close.isClean()).isFalse();
  }

  @Test
  void onlyTheExactTextIsACleanClose() throws IOException {
    assertThat(((Close) MessageCodec.decode(error("EOF"))).isClean()).isTrue();
    assertThat(((Close) MessageCodec.decode(error("EOF\n"))).isClean()).isFalse();
  }

  @Test
  void aReasonIsCutBetweenCharacters() throws IOException {
    var sent = new Close(2, "x".repeat(99) + "é");
    var received = MessageCodec.decode(MessageCodec.encode(sent));
    assertThat(received).isEqualTo(new Close(2, "x".repeat(99)));
  }

  // H19
  @Test
  void reasonsThatAreNotTextAreReadable() throws IOException {
    var message = ByteBuffer.wrap(hex("000406" + "ff00c3"));
    assertThat(((Close) MessageCodec.decode(message)).reason()).isEqualTo("\uFFFD\0\uFFFD");
  }

  // H1, H2
  @Test
  void headersCutAtAnyByteAreRefused() {
    var whole = MessageCodec.encode(new Data(Long.MIN_VALUE, ByteBuffer.allocate(0)));
    for (int length = 0; length < whole.remaining(); length++) {
      var cut = whole.slice(0, length);
      assertThatThrownBy(() -> MessageCodec.decode(cut)).isInstanceOf(ProtocolException.class);
    }
  }

  @Test
  void numbersEndAfterTenBytes() {
    var endless = new byte[1 << 20];
    Arrays.fill(endless, (byte) 0x80);
    assertThatThrownBy(() -> MessageCodec.decode(ByteBuffer.wrap(endless)))
        .isInstanceOf(ProtocolException.class)
        .hasMessageContaining("over 64 bits");
  }

  @Test
  void anyBytesAreAMessageOrAProtocolException() {
    var random = new Random(20_261_122);
    for (int i = 0; i < 200_000; i++) {
      var bytes = new byte[random.nextInt(40)];
      random.nextBytes(bytes);
      try {
        assertThat(MessageCodec.decode(ByteBuffer.wrap(bytes))).isNotNull();
      } catch (ProtocolException e) {
        assertThat(e).hasMessageContaining(" in ");
      }
    }
  }

  private static byte[] hex(String hex) {
    return HexFormat.of().parseHex(hex);
  }

  private static byte[] payloadOf(ByteBuffer encoded) {
    var payload = new byte[encoded.remaining() - 3];
    encoded.get(3, payload);
    return payload;
  }

  private static ByteBuffer connect(String target) {
    var bytes = hex("000404b0ea01");
    var text = target.getBytes(UTF_8);
    return ByteBuffer.allocate(bytes.length + text.length).put(bytes).put(text).flip();
  }

  private static ByteBuffer error(String reason) {
    var text = reason.getBytes(UTF_8);
    return ByteBuffer.allocate(3 + text.length).put(hex("000406")).put(text).flip();
  }

  private static ByteBuffer header(long type, int payloadBytes) {
    var out = ByteBuffer.allocate(12 + payloadBytes).put((byte) 0).put((byte) 4);
    long bits = (type << 1) ^ (type >> 63);
    for (long rest : LongStream.iterate(bits, b -> b != 0, b -> b >>> 7).toArray()) {
      out.put((byte) ((rest >>> 7) != 0 ? rest | 0x80 : rest & 0x7F));
    }
    if (bits == 0) {
      out.put((byte) 0);
    }
    return out.position(out.position() + payloadBytes).flip();
  }
}
