package io.drover.agent.check;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import io.drover.agent.kube.Answer;
import io.drover.agent.kube.ApiReader;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Set;

/** What the agent needs of the API server, feature by feature: a copy of the chart's list. */
final class Rights {
  /** The feature without which there is no agent. */
  static final String TUNNEL = "tunnel";

  private static final String RESOURCE = "rights.yaml";
  private static final String REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";

  /**
   * One thing to be allowed.
   *
   * @param needed nothing works without it
   * @param namespace empty: all, or none
   * @param path of what is no resource; otherwise empty
   * @param name of one object; empty: any
   */
  record Access(
      String feature,
      boolean needed,
      String verb,
      String group,
      String resource,
      String namespace,
      String path,
      String name) {
    @Override
    public String toString() {
      String what =
          path.isEmpty()
              ? resource + (group.isEmpty() ? "" : "." + group) + (name.isEmpty() ? "" : "/" + name)
              : path;
      return verb + " " + what + (namespace.isEmpty() ? "" : " in " + namespace);
    }
  }

  private Rights() {}

  /**
   * All that these features need.
   *
   * @param own namespace of the agent
   */
  static List<Access> of(Set<String> features, String own) {
    var found = new ArrayList<Access>();
    try (var in = Rights.class.getResourceAsStream(RESOURCE)) {
      JsonNode all = new YAMLMapper().readTree(Objects.requireNonNull(in, RESOURCE));
      all.forEachEntry(
          (feature, places) -> {
            if (features.contains(feature)) {
              places.forEachEntry(
                  (place, rules) ->
                      rules.forEach(
                          rule -> add(found, feature, place, namespace(place, own), rule)));
            }
          });
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return found;
  }

  private static String namespace(String place, String own) {
    return switch (place) {
      case "cluster" -> "";
      case "own" -> own;
      case "system" -> "kube-system";
      default -> throw new IllegalStateException(place);
    };
  }

  private static void add(
      List<Access> found, String feature, String place, String namespace, JsonNode rule) {
    boolean needed = feature.equals(TUNNEL) && place.equals("own");
    var names = texts(rule, "resourceNames").isEmpty() ? List.of("") : texts(rule, "resourceNames");
    for (String verb : texts(rule, "verbs")) {
      for (String path : texts(rule, "nonResourceURLs")) {
        found.add(new Access(feature, needed, verb, "", "", "", path, ""));
      }
      for (String group : texts(rule, "apiGroups")) {
        for (String resource : texts(rule, "resources")) {
          for (String name : names) {
            found.add(new Access(feature, needed, verb, group, resource, namespace, "", name));
          }
        }
      }
    }
  }

  private static List<String> texts(JsonNode rule, String field) {
    return rule.path(field).valueStream().map(JsonNode::asText).toList();
  }

  /**
   * Asks the API server.
   *
   * @throws IOException if it does not say
   */
  static boolean isAllowed(ApiReader api, Access access) throws IOException, InterruptedException {
    var review = JsonNodeFactory.instance.objectNode();
    review.put("apiVersion", "authorization.k8s.io/v1").put("kind", "SelfSubjectAccessReview");
    var spec = review.putObject("spec");
    if (access.path().isEmpty()) {
      var parts = access.resource().split("/", 2);
      spec.putObject("resourceAttributes")
          .put("verb", access.verb())
          .put("group", access.group())
          .put("resource", parts[0])
          .put("subresource", parts.length == 2 ? parts[1] : "")
          .put("namespace", access.namespace())
          .put("name", access.name());
    } else {
      spec.putObject("nonResourceAttributes").put("verb", access.verb()).put("path", access.path());
    }
    return switch (api.send("POST", REVIEWS, "application/json", review)) {
      case Answer.Missing<ApiReader.Outcome> missing -> throw missing.failure();
      case Answer.Found<ApiReader.Outcome>(var outcome) -> {
        if (!outcome.isSuccess()) {
          throw new Answer.Missing<>(outcome.cause(), outcome.status() + " " + outcome.message())
              .failure();
        }
        yield outcome.body().at("/status/allowed").asBoolean();
      }
    };
  }
}
