package io.drover.e2e;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.drover.e2e.IsolationWorld.User;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/** What Kubernetes itself says of who may do what, each question asked once. Any thread. */
final class AccessReviews implements AutoCloseable {
  private final ControlPlane plane;
  private final HttpClient client;
  private final Map<Question, Boolean> answers = new ConcurrentHashMap<>();

  private record Question(
      User user, String verb, String group, String resource, String namespace, String name) {}

  AccessReviews(ControlPlane plane) throws IOException {
    this.plane = plane;
    this.client = Https.trusting(plane.caFile(), HttpClient.Version.HTTP_2);
  }

  /** Whether a verb is allowed; an empty namespace is every one, an empty name every name. */
  boolean allow(
      User user, String verb, String group, String resource, String namespace, String name) {
    return answers.computeIfAbsent(
        new Question(user, verb, group, resource, namespace, name), this::ask);
  }

  /** Whether Kubernetes would show an object: alone, or among others. */
  boolean show(User user, String group, String resource, String namespace, String name) {
    return allow(user, "get", group, resource, namespace, name)
        || allow(user, "list", group, resource, namespace, "")
        || allow(user, "list", group, resource, namespace, name);
  }

  int asked() {
    return answers.size();
  }

  private boolean ask(Question question) {
    var review = VectorCase.JSON.createObjectNode();
    review.put("apiVersion", "authorization.k8s.io/v1").put("kind", "SubjectAccessReview");
    var spec = review.putObject("spec").put("user", question.user().name());
    var groups = spec.putArray("groups");
    question.user().groups().forEach(groups::add);
    spec.putObject("resourceAttributes")
        .put("verb", question.verb())
        .put("group", question.group())
        .put("resource", question.resource())
        .put("namespace", question.namespace())
        .put("name", question.name());
    var path = "/apis/authorization.k8s.io/v1/subjectaccessreviews";
    var request =
        HttpRequest.newBuilder(URI.create("https://" + plane.address() + path))
            .header("Authorization", "Bearer " + plane.token())
            .header("Content-Type", "application/json")
            .timeout(Kubectl.LIMIT)
            .POST(BodyPublishers.ofString(review.toString(), UTF_8))
            .build();
    try {
      var answer = client.send(request, BodyHandlers.ofString(UTF_8));
      if (answer.statusCode() != 201) {
        throw new AssertionError(answer.body());
      }
      return VectorCase.JSON.readTree(answer.body()).at("/status/allowed").asBoolean();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new AssertionError(e);
    }
  }

  @Override
  public void close() {
    client.close();
  }
}
