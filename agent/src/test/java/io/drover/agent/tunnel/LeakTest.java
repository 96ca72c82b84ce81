package io.drover.agent.tunnel;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import io.drover.agent.ClosedPort;
import io.drover.agent.config.ProxyConfig;
import io.drover.agent.control.ThreadDump;
import io.drover.agent.tls.ServerDialer;
import io.drover.agent.tunnel.ScriptedServer.Peer;
import io.drover.proto.tunnel.Message.Close;
import io.drover.proto.tunnel.Message.Connect;
import io.drover.proto.tunnel.Message.Pause;
import io.drover.proto.tunnel.Message.Resume;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.management.BufferPoolMXBean;
import java.lang.management.ManagementFactory;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import javax.net.ssl.SSLContext;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.slf4j.LoggerFactory;

/**
 * However streams end, with bytes waiting in both directions: nothing is kept of them. What could
 * leak is counted: bytes in the budget and in the outbox, tasks, channels, threads, descriptors,
 * and the JDK's own direct buffers. That arrays come back to their pools is shown by {@link
 * OutboxTest} and {@link FrameWriterTest}; one that does not is left to the collector.
 */
@Timeout(120)
class LeakTest {
  private static final AtomicInteger NUMBERS = new AtomicInteger();
  private static final int MIB = 1024 * 1024;
  private static final int STREAMS = 2;

  /** More than a local socket takes and less than ends the stream, in bytes. */
  private static final int RECEIVED_BYTES = 10 * MIB;

  /** What a local socket has said while the peer wants to hear nothing, in bytes. */
  private static final int SAID_BYTES = 100_000;

  /** What the JDK keeps of a direct buffer for each thread that reads and writes channels. */
  private static final int MAX_CHUNK_BYTES = FrameReader.MAX_PIECE_BYTES;

  enum Ending {
    TARGET_ENDS,
    TARGET_RESETS,
    SERVER_CLOSES,
    SERVER_CLOSES_WITH_AN_ERROR,
    TARGET_IS_TOO_SLOW_FOR_THE_END,
    RECEIVED_TOO_MUCH,
    DIAL_REFUSED,
    DIAL_CALLED_OFF,
    SESSION_CLOSED_BY_SERVER,
    SESSION_RESET,
    SESSION_GARBLED,
    SESSION_SILENT,
    SESSION_CLOSED_BY_US
  }

  /** A session as {@link TunnelClient} makes it, where its parts can be looked at. */
  private static final class Rig implements AutoCloseable {
    final String name = "leak" + NUMBERS.incrementAndGet();
    final ManualTimer timer = new ManualTimer();
    final TunnelSession session;
    final Peer peer;
    final Backend backend = Backend.start();
    final ClosedPort closedPort = new ClosedPort();
    final CountingDialer dialer = new CountingDialer(this::dial);
    final List<Socket> locals = new ArrayList<>();
    private final ScriptedServer server = ScriptedServer.start();
    private final LocalSockets sockets;
    private final Thread reader;

    Rig() throws Exception {
      var watchdog = new Watchdog(timer::nanoTime);
      sockets = LocalSockets.start(name, watchdog);
      var handshake = TestTunnel.handshake(server.url());
      session =
          new TunnelSession(
              name,
              dialer,
              (_, _) -> Optional.of("any"),
              _ -> {},
              timer,
              watchdog,
              sockets,
              new TunnelCounters());
      var accepted = new FutureTask<>(server::open);
      Thread.ofVirtual().start(accepted);
      var connection =
          new ServerDialer(ProxyConfig.NONE, SSLContext.getDefault())
              .dial(handshake.url(), handshake.trust(), ServerDialer.STANDARD_LIMIT);
      var transport =
          new WebSocketTransport(
              handshake.url(),
              handshake.headers(),
              connection,
              session,
              timer,
              watchdog,
              0,
              session::start);
      reader = Thread.ofPlatform().name(name + "-reader").start(() -> carry(transport));
      peer = accepted.get(ScriptedServer.LIMIT.toSeconds(), TimeUnit.SECONDS);
      peer.barrier();
    }

    private void carry(WebSocketTransport transport) {
      try {
        session.end(transport.run().problem());
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
    }

    /** By TCP; {@code late} once there is data for it, {@code hole} until it is called off. */
    private SocketChannel dial(String network, String address, Dial dial) throws IOException {
      if (network.equals("late")) {
        TestTunnel.eventually("data is there before", () -> session.budget().usedBytes() > MIB);
      }
      var channel = new TcpDialer().dial("tcp", address, dial);
      if (network.equals("hole")) {
        channel.read(ByteBuffer.allocate(1));
        throw new IOException("the black hole has answered");
      }
      return channel;
    }

    /** Streams with more in both directions than anybody takes. */
    void load() throws Exception {
      for (long id = 2; id < 2 + STREAMS; id++) {
        peer.send(backend.connect(id));
        var local = backend.accept();
        locals.add(local);
        peer.send(new Pause(id));
        peer.barrier();
        local.getOutputStream().write(new byte[SAID_BYTES]);
        peer.sendData(id, new byte[RECEIVED_BYTES]);
      }
      TestTunnel.eventually("much is received", () -> session.budget().usedBytes() > MIB);
      TestTunnel.eventually("much is to say", () -> session.outbox().queuedBytes() > SAID_BYTES);
    }

    boolean isEmpty() {
      return session.streamsOpen() == 0
          && session.budget().usedBytes() == 0
          && session.outbox().queuedBytes() == 0
          && dialer.channelsOpen() == 0;
    }

    @Override
    public void close() throws IOException {
      session.close(TunnelSession.NORMAL_CLOSE, TunnelClient.STOPPING);
      TestTunnel.eventually("reader ends", () -> !reader.isAlive());
      sockets.close();
      server.close();
      backend.close();
      closedPort.close();
    }
  }

