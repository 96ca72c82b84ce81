package io.drover.agent.tunnel;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import io.drover.agent.tunnel.ScriptedServer.Peer;
import io.drover.proto.tunnel.Message.Close;
import io.drover.proto.tunnel.Message.Connect;
import io.drover.proto.tunnel.Message.Data;
import io.drover.proto.tunnel.MessageCodec;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Random;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Table 6.2 of the protocol's specification, on the wire; the codec's part is in its own test. */
@Timeout(120)
class FramingConformanceTest {
  private static final Path VECTORS =
      Path.of("../proto/src/test/resources/remotedialer-vectors.json");

  private record Vector(String hex, boolean valid, boolean hasHeader) {}

  private static List<Vector> vectors() throws IOException {
    var pattern =
        Pattern.compile(
            "\"hex\": \"(?<hex>[0-9a-f]*)\".*?\"type\": (?<type>null|-?\\d+).*?"
                + "\"payloadHex\": (?<payload>null|\"[0-9a-f]*\").*?\"valid\": (?<valid>\\w+)");
    var vectors =
        Files.readAllLines(VECTORS).stream()
            .map(pattern::matcher)
            .filter(java.util.regex.Matcher::find)
            .map(
                match ->
                    new Vector(
                        match.group("hex"),
                        match.group("valid").equals("true"),
                        !match.group("type").equals("null")
                            && !match.group("payload").equals("null")))
            .toList();
    assertThat(vectors).hasSize(73);
    return vectors;
  }

  private static byte[] hex(String hex) {
    return HexFormat.of().parseHex(hex);
  }

  private static byte[] random(int length, long seed) {
    var bytes = new byte[length];
    new Random(seed).nextBytes(bytes);
    return bytes;
  }

  private static byte[] data(long streamId, byte[] payload) {
    return Peer.bytes(MessageCodec.encode(new Data(streamId, ByteBuffer.wrap(payload))));
  }

  @Test
  void f1SurvivesEveryMessageThatAGoServerTakes() throws Exception {
    try (var server = ScriptedServer.start();
        var _ = TestTunnel.start(server, FramingConformanceTest::noRoute)) {
      var peer = server.open();
      for (var vector : vectors()) {
        if (vector.valid() || vector.hasHeader()) {
          peer.sendFrame(ScriptedServer.BINARY, hex(vector.hex()));
          for (var message : peer.barrier()) {
            assertThat(message).as(vector.hex()).isInstanceOf(Close.class);
          }
        }
      }
    }
  }

  private static java.nio.channels.SocketChannel noRoute(String network, String address, Dial dial)
      throws IOException {
    throw new IOException("dial tcp: no route");
  }

  @Test
  void f2EndsTheSessionWith1002OnBytesThatAreNoMessage() throws Exception {
    try (var server = ScriptedServer.start();
        var tunnel = TestTunnel.start(server)) {
      for (var vector : vectors()) {
        if (!vector.valid() && !vector.hasHeader()) {
          var peer = server.open();
          peer.sendFrame(ScriptedServer.BINARY, hex(vector.hex()));

          assertThat(peer.expectCloseFrame()).as(vector.hex()).isEqualTo(1002);
          peer.expectEnd();
          tunnel.pauses().take();
          tunnel.pauses().end();
        }
      }
    }
  }

  @Test
  void f3JoinsFragmentsAndAnswersAPingBetweenThem() throws Exception {
    try (var server = ScriptedServer.start();
        var backend = Backend.echo();
        var _ = TestTunnel.start(server)) {
      var peer = server.open();
      peer.send(backend.connect(2));
      var payload = random(32 * 1024, 3);
      var message = data(2, payload);

      for (int from = 0; from < message.length; from += 4_096) {
        int to = Math.min(message.length, from + 4_096);
        peer.sendFrame(
            to == message.length,
            from == 0 ? ScriptedServer.BINARY : ScriptedServer.CONTINUATION,
            Arrays.copyOfRange(message, from, to));
        if (from == 4 * 4_096) {
          peer.sendFrame(ScriptedServer.PING, "between".getBytes(UTF_8));
          assertThat(peer.expectPong()).isEqualTo(ByteBuffer.wrap("between".getBytes(UTF_8)));
        }
      }

      assertThat(peer.expectData(2, payload.length)).isEqualTo(payload);
    }
  }

  @Test
  void f4JoinsFragmentsOfOneByte() throws Exception {
    try (var server = ScriptedServer.start();
        var backend = Backend.echo();
        var _ = TestTunnel.start(server)) {
      var peer = server.open();
      peer.send(backend.connect(2));
      var payload = random(2_000, 4);
      var message = data(2, payload);

      for (int i = 0; i < message.length; i++) {
        peer.sendFrame(
            i == message.length - 1,
            i == 0 ? ScriptedServer.BINARY : ScriptedServer.CONTINUATION,
            new byte[] {message[i]});
      }

      assertThat(peer.expectData(2, payload.length)).isEqualTo(payload);
    }
  }

