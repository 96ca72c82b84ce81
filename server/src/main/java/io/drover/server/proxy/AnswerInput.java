package io.drover.server.proxy;

import java.io.EOFException;
import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import org.apache.hc.core5.http.ClassicHttpResponse;
import org.apache.hc.core5.http.HttpException;
import org.apache.hc.core5.http.config.Http1Config;
import org.apache.hc.core5.http.impl.io.ChunkedInputStream;
import org.apache.hc.core5.http.impl.io.ContentLengthInputStream;
import org.apache.hc.core5.http.impl.io.DefaultHttpResponseParser;
import org.apache.hc.core5.http.impl.io.IdentityInputStream;
import org.apache.hc.core5.http.impl.io.SessionInputBufferImpl;

/**
 * What a server answers on a connection, in HTTP/1.1: heads, which have a limit, and what is behind
 * them. One thread at a time.
 */
public final class AnswerInput {
  /** The longest head of an answer, in bytes: that with an agent's parameters has CA and token. */
  public static final int MAX_HEAD_BYTES = 64 * 1024;

  /** The most header fields of an answer. */
  static final int MAX_FIELDS = 200;

  private static final int BUFFER_BYTES = 16 * 1024;
  private static final Http1Config LIMITS =
      Http1Config.custom()
          .setMaxLineLength(MAX_HEAD_BYTES)
          .setMaxHeaderCount(MAX_FIELDS + 1) // the library refuses at its limit, not past it
          .build();

  private final Counted in;
  private final SessionInputBufferImpl buffer =
      new SessionInputBufferImpl(BUFFER_BYTES, MAX_HEAD_BYTES);

  /** Reads nothing yet. */
  public AnswerInput(InputStream in) {
    this.in = new Counted(in);
  }

  /** Whether nothing has been read ahead. */
  boolean isEmpty() {
    return buffer.length() == 0;
  }

  /**
   * Waits for the next head, which may be that of an interim answer.
   *
   * @throws IOException also if it is too long, or not whole
   */
  public ClassicHttpResponse head() throws IOException {
    in.left = MAX_HEAD_BYTES - buffer.length();
    try {
      var head = new DefaultHttpResponseParser(LIMITS).parse(buffer, in);
      if (head == null || in.ended) { // the library takes the end for that of the head
        throw new EOFException("connection closed");
      }
      return head;
    } catch (HttpException e) {
      throw new IOException("answer not understood: " + e.getMessage(), e);
    } finally {
      in.left = Counted.UNLIMITED;
    }
  }

  /** All that comes from now on. */
  public InputStream rest() {
    return new IdentityInputStream(buffer, in);
  }

  /** A body in chunks. */
  InputStream chunks() {
    return new ChunkedInputStream(buffer, in, LIMITS);
  }

  /** A body of so many bytes. */
  InputStream bytes(long length) {
    return new ContentLengthInputStream(buffer, in, length);
  }

  /** The connection, and how much of it a head may still be. */
  private static final class Counted extends FilterInputStream {
    static final int UNLIMITED = -1;

    private int left = UNLIMITED;
    private boolean ended;

    Counted(InputStream in) {
      super(in);
    }

    @Override
    public int read(byte[] into, int offset, int length) throws IOException {
      if (left == UNLIMITED) {
        return in.read(into, offset, length);
      } else if (left == 0) {
        throw new IOException("head of the answer too long: limit=" + MAX_HEAD_BYTES);
      }
      int count = in.read(into, offset, Math.min(length, left));
      ended = count < 0;
      left -= Math.max(0, count);
      return count;
    }
  }
}
