package io.drover.agent.tunnel;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.drover.agent.retry.Backoff;
import io.drover.agent.steve.SteveServer;
import io.drover.agent.tls.ServerDialer;
import io.drover.agent.tls.ServerTrust;
import io.drover.proto.handshake.ConnectParams;
import io.drover.proto.handshake.TunnelHeaders;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import javax.net.ssl.SSLContext;

/**
 * The tunnels of many clusters' agents in one process, for the bench: a fleet as a management
 * server has it. Each cluster has both its tunnels, by a {@link TunnelClient} as in an agent; what
 * the server asks for is dialled in the API server that they all share, or answered by the agent's
 * own {@code /ping}. One timer and one watchdog serve all.
 */
final class Fleet {
  /** Between the starts of two clusters, so that handshakes do not wait for one another long. */
  private static final Duration START_EVERY = Duration.ofMillis(8);

  private final String server;
  private final SSLContext trust;
  private final ConnectParams params;
  private final SteveServer steve = SteveServer.start();
  private final Watchdog watchdog = new Watchdog(System::nanoTime).start();
  private final Timer timer = Timer.system(watchdog);

  private Fleet(String server, SSLContext trust, ConnectParams params) {
    this.server = server;
    this.trust = trust;
    this.params = params;
  }

  /**
   * Server's URL, file with its CA; the API server's HOST:PORT, file with a token for it, file with
   * its CA; file with a cluster's id and its registration token in each line. Runs until killed.
   */
  public static void main(String[] args) throws Exception {
    var fleet =
        new Fleet(
            args[0].replaceFirst("^http", "ws").replaceFirst("/$", ""),
            ServerTrust.ofFile(Path.of(args[1])),
            new ConnectParams(args[2], text(args[3]), text(args[4])));
    for (var line : Files.readAllLines(Path.of(args[5]))) {
      var words = line.split(" ", 2);
      fleet.start(words[0], words[1]);
      Thread.sleep(START_EVERY);
    }
    Thread.currentThread().join();
  }

  private static String text(String file) throws Exception {
    return Files.readString(Path.of(file), UTF_8).strip();
  }

  private void start(String cluster, String token) {
    start(
        cluster + "-cluster",
        Map.of(TunnelHeaders.TOKEN, token, TunnelHeaders.PARAMS, params.toHeader()),
        DialPolicy.apiServerAnd(params.address(), List.of()),
        new TcpDialer());
    start(
        cluster + "-steve",
        Map.of(TunnelHeaders.AUTHORIZATION, TunnelHeaders.steveAuthorization(token)),
        DialPolicy.everything(),
        (_, _, dial) -> steve.connect(dial::opening));
  }

  private void start(String name, Map<String, String> headers, DialPolicy policy, Dialer dialer) {
    var handshake =
        new Handshake(URI.create(server + TunnelHeaders.CONNECT_PATH), headers, trust, policy);
    TunnelClient.start(
        name,
        ServerDialer.direct(),
        () -> Optional.of(handshake),
        dialer,
        DialAudit.none(),
        Duration.ZERO,
        timer,
        watchdog,
        new Backoff(new SecureRandom()));
  }
}
