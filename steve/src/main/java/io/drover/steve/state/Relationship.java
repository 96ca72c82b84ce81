package io.drover.steve.state;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * Another object that an object names.
 *
 * @param inbound whether the other one is the cause of this one: its owner, say
 * @param rel what kind: owner, applies, creates, selects, uses, helmresource
 * @param type the other one's schema id
 * @param id the other one's: {@code namespace/name}, or a name; empty if a selector names several,
 *     and for the service account of a pod template that has none
 * @param selector labels of the others, in Kubernetes' notation, or empty
 * @param namespace where the selector looks, else empty
 */
public record Relationship(
    boolean inbound, String rel, String type, String id, String selector, String namespace) {
  private static final Set<String> CREATE_PODS =
      Set.of(
          "apps DaemonSet", "apps Deployment", "apps ReplicaSet", "apps StatefulSet", "batch Job");

  /** The annotation that names the kind of what an object set belongs to. */
  private static final String APPLIED_BY = "objectset.rio.cattle.io/owner-gvk";

  /** Between the apiVersion and the kind of an owner that an annotation names. */
  private static final String KIND_IS = ", Kind=";

  /**
   * What the object itself names; who names it is not told.
   *
   * @param namespaced whether the objects of a schema live in namespaces; false if it is unknown
   */
  public static List<Relationship> of(ObjectNode object, Predicate<String> namespaced) {
    var found = new Found(object.path("metadata").path("namespace").asText(""), namespaced);
    var kind = group(object.path("apiVersion").asText("")) + " " + object.path("kind").asText("");
    var spec = object.path("spec");
    if (kind.equals(" Pod")) {
      found.podUses(spec);
    } else if (kind.equals(" Service")) {
      found.selected("selects", spec.path("selector"));
    } else if (CREATE_PODS.contains(kind)) {
      found.selected("creates", spec.path("selector"));
      if (spec.path("template").isObject()) {
        found.podUses(spec.path("template").path("spec"));
      }
    }
    found.owners(object.path("metadata"));
    if (kind.equals("catalog.cattle.io App")
        && object.path("status").path("summary").path("state").asText("").equals("deployed")) {
      found.helmResources(spec.path("resources"));
    }
    return found.all;
  }

  /**
   * What an object belongs to that says so by the annotations of an object set, and has no owner.
   *
   * @param namespaced as for {@link #of}
   */
  public static Optional<Relationship> applied(ObjectNode object, Predicate<String> namespaced) {
    var metadata = object.path("metadata");
    if (!metadata.path("annotations").has(APPLIED_BY)) {
      return Optional.empty();
    }
    var found = new Found(metadata.path("namespace").asText(""), namespaced);
    found.owners(metadata);
    return found.all.stream().filter(one -> one.rel().equals("applies")).findFirst();
  }

  /** The id under which a kind is found: {@code pod}, {@code apps.deployment}. */
  public static String schemaId(String apiVersion, String kind) {
    var group = group(apiVersion);
    return (group.isEmpty() ? kind : group + "." + kind).toLowerCase(Locale.ROOT);
  }

  private static String group(String apiVersion) {
    return apiVersion.substring(0, Math.max(0, apiVersion.indexOf('/')));
  }

  /**
   * One of {@code metadata.relationships}.
   *
   * @param other of the other object, if that is known
   */
  public ObjectNode json(@Nullable Summary other) {
    var json = JsonNodeFactory.instance.objectNode();
    putUnlessEmpty(json, inbound ? "fromId" : "toId", id);
    json.put(inbound ? "fromType" : "toType", type);
    putUnlessEmpty(json, "toNamespace", namespace);
    json.put("rel", rel);
    putUnlessEmpty(json, "selector", selector);
    if (other != null) {
      json.put("state", other.state());
      putUnlessEmpty(json, "message", String.join("; ", other.messages()));
      if (other.error()) {
        json.put("error", true);
      }
      if (other.transitioning()) {
        json.put("transitioning", true);
      }
    }
    return json;
  }

  /**
   * The same as the other object has it.
   *
   * @param itsType schema id of the object that names the other one
   * @param itsId its id
   */
  public Relationship reversed(String itsType, String itsId) {
    return new Relationship(!inbound, rel, itsType, itsId, "", "");
  }

  private static void putUnlessEmpty(ObjectNode json, String name, String value) {
    if (!value.isEmpty()) {
      json.put(name, value);
    }
  }

  /** The relations of one object, in the order in which they are found. */
  private static final class Found {
    private final String ownNamespace;
    private final Predicate<String> namespaced;
    private final List<Relationship> all = new ArrayList<>();

    Found(String ownNamespace, Predicate<String> namespaced) {
      this.ownNamespace = ownNamespace;
      this.namespaced = namespaced;
    }

    private void add(boolean inbound, String rel, String type, String namespace, String name) {
      var itsNamespace = namespace.isEmpty() && namespaced.test(type) ? ownNamespace : namespace;
      var id = name.isEmpty() || itsNamespace.isEmpty() ? name : itsNamespace + "/" + name;
      all.add(new Relationship(inbound, rel, type, id, "", ""));
    }

    private void uses(String type, JsonNode name) {
      if (!name.asText("").isEmpty()) {
        add(false, "uses", type, "", name.asText(""));
      }
    }

    /** As {@link #uses}, unless the name has been met. */
    private void usesOnce(Set<String> met, String type, JsonNode name) {
      if (met.add(name.asText(""))) {
        uses(type, name);
      }
    }

    void selected(String rel, JsonNode selector) {
      if (selector.isObject()) {
        all.add(new Relationship(false, rel, "pod", "", SelectorText.of(selector), ownNamespace));
      }
    }

    void podUses(JsonNode spec) {
      configuration(spec, "configmap", "configMap", "name");
      configuration(spec, "secret", "secret", "secretName");
      add(false, "uses", "serviceaccount", "", spec.path("serviceAccountName").asText(""));
      for (var volume : spec.path("volumes")) {
        for (var source : volume.path("projected").path("sources")) {
          uses("secret", source.path("secret").path("name"));
          uses("configmap", source.path("configMap").path("name"));
        }
      }
    }

    private void configuration(JsonNode spec, String type, String field, String volumeName) {
      var met = new HashSet<String>();
      for (var volume : spec.path("volumes")) {
        usesOnce(met, type, volume.path(field).path(volumeName));
      }
      for (var container : spec.path("containers")) {
        for (var source : container.path("envFrom")) {
          usesOnce(met, type, source.path(field + "Ref").path("name"));
        }
        for (var variable : container.path("env")) {
          usesOnce(met, type, variable.path("valueFrom").path(field + "KeyRef").path("name"));
        }
      }
    }

    void owners(JsonNode metadata) {
      for (var owner : metadata.path("ownerReferences")) {
        var type = schemaId(owner.path("apiVersion").asText(""), owner.path("kind").asText(""));
        add(true, "owner", type, "", owner.path("name").asText(""));
      }
      if (metadata.path("ownerReferences").isEmpty()) {
        var annotations = metadata.path("annotations");
        var kind = annotations.path(APPLIED_BY).asText("");
        var at = kind.indexOf(KIND_IS);
        if (at > 0) {
          add(
              true,
              "applies",
              schemaId(kind.substring(0, at), kind.substring(at + KIND_IS.length())),
              annotations.path("objectset.rio.cattle.io/owner-namespace").asText(""),
              annotations.path("objectset.rio.cattle.io/owner-name").asText(""));
        }
      }
    }

    void helmResources(JsonNode resources) {
      for (var resource : resources) {
        add(
            false,
            "helmresource",
            schemaId(resource.path("apiVersion").asText(""), resource.path("kind").asText("")),
            resource.path("namespace").asText(""),
            resource.path("name").asText(""));
      }
    }
  }

  /** Label selectors as text: {@code app=web,tier in (a,b),!old}. */
  private static final class SelectorText {
    /** What each operator looks like; the first %s is the key, the second its sorted values. */
    private static final Map<String, String> OPERATORS =
        Map.of(
            "DoesNotExist", "!%s",
            "Exists", "%s",
            "In", "%s in (%s)",
            "NotIn", "%s notin (%s)");

    private SelectorText() {}

    static String of(JsonNode selector) {
      var expressions = selector.path("matchExpressions");
      var labels = selector.path("matchLabels");
      var byKey = new TreeMap<String, List<String>>();
      // A Service's selector is the labels themselves.
      var bare = labels.isMissingNode() && expressions.isMissingNode();
      (bare ? selector : labels)
          .properties()
          .forEach(
              label ->
                  put(byKey, label.getKey(), label.getKey() + "=" + label.getValue().asText("")));
      for (var expression : expressions) {
        var key = expression.path("key").asText("");
        var values = new ArrayList<String>();
        expression.path("values").forEach(value -> values.add(value.asText("")));
        Collections.sort(values);
        var form = OPERATORS.getOrDefault(expression.path("operator").asText(""), "");
        put(byKey, key, form.formatted(key, String.join(",", values)));
      }
      return String.join(",", byKey.values().stream().flatMap(List::stream).toList());
    }

    private static void put(Map<String, List<String>> byKey, String key, String text) {
      byKey.computeIfAbsent(key, _ -> new ArrayList<>()).add(text);
    }
  }
}
