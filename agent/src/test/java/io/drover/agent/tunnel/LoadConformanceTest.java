package io.drover.agent.tunnel;

import static org.assertj.core.api.Assertions.assertThat;

import io.drover.proto.tunnel.Message.Close;
import io.drover.proto.tunnel.Message.Data;
import io.drover.proto.tunnel.Message.Pause;
import io.drover.proto.tunnel.Message.Resume;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Many streams at once, under pauses at random, to the last byte. */
@Timeout(180)
class LoadConformanceTest {
  private static final int STREAMS = 500;
  private static final int STREAM_BYTES = 4 * 1024 * 1024;
  private static final int CHUNK_BYTES = 16 * 1024;
  private static final int SENDERS = 4;

  /**
   * Chunks on their way there and back: 16 MiB. More, and a busy machine may take so long to hand
   * our Pause to the sender that the limit of all streams together is passed before it heeds it.
   */
  private static final int CHUNKS_ON_THEIR_WAY = 1_024;

  /**
   * The server's side of one stream. It heeds our Pause as it must; it pauses us at random and, as
   * a Go server does, forgets that when it is answered with Resume.
   */
  private static final class Stream {
    final Random content;
    final MessageDigest sent = sha256();
    final MessageDigest heard = sha256();
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition resumed = lock.newCondition();
    private boolean paused;
    private int leftBytes = STREAM_BYTES;
    private long heardBytes;

    Stream(long seed) {
      content = new Random(seed);
    }

    void pause(boolean pause) {
      lock.lock();
      try {
        paused = pause;
        resumed.signalAll();
      } finally {
        lock.unlock();
      }
    }

    boolean isPaused() {
      lock.lock();
      try {
        return paused;
      } finally {
        lock.unlock();
      }
    }

    private static MessageDigest sha256() {
      try {
        return MessageDigest.getInstance("SHA-256");
      } catch (NoSuchAlgorithmException e) {
        throw new IllegalStateException(e);
      }
    }
  }

  @Test
  void echoes4MiBOnEachOf500StreamsUnderRandomPauses() throws Exception {
    try (var server = ScriptedServer.start();
        var backend = Backend.echo();
        var tunnel = TestTunnel.start(server)) {
      var peer = server.open();
      var onTheirWay = new Semaphore(CHUNKS_ON_THEIR_WAY);
      Map<Long, Stream> streams = new ConcurrentHashMap<>();
      for (long id = 2; id < 2 + STREAMS; id++) {
        streams.put(id, new Stream(id));
      }
      var done = new CountDownLatch(STREAMS);
      var pauses = new Random(1);
      peer.onMessage(
          message -> {
            switch (message) {
              case Data(var id, var payload) -> {
                var stream = java.util.Objects.requireNonNull(streams.get(id));
                long before = stream.heardBytes / CHUNK_BYTES;
                stream.heardBytes += payload.remaining();
                onTheirWay.release((int) (stream.heardBytes / CHUNK_BYTES - before));
                stream.heard.update(payload.duplicate());
                if (stream.heardBytes == STREAM_BYTES) {
                  done.countDown();
                } else if (pauses.nextInt(200) == 0) {
                  send(peer, new Pause(id));
                }
              }
              case Pause(var id) -> java.util.Objects.requireNonNull(streams.get(id)).pause(true);
              case Resume(var id) -> java.util.Objects.requireNonNull(streams.get(id)).pause(false);
              default -> throw new IllegalStateException("not expected: " + message);
            }
          });

      for (long id = 2; id < 2 + STREAMS; id++) {
        peer.send(backend.connect(id));
      }
      for (int sender = 0; sender < SENDERS; sender++) {
        int first = sender;
        Thread.ofVirtual().start(() -> sendAll(peer, streams, first, onTheirWay));
      }

      assertThat(done.await(150, TimeUnit.SECONDS)).as("all came back").isTrue();
      for (var stream : streams.values()) {
        assertThat(stream.heard.digest()).isEqualTo(stream.sent.digest());
      }
      assertThat(tunnel.client().reading().totals().pauses()).isPositive();
      for (long id : streams.keySet()) {
        peer.send(new Close(id, Close.END_OF_FILE));
      }
      tunnel.awaitNoStreams();
      TestTunnel.eventually("nothing queued", () -> tunnel.client().reading().queuedBytes() == 0);
    }
  }

  /** Chunk by chunk in turn; a stream that is paused is passed over. */
  private static void sendAll(
      ScriptedServer.Peer peer, Map<Long, Stream> streams, int first, Semaphore onTheirWay) {
    var chunk = new byte[CHUNK_BYTES];
    boolean all = false;
    while (!all) {
      all = true;
      boolean sentAny = false;
      for (long id = 2L + first; id < 2 + STREAMS; id += SENDERS) {
        var stream = java.util.Objects.requireNonNull(streams.get(id));
        if (stream.leftBytes == 0) {
          continue;
        }
        all = false;
        if (!stream.isPaused()) {
          stream.content.nextBytes(chunk);
          stream.sent.update(chunk);
          stream.leftBytes -= CHUNK_BYTES;
          onTheirWay.acquireUninterruptibly();
          send(peer, new Data(id, ByteBuffer.wrap(chunk)));
          sentAny = true;
        }
      }
      if (!all && !sentAny) {
        awaitAnyResume(streams, first);
      }
    }
  }

  private static void awaitAnyResume(Map<Long, Stream> streams, int first) {
    for (long id = 2L + first; id < 2 + STREAMS; id += SENDERS) {
      var stream = java.util.Objects.requireNonNull(streams.get(id));
      if (stream.leftBytes > 0) {
        stream.lock.lock();
        try {
          while (stream.paused) {
            stream.resumed.awaitUninterruptibly();
          }
        } finally {
          stream.lock.unlock();
        }
        return;
      }
    }
  }

  private static void send(ScriptedServer.Peer peer, io.drover.proto.tunnel.Message message) {
    try {
      peer.send(message);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
