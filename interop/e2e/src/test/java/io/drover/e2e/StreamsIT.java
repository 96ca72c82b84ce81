package io.drover.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.security.MessageDigest;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.TestInstance.Lifecycle;
import org.junit.jupiter.api.extension.ExtendWith;

/** Streams that get into each other's way, or should not. */
@Tag("interop")
@Order(3)
@ExtendWith(WithControlPlane.class)
@TestInstance(Lifecycle.PER_CLASS)
final class StreamsIT {
  private static final int LIVE = 50;
  private static final int REFUSALS = 20;
  private static final Duration ANSWER_LIMIT = Duration.ofSeconds(5);
  private static final Duration DUPLEX = Duration.ofSeconds(10);
  private static final int STALLED_BYTES = 32 * Payload.MIB;

  private final List<Installation> installations = new ArrayList<>();

  @BeforeAll
  void install(ControlPlane plane) throws IOException, InterruptedException {
    installations.addAll(
        Installation.startAll(plane, "streams", Installation.ALLOW_LOCAL, Installation.NO_CHECKS));
  }

  @AfterEach
  void nothingIsLeft() throws IOException, InterruptedException {
    for (var installation : installations) {
      Await.that(
          "all streams are closed: " + installation,
          Duration.ofSeconds(10),
          () -> installation.agent().openStreams() == 0);
      assertThat(installation.agent().sessions()).as("sessions").isEqualTo(1);
    }
  }

  @AfterAll
  void close() {
    installations.forEach(Installation::close);
  }

  List<Installation> installations() {
    return installations;
  }

  @WithEachPeer
  void refusedDialsHurtNoOther(Installation installation) throws Exception {
    var peer = installation.peer();
    // Bound and not listening: refused, and nobody else can get the port meanwhile.
    try (var target = Target.echo();
        var closed = new Socket()) {
      closed.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
      var closedPort = "127.0.0.1:" + closed.getLocalPort();
      var live = live(peer, target, LIVE);

      for (int count = 0; count < REFUSALS; count++) {
        var refused = peer.dial("tcp", closedPort);
        assertThat(refused.path("error").asText()).contains("connection refused");
        assertThat(refused.path("timedOut").asBoolean()).isFalse();
      }
      assertThat(peer.dial("unix", "/var/run/docker.sock").path("error").asText())
          .contains("connect not allowed");

      stillAlive(live);
    }
    assertThat(installation.agent().metric("dial_failures_total", "cluster"))
        .isGreaterThanOrEqualTo(REFUSALS);
  }

  @WithEachPeer
  void stalledReaderHoldsUpNoOtherAndLosesNothing(Installation installation) throws Exception {
    var peer = installation.peer();
    byte[] content = Payload.random(5, STALLED_BYTES);
    try (var echo = Target.echo();
        var source = Target.source(content);
        var stalled = connect(peer.forward(source.address()))) {
      var in = stalled.getInputStream();
      assertThat(in.read()).isEqualTo(content[0] & 0xff);
      var live = live(peer, echo, LIVE);

      stillAlive(live);

      var sum = Payload.sha256();
      sum.update(content[0]);
      long received = 1 + digest(in, sum, content.length - 1);
      assertThat(received).isEqualTo(content.length);
      assertThat(HexFormat.of().formatHex(sum.digest())).isEqualTo(Payload.sha256(content));
    }
  }

  @WithEachPeer
  void stalledTargetHoldsUpNoOtherAndLosesNothing(Installation installation) throws Exception {
    var peer = installation.peer();
    byte[] content = Payload.random(6, STALLED_BYTES);
    var resume = new CountDownLatch(1);
    var received = new CompletableFuture<String>();
    try (var echo = Target.echo();
        var stalled =
            Target.serving(
                connection -> {
                  resume.await();
                  var sum = Payload.sha256();
                  digest(connection.getInputStream(), sum, content.length);
                  received.complete(HexFormat.of().formatHex(sum.digest()));
                });
        var socket = connect(peer.forward(stalled.address()))) {
      var writer = Thread.ofVirtual().start(() -> write(socket, content));
      var live = live(peer, echo, LIVE);

      stillAlive(live);
      assertThat(writer.isAlive()).as("the writer is held up").isTrue();

      resume.countDown();
      assertThat(received.get(30, TimeUnit.SECONDS)).isEqualTo(Payload.sha256(content));
    }
  }

