package io.drover.server.proxy;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import io.drover.server.tunnel.TunnelStream;
import java.io.BufferedOutputStream;
import java.io.Closeable;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.Socket;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import org.apache.hc.core5.http.ClassicHttpResponse;
import org.apache.hc.core5.http.Header;
import org.jspecify.annotations.Nullable;

/**
 * One HTTP/1.1 connection to an API server. One exchange at a time; while one thread reads the
 * answer another may still write the request's body, and any may close.
 */
final class ApiConnection implements Closeable {
  /** Interim answers (100, 103) that are skipped before the real one. */
  static final int MAX_INTERIM = 10;

  private static final int BUFFER_BYTES = 16 * 1024;

  /** A header field as it goes over the wire. */
  record Field(String name, String value) {}

  /**
   * The answer's head, and its body as it comes.
   *
   * @param body empty if there is none; after 101 all that the other side sends
   */
  record Answer(int status, String reason, List<Field> fields, InputStream body, boolean reusable) {
    Answer {
      fields = List.copyOf(fields);
    }

    boolean isUpgrade() {
      return status == 101;
    }
  }

  private final TunnelStream stream;
  private final Socket socket;
  private final AnswerInput in;
  private final OutputStream out;

  ApiConnection(TunnelStream stream, Socket socket) throws IOException {
    this.stream = stream;
    this.socket = socket;
    this.in = new AnswerInput(socket.getInputStream());
    this.out = new BufferedOutputStream(socket.getOutputStream(), BUFFER_BYTES);
  }

  TunnelStream stream() {
    return stream;
  }

  boolean isOpen() {
    return stream.isOpen() && in.isEmpty();
  }

  /** Sends a request's head. */
  void sendHead(String method, String target, List<Field> fields) throws IOException {
    var head = new StringBuilder(512);
    head.append(method).append(' ').append(target).append(" HTTP/1.1\r\n");
    for (var field : fields) {
      head.append(field.name()).append(": ").append(field.value()).append("\r\n");
    }
    out.write(head.append("\r\n").toString().getBytes(ISO_8859_1));
    out.flush();
  }

  /** Sends raw bytes: a part of a body of known length. */
  void send(byte[] bytes, int length) throws IOException {
    out.write(bytes, 0, length);
    out.flush();
  }

  /** What takes raw bytes of an upgraded connection. */
  OutputStream output() {
    return out;
  }

  /** Sends one chunk of a body of unknown length; length 0 ends it. */
  void sendChunk(byte[] bytes, int length) throws IOException {
    out.write((Integer.toHexString(length) + "\r\n").getBytes(ISO_8859_1));
    out.write(bytes, 0, length);
    out.write("\r\n".getBytes(ISO_8859_1));
    out.flush();
  }

  /** Waits for the head of the answer to a request of that method. */
  Answer receive(String method) throws IOException {
    for (int i = 0; i <= MAX_INTERIM; i++) {
      var head = in.head();
      int status = head.getCode();
      if (status >= 200 || status == 101) {
        return answer(method, head);
      }
    }
    throw new IOException("too many interim answers: limit=" + MAX_INTERIM);
  }

  private Answer answer(String method, ClassicHttpResponse head) throws IOException {
    var fields =
        Arrays.stream(head.getHeaders())
            .map(field -> new Field(field.getName(), String.valueOf(field.getValue())))
            .toList();
    int status = head.getCode();
    var reason = head.getReasonPhrase() == null ? "" : head.getReasonPhrase();
    if (status == 101) {
      return new Answer(status, reason, fields, in.rest(), false);
    }
    boolean keepAlive = !lower(head.getFirstHeader("Connection")).contains("close");
    if (method.equals("HEAD") || status == 204 || status == 304) {
      return new Answer(status, reason, fields, InputStream.nullInputStream(), keepAlive);
    }
    if (lower(head.getFirstHeader("Transfer-Encoding")).contains("chunked")) {
      return new Answer(status, reason, fields, in.chunks(), keepAlive);
    }
    var length = head.getFirstHeader("Content-Length");
    if (length != null) {
      var body = in.bytes(contentLength(length));
      return new Answer(status, reason, fields, body, keepAlive);
    }
    return new Answer(status, reason, fields, in.rest(), false);
  }

  private static long contentLength(Header field) throws IOException {
    try {
      long length = Long.parseLong(field.getValue());
      if (length >= 0) {
        return length;
      }
    } catch (NumberFormatException e) {
      // Said below, as for a negative one.
    }
    throw new IOException("answer not understood: bad Content-Length");
  }

  private static String lower(@Nullable Header field) {
    return field == null ? "" : String.valueOf(field.getValue()).toLowerCase(Locale.ROOT);
  }

  /** Ends the exchange in both directions; wakes whoever reads or writes. */
  @Override
  public void close() {
    stream.close();
    try {
      socket.close();
    } catch (IOException e) {
      // The stream is closed already; there is nobody to say goodbye to.
    }
  }
}
