package io.drover.steve.http;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import org.junit.jupiter.api.Test;

class PiecesTest {
  private final Pieces pieces = new Pieces();

  @Test
  void lendsAgainWhatItGotBackAndToOneOnly() {
    var piece = pieces.take();
    pieces.give(piece);

    assertThat(pieces.take()).isSameAs(piece).hasSize(Pieces.BYTES);
    assertThat(pieces.take()).isNotSameAs(piece);
  }

  @Test
  void keepsSoManyAndLendsMore() {
    var lent = new ArrayList<byte[]>();
    for (int i = 0; i <= Pieces.MAX_KEPT; i++) {
      lent.add(pieces.take());
    }
    lent.forEach(pieces::give);

    assertThat(pieces.kept()).isEqualTo(Pieces.MAX_KEPT);
  }

  @Test
  void refusesWhatIsNotFromHere() {
    assertThatThrownBy(() -> pieces.give(new byte[1])).hasMessageContaining("bytes=1");
  }
}
