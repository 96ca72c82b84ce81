package io.drover.e2e;

import java.io.DataInputStream;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.time.Duration;
import java.util.Arrays;
import java.util.concurrent.atomic.AtomicLong;

/** A live stream: sends a few bytes to an echo, waits for them, and so on until it is closed. */
final class Echo implements AutoCloseable {
  /** A stream that answers less often than that is not alive. */
  private static final Duration LIMIT = Duration.ofSeconds(60);

  private static final Duration BETWEEN = Duration.ofMillis(20);
  private static final int BYTES = 64;

  private final Socket socket;
  private final Thread thread;
  private final AtomicLong rounds = new AtomicLong();
  private final AtomicLong slowestNanos = new AtomicLong();
  private volatile String failure = "";
  private volatile boolean closing;

  private Echo(Socket socket, int seed) {
    this.socket = socket;
    this.thread = Thread.ofVirtual().name("echo-" + seed).start(() -> run(seed));
  }

  /** Opens one through a forward to an echo target. */
  static Echo open(InetSocketAddress forward, int seed) throws IOException {
    var socket = new Socket(forward.getAddress(), forward.getPort());
    socket.setTcpNoDelay(true);
    socket.setSoTimeout((int) LIMIT.toMillis());
    return new Echo(socket, seed);
  }

  private void run(int seed) {
    byte[] sent = Payload.random(seed, BYTES);
    var received = new byte[BYTES];
    try (socket) {
      var in = new DataInputStream(socket.getInputStream());
      while (!closing) {
        long startNanos = System.nanoTime();
        socket.getOutputStream().write(sent);
        in.readFully(received);
        if (!Arrays.equals(sent, received)) {
          failure = "other bytes came back";
          return;
        }
        rounds.incrementAndGet();
        slowestNanos.accumulateAndGet(System.nanoTime() - startNanos, Math::max);
        Thread.sleep(BETWEEN);
      }
    } catch (IOException e) {
      failure = e.toString();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** How often its bytes came back. */
  long rounds() {
    return rounds.get();
  }

  /** The longest wait for an answer since the last call. */
  Duration slowest() {
    return Duration.ofNanos(slowestNanos.getAndSet(0));
  }

  /** Why it ended by itself; empty while all is well. */
  String failure() {
    return failure;
  }

  /** Waits for the next answer, which shows that it is alive. */
  void awaitRound(Duration limit) throws InterruptedException {
    long before = rounds();
    Await.that(
        "stream answers (" + thread.getName() + ")",
        limit,
        () -> {
          if (!failure.isEmpty()) {
            throw new IOException(failure);
          }
          return rounds() > before;
        });
  }

  /** Lets the round under way end. */
  @Override
  public void close() {
    closing = true;
    try {
      thread.join(Duration.ofSeconds(5));
      socket.close();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } catch (IOException e) {
      failure = e.toString();
    }
  }
}
