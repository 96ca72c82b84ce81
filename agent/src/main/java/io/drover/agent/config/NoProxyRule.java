package io.drover.agent.config;

import java.net.InetAddress;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/**
 * One item of {@code NO_PROXY}. Source: Go {@code golang.org/x/net/http/httpproxy}.
 *
 * @param host lower case: {@code *}, an IP address, a CIDR, a name (with its sub-domains), or
 *     {@code .suffix} (sub-domains only)
 * @param port decimal; empty: any
 */
record NoProxyRule(String host, String port) {

  /** Items separated by commas. What makes no sense is skipped, as Go does. */
  static List<NoProxyRule> parseList(String text) {
    return Arrays.stream(text.toLowerCase(Locale.ROOT).split(","))
        .map(String::strip)
        .map(NoProxyRule::parse)
        .filter(rule -> !rule.host.isEmpty())
        .toList();
  }

  private static NoProxyRule parse(String item) {
    if (Cidr.parse(item).isPresent() || Cidr.address(item).isPresent()) {
      return new NoProxyRule(item, "");
    }
    HostPort parts;
    try {
      parts = HostPort.split(item);
    } catch (IllegalArgumentException e) {
      parts = new HostPort(item, "");
    }
    String host = parts.host();
    return new NoProxyRule(host.startsWith("*.") ? host.substring(1) : host, parts.port());
  }

  boolean matches(String target, int targetPort) {
    if (host.equals("*")) {
      return true;
    }
    if (!port.isEmpty() && !port.equals(Integer.toString(targetPort))) {
      return false;
    }
    Optional<InetAddress> address = Cidr.address(target);
    if (address.isPresent()) {
      return Cidr.address(host).map(address.get()::equals).orElse(false)
          || Cidr.parse(host).map(cidr -> cidr.contains(address.get())).orElse(false);
    }
    return host.startsWith(".")
        ? target.endsWith(host)
        : target.equals(host) || target.endsWith("." + host);
  }
}