  /** With Go on both ends the writer falls silent for good, mostly within 0.3 s. */
  @WithEachPeer
  void writerIsNeverSilentBesideFloodWithStalls(Installation installation) throws Exception {
    var longestNanos = new AtomicLong();
    var heard = new AtomicLong();
    byte[] flood = Payload.random(7, 64 * 1024);
    try (var target =
            Target.serving(
                connection -> {
                  Thread.ofVirtual().start(() -> hear(connection, longestNanos, heard));
                  while (!connection.isClosed()) {
                    connection.getOutputStream().write(flood);
                  }
                });
        var socket = connect(installation.peer().forward(target.address()))) {
      var writer = Thread.ofVirtual().start(() -> whisper(socket));
      var in = socket.getInputStream();
      var buffer = new byte[256 * 1024];
      long flooded = 0;
      for (long end = System.nanoTime() + DUPLEX.toNanos(); System.nanoTime() - end < 0; ) {
        flooded += Math.max(0, in.read(buffer));
        Thread.sleep(Duration.ofMillis(40)); // the stall is the load
      }

      assertThat(writer.isAlive()).as("the writer goes on").isTrue();
      assertThat(Duration.ofNanos(longestNanos.get())).isLessThan(Duration.ofSeconds(1));
      assertThat(heard.get()).isGreaterThan(10_000);
      assertThat(flooded).isGreaterThan(10 * Payload.MIB);
    }
  }

  /** 10 bytes every 0.2 ms. */
  private static void whisper(Socket socket) {
    try {
      while (true) {
        socket.getOutputStream().write(new byte[10]);
        LockSupport.parkNanos(200_000);
      }
    } catch (IOException e) {
      // The test is over.
    }
  }

  private static void hear(Socket connection, AtomicLong longestNanos, AtomicLong heard) {
    var buffer = new byte[1024];
    try {
      var in = connection.getInputStream();
      long last = System.nanoTime();
      for (int count = in.read(buffer); count >= 0; count = in.read(buffer)) {
        long now = System.nanoTime();
        longestNanos.accumulateAndGet(now - last, Math::max);
        heard.addAndGet(count);
        last = now;
      }
    } catch (IOException e) {
      // The test is over.
    }
  }

  private static List<Echo> live(Peer peer, Target target, int count)
      throws IOException, InterruptedException {
    var forward = peer.forward(target.address());
    var live = new ArrayList<Echo>();
    for (int seed = 0; seed < count; seed++) {
      live.add(Echo.open(forward, seed));
    }
    for (var stream : live) {
      stream.awaitRound(ANSWER_LIMIT);
      assertThat(stream.slowest()).isPositive();
    }
    return live;
  }

  /** Each of them answers now, did so all the time, and is closed. */
  private static void stillAlive(List<Echo> live) throws InterruptedException {
    for (var stream : live) {
      stream.awaitRound(ANSWER_LIMIT);
    }
    for (var stream : live) {
      stream.close();
      assertThat(stream.failure()).isEmpty();
      assertThat(stream.slowest()).isLessThan(Duration.ofSeconds(1));
    }
  }

  private static Socket connect(InetSocketAddress address) throws IOException {
    return new Socket(address.getAddress(), address.getPort());
  }

  /** Reads {@code length} bytes, or fewer if the stream ends. */
  private static long digest(InputStream in, MessageDigest sum, long length) throws IOException {
    var buffer = new byte[64 * 1024];
    long total = 0;
    while (total < length) {
      int count = in.read(buffer, 0, (int) Math.min(buffer.length, length - total));
      if (count < 0) {
        break;
      }
      sum.update(buffer, 0, count);
      total += count;
    }
    return total;
  }

  private static void write(Socket socket, byte[] content) {
    try {
      socket.getOutputStream().write(content);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
