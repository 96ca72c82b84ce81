package io.drover.e2e;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;

/** What the chart's {@code rights.yaml} says that the agent needs, feature by feature. */
final class Rights {
  private Rights() {}

  /**
   * Rules of one feature at one place.
   *
   * @param place {@code cluster}, {@code own} or {@code system}
   */
  record Rule(String feature, String place, JsonNode rule) {
    /** The namespace; empty: all, or none. */
    String namespace() {
      return switch (place) {
        case "cluster" -> "";
        case "own" -> Import.NAMESPACE;
        case "system" -> "kube-system";
        default -> throw new IllegalStateException(place);
      };
    }

    /** As a line of docs/rbac.md. */
    String line() {
      var groups = texts("apiGroups");
      var what =
          groups.isEmpty()
              ? String.join(", ", texts("nonResourceURLs"))
              : groups.stream()
                  .flatMap(
                      group -> texts("resources").stream().map(resource -> named(resource, group)))
                  .collect(Collectors.joining(", "));
      var names = texts("resourceNames");
      return "| %s | %s | %s%s | %s |"
          .formatted(
              feature,
              namespace().isEmpty() ? "cluster" : namespace(),
              what.replace("*", "\\*"), // which means something to Markdown
              names.isEmpty() ? "" : ": `" + String.join("`, `", names) + "`",
              String.join(", ", texts("verbs")));
    }

    /** As kubectl names it. */
    private static String named(String resource, String group) {
      var parts = resource.split("/", 2);
      return parts[0]
          + (group.isEmpty() ? "" : "." + group)
          + (parts.length == 2 ? "/" + parts[1] : "");
    }

    /** Single ones. */
    List<Access> accesses() {
      var names = texts("resourceNames").isEmpty() ? List.of("") : texts("resourceNames");
      var found = new ArrayList<Access>();
      for (String verb : texts("verbs")) {
        texts("nonResourceURLs").forEach(url -> found.add(new Access(verb, "", url, "", "")));
        for (String group : texts("apiGroups")) {
          for (String resource : texts("resources")) {
            names.forEach(name -> found.add(new Access(verb, group, resource, namespace(), name)));
          }
        }
      }
      return found;
    }

    private List<String> texts(String field) {
      return rule.path(field).valueStream().map(JsonNode::asText).toList();
    }
  }

  /** One question to an authorizer; {@code what} is a resource, or a path. */
  record Access(String verb, String group, String what, String namespace, String name) {
    /** As kubectl names what it is about. */
    String target() {
      return Rule.named(what, group);
    }
  }

  static List<Rule> all() throws IOException {
    var rules = new ArrayList<Rule>();
    Helm.yaml(Programs.chart().resolve("rights.yaml"))
        .forEachEntry(
            (feature, places) ->
                places.forEachEntry(
                    (place, list) ->
                        list.forEach(rule -> rules.add(new Rule(feature, place, rule)))));
    return rules;
  }

  static Set<Access> allAccesses() throws IOException {
    return all().stream()
        .flatMap(rule -> rule.accesses().stream())
        .collect(Collectors.toCollection(LinkedHashSet::new));
  }

  /** Features, in the order of the file. */
  static Set<String> features() throws IOException {
    return all().stream().map(Rule::feature).collect(Collectors.toCollection(LinkedHashSet::new));
  }

  /** Where a feature needs rights. */
  static List<String> places(String feature) throws IOException {
    return all().stream()
        .filter(rule -> rule.feature().equals(feature))
        .map(Rule::place)
        .distinct()
        .toList();
  }

  /** All single ones that these features have at these places. */
  static Set<Access> accesses(List<String> features, List<String> places) throws IOException {
    return all().stream()
        .filter(rule -> features.contains(rule.feature()) && places.contains(rule.place()))
        .flatMap(rule -> rule.accesses().stream())
        .collect(Collectors.toCollection(LinkedHashSet::new));
  }
}
