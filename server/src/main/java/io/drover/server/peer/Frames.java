package io.drover.server.peer;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.DataInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.Objects;

/**
 * What an agent sends, on its way to another server: pieces, each with its length before it, and at
 * the end a piece of no bytes and why it ended. So a connection that broke is not taken for the end
 * of a stream, and why a dial failed is known there, too. The other way bytes go as they are.
 */
final class Frames {
  /** The longest piece, in bytes. */
  static final int MAX_PIECE_BYTES = 64 * 1024;

  /** What of a reason is told, in bytes. */
  static final int MAX_REASON_BYTES = 1024;

  private Frames() {}

  /** The stream's bytes in frames; the last read gives the end of the stream. For one thread. */
  static InputStream of(InputStream stream) {
    return new Framed(stream);
  }

  private static final class Framed extends InputStream {
    private final InputStream stream;
    private final byte[] piece = new byte[16 * 1024];
    private ByteBuffer rest = ByteBuffer.allocate(0);
    private boolean ended;

    Framed(InputStream stream) {
      this.stream = stream;
    }

    @Override
    public int read() {
      byte[] one = new byte[1];
      return read(one, 0, 1) < 0 ? -1 : one[0] & 0xFF;
    }

    @Override
    public int read(byte[] target, int offset, int length) {
      if (!rest.hasRemaining()) {
        if (ended) {
          return -1;
        }
        rest = next();
      }
      int count = Math.min(length, rest.remaining());
      rest.get(target, offset, count);
      return count;
    }

    private ByteBuffer next() {
      String reason;
      try {
        int count = stream.read(piece);
        if (count > 0) {
          return ByteBuffer.allocate(Integer.BYTES + count)
              .putInt(count)
              .put(piece, 0, count)
              .flip();
        }
        reason = "";
      } catch (IOException e) {
        reason = Objects.requireNonNullElse(e.getMessage(), e.toString());
      }
      ended = true;
      byte[] text = reason.getBytes(UTF_8);
      byte[] told = Arrays.copyOf(text, Math.min(text.length, MAX_REASON_BYTES));
      return ByteBuffer.allocate(2 * Integer.BYTES + told.length)
          .putInt(0)
          .putInt(told.length)
          .put(told)
          .flip();
    }
  }

  /**
   * A piece, or why there is no more.
   *
   * @param reason empty: the stream ended as streams do; only without bytes
   */
  record Piece(ByteBuffer bytes, String reason) {
    boolean isEnd() {
      return !bytes.hasRemaining();
    }
  }

  /**
   * Waits for the next one.
   *
   * @throws IOException if the connection breaks, or that is no frame
   */
  static Piece read(DataInputStream in) throws IOException {
    int length = in.readInt();
    if (length == 0) {
      int told = in.readInt();
      if (told < 0 || told > MAX_REASON_BYTES) {
        throw new IOException("not a frame: reason of " + told + " bytes");
      }
      return new Piece(ByteBuffer.allocate(0), new String(in.readNBytes(told), UTF_8));
    } else if (length < 0 || length > MAX_PIECE_BYTES) {
      throw new IOException("not a frame: piece of " + length + " bytes");
    }
    byte[] bytes = new byte[length];
    in.readFully(bytes);
    return new Piece(ByteBuffer.wrap(bytes), "");
  }
}
