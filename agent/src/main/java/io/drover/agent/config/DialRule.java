package io.drover.agent.config;

import java.net.InetAddress;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/**
 * A target that the server may dial through the cluster tunnel.
 *
 * <p>Addresses are compared as addresses, names as names in any case; nothing is resolved, so a
 * CIDR does not match a name.
 *
 * @param host {@code *}, {@code *.suffix} (sub-domains only), a name, an IP address without
 *     brackets, or a CIDR
 * @param port 1 to 65535, or {@link #ANY_PORT}
 */
public record DialRule(String host, int port) {
  /** Written {@code *}. */
  public static final int ANY_PORT = 0;

  private static final String EXPECTED =
      "expected host:port, where host is a name, *.suffix, an IP address ([…] for IPv6), a CIDR or"
          + " *, and port is 1 to 65535 or *";

  public DialRule {
    host = host.toLowerCase(Locale.ROOT);
  }

  /**
   * Reads {@code host:port}.
   *
   * @throws IllegalArgumentException if it is something else, with a sentence for the operator
   */
  public static DialRule parse(String text) {
    String expected = "'" + text + "': " + EXPECTED;
    var parts = HostPort.split(text, expected);
    int port = parts.port().equals("*") ? ANY_PORT : Numbers.port(parts.port(), expected);
    if (!isHost(parts.host()) || (port == 0 && !parts.port().equals("*"))) {
      throw new IllegalArgumentException(expected);
    }
    return new DialRule(parts.host(), port);
  }

  /** Rules separated by commas or white space; none is fine. */
  static List<DialRule> parseList(String text) {
    return Arrays.stream(text.split("[,\\s]+"))
        .filter(item -> !item.isEmpty())
        .map(DialRule::parse)
        .toList();
  }

  /** As it is written. */
  public String text() {
    return HostPort.join(host, port == ANY_PORT ? "*" : Integer.toString(port));
  }

  /** Whether the rule covers this target; an IPv6 host may be in brackets. */
  public boolean matches(String host, int port) {
    return (this.port == ANY_PORT || this.port == port) && matchesHost(withoutBrackets(host));
  }

  private boolean matchesHost(String target) {
    if (host.equals("*")) {
      return true;
    }
    Optional<InetAddress> address = Cidr.address(target);
    if (address.isPresent()) {
      return Cidr.address(host).map(address.get()::equals).orElse(false)
          || Cidr.parse(host).map(cidr -> cidr.contains(address.get())).orElse(false);
    }
    String name = target.toLowerCase(Locale.ROOT);
    return host.startsWith("*.")
        ? name.length() > host.length() - 1 && name.endsWith(host.substring(1))
        : name.equals(host);
  }

  private static boolean isHost(String host) {
    if (host.indexOf('/') >= 0) {
      return Cidr.parse(host).isPresent();
    }
    if (host.indexOf(':') >= 0) {
      return Cidr.address(host).isPresent();
    }
    return host.equals("*") || host.matches("(\\*\\.)?[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_.])?");
  }

  private static String withoutBrackets(String host) {
    return host.startsWith("[") && host.endsWith("]") ? host.substring(1, host.length() - 1) : host;
  }
}
