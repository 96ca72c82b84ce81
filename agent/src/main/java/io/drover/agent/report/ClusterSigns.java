package io.drover.agent.report;

import io.drover.agent.kube.Answer;
import io.drover.agent.view.Node;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;

/**
 * What a distribution is told by. Each question has three answers: a sign (named for people), none,
 * or that it is not known.
 *
 * @param scope which nodes the signs of nodes have to be on
 */
record ClusterSigns(
    List<String> versions,
    List<String> apiGroups,
    List<String> configMaps,
    Map<OfNode, List<String>> ofNodes,
    Scope scope) {
  private static final String SYSTEM = "kube-system/";

  /** What there is to see of a node; the fields of the tables are called the same. */
  enum OfNode {
    LABEL("nodeLabels"),
    ANNOTATION("nodeAnnotations"),
    PROVIDER_ID("providerIdPrefixes"),
    OS_IMAGE("osImages"),
    PART_OF_OS_IMAGE("osImageContains"),
    IMAGE("nodeImageContains"),
    NAME("nodeNames"),
    BEGINNING_OF_NAME("nodeNamePrefixes");

    private final String field;

    OfNode(String field) {
      this.field = field;
    }

    private boolean fits(Node node, String sign) {
      return switch (this) {
        case LABEL -> Term.parse(sign).isIn(node.labels());
        case ANNOTATION -> Term.parse(sign).isIn(node.annotations());
        case PROVIDER_ID -> node.providerId().startsWith(sign);
        case OS_IMAGE -> node.osImage().equals(sign);
        case PART_OF_OS_IMAGE -> node.osImage().contains(sign);
        case IMAGE -> node.images().contains(sign);
        case NAME -> node.name().equals(sign);
        case BEGINNING_OF_NAME -> node.name().startsWith(sign);
      };
    }

    private Optional<String> seenOn(Node node, List<String> signs) {
      return signs.stream()
          .filter(sign -> fits(node, sign))
          .findFirst()
          .map(sign -> field + " of node " + node.name() + ": " + sign);
    }
  }

  enum Scope {
    ANY_NODE,
    FIRST_NODE,
    ALL_NODES,
    /** There is one, and it is that. */
    SINGLE_NODE
  }

  static ClusterSigns of(KnownTable.Row row) {
    var ofNodes = new EnumMap<OfNode, List<String>>(OfNode.class);
    for (OfNode kind : OfNode.values()) {
      List<String> signs = row.texts(kind.field);
      if (!signs.isEmpty()) {
        ofNodes.put(kind, signs);
      }
    }
    Scope scope = Scope.ANY_NODE;
    scope = row.flag("firstNode") ? Scope.FIRST_NODE : scope;
    scope = row.flag("allNodes") ? Scope.ALL_NODES : scope;
    scope = row.flag("singleNode") ? Scope.SINGLE_NODE : scope;
    return new ClusterSigns(
        row.texts("versionContains"),
        row.texts("apiGroups"),
        row.texts("configMaps"),
        ofNodes,
        scope);
  }

  boolean isEmpty() {
    return versions.isEmpty() && apiGroups.isEmpty() && configMaps.isEmpty() && ofNodes.isEmpty();
  }

  /** One of the signs. */
  Answer<Optional<String>> any(Seen seen) {
    var answers = new ArrayList<>(single(seen));
    if (!ofNodes.isEmpty()) {
      answers.add(seen.nodes().map(nodes -> onNodes(nodes, this::anyOn)));
    }
    Answer<Optional<String>> result = new Answer.Found<>(Optional.empty());
    for (var answer : answers) {
      if (answer.found().flatMap(Function.identity()).isPresent()) {
        return answer;
      }
      if (answer instanceof Answer.Missing<Optional<String>> missing
          && result instanceof Answer.Found<Optional<String>>) {
        result = missing;
      }
    }
    return result;
  }

  /** All kinds of them together, those of nodes on one node. */
  Answer<Optional<String>> all(Seen seen) {
    var answers = new ArrayList<>(single(seen));
    if (!ofNodes.isEmpty()) {
      answers.add(seen.nodes().map(nodes -> onNodes(nodes, this::allOn)));
    }
    Answer<Optional<String>> result = new Answer.Found<>(Optional.empty());
    for (var answer : answers) {
      if (answer instanceof Answer.Found<Optional<String>>(var sign) && sign.isEmpty()) {
        return answer;
      }
      if (!(result instanceof Answer.Missing<Optional<String>>)) {
        result = answer;
      }
    }
    return result;
  }

  /** A sign in the version. */
  Answer<Optional<String>> inVersion(Seen seen) {
    return versions.isEmpty()
        ? new Answer.Found<>(Optional.empty())
        : seen.gitVersion()
            .map(
                version ->
                    versions.stream()
                        .filter(version::contains)
                        .findFirst()
                        .map(_ -> "version " + version));
  }

  /** One answer for each kind of signs that is not of nodes. */
  private List<Answer<Optional<String>>> single(Seen seen) {
    var answers = new ArrayList<Answer<Optional<String>>>();
    if (!versions.isEmpty()) {
      answers.add(inVersion(seen));
    }
    if (!apiGroups.isEmpty()) {
      answers.add(first(apiGroups, "API group ", seen::hasGroup));
    }
    if (!configMaps.isEmpty()) {
      answers.add(first(configMaps, "ConfigMap ", name -> hasConfigMap(seen, name)));
    }
    return answers;
  }

  private static Answer<Optional<String>> first(
      List<String> signs, String kind, Function<String, Answer<Boolean>> isThere) {
    Answer<Optional<String>> result = new Answer.Found<>(Optional.empty());
    for (String sign : signs) {
      switch (isThere.apply(sign)) {
        case Answer.Found<Boolean>(var there) -> {
          if (there) {
            return new Answer.Found<>(Optional.of(kind + sign));
          }
        }
        case Answer.Missing<Boolean> missing -> result = missing.of();
      }
    }
    return result;
  }

  /** Of those in other namespaces than kube-system, none is read: they are no evidence. */
  static Answer<Boolean> hasConfigMap(Seen seen, String name) {
    return name.startsWith(SYSTEM)
        ? seen.facts()
            .systemConfigMaps()
            .map((Set<String> names) -> names.contains(name.substring(SYSTEM.length())))
        : new Answer.Found<>(false);
  }

  private Optional<String> onNodes(List<Node> nodes, Function<Node, Optional<String>> on) {
    return switch (scope) {
      case ANY_NODE -> nodes.stream().map(on).flatMap(Optional::stream).findFirst();
      case FIRST_NODE -> nodes.stream().limit(1).map(on).flatMap(Optional::stream).findFirst();
      case SINGLE_NODE -> nodes.size() == 1 ? on.apply(nodes.getFirst()) : Optional.empty();
      case ALL_NODES ->
          !nodes.isEmpty() && nodes.stream().allMatch(node -> on.apply(node).isPresent())
              ? on.apply(nodes.getFirst())
              : Optional.empty();
    };
  }

  private Optional<String> anyOn(Node node) {
    return ofNodes.entrySet().stream()
        .map(each -> each.getKey().seenOn(node, each.getValue()))
        .flatMap(Optional::stream)
        .findFirst();
  }

  private Optional<String> allOn(Node node) {
    return ofNodes.entrySet().stream()
            .allMatch(each -> each.getKey().seenOn(node, each.getValue()).isPresent())
        ? anyOn(node)
        : Optional.empty();
  }
}
