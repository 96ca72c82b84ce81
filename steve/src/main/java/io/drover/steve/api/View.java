package io.drover.steve.api;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.drover.steve.kube.Json;
import io.drover.steve.kube.ObjectId;
import io.drover.steve.query.Shape;
import io.drover.steve.schema.ResourceType;
import io.drover.steve.schema.Schema;
import io.drover.steve.state.Computed;
import io.drover.steve.state.Relationship;
import io.drover.steve.state.State;
import java.time.Clock;
import java.util.List;

/** An object of Kubernetes as a page sees it: renamed, explained, cut down, and with its links. */
final class View {
  /** Names that mean something else on a page. */
  private static final List<String> RESERVED = List.of("id", "type", "links", "actions");

  /** That permissions may be asked for. */
  private static final List<String> VERBS =
      List.of("create", "update", "delete", "list", "get", "watch", "patch");

  /** Types in one such question. */
  private static final int MAX_ASKED = 64;

  private final Call call;
  private final Schema schema;
  private final ResourceType type;
  private final Shape shape;
  private final Clock clock;

  /**
   * Of objects of one type.
   *
   * @param shape what of each is wanted
   */
  View(Call call, Schema schema, ResourceType type, Shape shape, Clock clock) {
    this.call = call;
    this.schema = schema;
    this.type = type;
    this.shape = shape;
    this.clock = clock;
  }

  /** Takes the names that pages use away from the object's own fields. */
  static void rename(ObjectNode object) {
    for (String name : RESERVED) {
      var value = object.remove(name);
      if (value != null) {
        object.set("_" + name, value);
      }
    }
  }

  /** The other way: what pages added goes, and the object's own fields come back. */
  static void restore(ObjectNode object) {
    for (String name : RESERVED) {
      object.remove(name);
      var value = object.remove("_" + name);
      if (value != null) {
        object.set(name, value);
      }
    }
  }

  /** The same with part of an object, whose other fields stay as they are. */
  static void restoreNamed(ObjectNode part) {
    for (String name : RESERVED) {
      var value = part.remove("_" + name);
      if (value != null) {
        part.set(name, value);
      }
    }
  }

  /** Says what an object is, if its API server has not. */
  static void name(ObjectNode object, ResourceType type) {
    if (!object.has("kind")) {
      type.declare(object);
    }
  }

  /** Says what state an object is in, and takes from its own fields the names that pages use. */
  static void explain(ObjectNode object, Clock clock) {
    rename(object);
    if (object.get("metadata") instanceof ObjectNode metadata) {
      metadata.set("state", State.of(object, clock).json());
    }
  }

  /** A renamed and explained object as it is sent, with what it names itself. */
  ObjectNode of(ObjectNode object) {
    return of(object, named(object));
  }

  /** The same with all that it has to do with others. */
  ObjectNode of(ObjectNode object, JsonNode relationships) {
    String namespace = object.at("/metadata/namespace").asText("");
    String name = object.at("/metadata/name").asText("");
    ObjectNode shaped;
    if (Namespaces.isOnlyKnown(call, type, name)) {
      shaped = shape.of(Namespaces.reduced(object));
    } else {
      if (object.get("metadata") instanceof ObjectNode metadata) {
        metadata.set("relationships", relationships);
      }
      Computed.addToConditions(object, clock);
      shaped = shape.of(object);
      HelmRelease.trim(shaped, call.query().first("includeHelmData").equals("true"));
    }
    String id = ObjectId.of(namespace, name);
    var envelope = Json.MAPPER.createObjectNode();
    envelope.put("id", id);
    envelope.put("type", schema.id());
    envelope.set("links", links(id, namespace, name));
    envelope.setAll(shaped);
    String asked = call.query().first("checkPermissions");
    if (!asked.isEmpty()) {
      envelope.set("resourcePermissions", permissions(asked, object, id));
    }
    return envelope;
  }

  /** What the user may do with objects of some types, in the namespace that belongs to this one. */
  private ObjectNode permissions(String asked, ObjectNode object, String id) {
    String own = object.at("/status/backingNamespace").asText("");
    String namespace = own.isEmpty() ? id.replaceFirst("/", "-") : own;
    var all = Json.MAPPER.createObjectNode();
    for (String name : asked.split(",", MAX_ASKED)) {
      var other = call.schemas().lookup(name);
      if (other != null && other.type().isPresent()) {
        var of = other.type().get();
        var allowed = Json.MAPPER.createObjectNode();
        for (String verb : VERBS) {
          if (call.schemas().access().grants(verb, of.group(), of.resource(), namespace, "")) {
            allowed.put(verb, call.links().to(of.path(namespace)));
          }
        }
        if (!allowed.isEmpty()) {
          all.set(name, allowed);
        }
      }
    }
    return all;
  }

  /** Whether anybody wants to know what an object has to do with others. */
  boolean wantsRelationships() {
    return !shape.exclude().contains("metadata.relationships")
        && !shape.exclude().contains("metadata")
        && (shape.include().isEmpty()
            || shape.include().contains("metadata")
            || shape.include().contains("metadata.relationships"));
  }

  private JsonNode named(ObjectNode object) {
    var found = Relationship.of(object, call.schemas().types()::isNamespaced);
    if (found.isEmpty()) {
      return Json.MAPPER.nullNode();
    }
    var all = Json.MAPPER.createArrayNode();
    found.forEach(relationship -> all.add(relationship.json(null)));
    return all;
  }

  private ObjectNode links(String id, String namespace, String name) {
    var links = Json.MAPPER.createObjectNode();
    String self = call.links().object(schema.pluralName(), id);
    link(links, "patch", "PATCH", self, grants("patch", namespace, name));
    link(links, "remove", "DELETE", self, grants("delete", namespace, name));
    links.put("self", self);
    link(links, "update", "PUT", self, grants("update", namespace, name));
    if (grants("get", namespace, name)) {
      links.put("view", view(id, namespace, name));
    }
    return links;
  }

  private void link(ObjectNode links, String name, String method, String self, boolean granted) {
    if (granted && schema.resourceMethods().contains(method)) {
      links.put(name, self);
    } else if (granted && schema.resourceMethods().contains("blocked-" + method)) {
      links.put(name, "blocked");
    }
  }

  /** Where the object is as Kubernetes has it; Rancher's own are looked at here only. */
  private String view(String id, String namespace, String name) {
    boolean isRanchers = type.apiVersion().equals("management.cattle.io/v3");
    return isRanchers
        ? call.links().object(schema.pluralName(), id)
        : call.links().to(type.path(namespace) + "/" + name);
  }

  private boolean grants(String verb, String namespace, String name) {
    return call.schemas().access().grants(verb, type.group(), type.resource(), namespace, name);
  }
}
