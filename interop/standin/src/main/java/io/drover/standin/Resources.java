package io.drover.standin;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.drover.standin.ObjectStore.ObjectKey;
import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.function.Predicate;
import java.util.function.UnaryOperator;

/**
 * The verbs on objects. Any thread; a request that may not be served ends with a {@link Refusal}.
 */
final class Resources {
  private static final String TABLE_FORM = "as=Table";
  private static final String METADATA_FORM = "as=PartialObjectMetadata";

  private final ObjectStore store;
  private final Tokens tokens;

  Resources(ObjectStore store, Tokens tokens) {
    this.store = store;
    this.tokens = tokens;
  }

  /**
   * Answers a request.
   *
   * @param user whose token it came with
   * @throws InterruptedException if the server is closed during a watch
   */
  void serve(Request request, Target target, String user) throws IOException, InterruptedException {
    if (target.type().isReview() || target.subresource().equals("token")) {
      request.answer(201, review(request, target, user));
    } else if (target.subresource().equals("scale") && target.type().kind().equals("Deployment")) {
      request.answer(200, scale(request, target.key()));
    } else if (!target.subresource().isEmpty() && !isStatus(target)) {
      throw Refusal.standIn("'" + target.subresource() + "' of " + target.type().plural());
    } else if (target.name().isEmpty()) {
      serveList(request, target);
    } else {
      serveObject(request, target);
    }
  }

  private static boolean isStatus(Target target) {
    return target.subresource().equals("status") && target.type().subresources().contains("status");
  }

  private void serveList(Request request, Target target) throws IOException, InterruptedException {
    switch (request.method()) {
      case "GET" -> {
        if (request.isSet("watch")) {
          new Watch(store, request, target).run();
        } else {
          request.answer(200, list(request, target));
        }
      }
      case "POST" -> {
        var object = checked(request.object(), target);
        if (target.type().subresources().contains("status")
            && !target.type().kind().equals("Node")) {
          object.remove("status");
        }
        String namespace = target.namespace();
        if (target.type().namespaced() && namespace.isEmpty()) {
          throw Refusal.badRequest("an object of this type needs a namespace in the path");
        }
        var created = store.create(target.type(), namespace, object, request.isDryRun());
        request.answer(201, form(request, target.type(), created));
      }
      case "DELETE" -> {
        var matching = matching(request);
        for (ObjectNode object : store.list(target.type(), target.namespace()).items()) {
          if (matching.test(object)) {
            store.delete(key(target.type(), object), request.isDryRun());
          }
        }
        request.answer(200, success());
      }
      default -> throw notAllowed(request);
    }
  }

  private ObjectNode list(Request request, Target target) {
    var listing = store.list(target.type(), target.namespace());
    var items = listing.items().stream().filter(matching(request)).toList();
    String version = Long.toString(listing.version());
    String accept = request.header("Accept");
    if (accept.contains(TABLE_FORM)) {
      return Table.of(target.type(), items, version, wholeObjects(request));
    }
    boolean metadataOnly = accept.contains(METADATA_FORM);
    var list =
        metadataOnly
            ? Json.object("meta.k8s.io/v1", "PartialObjectMetadataList")
            : Json.object(target.type().apiVersion(), target.type().kind() + "List");
    list.putObject("metadata").put("resourceVersion", version);
    var array = list.putArray("items");
    items.forEach(item -> array.add(metadataOnly ? Table.metadataOnly(item) : item));
    return list;
  }

  private void serveObject(Request request, Target target)
      throws IOException, InterruptedException {
    var type = target.type();
    switch (request.method()) {
      case "GET" -> {
        if (request.isSet("watch")) {
          new Watch(store, request, target).run();
        } else {
          request.answer(200, form(request, type, store.get(target.key())));
        }
      }
      case "PUT" -> {
        var object = checked(request.object(), target);
        request.answer(200, form(request, type, change(request, target, _ -> object)));
      }
      case "PATCH" -> request.answer(200, form(request, type, patch(request, target)));
      case "DELETE" -> {
        boolean isDryRun = request.isDryRun() || request.object().has("dryRun");
        var deleted = store.delete(target.key(), isDryRun);
        var status = success();
        status
            .putObject("details")
            .put("name", target.name())
            .put("kind", type.plural())
            .put("uid", Json.metadata(deleted, "uid"));
        boolean isMarked = deleted.path("metadata").has("deletionTimestamp");
        request.answer(200, isMarked ? deleted : status);
      }
      default -> throw notAllowed(request);
    }
  }

  private ObjectNode patch(Request request, Target target) throws IOException {
    var kind = Patch.ofContentType(request.header("Content-Type"));
    var patch = request.tree();
    if (kind == Patch.APPLY && store.find(target.key()).isEmpty()) {
      var object = Json.object(target.type().apiVersion(), target.type().kind());
      kind.apply(object, patch);
      return store.create(
          target.type(), target.namespace(), checked(object, target), request.isDryRun());
    }
    return change(request, target, object -> kind.apply(object, patch));
  }

