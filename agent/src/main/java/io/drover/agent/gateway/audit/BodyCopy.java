package io.drover.agent.gateway.audit;

import io.drover.steve.http.Fields;
import java.io.ByteArrayOutputStream;
import java.io.FilterInputStream;
import java.io.FilterOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.util.Locale;

/**
 * One body as it went by, to be recorded behind its end: the whole of it, or why it is not. Bytes
 * go on whatever becomes of the copy. One thread adds; any thread ends it, after which nothing is
 * added.
 */
final class BodyCopy {
  /**
   * Of one body; a longer one is left out. Source: kube-apiserver's {@code
   * --audit-webhook-truncate-max-event-size}, which leaves out bodies too.
   */
  static final int MAX_BYTES = 102_400;

  /** In memory at one time, at the end: its pieces, the whole, its text, the event with it. */
  static final int COPIES = 6;

  private static final String JSON = "application/json";
  private static final String APPLY = "application/apply-patch+yaml"; // kubectl's is JSON

  private final BodyBudget budget;
  private final boolean mayBeJson;
  private final boolean omitsManagedFields;

  // Guarded by this.
  private ByteArrayOutputStream bytes = new ByteArrayOutputStream(0);
  private long taken;
  private boolean ended;
  private JsonBody left = JsonBody.NOTHING; // why nothing more is copied

  /**
   * Nothing is copied yet.
   *
   * @param fields of the head before it, which say what it is
   */
  BodyCopy(Fields fields, boolean omitsManagedFields, BodyBudget budget) {
    this.budget = budget;
    this.mayBeJson = mayBeJson(fields);
    this.omitsManagedFields = omitsManagedFields;
  }

  /** What has no type is read as JSON by the API server. */
  private static boolean mayBeJson(Fields fields) {
    var types = fields.every("Content-Type");
    if (types.size() > 1 || fields.has("Content-Encoding")) {
      return false;
    }
    return types.isEmpty() || isJson(types.getFirst().split(";", 2)[0].strip());
  }

  private static boolean isJson(String type) {
    String known = type.toLowerCase(Locale.ROOT);
    return known.equals(JSON)
        || known.equals(APPLY)
        || (known.startsWith("application/") && known.endsWith("+json"));
  }

  private synchronized void add(byte[] piece, int offset, int length) {
    if (ended || !left.equals(JsonBody.NOTHING) || length <= 0) {
      return;
    }
    if (!mayBeJson) {
      left = JsonBody.NOT_JSON;
    } else if (bytes.size() + length > MAX_BYTES) {
      leave(JsonBody.TOO_LONG);
    } else if (budget.take((long) length * COPIES)) {
      taken += (long) length * COPIES;
      bytes.write(piece, offset, length);
    } else {
      leave(JsonBody.NO_ROOM);
    }
  }

  private void leave(JsonBody why) {
    left = why;
    bytes = new ByteArrayOutputStream(0);
    budget.giveBack(taken);
    taken = 0;
  }

  /** What there is of it. The memory stays taken until {@link #close}. */
  synchronized JsonBody end() {
    ended = true;
    if (!left.equals(JsonBody.NOTHING) || bytes.size() == 0) {
      return left;
    }
    return JsonBody.of(bytes.toByteArray(), omitsManagedFields);
  }

  /** Gives back its memory. */
  synchronized void close() {
    ended = true;
    leave(left);
  }

  /** The same body, copied as it is read. */
  InputStream copied(InputStream from) {
    return new FilterInputStream(from) {
      @Override
      public int read() throws IOException {
        int one = super.read();
        if (one >= 0) {
          add(new byte[] {(byte) one}, 0, 1);
        }
        return one;
      }

      @Override
      public int read(byte[] piece, int offset, int length) throws IOException {
        int count = super.read(piece, offset, length);
        add(piece, offset, count);
        return count;
      }
    };
  }

  /** The same, copied as it is written. */
  OutputStream copied(OutputStream to) {
    return new FilterOutputStream(to) {
      @Override
      public void write(int one) throws IOException {
        out.write(one);
        add(new byte[] {(byte) one}, 0, 1);
      }

      @Override
      public void write(byte[] piece, int offset, int length) throws IOException {
        out.write(piece, offset, length);
        add(piece, offset, length);
      }

      // Nothing but that: to close an answer says that it is whole.
      @Override
      public void close() throws IOException {
        out.close();
      }
    };
  }
}
