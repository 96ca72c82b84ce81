package io.drover.agent.tunnel;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.drover.agent.Interop;
import io.drover.agent.config.ProxyConfig;
import io.drover.agent.retry.Backoff;
import io.drover.agent.retry.Sleeper;
import io.drover.agent.tls.ServerDialer;
import io.drover.agent.tls.ServerTrust;
import io.drover.proto.handshake.TunnelHeaders;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.lang.ProcessBuilder.Redirect;
import java.net.InetAddress;
import java.net.Socket;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import javax.net.ssl.SSLContext;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Lists of streams, much more often than an agent sends them, to Rancher's own library, while
 * streams begin and end as quickly as they can: none may be closed that nobody has closed.
 *
 * <p>{@code -Dchurn.seconds=600 -Dchurn.list=1000} for as long, and as seldom, as {@code
 * docs/benchmarks.md} has it.
 */
@Tag("interop")
class ListChurnIT {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final int SECONDS = Integer.getInteger("churn.seconds", 10);
  private static final Duration LIST_EVERY =
      Duration.ofMillis(Integer.getInteger("churn.list", 50));

  /** As many as the bench has: enough that a server's writers wait for one another. */
  private static final int WORKERS = 64;

  private static final int ECHO_BYTES = 64;
  private static final Duration ECHO_LIMIT = Duration.ofSeconds(10);
  private static final String CLUSTER = "c-churn";
  private static final String TOKEN = "token-of-churn";

  /** The machine's time, but for lists. */
  private static final class Hurried implements Timer {
    private final Timer.SystemTimer real;
    final AtomicInteger lists = new AtomicInteger();

    Hurried(Timer.SystemTimer real) {
      this.real = real;
    }

    @Override
    public long nanoTime() {
      return real.nanoTime();
    }

    @Override
    public Task after(Duration delay, Runnable task) {
      if (!delay.equals(TunnelSession.SYNC_EVERY)) {
        return real.after(delay, task);
      }
      lists.incrementAndGet();
      return real.after(LIST_EVERY, task);
    }

    @Override
    public void sleep(Duration duration) {
      real.sleep(duration);
    }
  }

  /** Rancher's side of a tunnel, by its own library. */
  private static final class Server implements AutoCloseable {
    private final Process process;
    private final BufferedReader events;
    private final JsonNode hello;

    Server(Path directory) throws IOException, InterruptedException {
      process =
          new ProcessBuilder(
                  Interop.built("rancher").resolve("rancher-peer-0.6.1").toString(),
                  "--dir",
                  directory.toString(),
                  "--cluster",
                  CLUSTER + "=" + TOKEN,
                  "--ping-interval",
                  "1h",
                  "--health-interval",
                  "1h",
                  "--exit-with-stdin")
              .redirectError(Redirect.DISCARD)
              .start();
      events = process.inputReader(UTF_8);
      hello = next();
    }

    private JsonNode next() throws IOException {
      var line = events.readLine();
      assertThat(line).as("what the server says next").isNotNull();
      return JSON.readTree(line);
    }

    URI url() {
      return URI.create(hello.path("url").asText());
    }

    SSLContext trust() throws IOException {
      return ServerTrust.ofFile(Path.of(hello.path("caFile").asText()));
    }

    /** From now on nobody reads what else it says. */
    void awaitSession() throws IOException {
      while (!next().path("event").asText().equals("session-opened")) {
        // Something else.
      }
      Thread.ofVirtual().start(() -> drain(process.getInputStream()));
    }

    private static void drain(InputStream in) {
      try {
        in.skipNBytes(Long.MAX_VALUE);
      } catch (IOException e) {
        // It has ended.
      }
    }

    /** The port whose connections lead through the tunnel to that address. */
    int forward(String address) throws IOException, InterruptedException {
      var query =
          "key=stv-cluster-%s&network=tcp&address=%s"
              .formatted(CLUSTER, URLEncoder.encode(address, UTF_8));
      var request =
          HttpRequest.newBuilder(URI.create(hello.path("control").asText() + "/forward?" + query))
              .POST(BodyPublishers.noBody())
              .build();
      try (var client = HttpClient.newHttpClient()) {
        var answer = client.send(request, BodyHandlers.ofString()).body();
        var local = JSON.readTree(answer).path("address").asText();
        return Integer.parseInt(local.substring(local.lastIndexOf(':') + 1));
      }
    }

    @Override
    public void close() {
      process.destroyForcibly();
    }
  }

  private final AtomicLong echoes = new AtomicLong();
  private final Queue<String> closedFalsely = new ConcurrentLinkedQueue<>();

  @Test
  void noListClosesAStreamThatHasBegun(@TempDir Path directory) throws Exception {
    var watchdog = new Watchdog(System::nanoTime);
    try (var server = new Server(directory);
        var backend = Backend.echo();
        var system = Timer.system(watchdog)) {
      var timer = new Hurried(system);
      try (var _ = tunnel(server, timer, watchdog)) {
        server.awaitSession();
        churn(server.forward(backend.address()));
      }
      assertThat(closedFalsely).isEmpty();
      assertThat(echoes.get()).as("streams").isGreaterThan(100L * SECONDS);
      assertThat(timer.lists.get())
          .as("lists")
          .isGreaterThan((int) (SECONDS * 1_000L / LIST_EVERY.toMillis() / 4));
      System.out.printf(
          "churn: streams=%d seconds=%d lists=%d closed-falsely=%d%n",
          echoes.get(), SECONDS, timer.lists.get(), closedFalsely.size());
    }
  }

  private static TunnelClient tunnel(Server server, Timer timer, Watchdog watchdog)
      throws IOException {
    var handshake =
        new Handshake(
            Handshake.endpoint(server.url(), TunnelHeaders.CONNECT_PATH),
            Map.of(TunnelHeaders.AUTHORIZATION, TunnelHeaders.steveAuthorization(TOKEN)),
            server.trust(),
            DialPolicy.everything());
    return TunnelClient.start(
        "churn",
        new ServerDialer(ProxyConfig.NONE, server.trust()),
        () -> Optional.of(handshake),
        new TcpDialer(),
        DialAudit.none(),
        Duration.ZERO,
        new TunnelClient.Tools(
            timer, watchdog, new Backoff(new SecureRandom()), Sleeper.REAL, 1_000));
  }

  private void churn(int port) throws InterruptedException {
    long end = System.nanoTime() + Duration.ofSeconds(SECONDS).toNanos();
    List<Thread> workers = new ArrayList<>();
    for (int i = 0; i < WORKERS; i++) {
      byte[] question = new byte[ECHO_BYTES];
      Arrays.fill(question, (byte) i);
      workers.add(
          Thread.ofVirtual()
              .start(
                  () -> {
                    while (System.nanoTime() - end < 0) {
                      echo(port, question);
                    }
                  }));
    }
    for (var worker : workers) {
      worker.join();
    }
  }

  private void echo(int port, byte[] question) {
    try (var socket = new Socket(InetAddress.getLoopbackAddress(), port)) {
      socket.setSoTimeout((int) ECHO_LIMIT.toMillis());
      socket.getOutputStream().write(question);
      var answer = socket.getInputStream().readNBytes(question.length);
      if (Arrays.equals(answer, question)) {
        echoes.incrementAndGet();
      } else {
        closedFalsely.add(answer.length + " bytes came");
      }
    } catch (IOException e) {
      closedFalsely.add(e.toString());
    }
  }
}
