package io.drover.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.DataInputStream;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.Executors;
import java.util.concurrent.Semaphore;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;

/**
 * Streams that are opened while the agent lists those it knows, once a minute. Both Go ends between
 * them close some of those streams.
 */
@Tag("interop")
@Order(1)
@ExtendWith(WithControlPlane.class)
@Execution(ExecutionMode.CONCURRENT)
final class ChurnIT {
  /** Two lists, and a bit. */
  private static final Duration LOAD = Duration.ofSeconds(130);

  private static final Duration BETWEEN_STREAMS = Duration.ofMillis(2);
  private static final int AT_ONCE = 64;
  private static final int FORWARDS = 4;
  private static final int LONG_LIVED = 20;
  private static final int LIMIT_MILLIS = 10_000;

  @Test
  void noStreamIsTakenForDead(ControlPlane plane) throws Exception {
    try (var installation =
            Installation.start(
                plane,
                "churn",
                Peer.VERSIONS.getFirst(),
                Installation.ALLOW_LOCAL,
                Installation.NO_CHECKS);
        var echo = Target.echo()) {
      var peer = installation.peer();
      var forwards = new ArrayList<InetSocketAddress>();
      for (int count = 0; count < FORWARDS; count++) {
        forwards.add(peer.forward(echo.address()));
      }
      var live = new ArrayList<Echo>();
      for (int seed = 0; seed < LONG_LIVED; seed++) {
        live.add(Echo.open(forwards.getFirst(), seed));
      }

      var failures = new ConcurrentLinkedQueue<String>();
      long opened = churn(forwards, failures);

      System.out.printf(
          "%s: %d streams in %d s, %s%n",
          installation, opened, LOAD.toSeconds(), installation.agent().memory());
      assertThat(failures).isEmpty();
      assertThat(opened).isGreaterThan(100 * LOAD.toSeconds());
      for (var stream : live) {
        stream.awaitRound(Duration.ofSeconds(5));
        stream.close();
      }
      assertThat(peer.process().errorLines()).noneMatch(line -> line.contains("sync from client"));
      Await.that(
          "all streams are closed",
          Duration.ofSeconds(10),
          () -> installation.agent().openStreams() == 0);
      assertThat(installation.agent().sessions()).isEqualTo(1);
    }
  }

  private static long churn(List<InetSocketAddress> forwards, Queue<String> failures)
      throws InterruptedException {
    long opened = 0;
    var room = new Semaphore(AT_ONCE);
    try (var threads = Executors.newVirtualThreadPerTaskExecutor()) {
      long start = System.nanoTime();
      for (long next = start; next - start < LOAD.toNanos(); next += BETWEEN_STREAMS.toNanos()) {
        LockSupport.parkNanos(next - System.nanoTime());
        if (System.nanoTime() - start > LOAD.toNanos() || !failures.isEmpty()) {
          break;
        }
        room.acquire();
        long number = opened++;
        threads.execute(
            () -> {
              try {
                once(forwards.get((int) (number % FORWARDS)), number);
              } catch (IOException e) {
                failures.add("stream " + number + ": " + e);
              } finally {
                room.release();
              }
            });
      }
    }
    return opened;
  }

  /** Opens a stream, gets its bytes back, and closes it. */
  private static void once(InetSocketAddress forward, long number) throws IOException {
    byte[] sent = Payload.random((int) number, 16);
    var received = new byte[sent.length];
    try (var socket = new Socket(forward.getAddress(), forward.getPort())) {
      socket.setSoTimeout(LIMIT_MILLIS);
      socket.getOutputStream().write(sent);
      new DataInputStream(socket.getInputStream()).readFully(received);
      if (!Arrays.equals(sent, received)) {
        throw new IOException("other bytes came back");
      }
    }
  }
}
