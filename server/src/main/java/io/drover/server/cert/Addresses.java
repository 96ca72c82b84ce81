package io.drover.server.cert;

import java.net.InetAddress;

/** Tells addresses from names, without asking a name server. */
final class Addresses {
  private Addresses() {}

  static boolean isAddress(String name) {
    return name.contains(":") || name.matches("[0-9]+(\\.[0-9]+){3}");
  }

  /** All eight groups, as the JDK writes them. */
  static String fullIpv6(String address) {
    return InetAddress.ofLiteral(address).getHostAddress();
  }
}
