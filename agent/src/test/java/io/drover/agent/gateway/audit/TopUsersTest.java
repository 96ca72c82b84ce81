package io.drover.agent.gateway.audit;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class TopUsersTest {
  private final TopUsers users = new TopUsers(3);

  @Test
  void firstIsWhoAsksMost() {
    for (int i = 0; i < 5; i++) {
      users.count("b");
      users.count("a");
    }
    users.count("a");
    users.count("c");

    assertThat(users.top(2)).containsExactly(new Reading.User("a", 6), new Reading.User("b", 5));
  }

  @Test
  void whoeverIsNewTakesThePlaceOfTheLeast() {
    for (int i = 0; i < 100; i++) {
      users.count("much");
      users.count("some" + i);
    }
    assertThat(users.top(10)).hasSize(3);
    assertThat(users.top(1)).containsExactly(new Reading.User("much", 100));
  }

  @Test
  void longNamesAreCut() {
    users.count("x".repeat(TopUsers.MAX_NAME + 1));

    assertThat(users.top(1).getFirst().name()).hasSize(TopUsers.MAX_NAME + 1).endsWith("…");
  }
}
