package io.drover.steve.api;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.drover.steve.kube.ApiServer;
import io.drover.steve.kube.Json;
import io.drover.steve.kube.Refusal;
import io.drover.steve.schema.OpenApi;
import io.drover.steve.schema.Schema;
import java.io.IOException;
import java.util.List;

/**
 * The types that the user is shown. Dashboards from 2.9 on ask for the fields of a type when they
 * need them; that of 2.8 wants them here, with all that they are made of.
 */
public final class SchemaStore implements Store {
  /** In one answer. Kubernetes has some 700; a large set of CustomResourceDefinitions has more. */
  static final int MAX_DEFINITIONS = 40_000;

  private final ApiServer api;
  private final boolean withFields;

  /**
   * Asks nothing yet.
   *
   * @param withFields whether schemas say of what fields an object is made
   */
  public SchemaStore(ApiServer api, boolean withFields) {
    this.api = api;
    this.withFields = withFields;
  }

  @Override
  public void get(Call call) throws IOException {
    var schema = call.schemas().lookup(call.name());
    if (schema == null) {
      throw new Refusal(404, "NotFound", "no such schema");
    }
    var json = json(schema, call.links());
    if (withFields && schema.type().isPresent()) {
      var described = OpenApi.read(api);
      new Fields(described, (_, _) -> {}).addTo(json, schema);
    }
    call.reply().object(200, json, call.links());
  }

  @Override
  public void list(Call call) throws IOException {
    try (var collection = call.reply().collection(Envelope.head(call), call.links())) {
      if (withFields) {
        listWithFields(call, collection);
      } else {
        for (var schema : call.schemas().all()) {
          collection.add(json(schema, call.links()));
        }
      }
      collection.complete(Json.MAPPER.createObjectNode());
    }
  }

  /** What types are made of are schemas as well. */
  private void listWithFields(Call call, Reply.Collection collection) throws IOException {
    var fields =
        new Fields(
            OpenApi.read(api),
            (name, definition) -> {
              var json = Json.MAPPER.createObjectNode();
              json.put("id", name);
              json.put("type", "schema");
              json.putObject("links").put("self", call.links().object("schemas", name));
              json.set("description", definition.path("description"));
              json.set("resourceFields", old(definition));
              collection.add(json);
            });
    for (var schema : call.schemas().all()) {
      var json = json(schema, call.links());
      fields.addTo(json, schema);
      collection.add(json);
    }
  }

  /** Of what fields the objects of types are made. */
  private static final class Fields {
    private final OpenApi described;
    private final Definitions definitions;

    Fields(OpenApi described, Definitions.Sink parts) {
      this.described = described;
      this.definitions = new Definitions(described, MAX_DEFINITIONS, parts);
    }

    void addTo(ObjectNode json, Schema schema) throws IOException {
      var name = schema.type().flatMap(described::name);
      if (name.isPresent()) {
        boolean custom = schema.type().orElseThrow().crd().isPresent();
        json.set("resourceFields", old(definitions.describe(name.get(), custom)));
      }
    }
  }

  /** As old dashboards read them: {@code array[string]}. */
  private static ObjectNode old(ObjectNode definition) {
    var fields = Json.MAPPER.createObjectNode();
    for (var field : definition.path("resourceFields").properties()) {
      var value = field.getValue();
      var described = fields.putObject(field.getKey());
      String part = value.path("subtype").asText("");
      String name = value.path("type").asText("");
      described.put("type", part.isEmpty() ? name : name + "[" + part + "]");
      described.put("nullable", true).put("create", true).put("update", true);
      keep(value, "description", described);
      keep(value, "required", described);
    }
    return fields;
  }

  private static void keep(JsonNode from, String name, ObjectNode into) {
    if (from.has(name)) {
      into.set(name, from.get(name));
    }
  }

  static ObjectNode json(Schema schema, Links links) {
    var json = Json.MAPPER.createObjectNode();
    json.put("id", schema.id());
    json.put("type", "schema");
    var all = json.putObject("links");
    if (schema.collectionMethods().contains("GET") || schema.collectionMethods().contains("POST")) {
      all.put("collection", links.collection(schema.pluralName()));
    }
    all.put("self", links.object("schemas", schema.id()));
    json.put("pluralName", schema.pluralName());
    methods(json, "resourceMethods", schema.resourceMethods());
    methods(json, "collectionMethods", schema.collectionMethods());
    json.setAll(schema.shown());
    return json;
  }

  private static void methods(ObjectNode json, String name, List<String> methods) {
    if (!methods.isEmpty()) {
      var all = json.putArray(name);
      methods.forEach(all::add);
    }
  }
}
