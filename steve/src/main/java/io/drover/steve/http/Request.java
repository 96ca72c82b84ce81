package io.drover.steve.http;

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

  private final String method;
  private final String path;
  private final Query query;
  private final Fields fields;
  private final InputStream body;
  private final int bodyBytes;

  Request(String method, String target, Fields fields, InputStream body, int bodyBytes) {
    int mark = target.indexOf('?');
    this.method = method;
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
