package io.drover.steve.http;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.HttpURLConnection;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.Arrays;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** The answer to one request: sent whole, or as it is made. One thread, and one call. */
public final class Answer {
  /** What is sent in one piece, in bytes; an answer that is no longer has a Content-Length. */
  static final int PIECE_BYTES = 8 * 1024;

  private static final int SWITCHING_PROTOCOLS = 101;
  private static final int TOO_MANY_REQUESTS = 429;

  /** The length of a body that is sent in chunks. */
  private static final long UNKNOWN = -1;

  private static final DateTimeFormatter DATE =
      DateTimeFormatter.ofPattern("EEE, dd MMM yyyy HH:mm:ss 'GMT'", Locale.ROOT)
          .withZone(ZoneOffset.UTC);

  /**
   * A connection that speaks another protocol from now on.
   *
   * @param in what the peer sends
   * @param out to the peer; not buffered
   */
  public record Upgraded(InputStream in, OutputStream out) {}

  private final InputStream in;
  private final OutputStream out;
  private final boolean headOnly;
  private final boolean chunked;
  private final Runnable onUpgrade;
  private boolean begun;
  private boolean complete;
  private boolean upgraded;
  private boolean last;

  /**
   * An answer that is not yet given.
   *
   * @param in what comes behind the request
   * @param headOnly the request is a HEAD
   * @param chunked the peer understands chunks; otherwise the connection's end ends a long answer
   * @param last the connection is closed behind it
   * @param onUpgrade called when HTTP is left
   */
  Answer(
      InputStream in,
      OutputStream out,
      boolean headOnly,
      boolean chunked,
      boolean last,
      Runnable onUpgrade) {
    this.in = in;
    this.out = out;
    this.headOnly = headOnly;
    this.chunked = chunked;
    this.last = last;
    this.onUpgrade = onUpgrade;
  }

  /** Sends it whole. */
  public void send(int status, Fields fields, byte[] body) throws IOException {
    head(status, fields, hasBody(status) ? "Content-Length: " + body.length : "");
    if (!headOnly && hasBody(status)) {
      out.write(body);
    }
    out.flush();
    complete = true;
  }

  /**
   * Sends it as it is made; closing the stream completes it. Nothing is sent before the first 8 KiB
   * are full or the stream is flushed or closed.
   */
  public OutputStream stream(int status, Fields fields) {
    return new Body(status, fields, UNKNOWN);
  }

  /**
   * The same of a body whose length is known, in bytes. Closing the stream before all of it is
   * written leaves the answer incomplete.
   */
  public OutputStream stream(int status, Fields fields, long length) {
    return new Body(status, fields, length);
  }

  /** Sends no body, and of its length what the fields say: to a HEAD, or with 204 or 304. */
  public void sendHead(int status, Fields fields) throws IOException {
    head(status, fields, "");
    out.flush();
    complete = true;
  }

  /** The connection is of no use behind this answer. */
  public void endConnection() {
    last = true;
  }

  /** Leaves HTTP; the connection is closed when the handler returns. */
  public Upgraded upgrade(Fields fields) throws IOException {
    head(SWITCHING_PROTOCOLS, fields, "");
    out.flush();
    complete = true;
    upgraded = true;
    onUpgrade.run();
    return new Upgraded(in, out);
  }

  /** Whether its head has gone out. */
  public boolean begun() {
    return begun;
  }

  boolean complete() {
    return complete;
  }

  /** Whether the connection is of no use behind it. */
  boolean last() {
    return last || upgraded || !complete;
  }

  private static boolean hasBody(int status) {
    return status >= HttpURLConnection.HTTP_OK
        && status != HttpURLConnection.HTTP_NO_CONTENT
        && status != HttpURLConnection.HTTP_NOT_MODIFIED;
  }

  private void head(int status, Fields fields, String framing) throws IOException {
    if (begun) {
      throw new IllegalStateException("a second answer to one request");
    }
    begun = true;
    var head = new StringBuilder(512);
    head.append("HTTP/1.1 ").append(status).append(' ').append(reason(status)).append("\r\n");
    for (var field : fields.all()) {
      head.append(field.name()).append(": ").append(oneLine(field.value())).append("\r\n");
    }
    if (!fields.has("Date")) {
      head.append("Date: ").append(DATE.format(Instant.now())).append("\r\n");
    }
    if (!framing.isEmpty()) {
      head.append(framing).append("\r\n");
    }
    if (last) {
      head.append("Connection: close\r\n");
    }
    out.write(head.append("\r\n").toString().getBytes(ISO_8859_1));
  }

