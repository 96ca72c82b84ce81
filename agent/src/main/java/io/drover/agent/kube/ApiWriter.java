package io.drover.agent.kube;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.drover.agent.kube.ApiObjects.Change;
import java.io.IOException;
import java.time.Clock;
import java.time.temporal.ChronoUnit;
import java.util.Map;
import java.util.function.Consumer;

/** Changes by JSON merge patch, whose answers, too, are metadata only. */
public final class ApiWriter implements ClusterWriter {
  private static final String MERGE_PATCH = "application/merge-patch+json";

  /** Source: validation of Events in Kubernetes, {@code pkg/apis/core/validation/events.go}. */
  static final int MAX_EVENT_MESSAGE = 1_024;

  private static final Resource PODS = new Resource("/api/v1", "pods", "Pod");
  private static final Resource EVENTS = new Resource("/api/v1", "events", "Event");
  private static final Resource SECRETS = new Resource("/api/v1", "secrets", "Secret");

  private final ApiObjects objects;
  private final Clock clock;

  /**
   * Writes by {@code api}.
   *
   * @param clock gives Events their time
   */
  public ApiWriter(ApiReader api, Clock clock) {
    this.objects = new ApiObjects(api);
    this.clock = clock;
  }

  @Override
  public boolean annotateNode(String name, Map<String, String> annotations)
      throws IOException, InterruptedException {
    return patch("/api/v1/nodes/" + name, metadata("annotations", annotations));
  }

  @Override
  public boolean labelNamespace(String name, String resourceVersion, Map<String, String> labels)
      throws IOException, InterruptedException {
    var patch = metadata("labels", labels);
    patch.withObject("/metadata").put("resourceVersion", resourceVersion);
    return patch("/api/v1/namespaces/" + name, patch);
  }

  @Override
  public boolean annotateSecret(ObjectMetadata secret, Map<String, String> annotations)
      throws IOException, InterruptedException {
    return patch(secretPath(secret), metadata("annotations", annotations));
  }

  @Override
  public boolean scaleDeployment(String namespace, String name, int replicas)
      throws IOException, InterruptedException {
    var patch = JsonNodeFactory.instance.objectNode();
    patch.putObject("spec").put("replicas", replicas);
    return patch(
        "/apis/apps/v1/namespaces/%s/deployments/%s/scale".formatted(namespace, name), patch);
  }

  @Override
  public boolean addPodEvent(
      String namespace, String pod, boolean warning, String reason, String message)
      throws IOException, InterruptedException {
    var found = found(objects.find(PODS, namespace, pod));
    if (found.isEmpty()) {
      return false;
    }
    var now = clock.instant().truncatedTo(ChronoUnit.SECONDS).toString();
    var event = JsonNodeFactory.instance.objectNode();
    event.put("apiVersion", "v1").put("kind", EVENTS.kind());
    event.putObject("metadata").put("generateName", pod + ".").put("namespace", namespace);
    event
        .putObject("involvedObject")
        .put("apiVersion", "v1")
        .put("kind", PODS.kind())
        .put("namespace", namespace)
        .put("name", pod)
        .put("uid", found.get().uid());
    event
        .put("type", warning ? "Warning" : "Normal")
        .put("reason", reason)
        .put("message", message.substring(0, Math.min(message.length(), MAX_EVENT_MESSAGE)))
        .put("firstTimestamp", now)
        .put("lastTimestamp", now)
        .put("count", 1);
    event.putObject("source").put("component", "drover-agent");
    return isMade(objects.change("POST", EVENTS.path(namespace), ApiObjects.JSON, event));
  }

  @Override
  public void secrets(String namespace, String labelSelector, Consumer<ObjectMetadata> each)
      throws IOException, InterruptedException {
    found(objects.list(SECRETS, namespace, labelSelector, each));
  }

  @Override
  public boolean deleteSecret(ObjectMetadata secret) throws IOException, InterruptedException {
    var options = JsonNodeFactory.instance.objectNode();
    options.put("apiVersion", "v1").put("kind", "DeleteOptions");
    options
        .putObject("preconditions")
        .put("uid", secret.uid())
        .put("resourceVersion", secret.resourceVersion());
    return isMade(objects.change("DELETE", secretPath(secret), ApiObjects.JSON, options));
  }

  private static String secretPath(ObjectMetadata secret) {
    return SECRETS.path(secret.namespace(), secret.name());
  }

  private static ObjectNode metadata(String field, Map<String, String> values) {
    var patch = JsonNodeFactory.instance.objectNode();
    var fields = patch.putObject("metadata").putObject(field);
    values.forEach(fields::put);
    return patch;
  }

  private boolean patch(String path, JsonNode patch) throws IOException, InterruptedException {
    return isMade(objects.change("PATCH", path, MERGE_PATCH, patch));
  }

  private static boolean isMade(Answer<Change> answer) throws IOException {
    return found(answer) == Change.MADE; // otherwise it has gone, or is not as it was read
  }

  private static <T> T found(Answer<T> answer) throws IOException {
    return switch (answer) {
      case Answer.Found<T>(var value) -> value;
      case Answer.Missing<T> missing -> throw missing.failure();
    };
  }
}
