package io.drover.steve.api;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.drover.steve.kube.Json;
import io.drover.steve.kube.Refusal;
import java.io.IOException;
import java.util.List;
import java.util.TreeMap;

/** Where everything begins: a link to every collection. */
public final class RootStore implements Store {
  @Override
  public void list(Call call) throws IOException {
    Envelope.send(call, List.of(version(call), proxy(call)));
  }

  @Override
  public void get(Call call) throws IOException {
    var found =
        switch (call.name()) {
          case "v1" -> version(call);
          case "proxy" -> proxy(call);
          default -> throw new Refusal(404, "NotFound", "no such root");
        };
    call.reply().object(200, found, call.links());
  }

  private static ObjectNode version(Call call) {
    String root = call.links().to("/v1");
    var links = new TreeMap<String, String>();
    for (var schema : call.schemas().all()) {
      if (schema.collectionMethods().contains("GET")) {
        links.put(schema.pluralName(), call.links().collection(schema.pluralName()));
      }
    }
    links.put("root", root);
    links.put("schemas", root);
    links.put("self", root);
    var content = Json.MAPPER.createObjectNode();
    content.putObject("apiVersion").put("version", "v1");
    return Envelope.of("v1", "apiRoot", links, content);
  }

  private static ObjectNode proxy(Call call) {
    var links = new TreeMap<String, String>();
    links.put("root", call.links().to("/apis"));
    links.put("self", call.links().object("apiRoots", "proxy"));
    return Envelope.of("proxy", "apiRoot", links, Json.MAPPER.createObjectNode());
  }
}
