package io.drover.steve.http2;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import io.drover.steve.http.Fields;
import io.drover.steve.http.GatheringOutput;
import java.io.ByteArrayOutputStream;
import java.io.Closeable;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.InterruptedIOException;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;
import javax.net.ssl.SSLSocket;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A connection to a server, on which we ask in HTTP/2: many requests at a time, of which none holds
 * up another, since a reader who stands still is sent no more than {@link Http2Stream#WINDOW}. Any
 * thread asks, reads and closes; one of its own takes what comes, and writes nothing but a few
 * bytes in answer.
 */
public final class Http2Connection implements Closeable {
  /** What it is called in TLS. */
  public static final String NAME = "h2";

  /** The most requests at one time, however many the server allows. */
  public static final int MAX_STREAMS = 100;

  /**
   * A connection on which nothing comes for so long ends if nobody uses it. Otherwise the server is
   * asked whether it is there, and has as long for that.
   */
  public static final Duration SILENCE_LIMIT = Duration.ofSeconds(30);

  /** Of the fields of an answer. */
  static final int MAX_FIELD_BYTES = 64 * 1024;

  /** What may be on its way on all of it, in bytes: enough for a fast and far server. */
  static final int WINDOW = 1024 * 1024;

  private static final String PREFACE = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
  private static final int PRIORITY_BYTES = 5;
  private static final Logger log = LoggerFactory.getLogger(Http2Connection.class);

  private final Socket socket;
  private final InputStream in;
  private final GatheringOutput out;
  private final boolean secure;
  private final CountDownLatch begun = new CountDownLatch(1);

  /** Frames are written one after the other, and requests in the order of their numbers. */
  private final ReentrantLock writing = new ReentrantLock();

  private final ReentrantLock lock = new ReentrantLock();

  // Guarded by lock, which may be taken with the other one held, and not the other way round.
  private final Map<Integer, Http2Stream> streams = new HashMap<>();
  private int allowed = MAX_STREAMS;
  private int nextId = 1;
  private boolean leaving;
  private @Nullable IOException ended; // why; null: it has not

  // Of the thread that takes what comes.
  private final byte[] buffer = new byte[2 * (Frame.HEAD_BYTES + Frame.MAX_BYTES)];
  private int from;
  private int to;
  private int received; // of which the server has not been told yet
  private boolean asked; // whether it is there
  private boolean settled;
  private @Nullable Block block; // null: there is none whose end has not come

  /** Fields that come in more than one frame. */
  private record Block(int id, boolean last, ByteArrayOutputStream bytes) {}

  private Http2Connection(Socket socket) throws IOException {
    this.socket = socket;
    this.in = socket.getInputStream();
    this.out = new GatheringOutput(socket.getOutputStream());
    this.secure = socket instanceof SSLSocket;
  }

  /**
   * Begins, and waits until the server does.
   *
   * @param socket connected to one who has agreed to it; closed with this, or if this fails
   * @param name of its thread
   * @param limit for the server to begin
   */
  public static Http2Connection open(Socket socket, String name, Duration limit)
      throws IOException {
    return open(socket, name, limit, SILENCE_LIMIT);
  }

  static Http2Connection open(Socket socket, String name, Duration limit, Duration silence)
      throws IOException {
    var connection = new Http2Connection(socket);
    boolean opened = false;
    try {
      socket.setSoTimeout((int) silence.toMillis());
      connection.greet();
      Thread.ofVirtual().name(name).start(connection::run);
      if (!connection.begun.await(limit.toMillis(), TimeUnit.MILLISECONDS)) {
        throw new IOException("the server does not begin: limit=" + limit);
      }
      connection.requireOpen();
      opened = true;
      return connection;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw (IOException) new InterruptedIOException("the agent stops").initCause(e);
    } finally {
      if (!opened) {
        connection.close();
      }
    }
  }

  private void greet() throws IOException {
    out.write(PREFACE.getBytes(ISO_8859_1));
    var settings = ByteBuffer.allocate(4 * Frame.SETTING_BYTES);
    setting(settings, Frame.HEADER_TABLE_SIZE, 0);
    setting(settings, Frame.ENABLE_PUSH, 0);
    setting(settings, Frame.INITIAL_WINDOW_SIZE, Http2Stream.WINDOW);
    setting(settings, Frame.MAX_HEADER_LIST_SIZE, MAX_FIELD_BYTES);
    write(Frame.SETTINGS, 0, 0, settings.array());
    write(Frame.WINDOW_UPDATE, 0, 0, number(WINDOW - Frame.FIRST_WINDOW));
    out.flush();
  }

  private static void setting(ByteBuffer settings, int which, int value) {
    settings.putShort((short) which).putInt(value);
  }

  private static byte[] number(int value) {
    return ByteBuffer.allocate(Integer.BYTES).putInt(value).array();
  }

  private void requireOpen() throws IOException {
    lock.lock();
    try {
      if (ended != null) {
        throw new IOException(ended.getMessage(), ended);
      }
    } finally {
      lock.unlock();
    }
  }

  /** Whether it has not ended; it may still be full. Does not block. */
  public boolean isOpen() {
    lock.lock();
    try {
      return ended == null;
    } finally {
      lock.unlock();
    }
  }

  /**
   * Asks for something.
   *
   * @param target path and query, which are sent as they are
   * @param fields with a Host, and none that concern one connection only
   * @return empty if another connection has to be asked: this one is full, or has ended
   */
  public Optional<Http2Stream> get(String target, Fields fields) {
    byte[] bytes = FieldBlock.get(secure, target, fields);
    writing.lock();
    try {
      var stream = next();
      if (stream.isPresent()) {
        ask(stream.get().id(), bytes);
      }
      return stream;
    } catch (IOException e) {
      end(e);
      return Optional.empty();
    } finally {
      writing.unlock();
    }
  }

  private Optional<Http2Stream> next() {
    lock.lock();
    try {
      if (ended != null || leaving || streams.size() >= allowed) {
        return Optional.empty();
      }
      var stream = new Http2Stream(this, nextId);
      streams.put(nextId, stream);
      nextId += 2;
      leaving |= nextId < 0; // there are no more numbers
      return Optional.of(stream);
    } finally {
      lock.unlock();
    }
  }

  private void ask(int id, byte[] bytes) throws IOException {
    int type = Frame.HEADERS;
    for (int at = 0; at < bytes.length; at += Frame.MAX_BYTES) {
      int length = Math.min(Frame.MAX_BYTES, bytes.length - at);
      int flags = type == Frame.HEADERS ? Frame.END_STREAM : 0;
      if (at + length == bytes.length) {
        flags |= Frame.END_HEADERS;
      }
      writeHead(length, type, flags, id);
      out.write(bytes, at, length);
      type = Frame.CONTINUATION;
    }
    out.flush();
  }

  private void write(int type, int flags, int id, byte[] content) throws IOException {
    writeHead(content.length, type, flags, id);
    out.write(content, 0, content.length);
  }

  private void writeHead(int length, int type, int flags, int id) throws IOException {
    byte[] head =
        ByteBuffer.allocate(Frame.HEAD_BYTES)
            .putInt((length << Byte.SIZE) | type)
            .put((byte) flags)
            .putInt(id)
            .array();
    out.write(head, 0, head.length);
  }

  private void send(int type, int flags, int id, byte[] content) throws IOException {
    writing.lock();
    try {
      write(type, flags, id, content);
      out.flush();
    } finally {
      writing.unlock();
    }
  }

  /** The server may send so much more of an answer. */
  void allow(int id, int bytes) throws IOException {
    send(Frame.WINDOW_UPDATE, 0, id, number(bytes));
  }

  /** The same; if that fails, reading will. */
  void allowQuietly(int id, int bytes) {
    try {
      allow(id, bytes);
    } catch (IOException e) {
      end(e);
    }
  }

  /** Nobody wants more of an answer. */
  void leave(Http2Stream stream) {
    if (remove(stream.id()) && !stream.isEnded()) {
      try {
        send(Frame.RST_STREAM, 0, stream.id(), number(Frame.CANCEL));
      } catch (IOException e) {
        end(e);
      }
    }
    closeIfLeft();
  }

  private boolean remove(int id) {
    lock.lock();
    try {
      return streams.remove(id) != null;
    } finally {
      lock.unlock();
    }
  }

  /** Nothing new may begin on it, and all else is over. */
  private void closeIfLeft() {
    boolean left;
    lock.lock();
    try {
      left = leaving && streams.isEmpty();
    } finally {
      lock.unlock();
    }
    if (left) {
      end(new IOException("the server ends the connection"));
    }
  }

  private void run() {
    var why = new IOException("the connection failed");
    try {
      while (true) {
        take();
      }
    } catch (IOException e) {
      why = e;
    } finally {
      end(why);
      begun.countDown();
    }
  }

  /** Ends every answer that has not come whole, once. */
  private void end(IOException why) {
    List<Http2Stream> left;
    lock.lock();
    try {
      if (ended != null) {
        return;
      }
      ended = why;
      left = new ArrayList<>(streams.values());
      streams.clear();
    } finally {
      lock.unlock();
    }
    log.debug("connection ended: answers={} reason={}", left.size(), why.toString());
    left.forEach(stream -> stream.fail(why));
    try {
      out.close(socket);
    } catch (IOException e) {
      log.debug("connection not closed: reason={}", e.toString());
    }
  }

  /** Ends it, and all that is asked on it. */
  @Override
  public void close() {
    end(new IOException("the agent stops"));
  }

  private void take() throws IOException {
    need(Frame.HEAD_BYTES);
    var head = ByteBuffer.wrap(buffer, from, Frame.HEAD_BYTES);
    int first = head.getInt();
    int length = first >>> Byte.SIZE;
    int type = first & 0xff;
    int flags = head.get();
    int id = head.getInt() & Integer.MAX_VALUE;
    if (length > Frame.MAX_BYTES) {
      throw new IOException("a frame is longer than is allowed: bytes=" + length);
    }
    need(Frame.HEAD_BYTES + length);
    int at = from + Frame.HEAD_BYTES;
    from += Frame.HEAD_BYTES + length;
    if (!settled && type != Frame.SETTINGS) {
      throw new IOException("the server does not speak HTTP/2");
    }
    if ((block != null) != (type == Frame.CONTINUATION)) {
      throw new IOException("fields are cut off by something else");
    }
    take(type, flags, id, at, length);
  }

  private void take(int type, int flags, int id, int at, int length) throws IOException {
    switch (type) {
      case Frame.DATA -> data(flags, id, at, length);
      case Frame.HEADERS -> headers(flags, id, at, length);
      case Frame.CONTINUATION -> continued(flags, id, at, length);
      case Frame.RST_STREAM -> reset(id, number(at, length));
      case Frame.SETTINGS -> settings(flags, at, length);
      case Frame.PING -> {
        if ((flags & Frame.ACK) == 0) {
          send(Frame.PING, Frame.ACK, 0, content(at, length));
        }
      }
      case Frame.GOAWAY -> goAway(number(at, length) & Integer.MAX_VALUE);
      case Frame.PUSH_PROMISE -> throw new IOException("something is sent that nobody wants");
      default -> {} // the size of windows that we do not fill, and what is not known
    }
  }

  /** Until so many bytes are there. */
  private void need(int bytes) throws IOException {
    if (from == to) {
      from = 0;
      to = 0;
    }
    while (to - from < bytes) {
      if (to == buffer.length) {
        System.arraycopy(buffer, from, buffer, 0, to - from);
        to -= from;
        from = 0;
      }
      try {
        int count = in.read(buffer, to, buffer.length - to);
        if (count < 0) {
          throw new EOFException("the server ends the connection");
        }
        to += count;
        asked = false;
      } catch (SocketTimeoutException e) {
        silent(e);
      }
    }
  }

  /** Nothing has come for a while. */
  private void silent(SocketTimeoutException e) throws IOException {
    lock.lock();
    try {
      if (streams.isEmpty()) {
        leaving = true; // under the same lock, so that nobody begins
      }
    } finally {
      lock.unlock();
    }
    closeIfLeft();
    if (asked) {
      throw new IOException("the server is silent", e);
    }
    asked = true;
    // Not here: on a path that is cut, writing may take longer than what is left to wait.
    Thread.ofVirtual().name(Thread.currentThread().getName() + "-ping").start(this::ping);
  }

  private void ping() {
    try {
      send(Frame.PING, 0, 0, new byte[Long.BYTES]);
    } catch (IOException e) {
      end(e);
    }
  }

  private byte[] content(int at, int length) {
    byte[] content = new byte[length];
    System.arraycopy(buffer, at, content, 0, length);
    return content;
  }

  private int number(int at, int length) throws IOException {
    if (length < Integer.BYTES) {
      throw new IOException("a frame is too short");
    }
    return ByteBuffer.wrap(buffer, at, length).getInt();
  }

  private @Nullable Http2Stream stream(int id) throws IOException {
    lock.lock();
    try {
      if (id % 2 == 0 || (id >= nextId && nextId > 0)) {
        throw new IOException("an answer to nothing that was asked");
      }
      return streams.get(id);
    } finally {
      lock.unlock();
    }
  }

  private int padding(int flags, int at, int length) throws IOException {
    if ((flags & Frame.PADDED) == 0) {
      return 0;
    }
    int padding = length == 0 ? 0 : buffer[at] & 0xff;
    if (padding >= length) {
      throw new IOException("a frame is nothing but padding");
    }
    return padding + 1;
  }

  private void data(int flags, int id, int at, int length) throws IOException {
    int padding = padding(flags, at, length);
    int skipped = (flags & Frame.PADDED) == 0 ? 0 : 1;
    received += length;
    if (received >= WINDOW / 2) {
      // Whether or not it is read: how much may be held is said for each answer.
      send(Frame.WINDOW_UPDATE, 0, 0, number(received));
      received = 0;
    }
    var stream = stream(id);
    if (stream != null) {
      boolean last = (flags & Frame.END_STREAM) != 0;
      stream.data(buffer, at + skipped, length - padding, padding, last);
      leaveIfOver(stream);
    }
  }

  private void headers(int flags, int id, int at, int length) throws IOException {
    int padding = padding(flags, at, length);
    int skipped = (flags & Frame.PADDED) == 0 ? 0 : 1;
    int priority = (flags & Frame.PRIORITY) == 0 ? 0 : PRIORITY_BYTES;
    if (length < padding + priority) {
      throw new IOException("a frame is too short");
    }
    block = new Block(id, (flags & Frame.END_STREAM) != 0, new ByteArrayOutputStream());
    continued(flags, id, at + skipped + priority, length - padding - priority);
  }

  private void continued(int flags, int id, int at, int length) throws IOException {
    var begun = block;
    if (begun == null || begun.id() != id) {
      throw new IOException("fields are cut off by something else");
    }
    if (begun.bytes().size() + length > MAX_FIELD_BYTES) {
      throw new IOException("the fields of an answer are longer than " + MAX_FIELD_BYTES);
    }
    begun.bytes().write(buffer, at, length);
    if ((flags & Frame.END_HEADERS) == 0) {
      return;
    }
    block = null;
    var stream = stream(id);
    if (stream != null) {
      stream.fields(FieldBlock.read(begun.bytes().toByteArray()), begun.last());
      leaveIfOver(stream);
    }
  }

  private void leaveIfOver(Http2Stream stream) {
    if (stream.isOver()) {
      leave(stream);
    }
  }

  private void reset(int id, int code) throws IOException {
    var stream = stream(id);
    if (stream == null) {
      return;
    }
    lock.lock();
    try {
      streams.remove(id);
      if (code == Frame.REFUSED_STREAM) {
        allowed = Math.min(allowed, streams.size()); // until it says otherwise
      }
    } finally {
      lock.unlock();
    }
    stream.fail(new IOException("the server ends the answer: code=" + code));
    closeIfLeft();
  }

  private void settings(int flags, int at, int length) throws IOException {
    if ((flags & Frame.ACK) != 0) {
      return;
    }
    var settings = ByteBuffer.wrap(buffer, at, length);
    while (settings.remaining() >= Frame.SETTING_BYTES) {
      int which = settings.getShort();
      long value = Integer.toUnsignedLong(settings.getInt());
      if (which == Frame.MAX_CONCURRENT_STREAMS) {
        lock.lock();
        try {
          allowed = (int) Math.min(MAX_STREAMS, value);
        } finally {
          lock.unlock();
        }
      }
    }
    send(Frame.SETTINGS, Frame.ACK, 0, new byte[0]);
    settled = true;
    begun.countDown();
  }

  /** The server takes nothing new, and what was asked after that one it has not looked at. */
  private void goAway(int lastId) {
    var unseen = new ArrayList<Http2Stream>();
    lock.lock();
    try {
      leaving = true;
      streams.values().stream().filter(stream -> stream.id() > lastId).forEach(unseen::add);
      unseen.forEach(stream -> streams.remove(stream.id()));
    } finally {
      lock.unlock();
    }
    unseen.forEach(stream -> stream.fail(new IOException("the server takes no more requests")));
    closeIfLeft();
  }
}
