package io.drover.agent.kube;

import com.fasterxml.jackson.databind.JsonNode;
import io.drover.agent.config.HostPort;
import io.drover.agent.retry.Sleeper;
import java.io.IOException;
import java.net.HttpURLConnection;
import java.net.URI;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.time.format.DateTimeParseException;
import java.util.ArrayList;
import java.util.List;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The wait of a pod that is told to stop for the one that replaces it. Rancher's manifest has no
 * probes: to Kubernetes the new pod is ready when it has started, seconds before it has its
 * tunnels. A pod whose node is drained goes just as early. One thread.
 */
public final class Handover {
  /**
   * The longest wait. Kubernetes gives a pod of Rancher's manifest 30 s, of which draining takes
   * 10. Measured from the new pod's start to its tunnels: 5 s, on a busy machine 10.
   */
  public static final Duration LIMIT = Duration.ofSeconds(12);

  /** How soon a pod is replaced that has been evicted, if at all. */
  static final Duration NEWS_LIMIT = Duration.ofSeconds(1);

  /** Between two looks. */
  static final Duration LOOK_EVERY = Duration.ofMillis(500);

  /** For a pod to answer, and to be connected to. */
  static final Duration ANSWER_LIMIT = Duration.ofSeconds(1);

  static final String PODS =
      "/api/v1/namespaces/"
          + Fabric8ClusterApi.NAMESPACE
          + "/pods?labelSelector=app%3Dcattle-cluster-agent";

  private static final Logger log = LoggerFactory.getLogger(Handover.class);

  private final ApiReader api;
  private final String ownPod;
  private final int healthPort;
  private final Sleeper sleeper;
  private final InstantSource clock;

  /**
   * Asks nothing yet.
   *
   * @param ownPod name of this pod; nobody is waited for if there is no such pod
   * @param healthPort where each of the pods says whether it is ready
   */
  public Handover(
      ApiReader api, String ownPod, int healthPort, Sleeper sleeper, InstantSource clock) {
    this.api = api;
    this.ownPod = ownPod;
    this.healthPort = healthPort;
    this.sleeper = sleeper;
    this.clock = clock;
  }

  private record Pod(String name, Instant created, String address, boolean ending) {
    static Pod of(JsonNode pod) {
      var metadata = pod.path("metadata");
      return new Pod(
          metadata.path("name").asText(),
          instant(metadata.path("creationTimestamp").asText()),
          pod.path("status").path("podIP").asText(),
          metadata.hasNonNull("deletionTimestamp"));
    }

    /** Long ago if there is none: such a pod is nobody's successor. */
    private static Instant instant(String text) {
      try {
        return Instant.parse(text);
      } catch (DateTimeParseException _) {
        return Instant.MIN;
      }
    }
  }

  /** Returns when a younger pod is ready, when there is none, or at the limit. */
  public void await() throws InterruptedException {
    Instant start = clock.instant();
    while (true) {
      var successors = successors();
      if (successors.stream().anyMatch(this::isReady)) {
        return;
      }
      var waited = Duration.between(start, clock.instant());
      if (waited.compareTo(successors.isEmpty() ? NEWS_LIMIT : LIMIT) >= 0) {
        if (!successors.isEmpty()) {
          log.warn("the next pod is not ready: waitedSeconds={}", waited.toSeconds());
        }
        return;
      }
      sleeper.sleep(LOOK_EVERY);
    }
  }

  /** Empty also if the pods cannot be listed: the right to do so comes with reports. */
  private List<Pod> successors() throws InterruptedException {
    var pods = new ArrayList<Pod>();
    if (api.list(PODS, "application/json", pod -> pods.add(Pod.of(pod)))
        instanceof Answer.Missing) {
      return List.of();
    }
    return pods.stream()
        .filter(pod -> pod.name().equals(ownPod))
        .findFirst()
        .map(
            own ->
                pods.stream()
                    .filter(pod -> !pod.ending() && pod.created().isAfter(own.created()))
                    .toList())
        .orElse(List.of());
  }

  private boolean isReady(Pod pod) {
    if (pod.address().isEmpty()) {
      return false;
    }
    String authority = HostPort.join(pod.address(), Integer.toString(healthPort));
    try {
      var readiness = URI.create("http://" + authority + "/readyz").toURL();
      var connection = (HttpURLConnection) readiness.openConnection();
      try {
        connection.setConnectTimeout((int) ANSWER_LIMIT.toMillis());
        connection.setReadTimeout((int) ANSWER_LIMIT.toMillis());
        return connection.getResponseCode() == HttpURLConnection.HTTP_OK;
      } finally {
        connection.disconnect();
      }
    } catch (IOException _) {
      return false;
    }
  }
}
