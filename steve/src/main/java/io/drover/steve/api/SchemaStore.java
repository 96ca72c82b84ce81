package io.drover.steve.api;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.drover.steve.kube.Json;
import io.drover.steve.kube.Refusal;
import io.drover.steve.schema.Schema;
import java.io.IOException;
import java.util.List;

/** The types that the user is shown. */
public final class SchemaStore implements Store {
  @Override
  public void get(Call call) throws IOException {
    var schema = call.schemas().lookup(call.name());
    if (schema == null) {
      throw new Refusal(404, "NotFound", "no such schema");
    }
    call.reply().object(200, json(schema, call.links()), call.links());
  }

  @Override
  public void list(Call call) throws IOException {
    try (var collection = call.reply().collection(Envelope.head(call), call.links())) {
      for (var schema : call.schemas().all()) {
        collection.add(json(schema, call.links()));
      }
      collection.complete(Json.MAPPER.createObjectNode());
    }
  }

  private static ObjectNode json(Schema schema, Links links) {
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
