package io.drover.agent.config;

import java.net.InetAddress;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/**
 * One item of {@code NO_PROXY}: which servers are reached directly. Source: Go {@code
 * golang.org/x/net/http/httpproxy}, which a test compares this with.
 */
sealed interface NoProxyRule {
  /** {@code *}. */
  record All() implements NoProxyRule {
    @Override
    public boolean matches(String target, int targetPort) {
      return true;
    }
  }

  /** A network; a port after it would make a name of it. */
  record Network(Cidr cidr) implements NoProxyRule {
    @Override
    public boolean matches(String target, int targetPort) {
      return Cidr.address(target).map(cidr::contains).orElse(false);
    }
  }

  /**
   * One address.
   *
   * @param port decimal; empty: any
   */
  record Address(InetAddress address, String port) implements NoProxyRule {
    @Override
    public boolean matches(String target, int targetPort) {
      return isPort(port, targetPort) && Cidr.address(target).map(address::equals).orElse(false);
    }
  }

  /**
   * A name and its sub-domains.
   *
   * @param suffix the name with a dot before it, in lower case
   * @param itself whether the name itself is meant, too
   * @param port decimal; empty: any
   */
  record Domain(String suffix, boolean itself, String port) implements NoProxyRule {
    @Override
    public boolean matches(String target, int targetPort) {
      boolean named = target.endsWith(suffix) || (itself && target.equals(suffix.substring(1)));
      return named && isPort(port, targetPort) && Cidr.address(target).isEmpty();
    }
  }

  /**
   * Whether the rule covers a server.
   *
   * @param target a name in lower case, or an address without brackets
   */
  boolean matches(String target, int targetPort);

  /** Items separated by commas. What makes no sense is skipped or matches nothing, as Go does. */
  static List<NoProxyRule> parseList(String text) {
    return Arrays.stream(text.toLowerCase(Locale.ROOT).split(","))
        .map(String::strip)
        .map(NoProxyRule::parse)
        .flatMap(Optional::stream)
        .toList();
  }

  private static Optional<NoProxyRule> parse(String item) {
    if (item.equals("*")) {
      return Optional.of(new All());
    }
    var cidr = Cidr.parse(item);
    if (cidr.isPresent()) {
      return Optional.of(new Network(cidr.get()));
    }
    var parts = split(item);
    if (parts.host().isEmpty()) {
      return Optional.empty();
    }
    return Cidr.address(parts.host())
        .<NoProxyRule>map(address -> new Address(address, parts.port()))
        .or(() -> Optional.of(domain(parts.host(), parts.port())));
  }

  /** What is no host with a port is a host. */
  private static HostPort split(String item) {
    if (Cidr.address(item).isEmpty()) {
      try {
        return HostPort.split(item);
      } catch (IllegalArgumentException _) {
        // As below.
      }
    }
    return new HostPort(item, "");
  }

  private static NoProxyRule domain(String host, String port) {
    String name = host.startsWith("*.") ? host.substring(1) : host;
    return name.startsWith(".")
        ? new Domain(name, false, port)
        : new Domain("." + name, true, port);
  }

  private static boolean isPort(String port, int targetPort) {
    return port.isEmpty() || port.equals(Integer.toString(targetPort));
  }
}
