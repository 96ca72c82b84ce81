package io.drover.steve.http;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import java.io.Closeable;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.time.Duration;
import java.util.Arrays;
import java.util.Locale;
import java.util.regex.Pattern;
import org.apache.hc.core5.http.ClassicHttpResponse;
import org.apache.hc.core5.http.HttpException;
import org.apache.hc.core5.http.config.Http1Config;
import org.apache.hc.core5.http.impl.io.ChunkedInputStream;
import org.apache.hc.core5.http.impl.io.ContentLengthInputStream;
import org.apache.hc.core5.http.impl.io.DefaultHttpResponseParser;
import org.apache.hc.core5.http.impl.io.IdentityInputStream;
import org.apache.hc.core5.http.impl.io.SessionInputBufferImpl;

/**
 * A connection to a server, on which we ask in HTTP/1.1: one request at a time. While one thread
 * reads the answer another may still write the request's body, and any may close, which wakes both.
 * Waits have no limit here but where one is given.
 */
public final class UpstreamConnection implements Closeable {
  /** Of the head of an answer, a line of it, and all. */
  static final int HEAD_BYTES = 64 * 1024;

  /** The most header fields of an answer. */
  static final int MAX_FIELDS = 200;

  /** Interim answers (100, 103) that are skipped before the real one. */
  static final int MAX_INTERIM = 10;

  /** The length of a body that comes in chunks, or until the connection's end. */
  public static final long UNKNOWN = -1;

  /** For heads and the like, in bytes: what is read in bigger pieces goes past it. */
  private static final int BUFFER_BYTES = 1024;

  private static final int CONTINUE = 100;
  private static final int SWITCHING_PROTOCOLS = 101;
  private static final int OK = 200;
  private static final int NO_CONTENT = 204;
  private static final int NOT_MODIFIED = 304;
  private static final Pattern LENGTH = Pattern.compile("[0-9]{1,18}");
  private static final Http1Config CONFIG =
      Http1Config.custom()
          .setMaxLineLength(HEAD_BYTES)
          .setMaxHeaderCount(MAX_FIELDS + 1) // the library refuses at its limit, not past it
          .build();

  /**
   * An answer, whose body comes as it is read.
   *
   * @param length of the body in bytes; {@link #UNKNOWN}; 0 if there is none
   * @param body after 101 all that the server says
   * @param reusable whether the connection is of use when the body has been read to its end
   */
  public record Head(int status, Fields fields, long length, InputStream body, boolean reusable) {
    /** Whether HTTP is left. */
    public boolean isUpgrade() {
      return status == SWITCHING_PROTOCOLS;
    }

    /** Whether it only says that the body may come. */
    public boolean isContinue() {
      return status == CONTINUE;
    }
  }

  private final Socket socket;
  private final HeadInput in;
  private final GatheringOutput out;
  private final SessionInputBufferImpl buffer =
      new SessionInputBufferImpl(BUFFER_BYTES, HEAD_BYTES);

  /**
   * Asks nothing yet.
   *
   * @param socket connected; closed with this
   */
  public UpstreamConnection(Socket socket) throws IOException {
    this.socket = socket;
    this.in = new HeadInput(socket.getInputStream());
    this.out = new GatheringOutput(socket.getOutputStream());
  }

  /**
   * Writes a request's head. Nothing is sent before the body is closed, or flushed.
   *
   * @param fields without any that say how long the body is
   * @param length of the body; 0: there is none, which a method that could have one says
   * @return where the body goes; to be closed behind it
   */
  public OutputStream ask(String method, String target, Fields fields, long length)
      throws IOException {
    var head = new StringBuilder(512);
    head.append(method).append(' ').append(target).append(" HTTP/1.1\r\n");
    for (var field : fields.all()) {
      head.append(field.name()).append(": ").append(oneLine(field.value())).append("\r\n");
    }
    if (length == UNKNOWN) {
      head.append("Transfer-Encoding: chunked\r\n");
    } else if (length > 0 || !(method.equals("GET") || method.equals("HEAD"))) {
      head.append("Content-Length: ").append(length).append("\r\n");
    }
    out.write(head.append("\r\n").toString().getBytes(ISO_8859_1));
    return length == UNKNOWN ? new Chunks() : new Counted(length);
  }

  /** A value that held a line's end could add fields of its own. */
  private static String oneLine(String value) {
    return value.replace('\r', ' ').replace('\n', ' ');
  }

  /** Whether the server has begun to answer within that time. */
  public boolean hears(Duration limit) throws IOException {
    if (buffer.length() > 0) {
      return true;
    }
    socket.setSoTimeout((int) limit.toMillis());
    try {
      if (buffer.fillBuffer(in) < 0) {
        throw ended();
      }
      return true;
    } catch (SocketTimeoutException _) {
      return false;
    } finally {
      socket.setSoTimeout(0);
    }
  }

