package io.drover.agent;

import io.drover.agent.health.TunnelReading;
import io.drover.agent.reason.Failure;
import io.drover.agent.reason.Reason;
import java.io.IOException;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.LongSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The last step for a tunnel that does not come up: a new process. The steps before it are in
 * {@link io.drover.agent.tunnel.TunnelClient}.
 *
 * <p>It is taken only if the fault is most likely ours: the reason is one that a server disproves
 * which answers {@code /ping} at the same moment, on the same way. What a server, a proxy or the
 * cluster refuses, no new process changes. For one thread.
 */
final class LastResort {
  /** A new process waits so long, so that there is one an hour at most. */
  static final Duration MIN_UPTIME = Duration.ofHours(1);

  /** A tunnel is down for so long: a hundred attempts and more. */
  static final Duration DOWN_LIMIT = Duration.ofMinutes(30);

  /** Reasons that an answer to {@code /ping} disproves, or that are none. */
  static final Set<Reason> DISPROVED =
      Set.of(
          Reason.NOT_CONNECTED_YET,
          Reason.DNS_NOT_FOUND,
          Reason.DNS_FAILED,
          Reason.DNS_TIMEOUT,
          Reason.CONNECT_REFUSED,
          Reason.CONNECT_TIMEOUT,
          Reason.NO_ROUTE,
          Reason.PROXY_UNREACHABLE,
          Reason.NOT_TLS,
          Reason.TLS_VERSION,
          Reason.TLS_FAILED,
          Reason.TLS_TIMEOUT,
          Reason.OTHER);

  private static final Logger log = LoggerFactory.getLogger(LastResort.class);

  /** Asks the server for a sign of life, on the tunnels' way; throws if it gives none. */
  @FunctionalInterface
  interface Ping {
    void ask() throws IOException;
  }

  private final LongSupplier clock;
  private final Ping ping;
  private final long startNanos;
  private final Map<String, Long> downSinceNanos = new HashMap<>(); // by tunnel

  /**
   * Begins to count the uptime.
   *
   * @param clock in nanoseconds; as {@link System#nanoTime}
   */
  LastResort(LongSupplier clock, Ping ping) {
    this.clock = clock;
    this.ping = ping;
    this.startNanos = clock.getAsLong();
  }

  /**
   * One look, to be taken about once a minute. Waits for the server's answer if all else speaks for
   * the last step.
   *
   * @throws Failure with {@link Reason#STRANDED}: the process is to end
   */
  void look(List<TunnelReading> tunnels) throws Failure {
    long now = clock.getAsLong();
    var down =
        tunnels.stream().filter(LastResort::isDownForNothing).map(TunnelReading::tunnel).toList();
    downSinceNanos.keySet().retainAll(down);
    down.forEach(tunnel -> downSinceNanos.putIfAbsent(tunnel, now));
    var stranded =
        downSinceNanos.entrySet().stream()
            .filter(since -> now - since.getValue() >= DOWN_LIMIT.toNanos())
            .map(Map.Entry::getKey)
            .findFirst();
    if (now - startNanos < MIN_UPTIME.toNanos() || stranded.isEmpty()) {
      return;
    }
    try {
      ping.ask();
    } catch (IOException e) {
      log.debug("server does not answer, so it is not ours: reason={}", e.getMessage());
      downSinceNanos.replaceAll((_, _) -> now); // it has been away for a part of that time
      return;
    }
    throw new Failure(
        Reason.STRANDED,
        "tunnel %s is down for more than %d min and the server answers /ping"
            .formatted(stranded.get(), DOWN_LIMIT.toMinutes()));
  }

  private static boolean isDownForNothing(TunnelReading tunnel) {
    var problem = tunnel.problem();
    return tunnel.wanted() && problem != null && DISPROVED.contains(problem.reason());
  }
}
