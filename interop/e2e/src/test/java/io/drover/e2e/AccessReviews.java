package io.drover.e2e;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.drover.e2e.IsolationWorld.User;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;
import java.util.Collection;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/**
 * What Kubernetes itself says of who may do what, each question asked once. Any thread.
 *
 * <p>Only a SubjectAccessReview decides. Which names are worth a question, a SelfSubjectRulesReview
 * says, one for each user and namespace; that it leaves nothing out, one in {@link #SAMPLE} of the
 * other questions is asked to see.
 */
final class AccessReviews implements AutoCloseable {
  private static final int SAMPLE = 16;
  private static final String API = "/apis/authorization.k8s.io/v1/";

  private final ControlPlane plane;
  private final HttpClient client;
  private final Map<Question, Boolean> answers = new ConcurrentHashMap<>();
  private final Map<Place, JsonNode> rules = new ConcurrentHashMap<>();

  private record Question(
      User user, String verb, String group, String resource, String namespace, String name) {}

  private record Place(User user, String namespace) {}

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

  /**
   * Whether a verb is allowed on everything of a kind in a namespace, or on one of the names.
   *
   * @param namespace of the objects; empty: they are in none
   */
  boolean allowAny(
      User user,
      String verb,
      String group,
      String resource,
      String namespace,
      Collection<String> names) {
    var told = told(user, verb, group, resource, namespace);
    var all = new LinkedHashSet<String>();
    all.add("");
    all.addAll(names);
    boolean allowed = false;
    for (String name : all) {
      boolean isTold = told.contains("") || told.contains(name);
      var question = new Question(user, verb, group, resource, namespace, name);
      if (!isTold && Math.floorMod(question.hashCode(), SAMPLE) != 0) {
        continue;
      }
      if (allow(user, verb, group, resource, namespace, name)) {
        if (!isTold) {
          throw new AssertionError("a rules review leaves out what is allowed: " + question);
        }
        allowed = true;
      }
    }
    return allowed;
  }

  /** The names that rules give; with an empty one if they give all. */
  private Set<String> told(
      User user, String verb, String group, String resource, String namespace) {
    // Rules for what is in no namespace are told with those of any.
    var place =
        new Place(user, namespace.isEmpty() ? IsolationWorld.NAMESPACES.getFirst() : namespace);
    var names = new HashSet<String>();
    for (var rule : rules.computeIfAbsent(place, this::rules)) {
      if (has(rule.path("verbs"), verb)
          && has(rule.path("apiGroups"), group)
          && has(rule.path("resources"), resource)) {
        rule.path("resourceNames").forEach(name -> names.add(name.asText()));
        if (rule.path("resourceNames").isEmpty()) {
          names.add("");
        }
      }
    }
    return names;
  }

  private static boolean has(JsonNode list, String value) {
    return list.valueStream()
        .anyMatch(one -> one.asText().equals("*") || one.asText().equals(value));
  }

  private JsonNode rules(Place place) {
    var review = review("SelfSubjectRulesReview");
    review.putObject("spec").put("namespace", place.namespace());
    var request = request("selfsubjectrulesreviews", review);
    request.header("Impersonate-User", place.user().name());
    place.user().groups().forEach(group -> request.header("Impersonate-Group", group));
    var status = send(request.build()).path("status");
    if (status.path("incomplete").asBoolean()) {
      throw new AssertionError(status);
    }
    return status.path("resourceRules");
  }

  /** Reviews of either kind. */
  int asked() {
    return answers.size() + rules.size();
  }

  private boolean ask(Question question) {
    var review = review("SubjectAccessReview");
    var spec = review.putObject("spec").put("user", question.user().name());
    var groups = spec.putArray("groups");
    question.user().groups().forEach(groups::add);
    spec.putObject("resourceAttributes")
        .put("verb", question.verb())
        .put("group", question.group())
        .put("resource", question.resource())
        .put("namespace", question.namespace())
        .put("name", question.name());
    return send(request("subjectaccessreviews", review).build()).at("/status/allowed").asBoolean();
  }

  private static ObjectNode review(String kind) {
    return VectorCase.JSON
        .createObjectNode()
        .put("apiVersion", "authorization.k8s.io/v1")
        .put("kind", kind);
  }

  private HttpRequest.Builder request(String resource, ObjectNode review) {
    return HttpRequest.newBuilder(URI.create("https://" + plane.address() + API + resource))
        .header("Authorization", "Bearer " + plane.token())
        .header("Content-Type", "application/json")
        .timeout(Kubectl.LIMIT)
        .POST(BodyPublishers.ofString(review.toString(), UTF_8));
  }

  private JsonNode send(HttpRequest request) {
    try {
      var answer = client.send(request, BodyHandlers.ofString(UTF_8));
      if (answer.statusCode() != 201) {
        throw new AssertionError(answer.body());
      }
      return VectorCase.JSON.readTree(answer.body());
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
