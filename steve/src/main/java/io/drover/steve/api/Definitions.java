package io.drover.steve.api;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.drover.steve.kube.Json;
import io.drover.steve.kube.Refusal;
import io.drover.steve.schema.OpenApi;
import java.io.IOException;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.StreamSupport;

/**
 * Goes from a definition of the API server to all that it is made of. Each of these is told once,
 * when it is complete; nothing but the names is kept. One thread.
 */
final class Definitions {
  private static final String REFERENCE = "#/definitions/";

  /** Takes what was found. */
  @FunctionalInterface
  interface Sink {
    /**
     * A definition.
     *
     * @param described its {@code type}, {@code description} and {@code resourceFields}
     */
    void definition(String name, ObjectNode described) throws IOException;
  }

  private final OpenApi all;
  private final int most;
  private final Sink sink;
  private final Set<String> met = new HashSet<>();
  private boolean custom;

  /**
   * Reads nothing yet.
   *
   * @param most definitions that may be told
   */
  Definitions(OpenApi all, int most, Sink sink) {
    this.all = all;
    this.most = most;
    this.sink = sink;
  }

  /**
   * Returns what is said of a definition, and tells of those it is made of, unless they have been
   * told.
   *
   * @param custom whether a CustomResourceDefinition made it
   */
  ObjectNode describe(String name, boolean custom) throws IOException {
    this.custom = custom;
    return described(name, all.definition(name));
  }

  private void define(String name, JsonNode definition) throws IOException {
    if (!met.add(name)) {
      return;
    }
    if (met.size() > most) {
      throw Refusal.fault("there are more than " + most + " definitions");
    }
    sink.definition(name, described(name, definition));
  }

  private ObjectNode described(String name, JsonNode definition) throws IOException {
    var described = Json.MAPPER.createObjectNode();
    var fields = described.putObject("resourceFields");
    var required =
        StreamSupport.stream(definition.path("required").spliterator(), false)
            .map(field -> field.asText(""))
            .toList();
    for (var property : definition.path("properties").properties()) {
      fields.set(property.getKey(), field(name, property, required));
    }
    described.put("type", name);
    described.put("description", definition.path("description").asText(""));
    return described;
  }

  private ObjectNode field(
      String owner, Map.Entry<String, JsonNode> property, List<String> required)
      throws IOException {
    var described = Json.MAPPER.createObjectNode();
    var value = property.getValue();
    String inline = owner + "." + property.getKey();
    String type = type(inline, value);
    described.put("type", type);
    if (type.equals("array")) {
      described.put("subtype", type(inline, value.path("items")));
    } else if (type.equals("map")) {
      described.put("subtype", element(inline, value));
    }
    String description = value.path("description").asText("");
    if (!description.isEmpty()) {
      described.put("description", description);
    }
    if (required.contains(property.getKey())) {
      described.put("required", true);
    }
    return described;
  }

  private String type(String inline, JsonNode value) throws IOException {
    String reference = value.path("$ref").asText("");
    if (!reference.isEmpty()) {
      String name = reference.substring(REFERENCE.length());
      var definition = all.definition(name);
      if (!definition.has("properties")) {
        return type(name, definition);
      }
      define(name, definition);
      return name;
    }
    return switch (value.path("type").asText("")) {
      case "string" -> "string";
      case "boolean" -> "boolean";
      case "integer", "number" -> "int";
      case "array" -> "array";
      default -> {
        if (!value.has("properties")) {
          yield "map";
        }
        define(inline, value);
        yield inline;
      }
    };
  }

  /** What a map holds, as far as that is said. */
  private String element(String inline, JsonNode value) throws IOException {
    if (value.path("additionalProperties").isObject()) {
      return type(inline, value.path("additionalProperties"));
    }
    if (custom && !value.has("$ref")) {
      define(inline, value);
      return inline;
    }
    return "string";
  }
}
