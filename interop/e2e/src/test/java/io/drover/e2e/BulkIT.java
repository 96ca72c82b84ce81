package io.drover.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.OutputStream;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.TestInstance.Lifecycle;
import org.junit.jupiter.api.extension.ExtendWith;

/** Everything at once in both directions: half as fast as it goes, half with slow readers. */
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

  /** After each chunk a slow reader waits this long, so that both ends ask for pauses. */
  private static final Duration SLOWNESS = Duration.ofMillis(10);

  private static final int CHUNK_BYTES = 64 * 1024;
  private static final Duration FREEZE_LIMIT = Duration.ofSeconds(60);

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

    private Transfer(InetSocketAddress forward, boolean down, boolean slow) throws IOException {
      socket = new Socket(forward.getAddress(), forward.getPort());
      thread = Thread.ofVirtual().start(() -> run(down, slow));
    }

    private void run(boolean down, boolean slow) {
      var buffer = new byte[CHUNK_BYTES];
      try {
        while (true) {
          int count = down ? socket.getInputStream().read(buffer) : write(buffer);
          if (count < 0) {
            failure = "ended";
            return;
          }
          bytes.addAndGet(count);
          if (down && slow) {
            Thread.sleep(SLOWNESS);
          }
        }
      } catch (IOException e) {
        if (!closing.get()) {
          failure = e.toString();
        }
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
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

  @WithEachPeer
  void downloadsGoOnBesideUploadsForMinuteAndPingIsAnswered(Installation installation)
      throws Exception {
    var peer = installation.peer();
    var pings = new ArrayList<Double>();
    long moved;
    try (var load = new Load(peer)) {
      var transfers = load.transfers;
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

  /**
   * The same load with the Go agent: the whole session stands still within seconds, and would die
   * after 57 s. If this fails, the test above is no test.
   */
  @Test
  void goAgentStandsStill(ControlPlane plane) throws Exception {
    var remotedialer = Peer.VERSIONS.getFirst();
    var directory = Programs.directory("bulk-go-" + remotedialer);
    try (var peer = Peer.start(directory, remotedialer, Installation.NO_CHECKS)) {
      var imported = plane.apply(peer.manifest(), directory.resolve("pod"));
      try (var _ =
          GoAgent.start(directory, plane, peer.url(), peer.caFile(), Peer.TOKEN, imported)) {
        Await.that(
            "the Go agent is connected",
            Agent.READY_LIMIT,
            () -> peer.sessions(Peer.CLUSTER).size() == 1);
        try (var load = new Load(peer)) {
          var progress = new Progress(load.transfers);
          Await.that(
              "everything stands still",
              FREEZE_LIMIT,
              () -> progress.shortestStandstill().compareTo(STANDSTILL) > 0);
        }
      }
    }
  }

  /** Downloads and uploads, every other with a slow reader at its end. */
  private static final class Load implements AutoCloseable {
    private final AtomicInteger uploads = new AtomicInteger();
    private final Target flood = Target.flood();
    private final Target sink = Target.serving(this::take);
    private final List<Transfer> transfers = new ArrayList<>();

    Load(Peer peer) throws IOException, InterruptedException {
      var down = peer.forward(flood.address());
      var up = peer.forward(sink.address());
      for (int count = 0; count < EACH_WAY; count++) {
        transfers.add(new Transfer(down, true, count % 2 == 0));
        transfers.add(new Transfer(up, false, false));
      }
    }

    private void take(Socket connection) throws IOException, InterruptedException {
      boolean slow = uploads.getAndIncrement() % 2 == 0;
      var buffer = new byte[CHUNK_BYTES];
      while (connection.getInputStream().read(buffer) >= 0) {
        if (slow) {
          Thread.sleep(SLOWNESS);
        }
      }
    }

    @Override
    public void close() throws IOException {
      for (var transfer : transfers) {
        transfer.close();
      }
      flood.close();
      sink.close();
    }
  }

  /** Knows for how long each transfer has stood still. */
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
      look();
      for (int index = 0; index < bytes.length; index++) {
        assertThat(standstill(index))
            .as("transfer %d stands still at %d bytes", index, bytes[index])
            .isLessThan(STANDSTILL);
      }
    }

    /** Of the transfer that moved last. */
    Duration shortestStandstill() {
      look();
      return IntStream.range(0, bytes.length)
          .mapToObj(this::standstill)
          .min(Comparator.naturalOrder())
          .orElseThrow();
    }

    private Duration standstill(int index) {
      return Duration.ofNanos(System.nanoTime() - changedNanos[index]);
    }

    private void look() {
      long now = System.nanoTime();
      for (int index = 0; index < bytes.length; index++) {
        long current = transfers.get(index).bytes.get();
        if (current != bytes[index]) {
          bytes[index] = current;
          changedNanos[index] = now;
        }
      }
    }
  }
}
