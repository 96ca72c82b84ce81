package io.drover.agent.report;

import static java.util.Comparator.comparingInt;

import io.drover.agent.kube.Answer;
import io.drover.agent.view.Facts.TaintTrial;
import io.drover.agent.view.Node;
import io.drover.proto.report.Details.TaintInUse;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Whether nodes can be tainted, and how they are. */
final class TaintDetector {
  /** Tells a node on which nothing runs as on others, so that taints on it mean nothing. */
  private record VirtualNode(Where where, Term term, String kind) {
    static VirtualNode of(KnownTable.Row row) {
      for (Where where : Where.values()) {
        String term = row.optionalText(where.field);
        if (term != null) {
          return new VirtualNode(where, Term.parse(term), row.text("kind"));
        }
      }
      throw row.wrong("neither label, annotation nor taint");
    }

    boolean fits(Node node) {
      return switch (where) {
        case LABEL -> term.isIn(node.labels());
        case ANNOTATION -> term.isIn(node.annotations());
        case TAINT -> node.taints().stream().anyMatch(t -> term.isIn(Map.of(t.key(), t.value())));
      };
    }
  }

  private enum Where {
    LABEL("label"),
    ANNOTATION("annotation"),
    TAINT("taint");

    private final String field;

    Where(String field) {
      this.field = field;
    }
  }

  private static final List<VirtualNode> VIRTUAL_NODES =
      KnownTable.read("virtual-nodes", VirtualNode::of);

  private final Seen seen;

  TaintDetector(Seen seen) {
    this.seen = seen;
  }

  Finding<Boolean> support() {
    return switch (seen.facts().taintTrial()) {
      case Answer.Missing<TaintTrial> missing -> Finding.unknown(missing);
      case Answer.Found<TaintTrial>(var trial) ->
          switch (trial) {
            case REFUSED -> Finding.certain(false, "refused attempt to taint a node");
            case ACCEPTED -> accepted();
          };
    };
  }

  private Finding<Boolean> accepted() {
    String source = "accepted attempt to taint a node";
    return switch (seen.nodes()) {
      case Answer.Missing<List<Node>> _ -> Finding.likely(true, source);
      case Answer.Found<List<Node>>(var nodes) -> {
        var kinds = nodes.stream().map(TaintDetector::virtualKind).toList();
        yield !kinds.isEmpty() && kinds.stream().allMatch(Optional::isPresent)
            ? Finding.certain(false, "all nodes are virtual: " + kinds.getFirst().orElseThrow())
            : Finding.certain(true, source);
      }
    };
  }

  private static Optional<String> virtualKind(Node node) {
    return VIRTUAL_NODES.stream()
        .filter(known -> known.fits(node))
        .map(VirtualNode::kind)
        .findFirst();
  }

  /** The most frequent first. */
  Finding<List<TaintInUse>> inUse() {
    return switch (seen.nodes()) {
      case Answer.Missing<List<Node>> missing -> Finding.unknown(missing);
      case Answer.Found<List<Node>>(var nodes) -> {
        var counts = new HashMap<Node.Taint, Integer>();
        nodes.stream()
            .flatMap(node -> node.taints().stream().distinct())
            .forEach(taint -> counts.merge(taint, 1, Integer::sum));
        yield Finding.certain(
            counts.entrySet().stream()
                .map(
                    entry ->
                        new TaintInUse(
                            entry.getKey().key(),
                            entry.getKey().value().isEmpty() ? null : entry.getKey().value(),
                            entry.getKey().effect(),
                            entry.getValue()))
                .sorted(
                    comparingInt(TaintInUse::nodes)
                        .reversed()
                        .thenComparing(TaintInUse::key)
                        .thenComparing(TaintInUse::effect)
                        .thenComparing(taint -> String.valueOf(taint.value())))
                .toList(),
            "nodes");
      }
    };
  }
}
