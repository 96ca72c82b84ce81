package io.drover.agent.tunnel;

import static org.assertj.core.api.Assertions.assertThat;

import io.drover.agent.tunnel.ScriptedServer.Peer;
import io.drover.proto.tunnel.Message;
import io.drover.proto.tunnel.Message.Close;
import io.drover.proto.tunnel.Message.Data;
import io.drover.proto.tunnel.Message.Pause;
import io.drover.proto.tunnel.Message.Resume;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.Socket;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Table 6.4 of the protocol's specification; its section 3.6 is what these tests are about. */
@Timeout(120)
class FlowControlConformanceTest {
  private static final byte[] CHUNK = new byte[65_536];

  private final ManualTimer timer = new ManualTimer();

  private static void flood(Socket socket) throws IOException {
    while (true) {
      socket.getOutputStream().write(CHUNK);
    }
  }

  private static void await(CountDownLatch latch) throws IOException {
    try {
      latch.await();
    } catch (InterruptedException e) {
      throw new IOException(e);
    }
  }

  private static void send(Peer peer, Message message) {
    try {
      peer.send(message);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /**
   * Floods a stream whose local socket is not read, until the client asks for a pause and keeps to
   * it: at first the kernel may take more, only slowly, and the client takes its word back. Pause
   * may come twice, if two threads have to say something at one time.
   */
  private static long floodUntilPaused(Peer peer, long streamId) throws Exception {
    long sentBytes = 0;
    while (true) {
      peer.sendData(streamId, CHUNK);
      sentBytes += CHUNK.length;
      Message last = new Resume(streamId);
      for (var said : peer.barrier()) {
        assertThat(said).isIn(new Pause(streamId), new Resume(streamId));
        last = said;
      }
      if (last instanceof Pause && keepsToIt(peer, streamId)) {
        return sentBytes;
      }
    }
  }

  /** For a second or, since each round goes through the client, longer if the machine is busy. */
  private static boolean keepsToIt(Peer peer, long streamId) throws Exception {
    for (int round = 0; round < 100; round++) {
      var next = peer.poll(Duration.ofMillis(10));
      var said = next == null ? peer.barrier() : List.of(next);
      assertThat(said).isSubsetOf(new Pause(streamId), new Resume(streamId));
      if (!said.isEmpty() && said.getLast() instanceof Resume) {
        return false;
      }
    }
    return true;
  }

  private static void read(Socket socket, long bytes) throws IOException {
    socket.getInputStream().skipNBytes(bytes);
  }

  /** Like a Go server whose reader is stuck: every Data of the stream is answered with Pause. */
  private static final class FullStream {
    final LinkedBlockingQueue<Integer> probes = new LinkedBlockingQueue<>();
    final AtomicInteger pauses = new AtomicInteger();
    final AtomicInteger resumes = new AtomicInteger();
    final LinkedBlockingQueue<Message> others = new LinkedBlockingQueue<>();
    private final Peer peer;
    private final long streamId;
    volatile boolean full = true;

    FullStream(Peer peer, long streamId) {
      this.peer = peer;
      this.streamId = streamId;
      peer.onMessage(this::onMessage);
    }

    private void onMessage(Message message) {
      switch (message) {
        case Data(var id, var payload) when id == streamId -> {
          if (!full) {
            others.add(message);
            return;
          }
          if (resumes.get() > 0) {
            probes.add(payload.remaining()); // before that, it was in flight
          }
          if (resumes.get() == pauses.get()) {
            pauses.incrementAndGet();
            send(peer, new Pause(streamId));
          }
        }
        case Resume(var id) when id == streamId -> resumes.incrementAndGet();
        default -> others.add(message);
      }
    }

    int nextProbe() throws InterruptedException {
      var bytes = probes.poll(ScriptedServer.LIMIT.toSeconds(), TimeUnit.SECONDS);
      assertThat(bytes).as("probe").isNotNull();
      return java.util.Objects.requireNonNull(bytes);
    }
  }

  @Test
  void p1PausesOnceAboveTheHighMarkAndResumesBelowTheLowOne() throws Exception {
    try (var server = ScriptedServer.start();
        var backend = Backend.start();
        var tunnel = TestTunnel.start(server)) {
      var peer = server.open();
      peer.send(backend.connect(2));
      var local = backend.accept();

      long sentBytes = floodUntilPaused(peer, 2);

      assertThat(peer.barrier()).as("once").isEmpty();
      assertThat(tunnel.client().reading().queuedBytes())
          .isBetween((long) BufferBudget.MAX_HIGH_WATER, BufferBudget.MAX_HIGH_WATER + 200_000L);
      read(local, sentBytes);
      assertThat(peer.expect(Resume.class).streamId()).isEqualTo(2);
      assertThat(peer.barrier()).as("once").isEmpty();
    }
  }

  @Test
  void theReaderRestsForStreamsThatStandStillAndNotForThoseThatAreRead() throws Exception {
    try (var server = ScriptedServer.start();
        var silent = Backend.start();
        var echo = Backend.echo();
        var _ = TestTunnel.start(server, timer)) {
      var peer = server.open();
      int streams = 4; // each with what a local socket takes, and a part of what makes readers rest
      for (long id = 2; id < 2 + streams; id++) {
        peer.send(silent.connect(id));
      }
      for (int sent = 0; timer.sleeps() == 0; sent += CHUNK.length) {
        assertThat(sent).isLessThan(ReceiveBuffer.LIMIT_BYTES);
        for (long id = 2; id < 2 + streams; id++) {
          peer.sendData(id, CHUNK);
        }
        peer.barrier();
      }

      peer.send(echo.connect(9));
      int rests = timer.sleeps();
      peer.sendData(9, "through");
      assertThat(peer.expectText(9, 7)).isEqualTo("through");
      assertThat(timer.sleeps()).isEqualTo(rests);
    }
  }

  @Test
  void p2HoldsAPausedStreamAndNoOther() throws Exception {
    try (var server = ScriptedServer.start();
        var flooding = Backend.serving(FlowControlConformanceTest::flood);
        var echo = Backend.echo();
        var _ = TestTunnel.start(server)) {
      var peer = server.open();
      var stream = new FullStream(peer, 2);
      peer.send(flooding.connect(2));

      for (int i = 0; i < 3; i++) {
        assertThat(stream.nextProbe()).isLessThanOrEqualTo(Outbox.PROBE_BYTES);
      }
      for (int i = 0; i < 3; i++) {
        assertThat(stream.nextProbe()).isEqualTo(1);
      }
      peer.send(echo.connect(3));
      peer.sendData(3, "x");

      assertThat(stream.others.poll(30, TimeUnit.SECONDS))
          .isInstanceOfSatisfying(Data.class, data -> assertThat(data.streamId()).isEqualTo(3));
      assertThat(stream.pauses.get() - stream.resumes.get())
          .as("a Resume for every Pause, but perhaps the last")
          .isBetween(0, 1);
      stream.full = false;
      assertThat(stream.others.poll(30, TimeUnit.SECONDS)).as("goes on").isInstanceOf(Data.class);
    }
  }

  @Test
  void p3ProbesOneByteASecondForTenMinutes() throws Exception {
    try (var server = ScriptedServer.start();
        var flooding = Backend.serving(FlowControlConformanceTest::flood);
        var tunnel = TestTunnel.start(server, timer)) {
      var peer = server.open();
      peer.answerPings(false);
      peer.passOverLists();
      peer.send(flooding.connect(2));
      peer.await(Data.class);
      peer.send(new Pause(2));
      peer.await(Resume.class);
      peer.barrier();

      for (int second = 0; second < 600; second++) {
        timer.advance(Duration.ofSeconds(1));
        int probeBytes = peer.expect(Data.class).payload().remaining();
        if (second < Outbox.FULL_PROBES) {
          // As much as was read from the local socket in one go, which is not ours to say.
          assertThat(probeBytes).isBetween(2, Outbox.PROBE_BYTES);
        } else {
          assertThat(probeBytes).isEqualTo(1);
        }

        peer.send(new Pause(2)); // before the pong, as Go does it
        peer.expect(Resume.class);
        do {
          peer.expectPing();
          peer.sendFrame(ScriptedServer.PONG, new byte[0]);
          assertThat(peer.barrier()).isEmpty();
        } while (peer.hasPing());
      }

      // The tenth list of streams, of 2.4 KB, may be on its way still.
      TestTunnel.eventually(
          "no more than a lane is queued",
          () -> tunnel.client().reading().queuedBytes() <= Outbox.LANE_BYTES);
    }
  }

  @Test
  void p4ReleasesAStreamWhenThePongComesFirst() throws Exception {
    try (var server = ScriptedServer.start();
        var flooding = Backend.serving(FlowControlConformanceTest::flood);
        var _ = TestTunnel.start(server, timer)) {
      var peer = server.open();
      peer.send(flooding.connect(2));
      peer.await(Data.class);
      peer.send(new Pause(2));
      peer.await(Resume.class);
      assertThat(peer.barrier()).as("held").isEmpty();
      while (peer.hasPing()) {
        peer.expectPing(); // those that went along with the data
      }
      peer.answerPings(false);

      timer.advance(Outbox.FIRST_PROBE);
      // As large as what was read in one go, up to that.
      assertThat(peer.expect(Data.class).payload().remaining()).isBetween(1, Outbox.PROBE_BYTES);
      peer.expectPing();
      assertThat(peer.barrier()).as("held until the pong").isEmpty();
      peer.answerPings(true);
      peer.sendFrame(ScriptedServer.PONG, new byte[0]);

      for (int i = 0; i < 100; i++) {
        peer.await(Data.class);
      }
    }
  }

  @Test
  void p5ResumeReleasesAtOnce() throws Exception {
    try (var server = ScriptedServer.start();
        var flooding = Backend.serving(FlowControlConformanceTest::flood);
        var _ = TestTunnel.start(server, timer)) {
      var peer = server.open();
      peer.send(flooding.connect(2));
      peer.await(Data.class);
      peer.send(new Pause(2));
      peer.await(Resume.class);
      assertThat(peer.barrier()).isEmpty();

      peer.send(new Resume(2));

      for (int i = 0; i < 100; i++) {
        peer.await(Data.class);
      }
    }
  }

  @Test
  void p8EndingAHeldStreamLeavesNothing() throws Exception {
    try (var server = ScriptedServer.start();
        var flooding = Backend.serving(FlowControlConformanceTest::flood);
        var tunnel = TestTunnel.start(server)) {
      var peer = server.open();
      for (long id = 2; id < 1_002; id++) {
        peer.send(flooding.connect(id));
        var data = peer.await(Data.class);
        while (data.streamId() != id) {
          data = peer.await(Data.class);
        }
        peer.send(new Pause(id));
        if (id % 2 == 0) {
          peer.await(Resume.class);
        }
        peer.send(new Close(id, "EOF"));
      }

      tunnel.awaitNoStreams();
      peer.barrier();
      TestTunnel.eventually("nothing queued", () -> tunnel.client().reading().queuedBytes() == 0);
    }
  }

  @Test
  void p9TakesResumeAndPauseAtAnyTime() throws Exception {
    try (var server = ScriptedServer.start();
        var backend = Backend.echo();
        var _ = TestTunnel.start(server)) {
      var peer = server.open();
      peer.send(new Pause(2));
      peer.send(new Resume(2));
      peer.send(backend.connect(2));
      peer.send(new Resume(2));
      assertThat(peer.barrier()).isEmpty();
      peer.send(new Pause(2));
      peer.send(new Pause(2));
      assertThat(peer.barrier()).containsExactly(new Resume(2), new Resume(2));

      peer.sendData(2, "hello"); // the echo is the probe, which the pong confirms

      assertThat(peer.expectText(2, 5)).isEqualTo("hello");
      peer.sendData(2, "again");
      assertThat(peer.expectText(2, 5)).isEqualTo("again");
    }
  }

  @Test
  void p10EndsAStreamOfAPeerThatDoesNotHeedPauses() throws Exception {
    try (var server = ScriptedServer.start();
        var stuck = Backend.start();
        var echo = Backend.echo();
        var tunnel = TestTunnel.start(server)) {
      var peer = server.open();
      peer.send(stuck.connect(2));
      stuck.accept();
      long mostBytes = 0;

      for (int i = 0; i < 1_600; i++) {
        peer.sendData(2, CHUNK);
        mostBytes = Math.max(mostBytes, tunnel.client().reading().queuedBytes());
      }

      assertThat(peer.await(Close.class)).isEqualTo(new Close(2, "receive buffer limit"));
      assertThat(mostBytes).isLessThanOrEqualTo(ReceiveBuffer.LIMIT_BYTES + 1024 * 1024);
      peer.barrier();
      peer.send(echo.connect(3));
      peer.sendData(3, "alive");
      assertThat(peer.expectText(3, 5)).isEqualTo("alive");
    }
  }

  /** What is still written of streams that the peer has ended takes memory like all else. */
  @Test
  void p10EndsTheGreediestThoughThePeerHasEndedItAlready() throws Exception {
    int greedyBytes = 11 * 1024 * 1024;
    try (var server = ScriptedServer.start();
        var stuck = Backend.start();
        var tunnel = TestTunnel.start(server)) {
      var peer = server.open();
      long queuedBytes = 0;
      for (long id = 2; id < 6; id++) {
        queuedBytes += greedyBytes;
        peer.send(stuck.connect(id));
        stuck.accept();
        while (tunnel.client().reading().queuedBytes() < queuedBytes) {
          peer.sendData(id, CHUNK);
          peer.barrier();
        }
        peer.send(new Close(id, "EOF"));
      }
      peer.send(stuck.connect(6));
      stuck.accept();

      while (tunnel.dialsLeft() == 0) {
        peer.sendData(6, CHUNK);
        assertThat(peer.barrier()).doesNotHaveAnyElementsOfTypes(Close.class);
      }

      var ended = tunnel.takeDial();
      assertThat(ended.streamId()).isLessThan(6);
      assertThat(ended.reason()).isEqualTo("receive buffer limit");
    }
  }

  @Test
  void p11AHeldWriteCanBeCutOff() throws Exception {
    var failed = new CountDownLatch(1);
    Backend.Service writing =
        socket -> {
          try {
            flood(socket);
          } catch (IOException e) {
            failed.countDown();
            throw e;
          }
        };
    try (var server = ScriptedServer.start();
        var backend = Backend.serving(writing);
        var tunnel = TestTunnel.start(server, timer)) {
      var peer = server.open();
      peer.send(backend.connect(2));
      peer.await(Data.class);
      peer.send(new Pause(2));
      peer.await(Resume.class);
      assertThat(peer.barrier()).isEmpty();
      assertThat(failed.getCount()).isEqualTo(1);

      peer.send(new Close(2, "EOF"));

      assertThat(failed.await(30, TimeUnit.SECONDS)).isTrue();
      tunnel.awaitNoStreams();
    }
  }

  @Test
  void p12BothEndsPausedOnOneStreamDoNotLockUp() throws Exception {
    var talk = new CountDownLatch(1);
    var listen = new CountDownLatch(1);
    var heard = new AtomicLong();
    Backend.Service both =
        socket -> {
          Thread.ofVirtual()
              .start(
                  () -> {
                    try {
                      await(talk);
                      flood(socket);
                    } catch (IOException e) {
                      // The stream has ended.
                    }
                  });
          await(listen);
          var chunk = new byte[CHUNK.length];
          for (int read = 0; read >= 0; read = socket.getInputStream().read(chunk)) {
            heard.addAndGet(read);
          }
        };
    try (var server = ScriptedServer.start();
        var backend = Backend.serving(both);
        var _ = TestTunnel.start(server)) {
      var peer = server.open();
      peer.send(backend.connect(2));
      long sentBytes = floodUntilPaused(peer, 2);
      peer.send(new Pause(2));
      assertThat(peer.barrier()).as("a Resume would free what we have just stopped").isEmpty();
      talk.countDown();

      peer.sendFrame(ScriptedServer.PING, new byte[] {1});
      assertThat(peer.expectPong()).isNotNull();
      assertThat(peer.barrier()).as("held both ways").isEmpty();
      listen.countDown();

      assertThat(peer.expect(Resume.class).streamId()).isEqualTo(2);
      for (int i = 0; i < 100; i++) {
        peer.await(Data.class);
      }
      TestTunnel.eventually("all is delivered", () -> heard.get() == sentBytes);
    }
  }

  // A Go peer forgets our Pause as soon as it reads. Then it says nothing more when it has room,
  // and
  // a target that reads on only when it has been heard would wait for ever.
  @Test
  void p12APeerThatHasForgottenOurPauseHearsATargetOut() throws Exception {
    int answerBytes = 3 * Outbox.UNCONFIRMED_BYTES;
    var talk = new CountDownLatch(1);
    Backend.Service talksBeforeItReads =
        socket -> {
          await(talk);
          for (int written = 0; written < answerBytes; written += CHUNK.length) {
            socket.getOutputStream().write(CHUNK);
          }
          socket.getInputStream().transferTo(OutputStream.nullOutputStream());
        };
    try (var server = ScriptedServer.start();
        var backend = Backend.serving(talksBeforeItReads);
        var _ = TestTunnel.start(server)) {
      var peer = server.open();
      peer.send(backend.connect(2));
      floodUntilPaused(peer, 2);
      var paused = new AtomicBoolean(true);
      var heard = new AtomicLong();
      peer.onMessage(
          message -> {
            if (message instanceof Data(_, var payload)) {
              heard.addAndGet(payload.remaining());
              if (paused.getAndSet(false)) {
                send(peer, new Resume(2)); // and has forgotten
              }
            } else if (message instanceof Pause) {
              paused.set(true);
            }
          });

      talk.countDown();

      TestTunnel.eventually("all is heard", () -> heard.get() == answerBytes);
    }
  }

  @Test
  void p13OutlivesAPeerThatStandsStillFor13Seconds() throws Exception {
    try (var server = ScriptedServer.start();
        var backend = Backend.echo();
        var tunnel = TestTunnel.start(server, timer)) {
      var peer = server.open();
      peer.answerPings(false);
      peer.send(backend.connect(2));
      tunnel.awaitDials(1);

      peer.stopReading();
      timer.advance(Duration.ofSeconds(13));
      peer.goOn();

      peer.sendData(2, "nothing lost");
      assertThat(peer.expectText(2, 12)).isEqualTo("nothing lost");
      assertThat(tunnel.client().reading().totals().sessions()).isEqualTo(1);
    }
  }

  // The reader thread says Pause and a stream's writer says Resume: whatever the order in which
  // they come to speak, the last word must be the right one, or the peer is held for ever.
  @Test
  void theLastWordToThePeerIsRight() throws Exception {
    var heard = new AtomicLong();
    Backend.Service reading =
        socket -> {
          var chunk = new byte[CHUNK.length];
          for (int read = 0; read >= 0; read = socket.getInputStream().read(chunk)) {
            heard.addAndGet(read);
          }
        };
    try (var server = ScriptedServer.start();
        var backend = Backend.serving(reading);
        var tunnel = TestTunnel.start(server)) {
      var peer = server.open();
      var lastWord = new AtomicReference<Message>(new Resume(2));
      peer.onMessage(lastWord::set);
      peer.send(backend.connect(2));
      long sentBytes = 0;
      for (int round = 0; round < 100; round++) {
        for (int i = 0; i < 32; i++) {
          peer.sendData(2, CHUNK);
          sentBytes += CHUNK.length;
        }
        long expected = sentBytes;
        TestTunnel.eventually("all is delivered", () -> heard.get() == expected);
        TestTunnel.eventually("all is said", () -> tunnel.client().reading().queuedBytes() == 0);
        TestTunnel.eventually("Resume", () -> lastWord.get() instanceof Resume);
      }
    }
  }
}
