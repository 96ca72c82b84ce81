package io.drover.steve.http2;

import io.drover.steve.http.Fields;
import io.drover.steve.http.UpstreamConnection;
import io.drover.steve.http.UpstreamConnection.Head;
import java.io.Closeable;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.InterruptedIOException;
import java.net.HttpURLConnection;
import java.util.Objects;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.BooleanSupplier;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * One request on a connection, and its answer. The connection's thread puts what comes, and never
 * waits here; one other thread reads, and any may close, which wakes it. Waits have no limit.
 */
public final class Http2Stream implements Closeable {
  /** What the server may send ahead of the reader, in bytes: the most that is held here. */
  public static final int WINDOW = 32 * 1024;

  /** Interim answers (103) that are skipped before the real one. */
  static final int MAX_INTERIM = 10;

  private static final String STATUS = ":status";
  private static final Pattern THREE_DIGITS = Pattern.compile("[1-9][0-9]{2}");
  private static final Pattern LENGTH = Pattern.compile("[0-9]{1,18}");

  private final Http2Connection connection;
  private final int id;
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition changed = lock.newCondition();

  // Guarded by lock.
  private final ByteRing held = new ByteRing(WINDOW);
  private @Nullable Head head; // null: it has not come yet
  private @Nullable IOException failed; // null: it has not
  private int interim;
  private long missing = UpstreamConnection.UNKNOWN;
  private int taken; // of what the server has not been told yet that there is room again
  private boolean ended;
  private boolean closed;

  Http2Stream(Http2Connection connection, int id) {
    this.connection = connection;
    this.id = id;
  }

  int id() {
    return id;
  }

  /** Waits for the head of the answer, whose body comes as it is read. */
  public Head answer() throws IOException {
    lock.lock();
    try {
      await(() -> head != null);
      return Objects.requireNonNull(head);
    } finally {
      lock.unlock();
    }
  }

  /** Fails if that will not be. */
  private void await(BooleanSupplier there) throws IOException {
    while (!there.getAsBoolean()) {
      if (closed) {
        throw new IOException("the answer is not wanted any more");
      }
      if (failed != null) {
        throw new IOException(failed.getMessage(), failed);
      }
      try {
        changed.await();
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw (IOException) new InterruptedIOException("the agent stops").initCause(e);
      }
    }
  }

  /** What has come of the body and is not read yet, in bytes. */
  public int waiting() {
    lock.lock();
    try {
      return held.count();
    } finally {
      lock.unlock();
    }
  }

  private int read(byte[] into, int offset, int length) throws IOException {
    if (length == 0) {
      return 0;
    }
    int count;
    int room;
    lock.lock();
    try {
      await(() -> held.count() > 0 || ended);
      if (held.count() == 0) {
        return -1;
      }
      count = held.take(into, offset, length);
      room = taken(count);
    } finally {
      lock.unlock();
    }
    if (room > 0) {
      connection.allow(id, room);
    }
    return count;
  }

  /** How much more the server may be told to send: nothing, or a good part of the window. */
  private int taken(int count) {
    taken += count;
    if (taken < WINDOW / 2 || ended) {
      return 0;
    }
    int room = taken;
    taken = 0;
    return room;
  }

  /** Fields that have come. Malformed ones fail it. */
  void fields(Fields fields, boolean last) {
    lock.lock();
    try {
      if (head == null) {
        var found = head(fields, last);
        if (found == null && ++interim > MAX_INTERIM) {
          throw malformed("too many interim answers: limit=" + MAX_INTERIM);
        }
        head = found;
      } else if (!last) {
        throw malformed("fields in the middle of a body");
      } // else trailers, which end here
      if (last) {
        end();
      }
      changed.signalAll();
    } catch (IOException e) {
      fail(e);
    } finally {
      lock.unlock();
    }
  }

  private static IOException malformed(String why) {
    return new IOException("answer not understood: " + why);
  }

  /** Null: an interim one. */
  private @Nullable Head head(Fields fields, boolean last) throws IOException {
    var statuses = fields.every(STATUS);
    if (statuses.size() != 1 || !THREE_DIGITS.matcher(statuses.getFirst()).matches()) {
      throw malformed("no status");
    }
    int status = Integer.parseInt(statuses.getFirst());
    if (status < HttpURLConnection.HTTP_OK) {
      if (last || status == 101) {
        throw malformed("an interim answer that is none");
      }
      return null;
    }
    var passed = new Fields();
    for (var field : fields.all()) {
      if (FieldBlock.isName(field.name())) {
        passed.add(field.name(), field.value());
      } else if (!field.name().equals(STATUS)) {
        throw malformed("an odd name of a field");
      }
    }
    var lengths = passed.every("content-length");
    if (lengths.size() > 1
        || (lengths.size() == 1 && !LENGTH.matcher(lengths.getFirst()).matches())) {
      throw malformed("the length of the body is ambiguous");
    }
    boolean hasBody =
        status != HttpURLConnection.HTTP_NO_CONTENT
            && status != HttpURLConnection.HTTP_NOT_MODIFIED;
    long length = UpstreamConnection.UNKNOWN;
    if (!hasBody) {
      length = 0;
    } else if (!lengths.isEmpty()) {
      length = Long.parseLong(lengths.getFirst());
    }
    missing = length;
    return new Head(status, passed, length, new Body(), false);
  }

  /**
   * A part of the body that has come. More than is allowed, or was said, fails it.
   *
   * @param padding that came with it, and counts as it does
   */
  void data(byte[] bytes, int offset, int length, int padding, boolean last) {
    int room = 0;
    lock.lock();
    try {
      if (closed) {
        return;
      }
      if (head == null) {
        throw malformed("a body without a head");
      }
      if (missing != UpstreamConnection.UNKNOWN) {
        missing -= length;
        if (missing < 0) {
          throw malformed("the body is longer than was said");
        }
      }
      if (!held.put(bytes, offset, length)) {
        throw malformed("more is sent than was allowed: limit=" + WINDOW);
      }
      room = taken(padding);
      if (last) {
        end();
      }
      changed.signalAll();
    } catch (IOException e) {
      fail(e);
    } finally {
      lock.unlock();
    }
    if (room > 0) {
      connection.allowQuietly(id, room);
    }
  }

  private void end() throws IOException {
    if (missing > 0) {
      throw new EOFException("the body is shorter than was said: missing=" + missing);
    }
    ended = true;
  }

  /** It does not go on; what has come is still there. */
  void fail(IOException why) {
    lock.lock();
    try {
      if (failed == null && !ended) {
        failed = why;
        changed.signalAll();
      }
    } finally {
      lock.unlock();
    }
  }

  /** Whether nothing more will come that anybody wants. */
  boolean isOver() {
    lock.lock();
    try {
      return ended || closed || failed != null;
    } finally {
      lock.unlock();
    }
  }

  /** Whether the server has said all it has to. */
  boolean isEnded() {
    lock.lock();
    try {
      return ended;
    } finally {
      lock.unlock();
    }
  }

  /** Ends it, at the server too. */
  @Override
  public void close() {
    lock.lock();
    try {
      closed = true;
      held.clear();
      changed.signalAll();
    } finally {
      lock.unlock();
    }
    connection.leave(this);
  }

  /** What the server says. */
  private final class Body extends InputStream {
    @Override
    public int read() throws IOException {
      byte[] one = new byte[1];
      return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
    }

    @Override
    public int read(byte[] into, int offset, int length) throws IOException {
      return Http2Stream.this.read(into, offset, length);
    }

    @Override
    public int available() {
      return waiting();
    }
  }
}
