package io.drover.agent.config;

import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;

/**
 * The node agents of this cluster, and how they are recognised.
 *
 * @param addresses none: there are no node agents
 * @param identity directory with {@code ca.crt} and {@code token}
 */
public record NodeAgents(List<Address> addresses, Path identity) {
  private static final String EXPECTED = "expected host:port, or several separated by commas";

  public NodeAgents {
    addresses = List.copyOf(addresses);
  }

  /**
   * Where some of them answer.
   *
   * @param host a name, all of whose addresses count, or an address without brackets
   */
  public record Address(String host, int port) {}

  static NodeAgents from(Environment env) {
    return new NodeAgents(
        env.parse(Setting.DROVER_NODE_PEERS, NodeAgents::parse),
        env.parse(Setting.DROVER_NODE_IDENTITY_DIR, Path::of));
  }

  private static List<Address> parse(String text) {
    return Arrays.stream(text.split(","))
        .map(String::strip)
        .filter(item -> !item.isEmpty())
        .map(NodeAgents::address)
        .toList();
  }

  private static Address address(String item) {
    var parts = HostPort.split(item, EXPECTED);
    if (parts.host().isEmpty()) {
      throw new IllegalArgumentException(EXPECTED);
    }
    return new Address(parts.host(), Numbers.port(parts.port(), EXPECTED));
  }
}
