package io.drover.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.FieldSource;

/**
 * A pod goes when the next one is ready, as a rolling update does it, while users work: the server
 * dials by the oldest session as long as that is there.
 */
@Tag("interop")
@Order(5)
@ExtendWith(WithControlPlane.class)
final class RollingUpdateIT {
  private static final int USERS = 8;
  private static final Duration LIMIT = Duration.ofSeconds(30);

  @SuppressWarnings("unused") // by name, in the annotations
  static final List<String> VERSIONS = Peer.VERSIONS;

  /** Requests of several users, one after the other each, until it is closed. */
  private static final class Users implements AutoCloseable {
    private final HttpClient client;
    private final URI cluster;
    private final Duration pause;
    private final AtomicBoolean over = new AtomicBoolean();
    private final AtomicInteger answered = new AtomicInteger();
    private final Queue<String> failures = new ConcurrentLinkedQueue<>();

    Users(Peer peer, int count, Duration pause) throws IOException {
      this.pause = pause;
      client = Https.trusting(peer.caFile(), HttpClient.Version.HTTP_1_1);
      cluster = peer.clusterUrl();
      for (int user = 0; user < count; user++) {
        Thread.ofVirtual().name("user-" + user).start(this::work);
      }
    }

    private void work() {
      while (!over.get()) {
        try {
          ask("GET", "/api/v1/nodes", "");
          ask(
              "POST",
              "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
              """
              {"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview",
               "spec": {"nonResourceAttributes": {"verb": "get", "path": "/"}}}
              """);
          Thread.sleep(pause);
        } catch (InterruptedException e) {
          return;
        }
      }
    }

    private void ask(String method, String path, String body) throws InterruptedException {
      try {
        var request =
            HttpRequest.newBuilder(URI.create(cluster + path))
                .header("Authorization", "Bearer " + Peer.userToken())
                .header("Content-Type", "application/json")
                .method(method, HttpRequest.BodyPublishers.ofString(body))
                .timeout(LIMIT)
                .build();
        var answer = client.send(request, BodyHandlers.ofString());
        if (answer.statusCode() / 100 == 2) {
          answered.incrementAndGet();
        } else {
          failures.add(method + ": " + answer.statusCode() + " " + answer.body().strip());
        }
      } catch (IOException e) {
        failures.add(method + ": " + e);
      }
    }

    /** Waits for so many more answers. */
    void awaitAnswers(int more) throws InterruptedException {
      int until = answered.get() + more;
      Await.that(more + " more answers", LIMIT, () -> answered.get() >= until);
    }

    @Override
    public void close() {
      over.set(true);
      client.close(); // when all answers are there
    }
  }

  /**
   * As people and controllers work. All requests are answered: the old session ends when nothing is
   * on its way.
   */
  @ParameterizedTest
  @FieldSource("VERSIONS")
  void noRequestFailsWhileOnePodTakesOverFromAnother(String remotedialer, ControlPlane plane)
      throws Exception {
    assertThat(takeOver(plane, remotedialer, 2, Duration.ofMillis(1_500), 4)).isEmpty();
  }

  /**
   * There is no such moment if somebody asks all the time. Then what is on its way when the grace
   * time is over is lost, and nothing else: one request a user, and the one behind it if the server
   * sends that on a kept connection whose end it has not noticed yet.
   */
  @ParameterizedTest
  @FieldSource("VERSIONS")
  void underFullLoadOnlyWhatIsOnItsWayAtTheEndIsLost(String remotedialer, ControlPlane plane)
      throws Exception {
    assertThat(takeOver(plane, remotedialer, USERS, Duration.ZERO, 200))
        .hasSizeLessThanOrEqualTo(2 * USERS);
  }

  /** The requests that failed meanwhile. */
  private static List<String> takeOver(
      ControlPlane plane, String remotedialer, int count, Duration pause, int answers)
      throws Exception {
    var quiet = Map.of("DROVER_REPORTS", "off", "DROVER_DUTIES", "none");
    try (var installation = Installation.start(plane, "rolling-update", remotedialer, quiet);
        var users = new Users(installation.peer(), count, pause)) {
      var old = installation.agent();
      users.awaitAnswers(answers);
      try (var next =
          Agent.start("next", installation.directory(), plane, installation.imported(), quiet)) {
        next.awaitReady(Agent.READY_LIMIT);
        users.awaitAnswers(answers);
        assertThat(next.metric("streams_total", "cluster")).as("of the newer session").isZero();

        old.process().terminate();
        assertThat(old.process().awaitExit(LIMIT)).isZero();

        users.awaitAnswers(answers);
        assertThat(next.metric("streams_total", "cluster")).isPositive();
        System.out.printf(
            "rolling update: %s, users=%d answered=%d failed=%d%n",
            installation, count, users.answered.get(), users.failures.size());
        return List.copyOf(users.failures);
      }
    }
  }
}
