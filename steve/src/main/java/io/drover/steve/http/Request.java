package io.drover.steve.http;

import java.io.Closeable;
import java.io.IOException;
import java.io.InputStream;

/** A request, whose body is read when somebody asks for it. One thread. */
public final class Request {
  /** The body is longer than {@link FrontLimits#bodyBytes}. */
  public static final class BodyTooLongException extends IOException {
    private static final long serialVersionUID = 1;

    BodyTooLongException(int limit) {
      super("the request's body is longer than " + limit + " bytes");
    }
  }

  /** The connection on which it came. */
  interface Connection {
    void whenGone(Runnable gone);

    void closeToo(Closeable other);

    void step(Step step) throws IOException;
  }

  /** Something that blocks. */
  @FunctionalInterface
  public interface Step {
    /** Does it. */
    void run() throws IOException;
  }

  private final String method;
  private final String target;
  private final String path;
  private final Query query;
  private final Fields fields;
  private final InputStream body;
  private final int bodyBytes;
  private final Connection connection;

  Request(
      String method,
      String target,
      Fields fields,
      InputStream body,
      int bodyBytes,
      Connection connection) {
    int mark = target.indexOf('?');
    this.method = method;
    this.target = target;
    this.connection = connection;
    this.path = mark < 0 ? target : target.substring(0, mark);
    this.query = Query.parse(mark < 0 ? "" : target.substring(mark + 1));
    this.fields = fields;
    this.body = body;
    this.bodyBytes = bodyBytes;
  }

  /** As it came: in capitals, if the peer is in order. */
  public String method() {
    return method;
  }

  /** Path and query as they came. */
  public String target() {
    return target;
  }

  /** As it came: percent signs are not decoded. */
  public String path() {
    return path;
  }

  public Query query() {
    return query;
  }

  public Fields fields() {
    return fields;
  }

  /** Reads the whole body, once. */
  public byte[] body() throws IOException {
    byte[] bytes = body.readNBytes(bodyBytes + 1);
    if (bytes.length > bodyBytes) {
      throw new BodyTooLongException(bodyBytes);
    }
    return bytes;
  }

  /**
   * The body as it comes, however long it is; each read has its time. Another thread may read it
   * than the one that answers; if that goes on behind the answer, the connection has to end there
   * ({@link Answer#endConnection}).
   */
  public InputStream stream() {
    return body;
  }

  /**
   * From now on {@code gone} is called, by another thread, if the peer goes away before it is
   * answered. Only when the body has been read to its end. It may be called late, when the answer
   * is given.
   */
  public void whenGone(Runnable gone) {
    connection.whenGone(gone);
  }

  /**
   * From now on this is closed when the connection is, by whomever: by its peer's fault, at a
   * limit, at the end. Replaces what was said before; it may be closed already.
   */
  public void closeToo(Closeable other) {
    connection.closeToo(other);
  }

  /** Something that is to take no longer than a read of the body may; by the body's reader. */
  public void step(Step step) throws IOException {
    connection.step(step);
  }

  /** Reads what is left of the body; false if that is too much. */
  boolean skipBody() throws IOException {
    long left = bodyBytes + 1L;
    byte[] into = new byte[8 * 1024];
    while (left > 0) {
      int count = body.read(into, 0, (int) Math.min(left, into.length));
      if (count < 0) {
        return true;
      }
      left -= count;
    }
    return false;
  }
}
