package io.drover.agent.node;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;

class PeersTest {
  private static List<InetSocketAddress> agents(int count) {
    var agents = new ArrayList<InetSocketAddress>();
    for (int i = 0; i < count; i++) {
      agents.add(new InetSocketAddress("10.42.%d.%d".formatted(i / 250, i % 250 + 1), 8443));
    }
    return agents;
  }

  @Test
  void neverMoreThanAFewAndNobodyIsLeftOut() {
    var agents = agents(500);
    Map<InetSocketAddress, Integer> lookedAt = new HashMap<>();
    for (int i = 0; i < agents.size(); i++) {
      var others = new ArrayList<>(agents);
      others.remove(i);
      var peers = Peers.of("node-" + i, others);
      assertThat(peers).hasSize(Peers.MAX).doesNotHaveDuplicates().doesNotContain(agents.get(i));
      peers.forEach(peer -> lookedAt.merge(peer, 1, Integer::sum));
    }

    // Of 500 drawn three times each, some 5 % are in nobody's sample, and none is in very many.
    assertThat(lookedAt).hasSizeGreaterThan(450);
    assertThat(lookedAt.values()).allMatch(count -> count < 5 * Peers.MAX);
  }

  @Test
  void staysTheSameWhateverTheOrderAndWhoeverElseComes() {
    var agents = agents(10);
    var shuffled = new ArrayList<>(agents);
    Collections.shuffle(shuffled, new Random(1));
    var peers = Peers.of("node", agents);
    assertThat(Peers.of("node", shuffled)).isEqualTo(peers);

    var more = new ArrayList<>(agents(11));
    assertThat(Peers.of("node", more).stream().filter(peers::contains)).hasSizeGreaterThan(1);
  }

  @Test
  void fewAreAllTaken() {
    assertThat(Peers.of("node", agents(2))).hasSize(2);
    assertThat(Peers.of("node", List.of())).isEmpty();
  }
}
