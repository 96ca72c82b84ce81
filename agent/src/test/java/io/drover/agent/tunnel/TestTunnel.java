package io.drover.agent.tunnel;

import static org.assertj.core.api.Assertions.assertThat;

import io.drover.agent.config.ProxyConfig;
import io.drover.agent.reason.Problem;
import io.drover.agent.retry.Backoff;
import io.drover.agent.retry.Sleeper;
import io.drover.agent.tls.ServerDialer;
import io.drover.agent.tunnel.TunnelClient.Handshakes;
import java.io.IOException;
import java.net.URI;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Queue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import java.util.function.Function;
import java.util.random.RandomGenerator;
import javax.net.ssl.SSLContext;

/**
 * A tunnel of ours under test. Comes back after a lost connection only when the test says so. When
 * it is closed, nothing of it may be left: no stream, no local socket, no thread.
 */
final class TestTunnel implements AutoCloseable {
  private static final AtomicInteger NUMBERS = new AtomicInteger();

  /** The jitter at its most, so that tests can tell the bounds apart. */
  private static final class Longest implements RandomGenerator {
    @Override
    public long nextLong() {
      return Long.MAX_VALUE;
    }

    @Override
    public long nextLong(long bound) {
      return bound - 1;
    }
  }

  /** Waits for the test instead of the clock. */
  static final class Pauses implements Sleeper {
    private final LinkedBlockingQueue<Duration> asked = new LinkedBlockingQueue<>();
    private final Semaphore over = new Semaphore(0);

    @Override
    public void sleep(Duration duration) throws InterruptedException {
      asked.add(duration);
      over.acquire();
    }

    /** Waits until the client pauses; says for how long it means to. */
    Duration take() throws InterruptedException {
      var duration = asked.poll(ScriptedServer.LIMIT.toSeconds(), TimeUnit.SECONDS);
      assertThat(duration).as("pause before the next attempt").isNotNull();
      return java.util.Objects.requireNonNull(duration);
    }

    void end() {
      over.release();
    }
  }

  private final String name = "test" + NUMBERS.incrementAndGet();
  private final Pauses pauses = new Pauses();
  private final LinkedBlockingQueue<DialAudit.Dialled> dials = new LinkedBlockingQueue<>();
  private final CountingDialer dialer;
  private final TunnelClient client;
  private final Timer timer;

  private TestTunnel(Handshakes handshakes, Dialer dialer, Duration drain, Timer timer) {
    this(
        handshakes,
        dialer,
        dials -> dials::add,
        drain,
        timer,
        new Watchdog(timer::nanoTime),
        LocalSockets.MAX_SOCKETS);
  }

  private TestTunnel(
      Handshakes handshakes,
      Dialer dialer,
      Function<Queue<DialAudit.Dialled>, DialAudit> audit,
      Duration drain,
      Timer timer,
      Watchdog watchdog,
      int maxStreams) {
    this.timer = timer;
    this.dialer = new CountingDialer(dialer);
    this.client =
        TunnelClient.start(
            name,
            serverDialer(),
            handshakes,
            this.dialer,
            audit.apply(dials),
            drain,
            new TunnelClient.Tools(
                timer, watchdog, new Backoff(new Longest()), pauses, maxStreams));
  }

  private static Timer systemTimer() {
    return Timer.system(new Watchdog(System::nanoTime));
  }

  static TestTunnel watched(ScriptedServer server, DialAudit audit, Watchdog watchdog) {
    return new TestTunnel(
        to(server.url()),
        new TcpDialer(),
        _ -> audit,
        Duration.ZERO,
        systemTimer(),
        watchdog,
        LocalSockets.MAX_SOCKETS);
  }

  static TestTunnel limited(ScriptedServer server, int maxStreams) {
    return new TestTunnel(
        to(server.url()),
        new TcpDialer(),
        dials -> dials::add,
        Duration.ZERO,
        systemTimer(),
        new Watchdog(System::nanoTime),
        maxStreams);
  }

  static TestTunnel start(ScriptedServer server) {
    return start(server, new TcpDialer());
  }

