package io.drover.e2e;

import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Duration;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;

/** Requests of several users, one after the other each, until it is closed. */
final class Users implements AutoCloseable {
  private static final Duration LIMIT = Duration.ofSeconds(30);

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

  int answered() {
    return answered.get();
  }

  /** What went wrong so far: a line a request. */
  List<String> failures() {
    return List.copyOf(failures);
  }

  @Override
  public void close() {
    over.set(true);
    client.close(); // when all answers are there
  }
}
