package io.drover.agent.gateway.standin;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.PipedInputStream;
import java.io.PipedOutputStream;
import java.util.Base64;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class ReadTextsTest {
  private final StandIns standIns = new StandIns(StandIns.newKey());
  private final String real = secret("the real token");
  private final String instead = secret(standIns.of("the real token".getBytes(UTF_8)));

  private static String secret(String token) {
    return ("{\"metadata\":{\"annotations\":{\"kubernetes.io/service-account.name\":\"a\"}},"
            + "\"data\":{\"token\":\"%s\"}}")
        .formatted(Base64.getEncoder().encodeToString(token.getBytes(UTF_8)));
  }

  private InputStream answer(String text) {
    return standIns.answer(new ByteArrayInputStream(text.getBytes(UTF_8)));
  }

  @Test
  void readsWhatItBecomes() throws IOException {
    int many = 4 * ReadTexts.PIECE_BYTES / real.length();

    assertThat(answer((real + "\n").repeat(many)).readAllBytes())
        .asString(UTF_8)
        .isEqualTo((instead + "\n").repeat(many));
    assertThat(answer("").read()).isNegative();
  }

  @Test
  void readsByteByByteToo() throws IOException {
    var read = new StringBuilder();
    var answer = answer(real);
    for (int b = answer.read(); b >= 0; b = answer.read()) {
      read.append((char) b);
    }

    assertThat(read).hasToString(instead);
    assertThat(answer.read()).as("still").isNegative();
  }

  /** As a watch needs it. */
  @Test
  void whatHasComeIsReadBeforeTheNextComes() throws IOException {
    try (var writes = new PipedOutputStream();
        var answer = standIns.answer(new PipedInputStream(writes, ReadTexts.PIECE_BYTES))) {
      for (int i = 0; i < 3; i++) {
        writes.write((real + "\n").getBytes(UTF_8));
        writes.flush();
        assertThat(answer.readNBytes(instead.length() + 1))
            .asString(UTF_8)
            .isEqualTo(instead + "\n");
      }
    }
  }

  @Test
  void whatIsCutOffFails() {
    assertThatThrownBy(() -> answer(real.substring(0, real.length() - 5)).readAllBytes())
        .isInstanceOf(EOFException.class);
  }

  @Test
  void closesTheAnswer() throws IOException {
    var closed = new AtomicBoolean();
    standIns
        .answer(
            new ByteArrayInputStream(new byte[0]) {
              @Override
              public void close() {
                closed.set(true);
              }
            })
        .close();

    assertThat(closed).isTrue();
  }
}
