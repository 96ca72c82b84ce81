package io.drover.server.proxy;

import java.io.IOException;

/**
 * Host and port of an API server.
 *
 * @param host without brackets
 */
record Address(String host, int port) {
  /** Reads {@code host:port}; an IPv6 host may come without brackets, as Rancher allows. */
  static Address parse(String text) throws IOException {
    int colon = text.lastIndexOf(':');
    try {
      if (colon > 0) {
        var host = text.substring(0, colon);
        if (host.startsWith("[") && host.endsWith("]")) {
          host = host.substring(1, host.length() - 1);
        }
        int port = Integer.parseInt(text.substring(colon + 1));
        if (port > 0 && port <= 65_535 && !host.isEmpty()) {
          return new Address(host, port);
        }
      }
    } catch (NumberFormatException e) {
      // Said below, as for a missing port.
    }
    throw new IOException("not host:port: " + text);
  }

  @Override
  public String toString() {
    return (host.contains(":") ? "[" + host + "]" : host) + ":" + port;
  }
}
