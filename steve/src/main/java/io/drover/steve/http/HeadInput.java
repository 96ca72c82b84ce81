package io.drover.steve.http;

import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;

/**
 * What the other side of a connection says, of which only so much may be a head. It also knows
 * whether the end has come within one, which HttpCore takes for the end of the head.
 */
final class HeadInput extends FilterInputStream {
  /** The head is longer than is allowed. */
  static final class TooLongException extends IOException {
    private static final long serialVersionUID = 1;
  }

  private long allowed = Long.MAX_VALUE;
  private boolean ended;

  HeadInput(InputStream in) {
    super(in);
  }

  /** A head begins, of which so many bytes may still come. */
  void begin(int bytes) {
    allowed = bytes;
    ended = false;
  }

  /** The head is over: what is behind it may be of any length. */
  void over() {
    allowed = Long.MAX_VALUE;
  }

  /** Whether the end has come since {@link #begin}. */
  boolean ended() {
    return ended;
  }

  @Override
  public int read(byte[] into, int offset, int length) throws IOException {
    if (allowed <= 0) {
      throw new TooLongException();
    }
    int count = in.read(into, offset, (int) Math.min(length, allowed));
    allowed -= Math.max(0, count);
    ended |= count < 0;
    return count;
  }
}