  /** A value that held a line's end could add fields of its own. */
  private static String oneLine(String value) {
    return value.replace('\r', ' ').replace('\n', ' ');
  }

  /** Nobody reads it. */
  private static String reason(int status) {
    return switch (status) {
      case SWITCHING_PROTOCOLS -> "Switching Protocols";
      case HttpURLConnection.HTTP_OK -> "OK";
      case HttpURLConnection.HTTP_CREATED -> "Created";
      case HttpURLConnection.HTTP_NO_CONTENT -> "No Content";
      case HttpURLConnection.HTTP_BAD_REQUEST -> "Bad Request";
      case HttpURLConnection.HTTP_UNAUTHORIZED -> "Unauthorized";
      case HttpURLConnection.HTTP_FORBIDDEN -> "Forbidden";
      case HttpURLConnection.HTTP_NOT_FOUND -> "Not Found";
      case HttpURLConnection.HTTP_CONFLICT -> "Conflict";
      case TOO_MANY_REQUESTS -> "Too Many Requests";
      case HttpURLConnection.HTTP_INTERNAL_ERROR -> "Internal Server Error";
      case HttpURLConnection.HTTP_UNAVAILABLE -> "Service Unavailable";
      default -> "-";
    };
  }

  private final class Body extends OutputStream {
    private final int status;
    private final Fields fields;
    private final long length;
    private byte @Nullable [] held; // only while something is in it: a watch has mostly nothing
    private int count;
    private long written;
    private boolean closed;

    Body(int status, Fields fields, long length) {
      this.status = status;
      this.fields = fields;
      this.length = length;
    }

    @Override
    public void write(int b) throws IOException {
      if (count == PIECE_BYTES) {
        writePiece();
      }
      piece()[count++] = (byte) b;
    }

    @Override
    public void write(byte[] bytes, int offset, int length) throws IOException {
      int from = offset;
      int left = length;
      while (left > 0) {
        if (count == PIECE_BYTES) {
          writePiece();
        }
        int part = Math.min(left, PIECE_BYTES - count);
        System.arraycopy(bytes, from, piece(), count, part);
        count += part;
        from += part;
        left -= part;
      }
    }

    @Override
    public void flush() throws IOException {
      writePiece();
      out.flush();
    }

    @Override
    public void close() throws IOException {
      if (closed) {
        return;
      }
      closed = true;
      if (begun || length != UNKNOWN) {
        writePiece();
        if (inChunks() && !headOnly) {
          out.write("0\r\n\r\n".getBytes(ISO_8859_1));
        }
        out.flush();
        complete = headOnly || length == UNKNOWN || written == length;
      } else {
        send(status, fields, Arrays.copyOf(piece(), count));
        giveBack();
      }
    }

    private void writePiece() throws IOException {
      if (!begun) {
        last |= length == UNKNOWN && !chunked;
        head(status, fields, framing());
      }
      if (length != UNKNOWN && written + count > length) {
        throw new IllegalStateException("more is written than was said: bytes=" + length);
      }
      written += count;
      if (count > 0 && !headOnly) {
        if (inChunks()) {
          out.write((Integer.toHexString(count) + "\r\n").getBytes(ISO_8859_1));
        }
        out.write(piece(), 0, count);
        if (inChunks()) {
          out.write("\r\n".getBytes(ISO_8859_1));
        }
      }
      count = 0;
      giveBack();
    }

    private byte[] piece() {
      var piece = held;
      if (piece == null) {
        piece = Pieces.shared().take();
        held = piece;
      }
      return piece;
    }

    /** Behind an error it is left to the collector. */
    private void giveBack() {
      var piece = held;
      if (piece != null) {
        held = null;
        Pieces.shared().give(piece);
      }
    }

    private boolean inChunks() {
      return chunked && length == UNKNOWN;
    }

    private String framing() {
      if (length != UNKNOWN) {
        return "Content-Length: " + length;
      }
      return chunked ? "Transfer-Encoding: chunked" : "";
    }
  }
}
