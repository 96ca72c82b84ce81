package io.drover.agent.gateway.standin;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.util.Objects;
import java.util.function.UnaryOperator;

/**
 * Reads what a stream of bytes becomes when it is written through another. It reads no further than
 * it is read, and of what has come keeps back only what the other does. One thread.
 */
final class ReadTexts extends InputStream {
  /** Read at once. */
  static final int PIECE_BYTES = 16 * 1024;

  private final InputStream in;
  private final ByteArrayOutputStream become = new ByteArrayOutputStream();
  private final OutputStream through;
  private final byte[] piece = new byte[PIECE_BYTES];
  private byte[] ready = new byte[0];
  private int next;
  private boolean ended;

  /**
   * Reads nothing yet.
   *
   * @param through what changes it; closed at the end of {@code in}
   */
  ReadTexts(InputStream in, UnaryOperator<OutputStream> through) {
    this.in = in;
    this.through = through.apply(become);
  }

  @Override
  public int read() throws IOException {
    byte[] one = new byte[1];
    return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
  }

  @Override
  public int read(byte[] into, int offset, int length) throws IOException {
    Objects.checkFromIndexSize(offset, length, into.length);
    if (length == 0) {
      return 0;
    }
    while (next == ready.length) {
      if (ended) {
        return -1;
      }
      readOn();
    }
    int count = Math.min(length, ready.length - next);
    System.arraycopy(ready, next, into, offset, count);
    next += count;
    return count;
  }

  private void readOn() throws IOException {
    int count = in.read(piece);
    if (count < 0) {
      through.close(); // fails each time, if it is cut off
      ended = true;
    } else {
      through.write(piece, 0, count);
    }
    ready = become.toByteArray();
    next = 0;
    become.reset();
  }

  @Override
  public int available() {
    return ready.length - next;
  }

  @Override
  public void close() throws IOException {
    in.close();
  }
}
