package io.drover.agent.tunnel;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;

import io.drover.agent.ClosedPort;
import io.drover.agent.Logged;
import io.drover.agent.config.HealthConfig;
import io.drover.agent.config.ProxyConfig;
import io.drover.agent.health.HealthServer;
import io.drover.agent.health.TunnelReading;
import io.drover.agent.reason.Failure;
import io.drover.agent.reason.Reason;
import io.drover.agent.retry.Backoff;
import io.drover.agent.rotate.Changes;
import io.drover.agent.rotate.Rotation;
import io.drover.agent.tls.ServerDialer;
import io.drover.agent.tunnel.TunnelClient.Handshakes;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.Semaphore;
import java.util.concurrent.SynchronousQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import javax.net.ssl.SSLContext;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * A day without the server, for each way of being away: both tunnels, what rotates, and health as
 * they are in an agent, on a clock that moves from one attempt to the next. The attempts are real
 * where they take no time.
 */
@Timeout(120)
class AwayDayTest {
  private static final Duration DAY = Duration.ofDays(1);

  /** Of the whole agent. */
  private static final int MAX_LINES_AN_HOUR = 100;

  @RegisterExtension private final Logged log = Logged.ofAll();

  /** A way of being away. */
  record Away(String name, Starter starter) {
    @Override
    public String toString() {
      return name;
    }
  }

  interface Starter {
    Server start() throws IOException;
  }

  /** What is where the server should be. */
  record Server(Handshakes handshakes, AutoCloseable closeable) {}

  static Stream<Away> ways() {
    return Stream.of(
        new Away("nothing listens", AwayDayTest::refused),
        new Away("no packet comes back", () -> failing(Reason.CONNECT_TIMEOUT)),
        new Away(
            "it takes the connection and does not answer", () -> failing(Reason.SERVER_SILENT)),
        new Away("it accepts and closes at once", () -> answering(_ -> {})),
        new Away(
            "a proxy answers 502", () -> answering(socket -> refuse(socket, "502 Bad Gateway"))),
        new Away("it answers 401", () -> answering(socket -> refuse(socket, "401 Unauthorized"))),
        new Away(
            "its name is gone, or its name server",
            () -> failing(Reason.DNS_NOT_FOUND, Reason.DNS_FAILED)),
        new Away("the TLS handshake fails", AwayDayTest::noTls),
        new Away(
            "another reason each time",
            () ->
                failing(
                    Reason.CONNECT_REFUSED,
                    Reason.CONNECT_TIMEOUT,
                    Reason.TLS_FAILED,
                    Reason.SERVER_UNAVAILABLE,
                    Reason.HANDSHAKE_FAILED)),
        new Away("it opens every websocket and closes it at once", () -> flapping(1)),
        new Away("it comes and goes every few minutes", () -> flapping(6)));
  }

  @ParameterizedTest
  @MethodSource("ways")
  void takesFewLinesAndLeavesTheAgentAlive(Away away) throws Exception {
    var server = away.starter().start();
    var attempts = new AtomicInteger();
    try (var agent = new Agent(server.handshakes(), attempts)) {
      var linesOfHour = new ArrayList<Integer>();
      int before = 0;
      for (var now = Duration.ZERO; now.compareTo(DAY) < 0; now = agent.step()) {
        if (now.toHours() > linesOfHour.size()) {
          linesOfHour.add(log.count() - before);
          before = log.count();
          assertThat(agent.status("/livez")).isEqualTo(200);
          assertThat(agent.status("/readyz")).isEqualTo(503);
        }
      }
      assertThat(attempts.get()).as("attempts").isGreaterThan(2 * 24 * 50);
      assertThat(linesOfHour).hasSizeGreaterThanOrEqualTo(23);
      assertThat(Collections.max(linesOfHour))
          .as("lines in each hour %s", linesOfHour)
          .isLessThanOrEqualTo(MAX_LINES_AN_HOUR);
      assertThat(linesOfHour.getFirst()).as("it is told").isGreaterThanOrEqualTo(2);
    } finally {
      server.closeable().close();
    }
  }

