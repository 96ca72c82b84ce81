package io.drover.agent.tunnel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.drover.agent.tunnel.LocalSockets.LocalSocket;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.util.Objects;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class LocalSocketsTest {
  /** More than the kernels between two sockets ever hold, in bytes. */
  private static final int PLENTY = 64 * 1024 * 1024;

  private final Watchdog watchdog = new Watchdog(System::nanoTime);
  private LocalSockets sockets;
  private ServerSocketChannel listener;

  @BeforeEach
  void start() throws Exception {
    sockets = LocalSockets.start("test", watchdog);
    listener =
        ServerSocketChannel.open().bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
  }

  @AfterEach
  void stop() throws Exception {
    sockets.close();
    listener.close();
  }

  /** Notes what it hears, and reads whatever there is. */
  private static final class Noting implements LocalSockets.Handler {
    private final LinkedBlockingQueue<String> heard = new LinkedBlockingQueue<>();

    @Override
    public void readable(LocalSocket from, ByteBuffer into) {
      try {
        int count = from.read(into);
        if (count < 0) {
          from.stopReading();
        }
        heard.add(count < 0 ? "end" : "read " + count);
      } catch (IOException e) {
        from.stopReading();
        heard.add("failed");
      }
    }

    @Override
    public void writable(LocalSocket to) {
      heard.add("writable");
    }

    @Override
    public void broken(RuntimeException bug) {
      heard.add(String.valueOf(bug.getMessage()));
    }

    String take() throws InterruptedException {
      return Objects.requireNonNull(heard.poll(10, TimeUnit.SECONDS), "nothing heard");
    }

    @Nullable String now() {
      return heard.peek();
    }
  }

  /** A connected socket here, and its other end. */
  private record Pair(LocalSocket local, SocketChannel far) {}

  private Pair pair(LocalSockets.Handler handler) throws IOException {
    var local = SocketChannel.open(listener.getLocalAddress());
    return new Pair(sockets.add(local, handler), listener.accept());
  }

  private static ByteBuffer bytes(int count) {
    return ByteBuffer.allocate(count);
  }

  @Test
  void nobodyHearsAnythingBeforeAskingForIt() throws Exception {
    var quiet = new Noting();
    var other = new Noting();
    var first = pair(quiet);
    var second = pair(other);
    first.far().write(bytes(3));
    second.far().write(bytes(5));

    second.local().startReading();

    assertThat(other.take()).isEqualTo("read 5");
    assertThat(quiet.now()).isNull();
    first.local().startReading();
    assertThat(quiet.take()).isEqualTo("read 3");
    first.far().close();
    assertThat(quiet.take()).isEqualTo("end");
  }

  @Test
  void oneReadTakesNoMoreThanTheBufferHolds() throws Exception {
    var handler = new Noting();
    var pair = pair(handler);
    pair.far().write(bytes(LocalSockets.READ_BYTES + 7));

    pair.local().startReading();

    for (int read = 0; read < LocalSockets.READ_BYTES + 7; ) {
      int count = Integer.parseInt(handler.take().substring("read ".length()));
      assertThat(count).isBetween(1, LocalSockets.READ_BYTES);
      read += count;
    }
  }

  @Test
  void saysOnceWhenThereIsRoomToWrite() throws Exception {
    var handler = new Noting();
    var pair = pair(handler);
    var out = bytes(PLENTY);
    while (pair.local().write(out) > 0) {
      // As much as goes.
    }
    pair.local().awaitWritable();
    assertThat(handler.now()).as("full").isNull();

    var in = ByteBuffer.allocate(1024 * 1024);
    pair.far().configureBlocking(false); // when it has all, word of that may still be on its way
    while (handler.now() == null) {
      pair.far().read(in.clear());
    }

    assertThat(handler.take()).isEqualTo("writable");
    assertThat(pair.local().write(out)).isPositive();
  }

  @Test
  void whatIsClosedGivesItsDescriptorBackAtOnce() throws Exception {
    var pair = pair(new Noting());
    pair.local().startReading();

    pair.local().close();

    assertThat(pair.far().read(bytes(1))).as("the far end sees it").isNegative();
    pair.local().startReading(); // of no consequence
    assertThatThrownBy(() -> pair.local().write(bytes(1))).isInstanceOf(IOException.class);
  }

  @Test
  void aBugOfOneHandlerIsNobodyElses() throws Exception {
    var other = new Noting();
    var said = new LinkedBlockingQueue<String>();
    var broken =
        pair(
            new LocalSockets.Handler() {
              @Override
              public void readable(LocalSocket from, ByteBuffer into) {
                from.stopReading();
                throw new IllegalStateException("a bug");
              }

              @Override
              public void writable(LocalSocket to) {}

              @Override
              public void broken(RuntimeException bug) {
                said.add(String.valueOf(bug.getMessage()));
              }
            });
    var healthy = pair(other);
    broken.far().write(bytes(1));
    broken.local().startReading();
    assertThat(said.poll(10, TimeUnit.SECONDS)).isEqualTo("a bug");

    healthy.far().write(bytes(2));
    healthy.local().startReading();

    assertThat(other.take()).isEqualTo("read 2");
  }

  @Test
  void aThreadThatIsHeldUpIsSeen() throws Exception {
    var timer = new ManualTimer();
    var looking = new Watchdog(timer::nanoTime);
    var inside = new CountDownLatch(1);
    var release = new CountDownLatch(1);
    try (var watched = LocalSockets.start("watched", looking)) {
      var local = SocketChannel.open(listener.getLocalAddress());
      watched
          .add(
              local,
              new LocalSockets.Handler() {
                @Override
                public void readable(LocalSocket from, ByteBuffer into) {
                  from.stopReading();
                  inside.countDown();
                  try {
                    release.await();
                  } catch (InterruptedException e) {
                    Thread.currentThread().interrupt();
                  }
                }

                @Override
                public void writable(LocalSocket to) {}

                @Override
                public void broken(RuntimeException bug) {}
              })
          .startReading();
      listener.accept().write(bytes(1));
      assertThat(inside.await(10, TimeUnit.SECONDS)).isTrue();
      assertThat(looking.stalled()).isEmpty();

      timer.advance(Watchdog.STALL_LIMIT);

      assertThat(looking.stalled()).containsExactly("watched-sockets");
      release.countDown();
      TestTunnel.eventually("goes on", () -> looking.stalled().isEmpty());
    }
  }

  @Test
  void leavesDescriptorsToAllElse() {
    assertThat(LocalSockets.maxSockets(1_048_576)).isEqualTo(LocalSockets.MAX_SOCKETS);
    assertThat(LocalSockets.maxSockets(4_096)).isEqualTo(4_096 - LocalSockets.OTHER_DESCRIPTORS);
    assertThat(LocalSockets.maxSockets(1_024)).isEqualTo(512);
    assertThat(LocalSockets.maxSockets(1)).isEqualTo(1);
  }

  @Test
  void whatComesTooLateIsClosed() throws Exception {
    var left = pair(new Noting());
    sockets.close();
    assertThat(left.far().read(bytes(1))).as("what was open").isNegative();
    var late = SocketChannel.open(listener.getLocalAddress());

    assertThatThrownBy(() -> sockets.add(late, new Noting())).isInstanceOf(IOException.class);

    assertThat(late.isOpen()).isFalse();
  }
}
