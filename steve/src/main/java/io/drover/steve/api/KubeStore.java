package io.drover.steve.api;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import io.drover.steve.kube.ApiRequest;
import io.drover.steve.kube.ApiRequest.Body;
import io.drover.steve.kube.ApiServer;
import io.drover.steve.kube.Json;
import io.drover.steve.kube.Refusal;
import io.drover.steve.live.Feeds;
import io.drover.steve.live.LiveCounts;
import io.drover.steve.query.Dialect;
import io.drover.steve.query.Shape;
import io.drover.steve.schema.ResourceType;
import io.drover.steve.state.Computed;
import java.io.IOException;
import java.net.HttpURLConnection;
import java.time.Clock;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;

/** Objects of Kubernetes. Everything is asked in the user's name. */
public final class KubeStore implements Store {
  private static final String YAML_TYPE = "application/yaml";
  private static final String STRATEGIC = "application/strategic-merge-patch+json";
  private static final YAMLMapper YAML = new YAMLMapper();

  /** Parameters that mean something to Kubernetes. */
  private static final Set<String> OF_CREATE =
      Set.of("dryRun", "fieldManager", "fieldValidation", "pretty");

  private static final Set<String> OF_PATCH =
      Set.of("dryRun", "fieldManager", "fieldValidation", "force");

  private static final Set<String> OF_DELETE =
      Set.of("dryRun", "gracePeriodSeconds", "orphanDependents", "propagationPolicy");

  private final ApiServer api;
  private final KubeLists lists;
  private final Relations relations;
  private final Clock clock;

  /** Asks nothing yet. */
  public KubeStore(
      ApiServer api,
      Feeds feeds,
      ListRelations relations,
      LiveCounts counts,
      Dialect dialect,
      Clock clock) {
    this.api = api;
    this.lists = new KubeLists(api, feeds, relations, dialect, clock);
    this.relations = new Relations(api, counts, clock);
    this.clock = clock;
  }

  private static ResourceType type(Call call) {
    return call.schema().type().orElseThrow();
  }

  private static String target(Call call, String query) throws Refusal {
    var type = type(call);
    if (!type.namespaced() && !call.namespace().isEmpty()) {
      throw new Refusal(404, "NotFound", "the server could not find the requested resource");
    }
    String path = type.path(ApiRequest.segment(call.namespace()));
    return (call.name().isEmpty() ? path : path + "/" + ApiRequest.segment(call.name()))
        + (query.isEmpty() ? "" : "?" + query);
  }

  private static Shape shape(Call call) {
    var query = call.query();
    return new Shape(query.every("include"), query.every("exclude"), query.every("excludeValues"));
  }

  @Override
  public void get(Call call) throws IOException {
    ObjectNode object;
    try (var answer =
        api.send(
            ApiRequest.get(target(call, "includeObject=Object"), ApiRequest.TABLE)
                .as(call.user()))) {
      call.reply().warn(answer.warnings());
      object = Rows.one(answer.body());
    }
    send(call, HttpURLConnection.HTTP_OK, object);
  }

  private void send(Call call, int status, ObjectNode object) throws IOException {
    var view = new View(call, call.schema(), type(call), shape(call), clock);
    View.explain(object, clock);
    var relationships =
        view.wantsRelationships() ? relations.of(call, object) : Json.MAPPER.nullNode();
    call.reply().object(status, view.of(object, relationships), call.links());
  }

  @Override
  public void list(Call call) throws IOException {
    lists.list(call);
  }

  @Override
  public void create(Call call) throws IOException {
    var type = type(call);
    var object = body(call);
    var original = object.remove("_type");
    if (original != null) {
      object.set("type", original);
    }
    type.declare(object);
    var metadata = metadata(object);
    if (metadata.path("name").asText("").isEmpty()
        && metadata.path("generateName").asText("").isEmpty()) {
      metadata.put("generateName", call.schema().id().charAt(0) + "-");
    }
    String namespace = metadata.path("namespace").asText(call.namespace());
    if (type.namespaced()) {
      if (namespace.isEmpty()) {
        throw Refusal.body("metadata.namespace is required");
      }
      metadata.put("namespace", namespace);
    }
    String query = call.query().only(OF_CREATE).text();
    String path = type.path(type.namespaced() ? ApiRequest.segment(namespace) : "");
    change(call, "POST", query.isEmpty() ? path : path + "?" + query, json(object));
  }

  @Override
  public void update(Call call) throws IOException {
    var type = type(call);
    var object = body(call);
    Computed.strip(object);
    View.restore(object);
    type.declare(object);
    if (metadata(object).path("resourceVersion").asText("").isEmpty()) {
      throw Refusal.fault("metadata.resourceVersion is required for update");
    }
    change(call, "PUT", target(call, ""), json(object));
  }

  @Override
  public void patch(Call call) throws IOException {
    String contentType = call.request().fields().first("Content-Type");
    byte[] bytes = call.request().body();
    if (contentType.isEmpty()) {
      contentType = STRATEGIC;
    }
    if (contentType.equals(STRATEGIC) && Json.MAPPER.readTree(bytes) instanceof ObjectNode patch) {
      View.restoreNamed(patch);
      bytes = Json.MAPPER.writeValueAsBytes(patch);
    }
    change(
        call,
        "PATCH",
        target(call, call.query().only(OF_PATCH).text()),
        Optional.of(new Body(contentType, bytes)));
  }

  @Override
  public void delete(Call call) throws IOException {
    String target = target(call, call.query().only(OF_DELETE).text());
    var request = ApiRequest.change("DELETE", target, call.user(), Optional.empty());
    try (var answer = api.send(request)) {
      call.reply().warn(answer.warnings());
    }
    try {
      get(call);
    } catch (Refusal e) {
      if (e.status() != HttpURLConnection.HTTP_NOT_FOUND && !e.isGuarded()) {
        throw e;
      }
      call.reply().nothing(); // it is gone, or going, and not to be seen
    }
  }

  private void change(Call call, String method, String target, Optional<Body> body)
      throws IOException {
    ObjectNode object;
    int status;
    try (var answer = api.send(ApiRequest.change(method, target, call.user(), body))) {
      call.reply().warn(answer.warnings());
      status = answer.status();
      object = Json.object(answer.body());
    }
    send(call, status, object);
  }

  private static Optional<Body> json(ObjectNode object) throws JsonProcessingException {
    return Optional.of(new Body("application/json", Json.sorted(object)));
  }

  private static ObjectNode metadata(ObjectNode object) {
    return object.get("metadata") instanceof ObjectNode metadata
        ? metadata
        : object.putObject("metadata");
  }

  private static ObjectNode body(Call call) throws IOException {
    byte[] bytes = call.request().body();
    boolean yaml = call.request().fields().first("Content-Type").equals(YAML_TYPE);
    try {
      var tree = yaml ? YAML.readTree(bytes) : Json.MAPPER.readTree(bytes);
      if (tree instanceof ObjectNode object) {
        return object;
      }
      throw Refusal.unparsable(
          tree.isMissingNode()
              ? "EOF"
              : "json: cannot unmarshal "
                  + tree.getNodeType().name().toLowerCase(Locale.ROOT)
                  + " into Go value of type map[string]interface {}");
    } catch (JsonProcessingException e) {
      throw Refusal.unparsable(e.getOriginalMessage());
    }
  }
}
