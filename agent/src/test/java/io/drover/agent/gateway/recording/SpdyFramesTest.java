package io.drover.agent.gateway.recording;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.drover.agent.gateway.recording.Wire.Spdy;
import java.nio.ByteBuffer;
import java.util.Random;
import java.util.zip.Adler32;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class SpdyFramesTest {
  private final Heard heard = new Heard();
  private final SpdyFrames frames = new SpdyFrames(heard);
  private final Spdy client = new Spdy();

  @AfterEach
  void close() {
    frames.close();
  }

  private void fromClient(byte[] bytes) throws UnreadableException {
    frames.fromClient(ByteBuffer.wrap(bytes));
  }

  private void fromServer(byte[] bytes) throws UnreadableException {
    frames.fromServer(ByteBuffer.wrap(bytes));
  }

  /** By which zlib knows it. Source: the SPDY protocol, draft 3, 2.6.10.1. */
  @Test
  void dictionaryIsThatOfSpdy() {
    var sum = new Adler32();
    sum.update(SpdyFrames.words());
    assertThat(sum.getValue()).isEqualTo(0xe3c6a7c2L);
  }

  @Test
  void streamsAreWhatTheirHeadersSay() throws Exception {
    fromClient(client.open(1, "streamtype", "error"));
    fromClient(client.open(3, "streamtype", "stdin", "x", "y"));
    fromClient(client.headers(3, "more", "of it"));
    fromClient(client.open(5, "streamtype", "stdout"));
    fromClient(client.open(7, "streamtype", "stderr"));
    fromClient(client.open(9, "streamtype", "resize"));
    fromClient(Spdy.control(6, new byte[4])); // a ping
    fromServer(Spdy.control(2, new byte[40])); // replies, which nobody inflates
    fromClient(Spdy.data(9, "{\"Width\":80}"));
    fromClient(Spdy.data(3, "ls\n"));
    fromServer(Spdy.data(5, "a file"));
    fromServer(Spdy.data(7, "a warning"));
    fromServer(Spdy.data(1, "{}"));
    fromServer(Spdy.data(11, "odd"));

    assertThat(heard.all())
        .containsExactly(
            "SIZE {\"Width\":80}", "TYPED ls\n", "OUTPUT a file", "ERROR a warning", "OUTPUT odd");
  }

  @Test
  void piecesMayBeCutAnywhere() throws Exception {
    for (byte one : client.open(5, "streamtype", "stderr")) {
      fromClient(new byte[] {one});
    }
    for (byte one : Spdy.data(5, "hello")) {
      fromServer(new byte[] {one});
    }
    fromServer(Spdy.data(5, ""));

    assertThat(heard.all()).containsExactly("ERROR hello");
  }

  @Test
  void whatTheApiServerMightReadOtherwiseIsRefused() throws Exception {
    fromClient(client.open(1, "streamtype", "error"));
    assertThatThrownBy(() -> fromClient(client.open(1, "streamtype", "stdout")))
        .isInstanceOf(UnreadableException.class)
        .hasMessageContaining("twice");
    assertThatThrownBy(
            () -> fresh().fromClient(opened("streamtype", "error", "streamType", "stdout")))
        .isInstanceOf(UnreadableException.class)
        .hasMessageContaining("twice");
    assertThatThrownBy(() -> fresh().fromClient(opened("streamtype", "error\0stdout")))
        .isInstanceOf(UnreadableException.class)
        .hasMessageContaining("two values");
  }

  private SpdyFrames fresh() {
    return new SpdyFrames(heard);
  }

  private static ByteBuffer opened(String... headers) {
    return ByteBuffer.wrap(new Spdy().open(1, headers));
  }

  @Test
  void limitsAreKept() throws Exception {
    assertThatThrownBy(() -> fresh().fromClient(opened("streamtype", "x".repeat(70_000))))
        .as("a small frame that becomes large")
        .isInstanceOf(UnreadableException.class)
        .hasMessageContaining("too long");
    assertThatThrownBy(
            () ->
                fresh().fromClient(ByteBuffer.allocate(8).putInt(0x80030001).putInt(70_000).flip()))
        .isInstanceOf(UnreadableException.class)
        .hasMessageContaining("too many headers");
    for (int i = 0; i < SpdyFrames.MAX_STREAMS; i++) {
      fromClient(client.open(2 * i + 1, "streamtype", "stdin"));
    }
    assertThatThrownBy(() -> fromClient(client.open(99, "streamtype", "stdin")))
        .isInstanceOf(UnreadableException.class);
  }

  @Test
  void anotherVersionIsRefused() {
    assertThatThrownBy(
            () -> fromServer(ByteBuffer.allocate(8).putInt(0x80020006).putInt(0).array()))
        .isInstanceOf(UnreadableException.class)
        .hasMessageContaining("version");
  }

  @Test
  void randomBytesAreReadOrRefusedAndNothingElse() {
    var random = new Random(4711);
    for (int i = 0; i < 5_000; i++) {
      byte[] noise = new byte[8 + random.nextInt(64)];
      random.nextBytes(noise);
      if (random.nextBoolean()) {
        ByteBuffer.wrap(noise).putInt(0x80030001).putInt(noise.length - 8);
      }
      try (var fresh = new SpdyFrames(new Heard())) {
        fresh.fromServer(ByteBuffer.wrap(noise));
        fresh.fromClient(ByteBuffer.wrap(noise));
      } catch (UnreadableException _) {
        // As it is to be.
      }
    }
  }
}
