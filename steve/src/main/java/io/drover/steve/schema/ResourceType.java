package io.drover.steve.schema;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.drover.steve.kube.Json;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/**
 * A type of Kubernetes objects, in the version that is shown.
 *
 * @param preferredVersion of its group, if that has no such kind
 * @param columns what kubectl prints, as the API server describes it; empty if it does not
 * @param hasTable whether it does
 * @param crd if a CustomResourceDefinition made it
 */
public record ResourceType(
    String group,
    String version,
    String kind,
    String resource,
    boolean namespaced,
    List<String> verbs,
    Optional<String> preferredVersion,
    String description,
    List<Column> columns,
    boolean hasTable,
    Optional<CrdFacts> crd) {

  /** A column of what kubectl prints. */
  public record Column(String name, String type, String format, String description, int priority) {}

  /**
   * What a CustomResourceDefinition says of its kind.
   *
   * @param jsonPaths by the names of columns
   * @param observesGeneration whether objects say which generation their controller has seen
   */
  public record CrdFacts(Map<String, String> jsonPaths, boolean observesGeneration) {
    public CrdFacts {
      jsonPaths = Map.copyOf(jsonPaths);
    }
  }

  public ResourceType {
    verbs = List.copyOf(verbs);
    columns = List.copyOf(columns);
  }

  /** How it is named in answers: {@code apps.deployment}. */
  public String id() {
    return (group.isEmpty() ? kind : group + "." + kind).toLowerCase(Locale.ROOT);
  }

  /** How it is named in links: {@code apps.deployments}. */
  public String pluralName() {
    return group.isEmpty() ? resource : group + "." + resource;
  }

  /** Such as {@code apps/v1}. */
  public String apiVersion() {
    return group.isEmpty() ? version : group + "/" + version;
  }

  /** Says of an object that it is of this type, which those of lists do not. */
  public void declare(ObjectNode object) {
    object.put("apiVersion", apiVersion()).put("kind", kind);
  }

  /**
   * Where the API server has its objects.
   *
   * @param namespace as {@link io.drover.steve.kube.ApiRequest#segment} makes it; empty:
   *     everywhere, or nowhere
   */
  public String path(String namespace) {
    return (group.isEmpty() ? "/api/" : "/apis/")
        + apiVersion()
        + (namespace.isEmpty() ? "" : "/namespaces/" + namespace)
        + "/"
        + resource;
  }

  /** As it stands in a schema. */
  ObjectNode attributes() {
    var attributes = Json.MAPPER.createObjectNode();
    if (!columns.isEmpty()) {
      attributes.set("columns", columnsJson());
    }
    crd.ifPresent(
        facts -> {
          attributes.put("crd", true);
          var paths = attributes.putObject("crdJSONPathParsers");
          facts.jsonPaths().forEach(paths::put);
          if (facts.observesGeneration()) {
            attributes.put("hasObservedGeneration", true);
          }
        });
    var blocked = Blocked.of(this);
    if (!blocked.isEmpty()) {
      var disallowed = attributes.putObject("disallowMethods");
      blocked.forEach(method -> disallowed.put(method, true));
    }
    attributes.put("group", group);
    attributes.put("kind", kind);
    attributes.put("namespaced", namespaced);
    preferredVersion.ifPresent(preferred -> attributes.put("preferredVersion", preferred));
    attributes.put("resource", resource);
    if (!hasTable) {
      attributes.put("table", "false");
    }
    var all = attributes.putArray("verbs");
    verbs.forEach(all::add);
    attributes.put("version", version);
    return attributes;
  }

  private ArrayNode columnsJson() {
    var all = Json.MAPPER.createArrayNode();
    for (int i = 0; i < columns.size(); i++) {
      var column = columns.get(i);
      all.addObject()
          .put("name", column.name())
          .put("type", column.type())
          .put("format", column.format())
          .put("description", column.description())
          .put("priority", column.priority())
          .put("field", "$.metadata.fields[" + i + "]");
    }
    return all;
  }
}
