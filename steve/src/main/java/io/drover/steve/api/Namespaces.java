package io.drover.steve.api;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.drover.steve.kube.Json;
import io.drover.steve.schema.ResourceType;
import java.util.List;

/** What a user is shown of a namespace in which he may do something, but which he may not read. */
final class Namespaces {
  /** By which pages sort namespaces into projects, and hide those of the system. */
  private static final List<String> ANNOTATIONS =
      List.of("field.cattle.io/projectId", "management.cattle.io/system-namespace");

  private static final List<String> LABELS = List.of("fleet.cattle.io/managed");

  private Namespaces() {}

  /**
   * Whether a user sees that a namespace is there, and no more of it: he may do something in it,
   * but not read it.
   *
   * @param name empty: whether he may see some only like that
   */
  static boolean isOnlyKnown(Call call, ResourceType type, String name) {
    return type.id().equals("namespace")
        && !call.schemas().access().grants("get", type.group(), type.resource(), "", name);
  }

  /** The same, of an object. */
  static boolean isOnlyKnown(Call call, ResourceType type, ObjectNode object) {
    return isOnlyKnown(call, type, object.path("metadata").path("name").asText(""));
  }

  /** A new object. */
  static ObjectNode reduced(ObjectNode namespace) {
    var reduced = Json.MAPPER.createObjectNode();
    reduced.put("apiVersion", "v1").put("kind", "Namespace");
    var from = namespace.path("metadata");
    var metadata = reduced.putObject("metadata");
    metadata.set("name", from.path("name"));
    metadata.set("resourceVersion", from.path("resourceVersion"));
    keep(from.path("annotations"), ANNOTATIONS, metadata.putObject("annotations"));
    keep(from.path("labels"), LABELS, metadata.putObject("labels"));
    reduced.putObject("spec");
    reduced.putObject("status").set("phase", namespace.at("/status/phase"));
    return reduced;
  }

  private static void keep(
      com.fasterxml.jackson.databind.JsonNode from, List<String> names, ObjectNode into) {
    for (String name : names) {
      if (from.has(name)) {
        into.set(name, from.get(name));
      }
    }
  }
}
