package io.drover.agent.report;

import io.drover.agent.view.Node;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Whether servers of k3s or RKE2 were started with certain arguments.
 *
 * @param annotation of nodes, in which the servers note them
 * @param disable one of these is a value of {@code --disable}
 * @param flags or one of these is set
 */
record NodeArgsRule(String annotation, List<String> disable, List<String> flags) {

  /** The rule in a field of a row; null if the row has none. */
  static @Nullable NodeArgsRule of(KnownTable.Row row, String field) {
    if (!row.has(field)) {
      return null;
    }
    KnownTable.Row rule = row.row(field);
    return new NodeArgsRule(rule.text("annotation"), rule.texts("disable"), rule.texts("args"));
  }

  /** Whether it holds for one of the servers; empty if no server shows its arguments. */
  Optional<Boolean> holds(List<Node> nodes) {
    var servers = Flags.ofServers(nodes, annotation);
    return servers.isEmpty()
        ? Optional.empty()
        : Optional.of(servers.stream().anyMatch(this::holds));
  }

  private boolean holds(Flags server) {
    return flags.stream().anyMatch(server::isOn)
        || server.values("--disable").stream().anyMatch(disable::contains);
  }
}
