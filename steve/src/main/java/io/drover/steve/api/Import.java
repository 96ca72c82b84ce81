package io.drover.steve.api;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.drover.steve.kube.ApiRequest;
import io.drover.steve.kube.ApiRequest.Body;
import io.drover.steve.kube.ApiServer;
import io.drover.steve.kube.Json;
import io.drover.steve.kube.ObjectId;
import io.drover.steve.kube.Refusal;
import io.drover.steve.kube.User;
import io.drover.steve.manifest.Manifest;
import io.drover.steve.manifest.Manifests;
import io.drover.steve.query.Shape;
import io.drover.steve.schema.ResourceType;
import java.io.IOException;
import java.net.HttpURLConnection;
import java.time.Clock;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Applies what somebody imports, object by object and in the user's name, as {@code kubectl apply
 * --server-side --force-conflicts} does. One object's failure does not keep the others from being
 * tried; the answer says what became of each.
 */
final class Import {
  /** To whom the API server says that the fields belong. */
  static final String FIELD_MANAGER = "rancher-import";

  private static final String APPLY = "application/apply-patch+yaml";
  private static final String DEFAULT_NAMESPACE = "default";
  private static final int UNAVAILABLE = 503;

  private final ApiServer api;
  private final Clock clock;

  /** Asks nothing yet. */
  Import(ApiServer api, Clock clock) {
    this.api = api;
    this.clock = clock;
  }

  /** What became of an object: it is there, or is refused. */
  private sealed interface Outcome {
    /** It is there. */
    record Applied(ResourceType type, ObjectNode object) implements Outcome {}

    /** It is not, or is as it was. */
    record Refused(Refusal why) implements Outcome {}
  }

  /** An object of which is known what became of it. */
  private record Done(Manifest manifest, Outcome outcome) {}

  /** Answers a call that asks for it. */
  void answer(Call call) throws IOException {
    if (call.user().name().equals(User.NOBODY)) {
      throw new Refusal(403, "Forbidden", "nobody may import: the server does not name its user");
    }
    var input = input(call);
    var yaml = input.path("yaml");
    if (!yaml.isTextual()) {
      throw Refusal.unparsable("yaml is missing: send the objects' text in it");
    }
    String namespace = input.path("defaultNamespace").asText("");
    var manifests = Manifests.parse(yaml.asText(""));
    var done = apply(call, manifests, namespace.isEmpty() ? DEFAULT_NAMESPACE : namespace);
    done.sort(Comparator.comparingInt(one -> manifests.indexOf(one.manifest())));
    send(call, done);
  }

  private static JsonNode input(Call call) throws IOException {
    try {
      var tree = Json.MAPPER.readTree(call.request().body());
      if (tree instanceof ObjectNode) {
        return tree;
      }
      throw Refusal.unparsable("the body is no object: send yaml and defaultNamespace");
    } catch (JsonProcessingException e) {
      throw Refusal.unparsable(e.getOriginalMessage());
    }
  }

  private List<Done> apply(Call call, List<Manifest> manifests, String namespace) {
    var kinds = new ImportTypes(api);
    var done = new ArrayList<Done>();
    // What others are in or of comes first, wherever it stands.
    var ordered = new ArrayList<>(manifests);
    ordered.sort(Comparator.comparing(manifest -> !isBase(manifest)));
    Optional<Refusal> silent = Optional.empty();
    for (var manifest : ordered) {
      if (silent.isPresent()) {
        done.add(new Done(manifest, new Outcome.Refused(silent.get())));
        continue;
      }
      try {
        done.add(new Done(manifest, one(call, kinds, manifest, namespace)));
        if (isDefinition(manifest)) {
          kinds.brings(manifest);
        }
      } catch (Refusal e) {
        done.add(new Done(manifest, new Outcome.Refused(explained(e))));
      } catch (IOException e) {
        // The others would wait as long: it is told, and nobody knows whether this one was taken.
        done.add(
            new Done(
                manifest,
                new Outcome.Refused(unanswered(e + ": look whether it is there, and try again"))));
        silent =
            Optional.of(unanswered("not tried, since the API server does not answer: try again"));
      }
    }
    return done;
  }

  private static Refusal unanswered(String why) {
    return new Refusal(UNAVAILABLE, "ClusterUnavailable", why);
  }

  private static boolean isBase(Manifest manifest) {
    return isDefinition(manifest)
        || (manifest.group().isEmpty() && manifest.kind().equals("Namespace"));
  }

  private static boolean isDefinition(Manifest manifest) {
    return manifest.kind().equals("CustomResourceDefinition");
  }

