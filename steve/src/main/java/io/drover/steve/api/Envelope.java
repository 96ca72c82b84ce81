package io.drover.steve.api;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.drover.steve.kube.Json;
import io.drover.steve.schema.Schema;
import java.util.Map;

/** What is around objects and collections. */
final class Envelope {
  private Envelope() {}

  /** An object of a type of our own. */
  static ObjectNode of(String id, String type, Map<String, String> links, ObjectNode content) {
    var object = Json.MAPPER.createObjectNode();
    object.put("id", id);
    object.put("type", type);
    var all = object.putObject("links");
    links.forEach(all::put);
    object.setAll(content);
    return object;
  }

  /** What is known of a collection before its objects are. */
  static ObjectNode head(Call call) {
    var head = Json.MAPPER.createObjectNode();
    var schema = call.schema();
    head.put("type", "collection");
    head.putObject("links").put("self", call.links().to(call.request().path()));
    if (mayCreate(schema)) {
      head.putObject("createTypes").put(schema.id(), call.links().collection(schema.pluralName()));
    }
    head.putObject("actions");
    head.put("resourceType", schema.id());
    return head;
  }

  private static boolean mayCreate(Schema schema) {
    return schema.collectionMethods().contains("POST");
  }

  /** A whole collection of few objects. */
  static void send(Call call, Iterable<ObjectNode> objects) throws java.io.IOException {
    try (var collection = call.reply().collection(head(call), call.links())) {
      for (var object : objects) {
        collection.add(object);
      }
      collection.complete(Json.MAPPER.createObjectNode());
    }
  }
}
