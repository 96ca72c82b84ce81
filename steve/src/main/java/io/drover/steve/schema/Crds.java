package io.drover.steve.schema;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.drover.steve.kube.Watch;
import io.drover.steve.schema.ResourceType.CrdFacts;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;

/** What the CustomResourceDefinitions of the cluster say, as they change. Any thread. */
final class Crds implements Watch.Events {
  /** Where they are listed. */
  static final String PATH = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";

  private final Runnable onChange;

  /** By {@code version kind.group}; the outer map by name. */
  private final Map<String, Map<String, CrdFacts>> facts = new ConcurrentHashMap<>();

  private final Map<String, Map<String, CrdFacts>> listed = new HashMap<>();
  private boolean listing;

  Crds(Runnable onChange) {
    this.onChange = onChange;
  }

  /** Empty if no definition made it. */
  Optional<CrdFacts> of(String group, String version, String kind) {
    String key = version + " " + kind + "." + group;
    return facts.values().stream()
        .filter(versions -> versions.containsKey(key))
        .findFirst()
        .map(versions -> versions.get(key));
  }

  @Override
  public void begin() {
    listed.clear();
    listing = true;
  }

  @Override
  public void changed(ObjectNode object) {
    (listing ? listed : facts).put(name(object), read(object));
    if (!listing) {
      onChange.run();
    }
  }

  @Override
  public void deleted(ObjectNode object) {
    facts.remove(name(object));
    onChange.run();
  }

  @Override
  public void complete() {
    facts.keySet().retainAll(listed.keySet());
    facts.putAll(listed);
    listing = false;
    onChange.run();
  }

  private static String name(ObjectNode object) {
    return object.at("/metadata/name").asText("");
  }

  private static Map<String, CrdFacts> read(ObjectNode object) {
    var spec = object.path("spec");
    String kind = spec.at("/names/kind").asText("") + "." + spec.path("group").asText("");
    var versions = new HashMap<String, CrdFacts>();
    for (var version : spec.path("versions")) {
      boolean observes =
          version
              .at("/schema/openAPIV3Schema/properties/status/properties")
              .has("observedGeneration");
      versions.put(
          version.path("name").asText("") + " " + kind, new CrdFacts(paths(version), observes));
    }
    return versions;
  }

  private static Map<String, String> paths(JsonNode version) {
    var paths = new HashMap<String, String>();
    paths.put("Name", "{.metadata.name}");
    var columns = version.path("additionalPrinterColumns");
    for (var column : columns) {
      paths.put(column.path("name").asText(""), "{" + column.path("jsonPath").asText("") + "}");
    }
    if (columns.isEmpty()) {
      paths.put("Age", "{.metadata.creationTimestamp}");
    }
    return paths;
  }
}
