package io.drover.steve.api;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.drover.steve.kube.ApiServer;
import io.drover.steve.kube.Json;
import io.drover.steve.kube.Refusal;
import io.drover.steve.schema.OpenApi;
import io.drover.steve.schema.Schema;
import java.io.IOException;
import java.util.Map;
import java.util.TreeMap;

/** What fields the objects of a type have, and what these are made of. */
public final class DefinitionStore implements Store {
  /** Of one type. The largest of Kubernetes' own, of what has pods, has some 150. */
  static final int MAX_DEFINITIONS = 4_000;

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
    var found = new TreeMap<String, ObjectNode>();
    var parts = new Definitions(all, MAX_DEFINITIONS, found::put);
    found.put(name, parts.describe(name, type.crd().isPresent()));
    content.put("definitionType", name);
    var definitions = content.putObject("definitions");
    found.forEach(definitions::set);
  }
}
