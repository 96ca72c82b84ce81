package io.drover.server.peer;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayInputStream;
import java.io.DataInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import org.junit.jupiter.api.Test;

class FramesTest {
  /** What an agent has sent, and how that ended: cleanly, if there is no reason. */
  private static DataInputStream framed(String sent, String reason) {
    var bytes = new ByteArrayInputStream(sent.getBytes(US_ASCII));
    var ending =
        new InputStream() {
          @Override
          public int read() {
            throw new UnsupportedOperationException();
          }

          @Override
          public int read(byte[] target, int offset, int length) throws IOException {
            int count = bytes.read(target, offset, length);
            if (count < 0 && !reason.isEmpty()) {
              throw new IOException(reason);
            }
            return count;
          }
        };
    return new DataInputStream(Frames.of(ending));
  }

  private static DataInputStream raw(int... numbers) {
    var bytes = ByteBuffer.allocate(Integer.BYTES * numbers.length);
    for (int number : numbers) {
      bytes.putInt(number);
    }
    return new DataInputStream(new ByteArrayInputStream(bytes.array()));
  }

  private static String text(Frames.Piece piece) {
    return US_ASCII.decode(piece.bytes().duplicate()).toString();
  }

  @Test
  void bytesComeAsTheyWereAndThenTheEnd() throws Exception {
    var in = framed("hello", "");

    var piece = Frames.read(in);
    assertThat(text(piece)).isEqualTo("hello");
    assertThat(piece.isEnd()).isFalse();
    var end = Frames.read(in);
    assertThat(end.isEnd()).isTrue();
    assertThat(end.reason()).isEmpty();
    assertThat(in.read()).isEqualTo(-1);
  }

  @Test
  void whyAStreamBrokeIsTold() throws Exception {
    var in = framed("", "dial tcp 127.0.0.1:1: connect: connection refused");

    assertThat(Frames.read(in).reason())
        .isEqualTo("dial tcp 127.0.0.1:1: connect: connection refused");
  }

  @Test
  void longReasonIsCut() throws Exception {
    var in = framed("", "x".repeat(Frames.MAX_REASON_BYTES + 1));

    assertThat(Frames.read(in).reason()).hasSize(Frames.MAX_REASON_BYTES);
  }

  @Test
  void whatIsNoFrameIsRefusedAtItsLength() {
    assertThatThrownBy(() -> Frames.read(raw(Frames.MAX_PIECE_BYTES + 1, 0)))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("not a frame");
    assertThatThrownBy(() -> Frames.read(raw(-1)))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("not a frame");
    assertThatThrownBy(() -> Frames.read(raw(0, Frames.MAX_REASON_BYTES + 1)))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("not a frame");
  }

  @Test
  void connectionThatBreaksIsNoEnd() {
    assertThatThrownBy(() -> Frames.read(raw())).isInstanceOf(EOFException.class);
    assertThatThrownBy(() -> Frames.read(raw(10, 1))).isInstanceOf(EOFException.class);
  }
}