  /** Status and the rest of an object are changed by different requests. */
  private ObjectNode change(Request request, Target target, UnaryOperator<ObjectNode> change) {
    boolean hasStatus = target.type().subresources().contains("status");
    return store.update(
        target.key(),
        before -> {
          var status = before.path("status").deepCopy();
          if (isStatus(target)) {
            var whole = before.deepCopy();
            whole.set("status", change.apply(before).path("status"));
            return whole;
          }
          var after = change.apply(before);
          if (hasStatus && !status.isMissingNode()) {
            after.set("status", status);
          }
          return after;
        },
        request.isDryRun());
  }

  /** The object, with name and namespace as in the path. */
  private static ObjectNode checked(ObjectNode object, Target target) {
    String kind = object.path("kind").asText(target.type().kind());
    if (!kind.equals(target.type().kind())) {
      throw Refusal.badRequest("a %s was sent to %s".formatted(kind, target.type().resource()));
    }
    var metadata = Json.metadata(object);
    String namespace = Json.metadata(object, "namespace");
    if (target.type().namespaced()
        && !namespace.isEmpty()
        && !namespace.equals(target.namespace())) {
      throw Refusal.badRequest(
          "the namespace of the provided object does not match the namespace sent on the request");
    }
    String name = Json.metadata(object, "name");
    if (!target.name().isEmpty()) {
      if (!name.isEmpty() && !name.equals(target.name())) {
        throw Refusal.badRequest("the name of the object does not match the name on the URL");
      }
      metadata.put("name", target.name());
    }
    return object;
  }

  private ObjectNode scale(Request request, ObjectKey key) throws IOException {
    var deployment = store.get(key);
    var scale = scaleOf(deployment);
    switch (request.method()) {
      case "GET" -> {
        return scale;
      }
      case "PUT" -> scale.setAll(request.object());
      case "PATCH" ->
          scale = Patch.ofContentType(request.header("Content-Type")).apply(scale, request.tree());
      default -> throw notAllowed(request);
    }
    int replicas = scale.at("/spec/replicas").asInt();
    return scaleOf(
        store.update(
            key,
            object -> {
              Json.child(object, "spec").put("replicas", replicas);
              return object;
            },
            request.isDryRun()));
  }

  private static ObjectNode scaleOf(ObjectNode deployment) {
    var scale = Json.object("autoscaling/v1", "Scale");
    scale.set("metadata", deployment.path("metadata").deepCopy());
    scale.putObject("spec").put("replicas", deployment.at("/spec/replicas").asInt());
    scale.putObject("status").put("replicas", deployment.at("/status/replicas").asInt());
    return scale;
  }

  private ObjectNode review(Request request, Target target, String user) throws IOException {
    if (!request.method().equals("POST")) {
      throw notAllowed(request);
    }
    var review = request.object();
    var status = Json.child(review, "status");
    switch (target.type().kind()) {
      case "ServiceAccount" -> {
        var account = store.get(target.key());
        long seconds = review.at("/spec/expirationSeconds").asLong(Duration.ofHours(1).toSeconds());
        var expiry = Instant.now().plusSeconds(seconds).truncatedTo(ChronoUnit.SECONDS);
        review.set("metadata", account.path("metadata").deepCopy());
        status
            .put("token", tokens.issue(target.namespace(), target.name()))
            .put("expirationTimestamp", expiry.toString());
      }
      case "SelfSubjectReview" -> {
        String impersonated = request.header("Impersonate-User");
        var info = status.putObject("userInfo");
        info.put("username", impersonated.isEmpty() ? user : impersonated);
        var groups = info.putArray("groups");
        request.headers("Impersonate-Group").forEach(groups::add);
        groups.add("system:authenticated");
      }
      default -> status.put("allowed", true).put("reason", "the stand-in allows everything");
    }
    return review;
  }

  /** An object in the form that the client asked for. */
  static ObjectNode form(Request request, ResourceType type, ObjectNode object) {
    String accept = request.header("Accept");
    if (accept.contains(TABLE_FORM)) {
      String version = Json.metadata(object, "resourceVersion");
      return Table.of(type, List.of(object), version, wholeObjects(request));
    }
    return accept.contains(METADATA_FORM) ? Table.metadataOnly(object) : object;
  }

  private static boolean wholeObjects(Request request) {
    return request.query("includeObject").equals("Object");
  }

  static Predicate<JsonNode> matching(Request request) {
    return Selector.labels(request.query("labelSelector"))
        .and(Selector.fields(request.query("fieldSelector")));
  }

  private static ObjectKey key(ResourceType type, ObjectNode object) {
    return new ObjectKey(type, Json.metadata(object, "namespace"), Json.metadata(object, "name"));
  }

  private static ObjectNode success() {
    var status = Json.object("v1", "Status").put("status", "Success");
    status.putObject("metadata");
    return status;
  }

  private static Refusal notAllowed(Request request) {
    return new Refusal(
        405, "MethodNotAllowed", "the server does not allow " + request.method() + " on this");
  }
}
