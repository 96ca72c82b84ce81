package io.drover.server.peer;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.ScheduledExecutorService;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The asking end of a stream; the other one is written by the test. */
@Timeout(60)
@SuppressWarnings("NullAway.Init") // connect() sets everything
class PeerStreamTest {
  private final ScheduledExecutorService timer = Executors.newSingleThreadScheduledExecutor();
  private final CountDownLatch ended = new CountDownLatch(1);
  private Socket other;
  private DataOutputStream toStream;
  private PeerStream stream;

  @BeforeEach
  void connect() throws Exception {
    try (var listener = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      var socket = new Socket(listener.getInetAddress(), listener.getLocalPort());
      other = listener.accept();
      toStream = new DataOutputStream(other.getOutputStream());
      stream =
          new PeerStream(
              1,
              socket,
              new DataInputStream(socket.getInputStream()),
              socket.getOutputStream(),
              timer,
              _ -> ended.countDown());
      stream.start();
    }
  }

  @AfterEach
  void close() throws Exception {
    stream.abort("the test is over");
    other.close();
    timer.shutdownNow();
  }

  private void piece(byte[] bytes) throws IOException {
    toStream.writeInt(bytes.length);
    toStream.write(bytes);
  }

  private void end(String reason) throws IOException {
    toStream.writeInt(0);
    toStream.writeInt(reason.length());
    toStream.writeBytes(reason);
  }

  @Test
  void bytesGoBothWaysUntilTheEnd() throws Exception {
    stream.output().write("ask".getBytes(US_ASCII));
    assertThat(other.getInputStream().readNBytes(3)).asString(US_ASCII).isEqualTo("ask");
    piece("answer".getBytes(US_ASCII));
    end("");

    assertThat(stream.input().readAllBytes()).asString(US_ASCII).isEqualTo("answer");
    ended.await();
    assertThat(stream.isOpen()).isFalse();
    assertThat(stream.failure()).isEmpty();
  }

  @Test
  void endIsKnownWhileNobodyReads() throws Exception {
    assertThat(stream.isOpen()).isTrue();

    end("dial tcp: no such host");

    ended.await();
    assertThat(stream.isOpen()).isFalse();
    assertThat(stream.failure()).contains("dial tcp: no such host");
    assertThatThrownBy(() -> stream.input().read()).hasMessage("dial tcp: no such host");
  }

  @Test
  void connectionThatBreaksIsNotTakenForTheEnd() throws Exception {
    piece("half".getBytes(US_ASCII));
    other.close();
    ended.await();

    assertThat(stream.input().readNBytes(4)).asString(US_ASCII).isEqualTo("half");
    assertThatThrownBy(() -> stream.input().read())
        .isInstanceOf(IOException.class)
        .hasMessageContaining("connection to the other server broke");
  }

  @Test
  void noMoreIsReadAheadThanTheLimit() throws Exception {
    byte[] bytes = new byte[Frames.MAX_PIECE_BYTES];
    int pieces = 200; // more than the kernel takes, else nobody would have to wait
    Future<?> writing;
    try (var threads = Executors.newVirtualThreadPerTaskExecutor()) {
      writing =
          threads.submit(
              () -> {
                for (int i = 0; i < pieces; i++) {
                  piece(bytes);
                }
                end("");
                return 0;
              });
      while (stream.unreadBytes() < PeerStream.MAX_UNREAD_BYTES) {
        Thread.onSpinWait();
      }
      long read = 0;
      byte[] target = new byte[10_000];
      for (int count = stream.input().read(target); count >= 0; ) {
        read += count;
        assertThat(stream.unreadBytes()).isLessThanOrEqualTo(PeerStream.MAX_UNREAD_BYTES);
        count = stream.input().read(target);
      }
      assertThat(read).isEqualTo((long) pieces * bytes.length);
    }
    writing.get();
  }

  @Test
  void abortWakesWhoeverReads() throws Exception {
    try (var threads = Executors.newVirtualThreadPerTaskExecutor()) {
      var reading = threads.submit(() -> stream.input().read());

      try (var _ = stream.abortAfter(Duration.ofMillis(50), "too late")) {
        assertThatThrownBy(reading::get).hasRootCauseMessage("too late");
      }
    }
    ended.await();
    assertThat(other.getInputStream().read()).isEqualTo(-1);
  }

  @Test
  void closedStreamHandsOverWhatWasWritten() throws Exception {
    stream.output().write("the last words".getBytes(US_ASCII));

    stream.close();

    assertThat(other.getInputStream().readAllBytes())
        .asString(US_ASCII)
        .isEqualTo("the last words");
    assertThatThrownBy(() -> stream.input().read()).hasMessage(PeerStream.CLOSED);
    assertThat(stream.isOpen()).isFalse();
    other.close();
    ended.await();
  }
}
