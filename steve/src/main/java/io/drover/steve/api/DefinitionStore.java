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
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.StreamSupport;

/** What fields the objects of a type have, and what these are made of. */
public final class DefinitionStore implements Store {
  /** Of one type. The largest of Kubernetes' own, of what has pods, has some 150. */
  static final int MAX_DEFINITIONS = 4_000;

  private static final String REFERENCE = "#/definitions/";

  private final ApiServer api;

  /** Asks nothing yet. */
  public DefinitionStore(ApiServer api) {
    this.api = api;
  }

  @Override
  public void get(Call call) throws IOException {
    var schema = call.schemas().lookup(call.name());
    if (schema == null) {
      throw new Refusal(404, "NotFound", "no such schema");
    }
    var content = Json.MAPPER.createObjectNode();
    if (schema.type().isPresent()) {
      describe(schema, content);
    } else {
      content.put("definitionType", schema.id());
      var own = content.putObject("definitions").putObject(schema.id());
      own.set("resourceFields", schema.shown().path("resourceFields"));
      own.put("type", schema.id());
    }
    String id = call.name();
    var links = Map.of("self", call.links().object("schemaDefinitions", id));
    call.reply().object(200, Envelope.of(id, "schemaDefinition", links, content), call.links());
  }

  private void describe(Schema schema, ObjectNode content) throws IOException {
    var type = schema.type().orElseThrow();
    var all = OpenApi.read(api);
    String name =
        all.name(type)
            .orElseThrow(
                () ->
                    new Refusal(
                        503, "SchemasNotRefreshed", "the API server does not describe this type"));
    var reading = new Reading(all, type.crd().isPresent());
    reading.define(name, all.definition(name));
    content.put("definitionType", name);
    var definitions = content.putObject("definitions");
    reading.definitions.forEach(definitions::set);
  }

  /** From one definition to all that it is made of. */
  private static final class Reading {
    private final OpenApi all;
    private final boolean custom;
    private final Map<String, ObjectNode> definitions = new TreeMap<>();

    Reading(OpenApi all, boolean custom) {
      this.all = all;
      this.custom = custom;
    }

    void define(String name, JsonNode definition) throws IOException {
      if (definitions.containsKey(name)) {
        return;
      }
      if (definitions.size() == MAX_DEFINITIONS) {
        throw Refusal.fault("this type is made of more than " + MAX_DEFINITIONS + " others");
      }
      var described = Json.MAPPER.createObjectNode();
      definitions.put(name, described);
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
}
