package io.drover.agent.gateway.recording;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.drover.agent.gateway.recording.Shown.Kind;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.time.Instant;
import org.junit.jupiter.api.Test;

class CastTest {
  private static final Instant START = Instant.parse("2026-11-29T06:00:00Z");

  private final ByteArrayOutputStream file = new ByteArrayOutputStream();

  private Cast cast(boolean typed, long maxBytes) throws IOException {
    return new Cast(file, new Session("id", "jane: shop/web-0", "sh -c x", typed), START, maxBytes);
  }

  private static ByteBuffer bytes(String text) {
    return ByteBuffer.wrap(text.getBytes(UTF_8));
  }

  @Test
  void fileIsWhatItsDefinitionSays() throws Exception {
    var cast = cast(true, 10_000);
    cast.bytes(Kind.SIZE, bytes("{\"Width\":120,\"Hei"));
    cast.bytes(Kind.SIZE, bytes("ght\":40}\n"));
    cast.write();
    cast.at(Duration.ofNanos(1_234_567_890));
    cast.bytes(Kind.OUTPUT, bytes("\u001b[1m\"hi\"\r\n"));
    cast.bytes(Kind.ERROR, bytes("oh"));
    cast.bytes(Kind.TYPED, bytes("x"));
    cast.write();
    cast.close();

    assertThat(file.toString(UTF_8))
        .isEqualTo(
            """
            {"version":2,"width":80,"height":24,"timestamp":1795932000,"title":"jane: shop/web-0","command":"sh -c x"}
            [0.000000,"r","120x40"]
            [1.234567,"o","\\u001B[1m\\"hi\\"\\r\\noh"]
            [1.234567,"i","x"]
            """);
    assertThat(CastFile.read(file.toString(UTF_8)).events()).hasSize(3);
  }

  @Test
  void whatIsTypedIsThereOnlyIfSomebodyWantsIt() throws Exception {
    var cast = cast(false, 10_000);
    cast.bytes(Kind.TYPED, bytes("a password"));
    cast.write();

    assertThat(file.toString(UTF_8)).doesNotContain("password");
  }

  @Test
  void characterThatIsCutInTwoIsOneAndWhatIsNoneIsReplaced() throws Exception {
    var cast = cast(false, 10_000);
    for (byte one : "aä€😀z".getBytes(UTF_8)) {
      cast.bytes(Kind.OUTPUT, ByteBuffer.wrap(new byte[] {one}));
      cast.write();
    }
    cast.bytes(Kind.OUTPUT, ByteBuffer.wrap(new byte[] {(byte) 0xff, 'b', (byte) 0xe2}));
    cast.bytes(Kind.OUTPUT, ByteBuffer.wrap(new byte[] {'c'}));
    cast.write();

    assertThat(CastFile.read(file.toString(UTF_8)).events())
        .containsExactly("o aä€😀z\ufffdb\ufffdc");
  }

  @Test
  void nothingIsWrittenBeyondTheLimitAndNoLineInPart() throws Exception {
    var cast = cast(false, 300);
    cast.bytes(Kind.OUTPUT, bytes("fits"));
    cast.write();
    cast.bytes(Kind.OUTPUT, bytes("x".repeat(300)));

    assertThatThrownBy(cast::write)
        .isInstanceOf(Cast.FullException.class)
        .hasMessageContaining("300 bytes");
    assertThat(CastFile.read(file.toString(UTF_8)).events()).containsExactly("o fits");
  }

  @Test
  void sizeThatIsNoneIsPassedOverAndOneWithoutEndIsRefused() throws Exception {
    var cast = cast(false, 10_000);
    cast.bytes(Kind.SIZE, bytes("{}{\"Width\":1}{\"Width\":\"a\",\"Height\":99999999}"));
    cast.write();

    assertThat(CastFile.read(file.toString(UTF_8)).events()).isEmpty();
    assertThatThrownBy(() -> cast.bytes(Kind.SIZE, bytes(" ".repeat(Cast.MAX_SIZE_TEXT + 1))))
        .isInstanceOf(UnreadableException.class);
  }
}
