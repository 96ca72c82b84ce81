package io.drover.agent.kube;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.drover.agent.kube.ApiReader.Listed;
import io.drover.agent.kube.ApiReader.Outcome;
import io.drover.proto.report.Cause;
import java.net.HttpURLConnection;
import java.net.URLEncoder;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * Objects of any kind, whatever is in them: found, freed of what hangs on them, deleted. Any
 * thread; methods block, for 10 s a request at most and 60 s a list. A refusal is a missing answer
 * with its cause.
 */
public final class ApiObjects {
  /** Of an object as it is. */
  static final String JSON = "application/json";

  private final ApiReader api;

  public ApiObjects(ApiReader api) {
    this.api = api;
  }

  /** What became of a change. */
  public enum Change {
    /** It was made. What has finalizers stays until they are taken off. */
    MADE,
    /** There was nothing to do. */
    NOT_NEEDED,
    /** The object has gone. */
    GONE,
    /** The object is not the one that was read, or not as it was read: look again. */
    CONFLICT
  }

  /** What is done with objects that have the deleted one as their owner. */
  public enum Dependents {
    /** They are deleted later. */
    AFTER("Background"),
    /** They are deleted first; the owner stays until then. */
    BEFORE("Foreground");

    private final String policy;

    Dependents(String policy) {
      this.policy = policy;
    }
  }

  /** Whether there is such an object; {@code namespace} is empty if it is in none. */
  public Answer<Boolean> exists(Resource resource, String namespace, String name)
      throws InterruptedException {
    return find(resource, namespace, name).map(Optional::isPresent);
  }

  /** The object, if there is one; {@code namespace} is empty if it is in none. */
  Answer<Optional<ObjectMetadata>> find(Resource resource, String namespace, String name)
      throws InterruptedException {
    return switch (api.get(resource.path(namespace, name), ObjectMetadata.FORM)) {
      case Answer.Found<JsonNode>(var object) ->
          new Answer.Found<>(Optional.of(ObjectMetadata.of(object)));
      case Answer.Missing<JsonNode>(var cause, _) when cause == Cause.NOT_SERVED ->
          new Answer.Found<>(Optional.empty());
      case Answer.Missing<JsonNode> missing -> missing.of();
    };
  }

  /**
   * Reads a list, of any length.
   *
   * @param namespace empty: all of them
   * @param labelSelector empty: whatever their labels
   * @param each gets the objects one by one, in this thread
   */
  public Answer<Listed> list(
      Resource resource, String namespace, String labelSelector, Consumer<ObjectMetadata> each)
      throws InterruptedException {
    String path = resource.path(namespace);
    if (!labelSelector.isEmpty()) {
      path += "?labelSelector=" + URLEncoder.encode(labelSelector, UTF_8);
    }
    return api.list(
        path, ObjectMetadata.LIST_FORM, object -> each.accept(ObjectMetadata.of(object)));
  }

  /** Deletes this object: not one that was put in its place. */
  public Answer<Change> delete(Resource resource, ObjectMetadata object, Dependents dependents)
      throws InterruptedException {
    var options = deleteOptions(dependents);
    options.putObject("preconditions").put("uid", object.uid());
    return change("DELETE", resource.path(object.namespace(), object.name()), JSON, options);
  }

  /** Deletes whatever has this name. */
  public Answer<Change> delete(Resource resource, String name) throws InterruptedException {
    return change("DELETE", resource.path("", name), JSON, deleteOptions(Dependents.AFTER));
  }

  private static ObjectNode deleteOptions(Dependents dependents) {
    return JsonNodeFactory.instance
        .objectNode()
        .put("apiVersion", "v1")
        .put("kind", "DeleteOptions")
        .put("propagationPolicy", dependents.policy);
  }

  /**
   * Takes something off an object, by reading it and writing it back: that needs the rights to
   * {@code get} and {@code update}, and none to {@code patch}.
   */
  public Answer<Change> takeOff(Resource resource, ObjectMetadata object, Removal removal)
      throws InterruptedException {
    String path = resource.path(object.namespace(), object.name());
    return switch (api.get(path)) {
      case Answer.Found<JsonNode>(var read) ->
          removal.takeFrom(read)
              ? change("PUT", path, JSON, read)
              : new Answer.Found<>(Change.NOT_NEEDED);
      case Answer.Missing<JsonNode>(var cause, _) when cause == Cause.NOT_SERVED ->
          new Answer.Found<>(Change.GONE);
      case Answer.Missing<JsonNode> missing -> missing.of();
    };
  }

  /** Any change: {@code body} is of {@code contentType}. */
  Answer<Change> change(String method, String path, String contentType, JsonNode body)
      throws InterruptedException {
    return switch (api.send(method, path, contentType, body, ObjectMetadata.FORM)) {
      case Answer.Found<Outcome>(var outcome) ->
          switch (outcome.status()) {
            case HttpURLConnection.HTTP_NOT_FOUND -> new Answer.Found<>(Change.GONE);
            case HttpURLConnection.HTTP_CONFLICT -> new Answer.Found<>(Change.CONFLICT);
            default ->
                outcome.isSuccess()
                    ? new Answer.Found<>(Change.MADE)
                    : new Answer.Missing<>(
                        outcome.cause(),
                        "%s %s: %d %s"
                            .formatted(method, path, outcome.status(), outcome.message()));
          };
      case Answer.Missing<Outcome> missing -> missing.of();
    };
  }
}
