package io.drover.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.OutputStream;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.TestInstance.Lifecycle;
import org.junit.jupiter.api.extension.ExtendWith;

/** Everything at once, as fast as it goes, in both directions. */
@Tag("interop")
@Order(4)
@ExtendWith(WithControlPlane.class)
@TestInstance(Lifecycle.PER_CLASS)
final class BulkIT {
  private static final Duration LOAD = Duration.ofSeconds(60);
  private static final Duration BETWEEN_PINGS = Duration.ofMillis(500);
  private static final double PING_LIMIT_MILLIS = 1_000;
  private static final int EACH_WAY = 4;

  /** No stream may stand still for so long. */
  private static final Duration STANDSTILL = Duration.ofSeconds(5);

  private final List<Installation> installations = new ArrayList<>();

  @BeforeAll
  void install(ControlPlane plane) throws IOException, InterruptedException {
    installations.addAll(
        Installation.startAll(plane, "bulk", Installation.ALLOW_LOCAL, Installation.NO_CHECKS));
  }

  @AfterAll
  void close() {
    installations.forEach(Installation::close);
  }

  List<Installation> installations() {
    return installations;
  }

  /** One bulk transfer: how far it is, and why it ended. */
  private static final class Transfer implements AutoCloseable {
    private final Socket socket;
    private final Thread thread;
    private final AtomicLong bytes = new AtomicLong();
    private final AtomicBoolean closing = new AtomicBoolean();
    private volatile String failure = "";

    private Transfer(InetSocketAddress forward, boolean down) throws IOException {
      socket = new Socket(forward.getAddress(), forward.getPort());
      thread = Thread.ofVirtual().start(() -> run(down));
    }

    private void run(boolean down) {
      var buffer = new byte[64 * 1024];
      try {
        while (true) {
          int count = down ? socket.getInputStream().read(buffer) : write(buffer);
          if (count < 0) {
            failure = "ended";
            return;
          }
          bytes.addAndGet(count);
        }
      } catch (IOException e) {
        if (!closing.get()) {
          failure = e.toString();
        }
      }
    }

    private int write(byte[] buffer) throws IOException {
      OutputStream out = socket.getOutputStream();
      out.write(buffer);
      return buffer.length;
    }

    @Override
    public void close() throws IOException {
      closing.set(true);
      socket.close();
      try {
        thread.join();
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
    }
  }

  /** With the Go agent the whole session stands still within seconds, and dies after 57 s. */
  @WithEachPeer
  void downloadsGoOnBesideUploadsForMinuteAndPingIsAnswered(Installation installation)
      throws Exception {
    var peer = installation.peer();
    var pings = new ArrayList<Double>();
    long moved;
    try (var flood = Target.flood();
        var sink = Target.sink()) {
      var transfers = new ArrayList<Transfer>();
      var downloads = peer.forward(flood.address());
      var uploads = peer.forward(sink.address());
      for (int count = 0; count < EACH_WAY; count++) {
        transfers.add(new Transfer(downloads, true));
        transfers.add(new Transfer(uploads, false));
      }

      var progress = new Progress(transfers);
      for (long end = System.nanoTime() + LOAD.toNanos(); System.nanoTime() - end < 0; ) {
        var ping = peer.ping();
        assertThat(ping.path("status").asInt()).as("ping: %s", ping).isEqualTo(200);
        pings.add(ping.path("millis").asDouble());
        progress.check();
        Thread.sleep(BETWEEN_PINGS);
      }

      moved = transfers.stream().mapToLong(transfer -> transfer.bytes.get()).sum();
      for (var transfer : transfers) {
        assertThat(transfer.failure).isEmpty();
        transfer.close();
      }
    }
    System.out.printf(
        "%s: %d MiB/s, slowest ping %.0f ms, %s%n",
        installation,
        moved / Payload.MIB / LOAD.toSeconds(),
        pings.stream().mapToDouble(Double::doubleValue).max().orElseThrow(),
        installation.agent().memory());
    assertThat(pings).hasSizeGreaterThan(30).allMatch(millis -> millis <= PING_LIMIT_MILLIS);
    assertThat(installation.agent().sessions()).isEqualTo(1);
    assertThat(peer.events("session-closed")).isEmpty();
    Await.that(
        "all streams are closed",
        Duration.ofSeconds(10),
        () -> installation.agent().openStreams() == 0);
  }

  /** Fails as soon as one of the transfers stands still for {@link #STANDSTILL}. */
  private static final class Progress {
    private final List<Transfer> transfers;
    private final long[] bytes;
    private final long[] changedNanos;

    Progress(List<Transfer> transfers) {
      this.transfers = List.copyOf(transfers);
      this.bytes = new long[transfers.size()];
      this.changedNanos = new long[transfers.size()];
      Arrays.fill(changedNanos, System.nanoTime());
    }

    void check() {
      long now = System.nanoTime();
      for (int index = 0; index < bytes.length; index++) {
        long current = transfers.get(index).bytes.get();
        if (current != bytes[index]) {
          bytes[index] = current;
          changedNanos[index] = now;
        }
        assertThat(Duration.ofNanos(now - changedNanos[index]))
            .as("transfer %d stands still at %d bytes", index, current)
            .isLessThan(STANDSTILL);
      }
    }
  }
}
