package io.drover.steve.api;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.drover.steve.kube.Json;
import java.io.IOException;
import java.io.InputStream;

/**
 * Reads what the API server prints: a Table, whose rows are an object and its cells, or, of a type
 * that has none, the objects alone. One pass over the bytes, and one object at a time.
 */
final class Rows {
  /** What is done with each. */
  @FunctionalInterface
  interface Each {
    /**
     * An object, with its cells as {@code metadata.fields}.
     *
     * @param endByte where in the answer it ends
     */
    void row(ObjectNode object, long endByte) throws IOException;
  }

  private final boolean withManagedFields;

  /**
   * Reads nothing yet.
   *
   * @param withManagedFields who wrote which field: half of an object, and seldom wanted
   */
  Rows(boolean withManagedFields) {
    this.withManagedFields = withManagedFields;
  }

  /** Reads a list to its end, and returns its metadata. */
  ObjectNode list(InputStream body, Each each) throws IOException {
    var metadata = Json.MAPPER.createObjectNode();
    Json.fields(
        body,
        (name, json) -> {
          switch (name) {
            case "metadata" -> metadata.setAll((ObjectNode) Json.tree(json));
            case "rows", "items" -> rows(json, name.equals("rows"), each);
            default -> json.skipChildren();
          }
        });
    return metadata;
  }

  private void rows(JsonParser json, boolean table, Each each) throws IOException {
    if (json.currentToken() == JsonToken.VALUE_NULL) {
      return; // so Go writes a list of nothing
    }
    while (json.nextToken() == JsonToken.START_OBJECT) {
      var object = table ? row(json) : object(json);
      each.row(object, json.currentLocation().getByteOffset());
    }
    if (json.currentToken() != JsonToken.END_ARRAY) {
      throw new IOException("the API server's list has what is no object");
    }
  }

  private ObjectNode row(JsonParser json) throws IOException {
    var row = new ObjectNode[] {Json.MAPPER.createObjectNode()};
    var cells = new ArrayNode[1];
    Json.fields(
        json,
        (name, value) -> {
          if (name.equals("object") && value.currentToken() == JsonToken.START_OBJECT) {
            row[0] = object(value);
          } else if (name.equals("cells")) {
            cells[0] = (ArrayNode) Json.tree(value);
          } else {
            value.skipChildren();
          }
        });
    if (cells[0] != null && row[0].get("metadata") instanceof ObjectNode metadata) {
      metadata.set("fields", cells[0]);
    }
    return row[0];
  }

  private ObjectNode object(JsonParser json) throws IOException {
    var object = Json.MAPPER.createObjectNode();
    Json.fields(
        json,
        (name, value) -> {
          if (name.equals("metadata") && value.currentToken() == JsonToken.START_OBJECT) {
            var metadata = object.putObject(name);
            Json.fields(
                value,
                (field, inner) -> {
                  if (field.equals("managedFields") && !withManagedFields) {
                    inner.skipChildren();
                  } else {
                    metadata.set(field, Json.tree(inner));
                  }
                });
          } else {
            object.set(name, Json.tree(value));
          }
        });
    return object;
  }

  /** Reads one object: a Table with one row, or the object itself. */
  static ObjectNode one(InputStream body) throws IOException {
    var tree = Json.object(body);
    if (!tree.path("kind").asText("").equals("Table")) {
      return tree;
    }
    if (!(tree.at("/rows/0/object") instanceof ObjectNode object)) {
      throw new IOException("the API server's table has no row");
    }
    if (tree.at("/rows/0/cells") instanceof ArrayNode cells
        && object.get("metadata") instanceof ObjectNode metadata) {
      metadata.set("fields", cells);
    }
    return object;
  }
}