  // ---- ways of being away

  private static Server refused() throws IOException {
    var port = new ClosedPort();
    return new Server(
        TestTunnel.to(URI.create("ws://127.0.0.1:" + port.port() + "/v3/connect")), port);
  }

  /** One reason after the other, without any socket. */
  private static Server failing(Reason... reasons) {
    var count = new AtomicInteger();
    return new Server(
        () -> {
          int attempt = count.getAndIncrement();
          throw new Failure(reasons[attempt % reasons.length], "attempt " + attempt);
        },
        () -> {});
  }

  private static Server noTls() throws IOException {
    var plain = answering(_ -> {});
    var url = plain.handshakes();
    return new Server(
        () -> {
          try {
            var handshake = url.next().orElseThrow();
            return Optional.of(
                TestTunnel.handshake(
                    URI.create(handshake.url().toString().replaceFirst("^ws", "wss"))));
          } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException(e);
          }
        },
        plain.closeable());
  }

  private interface Answer {
    void give(Socket socket) throws IOException;
  }

  /** Does this with each connection, and closes it. */
  private static Server answering(Answer answer) throws IOException {
    var listener = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
    Thread.ofVirtual()
        .start(
            () -> {
              while (!listener.isClosed()) {
                try (var socket = listener.accept()) {
                  answer.give(socket);
                } catch (IOException _) {
                  // Closed, or the client has gone.
                }
              }
            });
    return new Server(
        TestTunnel.to(URI.create("ws://localhost:" + listener.getLocalPort() + "/v3/connect")),
        listener);
  }

  private static void refuse(Socket socket, String status) throws IOException {
    readHead(socket);
    socket
        .getOutputStream()
        .write(("HTTP/1.1 " + status + "\r\nContent-Length: 0\r\n\r\n").getBytes(ISO_8859_1));
  }

  private static void readHead(Socket socket) throws IOException {
    var in = socket.getInputStream();
    for (int newlines = 0; newlines < 2; ) {
      int read = in.read();
      if (read < 0) {
        throw new IOException("gone");
      }
      newlines = read == '\n' ? newlines + 1 : read == '\r' ? newlines : 0;
    }
  }

  /** Every so many attempts, of both tunnels, a websocket opens and is closed. */
  private static Server flapping(int every) throws IOException {
    var server = ScriptedServer.start();
    var count = new AtomicInteger();
    Thread.ofVirtual()
        .start(
            () -> {
              try {
                while (true) {
                  var peer = server.accept();
                  peer.readRequest();
                  if (count.incrementAndGet() % every == 0) {
                    peer.write(peer.switchingProtocols());
                    peer.writeHex("880203e9"); // going away
                    peer.close();
                  } else {
                    peer.write(
                        "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"
                            .getBytes(ISO_8859_1));
                  }
                }
              } catch (IOException _) {
                // Closed.
              }
            });
    return new Server(TestTunnel.to(server.url()), server);
  }

  // ---- the agent

  /** Pauses of one tunnel, and when the one of now is over. */
  private static final class Sleep {
    private final LinkedBlockingQueue<Duration> asked = new LinkedBlockingQueue<>();
    private final Semaphore over = new Semaphore(0);
    private Duration until = Duration.ZERO;

    void sleep(Duration duration) throws InterruptedException {
      asked.add(duration);
      over.acquire();
    }

    void await(Duration now) throws InterruptedException {
      @Nullable Duration pause = asked.poll(30, TimeUnit.SECONDS);
      until = now.plus(Objects.requireNonNull(pause, "the tunnel does not pause"));
    }
  }

  /** What rotates is looked at when it would be, and no file ever changes. */
  private static final class Looks implements Changes {
    private final LinkedBlockingQueue<Duration> asked = new LinkedBlockingQueue<>();
    private final SynchronousQueue<Boolean> over = new SynchronousQueue<>();

    @Override
    public boolean await(Duration limit) throws InterruptedException {
      asked.add(limit);
      return over.take();
    }
  }

  private static final class Agent implements AutoCloseable {
    private final ManualTimer timer = new ManualTimer();
    private final List<Sleep> sleeps = List.of(new Sleep(), new Sleep());
    private final List<TunnelClient> tunnels;
    private final Looks looks = new Looks();
    private final Rotation rotation;
    private final HealthServer health;
    private final HttpClient http = HttpClient.newHttpClient();
    private Duration now = Duration.ZERO;
    private Duration lookAt;

    Agent(Handshakes handshakes, AtomicInteger attempts) throws Exception {
      Handshakes counted =
          () -> {
            attempts.incrementAndGet();
            return handshakes.next();
          };
      tunnels =
          List.of(
              start("cluster", counted, sleeps.getFirst()),
              start("steve", counted, sleeps.getLast()));
      var asked = new AtomicInteger();
      rotation =
          Rotation.start(
              List.of(
                  new Rotation.Part(
                      "server-ca-news",
                      () -> {
                        // As a server that answers now and then.
                        if (asked.incrementAndGet() % 2 == 0) {
                          throw new Failure(Reason.SERVER_UNAVAILABLE, "no CA");
                        }
                      }),
                  new Rotation.Part("cluster-tunnel-news", tunnels.getFirst()::renew),
                  new Rotation.Part("steve-tunnel-news", tunnels.getLast()::renew)),
              looks,
              timer::nanoTime,
              new Random(3));
      health =
          HealthServer.start(
              new HealthConfig(true, "127.0.0.1", 0),
              "test",
              Clock.systemUTC(),
              List::of,
              List.of(() -> reading(tunnels.getFirst()), () -> reading(tunnels.getLast())),
              rotation::problems,
              null,
              null);
      lookAt = Objects.requireNonNull(looks.asked.poll(30, TimeUnit.SECONDS));
      for (var sleep : sleeps) {
        sleep.await(now);
      }
    }

    private TunnelClient start(String name, Handshakes handshakes, Sleep sleep) throws Exception {
      return TunnelClient.start(
          name,
          new ServerDialer(ProxyConfig.NONE, SSLContext.getDefault()),
          handshakes,
          new TcpDialer(),
          DialAudit.none(),
          Duration.ZERO,
          new TunnelClient.Tools(
              timer,
              new Watchdog(timer::nanoTime),
              new Backoff(new Random(name.hashCode())),
              sleep::sleep,
              LocalSockets.MAX_SOCKETS));
    }

    private static TunnelReading reading(TunnelClient tunnel) {
      var now = tunnel.reading();
      return new TunnelReading(
          "test",
          true,
          now.connected(),
          now.since(),
          now.problem(),
          now.last(),
          0,
          0,
          0,
          0,
          0,
          0,
          0);
    }

    /** Goes to the next moment at which something happens, and lets it happen. */
    Duration step() throws InterruptedException {
      var next =
          Stream.of(sleeps.getFirst().until, sleeps.getLast().until, lookAt)
              .min(Duration::compareTo)
              .orElseThrow();
      timer.advance(next.minus(now));
      now = next;
      if (now.equals(lookAt)) {
        looks.over.put(false);
        lookAt = now.plus(Objects.requireNonNull(looks.asked.poll(30, TimeUnit.SECONDS)));
      }
      for (var sleep : sleeps) {
        if (now.equals(sleep.until)) {
          sleep.over.release();
          sleep.await(now);
        }
      }
      return now;
    }

    int status(String path) throws IOException, InterruptedException {
      var port = health.address().orElseThrow().getPort();
      var request = HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + path)).build();
      return http.send(request, HttpResponse.BodyHandlers.discarding()).statusCode();
    }

    @Override
    public void close() {
      rotation.close();
      tunnels.forEach(TunnelClient::close);
      health.close();
      http.close();
    }
  }
}
