package io.drover.steve.http;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.Closeable;
import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.InterruptedIOException;
import java.io.OutputStream;
import java.net.HttpURLConnection;
import java.nio.channels.SocketChannel;
import java.time.Duration;
import java.util.Arrays;
import java.util.HashSet;
import java.util.Locale;
import java.util.Set;
import java.util.function.LongSupplier;
import java.util.regex.Pattern;
import org.apache.hc.core5.http.ClassicHttpRequest;
import org.apache.hc.core5.http.HttpException;
import org.apache.hc.core5.http.HttpVersion;
import org.apache.hc.core5.http.MessageConstraintException;
import org.apache.hc.core5.http.ProtocolVersion;
import org.apache.hc.core5.http.RequestHeaderFieldsTooLargeException;
import org.apache.hc.core5.http.config.Http1Config;
import org.apache.hc.core5.http.impl.io.ChunkedInputStream;
import org.apache.hc.core5.http.impl.io.ContentLengthInputStream;
import org.apache.hc.core5.http.impl.io.DefaultHttpRequestParser;
import org.apache.hc.core5.http.impl.io.IdentityInputStream;
import org.apache.hc.core5.http.impl.io.SessionInputBufferImpl;
import org.apache.hc.core5.util.CharArrayBuffer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** One connection: request after request, in one virtual thread. */
final class HttpConnection implements Request.Connection {
  /** For heads and the like, in bytes: what is read in bigger pieces goes past it. */
  private static final int BUFFER_BYTES = 1024;

  private static final int MAX_FIELDS = 200;

  /** Not among the constants of the JDK. */
  private static final int TOO_LARGE_HEAD = 431;

  /** For the peer to read a last answer. */
  private static final Duration LINGER = Duration.ofSeconds(2);

  private static final Set<ProtocolVersion> VERSIONS =
      Set.of(HttpVersion.HTTP_1_0, HttpVersion.HTTP_1_1);
  private static final Pattern LENGTH = Pattern.compile("[0-9]{1,18}");
  private static final Logger log = LoggerFactory.getLogger(HttpConnection.class);

  private final SocketChannel channel;
  private final FrontLimits limits;
  private final Handler handler;
  private final boolean once;
  private final Deadline deadline;

  /** Of who reads a body, which may be another thread than the one that answers. */
  private final Deadline bodyDeadline;

  private final Wire wire;
  private final Http1Config config;
  private final SessionInputBufferImpl buffer;
  private final HeadInput in;
  private final OutputStream out;
  private final Ahead ahead = new Ahead();
  private volatile boolean closed;
  private volatile Closeable too = () -> {};

  /** A connection without anything between socket and HTTP. */
  HttpConnection(
      SocketChannel channel,
      FrontLimits limits,
      Handler handler,
      boolean once,
      LongSupplier nanoTime) {
    this(channel, Wire.plain(channel), limits, handler, once, nanoTime);
  }

  /**
   * A connection that nobody serves yet.
   *
   * @param once it is closed behind the first answer
   */
  HttpConnection(
      SocketChannel channel,
      Wire wire,
      FrontLimits limits,
      Handler handler,
      boolean once,
      LongSupplier nanoTime) {
    this.channel = channel;
    this.limits = limits;
    this.handler = handler;
    this.once = once;
    this.deadline = new Deadline(nanoTime, limits.head());
    this.bodyDeadline = new Deadline(nanoTime);
    this.wire = wire;
    this.config =
        Http1Config.custom()
            .setMaxLineLength(limits.headBytes())
            .setMaxHeaderCount(MAX_FIELDS)
            .build();
    this.buffer = new Lines(BUFFER_BYTES, limits.headBytes());
    this.in = new HeadInput(wire.in());
    this.out = new Paced(wire.out());
  }

  /** Serves it to its end. */
  void run() {
    try (channel) {
      wire.open();
      if (!once) {
        deadline.in(limits.idle());
      }
      while (serveOne()) {
        deadline.in(limits.idle());
      }
      linger();
    } catch (IOException e) {
      log.debug("connection ended: reason={}", e.toString());
    } finally {
      close();
    }
  }

  /**
   * Waits for the peer to close too. Closing with something unread would be a reset, which takes
   * the answer away from a peer that has not read it yet.
   */
  private void linger() throws IOException {
    deadline.in(LINGER);
    wire.end();
    ahead.await();
    byte[] into = new byte[BUFFER_BYTES];
    while (in.read(into, 0, into.length) >= 0) {
      // It does not matter any more.
    }
  }

