package io.drover.agent.config;

import java.net.Inet4Address;
import java.net.InetAddress;
import java.util.Arrays;
import java.util.Optional;
import java.util.regex.Pattern;

/** A network: the addresses whose first {@code prefixBits} bits are those of {@code network}. */
record Cidr(InetAddress network, int prefixBits) {

  /** Before an IPv4 address that is written as an IPv6 one. */
  private static final int MAPPED_BITS = 96;

  /**
   * What Go takes for a name: IPv4 with more zeros than one in front of a number, which are octal
   * for some, and IPv6 with more than four digits in a row.
   */
  private static final Pattern NO_ADDRESS =
      Pattern.compile("(^|[.:])0\\d+\\.|\\.0\\d+$|[0-9a-f]{5}:|:[0-9a-f]{5}");

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
                // ::ffff:10.0.0.0/104 is 10.0.0.0/8.
                boolean mapped = network instanceof Inet4Address && text.indexOf(':') >= 0;
                int skipped = mapped ? MAPPED_BITS : 0;
                int max = skipped + network.getAddress().length * Byte.SIZE;
                long bits = Numbers.parse(text.substring(slash + 1), max, "not a prefix length");
                return bits < skipped
                    ? Optional.empty()
                    : Optional.of(new Cidr(network, (int) bits - skipped));
              } catch (IllegalArgumentException e) {
                return Optional.empty();
              }
            });
  }

  /** The address if {@code text} is a literal one, without brackets; names are never resolved. */
  static Optional<InetAddress> address(String text) {
    // ofLiteral also takes decimal short forms such as "1" or "10.1", which Go reads as names.
    boolean shape = text.indexOf(':') >= 0 || text.chars().filter(c -> c == '.').count() == 3;
    boolean odd = text.indexOf('%') >= 0 || text.indexOf('[') >= 0;
    if (!shape || odd || NO_ADDRESS.matcher(text).find()) {
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
