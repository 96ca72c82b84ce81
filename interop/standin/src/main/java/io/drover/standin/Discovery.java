package io.drover.standin;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/** What clients ask before anything else: versions, types, and how to patch them. */
final class Discovery {
  /** Kubernetes as in interop/cluster, and a word that this is not it. */
  static final String VERSION = "v1.36.2+standin";

  private static final List<String> VERBS =
      List.of("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch");

  private Discovery() {}

  static ObjectNode version() {
    return Json.MAPPER
        .createObjectNode()
        .put("major", "1")
        .put("minor", "36")
        .put("gitVersion", VERSION)
        .put("gitCommit", "")
        .put("gitTreeState", "clean")
        .put("buildDate", "2026-01-01T00:00:00Z")
        .put("goVersion", "none")
        .put("compiler", "none")
        .put("platform", "linux/amd64");
  }

  /** The document at a path below {@code /api}, {@code /apis} or {@code /openapi/v3}. */
  static Optional<ObjectNode> document(String path) {
    return switch (path) {
      case "/api" -> {
        var versions = Json.MAPPER.createObjectNode().put("kind", "APIVersions");
        versions.putArray("versions").add("v1");
        yield Optional.of(versions);
      }
      case "/apis" -> {
        var groups = Json.object("v1", "APIGroupList");
        var list = groups.putArray("groups");
        names().forEach(name -> list.add(group(name)));
        yield Optional.of(groups);
      }
      case "/openapi/v3" -> Optional.of(schemas());
      default -> {
        if (path.startsWith("/openapi/v3/")) {
          yield Optional.of(path.substring("/openapi/v3".length()))
              .filter(prefix -> !types(prefix).isEmpty())
              .map(Discovery::schema);
        }
        String name = path.substring(path.lastIndexOf('/') + 1);
        if (path.equals("/apis/" + name) && names().contains(name)) {
          var group = group(name);
          yield Optional.of(group.put("kind", "APIGroup").put("apiVersion", "v1"));
        }
        yield types(path).isEmpty() ? Optional.empty() : Optional.of(resources(path));
      }
    };
  }

  private static List<String> names() {
    return ResourceType.ALL.stream()
        .map(ResourceType::group)
        .filter(name -> !name.isEmpty())
        .distinct()
        .toList();
  }

  private static ObjectNode group(String name) {
    String version =
        ResourceType.ALL.stream()
            .filter(type -> type.group().equals(name))
            .findFirst()
            .orElseThrow()
            .version();
    var entry =
        Json.MAPPER
            .createObjectNode()
            .put("groupVersion", name + "/" + version)
            .put("version", version);
    var group = Json.MAPPER.createObjectNode().put("name", name);
    group.putArray("versions").add(entry);
    group.set("preferredVersion", entry);
    return group;
  }

  private static String prefix(ResourceType type) {
    return (type.group().isEmpty() ? "/api/" : "/apis/") + type.apiVersion();
  }

  private static List<ResourceType> types(String prefix) {
    return ResourceType.ALL.stream().filter(type -> prefix(type).equals(prefix)).toList();
  }

  private static ObjectNode resources(String prefix) {
    var types = types(prefix);
    var document = Json.object("v1", "APIResourceList");
    document.put("groupVersion", types.getFirst().apiVersion());
    var list = document.putArray("resources");
    for (ResourceType type : types) {
      add(list, type, type.plural(), type.isReview() ? List.of("create") : VERBS);
      for (String part : type.subresources()) {
        boolean isToken = part.equals("token");
        add(
            list,
            type,
            type.plural() + "/" + part,
            isToken ? List.of("create") : List.of("get", "patch", "update"));
      }
    }
    return document;
  }

  private static void add(ArrayNode list, ResourceType type, String name, List<String> verbs) {
    var resource = list.addObject().put("name", name);
    resource.put("singularName", type.kind().toLowerCase(Locale.ROOT));
    resource.put("namespaced", type.namespaced());
    switch (name.substring(name.indexOf('/') + 1)) {
      case "scale" ->
          resource.put("group", "autoscaling").put("version", "v1").put("kind", "Scale");
      case "token" ->
          resource
              .put("group", "authentication.k8s.io")
              .put("version", "v1")
              .put("kind", "TokenRequest");
      default -> resource.put("kind", type.kind());
    }
    var names = resource.putArray("verbs");
    verbs.forEach(names::add);
    if (!type.shortName().isEmpty() && name.equals(type.plural())) {
      resource.putArray("shortNames").add(type.shortName());
    }
    if (type.inAll() && name.equals(type.plural())) {
      resource.putArray("categories").add("all");
    }
  }

  private static ObjectNode schemas() {
    var document = Json.MAPPER.createObjectNode();
    var paths = document.putObject("paths");
    for (ResourceType type : ResourceType.ALL) {
      paths
          .putObject(prefix(type).substring(1))
          .put("serverRelativeURL", "/openapi/v3" + prefix(type));
    }
    return document;
  }

  /**
   * No schemas: only that PATCH takes {@code fieldValidation}. By that kubectl leaves validation to
   * us, and with no strategic patch declared here it takes the schemas that it is built with.
   */
  private static ObjectNode schema(String prefix) {
    var document = Json.MAPPER.createObjectNode().put("openapi", "3.0.0");
    document.putObject("info").put("title", "Drover stand-in").put("version", VERSION);
    document.putObject("components").putObject("schemas");
    var paths = document.putObject("paths");
    for (ResourceType type : types(prefix)) {
      String place = prefix + (type.namespaced() ? "/namespaces/{namespace}/" : "/");
      var patch = paths.putObject(place + type.plural() + "/{name}").putObject("patch");
      patch.putArray("parameters").addObject().put("name", "fieldValidation").put("in", "query");
      patch.putObject("responses").putObject("200").put("description", "OK");
      patch
          .putObject("x-kubernetes-group-version-kind")
          .put("group", type.group())
          .put("version", type.version())
          .put("kind", type.kind());
    }
    return document;
  }
}