  /** Closes it from another thread, if its present wait is over. */
  void closeIfOver() {
    if (deadline.isOver() || bodyDeadline.isOver()) {
      close();
    }
  }

  /** Closes it from another thread. */
  void close() {
    closed = true;
    closeQuietly(channel);
    closeQuietly(too);
  }

  private static void closeQuietly(Closeable closeable) {
    try {
      closeable.close();
    } catch (IOException e) {
      log.debug("connection not closed: reason={}", e.toString());
    }
  }

  @Override
  public void whenGone(Runnable gone) {
    ahead.begin(gone);
  }

  @Override
  public void closeToo(Closeable other) {
    too = other;
    if (closed) {
      closeQuietly(other);
    }
  }

  @Override
  public void step(Request.Step step) throws IOException {
    bodyDeadline.within(limits.stall(), step::run);
  }

  /** Returns whether another request may follow. */
  private boolean serveOne() throws IOException {
    if (!ahead.await() || (buffer.length() == 0 && buffer.fillBuffer(in) < 0)) {
      return false;
    }
    deadline.in(limits.head());
    in.begin(limits.headBytes() - buffer.length());
    ClassicHttpRequest head;
    Request request;
    try {
      head = new DefaultHttpRequestParser(config).parse(buffer, in);
      if (head == null) {
        return false;
      }
      if (in.ended()) {
        // The library takes the end for that of the head. Without its last fields a request may be
        // another one: asked in nobody's name, and so in our own.
        throw new HttpException("the head has no end");
      }
      if (!VERSIONS.contains(head.getVersion())) {
        return refuse(
            HttpURLConnection.HTTP_VERSION, "this is not HTTP/1.1, but " + head.getVersion());
      }
      request = request(head);
    } catch (MessageConstraintException
        | RequestHeaderFieldsTooLargeException
        | HeadInput.TooLongException _) {
      return refuse(TOO_LARGE_HEAD, "the request's head is longer than " + limits.headBytes());
    } catch (HttpException | FoldedException | IllegalArgumentException e) {
      return refuse(HttpURLConnection.HTTP_BAD_REQUEST, "not understood: " + e.getMessage());
    } finally {
      in.over();
    }
    deadline.in(limits.exchange());
    boolean modern = head.getVersion().greaterEquals(HttpVersion.HTTP_1_1);
    boolean last = once || !modern || has(request.fields(), "Connection", "close");
    var answer =
        new Answer(
            new IdentityInputStream(buffer, in),
            out,
            request.method().equals("HEAD"),
            modern,
            last,
            deadline::none); // what follows may last for hours, and has limits of its own
    return answered(request, answer) && !answer.last() && request.skipBody();
  }

  /** Returns whether the answer is whole. */
  private boolean answered(Request request, Answer answer) throws IOException {
    try {
      handler.handle(request, answer);
    } catch (RuntimeException e) {
      log.error("request failed, which is a bug: path={}", request.path(), e);
    }
    if (!answer.begun()) {
      return refuse(HttpURLConnection.HTTP_INTERNAL_ERROR, "this is a fault of the agent");
    }
    return answer.complete();
  }

  private boolean refuse(int status, String why) throws IOException {
    var fields = new Fields().add("Content-Type", "text/plain; charset=utf-8");
    new Answer(in, out, false, true, true, () -> {})
        .send(status, fields, (why + "\n").getBytes(UTF_8));
    return false;
  }

  private Request request(ClassicHttpRequest head) throws HttpException {
    var fields = new Fields();
    Arrays.stream(head.getHeaders())
        .forEach(field -> fields.add(field.getName(), String.valueOf(field.getValue())));
    // The parser takes the host out of the target and the target apart; what we want is as it came.
    return new Request(
        head.getMethod(), head.getPath(), fields, body(fields), limits.bodyBytes(), this);
  }

  private InputStream body(Fields fields) throws HttpException {
    var lengths = new HashSet<>(fields.every("Content-Length"));
    boolean chunked = has(fields, "Transfer-Encoding", "chunked");
    if ((chunked && !lengths.isEmpty())
        || lengths.size() > 1
        || (!chunked && fields.has("Transfer-Encoding"))) {
      throw new HttpException("the length of the body is ambiguous");
    }
    if (!chunked && lengths.isEmpty()) {
      return InputStream.nullInputStream();
    }
    var raw =
        chunked
            ? new ChunkedInputStream(buffer, in, config)
            : new ContentLengthInputStream(buffer, in, length(lengths.iterator().next()));
    return new Body(raw, has(fields, "Expect", "100-continue"));
  }

