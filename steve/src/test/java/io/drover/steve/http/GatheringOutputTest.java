package io.drover.steve.http;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

class GatheringOutputTest {
  private final Pieces pieces = new Pieces();
  private final List<byte[]> written = new ArrayList<>();
  private boolean broken;
  private final OutputStream socket =
      new OutputStream() {
        @Override
        public void write(int b) {
          throw new AssertionError("byte by byte");
        }

        @Override
        public void write(byte[] bytes, int offset, int length) throws IOException {
          if (broken) {
            throw new IOException("broken");
          }
          written.add(Arrays.copyOfRange(bytes, offset, offset + length));
        }
      };
  private final GatheringOutput out = new GatheringOutput(socket, pieces);

  @Test
  void holdsBackWhatIsSmallAndHasNothingBehindAFlush() throws Exception {
    out.write('a');
    out.write(new byte[] {'b', 'c'});
    assertThat(written).isEmpty();
    assertThat(pieces.kept()).isZero();

    out.flush();
    out.flush();

    assertThat(written).containsExactly("abc".getBytes(java.nio.charset.StandardCharsets.US_ASCII));
    assertThat(pieces.kept()).as("given back once").isEqualTo(1);
  }

  @Test
  void passesOnWhatIsFullAndWhatIsBigAsItIs() throws Exception {
    out.write(new byte[Pieces.BYTES - 1]);
    out.write(1);
    assertThat(written).as("just full").isEmpty();
    out.write(2);
    assertThat(written).hasSize(1);
    out.write(new byte[Pieces.BYTES]);

    assertThat(written)
        .extracting(piece -> piece.length)
        .containsExactly(Pieces.BYTES, 1, Pieces.BYTES);
  }

  @Test
  void bytesStayInOrderHoweverTheyAreWritten() throws Exception {
    var random = new Random(1);
    var expected = new ByteArrayOutputStream();
    for (int i = 0; i < 2_000; i++) {
      var bytes = new byte[random.nextInt(i % 10 == 0 ? 3 * Pieces.BYTES : 500)];
      random.nextBytes(bytes);
      expected.writeBytes(bytes);
      out.write(bytes);
      if (i % 7 == 0) {
        out.flush();
      }
    }
    out.flush();

    var all = new ByteArrayOutputStream();
    written.forEach(all::writeBytes);
    assertThat(all.toByteArray()).isEqualTo(expected.toByteArray());
  }

  /** A write that failed may still be looking at it. */
  @Test
  void lendsNobodyWhatCouldNotBeWritten() throws Exception {
    out.write('a');
    broken = true;

    assertThatThrownBy(out::flush).hasMessage("broken");
    broken = false;
    out.flush();

    assertThat(pieces.kept()).isZero();
    assertThat(written).isEmpty();
  }
}
