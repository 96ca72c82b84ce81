package io.drover.agent.gateway.recording;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.util.zip.Deflater;

/** Bytes of both protocols, as a client and an API server send them. */
final class Wire {
  private static final byte[] MASK = {1, 2, 3, 4};

  private Wire() {}

  /** A whole message of the client. */
  static byte[] masked(int channel, String text) {
    return frame(0x82, true, message(channel, text));
  }

  /** A whole message of the server. */
  static byte[] plain(int channel, String text) {
    return frame(0x82, false, message(channel, text));
  }

  static byte[] message(int channel, String text) {
    byte[] said = text.getBytes(UTF_8);
    return ByteBuffer.allocate(1 + said.length).put((byte) channel).put(said).array();
  }

  static byte[] frame(int first, boolean masked, byte[] payload) {
    var out = ByteBuffer.allocate(payload.length + 14).put((byte) first);
    int mask = masked ? 0x80 : 0;
    if (payload.length < 126) {
      out.put((byte) (mask | payload.length));
    } else if (payload.length < 65_536) {
      out.put((byte) (mask | 126)).putShort((short) payload.length);
    } else {
      out.put((byte) (mask | 127)).putLong(payload.length);
    }
    if (masked) {
      out.put(MASK);
    }
    for (int i = 0; i < payload.length; i++) {
      out.put((byte) (payload[i] ^ (masked ? MASK[i % 4] : 0)));
    }
    return taken(out);
  }

  private static byte[] taken(ByteBuffer out) {
    byte[] bytes = new byte[out.flip().remaining()];
    out.get(bytes);
    return bytes;
  }

  /** What a client of SPDY says; its headers are one compressed text. */
  static final class Spdy {
    private final Deflater deflater = new Deflater();

    Spdy() {
      deflater.setDictionary(SpdyFrames.words());
    }

    /** Opens a stream. */
    byte[] open(int stream, String... headers) {
      byte[] block = compressed(headers);
      var frame = ByteBuffer.allocate(18 + block.length).putInt(0x80030001);
      return frame
          .putInt(10 + block.length)
          .putInt(stream)
          .putInt(0)
          .putShort((short) 0)
          .put(block)
          .array();
    }

    /** More headers. */
    byte[] headers(int stream, String... headers) {
      byte[] block = compressed(headers);
      return ByteBuffer.allocate(12 + block.length)
          .putInt(0x80030008)
          .putInt(4 + block.length)
          .putInt(stream)
          .put(block)
          .array();
    }

    private byte[] compressed(String... headers) {
      var plain = ByteBuffer.allocate(100_000).putInt(headers.length / 2);
      for (String text : headers) {
        plain.putInt(text.length()).put(text.getBytes(UTF_8));
      }
      deflater.setInput(taken(plain));
      var out = new ByteArrayOutputStream();
      byte[] piece = new byte[1024];
      for (int count = piece.length; count == piece.length; ) {
        count = deflater.deflate(piece, 0, piece.length, Deflater.SYNC_FLUSH);
        out.write(piece, 0, count);
      }
      return out.toByteArray();
    }

    static byte[] data(int stream, String text) {
      byte[] said = text.getBytes(UTF_8);
      return ByteBuffer.allocate(8 + said.length)
          .putInt(stream)
          .putInt(said.length)
          .put(said)
          .array();
    }

    /** A control frame of another kind, such as a ping. */
    static byte[] control(int type, byte[] payload) {
      return ByteBuffer.allocate(8 + payload.length)
          .putInt(0x80030000 | type)
          .putInt(payload.length)
          .put(payload)
          .array();
    }
  }
}