  private static long length(String text) throws HttpException {
    if (!LENGTH.matcher(text).matches()) {
      throw new HttpException("bad Content-Length");
    }
    return Long.parseLong(text);
  }

  /** Whether a token is among a field's values. */
  private static boolean has(Fields fields, String name, String token) {
    return fields.every(name).stream()
        .flatMap(value -> Arrays.stream(value.split(",", -1)))
        .anyMatch(item -> item.strip().toLowerCase(Locale.ROOT).equals(token));
  }

  /** A request's body, each piece of it within its time. */
  private final class Body extends FilterInputStream {
    private boolean awaited;

    /**
     * Of which nothing is read yet.
     *
     * @param awaited the peer sends it when we say so
     */
    Body(InputStream body, boolean awaited) {
      super(body);
      this.awaited = awaited;
    }

    @Override
    public int read() throws IOException {
      byte[] one = new byte[1];
      return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
    }

    @Override
    public int read(byte[] into, int offset, int length) throws IOException {
      if (awaited) {
        awaited = false;
        out.write("HTTP/1.1 100 Continue\r\n\r\n".getBytes(ISO_8859_1));
        out.flush();
      }
      var count = new int[1];
      bodyDeadline.within(limits.stall(), () -> count[0] = in.read(into, offset, length));
      return count[0];
    }
  }

  /**
   * Waits for what the peer sends next while it is being answered, so that a peer that is gone is
   * noticed. What comes stays in the buffer. Begun by whoever has read the body to its end; all
   * else is done by the connection's thread.
   */
  private final class Ahead {
    private volatile @Nullable Thread reading;
    private volatile boolean gone;

    void begin(Runnable whenGone) {
      if (buffer.length() > 0) {
        return; // it has said already what it wants next
      }
      reading =
          Thread.ofVirtual()
              .name(Thread.currentThread().getName() + "-ahead")
              .start(() -> read(whenGone));
    }

    private void read(Runnable whenGone) {
      try {
        gone = buffer.fillBuffer(in) < 0;
      } catch (IOException e) {
        log.debug("peer is gone: reason={}", e.toString());
        gone = true;
      }
      if (gone) {
        whenGone.run();
      }
    }

    /** Until it has come, or the limit for it is over. False: the peer is gone. */
    boolean await() throws IOException {
      var waited = reading;
      if (waited != null) {
        try {
          waited.join();
        } catch (InterruptedException e) {
          Thread.currentThread().interrupt();
          throw new InterruptedIOException("the agent stops");
        }
        reading = null;
      }
      return !gone;
    }
  }

  /** A line goes on in the next one. */
  private static final class FoldedException extends IOException {
    private static final long serialVersionUID = 1;

    FoldedException() {
      super("a line begins with a space, as the rest of another one did in old times");
    }
  }

  /** What is read line by line: no line is the rest of the one before it (RFC 9112, 5.2). */
  private static final class Lines extends SessionInputBufferImpl {
    Lines(int bytes, int maxLine) {
      super(bytes, maxLine);
    }

    @Override
    public int readLine(CharArrayBuffer line, InputStream in) throws IOException {
      int from = line.length();
      int count = super.readLine(line, in);
      if (line.length() > from && Character.isWhitespace(line.charAt(from))) {
        throw new FoldedException();
      }
      return count;
    }
  }

  /** Writes piece by piece, each within its time. */
  private final class Paced extends OutputStream {
    private final OutputStream out;

    Paced(OutputStream out) {
      this.out = out;
    }

    @Override
    public void write(int b) throws IOException {
      write(new byte[] {(byte) b}, 0, 1);
    }

    @Override
    public void write(byte[] bytes, int offset, int length) throws IOException {
      for (int from = offset; from < offset + length; from += Answer.PIECE_BYTES) {
        int begin = from;
        int count = Math.min(Answer.PIECE_BYTES, offset + length - from);
        deadline.within(limits.stall(), () -> out.write(bytes, begin, count));
      }
    }

    @Override
    public void flush() throws IOException {
      deadline.within(limits.stall(), out::flush);
    }
  }
}
