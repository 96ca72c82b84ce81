package io.drover.agent.gateway.recording;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.ByteBuffer;
import java.util.Base64;
import java.util.HexFormat;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class WebsocketFramesTest {
  private final Heard heard = new Heard();
  private final WebsocketFrames frames = new WebsocketFrames(false, heard);

  private static ByteBuffer bytes(byte[]... all) {
    var together = ByteBuffer.allocate(200_000);
    for (byte[] one : all) {
      together.put(one);
    }
    return together.flip();
  }

  @Test
  void channelsAreToldApartInBothDirections() throws Exception {
    frames.fromClient(bytes(Wire.masked(4, "{\"Width\":80}"), Wire.masked(0, "ls\n")));
    frames.fromServer(
        bytes(
            Wire.plain(1, ""), // with which the API server begins each channel
            Wire.plain(2, ""),
            Wire.plain(1, "a file"),
            Wire.plain(2, "a warning"),
            Wire.plain(3, "{\"status\":\"Success\"}")));
    frames.fromClient(bytes(Wire.masked(255, "\0"))); // v5: a channel ends

    assertThat(heard.all())
        .containsExactly("SIZE {\"Width\":80}", "TYPED ls\n", "OUTPUT a file", "ERROR a warning");
  }

  @Test
  void messageInSeveralFramesIsOneWithControlFramesBetween() throws Exception {
    frames.fromServer(
        bytes(
            Wire.frame(0x02, false, Wire.message(2, "a")),
            Wire.frame(0x89, false, "ping".getBytes(UTF_8)),
            Wire.frame(0x00, false, "b".getBytes(UTF_8)),
            Wire.frame(0x00, false, new byte[0]),
            Wire.frame(0x80, false, "c".getBytes(UTF_8)),
            Wire.plain(1, "d")));

    assertThat(heard.all()).containsExactly("ERROR abc", "OUTPUT d");
  }

  @Test
  void piecesMayBeCutAnywhere() throws Exception {
    var text = "x".repeat(70_000);
    for (int size : new int[] {1, 2, 3, 7, 1_000, 65_536}) {
      var own = new Heard();
      var cut = new WebsocketFrames(false, own);
      var all =
          bytes(Wire.plain(1, "short"), Wire.plain(1, text.substring(0, 300)), Wire.plain(1, text));
      while (all.hasRemaining()) {
        int count = Math.min(size, all.remaining());
        cut.fromServer(all.slice(all.position(), count));
        all.position(all.position() + count);
      }
      assertThat(own.all()).containsExactly("OUTPUT short" + text.substring(0, 300) + text);
    }
  }

  @Test
  void whatTheServerSaysOnAChannelThatIsNotKnownIsOutput() throws Exception {
    frames.fromServer(bytes(Wire.plain(9, "odd")));

    assertThat(heard.all()).containsExactly("OUTPUT odd");
  }

  @Test
  void base64IsDecodedMessageByMessage() throws Exception {
    var coded = new WebsocketFrames(true, heard);
    for (String text : new String[] {"a", "ab", "abc", "ä"}) {
      String message = Base64.getEncoder().encodeToString(text.getBytes(UTF_8));
      coded.fromServer(bytes(Wire.frame(0x81, false, ("1" + message).getBytes(UTF_8))));
    }
    coded.fromClient(bytes(Wire.frame(0x81, true, "0bHM=".getBytes(UTF_8))));

    assertThat(heard.all()).containsExactly("OUTPUT aababcä", "TYPED ls");
    assertThatThrownBy(
            () -> coded.fromServer(bytes(Wire.frame(0x81, false, "1YQ".getBytes(UTF_8)))))
        .isInstanceOf(UnreadableException.class)
        .hasMessageContaining("no whole base64");
    assertThatThrownBy(
            () ->
                new WebsocketFrames(true, heard)
                    .fromServer(bytes(Wire.frame(0x81, false, "1!!!!".getBytes(UTF_8)))))
        .isInstanceOf(UnreadableException.class);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "c20101", // compressed
        "830101", // an opcode that is not known
        "8b0101", // the same of a control frame
        "090101", // a control frame in two
        "897e0080", // a control frame that is long
        "800101", // goes on with nothing
        "02020161020101", // begins in the middle
        "827fffffffffffffffff", // a length below 0
        "82810102030400", // masked by the server
      })
  void whatIsNoWebsocketIsRefused(String hex) {
    assertThatThrownBy(() -> frames.fromServer(ByteBuffer.wrap(HexFormat.of().parseHex(hex))))
        .isInstanceOf(UnreadableException.class);
  }

  @Test
  void clientThatDoesNotMaskIsRefused() {
    assertThatThrownBy(() -> frames.fromClient(bytes(Wire.plain(0, "x"))))
        .isInstanceOf(UnreadableException.class)
        .hasMessageContaining("masked");
  }

  @Test
  void randomBytesAreReadOrRefusedAndNothingElse() {
    var random = new Random(4711);
    for (int i = 0; i < 20_000; i++) {
      byte[] noise = new byte[random.nextInt(64)];
      random.nextBytes(noise);
      var fresh = new WebsocketFrames(random.nextBoolean(), new Heard());
      try {
        fresh.fromServer(ByteBuffer.wrap(noise));
        fresh.fromClient(ByteBuffer.wrap(noise));
      } catch (UnreadableException _) {
        // As it is to be.
      }
    }
  }
}