  private Outcome one(Call call, ImportTypes kinds, Manifest manifest, String defaultNamespace)
      throws IOException {
    var type = kinds.of(manifest);
    String namespace = "";
    if (type.namespaced()) {
      namespace = manifest.namespace().isEmpty() ? defaultNamespace : manifest.namespace();
    }
    String path = type.path(ApiRequest.segment(namespace));
    // What is applied may be new: who may change and not create something would create it.
    call.schemas().access().limits().check("POST", path);
    try (var answer = api.send(request(call.user(), manifest, path))) {
      call.reply().warn(answer.warnings());
      return new Outcome.Applied(type, Rows.one(answer.body()));
    }
  }

  /** A name that is to be made up cannot be there yet: the object is created, and not applied. */
  private static ApiRequest request(User user, Manifest manifest, String path) throws Refusal {
    boolean isNew = manifest.name().isEmpty();
    String query = "?includeObject=Object&fieldManager=" + FIELD_MANAGER;
    String target =
        isNew
            ? path + query
            : path + "/" + ApiRequest.segment(manifest.name()) + query + "&force=true";
    var body = new Body(isNew ? "application/yaml" : APPLY, manifest.text().getBytes(UTF_8));
    return new ApiRequest(
        isNew ? "POST" : "PATCH",
        target,
        ApiRequest.TABLE,
        Optional.of(user),
        Optional.of(body),
        ApiRequest.LIMIT);
  }

  /** With what to do about it. */
  private static Refusal explained(Refusal refusal) {
    // 401 would log the user out of Rancher, and is ours: his own name has no password here.
    int status =
        refusal.status() == HttpURLConnection.HTTP_UNAUTHORIZED
            ? HttpURLConnection.HTTP_FORBIDDEN
            : refusal.status();
    String remedy =
        switch (status) {
          case HttpURLConnection.HTTP_FORBIDDEN ->
              refusal.isGuarded() ? "" : ": ask for a role that allows it";
          case HttpURLConnection.HTTP_NOT_FOUND ->
              ": create the namespace first, or import it together with this";
          case HttpURLConnection.HTTP_BAD_REQUEST, Refusal.UNPROCESSABLE ->
              refusal.code().equals("InvalidBodyContent") ? "" : ": correct the object";
          case HttpURLConnection.HTTP_CONFLICT -> ": try again";
          // With which the API server also answers what it cannot decode.
          case HttpURLConnection.HTTP_INTERNAL_ERROR -> ": correct the object, or try again";
          default -> "";
        };
    return new Refusal(status, refusal.code(), refusal.getMessage() + remedy);
  }

  private void send(Call call, List<Done> done) throws IOException {
    Optional<Refusal> first = Optional.empty();
    for (var one : done) {
      if (first.isEmpty() && one.outcome() instanceof Outcome.Refused(var why)) {
        first = Optional.of(why);
      }
    }
    if (first.isPresent()) {
      call.reply().object(first.get().status(), failure(done, first.get()), call.links());
      return;
    }
    var objects = new ArrayList<ObjectNode>();
    for (var one : done) {
      if (one.outcome() instanceof Outcome.Applied(var type, var object)) {
        objects.add(shown(call, type, object));
      }
    }
    Envelope.send(call, objects);
  }

  private ObjectNode shown(Call call, ResourceType type, ObjectNode object) {
    var schema = call.schemas().lookup(type.id());
    if (schema != null) {
      var view = new View(call, schema, type, new Shape(List.of(), List.of(), List.of()), clock);
      View.explain(object, clock);
      return view.of(object);
    }
    // A type that was not there a moment ago, or that he may write and not see.
    View.rename(object);
    return Envelope.of(ObjectId.of(object), type.id(), Map.of(), object);
  }

  /** One sentence an object, since that is what a page shows; and the same for programs. */
  private static ObjectNode failure(List<Done> done, Refusal first) {
    var lines = new ArrayList<String>();
    var results = Json.MAPPER.createArrayNode();
    int applied = 0;
    for (var one : done) {
      var manifest = one.manifest();
      var result = results.addObject();
      result.put("place", manifest.place());
      result.put("apiVersion", manifest.apiVersion());
      result.put("kind", manifest.kind());
      result.put("namespace", manifest.namespace());
      result.put("name", manifest.name());
      switch (one.outcome()) {
        case Outcome.Applied _ -> {
          applied++;
          result.put("applied", true);
        }
        case Outcome.Refused(var why) -> {
          lines.add(manifest.title() + ": " + why.getMessage());
          result.put("applied", false);
          result.put("status", why.status());
          result.put("code", why.code());
          result.put("message", why.getMessage());
        }
      }
    }
    String message =
        "%d of %d objects were applied\n".formatted(applied, done.size())
            + String.join("\n", lines);
    var error = Reply.error(new Refusal(first.status(), first.code(), message));
    error.set("results", results);
    return error;
  }
}
