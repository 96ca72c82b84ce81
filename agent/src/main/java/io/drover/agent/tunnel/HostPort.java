package io.drover.agent.tunnel;

import java.io.IOException;

/**
 * Where to dial.
 *
 * @param host a name or an address; IPv6 without brackets
 */
record HostPort(String host, int port) {
  private static final int MAX_PORT = 65_535;

  /**
   * Reads {@code host:port} and {@code [v6]:port}.
   *
   * @throws IOException if it is neither; the message is for the far end
   */
  static HostPort parse(String address) throws IOException {
    int colon = address.lastIndexOf(':');
    if (colon < 0) {
      throw new IOException("dial tcp: address " + address + ": missing port in address");
    }
    var host = address.substring(0, colon);
    if (host.startsWith("[") && host.endsWith("]")) {
      host = host.substring(1, host.length() - 1);
    } else if (host.indexOf(':') >= 0) {
      throw new IOException("dial tcp: address " + address + ": too many colons in address");
    }
    int port;
    try {
      port = Integer.parseInt(address, colon + 1, address.length(), 10);
    } catch (NumberFormatException e) {
      port = -1;
    }
    if (port < 1 || port > MAX_PORT || host.isEmpty()) {
      throw new IOException("dial tcp: address " + address + ": invalid host or port");
    }
    return new HostPort(host, port);
  }

  @Override
  public String toString() {
    return (host.indexOf(':') >= 0 ? "[" + host + "]" : host) + ":" + port;
  }
}
