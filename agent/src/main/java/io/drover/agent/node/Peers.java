package io.drover.agent.node;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.net.InetSocketAddress;
import java.util.Collection;
import java.util.Comparator;
import java.util.List;
import java.util.zip.CRC32C;

/**
 * Which of the others a node agent looks at: a few, always the same, and each is looked at by about
 * as many, whoever comes and goes (rendezvous hashing). So a mesh of n nodes costs n times a few.
 */
final class Peers {
  /** Enough to tell a node that cannot reach others from one that others cannot reach. */
  static final int MAX = 3;

  private Peers() {}

  static List<InetSocketAddress> of(String node, Collection<InetSocketAddress> others) {
    return others.stream()
        .distinct()
        .sorted(
            Comparator.comparingLong((InetSocketAddress peer) -> weight(node, peer))
                .thenComparing(InetSocketAddress::toString))
        .limit(MAX)
        .toList();
  }

  private static long weight(String node, InetSocketAddress peer) {
    var sum = new CRC32C();
    sum.update(
        (node + " " + peer.getAddress().getHostAddress() + " " + peer.getPort()).getBytes(UTF_8));
    // A checksum of texts that differ in one digit differs in few bits.
    return (sum.getValue() * 0x9E3779B97F4A7C15L) >>> 1;
  }
}
