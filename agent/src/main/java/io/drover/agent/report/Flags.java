package io.drover.agent.report;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.drover.agent.view.Node;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** A command line. */
record Flags(List<String> args) {
  private static final ObjectMapper JSON = new ObjectMapper();

  Flags {
    args = List.copyOf(args);
  }

  /**
   * Those of the servers of k3s and RKE2, which note them on their nodes; a list that is too long
   * is not there.
   *
   * @param annotation {@code k3s.io/node-args} or {@code rke2.io/node-args}
   */
  static List<Flags> ofServers(List<Node> nodes, String annotation) {
    return nodes.stream()
        .map(node -> parse(node.annotations().getOrDefault(annotation, "")))
        .flatMap(Optional::stream)
        .filter(flags -> !flags.args().isEmpty() && flags.args().getFirst().equals("server"))
        .toList();
  }

  private static Optional<Flags> parse(String json) {
    try {
      var args = new ArrayList<String>();
      for (JsonNode arg : JSON.readTree(json.getBytes(UTF_8))) {
        args.add(arg.asText());
      }
      return Optional.of(new Flags(args));
    } catch (IOException _) {
      return Optional.empty(); // anybody can write an annotation
    }
  }

  /** Values of a flag, in order; one that lists several has them one by one. */
  List<String> values(String flag) {
    var values = new ArrayList<String>();
    for (int i = 0; i < args.size(); i++) {
      String arg = args.get(i);
      if (arg.startsWith(flag + "=")) {
        values.addAll(List.of(arg.substring(flag.length() + 1).split(",")));
      } else if (arg.equals(flag) && i + 1 < args.size()) {
        values.addAll(List.of(args.get(i + 1).split(",")));
      }
    }
    return values;
  }

  /** Whether a flag that needs no value is on. */
  boolean isOn(String flag) {
    return args.stream()
        .anyMatch(
            arg ->
                arg.equals(flag) || (arg.startsWith(flag + "=") && !arg.equals(flag + "=false")));
  }

  boolean has(String flag) {
    return args.stream().anyMatch(arg -> arg.equals(flag) || arg.startsWith(flag + "="));
  }
}
