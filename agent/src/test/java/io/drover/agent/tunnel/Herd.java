package io.drover.agent.tunnel;

import io.drover.agent.retry.Backoff;
import io.drover.agent.tls.ServerDialer;
import io.drover.agent.tls.ServerTrust;
import io.drover.proto.handshake.TunnelHeaders;
import java.net.URI;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;

/**
 * Many agents' tunnels in one process, for the bench: what a server sees of a fleet when it comes
 * back. Each is a {@link TunnelClient} as in an agent, with a backoff of its own; they share a
 * timer, as the two tunnels of an agent do.
 */
final class Herd {
  /** Between two starts, so that the first handshakes do not wait for one another too long. */
  private static final Duration START_EVERY = Duration.ofMillis(8);

  private Herd() {}

  /** Server's URL, registration token, file with its CA, number of agents. Runs until killed. */
  public static void main(String[] args) throws Exception {
    var handshake =
        new Handshake(
            Handshake.endpoint(URI.create(args[0]), TunnelHeaders.CONNECT_PATH),
            Map.of(TunnelHeaders.AUTHORIZATION, TunnelHeaders.steveAuthorization(args[1])),
            ServerTrust.ofFile(Path.of(args[2])),
            DialPolicy.everything());
    var watchdog = new Watchdog(System::nanoTime).start();
    var timer = Timer.system(watchdog);
    for (int i = 0; i < Integer.parseInt(args[3]); i++) {
      TunnelClient.start(
          "agent" + i,
          ServerDialer.direct(),
          () -> Optional.of(handshake),
          new TcpDialer(),
          DialAudit.none(),
          Duration.ZERO,
          timer,
          watchdog,
          new Backoff(new SecureRandom()));
      Thread.sleep(START_EVERY);
    }
    Thread.currentThread().join();
  }
}
