package io.drover.e2e;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;

/**
 * What an agent keeps in the cluster, which the agent of another release finds there: the Secret of
 * the token that the server has, the note of it at the service account, the Lease, the report. Not
 * the notes on nodes, which are Rancher's, and of which no agent reads its own.
 */
final class Leavings {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final String TOKEN = "rancher.io/service-account.secret-ref";

  private Leavings() {}

  /** A List for {@code kubectl apply --server-side}, without anything secret. */
  static ObjectNode read(Kubectl admin) throws IOException, InterruptedException {
    var list = JSON.createObjectNode().put("apiVersion", "v1").put("kind", "List");
    var items = list.putArray("items");
    for (String kind : List.of("secrets", "serviceaccounts", "leases", "clusterreports")) {
      for (var object :
          admin.json("-n", Import.NAMESPACE, "get", kind, "-o", "json").path("items")) {
        if (isTheAgents((ObjectNode) object)) {
          items.add(object);
        }
      }
    }
    for (int i = 0; i < items.size(); i++) {
      var object = (ObjectNode) items.get(i);
      if (object.path("kind").asText().equals("ServiceAccount")) {
        object = noteOf(object);
        items.set(i, object);
      }
      object.remove("data"); // the token, which Kubernetes puts there
      ((ObjectNode) object.path("metadata"))
          .remove(
              List.of(
                  "creationTimestamp",
                  "generation",
                  "managedFields",
                  "ownerReferences", // by a uid that holds in one cluster only
                  "resourceVersion",
                  "uid"));
      if (object.at("/metadata/annotations") instanceof ObjectNode annotations) {
        annotations.remove("kubernetes.io/service-account.uid"); // likewise
      }
      if (object.at("/metadata/labels") instanceof ObjectNode labels) {
        labels.remove("kubernetes.io/legacy-token-last-used"); // Kubernetes' own, each day another
      }
    }
    return list;
  }

  private static boolean isTheAgents(ObjectNode object) {
    var name = object.at("/metadata/name").asText();
    return switch (object.path("kind").asText()) {
      case "Secret" -> name.startsWith("cattle-token-");
      case "ServiceAccount" -> name.equals("cattle");
      case "Lease" -> name.equals("drover-agent");
      default -> true;
    };
  }

  /** Just the agent's part of the service account. */
  private static ObjectNode noteOf(JsonNode account) {
    var part = JSON.createObjectNode().put("apiVersion", "v1").put("kind", "ServiceAccount");
    part.putObject("metadata")
        .put("name", account.at("/metadata/name").asText())
        .put("namespace", Import.NAMESPACE)
        .putObject("annotations")
        .set(TOKEN, account.path("metadata").path("annotations").path(TOKEN));
    return part;
  }

  /** Empty if there is none. */
  static String report(JsonNode list) {
    return one(list, "ClusterReport").path("report").toString();
  }

  /** Who leads, and since when; empty if there is none. */
  static String lease(JsonNode list) {
    return one(list, "Lease").path("spec").toString();
  }

  private static JsonNode one(JsonNode list, String kind) {
    return list.path("items")
        .valueStream()
        .filter(object -> object.path("kind").asText().equals(kind))
        .findFirst()
        .orElseGet(JSON::createObjectNode);
  }

  /**
   * A line for each field, sorted: its path, and its value where that is the same in each cluster.
   * Of the report just that it is there: each writes its own, and none reads another's.
   */
  static List<String> form(JsonNode list) {
    var lines = new TreeSet<String>();
    for (var object : list.path("items")) {
      var kind = object.path("kind").asText();
      lines.add(kind + " " + object.path("apiVersion").asText());
      for (var field : object.properties()) {
        switch (field.getKey()) {
          case "apiVersion", "kind" -> {}
          case "report", "status" -> lines.add(kind + "/" + field.getKey());
          case "metadata" -> {
            var name = field.getValue().path("name").asText();
            lines.add(kind + "/name " + name.replaceFirst("(cattle-token-).*", "$1…"));
            for (var label : field.getValue().path("labels").properties()) {
              lines.add("%s/label %s=%s".formatted(kind, label.getKey(), label.getValue()));
            }
            var annotations = new ArrayList<String>();
            field.getValue().path("annotations").fieldNames().forEachRemaining(annotations::add);
            annotations.forEach(key -> lines.add(kind + "/annotation " + key));
          }
          default -> collect(kind + "/" + field.getKey(), field.getValue(), lines);
        }
      }
    }
    return List.copyOf(lines);
  }

  private static void collect(String path, JsonNode value, Set<String> lines) {
    if (value.isObject()) {
      value
          .properties()
          .forEach(part -> collect(path + "/" + part.getKey(), part.getValue(), lines));
    } else {
      lines.add(path + " " + value.getNodeType());
    }
  }
}
