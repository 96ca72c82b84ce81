package io.drover.agent.report;

import com.fasterxml.jackson.databind.JsonNode;
import io.drover.agent.kube.Answer;
import io.drover.agent.view.Facts.NodePortRange;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The ports that Services of type NodePort get: as the API server says, else as it was told, else
 * as usual. A source that failed might have said otherwise, so the usual range is taken only if
 * none did.
 */
final class NodePortDetector {
  /** Source: Kubernetes {@code pkg/kubeapiserver/options/options.go}. */
  private static final String DEFAULT = "30000-32767";

  private static final int MAX_PORT = 65535;
  private static final String FLAG = "service-node-port-range";

  /** {@code 30000-32767}, {@code 30000+2767} or a single port. */
  private static final Pattern RANGE = Pattern.compile("(\\d{1,5})(?:([-+])(\\d{1,5}))?");

  /** An extra argument in kubeadm's YAML: a map up to v1beta3, then a list of names and values. */
  private static final Pattern KUBEADM_ARGUMENT =
      Pattern.compile(FLAG + "[\"']?\\s*(?::|\\R\\s*value:)\\s*[\"']?([\\d+-]+)");

  private static final List<String> NODE_ARGS = List.of("k3s.io/node-args", "rke2.io/node-args");

  private final Seen seen;

  NodePortDetector(Seen seen) {
    this.seen = seen;
  }

  Finding<String> range() {
    return refused()
        .or(this::flags)
        .or(this::nodeArgs)
        .or(this::kubeadm)
        .or(this::openShift)
        .orElseGet(this::usual);
  }

  private Optional<Finding<String>> refused() {
    return seen.facts()
        .nodePorts()
        .found()
        .map(
            range ->
                Finding.certain(range.toString(), "API server, refusing a port outside of it"));
  }

  private Optional<Finding<String>> flags() {
    var flags = new Flags(seen.facts().apiServerFlags().found().orElse(List.of()));
    String source = "command line of kube-apiserver";
    var value = flags.values("--" + FLAG);
    if (!value.isEmpty()) {
      return parse(value.getLast()).map(range -> Finding.certain(range, source));
    }
    // Every API server needs its store: without that flag it is not the whole command line.
    return flags.has("--etcd-servers")
        ? Optional.of(Finding.certain(DEFAULT, source + ", without --" + FLAG))
        : Optional.empty();
  }

  private Optional<Finding<String>> nodeArgs() {
    var nodes = seen.nodes().found().orElse(List.of());
    for (String annotation : NODE_ARGS) {
      var servers = Flags.ofServers(nodes, annotation);
      for (Flags server : servers) {
        var values = new ArrayList<>(server.values("--" + FLAG));
        for (String argument : server.values("--kube-apiserver-arg")) {
          if (argument.startsWith(FLAG + "=")) {
            values.add(argument.substring(FLAG.length() + 1));
          }
        }
        if (!values.isEmpty()) {
          return parse(values.getLast())
              .map(range -> Finding.likely(range, "node annotation " + annotation));
        }
      }
      if (!servers.isEmpty()) {
        return Optional.of(
            Finding.likely(DEFAULT, "node annotation " + annotation + ", without --" + FLAG));
      }
    }
    return Optional.empty();
  }

  private Optional<Finding<String>> kubeadm() {
    String source = "ConfigMap kube-system/kubeadm-config";
    String configuration =
        seen.object("kube-system/kubeadm-config")
            .found()
            .map(object -> object.path("data").path("ClusterConfiguration").asText())
            .orElse("");
    if (configuration.isEmpty()) {
      return Optional.empty();
    }
    Matcher argument = KUBEADM_ARGUMENT.matcher(configuration);
    return argument.find()
        ? parse(argument.group(1)).map(range -> Finding.likely(range, source))
        : Optional.of(Finding.likely(DEFAULT, source + ", without " + FLAG));
  }

  private Optional<Finding<String>> openShift() {
    String source = "network.config.openshift.io/cluster";
    Optional<JsonNode> spec =
        seen.object("openshift-network").found().map(object -> object.path("spec"));
    if (spec.isEmpty() || !spec.get().isObject()) {
      return Optional.empty();
    }
    String range = spec.get().path("serviceNodePortRange").asText();
    return range.isEmpty()
        ? Optional.of(Finding.likely(DEFAULT, source + ", without serviceNodePortRange"))
        : parse(range).map(known -> Finding.certain(known, source));
  }

  private Finding<String> usual() {
    var failures =
        Seen.failures(
            List.of(
                seen.facts().nodePorts(),
                seen.facts().apiServerFlags(),
                seen.nodes(),
                seen.object("kube-system/kubeadm-config"),
                seen.object("openshift-network")));
    if (!failures.isEmpty()) {
      return Finding.unknown(failures.getFirst());
    }
    return switch (seen.gitVersion()) {
      case Answer.Found<String> _ -> Finding.assumed(DEFAULT, "default of Kubernetes");
      case Answer.Missing<String> missing -> Finding.unknown(missing);
    };
  }

  private static Optional<String> parse(String text) {
    Matcher range = RANGE.matcher(text.strip());
    if (!range.matches()) {
      return Optional.empty();
    }
    int low = Integer.parseInt(range.group(1));
    int high =
        switch (range.group(2)) {
          case null -> low;
          case "+" -> low + Integer.parseInt(range.group(3));
          default -> Integer.parseInt(range.group(3));
        };
    return low <= high && high <= MAX_PORT
        ? Optional.of(new NodePortRange(low, high).toString())
        : Optional.empty();
  }
}