  /** What other tests have left: a pool of an HTTP/2 server, perhaps. */
  private static long othersDirectBytes;

  @TempDir private Path directory;
  private final Logger log = (Logger) LoggerFactory.getLogger("io.drover.agent.tunnel");

  @BeforeAll
  static void lookAtOthers() {
    othersDirectBytes = directBytes();
  }

  @BeforeEach
  void beQuiet() {
    log.setLevel(Level.ERROR);
  }

  @AfterEach
  void speakAgain() {
    log.setLevel(null);
  }

  @ParameterizedTest
  @EnumSource(Ending.class)
  void nothingIsLeftHoweverStreamsEnd(Ending ending) throws Exception {
    run(ending); // so that classes are loaded and the JDK has the buffers that it keeps
    long descriptors = descriptors();

    run(ending);

    TestTunnel.eventually("descriptors closed", () -> descriptors() <= descriptors);
    assertThat(directBytes() - othersDirectBytes)
        .as("direct memory, which the JDK keeps a buffer or two of for each carrier thread")
        .isLessThanOrEqualTo(
            2L * MAX_CHUNK_BYTES * Math.max(2, Runtime.getRuntime().availableProcessors()) + MIB);
  }

  private void run(Ending ending) throws Exception {
    String name;
    try (var rig = new Rig()) {
      name = rig.name;
      if (ending != Ending.DIAL_REFUSED && ending != Ending.DIAL_CALLED_OFF) {
        rig.load();
      }
      end(rig, ending);
      TestTunnel.eventually("nothing is left of the streams", rig::isEmpty);
    }
    TestTunnel.eventually("threads gone", () -> !threads().contains("\"" + name + "-"));
  }

  private static void end(Rig rig, Ending ending) throws Exception {
    var peer = rig.peer;
    switch (ending) {
      case TARGET_ENDS -> {
        for (var local : rig.locals) {
          local.shutdownOutput();
        }
        for (long id = 2; id < 2 + STREAMS; id++) {
          peer.send(new Resume(id));
        }
      }
      case TARGET_RESETS -> {
        for (var local : rig.locals) {
          local.setSoLinger(true, 0);
          local.close();
        }
        for (long id = 2; id < 2 + STREAMS; id++) {
          peer.send(new Resume(id));
        }
      }
      case SERVER_CLOSES -> {
        closeAll(peer, Close.END_OF_FILE);
        for (var local : rig.locals) {
          assertThat(local.getInputStream().readAllBytes()).hasSize(RECEIVED_BYTES);
        }
      }
      case SERVER_CLOSES_WITH_AN_ERROR -> {
        closeAll(peer, "context canceled");
        for (var local : rig.locals) {
          assertThat(local.getInputStream().readAllBytes()).isNotEmpty();
        }
      }
      case TARGET_IS_TOO_SLOW_FOR_THE_END -> {
        closeAll(peer, Close.END_OF_FILE);
        peer.barrier();
        rig.timer.advance(TunnelStream.FLUSH_LIMIT);
      }
      case RECEIVED_TOO_MUCH -> {
        for (long id = 2; id < 2 + STREAMS; id++) {
          peer.sendData(id, new byte[ReceiveBuffer.LIMIT_BYTES]);
        }
      }
      case DIAL_REFUSED -> {
        for (long id = 2; id < 2 + STREAMS; id++) {
          peer.send(new Connect(id, "late", rig.closedPort.address()));
          peer.sendData(id, new byte[MIB]);
        }
      }
      case DIAL_CALLED_OFF -> {
        for (long id = 2; id < 2 + STREAMS; id++) {
          peer.send(new Connect(id, "hole", rig.backend.address()));
          rig.backend.accept();
          peer.sendData(id, new byte[MIB]);
        }
        closeAll(peer, "context canceled");
      }
      case SESSION_CLOSED_BY_SERVER -> peer.sendFrame(ScriptedServer.CLOSE, new byte[] {3, -23});
      case SESSION_RESET -> peer.reset();
      case SESSION_GARBLED -> peer.sendFrame(ScriptedServer.BINARY, new byte[] {-128});
      case SESSION_SILENT -> {
        peer.answerPings(false);
        peer.barrier(); // a pong on its way would be a sign of life, after the silence
        rig.timer.advance(TunnelSession.SILENCE_LIMIT.plus(Duration.ofSeconds(2)));
      }
      case SESSION_CLOSED_BY_US ->
          rig.session.close(TunnelSession.GOING_AWAY, TunnelClient.STOPPING);
    }
  }

  private static void closeAll(Peer peer, String reason) throws IOException {
    for (long id = 2; id < 2 + STREAMS; id++) {
      peer.send(new Close(id, reason));
    }
  }

  private static long descriptors() {
    try (var open = Files.list(Path.of("/proc/self/fd"))) {
      return open.count();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static long directBytes() {
    return ManagementFactory.getPlatformMXBeans(BufferPoolMXBean.class).stream()
        .filter(pool -> pool.getName().equals("direct"))
        .mapToLong(BufferPoolMXBean::getMemoryUsed)
        .sum();
  }

  /** A dump of all threads, virtual ones too. */
  private String threads() {
    try (var dump = ThreadDump.open(directory)) {
      return new String(dump.readAllBytes(), UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
