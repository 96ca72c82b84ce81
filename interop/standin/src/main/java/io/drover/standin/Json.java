package io.drover.standin;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;

/** JSON trees, the form in which Kubernetes objects are kept here. */
final class Json {
  static final ObjectMapper MAPPER = new ObjectMapper();
  static final YAMLMapper YAML = new YAMLMapper();

  private Json() {}

  /** An empty object of a kind. */
  static ObjectNode object(String apiVersion, String kind) {
    return MAPPER.createObjectNode().put("kind", kind).put("apiVersion", apiVersion);
  }

  static ObjectNode object(String apiVersion, String kind, String namespace, String name) {
    var object = object(apiVersion, kind);
    var metadata = object.putObject("metadata").put("name", name);
    if (!namespace.isEmpty()) {
      metadata.put("namespace", namespace);
    }
    return object;
  }

  /** The object in a field, made if there is none. */
  static ObjectNode child(ObjectNode parent, String field) {
    return parent.get(field) instanceof ObjectNode child ? child : parent.putObject(field);
  }

  static ObjectNode metadata(ObjectNode object) {
    return child(object, "metadata");
  }

  /** A field of the metadata as text; empty if there is none. */
  static String metadata(JsonNode object, String field) {
    return object.path("metadata").path(field).asText();
  }
}