  @Test
  void f5ReadsAMessageFrom1000Segments() throws Exception {
    try (var server = ScriptedServer.start();
        var backend = Backend.echo();
        var _ = TestTunnel.start(server)) {
      var peer = server.open();
      peer.send(backend.connect(2));
      var payload = random(50_000, 5);
      var frame = Peer.frame(true, ScriptedServer.BINARY, data(2, payload));

      for (int from = 0; from < frame.length; from += 50) {
        peer.write(Arrays.copyOfRange(frame, from, Math.min(frame.length, from + 50)));
      }

      assertThat(peer.expectData(2, payload.length)).isEqualTo(payload);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"00", "12", "01", "feffffffffffffffff01"})
  void f7IgnoresUnknownTypesHoweverLong(String type) throws Exception {
    try (var server = ScriptedServer.start();
        var tunnel = TestTunnel.start(server)) {
      var peer = server.open();
      var header = hex("0004" + type);

      peer.sendFrame(ScriptedServer.BINARY, Arrays.copyOf(header, header.length + 1024 * 1024));

      assertThat(peer.barrier()).isEmpty();
      TestTunnel.eventually("nothing kept", () -> tunnel.client().reading().queuedBytes() == 0);
    }
  }

  @Test
  void f8SendsTheDeadlineThatGoDemands() throws Exception {
    var frame = new FrameWriter().frame(new Data(2, ByteBuffer.wrap("hello".getBytes(UTF_8))));
    var key = new byte[4];
    frame.get(2, key);
    var message = new byte[frame.limit() - 6];
    frame.get(6, message);
    for (int i = 0; i < message.length; i++) {
      message[i] ^= key[i & 3];
    }

    assertThat(HexFormat.of().formatHex(message)).isEqualTo("000402b0ea01" + "68656c6c6f");
  }

  @ParameterizedTest
  @ValueSource(strings = {"00", "01", "feffffffffffffffff01", "ffffffffffffffffff01"})
  void f9IgnoresDeadlinesOfAnyValue(String deadline) throws Exception {
    try (var server = ScriptedServer.start();
        var backend = Backend.echo();
        var _ = TestTunnel.start(server)) {
      var peer = server.open();
      var target = HexFormat.of().formatHex(("tcp/" + backend.address()).getBytes(UTF_8));
      peer.sendFrame(ScriptedServer.BINARY, hex("0004" + "04" + deadline + target));

      peer.sendFrame(ScriptedServer.BINARY, hex("0004" + "02" + deadline + "68656c6c6f"));

      assertThat(peer.expectText(2, 5)).isEqualTo("hello");
    }
  }

  @ParameterizedTest
  @CsvSource({"266, true", "267, false", "1024, false", "100000, false"})
  void f10DialsNoTargetThatMayHaveBeenCut(int targetBytes, boolean dialled) throws Exception {
    var addresses = new LinkedBlockingQueue<String>();
    Dialer recording =
        (network, address, dial) -> {
          addresses.add(address);
          return noRoute(network, address, dial);
        };
    try (var server = ScriptedServer.start();
        var _ = TestTunnel.start(server, recording)) {
      var peer = server.open();
      var address = "h".repeat(targetBytes - 8) + ":443";
      var target = HexFormat.of().formatHex(("tcp/" + address).getBytes(UTF_8));

      peer.sendFrame(ScriptedServer.BINARY, hex("0004" + "04b0ea01" + target));

      if (dialled) {
        assertThat(addresses.poll(30, TimeUnit.SECONDS)).isEqualTo(address);
        assertThat(peer.expectClose(2).reason()).isEqualTo("dial tcp: no route");
      } else {
        assertThat(peer.expectClose(2).reason()).isEqualTo("address too long");
        assertThat(addresses).isEmpty();
      }
      assertThat(peer.barrier()).isEmpty();
    }
  }

  @ParameterizedTest
  @ValueSource(longs = {0, 1, -1, 63, 64, 8191, 8192, 1L << 31, Long.MAX_VALUE, Long.MIN_VALUE})
  void h3CarriesAnyStreamId(long id) throws Exception {
    try (var server = ScriptedServer.start();
        var backend = Backend.echo();
        var _ = TestTunnel.start(server)) {
      var peer = server.open();
      peer.send(new Connect(id, "tcp", backend.address()));
      peer.sendData(id, "hello");

      assertThat(peer.expectText(id, 5)).isEqualTo("hello");
    }
  }
}
