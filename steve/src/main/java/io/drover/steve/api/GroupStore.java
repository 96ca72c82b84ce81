package io.drover.steve.api;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.drover.steve.kube.ApiRequest;
import io.drover.steve.kube.ApiServer;
import io.drover.steve.kube.Json;
import io.drover.steve.kube.Refusal;
import java.io.IOException;
import java.util.Map;
import java.util.TreeMap;

/** The groups of the API server, as it lists them itself. */
public final class GroupStore implements Store {
  /** What the group without a name is called. */
  private static final String CORE = "core";

  private static final String GROUPS = "/apis";

  private final ApiServer api;

  /** Asks nothing yet. */
  public GroupStore(ApiServer api) {
    this.api = api;
  }

  @Override
  public void list(Call call) throws IOException {
    Envelope.send(call, groups(call).values());
  }

  @Override
  public void get(Call call) throws IOException {
    var found = groups(call).get(call.name());
    if (found == null) {
      throw new Refusal(404, "NotFound", "no such API group");
    }
    call.reply().object(200, found, call.links());
  }

  private Map<String, ObjectNode> groups(Call call) throws IOException {
    call.schemas().access().limits().check("GET", GROUPS); // asked in our own name
    var found = new TreeMap<String, ObjectNode>();
    var core = Json.MAPPER.createObjectNode();
    var version = core.put("name", CORE).putArray("versions").addObject();
    version.put("groupVersion", "v1").put("version", "v1");
    core.set("preferredVersion", version.deepCopy());
    put(found, call, core);
    try (var answer = api.send(ApiRequest.get(GROUPS, ApiRequest.DISCOVERY))) {
      var list = Json.object(answer.body());
      for (JsonNode group : list.path("groups")) { // of an old API server
        put(found, call, (ObjectNode) group);
      }
      for (JsonNode group : list.path("items")) {
        put(found, call, group(group));
      }
    }
    return found;
  }

  /** Without versions whose API does not answer. */
  private static ObjectNode group(JsonNode discovered) {
    String name = discovered.at("/metadata/name").asText("");
    var group = Json.MAPPER.createObjectNode().put("name", name);
    var versions = Json.MAPPER.createArrayNode();
    for (JsonNode version : discovered.path("versions")) {
      if (!version.path("freshness").asText("").equals("Stale")) {
        String text = version.path("version").asText("");
        versions.addObject().put("groupVersion", name + "/" + text).put("version", text);
      }
    }
    group.set("versions", versions.isEmpty() ? Json.MAPPER.nullNode() : versions);
    group.set(
        "preferredVersion",
        versions.isEmpty()
            ? Json.MAPPER.createObjectNode().put("groupVersion", "").put("version", "")
            : versions.get(0).deepCopy());
    return group;
  }

  private static void put(Map<String, ObjectNode> found, Call call, ObjectNode group) {
    String name = group.path("name").asText("");
    var links = Map.of("self", call.links().object("apigroups", name));
    found.put(name, Envelope.of(name, "apigroup", links, group));
  }
}