  /**
   * Waits for the head of the answer.
   *
   * @param method that was asked with
   */
  public Head answer(String method) throws IOException {
    for (int interim = 0; interim <= MAX_INTERIM; interim++) {
      var head = nextHead(method);
      if (head.status() >= OK || head.isUpgrade()) {
        return head;
      }
    }
    throw new IOException("too many interim answers: limit=" + MAX_INTERIM);
  }

  /** The next head, which may be an interim one. */
  public Head nextHead(String method) throws IOException {
    ClassicHttpResponse head;
    in.begin(HEAD_BYTES - buffer.length());
    try {
      head = new DefaultHttpResponseParser(CONFIG).parse(buffer, in);
    } catch (HttpException e) {
      throw new IOException("answer not understood: " + e.getMessage(), e);
    } catch (HeadInput.TooLongException e) {
      throw new IOException("head of the answer too long: limit=" + HEAD_BYTES, e);
    } finally {
      in.over();
    }
    if (head == null || in.ended()) { // the library takes the end for that of the head
      throw ended();
    }
    var fields = new Fields();
    Arrays.stream(head.getHeaders())
        .forEach(field -> fields.add(field.getName(), String.valueOf(field.getValue())));
    return head(method, head.getCode(), fields);
  }

  private static EOFException ended() {
    return new EOFException("the server ends the connection");
  }

  private Head head(String method, int status, Fields fields) throws IOException {
    if (status == SWITCHING_PROTOCOLS) {
      return new Head(status, fields, UNKNOWN, new IdentityInputStream(buffer, in), false);
    }
    boolean reusable = !has(fields, "Connection", "close");
    if (method.equals("HEAD") || status < OK || status == NO_CONTENT || status == NOT_MODIFIED) {
      return new Head(status, fields, 0, InputStream.nullInputStream(), reusable);
    }
    var lengths = fields.every("Content-Length");
    if (fields.has("Transfer-Encoding")) {
      if (!has(fields, "Transfer-Encoding", "chunked") || !lengths.isEmpty()) {
        throw ambiguous();
      }
      return new Head(
          status, fields, UNKNOWN, new ChunkedInputStream(buffer, in, CONFIG), reusable);
    }
    if (lengths.isEmpty()) {
      return new Head(status, fields, UNKNOWN, new IdentityInputStream(buffer, in), false);
    }
    if (lengths.size() > 1 || !LENGTH.matcher(lengths.getFirst()).matches()) {
      throw ambiguous();
    }
    long length = Long.parseLong(lengths.getFirst());
    return new Head(
        status, fields, length, new ContentLengthInputStream(buffer, in, length), reusable);
  }

  private static IOException ambiguous() {
    return new IOException("answer not understood: the length of the body is ambiguous");
  }

  private static boolean has(Fields fields, String name, String token) {
    return fields.every(name).stream()
        .flatMap(value -> Arrays.stream(value.split(",", -1)))
        .anyMatch(item -> item.strip().toLowerCase(Locale.ROOT).equals(token));
  }

  /** What has come and is not read yet, in bytes: more than that may be had without waiting. */
  public int waiting() {
    try {
      return buffer.length() + in.available();
    } catch (IOException _) {
      return buffer.length(); // it has ended, which reading will say
    }
  }

  /** Where it goes once HTTP is left; to be flushed. */
  public OutputStream out() {
    return out;
  }

  /** Ends it for both threads. Does not wait. */
  @Override
  public void close() throws IOException {
    out.close(socket);
  }

  /** A body of a length that was said. */
  private final class Counted extends OutputStream {
    private long left;

    Counted(long length) {
      this.left = length;
    }

    @Override
    public void write(int b) throws IOException {
      write(new byte[] {(byte) b}, 0, 1);
    }

    @Override
    public void write(byte[] bytes, int offset, int length) throws IOException {
      if (length > left) {
        throw new IOException("the body is longer than was said");
      }
      left -= length;
      out.write(bytes, offset, length);
    }

    @Override
    public void flush() throws IOException {
      out.flush();
    }

    @Override
    public void close() throws IOException {
      if (left > 0) {
        throw new EOFException("the body is shorter than was said: missing=" + left);
      }
      out.flush();
    }
  }

  /** A body of unknown length. */
  private final class Chunks extends OutputStream {
    @Override
    public void write(int b) throws IOException {
      write(new byte[] {(byte) b}, 0, 1);
    }

    @Override
    public void write(byte[] bytes, int offset, int length) throws IOException {
      if (length > 0) {
        out.write((Integer.toHexString(length) + "\r\n").getBytes(ISO_8859_1));
        out.write(bytes, offset, length);
        out.write("\r\n".getBytes(ISO_8859_1));
      }
    }

    @Override
    public void flush() throws IOException {
      out.flush();
    }

    @Override
    public void close() throws IOException {
      out.write("0\r\n\r\n".getBytes(ISO_8859_1));
      out.flush();
    }
  }
}
