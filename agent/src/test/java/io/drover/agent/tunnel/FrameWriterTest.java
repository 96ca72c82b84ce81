package io.drover.agent.tunnel;

import static org.assertj.core.api.Assertions.assertThat;

import io.drover.proto.tunnel.Message.Data;
import io.drover.proto.tunnel.Message.Resume;
import io.drover.proto.tunnel.MessageCodec;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.HashSet;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class FrameWriterTest {
  private final FrameWriter writer = new FrameWriter();

  private static byte[] unmasked(ByteBuffer frame, int headerBytes) {
    var key = new byte[4];
    frame.get(headerBytes - 4, key);
    var payload = new byte[frame.limit() - headerBytes];
    frame.get(headerBytes, payload);
    for (int i = 0; i < payload.length; i++) {
      payload[i] ^= key[i % 4];
    }
    return payload;
  }

  @Test
  void masksAsTheNaiveWayDoesAtEveryOffsetAndLength() {
    var random = new Random(1);
    for (int from = 0; from <= 16; from++) {
      for (int length = 0; length <= 40; length++) {
        int key = random.nextInt();
        var bytes = new byte[from + length + 9];
        random.nextBytes(bytes);
        var expected = bytes.clone();
        for (int i = 0; i < length; i++) {
          expected[from + i] ^= (byte) (key >>> (8 * (i % 4)));
        }

        FrameWriter.mask(bytes, from, from + length, key);

        assertThat(bytes).as("from=%d length=%d", from, length).isEqualTo(expected);
      }
    }
  }

  // The message's own header is 6 bytes: message id, stream, type, deadline.
  @ParameterizedTest
  @CsvSource({
    "0, 6, 6",
    "119, 125, 6",
    "120, 126, 8",
    "65529, 65535, 8",
    "65530, 65536, 14",
    "1000000, 1000006, 14"
  })
  void writesLengthsOf7And16And64Bits(int payloadBytes, long length, int headerBytes)
      throws IOException {
    var payload = new byte[payloadBytes];
    new Random(2).nextBytes(payload);
    var message = new Data(2, ByteBuffer.wrap(payload));

    var frame = writer.frame(message);

    assertThat(frame.position()).isZero();
    assertThat(frame.limit()).isEqualTo(headerBytes + (int) length);
    assertThat(frame.get(0) & 0xFF).isEqualTo(0x82);
    int shortLength = frame.get(1) & 0xFF;
    assertThat(shortLength & 0x80).as("mask bit").isEqualTo(0x80);
    frame.order(java.nio.ByteOrder.BIG_ENDIAN);
    long written =
        switch (shortLength & 0x7F) {
          case 126 -> frame.getShort(2) & 0xFFFF;
          case 127 -> frame.getLong(2);
          default -> shortLength & 0x7F;
        };
    assertThat(written).isEqualTo(length);
    assertThat(MessageCodec.decode(ByteBuffer.wrap(unmasked(frame, headerBytes))))
        .isEqualTo(message);
  }

  @Test
  void leavesPayloadsAsTheyWere() {
    var payload = ByteBuffer.wrap(new byte[] {1, 2, 3});

    var pong = writer.frame(FrameWriter.PONG, payload);
    writer.frame(new Data(2, payload));

    assertThat(payload.remaining()).isEqualTo(3);
    assertThat(payload.array()).containsExactly(1, 2, 3);
    assertThat(pong.get(0) & 0xFF).isEqualTo(0x8A);
    assertThat(unmasked(pong, 6)).containsExactly(1, 2, 3);
  }

  @Test
  void takesANewKeyForEachFrame() {
    var keys = new HashSet<Integer>();
    for (int i = 0; i < 3_000; i++) {
      keys.add(writer.frame(new Resume(2)).getInt(2));
    }

    assertThat(keys).hasSizeGreaterThan(2_990);
  }

  @Test
  @SuppressWarnings("ByteBufferBackingArray") // that is what this is about
  void anArrayThatWasWrittenHoldsTheNextFrame() {
    var first = writer.frame(data(Outbox.MAX_DATA_BYTES));
    assertThat(writer.frame(data(Outbox.MAX_DATA_BYTES)).array()).isNotSameAs(first.array());

    writer.pool().give(first.array());
    var shorter = writer.frame(data(Outbox.MAX_DATA_BYTES - 1));

    assertThat(shorter.array()).isSameAs(first.array());
    assertThat(shorter.arrayOffset()).isZero();
    assertThat(unmasked(shorter, 14))
        .hasSize(6 + Outbox.MAX_DATA_BYTES - 1)
        .endsWith(new byte[Outbox.MAX_DATA_BYTES - 1]);
  }

  private static Data data(int bytes) {
    return new Data(2, ByteBuffer.allocate(bytes));
  }
}
