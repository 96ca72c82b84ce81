package io.drover.steve.kube;

import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/** An answer's body that ends with an error when nothing has come for too long. */
final class LimitedBody extends FilterInputStream {
  /** How often we look within the time in which something must come. */
  private static final int LOOKS = 6;

  private final Duration silence;
  private final CountDownLatch closed = new CountDownLatch(1);
  private volatile long waitsSinceNanos;
  private volatile boolean waits;
  private volatile boolean expired;

  /** Starts to look, in a virtual thread of its own. */
  LimitedBody(InputStream body, Duration silence) {
    super(body);
    this.silence = silence;
    Thread.ofVirtual().name("explorer-body").start(this::look);
  }

  /** Only a reader that waits counts: one that does not read holds the API server back. */
  private void look() {
    try {
      while (!closed.await(silence.toMillis() / LOOKS, TimeUnit.MILLISECONDS)) {
        if (waits && System.nanoTime() - waitsSinceNanos > silence.toNanos()) {
          expired = true;
          in.close();
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
    waitsSinceNanos = System.nanoTime();
    waits = true;
    try {
      int count = in.read(into, offset, length);
      if (expired) {
        throw silent();
      }
      return count;
    } catch (IOException e) {
      throw expired ? silent() : e;
    } finally {
      waits = false;
    }
  }

  private IOException silent() {
    return new IOException("nothing came from the API server for " + silence.toSeconds() + " s");
  }

  @Override
  public void close() throws IOException {
    closed.countDown();
    in.close();
  }
}
