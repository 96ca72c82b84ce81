package io.drover.agent.kube;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.time.Duration;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class LimitedStreamTest {
  private static final Duration LONG = Duration.ofMinutes(1);
  private static final Duration SHORT = Duration.ofMillis(20);

  /** A body whose bytes the test gives, and which ends when it is closed. */
  private static final class FakeBody extends InputStream {
    private static final int CLOSED = -2;

    private final BlockingQueue<Integer> bytes = new LinkedBlockingQueue<>();
    private final boolean endsQuietly;
    private volatile boolean isClosed;

    FakeBody(boolean endsQuietly) {
      this.endsQuietly = endsQuietly;
    }

    @Override
    public int read(byte[] into, int offset, int length) throws IOException {
      int one = read();
      if (one < 0) {
        return -1;
      }
      into[offset] = (byte) one;
      return 1;
    }

    @Override
    public int read() throws IOException {
      try {
        int one = bytes.take();
        if (one == CLOSED && !endsQuietly) {
          throw new IOException("closed");
        }
        return one;
      } catch (InterruptedException e) {
        throw new IllegalStateException(e);
      }
    }

    @Override
    public void close() {
      isClosed = true;
      bytes.add(CLOSED);
    }
  }

  @Test
  void bodyIsReadToItsEnd() throws IOException {
    try (var stream = new LimitedStream(new ByteArrayInputStream(new byte[] {-1, 2}), LONG, LONG)) {
      assertThat(stream.read()).isEqualTo(0xff);
      assertThat(stream.read()).isEqualTo(2);
      assertThat(stream.read()).isEqualTo(-1);
    }
  }

  @Test
  void bodyThatTakesTooLongEndsWithAnError() {
    var body = new FakeBody(false);
    body.bytes.add(1);
    var stream = new LimitedStream(body, SHORT, LONG);

    assertThatThrownBy(stream::readAllBytes)
        .isInstanceOf(ApiReader.TimedOutException.class)
        .hasMessage("not read to its end within 0 s");
    assertThat(body.isClosed).isTrue();
  }

  @Test
  void bodyThatEndsQuietlyWhenItIsClosedIsNoWholeBody() {
    var stream = new LimitedStream(new FakeBody(true), SHORT, LONG);

    assertThatThrownBy(stream::read).isInstanceOf(ApiReader.TimedOutException.class);
  }

  @Test
  void silentBodyEndsWithAnError() {
    var body = new FakeBody(false);
    body.bytes.add(1);
    var stream = new LimitedStream(body, LONG, SHORT);

    assertThatThrownBy(stream::readAllBytes)
        .isInstanceOf(ApiReader.TimedOutException.class)
        .hasMessage("nothing came for 0 s");
    assertThat(body.isClosed).isTrue();
  }

  @Test
  void closingClosesTheBody() throws IOException {
    var body = new FakeBody(true);
    var stream = new LimitedStream(body, LONG, LONG);

    stream.close();

    assertThat(body.isClosed).isTrue();
    assertThat(stream.read()).isEqualTo(-1);
  }

  @Test
  void errorOfTheBodyPassesThrough() {
    var body = new FakeBody(false);
    body.bytes.add(FakeBody.CLOSED); // by the other side
    var stream = new LimitedStream(body, LONG, LONG);

    assertThatThrownBy(() -> stream.read(new byte[8]))
        .isExactlyInstanceOf(IOException.class)
        .hasMessage("closed");
  }

  @Test
  void noMoreComesThanIsAllowed() throws IOException {
    try (var stream = new LimitedStream(new ByteArrayInputStream(new byte[32]), LONG, LONG)) {
      assertThat(stream.readNBytes(16)).hasSize(16); // without a word, as much as there is

      stream.allow(4);
      assertThat(stream.readNBytes(4)).hasSize(4);
      stream.allow(4);
      assertThatThrownBy(() -> stream.readNBytes(5))
          .isInstanceOf(Body.UnreadableException.class)
          .hasMessage("the answer has an object that is too large");
    }
  }
}