  static TestTunnel start(ScriptedServer server, Dialer dialer) {
    return new TestTunnel(to(server.url()), dialer, Duration.ZERO, systemTimer());
  }

  static TestTunnel start(ScriptedServer server, Timer timer) {
    return new TestTunnel(to(server.url()), new TcpDialer(), Duration.ZERO, timer);
  }

  static TestTunnel start(ScriptedServer server, Dialer dialer, Timer timer) {
    return new TestTunnel(to(server.url()), dialer, Duration.ZERO, timer);
  }

  static TestTunnel start(Handshakes handshakes) {
    return new TestTunnel(handshakes, new TcpDialer(), Duration.ZERO, systemTimer());
  }

  static TestTunnel start(Handshakes handshakes, Timer timer) {
    return new TestTunnel(handshakes, new TcpDialer(), Duration.ZERO, timer);
  }

  static TestTunnel draining(ScriptedServer server, Duration drain) {
    return draining(server, drain, systemTimer());
  }

  static TestTunnel draining(ScriptedServer server, Duration drain, Timer timer) {
    return new TestTunnel(to(server.url()), new TcpDialer(), drain, timer);
  }

  /** Any TCP target is allowed; credentials as the cluster tunnel has them. */
  static Handshakes to(URI url) {
    return () -> Optional.of(handshake(url));
  }

  static Handshake handshake(URI url) {
    return handshake(url, defaultTrust());
  }

  static Handshake handshake(URI url, SSLContext trust) {
    return new Handshake(
        url,
        Map.of("X-API-Tunnel-Token", "token", "X-API-Tunnel-Params", "cGFyYW1z"),
        trust,
        (network, _) -> network.equals("tcp") ? Optional.of("any-tcp") : Optional.empty());
  }

  private static ServerDialer serverDialer() {
    return new ServerDialer(ProxyConfig.NONE, defaultTrust());
  }

  private static SSLContext defaultTrust() {
    try {
      return SSLContext.getDefault();
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
  }

  String name() {
    return name;
  }

  /** Why it is not connected. */
  Problem problem() {
    return Objects.requireNonNull(client().reading().problem(), "it is connected");
  }

  TunnelClient client() {
    return client;
  }

  Pauses pauses() {
    return pauses;
  }

  /** The next dial that is over. */
  DialAudit.Dialled takeDial() throws InterruptedException {
    var dial = dials.poll(ScriptedServer.LIMIT.toSeconds(), TimeUnit.SECONDS);
    assertThat(dial).as("a dial that is over").isNotNull();
    return java.util.Objects.requireNonNull(dial);
  }

  /** Dials that are over and not taken. */
  int dialsLeft() {
    return dials.size();
  }

  CountingDialer dialer() {
    return dialer;
  }

  int streamsOpen() {
    return client.reading().streamsOpen();
  }

  /** So many dials have led to a connection, and are safe from a clock that is moved on. */
  void awaitDials(long count) {
    eventually("dialled", () -> client.reading().totals().dials() == count);
  }

  /** Nothing of the streams is left, though the session may live. */
  void awaitNoStreams() {
    eventually("streams gone", () -> streamsOpen() == 0);
    eventually("local sockets closed", () -> dialer.channelsOpen() == 0);
  }

  /** For what makes no sound when it comes true. Looks again every millisecond. */
  static void eventually(String what, BooleanSupplier condition) {
    long deadlineNanos = System.nanoTime() + ScriptedServer.LIMIT.toNanos();
    while (!condition.getAsBoolean()) {
      assertThat(System.nanoTime()).as(what).isLessThan(deadlineNanos);
      LockSupport.parkNanos(1_000_000);
    }
  }

  /** Platform threads of this tunnel that live. */
  List<String> threads() {
    return Thread.getAllStackTraces().keySet().stream()
        .map(Thread::getName)
        .filter(thread -> thread.startsWith(name + "-") || thread.startsWith("WebSocket"))
        .toList();
  }

  @Override
  public void close() throws IOException {
    client.close();
    awaitNoStreams();
    eventually("threads gone", () -> threads().isEmpty());
    assertThat(client.reading().queuedBytes()).isZero();
    if (timer instanceof Timer.SystemTimer system) {
      system.close();
    }
  }
}
