package io.drover.agent.config;

import java.net.InetAddress;
import java.util.Arrays;
import java.util.Optional;

/** A network: the addresses whose first {@code prefixBits} bits are those of {@code network}. */
record Cidr(InetAddress network, int prefixBits) {

  /** Reads {@code 10.0.0.0/8} or {@code fd00::/8}; empty if it is something else. */
  static Optional<Cidr> parse(String text) {
    int slash = text.indexOf('/');
    if (slash < 0) {
      return Optional.empty();
    }
    return address(text.substring(0, slash))
        .flatMap(
            network -> {
              try {
                int max = network.getAddress().length * Byte.SIZE;
                long bits = Numbers.parse(text.substring(slash + 1), max, "not a prefix length");
                return Optional.of(new Cidr(network, (int) bits));
              } catch (IllegalArgumentException e) {
                return Optional.empty();
              }
            });
  }

  /** The address if {@code text} is a literal one; names are never resolved. */
  static Optional<InetAddress> address(String text) {
    // ofLiteral also takes decimal short forms such as "1" or "10.1", which Go reads as names.
    boolean shape = text.indexOf(':') >= 0 || text.chars().filter(c -> c == '.').count() == 3;
    if (!shape || text.indexOf('%') >= 0) {
      return Optional.empty();
    }
    try {
      return Optional.of(InetAddress.ofLiteral(text));
    } catch (IllegalArgumentException e) {
      return Optional.empty();
    }
  }

  boolean contains(InetAddress address) {
    byte[] ours = network.getAddress();
    byte[] theirs = address.getAddress();
    if (ours.length != theirs.length) {
      return false;
    }
    int bytes = prefixBits / Byte.SIZE;
    if (!Arrays.equals(ours, 0, bytes, theirs, 0, bytes)) {
      return false;
    }
    int rest = prefixBits % Byte.SIZE;
    return rest == 0 || (ours[bytes] ^ theirs[bytes]) >> (Byte.SIZE - rest) == 0;
  }
}
