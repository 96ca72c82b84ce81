package io.drover.agent.kube;

import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/**
 * An answer's body that ends with an error when the time is over, when nothing has come for too
 * long, or when more comes than is allowed. The HTTP client bounds none of them. One thread reads.
 */
final class LimitedStream extends FilterInputStream {
  private final Duration limit;
  private final Duration silence;
  private final long startNanos = System.nanoTime();
  private final CountDownLatch closed = new CountDownLatch(1);
  private volatile long lastNanos = startNanos;
  private volatile String expired = "";
  private long allowed = Long.MAX_VALUE;

  /**
   * Starts the clock.
   *
   * @param limit for the whole body
   * @param silence for the next byte
   */
  LimitedStream(InputStream body, Duration limit, Duration silence) {
    super(body);
    this.limit = limit;
    this.silence = silence;
    Thread.ofVirtual().name("body-limit").start(this::endWhenOver);
  }

  /** So much more may come, give or take what has been read ahead; at first, any amount. */
  void allow(int bytes) {
    allowed = bytes;
  }

  private void endWhenOver() {
    try {
      while (true) {
        long now = System.nanoTime();
        long left = limit.toNanos() - (now - startNanos);
        long silenceLeft = silence.toNanos() - (now - lastNanos);
        if (left <= 0 || silenceLeft <= 0) {
          expired =
              left <= 0
                  ? "not read to its end within " + limit.toSeconds() + " s"
                  : "nothing came for " + silence.toSeconds() + " s";
          in.close();
          return;
        }
        if (closed.await(Math.min(left, silenceLeft), TimeUnit.NANOSECONDS)) {
          return;
        }
      }
    } catch (IOException _) {
      // Closed is closed.
    } catch (InterruptedException _) {
      Thread.currentThread().interrupt();
    }
  }

  @Override
  public int read() throws IOException {
    byte[] one = new byte[1];
    return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
  }

  @Override
  public int read(byte[] into, int offset, int length) throws IOException {
    int count;
    try {
      count = in.read(into, offset, length);
    } catch (IOException e) {
      throw expired.isEmpty() ? e : new ApiReader.TimedOutException(expired, e);
    }
    if (!expired.isEmpty()) {
      throw new ApiReader.TimedOutException(expired, new IOException("closed"));
    }
    lastNanos = System.nanoTime();
    allowed -= Math.max(0, count);
    if (allowed < 0) {
      throw new Body.UnreadableException("has an object that is too large");
    }
    return count;
  }

  @Override
  public void close() throws IOException {
    closed.countDown();
    in.close();
  }
}
