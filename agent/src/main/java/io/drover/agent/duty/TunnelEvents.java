package io.drover.agent.duty;

import io.drover.agent.kube.ClusterWriter;
import io.drover.agent.reason.Problem;
import io.drover.agent.reason.Reason;
import io.drover.agent.retry.Allowance;
import java.io.IOException;
import java.time.Clock;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;

/**
 * Tells the agent's own pod by an Event when a tunnel is down for another reason than before, and
 * when it is back, so that {@code kubectl describe pod} shows it.
 */
final class TunnelEvents implements Duty {
  /** So many Events at once; what comes then waits for its turn. */
  static final int BURST = 10;

  /** One more may be written after so long. Over a day they are no burden to the API server. */
  static final Duration ONE_MORE_AFTER = Duration.ofMinutes(1);

  static final String CONNECTED = "TunnelConnected";

  /** What is no news: it is so at each start, and by intention. */
  private static final Set<Reason> SILENT =
      Set.of(Reason.NOT_CONNECTED_YET, Reason.NOT_WANTED, Reason.SHUTTING_DOWN);

  private final String pod;
  private final Supplier<? extends Map<String, Optional<Problem>>> tunnels;
  private final ClusterWriter writer;
  private final Clock clock;
  private final Map<String, Optional<Reason>> told = new HashMap<>();
  private final Allowance allowance;

  /**
   * Makes one that has told nothing yet.
   *
   * @param pod the agent's own; empty: it is no pod
   * @param tunnels by their names, what keeps them down; empty: they are connected
   */
  TunnelEvents(
      String pod,
      Supplier<? extends Map<String, Optional<Problem>>> tunnels,
      ClusterWriter writer,
      Clock clock) {
    this.pod = pod;
    this.tunnels = tunnels;
    this.writer = writer;
    this.clock = clock;
    this.allowance = new Allowance(BURST, ONE_MORE_AFTER, nowNanos());
  }

  @Override
  public boolean pass() throws IOException, InterruptedException {
    if (pod.isEmpty()) {
      return true;
    }
    for (var tunnel : tunnels.get().entrySet()) {
      var reason = tunnel.getValue().map(Problem::reason);
      boolean silent = reason.filter(SILENT::contains).isPresent();
      if (silent || reason.equals(told.get(tunnel.getKey()))) {
        continue;
      }
      if (!allowance.take(nowNanos())) {
        return true; // told at a later pass, if it is still so
      }
      tell(tunnel.getKey(), tunnel.getValue());
      told.put(tunnel.getKey(), reason);
    }
    return true;
  }

  private void tell(String tunnel, Optional<Problem> problem)
      throws IOException, InterruptedException {
    if (problem.isEmpty()) {
      writer.addPodEvent(
          Duties.NAMESPACE, pod, false, CONNECTED, "tunnel " + tunnel + " is connected");
    } else {
      writer.addPodEvent(
          Duties.NAMESPACE,
          pod,
          true,
          problem.get().reason().code(),
          "tunnel " + tunnel + " is down: " + problem.get().text());
    }
  }

  private long nowNanos() {
    return TimeUnit.MILLISECONDS.toNanos(clock.millis());
  }
}
