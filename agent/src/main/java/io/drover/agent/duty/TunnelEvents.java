package io.drover.agent.duty;

import io.drover.agent.kube.ClusterWriter;
import io.drover.agent.reason.Problem;
import io.drover.agent.reason.Reason;
import io.drover.agent.retry.Allowance;
import java.io.IOException;
import java.time.Clock;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;

/**
 * Tells the agent's own pod by an Event when a tunnel or another feature does not work for another
 * reason than before, and when it is back, so that {@code kubectl describe pod} shows it.
 */
final class TunnelEvents implements Duty {
  /** So many Events at once; what comes then waits for its turn. */
  static final int BURST = 10;

  /** One more may be written after so long. Over a day they are no burden to the API server. */
  static final Duration ONE_MORE_AFTER = Duration.ofMinutes(1);

  static final String CONNECTED = "TunnelConnected";
  static final String WORKS = "FeatureWorks";

  /** What is no news: it is so at each start, and by intention. */
  private static final Set<Reason> SILENT =
      Set.of(Reason.NOT_CONNECTED_YET, Reason.NOT_WANTED, Reason.SHUTTING_DOWN);

  private final String pod;
  private final Supplier<? extends Map<String, Optional<Problem>>> tunnels;
  private final Supplier<? extends SortedMap<String, Problem>> degraded;
  private final ClusterWriter writer;
  private final Clock clock;
  private final Map<String, Optional<Reason>> told = new HashMap<>();
  private final SortedMap<String, Reason> toldDegraded = new TreeMap<>();
  private final Allowance allowance;

  /**
   * Makes one that has told nothing yet.
   *
   * @param pod the agent's own; empty: it is no pod
   * @param tunnels by their names, what keeps them down; empty: they are connected
   * @param degraded by their names, other features that do not work, and why
   */
  TunnelEvents(
      String pod,
      Supplier<? extends Map<String, Optional<Problem>>> tunnels,
      Supplier<? extends SortedMap<String, Problem>> degraded,
      ClusterWriter writer,
      Clock clock) {
    this.pod = pod;
    this.tunnels = tunnels;
    this.degraded = degraded;
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
      var problem = tunnel.getValue();
      if (problem.isEmpty()) {
        tell(CONNECTED, "tunnel " + tunnel.getKey() + " is connected");
      } else {
        tell("tunnel " + tunnel.getKey() + " is down: ", problem.get());
      }
      told.put(tunnel.getKey(), reason);
    }
    return passDegraded();
  }

  private boolean passDegraded() throws IOException, InterruptedException {
    var now = degraded.get();
    for (var feature : now.entrySet()) {
      var reason = feature.getValue().reason();
      if (reason != toldDegraded.get(feature.getKey())) {
        if (!allowance.take(nowNanos())) {
          return true;
        }
        tell(feature.getKey() + " does not work: ", feature.getValue());
        toldDegraded.put(feature.getKey(), reason);
      }
    }
    for (String feature : List.copyOf(toldDegraded.keySet())) {
      if (!now.containsKey(feature)) {
        if (!allowance.take(nowNanos())) {
          return true;
        }
        tell(WORKS, feature + " works");
        toldDegraded.remove(feature);
      }
    }
    return true;
  }

  private void tell(String what, Problem problem) throws IOException, InterruptedException {
    writer.addPodEvent(Duties.NAMESPACE, pod, true, problem.reason().code(), what + problem.text());
  }

  private void tell(String event, String message) throws IOException, InterruptedException {
    writer.addPodEvent(Duties.NAMESPACE, pod, false, event, message);
  }

  private long nowNanos() {
    return TimeUnit.MILLISECONDS.toNanos(clock.millis());
  }
}
