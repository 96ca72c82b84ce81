package io.drover.steve.api;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.drover.steve.kube.ApiRequest;
import io.drover.steve.kube.ApiRequest.Body;
import io.drover.steve.kube.ApiServer;
import io.drover.steve.kube.Json;
import io.drover.steve.kube.Refusal;
import io.drover.steve.schema.ResourceType;
import java.io.IOException;
import java.net.HttpURLConnection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * What the user prefers. Where the cluster has Rancher's type for it, that is an object a key in
 * the namespace of the user's name, read and written in his name; elsewhere it is nothing, and
 * cannot be saved. The dashboard keeps what it prefers at its server.
 */
public final class PreferenceStore implements Store {
  /** Keys of one user. The dashboard has some 40. */
  static final int MAX_KEYS = 500;

  private static final String TYPE = "management.cattle.io.preference";
  private static final String NAMESPACES = "/api/v1/namespaces";

  private final ApiServer api;

  /** Asks nothing yet. */
  public PreferenceStore(ApiServer api) {
    this.api = api;
  }

  @Override
  public void list(Call call) throws IOException {
    Envelope.send(call, List.of(preference(call)));
  }

  @Override
  public void get(Call call) throws IOException {
    checkOwn(call);
    call.reply().object(HttpURLConnection.HTTP_OK, preference(call), call.links());
  }

  /** What is not in the body is forgotten. */
  @Override
  public void update(Call call) throws IOException {
    checkOwn(call);
    var type = type(call).orElseThrow(PreferenceStore::none);
    var wanted = new HashMap<String, String>();
    try {
      for (var value : Json.MAPPER.readTree(call.request().body()).path("data").properties()) {
        wanted.put(value.getKey(), value.getValue().asText(""));
      }
    } catch (JsonProcessingException e) {
      throw Refusal.unparsable(e.getOriginalMessage());
    }
    if (wanted.size() > MAX_KEYS) {
      throw Refusal.body("data has %d keys, more than %d".formatted(wanted.size(), MAX_KEYS));
    }
    String path = path(call, type);
    for (var old : read(call, type).entrySet()) {
      String value = wanted.remove(old.getKey());
      String target = path + "/" + ApiRequest.segment(old.getKey());
      if (value == null) {
        change(call, "DELETE", target, Optional.empty());
      } else if (!value.equals(old.getValue().path("value").asText(""))) {
        change(call, "PUT", target, json(old.getValue().put("value", value)));
      }
    }
    for (var added : wanted.entrySet()) {
      create(call, type, added.getKey(), added.getValue());
    }
    call.reply().object(HttpURLConnection.HTTP_OK, preference(call), call.links());
  }

  @Override
  public void delete(Call call) throws IOException {
    checkOwn(call);
    change(
        call,
        "DELETE",
        path(call, type(call).orElseThrow(PreferenceStore::none)),
        Optional.empty());
    call.reply().nothing();
  }

  private static void checkOwn(Call call) throws Refusal {
    if (!call.name().equals(call.user().name())) {
      throw none();
    }
  }

  private static Refusal none() {
    return new Refusal(HttpURLConnection.HTTP_NOT_FOUND, "NotFound", "not found");
  }

  private static Optional<ResourceType> type(Call call) {
    return Optional.ofNullable(call.schemas().types().byId(TYPE));
  }

  private static String path(Call call, ResourceType type) throws Refusal {
    return type.path(ApiRequest.segment(call.user().name()));
  }

  /** By their keys; none if he may not see them. */
  private Map<String, ObjectNode> read(Call call, ResourceType type) throws IOException {
    var found = new HashMap<String, ObjectNode>();
    String target = path(call, type) + "?limit=" + MAX_KEYS;
    try (var answer = api.send(ApiRequest.get(target, ApiRequest.JSON).as(call.user()))) {
      new Rows(true)
          .list(
              answer.body(),
              (object, _) -> found.put(object.at("/metadata/name").asText(""), object));
    } catch (Refusal e) {
      if (e.status() != HttpURLConnection.HTTP_FORBIDDEN
          && e.status() != HttpURLConnection.HTTP_NOT_FOUND) {
        throw e;
      }
    }
    return found;
  }

  private void create(Call call, ResourceType type, String key, String value) throws IOException {
    var object = Json.MAPPER.createObjectNode();
    type.declare(object);
    object.putObject("metadata").put("name", key);
    object.put("value", value);
    try {
      change(call, "POST", path(call, type), json(object));
    } catch (Refusal e) {
      if (e.status() != HttpURLConnection.HTTP_NOT_FOUND) {
        throw e;
      }
      var namespace = Json.MAPPER.createObjectNode();
      namespace.putObject("metadata").put("name", call.user().name());
      change(call, "POST", NAMESPACES, json(namespace)); // the first preference of this user
      change(call, "POST", path(call, type), json(object));
    }
  }

  private void change(Call call, String method, String target, Optional<Body> body)
      throws IOException {
    try (var answer = api.send(ApiRequest.change(method, target, call.user(), body))) {
      call.reply().warn(answer.warnings());
    }
  }

  private static Optional<Body> json(ObjectNode object) throws JsonProcessingException {
    return Optional.of(new Body("application/json", Json.sorted(object)));
  }

  private ObjectNode preference(Call call) throws IOException {
    String id = call.user().name();
    String self = call.links().object("userpreferences", id);
    var content = Json.MAPPER.createObjectNode();
    var data = content.putObject("data");
    var type = type(call);
    if (type.isPresent()) {
      read(call, type.get())
          .forEach((key, object) -> data.put(key, object.path("value").asText("")));
    }
    return Envelope.of(
        id, "userpreference", Map.of("remove", self, "self", self, "update", self), content);
  }
}
